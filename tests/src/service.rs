//! A process that ends with the test process, even if that is killed.
//!
//! In: a script in scripts/ that has the commands `build` and `run`. Out: the port, from its line `… READY port`. The
//! process reads its standard input to the end. The test process holds the other end of the pipe. When the test process
//! dies, even by kill -9, the kernel closes the pipe. Deliberately absent: ports that are chosen in advance.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::place;

/// A running process. Dropping it ends the process.
#[derive(Debug)]
pub struct Service {
    child: Child,
    stdin: Option<ChildStdin>,
    port: u16,
}

impl Service {
    /// Installs missing parts with `script build`, then starts `script run args…`.
    ///
    /// # Errors
    /// The script's message, if the installation failed.
    ///
    /// # Panics
    /// If it was installed but does not start.
    pub fn start(script: &str, args: &[String], env: &[(&str, &str)]) -> Result<Self, String> {
        let script = place::root().join("scripts").join(script);
        let build = Command::new("bash")
            .arg(&script)
            .arg("build")
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("bash does not start: {error}"))?;
        if !build.status.success() {
            return Err(String::from_utf8_lossy(&build.stderr).into_owned());
        }
        Ok(Self::spawn(Command::new("bash").arg(script).arg("run").args(args).envs(env.iter().copied())))
    }

    /// Starts a command that prints `… READY port`.
    ///
    /// # Panics
    /// If it ends before that line.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let stdin = child.stdin.take();
        let mut out = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut said = String::new();
        let port = loop {
            let mut line = String::new();
            assert!(out.read_line(&mut line).is_ok_and(|n| n > 0), "{command:?} ended before it was ready:\n{said}");
            if let Some((_, port)) = line.trim_end().split_once(" READY ") {
                break port.parse().expect("a port follows READY");
            }
            said.push_str(&line);
        };
        // The output must be read: a full pipe would stop the process.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Self { child, stdin, port }
    }

    /// Its URL, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // An error means that the process has already ended.
        let _ = self.child.wait();
    }
}
