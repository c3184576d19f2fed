//! Delivers the records of files to the transform like Firehose, and writes the results where Firehose writes them.
//!
//! In: files. Out: a folder with the objects of the delivery stream's bucket. Every record is delivered, dropped or
//! failed. Failed records are kept. Each batch has records of one file only, so that its receipt shows the fates of
//! that file. Deliberately absent: time (a batch ends when the buffer is full or the file ends), and a pause before a
//! batch is retried: no failure of the transform would be fixed by waiting.

use std::{collections::BTreeMap, io, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use emulator::function::{self, Answer, Function};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    ACCOUNT, NotSent, REGION,
    batch::{Batches, Limits},
    cut::{Record, RecordIs},
    objects::{BatchName, FailedRecord, Objects},
    put::Put,
};
use crate::{progress::Progress, report::transform::TransformCounts};

/// The function.
pub const FUNCTION: &str = "firehose-transform";
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

#[derive(Debug, Deserialize)]
struct Response {
    records: Vec<Transformed>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transformed {
    record_id: String,
    result: String,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    partition_keys: BTreeMap<String, String>,
}

/// The result for one record.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Ok { data: Vec<u8>, partition: BTreeMap<String, String> },
    Dropped,
    Failed,
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
    let limits = Limits { records: delivery.batch_records, bytes: BUFFER_BYTES, record_bytes: MAX_RECORD_BYTES };
    let mut bytes_before = 0;
    for put in files {
        let first_receipt = delivered.receipts.len();
        let mut batches = Batches::open(put, delivery.record, limits, &mut delivered.not_sent);
        loop {
            let records = batches.next(|record| record.data.len(), &mut delivered.not_sent);
            if records.is_empty() {
                break;
            }
            delivered.records += records.len() as u64;
            batch(function, delivery, put, &records, &mut delivered, progress).await?;
            progress.at(bytes_before + batches.bytes_read(), None);
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
    let (fates, lines) = loop {
        let seen_lines = function.line_count();
        let answer = function.invoke(&event, TIMEOUT).await?;
        delivered.invocations += 1;
        let lines = function.lines_from(seen_lines);
        let receipts = function::receipts(&lines).into_iter();
        delivered.receipts.extend(receipts.map(|receipt| (put.file.key.clone(), receipt)));
        if let Answer::InitError { error_type, message } = answer {
            return Err(io::Error::other(format!("the function does not start: {error_type}: {message}")));
        }
        let (code, reason) = match fates_of(&answer, put, records) {
            Ok(fates) => break (fates, lines),
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
    for (fate, record) in fates.iter().zip(records) {
        match fate {
            Fate::Ok { data, partition } => {
                delivered.results.ok += 1;
                chosen.push((partition, data.as_slice()));
            }
            Fate::Dropped => delivered.results.dropped += 1,
            Fate::Failed => {
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

/// The event of an invocation with these records, without a source stream.
fn event(delivery_stream: &str, put: &Put, records: &[Record]) -> Value {
    let records: Vec<Value> = records
        .iter()
        .map(|record| {
            json!({
                "recordId": record_id(put, record),
                "approximateArrivalTimestamp": put.modified_ms,
                "data": STANDARD.encode(&record.data),
            })
        })
        .collect();
    json!({
        "invocationId": "00000000-0000-4000-8000-000000000000",
        "deliveryStreamArn": format!("arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{delivery_stream}"),
        "region": REGION,
        "records": records,
    })
}

/// The reason why a record failed, from the function's log. The answer has no room for it.
fn reason(lines: &[String], record_id: &str) -> Option<String> {
    let line = lines.iter().find(|line| line.contains(record_id))?;
    let line: Value = serde_json::from_str(line).ok()?;
    Some(line["reason"].as_str()?.to_owned())
}

fn record_id(put: &Put, record: &Record) -> String {
    format!("{:020}{:036}", put.place, record.number)
}

/// The results for the records, in the same order.
///
/// # Errors
/// Firehose's code and reason when the whole batch fails. An answer has to name each record of the batch exactly once,
/// and no other record.
fn fates_of(answer: &Answer, put: &Put, records: &[Record]) -> Result<Vec<Fate>, (&'static str, String)> {
    let code = if *answer == Answer::TimedOut { "Lambda.FunctionTimedOut" } else { "Lambda.FunctionError" };
    let body = answer.response().map_err(|reason| (code, reason))?;
    let response: Response = serde_json::from_slice(body)
        .map_err(|error| ("Lambda.JsonProcessingException", format!("the answer: {error}")))?;
    let mut answered = BTreeMap::new();
    for transformed in response.records {
        if let Some(twice) = answered.insert(transformed.record_id.clone(), transformed) {
            return Err(("Lambda.DuplicatedRecordId", format!("the answer names record {} twice", twice.record_id)));
        }
    }
    let mut fates = Vec::with_capacity(records.len());
    for record in records {
        let id = record_id(put, record);
        let missing = || ("Lambda.MissingRecordId", format!("the answer does not name record {id}"));
        let transformed = answered.remove(&id).ok_or_else(missing)?;
        fates.push(match (transformed.result.as_str(), transformed.data) {
            ("Ok", Some(data)) => match STANDARD.decode(data) {
                Ok(data) => Fate::Ok { data, partition: transformed.metadata.unwrap_or_default().partition_keys },
                Err(_) => {
                    return Err(("Lambda.JsonProcessingException", format!("the data of record {id} is not base64")));
                }
            },
            ("Dropped", _) => Fate::Dropped,
            ("ProcessingFailed", _) => Fate::Failed,
            (other, _) => {
                let reason = format!("the result of record {id} is {other}, which needs data or is none of Firehose's");
                return Err(("Lambda.JsonProcessingException", reason));
            }
        });
    }
    match answered.into_keys().next() {
        Some(id) => Err(("Lambda.MissingRecordId", format!("the answer names record {id}, which is not of the batch"))),
        None => Ok(fates),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::files::File;

    fn records() -> (Put, Vec<Record>) {
        let file = File { path: PathBuf::from("/x/a.json"), key: "a.json".into(), size: 9 };
        let put = Put { file, place: 77, modified_ms: 1_545_084_650_987 };
        (put, (1..4).map(|number| Record { number, data: format!("{{\"n\":{number}}}").into() }).collect())
    }

    fn answered(change: impl Fn(&mut Vec<Value>)) -> Result<Vec<Fate>, (&'static str, String)> {
        let (put, records) = records();
        let event = event("logs", &put, &records);
        let id = |n: usize| event["records"][n]["recordId"].clone();
        let keys = json!({"partitionKeys": {"country": "KR"}});
        let mut answer = vec![
            json!({"recordId": id(0), "result": "Ok", "data": "eyJuIjoxfQo=", "metadata": keys}),
            json!({"recordId": id(1), "result": "Dropped"}),
            json!({"recordId": id(2), "result": "ProcessingFailed", "data": null}),
        ];
        change(&mut answer);
        fates_of(&Answer::Response(json!({ "records": answer }).to_string().into()), &put, &records)
    }

    #[test]
    fn an_event_has_the_shape_of_one_of_firehose_s() {
        let (put, records) = records();
        let event = event("logs", &put, &records);
        assert_eq!(event["deliveryStreamArn"], "arn:aws:firehose:us-east-1:000000000000:deliverystream/logs");
        assert_eq!(event["records"].as_array().unwrap().len(), 3);
        assert_eq!(event["records"][2]["approximateArrivalTimestamp"], 1_545_084_650_987_i64);
        assert_eq!(STANDARD.decode(event["records"][2]["data"].as_str().unwrap()).unwrap(), br#"{"n":3}"#);
        assert_ne!(event["records"][0]["recordId"], event["records"][1]["recordId"]);
    }

    #[test]
    fn each_record_has_the_fate_that_the_answer_says() {
        let partition = BTreeMap::from([("country".to_owned(), "KR".to_owned())]);
        let expected = [Fate::Ok { data: b"{\"n\":1}\n".to_vec(), partition }, Fate::Dropped, Fate::Failed];
        assert_eq!(answered(|_| {}).unwrap(), expected);
        assert_eq!(answered(|answer| answer.reverse()).unwrap(), expected, "by id, in the order of the records");
    }

    #[test]
    fn an_answer_that_firehose_refuses_fails_the_batch() {
        assert_eq!(answered(|answer| drop(answer.pop())).unwrap_err().0, "Lambda.MissingRecordId");
        assert_eq!(answered(|answer| answer[1] = answer[2].clone()).unwrap_err().0, "Lambda.DuplicatedRecordId");
        let other = json!({"recordId": "other", "result": "Dropped"});
        assert!(answered(|answer| answer.push(other.clone())).unwrap_err().1.contains("other"));
        for (name, value) in [("result", json!("ok")), ("data", json!("%")), ("data", Value::Null)] {
            let (code, reason) = answered(|answer| answer[0][name] = value.clone()).unwrap_err();
            assert_eq!(code, "Lambda.JsonProcessingException", "{reason}");
        }
        let (put, records) = records();
        for (answer, code) in [
            (Answer::TimedOut, "Lambda.FunctionTimedOut"),
            (Answer::Error { error_type: "x".into(), message: "y".into() }, "Lambda.FunctionError"),
            (Answer::Response("{}".into()), "Lambda.JsonProcessingException"),
        ] {
            assert_eq!(fates_of(&answer, &put, &records).unwrap_err().0, code);
        }
    }
}
