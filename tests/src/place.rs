//! Where files are, how large the tests are, and the report of a missing component.
//!
//! Deliberately absent: installing. The scripts in scripts/ do that. `make` calls them, and so does
//! [`crate::service::Service::start`], for developers who run only `cargo test`.

use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_owned()
}

/// A new folder in the clone's `.cache/run`, which git ignores. Dropping the value removes the folder.
pub fn scratch() -> tempfile::TempDir {
    let run = root().join(".cache/run");
    std::fs::create_dir_all(&run).expect("the clone is writable");
    tempfile::tempdir_in(run).expect("the clone is writable")
}

/// The binary of a function: in `MILLRACE_FUNCTIONS` (`make` sets it), or else where `cargo build --release` puts it.
///
/// # Panics
/// If it was not built.
pub fn function(name: &str) -> PathBuf {
    let folder = std::env::var_os("MILLRACE_FUNCTIONS").map_or_else(
        || std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("release"),
        PathBuf::from,
    );
    let binary = folder.join(name);
    assert!(binary.is_file(), "{} is missing: cargo build --release -p {name}", binary.display());
    binary
}

/// The program `millrace`, next to the test binaries, where `cargo test --workspace` puts it.
///
/// # Panics
/// If it was not built.
pub fn program() -> PathBuf {
    let own = std::env::current_exe().expect("a test binary lies somewhere");
    let folder = own.parent().and_then(Path::parent).expect("test binaries lie in target/PROFILE/deps");
    let binary = folder.join("millrace");
    assert!(binary.is_file(), "{} is missing: cargo build -p millrace", binary.display());
    binary
}

/// A folder of tests/data.
pub fn data(folder: &str) -> PathBuf {
    root().join("tests/data").join(folder)
}

/// A folder of ../shared, which is outside the repository, next to the clone. A worktree may be one level deeper.
pub fn shared(folder: &str) -> Option<PathBuf> {
    ["../shared", "../../shared"].into_iter().map(|shared| root().join(shared).join(folder)).find(|path| path.is_dir())
}

/// The number of events of the large scenarios: `MILLRACE_EVENTS`, or else the default of the test binary.
pub fn event_count(default: u64) -> u64 {
    std::env::var("MILLRACE_EVENTS").map_or(default, |count| count.parse().expect("MILLRACE_EVENTS is a number"))
}

/// The seed of a test: `MILLRACE_SEED`, or else a new one. It is printed, so that a failure can be reproduced.
pub fn seed(test: &str) -> u64 {
    let seed = std::env::var("MILLRACE_SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("MILLRACE_SEED is a number"));
    println!("{test}: MILLRACE_SEED={seed}");
    seed
}

/// Reports that a component is missing, and which test does not run because of it. With CI=true this is a failure.
/// Otherwise it adds a line to .cache/not-run.txt, which `make test` prints at the end.
///
/// # Panics
/// With CI=true.
pub fn missing(component: &str, why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{}", not_run(component, why));
    without(component, why);
}

/// As [`missing`], for a component that no script can install. It is no failure with CI=true.
pub fn without(component: &str, why: &str) {
    let line = not_run(component, why);
    println!("{line}");
    append("not-run.txt", &line);
}

fn not_run(component: &str, why: &str) -> String {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    format!("{test}: not run, {component} is missing: {}", why.trim().replace('\n', " | "))
}

/// Prints one measured figure in the format of docs/PERFORMANCE.md, and adds it to .cache/figures.txt. The file is
/// needed because the test runner writes its own output into the same lines.
pub fn figure(scenario: &str, what: &str, value: impl std::fmt::Display) {
    let line = format!("| {scenario} | {what} | {value} |");
    println!("figure {line}");
    append("figures.txt", &line);
}

fn append(file: &str, line: &str) {
    let cache = root().join(".cache");
    std::fs::create_dir_all(&cache).expect("the clone is writable");
    let file = std::fs::OpenOptions::new().create(true).append(true).open(cache.join(file));
    writeln!(file.expect("the clone is writable"), "{line}").expect("the clone is writable");
}

/// Runs a test on the one runtime of the test binary.
///
/// `#[tokio::test]` would not work: all tests share the connections of the engine and the emulator, and a connection
/// closes with the runtime that opened it.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads can be had")
    });
    RUNTIME.block_on(test)
}
