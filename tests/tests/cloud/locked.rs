//! The tools that build the deployed binaries are exactly the locked ones, file by file.
//!
//! Deliberately absent: tools that only tests use. They are pinned by version.

use std::process::{Command, Output};

use tests::place;

use super::sam::run;

/// The packages that build the deployed binaries or define the deployment.
const TOOLS: [&str; 4] = ["aws-sam-cli", "cargo-lambda", "cfn-lint", "ziglang"];

fn read(file: &str) -> String {
    let path = place::root().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The requirements of a file, each with its options on one line.
fn requirements(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    text.lines().filter(|line| line.starts_with(char::is_alphanumeric)).map(str::to_owned).collect()
}

#[test]
fn every_package_that_builds_the_deployed_binary_is_locked_by_hash() {
    let locked = requirements(&read("scripts/sam/requirements.txt"));
    assert!(locked.len() > 50, "{locked:?}");
    for requirement in &locked {
        assert!(requirement.contains("==") && requirement.contains(" --hash=sha256:"), "{requirement}");
    }
    for wanted in requirements(&read("scripts/sam/requirements.in")) {
        assert!(locked.iter().any(|locked| locked.starts_with(&format!("{wanted} "))), "{wanted} is not locked");
    }
    for tool in TOOLS {
        assert!(locked.iter().any(|locked| locked.starts_with(&format!("{tool}=="))), "{tool} is not locked");
    }
}

#[test]
fn the_compiler_is_of_one_exact_version_and_new_enough() {
    let workflows = ["ci", "release"].map(|name| read(&format!(".github/workflows/{name}.yml"))).concat();
    let named = |after: &str| {
        let versions = workflows.split(after).skip(1).map(|rest| rest.split_whitespace().next().unwrap_or_default());
        versions.map(str::to_owned).collect::<Vec<_>>()
    };
    let (installed, used) = (named("rustup toolchain install "), named("rustup default "));
    assert!(installed.len() == 3 && installed == used, "{workflows}");
    assert!(
        installed.iter().all(|version| *version == installed[0]),
        "what is tested and what is released: {installed:?}"
    );
    let version: Vec<u32> = installed[0].split('.').map(|part| part.parse().expect("a number")).collect();
    let least: Vec<u32> =
        env!("CARGO_PKG_RUST_VERSION").split('.').map(|part| part.parse().expect("a number")).collect();
    assert!(version.len() == 3 && version >= least, "{installed:?} is no exact version of {least:?} or later");
}

#[test]
fn the_script_of_sam_installs_nothing_beside_what_is_locked() {
    let script = read("scripts/setup-sam.sh");
    let installs: Vec<_> = script
        .lines()
        .filter(|line| !line.starts_with('#') && (line.contains("python_packages") || line.contains("pip")))
        .collect();
    assert_eq!(installs.len(), 1, "{installs:?}");
    assert!(
        installs[0].contains("scripts/sam/requirements.txt") && installs[0].contains(" --require-hashes"),
        "{installs:?}"
    );
    // The build also follows Cargo.lock with its checksums.
    let build = read("Makefile");
    let build = build.split("\nbuild:").nth(1).expect("a target");
    let (fetch, sam) = (build.find("cargo fetch --locked"), build.find("sam build"));
    assert!(fetch.is_some() && fetch < sam, "{build}");
}

/// Installs a package of a file that this test writes, with the function that installs SAM.
fn install(hash: &str) -> Output {
    let folder = place::scratch();
    let wheel = folder.path().join("own-1-py3-none-any.whl");
    std::fs::write(&wheel, WHEEL).expect("the clone is writable");
    let requirements = folder.path().join("requirements.txt");
    let text = format!("own @ file://{} --hash=sha256:{hash}\n", wheel.display());
    std::fs::write(&requirements, text).expect("the clone is writable");
    let mut command = Command::new("bash");
    let script = place::root().join("scripts/paths.sh");
    command
        .args(["-c", ". \"$1\"; python_packages \"$2\" \"$3\" python3 --require-hashes --only-binary :all:", "bash"])
        .args([script.as_path(), &folder.path().join("venv"), &requirements]);
    run(&mut command)
}

/// An archive without files: a file with a wrong hash is not opened.
const WHEEL: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

#[test]
fn a_file_that_is_not_the_locked_one_is_not_installed() {
    let output = install(&"0".repeat(64));
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("cannot make a virtual environment") {
        place::missing("Python with venv", &said);
        return;
    }
    assert!(!output.status.success() && said.contains("DO NOT MATCH THE HASHES"), "{said}");
}
