//! SAM's command line: installing it, calling it, and the functions that it builds.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use tests::place;

/// This machine's architecture, in Lambda's name for it. Only its binaries can run here. The template's default is
/// arm64.
pub(crate) const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

/// Installs SAM if it is missing; `false` after [`place::missing`] has reported why it cannot be installed.
pub(crate) fn installed() -> bool {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    component("the SAM CLI", INSTALLED.get_or_init(|| script("setup-sam.sh", &[]).map(drop)))
}

/// The environment of a container engine that has the Lambda image: `DOCKER_HOST`, and `MILLRACE_HOST_ADDRESS`, at
/// which containers reach this machine. `None` after [`place::missing`] has reported why there is none.
pub(crate) fn engine() -> Option<&'static [(String, String)]> {
    static ENGINE: OnceLock<Result<Vec<(String, String)>, String>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| {
        script("docker.sh", &["start"])?;
        script("setup-image.sh", &[ARCHITECTURE])?;
        let env = script("docker.sh", &["env"])?;
        Ok(env.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect())
    });
    component("a container engine", engine).then(|| engine.as_deref().expect("it is there"))
}

/// Installs checkov, if it is missing, in a separate virtual environment; `None` after [`place::missing`] has reported
/// why it cannot be installed.
pub(crate) fn checkov() -> Option<Command> {
    static CHECKOV: OnceLock<Result<(), String>> = OnceLock::new();
    let state = CHECKOV.get_or_init(|| script("setup-checkov.sh", &[]).map(drop));
    component("checkov", state).then(|| {
        let mut command = Command::new(place::root().join(".cache/checkov-venv/bin/checkov"));
        command.current_dir(place::root());
        command
    })
}

pub(crate) fn component<T>(name: &str, state: &Result<T, String>) -> bool {
    state.as_ref().map_err(|why| place::missing(name, why)).is_ok()
}

/// Runs a script of scripts/. Returns its output, or its error message.
pub(crate) fn script(name: &str, args: &[&str]) -> Result<String, String> {
    let mut command = Command::new("bash");
    command.arg(place::root().join("scripts").join(name)).args(args);
    let output = run(&mut command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// A command for a program of SAM's virtual environment, in the clone's folder.
pub(crate) fn tool(program: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let bin = place::root().join(".cache/sam-venv/bin");
    #[expect(clippy::disallowed_methods, reason = "SAM finds cargo-lambda by PATH")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin.clone()).chain(std::env::split_paths(&path)));
    let mut command = Command::new(bin.join(program));
    command
        .args(args)
        .current_dir(place::root())
        .env("PATH", path.expect("no folder of PATH has a colon"))
        .env("AWS_DEFAULT_REGION", tests::moto::REGION)
        .env("SAM_CLI_TELEMETRY", "0")
        // As in `make functions`, so that the same build serves both.
        .env("MILLRACE_IGZIP", "optional");
    // Removes cargo's variables about the test's package. Build scripts would see them as a change, and compile again.
    #[expect(clippy::disallowed_methods, reason = "cargo gives its tests variables that SAM's cargo must not see")]
    for (name, _) in std::env::vars_os() {
        if ["CARGO_MANIFEST_", "CARGO_PKG_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Runs a command that must succeed. Returns its output.
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout
}

/// The folders of the built functions and of the layer, and the template that names them.
#[derive(Debug)]
pub(crate) struct Built {
    folder: PathBuf,
}

impl Built {
    /// Runs `sam build`, once for all tests; `None` if SAM cannot be installed.
    pub(crate) fn get() -> Option<&'static Self> {
        static BUILT: OnceLock<Built> = OnceLock::new();
        installed().then(|| {
            BUILT.get_or_init(|| {
                let folder = place::root().join(".cache/sam-build");
                let architecture = format!("Architecture={ARCHITECTURE}");
                let args =
                    ["build", "--build-dir", &folder.display().to_string(), "--parameter-overrides", &architecture];
                let started = std::time::Instant::now();
                succeed(&mut tool("sam", args));
                place::figure("sam build", "seconds", started.elapsed().as_secs());
                Self { folder }
            })
        })
    }

    pub(crate) fn template(&self) -> PathBuf {
        self.folder.join("template.yaml")
    }

    pub(crate) fn function(&self, logical_id: &str) -> PathBuf {
        self.folder.join(logical_id)
    }

    pub(crate) fn layer(&self) -> PathBuf {
        self.folder.join("PipelineLayer")
    }
}

/// The file names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
