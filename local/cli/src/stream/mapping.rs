//! Delivers the records of files to the function, as Lambda's event source mapping does, until all are settled.
//!
//! Records that an answer leaves are redelivered, and so is a batch whose invocation failed. If several tries in a row
//! settle nothing, the stream stops, and the later records are not delivered at all. Each batch has records of one file
//! only, so that its receipt shows the fates of that file. Deliberately absent: bisecting (only the domain makes a
//! batch fail), and several batches at a time, so that receipts come in order.

use std::{io, time::Duration};

use emulator::function::{self, Answer};
use pipeline::outcome::Outcome;
use serde::Deserialize;
use serde_json::Value;

use super::{
    MAX_EVENT_BYTES, NotSent,
    batch::{Batches, Limits},
    cut::{Record, RecordIs},
    kafka::{self, Topic},
    kinesis::{self, Stream},
    put::Put,
};
use crate::{
    machine::Machine,
    progress::{EVENT_FATES, Progress},
    reasons::Reasons,
};

/// The number of tries without a settled record, after which a batch is given up. In a deployment it would be
/// redelivered until it is settled.
const MAX_TRIES: u32 = 3;
/// The pause before a batch is redelivered, times the number of its tries.
const PAUSE: Duration = Duration::from_millis(500);
/// The largest number of bytes of an event outside its records.
const EVENT_OVERHEAD: usize = 4096;
/// The largest number of bytes of a record in an event, without its data and the key of its file.
const RECORD_OVERHEAD: usize = 1024;

/// The source of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A stream.
    Kinesis(Stream),
    /// A topic.
    Kafka(Topic),
}

/// The options of the mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingOptions {
    /// The unit of a record.
    pub record: RecordIs,
    /// The largest number of records in a batch.
    pub batch_records: usize,
    /// The timeout of one invocation.
    pub timeout: Duration,
}

/// The result of a delivery.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// All receipts, in order, each with the key of its file.
    pub receipts: Vec<(String, Value)>,
    /// The reason why the stream stopped, if it did.
    pub given_up: Option<String>,
    /// The records and files that were not delivered to the function.
    pub not_sent: NotSent,
    /// The number of delivered records, each counted once.
    pub records: u64,
    /// Whether the receipts of each answered invocation count as many records as its event had.
    pub receipts_name_all_records: bool,
    /// The number of invocations.
    pub invocations: u64,
}

impl Source {
    /// The bytes of the largest record.
    pub fn max_record_bytes(&self) -> usize {
        match self {
            Self::Kinesis(_) => kinesis::MAX_RECORD_BYTES,
            Self::Kafka(_) => kafka::MAX_RECORD_BYTES,
        }
    }

    /// The file and the line of a record, from the position in a dead letter.
    pub fn origin<'p>(&self, position: &Value, files: &'p [Put]) -> Option<(&'p Put, u64)> {
        let (place, number) = match self {
            Self::Kinesis(stream) => stream.place(position)?,
            Self::Kafka(topic) => topic.place(position)?,
        };
        let known = |put: &&Put| match self {
            Self::Kinesis(_) => put.place == place,
            Self::Kafka(_) => kafka::rough(put.place) == place,
        };
        Some((files.iter().find(known)?, number))
    }

    fn event(&self, put: &Put, records: &[Record]) -> Value {
        match self {
            Self::Kinesis(stream) => stream.event(put, records),
            Self::Kafka(topic) => topic.event(put, records),
        }
    }

    fn left(&self, put: &Put, response: &Value, records: &[Record]) -> Result<Vec<usize>, String> {
        match self {
            Self::Kinesis(stream) => stream.left(put, response, records),
            Self::Kafka(topic) => topic.left(put, response, records),
        }
    }
}

/// Delivers all files, in the order of their positions.
///
/// # Errors
/// The function can't be started, or reports that its configuration is wrong.
pub async fn deliver(
    machine: &mut Machine,
    source: &Source,
    files: &[Put],
    options: MappingOptions,
    progress: &Progress,
) -> io::Result<Delivered> {
    let seen_lines = machine.function.line_count();
    let delivered = Delivered { receipts_name_all_records: true, ..Delivered::default() };
    let reasons = Reasons::of(&machine.function);
    let mut mapping = Mapping { machine, reasons, source, options, progress, delivered, seen_lines, bytes_before: 0 };
    for put in files {
        if mapping.delivered.given_up.is_some() {
            mapping.delivered.not_sent.add(format!("{}: lies behind what was given up", put.file.key));
        } else {
            mapping.file(put).await?;
        }
        mapping.bytes_before += put.file.size;
    }
    Ok(mapping.delivered)
}

struct Mapping<'d> {
    machine: &'d mut Machine,
    reasons: Reasons,
    source: &'d Source,
    options: MappingOptions,
    progress: &'d Progress,
    delivered: Delivered,
    seen_lines: usize,
    /// The bytes of the files before this one.
    bytes_before: u64,
}

impl Mapping<'_> {
    async fn file(&mut self, put: &Put) -> io::Result<()> {
        let limits = Limits {
            records: self.options.batch_records,
            bytes: MAX_EVENT_BYTES - EVENT_OVERHEAD,
            record_bytes: self.source.max_record_bytes(),
        };
        let first_receipt = self.delivered.receipts.len();
        let mut batches = Batches::open(put, self.options.record, limits, &mut self.delivered.not_sent);
        while self.delivered.given_up.is_none() {
            let records = batches.next(|record| event_bytes(put, record), &mut self.delivered.not_sent);
            if records.is_empty() {
                break;
            }
            self.delivered.records += records.len() as u64;
            self.batch(put, records, self.bytes_before + batches.bytes_read()).await?;
        }
        let mut outcome = Outcome::default();
        for (_, receipt) in &self.delivered.receipts[first_receipt..] {
            outcome.add(&Outcome::deserialize(receipt).unwrap_or_default());
        }
        self.progress.settled(&put.file.key, &serde_json::to_value(outcome)?, &EVENT_FATES);
        Ok(())
    }

    /// Delivers a batch until it is settled or given up.
    async fn batch(&mut self, put: &Put, mut records: Vec<Record>, bytes: u64) -> io::Result<()> {
        let mut tries = 0;
        loop {
            let answer = self.invoke(&self.source.event(put, &records), bytes).await?;
            let named = self.take_receipts(&put.file.key);
            if let Answer::InitError { error_type, message } = answer {
                return Err(io::Error::other(format!("the function does not start: {error_type}: {message}")));
            }
            if answer.response().is_ok() {
                self.delivered.receipts_name_all_records &= named == records.len() as u64;
            }
            let (left, reason) = match self.left(put, &answer, &records) {
                Ok(left) if left.is_empty() => return Ok(()),
                Ok(left) => (left, self.reasons.why(None)),
                Err(reason) => ((0..records.len()).collect(), reason),
            };
            tries = if left.len() < records.len() { 1 } else { tries + 1 };
            let first = left.first().map_or(0, |&index| records[index].number);
            let what = format!("{}, {} of {} records, from line {first} on", put.file.key, left.len(), records.len());
            self.progress.failed(&format!("{what}, failed (try {tries}): {reason}"));
            if tries >= MAX_TRIES {
                let what = format!("{}, line {first} and what lies behind it", put.file.key);
                self.delivered.given_up = Some(format!("{what}: {reason}"));
                return Ok(());
            }
            let mut left = left.into_iter().peekable();
            let mut index = 0;
            records.retain(|_| {
                index += 1;
                left.next_if_eq(&(index - 1)).is_some()
            });
            tokio::time::sleep(PAUSE * tries).await;
        }
    }

    fn left(&self, put: &Put, answer: &Answer, records: &[Record]) -> Result<Vec<usize>, String> {
        let body = answer.response()?;
        let response = serde_json::from_slice(body).map_err(|_| "the answer is not JSON".to_owned())?;
        self.source.left(put, &response, records)
    }

    async fn invoke(&mut self, event: &Value, bytes: u64) -> io::Result<Answer> {
        self.delivered.invocations += 1;
        self.reasons.begin();
        let mut invocation = std::pin::pin!(self.machine.function.invoke(event, self.options.timeout));
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                answer = &mut invocation => {
                    self.reasons.show(self.progress);
                    return answer;
                }
                _ = tick.tick() => {
                    self.reasons.show(self.progress);
                    self.progress.at(bytes, self.machine.domain.as_ref().map(|domain| domain.stats().created));
                }
            }
        }
    }

    /// Saves the receipts of an invocation, and returns the number of records that they count.
    fn take_receipts(&mut self, key: &str) -> u64 {
        let lines = self.machine.function.lines_from(self.seen_lines);
        self.seen_lines += lines.len();
        let receipts = function::receipts(&lines);
        let named = receipts.iter().filter_map(|receipt| receipt["records"].as_u64()).sum();
        self.delivered.receipts.extend(receipts.into_iter().map(|receipt| (key.to_owned(), receipt)));
        named
    }
}

/// The largest number of bytes that a record takes in an event.
fn event_bytes(put: &Put, record: &Record) -> usize {
    // An escaped character of the key takes six bytes.
    RECORD_OVERHEAD + 6 * put.file.key.len() + record.data.len().div_ceil(3) * 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::File;

    #[test]
    fn an_event_never_exceeds_what_lambda_takes() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("a.json");
        let name = "x".repeat(128);
        for (length, lines, batch_records) in
            [(1_048_576, 9, 500), (500_000, 20, 500), (9_000, 900, 500), (10, 30_000, 10_000)]
        {
            std::fs::write(&path, format!("{}\n", "x".repeat(length)).repeat(lines)).unwrap();
            for (key, name) in [("a.json".to_owned(), name.clone()), ("\u{1}/".repeat(2000), name.clone())] {
                let put = Put { file: File { path: path.clone(), key, size: 0 }, place: u64::MAX, modified_ms: 1 };
                for source in [
                    Source::Kinesis(Stream { name: name.clone() }),
                    Source::Kafka(Topic { name: name.clone(), partitions: 3 }),
                ] {
                    let limits = Limits {
                        records: batch_records,
                        bytes: MAX_EVENT_BYTES - EVENT_OVERHEAD,
                        record_bytes: source.max_record_bytes(),
                    };
                    let mut not_sent = NotSent::default();
                    let mut batches = Batches::open(&put, RecordIs::Line, limits, &mut not_sent);
                    let mut records = 0;
                    loop {
                        let batch = batches.next(|record| event_bytes(&put, record), &mut not_sent);
                        if batch.is_empty() {
                            break;
                        }
                        records += batch.len();
                        let bytes = source.event(&put, &batch).to_string().len();
                        assert!(bytes <= MAX_EVENT_BYTES, "{bytes} bytes of {} records", batch.len());
                    }
                    assert_eq!((records, not_sent.count), (lines, 0));
                }
            }
        }
    }
}
