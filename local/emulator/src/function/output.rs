//! The output of the processes of a function, and the receipts in it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tempfile::NamedTempFile;

/// The lines of a function whose `message` is `receipt`.
pub fn receipts(lines: &[String]) -> Vec<serde_json::Value> {
    lines
        .iter()
        .filter(|line| line.contains("receipt"))
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|line| line["message"] == "receipt")
        .collect()
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

    pub(super) fn writer(&self) -> io::Result<File> {
        self.log().writer()
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
