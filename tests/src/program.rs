//! The program `millrace` with the environment of a deployment, for the subcommands that inspect one.
//!
//! Out: exit code and both outputs. Deliberately absent: this process's own environment.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::{moto::REGION, place, scene::Scene};

/// The environment of the program.
#[derive(Debug, Clone)]
pub struct Program {
    env: Vec<(String, String)>,
}

/// The output of a run.
#[derive(Debug)]
pub struct Finished {
    /// The exit code.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}{}", self.stdout, self.stderr))
    }
}

impl Program {
    /// The environment of a scene's functions, with this domain.
    pub fn of(scene: &Scene<'_>, domain: &str) -> Self {
        let credentials = &scene.moto.credentials;
        let env = [
            ("PATH", std::env::var("PATH").unwrap_or_default()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key().to_owned()),
            ("AWS_ENDPOINT_URL", scene.moto.url()),
            ("MILLRACE_DOMAIN_ENDPOINT", domain.to_owned()),
            ("MILLRACE_DOMAIN_AUTH", "none".to_owned()),
            ("MILLRACE_PIPELINE", scene.pipeline.display().to_string()),
            ("MILLRACE_DEAD_LETTERS", format!("s3://dead-{}/letters", scene.prefix)),
            ("MILLRACE_QUEUE_URL", scene.queue.url.clone()),
        ];
        Self { env: env.map(|(name, value)| (name.to_owned(), value)).into() }
    }

    /// The same with more variables.
    #[must_use]
    pub fn with(mut self, more: &[(&str, &str)]) -> Self {
        for (name, value) in more {
            self.env.retain(|(set, _)| set != name);
            self.env.push(((*name).to_owned(), (*value).to_owned()));
        }
        self
    }

    /// Runs `millrace` with these arguments.
    pub async fn run(&self, arguments: &[&str]) -> Finished {
        self.run_with(arguments, b"").await
    }

    /// The same with this standard input.
    pub async fn run_with(&self, arguments: &[&str], stdin: &[u8]) -> Finished {
        let mut command = tokio::process::Command::new(place::program());
        command.args(arguments).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut input = child.stdin.take().expect("it was piped");
        input.write_all(stdin).await.expect("the program reads");
        drop(input);
        let Output { status, stdout, stderr } = child.wait_with_output().await.expect("the program ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Finished { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}
