//! Delivers the records of files to the transform like Firehose, and writes the results where Firehose writes them.
//!
//! In: files. Out: a folder with the objects of the delivery stream's bucket. Every record is delivered, dropped or
//! failed. Failed records are kept. Each batch has records of one file only, so that its receipt shows the fates of
//! that file. Deliberately absent: time (a batch ends when the buffer is full or the file ends), and a pause before a
//! batch is retried: no failure of the transform would be fixed by waiting.

mod invocation;

use std::{io, time::Duration};

use emulator::function::{self, Answer, Function};
use serde_json::Value;

use self::invocation::{RecordResult, event, record_id, results_of};
use super::{
    cut::{Record, RecordIs},
    not_sent::NotSent,
    objects::{BatchName, FailedRecord, Objects},
    put::Put,
    records::Records,
};
use crate::{progress::Progress, report::counts::TransformCounts};

pub use super::objects::FUNCTION;

/// The fates of the events of a record, by their names in receipts.
pub const EVENT_FATES: [&str; 3] = ["dropped", "passed", "failed"];
/// The largest record: 1,000 KiB before base64 (<https://docs.aws.amazon.com/firehose/latest/dev/limits.html>).
const MAX_RECORD_BYTES: usize = 1000 * 1024;
/// The default buffer of Firehose for a transform: 1 MB.
const BUFFER_BYTES: usize = 1024 * 1024;
/// The largest number of failed records that are listed.
const NAMED_FAILED: usize = 5;
/// The number of tries: a batch whose invocation failed is retried three times.
const MAX_TRIES: u32 = 4;
/// Firehose's error for a record with the result `ProcessingFailed`.
const STATUS_FAILED: (&str, &str) = ("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record");
/// The longest timeout of a transform in Firehose.
const TIMEOUT: Duration = Duration::from_mins(5);

/// The options of a delivery through a delivery stream.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The delivery stream's name.
    pub name: String,
    /// The unit of a record.
    pub record: RecordIs,
    /// The largest number of records in a batch.
    pub batch_records: usize,
    /// Its bucket.
    pub objects: Objects,
}

/// The number of records with each result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Results {
    /// Wanted and delivered.
    pub ok: u64,
    /// Without a wanted event.
    pub dropped: u64,
    /// Not readable as a whole. They are kept.
    pub failed: u64,
}

/// The result of a delivery.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// All receipts, in order, each with the key of its file.
    pub receipts: Vec<(String, Value)>,
    /// The results in the function's answers, summed over all records.
    pub results: Results,
    /// The first failed records, with their reasons.
    pub failed: Vec<String>,
    /// Batches that failed every time, with their last reasons. Their records are kept too.
    pub given_up: Vec<String>,
    /// The records and files that were not delivered to the function.
    pub not_sent: NotSent,
    /// The keys of the objects that were written.
    pub objects: Vec<String>,
    /// The number of delivered records, each counted once.
    pub records: u64,
    /// The number of invocations.
    pub invocations: u64,
}

/// Delivers all files, in the order of their positions.
///
/// # Errors
/// The function can't be started, or reports that its configuration is wrong; an object can't be written.
pub async fn deliver(
    function: &mut Function,
    delivery: &Delivery,
    files: &[Put],
    progress: &Progress,
) -> io::Result<Delivered> {
    let mut delivered = Delivered::default();
    let mut bytes_before = 0;
    for put in files {
        let first_receipt = delivered.receipts.len();
        let mut records = Records::open(put, delivery.record, MAX_RECORD_BYTES, &mut delivered.not_sent);
        loop {
            let these = records.batch(delivery.batch_records, BUFFER_BYTES, &mut delivered.not_sent);
            if these.is_empty() {
                break;
            }
            delivered.records += these.len() as u64;
            batch(function, delivery, put, &these, &mut delivered, progress).await?;
            progress.at(bytes_before + records.bytes_read(), None);
        }
        bytes_before += put.file.size;
        let mut counts = TransformCounts::default();
        delivered.receipts[first_receipt..].iter().for_each(|(_, receipt)| counts.add(&TransformCounts::of(receipt)));
        progress.settled(&put.file.key, &serde_json::to_value(counts)?, &EVENT_FATES);
    }
    Ok(delivered)
}

async fn batch(
    function: &mut Function,
    delivery: &Delivery,
    put: &Put,
    records: &[Record],
    delivered: &mut Delivered,
    progress: &Progress,
) -> io::Result<()> {
    let first = records.first().map_or(0, |record| record.number);
    let what = format!("{}, {} records from line {first} on", put.file.key, records.len());
    let event = event(&delivery.name, put, records);
    let name = BatchName { arrived_ms: put.modified_ms, place: put.place, number: first };
    let failed = |record: &Record, attempts, why| FailedRecord::new(&record.data, put.modified_ms, attempts, why);
    let mut tries = 1;
    let (results, lines) = loop {
        let seen_lines = function.line_count();
        let answer = function.invoke(&event, TIMEOUT).await?;
        delivered.invocations += 1;
        let lines = function.lines_from(seen_lines);
        let receipts = function::receipts(&lines).into_iter();
        delivered.receipts.extend(receipts.map(|receipt| (put.file.key.clone(), receipt)));
        if let Answer::InitError { error_type, message } = answer {
            return Err(io::Error::other(format!("the function does not start: {error_type}: {message}")));
        }
        let (code, reason) = match results_of(&answer, put, records) {
            Ok(results) => break (results, lines),
            Err(failure) => failure,
        };
        progress.failed(&format!("{what} failed (try {tries}): {reason}"));
        if tries == MAX_TRIES {
            let kept: Vec<_> = records.iter().map(|record| failed(record, tries, (code, &reason))).collect();
            delivered.objects.extend(delivery.objects.keep_failed(name, &kept)?);
            delivered.given_up.push(format!("{what}: {reason}"));
            return Ok(());
        }
        tries += 1;
    };
    let (mut chosen, mut kept) = (Vec::new(), Vec::new());
    for (result, record) in results.iter().zip(records) {
        match result {
            RecordResult::Ok { data, partition } => {
                delivered.results.ok += 1;
                chosen.push((partition, data.as_slice()));
            }
            RecordResult::Dropped => delivered.results.dropped += 1,
            RecordResult::Failed => {
                delivered.results.failed += 1;
                if delivered.failed.len() < NAMED_FAILED {
                    let reason = reason(&lines, &record_id(put, record)).unwrap_or_default();
                    delivered.failed.push(format!("{} line {}: {reason}", put.file.key, record.number));
                }
                kept.push(failed(record, tries, STATUS_FAILED));
            }
        }
    }
    delivered.objects.extend(delivery.objects.deliver(name, chosen)?);
    delivered.objects.extend(delivery.objects.keep_failed(name, &kept)?);
    Ok(())
}

/// The reason why a record failed, from the function's log. The answer has no room for it.
fn reason(lines: &[String], record_id: &str) -> Option<String> {
    let line = lines.iter().find(|line| line.contains(record_id))?;
    let line: Value = serde_json::from_str(line).ok()?;
    Some(line["reason"].as_str()?.to_owned())
}
