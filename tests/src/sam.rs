//! SAM's virtual environment: installing it, and the programs in it.
//!
//! In: the arguments of a program. Out: its output. Deliberately absent: `sam build` and containers, which only the tests of the
//! deployment use.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::{engine::json, moto, place};

/// This machine's architecture, in Lambda's name for it. Only its binaries can run here. The template's default is
/// arm64.
pub const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

/// Installs SAM if it is missing; `false` after [`place::missing`] has reported why it cannot be installed.
pub fn installed() -> bool {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    component("the SAM CLI", INSTALLED.get_or_init(|| script("setup-sam.sh", &[]).map(drop)))
}

/// Whether a component is there; `false` after [`place::missing`] has reported why it is not.
pub fn component<T>(name: &str, state: &Result<T, String>) -> bool {
    state.as_ref().map_err(|why| place::missing(name, why)).is_ok()
}

/// Runs a script of scripts/. Returns its output.
///
/// # Errors
/// The script's error message.
pub fn script(name: &str, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("bash");
    command.arg(place::root().join("scripts").join(name)).args(args);
    let output = run(&mut command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// A command for a program of SAM's virtual environment, in the clone's folder.
pub fn tool(program: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let bin = place::root().join(".cache/sam-venv/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin.clone()).chain(std::env::split_paths(&path)));
    let mut command = Command::new(bin.join(program));
    command
        .args(args)
        .current_dir(place::root())
        .env("PATH", path.expect("no folder of PATH has a colon"))
        .env("AWS_DEFAULT_REGION", moto::REGION)
        .env("SAM_CLI_TELEMETRY", "0")
        // As in `make functions`, so that the same build serves both.
        .env("MILLRACE_IGZIP", "optional");
    // Removes cargo's variables about the test's package. Build scripts would see them as a change, and compile again.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a command that must succeed. Returns its output.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout
}

/// The `CloudFormation` template that SAM makes from a template. Relative paths begin in the clone.
pub fn translated(template: &Path) -> Value {
    json(&succeed(&mut tool("python", [Path::new("scripts/sam_translate.py"), template])))
}

/// The file names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
