//! SAM's command line: the functions that it builds, and the container engine that runs them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use tests::place;
pub(crate) use tests::sam::{ARCHITECTURE, component, installed, names, run, script, succeed, tool};

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
