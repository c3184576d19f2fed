//! The events of sample files, cut out of their bytes by the framing of the functions.
//!
//! In: files, plain or compressed, in any format that the functions read. Out: the first events of each file. Reading a file
//! ends when enough of its events are known, so the size of a file does not matter.

use std::{cell::Cell, fs, io, io::Read, sync::Arc};

use pipeline::{
    dry_run::{DryRun, Prediction, Rules},
    record::Origin,
    rules::{Dataset, Datasets},
};

use crate::files::{File, named};

/// The largest number of events that are kept of all files, and of their bytes.
const MAX_EVENTS: usize = 10_000;
const MAX_BYTES: usize = 64 << 20;
/// The largest number of bytes that are read of one file, before decompression and after it.
const MAX_READ: u64 = 16 << 20;
const MAX_RAW: u64 = 1 << 30;
/// The largest number of values that are no events.
const MAX_REFUSED: u64 = 10_000;

/// The events of sample files.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// The number of files that were read.
    pub(super) files: usize,
    /// The events, as the rules see them.
    pub(super) events: Vec<Vec<u8>>,
    /// The number of values that are not events.
    pub(super) refused: u64,
    /// The first of these, for a person.
    pub(super) first_refused: Option<String>,
    /// Whether all bytes of all files were read.
    pub(super) is_whole: bool,
    bytes: usize,
}

/// The format in the notation of pipeline.yaml: `records:a.b` is `{ records: a.b }`.
pub(super) fn format(given: &str) -> String {
    match given.strip_prefix("records:") {
        Some(path) => format!("{{ records: {} }}", logstash::yaml::flow(path)),
        None => logstash::yaml::flow(given),
    }
}

/// Reads the files. The format is the one given, else `auto` unless only another one reads every value. Returns the format
/// that pipeline.yaml has to name, if it has to.
///
/// # Errors
/// A file cannot be read, or the given format is none.
pub(super) fn read(files: &[File], given: Option<&str>) -> io::Result<(Sample, Option<String>)> {
    if let Some(given) = given {
        let sample = read_as(files, &format(given), MAX_REFUSED)
            .map_err(|error| io::Error::new(error.kind(), format!("--format {given}: {error}")))?;
        return Ok((sample, Some(format(given)).filter(|format| format != "auto")));
    }
    let sample = read_as(files, "auto", MAX_REFUSED)?;
    if sample.refused > 0 {
        for format in ["ndjson", "array", "concatenated", "records"] {
            let other = read_as(files, format, 1)?;
            if other.refused == 0 && other.events.len() >= sample.events.len().max(1) {
                return Ok((other, Some(format.to_owned())));
            }
        }
    }
    Ok((sample, None))
}

/// Reads until `most_refused` values are no events.
fn read_as(files: &[File], format: &str, most_refused: u64) -> io::Result<Sample> {
    let dataset = dataset(format)?;
    let mut sample = Sample { is_whole: true, ..Sample::default() };
    for file in files {
        if sample.events.len() >= MAX_EVENTS || sample.bytes >= MAX_BYTES || sample.refused >= most_refused {
            sample.is_whole = false;
            break;
        }
        sample.files += 1;
        let most = (MAX_EVENTS / files.len()).max(1);
        sample.read(&dataset, file, most, most_refused).map_err(|error| named(&file.path, &error))?;
    }
    Ok(sample)
}

/// A dataset that wants every event, and changes none.
fn dataset(format: &str) -> io::Result<Arc<Dataset>> {
    let yaml =
        format!("datasets:\n  - name: sample\n    from: {{ key: \"**\" }}\n    format: {format}\n    index: sample\n");
    let datasets = Datasets::parse("sample", &yaml, None).map_err(|error| {
        let messages: Vec<&str> = error.faults.iter().map(|fault| fault.message.as_str()).collect();
        io::Error::other(messages.join("; "))
    })?;
    datasets.by_name("sample").cloned().ok_or_else(|| io::Error::other("no dataset"))
}

impl Sample {
    /// Adds at most `most` events of a file.
    fn read(&mut self, dataset: &Dataset, file: &File, most: usize, most_refused: u64) -> io::Result<()> {
        let is_enough = Cell::new(false);
        let reader = Enough { reader: fs::File::open(&file.path)?, left: MAX_READ, is_full: &is_enough };
        let last = self.events.len() + most;
        let origin = Origin::s3("sample", &file.key, "sample");
        let read = DryRun::new(Rules::Dataset(dataset)).read(reader, &origin, 0, |offset, event, fate| {
            if is_enough.get() {
                return;
            }
            if let Prediction::Failed { error_type, reason, .. } = fate {
                self.refused += 1;
                self.first_refused
                    .get_or_insert_with(|| format!("{} @{offset}: {error_type}, {reason}", file.path.display()));
            } else {
                self.bytes += event.len();
                self.events.push(event.to_vec());
            }
            let is_full = self.events.len() >= last || self.bytes >= MAX_BYTES;
            is_enough.set(is_full || self.refused >= most_refused || offset >= MAX_RAW);
        });
        self.is_whole &= !is_enough.get();
        if is_enough.get() { Ok(()) } else { read }
    }
}

/// A reader that fails when enough was read. Framing takes an early end for a cut object, but never an error.
struct Enough<'e, R> {
    reader: R,
    left: u64,
    is_full: &'e Cell<bool>,
}

impl<R: Read> Read for Enough<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            self.is_full.set(true);
        }
        if self.is_full.get() {
            return Err(io::Error::other("enough was read"));
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.reader.read(&mut buffer[..most])?;
        self.left -= read as u64;
        Ok(read)
    }
}
