//! One deployed binary as a child process: events go in, answers come out. Its output and its resource use are
//! recorded.
//!
//! As on Lambda the process starts before the first event, stays alive between events, is killed when it exceeds its
//! timeout, and is restarted for the next event after it died. Deliberately absent: the freeze between invocations, and
//! the memory limit.

mod output;
mod usage;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::process::{Child, Command};

use self::usage::Usage;
use crate::runtime::{RuntimeApi, request_id};

pub use self::output::{Output, receipts};
pub use crate::runtime::{Answer, NoResponse};

/// Lambda allows 10 s for the start of a function. A busy developer machine may need more.
const INIT_TIMEOUT: Duration = Duration::from_secs(30);
/// The time from the deadline until the function is killed. Lambda kills at the deadline. One extra second lets tests
/// tell a function that stops late from one that does not stop.
const GRACE: Duration = Duration::from_secs(1);

/// A function: its binary, its environment, and its current process.
#[derive(Debug)]
pub struct Function {
    binary: PathBuf,
    environment: Vec<(String, String)>,
    process: Option<Process>,
    output: Output,
    /// The resources of ended processes.
    ended: Usage,
    front: Option<Front>,
}

/// A server that stands between the process and its runtime API, such as one that fails on purpose.
#[derive(Debug, Clone)]
pub struct Front {
    /// The address of that server.
    pub address: SocketAddr,
    /// The address of the runtime API of the current process. It is set before the process starts.
    pub target: Arc<Mutex<Option<SocketAddr>>>,
}

#[derive(Debug)]
struct Process {
    child: Child,
    api: RuntimeApi,
}

impl Function {
    /// Starts the binary with a clean environment: `PATH`, `env`, and the variables that Lambda sets.
    ///
    /// # Errors
    /// The binary can't be started, or no port is free.
    pub async fn start(binary: &Path, env: &[(&str, String)]) -> io::Result<Self> {
        Self::start_behind(binary, env, None).await
    }

    /// Like [`Self::start`], with a server in front of the runtime API.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_behind(binary: &Path, env: &[(&str, String)], front: Option<Front>) -> io::Result<Self> {
        let mut environment: Vec<_> = env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let name = binary.file_name().map_or_else(|| "function".into(), |name| name.to_string_lossy().into_owned());
        for (key, value) in [
            ("AWS_LAMBDA_FUNCTION_NAME", name.as_str()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/local"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
        ] {
            if !environment.iter().any(|(set, _)| set == key) {
                environment.push((key.to_owned(), value.to_owned()));
            }
        }
        let output = Output::new()?;
        let (binary, ended) = (binary.to_owned(), Usage::default());
        let mut function = Self { binary, environment, process: None, output, ended, front };
        function.spawn().await?;
        Ok(function)
    }

    /// Sends one event to the function and waits for its answer.
    ///
    /// The event is JSON: a value, or its text. `timeout` determines `Lambda-Runtime-Deadline-Ms` when the process takes
    /// the event. The process is killed one second after that deadline. The next call restarts a process that has ended.
    ///
    /// # Errors
    /// The binary can't be restarted, or the state of the process can't be read.
    pub async fn invoke(&mut self, event: &impl ToString, timeout: Duration) -> io::Result<Answer> {
        self.invoke_as(&request_id(), event, timeout).await
    }

    /// Like [`Self::invoke`], with a given request id: Lambda retries an asynchronous invocation under the same id.
    ///
    /// # Errors
    /// As [`Self::invoke`].
    pub async fn invoke_as(
        &mut self,
        request_id: &str,
        event: &impl ToString,
        timeout: Duration,
    ) -> io::Result<Answer> {
        if let Some(process) = &mut self.process
            && process.child.try_wait()?.is_some()
        {
            let report = process.api.take_init_error();
            self.process = None;
            if let Some(report) = report {
                return Ok(report);
            }
        }
        if self.process.is_none() {
            self.spawn().await?;
        }
        let Some(process) = &mut self.process else { return Ok(Answer::Exited) };
        let mut invoked = process.api.invoke(request_id, Bytes::from(event.to_string()), timeout);
        let mut limit = INIT_TIMEOUT;
        let mut taken = false;
        loop {
            tokio::select! {
                // The order matters: an answer counts even if the process ended right after it.
                biased;
                Ok(answer) = &mut invoked.answered => return Ok(answer),
                Ok(()) = &mut invoked.taken, if !taken => {
                    taken = true;
                    limit = timeout + GRACE;
                }
                status = process.child.wait() => {
                    let status = status?;
                    let report = process.api.take_init_error();
                    self.process = None;
                    // It exited before it took an event: it can't start. The reason may only be in its output.
                    let cannot_start = !taken && status.code().is_some();
                    return Ok(match report {
                        Some(report) => report,
                        None if cannot_start => Answer::InitError {
                            error_type: "Runtime.ExitError".into(),
                            message: status.to_string(),
                        },
                        None => Answer::Exited,
                    });
                }
                () = tokio::time::sleep(limit) => {
                    let report = process.api.take_init_error();
                    self.kill().await;
                    return Ok(report.unwrap_or(Answer::TimedOut));
                }
            }
        }
    }

    /// The process id, if a process runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(|process| process.child.id())
    }

    /// Kills the process with SIGKILL and waits for its end. The next [`Self::invoke`] restarts it.
    pub async fn kill(&mut self) {
        self.ended = self.used();
        if let Some(mut process) = self.process.take()
            && let Err(error) = process.child.kill().await
        {
            tracing::warn!(%error, "process not killed");
        }
    }

    /// The output of its processes, readable during an invocation too.
    pub fn output(&self) -> Output {
        self.output.clone()
    }

    /// The lines that all its processes have printed so far to stdout and stderr, without their newlines.
    pub fn lines(&self) -> Vec<String> {
        self.output.lines_from(0)
    }

    /// The number of lines so far. Pass it to [`Self::lines_from`] to get the later lines.
    pub fn line_count(&self) -> usize {
        self.output.line_count()
    }

    /// The lines of [`Self::lines`] from this index on.
    pub fn lines_from(&self, first: usize) -> Vec<String> {
        self.output.lines_from(first)
    }

    /// The lines whose `message` is `receipt`.
    pub fn receipts(&self) -> Vec<serde_json::Value> {
        receipts(&self.lines())
    }

    /// CPU time of all its processes so far, in seconds; user and system, all threads.
    pub fn cpu_seconds(&self) -> f64 {
        self.used().cpu_seconds
    }

    /// The greatest resident memory that any of its processes had, in bytes (`VmHWM`).
    pub fn peak_memory_bytes(&self) -> u64 {
        self.used().peak_memory_bytes
    }

    async fn spawn(&mut self) -> io::Result<()> {
        let api = RuntimeApi::start().await?;
        let mut address = api.address();
        if let Some(front) = &self.front {
            *front.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(address);
            address = front.address;
        }
        let output = self.output.writer()?;
        #[expect(clippy::disallowed_methods, reason = "the one variable that a process of ours inherits")]
        let path = std::env::var_os("PATH");
        let child = Command::new(&self.binary)
            .env_clear()
            .envs(path.map(|path| ("PATH", path)))
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .stdin(Stdio::null())
            .stderr(output.try_clone()?)
            .stdout(output)
            .kill_on_drop(true)
            .spawn()?;
        self.process = Some(Process { child, api });
        Ok(())
    }

    fn used(&self) -> Usage {
        self.pid().map_or(self.ended, |pid| self.ended.and(pid))
    }
}
