//! The dependencies between the packages, as ARCHITECTURE.md draws them. A wrong dependency fails here.

#[path = "packages/cycles.rs"]
mod cycles;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;
use tests::{engine::json as parse, place};

/// The packages of this workspace that each package may depend on. A function has no others.
const ARROWS: [(&str, &[&str]); 8] = [
    ("gzip", &[]),
    ("pipeline", &[]),
    ("delivery", &["gzip", "pipeline"]),
    ("operations", &["delivery", "pipeline"]),
    ("emulator", &["pipeline"]),
    ("logstash", &["pipeline"]),
    ("millrace", &["delivery", "emulator", "logstash", "operations", "pipeline"]),
    ("tests", &["delivery", "emulator", "gzip", "operations"]),
];
/// The other dependencies that a function may have.
const OF_A_FUNCTION: [&str; 2] = ["lambda_runtime", "tokio"];
const LINES_OF_A_FUNCTION: usize = 60;

#[test]
fn the_pipeline_and_the_translation_reach_no_runtime_no_network_and_no_aws() {
    let is_impure = |name: &&String| {
        ["tokio", "hyper", "reqwest", "rustls", "lambda_runtime", "tracing"].contains(&name.as_str())
            || name.starts_with("aws-")
            || name.starts_with("aws_")
    };
    for package in ["pipeline", "logstash"] {
        let reached = tree(package);
        assert!(reached.contains("simd-json"), "cargo tree lists it: {reached:?}");
        assert_eq!(reached.iter().filter(is_impure).collect::<Vec<_>>(), Vec::<&String>::new(), "{package}");
    }
}

#[test]
fn packages_depend_on_each_other_as_the_architecture_says() {
    let named = named();
    let ours: BTreeSet<&str> = named.keys().map(String::as_str).collect();
    for (package, names) in &named {
        let own: Vec<&str> = names.iter().map(String::as_str).filter(|name| ours.contains(name)).collect();
        if let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == package) {
            assert!(own.iter().all(|name| allowed.contains(name)), "{package} names {own:?}");
            continue;
        }
        let others = names.iter().filter(|name| !ours.contains(name.as_str()));
        let foreign: Vec<_> = others.filter(|name| !OF_A_FUNCTION.contains(&name.as_str())).collect();
        assert!(own.iter().all(|name| ["delivery", "operations"].contains(name)), "{package} names {own:?}");
        assert!(foreign.is_empty(), "{package} names {foreign:?}");
    }
}

#[test]
fn a_function_is_one_short_file() {
    let folder = place::root().join("functions");
    let is_function = |name: &String| folder.join(name).join("Cargo.toml").exists();
    let entries = std::fs::read_dir(&folder).expect("the functions").flatten();
    let functions: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(is_function).collect();
    assert!(functions.len() >= 8, "{functions:?}");
    for function in functions {
        let source = folder.join(&function).join("src");
        assert_eq!(std::fs::read_dir(&source).expect("its source").count(), 1, "{function} has other files");
        let text = std::fs::read_to_string(source.join("main.rs")).expect("main.rs");
        assert!(text.lines().count() <= LINES_OF_A_FUNCTION, "{function} has {} lines", text.lines().count());
    }
}

/// The packages that a package depends on, directly or not, without those of its tests and build scripts.
fn tree(package: &str) -> BTreeSet<String> {
    let text = cargo(&["tree", "--offline", "--edges", "normal", "--prefix", "none", "--format", "{p}", "-p", package]);
    text.lines().filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
}

/// The packages that each package names in `[dependencies]`.
fn named() -> BTreeMap<String, Vec<String>> {
    let metadata = parse(&cargo(&["metadata", "--offline", "--no-deps", "--format-version", "1"]));
    let packages = metadata["packages"].as_array().expect("packages");
    let names = |package: &Value| {
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let normal = dependencies.filter(|dependency| dependency["kind"].is_null());
        normal.filter_map(|dependency| dependency["name"].as_str().map(str::to_owned)).collect()
    };
    packages.iter().map(|package| (package["name"].as_str().unwrap_or_default().to_owned(), names(package))).collect()
}

fn cargo(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO"));
    // With one set of features for the whole workspace, every package's tree would be the tree of all packages.
    command.args(arguments).current_dir(place::root()).env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION");
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
