//! One deployed binary as a child process: events go in, answers come out. Its output and its resource use are
//! recorded.
//!
//! As on Lambda the process starts before the first event, stays alive between events, is killed when it exceeds its
//! timeout, and is restarted for the next event after it died. Deliberately absent: the freeze between invocations, and
//! the memory limit.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};

pub use crate::runtime::Answer;
use crate::runtime::{RuntimeApi, request_id};

/// Lambda allows 10 s for the start of a function. A busy developer machine may need more.
const INIT_TIMEOUT: Duration = Duration::from_secs(30);
/// The time from the deadline until the function is killed. Lambda kills at the deadline. One extra second lets tests
/// tell a function that stops late from one that does not stop.
const GRACE: Duration = Duration::from_secs(1);
/// The unit of `utime` and `stime` in /proc/PID/stat. Linux has shown 100 ticks per second to user space on every
/// architecture since 2.6.
const TICKS_PER_SECOND: f64 = 100.0;

/// A function: its binary, its environment, and its current process.
#[derive(Debug)]
pub struct Function {
    binary: PathBuf,
    environment: Vec<(String, String)>,
    process: Option<Process>,
    output: Output,
    spent: Spent,
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

/// Resources that ended processes used.
#[derive(Debug, Default, Clone, Copy)]
struct Spent {
    cpu_seconds: f64,
    peak_memory_bytes: u64,
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
        let (binary, spent) = (binary.to_owned(), Spent::default());
        let mut function = Self { binary, environment, process: None, output, spent, front };
        function.spawn().await?;
        Ok(function)
    }

    /// Sends one event to the function and waits for its answer.
    ///
    /// `timeout` determines `Lambda-Runtime-Deadline-Ms` when the process takes the event. The process is killed one
    /// second after that deadline. The next call restarts a process that has ended.
    ///
    /// # Errors
    /// The binary can't be restarted, or the state of the process can't be read.
    pub async fn invoke(&mut self, event: &serde_json::Value, timeout: Duration) -> io::Result<Answer> {
        self.invoke_as(&request_id(), event, timeout).await
    }

    /// Like [`Self::invoke`], with a given request id: Lambda retries an asynchronous invocation under the same id.
    ///
    /// # Errors
    /// As [`Self::invoke`].
    pub async fn invoke_as(
        &mut self,
        request_id: &str,
        event: &serde_json::Value,
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
        self.spent = self.used();
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
        let output = self.output.log().writer()?;
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

    fn used(&self) -> Spent {
        let Some(pid) = self.pid() else { return self.spent };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        Spent {
            cpu_seconds: self.spent.cpu_seconds + cpu_ticks(&stat).unwrap_or(0) as f64 / TICKS_PER_SECOND,
            peak_memory_bytes: self.spent.peak_memory_bytes.max(peak_kib(&status).unwrap_or(0) * 1024),
        }
    }
}

/// The lines of a function whose `message` is `receipt`.
pub fn receipts(lines: &[String]) -> Vec<serde_json::Value> {
    lines
        .iter()
        .filter(|line| line.contains("receipt"))
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|line| line["message"] == "receipt")
        .collect()
}

/// `utime` + `stime` of a /proc/PID/stat. The name in parentheses may itself contain spaces and parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11).map(str::parse::<u64>);
    Some(fields.next()?.ok()? + fields.next()?.ok()?)
}

/// `VmHWM` of a /proc/PID/status.
fn peak_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// The output of the processes of a function.
#[derive(Debug, Clone)]
pub struct Output(Arc<Mutex<Log>>);

impl Output {
    /// An output without lines.
    ///
    /// # Errors
    /// The file for the lines can't be made.
    pub fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(Log::new()?))))
    }

    /// The number of lines so far.
    pub fn line_count(&self) -> usize {
        let mut log = self.log();
        log.read();
        log.lines.len()
    }

    /// The lines from this index on.
    pub fn lines_from(&self, first: usize) -> Vec<String> {
        let mut log = self.log();
        log.read();
        log.lines.get(first..).unwrap_or_default().to_vec()
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Output of the processes, in a file. Output written before an answer is then in the file when the answer arrives. A
/// pipe with a reader task could not guarantee that.
#[derive(Debug)]
struct Log {
    file: NamedTempFile,
    reader: File,
    unfinished: Vec<u8>,
    lines: Vec<String>,
}

impl Log {
    fn new() -> io::Result<Self> {
        let file = NamedTempFile::new()?;
        let reader = file.reopen()?;
        Ok(Self { file, reader, unfinished: Vec::new(), lines: Vec::new() })
    }

    fn writer(&self) -> io::Result<File> {
        OpenOptions::new().append(true).open(self.file.path())
    }

    /// Reads the new output since the last call.
    fn read(&mut self) {
        if let Err(error) = self.reader.read_to_end(&mut self.unfinished) {
            tracing::warn!(%error, "output of the function not read");
        }
        let Some(end) = self.unfinished.iter().rposition(|&byte| byte == b'\n') else { return };
        let rest = self.unfinished.split_off(end + 1);
        let whole = std::mem::replace(&mut self.unfinished, rest);
        self.lines.extend(String::from_utf8_lossy(&whole).lines().map(str::to_owned));
    }
}
