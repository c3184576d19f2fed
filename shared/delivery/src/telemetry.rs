//! The output for operators: log lines, and one receipt for every attempt at an object or batch.
//!
//! A receipt is one JSON line. The same line is the CloudWatch embedded metric format record of its counts.
//! Deliberately absent: payloads and credentials, in any message.

use std::{collections::BTreeMap, io::Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::settings::function_name;
use pipeline::outcome::{Outcome, TransformOutcome};

/// The CloudWatch namespace of all metrics.
pub const NAMESPACE: &str = "Millrace";

/// Metrics of a receipt and their CloudWatch units. The only dimension is `dataset`, since each value of a further
/// dimension costs a metric.
pub const METRICS: [(&str, &str); 15] = [
    ("read", "Count"),
    ("dropped", "Count"),
    ("expired", "Count"),
    ("indexed", "Count"),
    ("duplicates", "Count"),
    ("rejected", "Count"),
    ("undelivered", "Count"),
    ("sent", "Count"),
    ("dropped_by_domain", "Count"),
    ("rejected_by_domain", "Count"),
    ("bytes_in", "Bytes"),
    ("bytes_raw", "Bytes"),
    ("bulk_requests", "Count"),
    ("retries", "Count"),
    ("elapsed_ms", "Milliseconds"),
];

/// The subject of a receipt, and how far the attempt got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Subject {
    /// An S3 object.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// The object's key.
        key: String,
        /// The entity tag of the content that was read, without quotes. `None` if neither the notification nor S3 gave
        /// one.
        #[serde(skip_serializing_if = "Option::is_none")]
        etag: Option<String>,
        /// The offset at which this attempt began.
        start_offset: u64,
        /// The offset before which everything is settled.
        end_offset: u64,
    },
    /// An S3 object that is read again for dead letters, because it is the source of their events. This is not a
    /// receipt of the whole object: only the events that the letters name were read.
    Again {
        /// The object.
        again: ObjectName,
        /// The offset at which this attempt began.
        start_offset: u64,
        /// The offset before which everything is settled.
        end_offset: u64,
    },
    /// Dead letters that were retried.
    DeadLetters {
        /// The bucket of the dead letters.
        bucket: String,
        /// The key of their object.
        key: String,
        /// The number of the object's letters that were not tried: other letters were requested, or they hold no whole
        /// event.
        left: u64,
    },
    /// Records of a Kinesis shard.
    Kinesis {
        /// The stream's ARN.
        stream: String,
        /// The shard's id.
        shard: String,
        /// The number of records received.
        records: usize,
        /// The sequence number of the first record.
        start_sequence_number: String,
        /// The sequence number of the last record up to which all are settled, if there is one.
        end_sequence_number: Option<String>,
    },
    /// Records of a Kafka topic.
    Kafka {
        /// The topic's name.
        topic: String,
        /// The number of records received, without tombstones.
        records: usize,
        /// The first offset and the end offset, by the partition's number.
        partitions: BTreeMap<i64, Offsets>,
    },
}

/// An object of S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectName {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
}

/// How far one partition got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Offsets {
    /// The offset of the first record.
    pub start_offset: i64,
    /// The offset before which everything is settled.
    pub end_offset: i64,
}

/// The result of one attempt at an object or batch.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// The object or batch.
    #[serde(flatten)]
    pub subject: Subject,
    /// The dataset that took the events.
    pub dataset: String,
    /// Whether the object or batch is finished: no work is left.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Bytes received, compressed or not.
    pub bytes_in: u64,
    /// Bytes after decompression.
    pub bytes_raw: u64,
    /// The fates.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Values that a rule of `fields` could not make, in events that were delivered without them.
    pub left_out: u64,
    /// The number of deliveries that panicked, plus one if the producer did. All events of such a delivery count as
    /// undelivered. Events that the producer had not sent are not counted.
    pub panicked: u64,
    /// Whether the rest goes to the queue, for another invocation.
    pub handed_on: bool,
    /// Requests to `_bulk`, including retries.
    pub bulk_requests: u64,
    /// The retries among them, of a whole body or of the items that failed.
    pub retries: u64,
    /// Wall-clock time of the attempt.
    pub elapsed_ms: u64,
}

impl Receipt {
    /// The receipt of an attempt that has just begun.
    pub fn new(subject: Subject, dataset: &str) -> Self {
        Self {
            subject,
            dataset: dataset.to_owned(),
            is_final: false,
            bytes_in: 0,
            bytes_raw: 0,
            outcome: Outcome::default(),
            left_out: 0,
            panicked: 0,
            handed_on: false,
            bulk_requests: 0,
            retries: 0,
            elapsed_ms: 0,
        }
    }

    /// The line, without its newline. `now_ms` is the wall clock in milliseconds since the epoch.
    pub fn line(&self, now_ms: i64) -> String {
        let balances = self.outcome.balances();
        line(self, balances, balances && self.panicked == 0, &METRICS, &ALARMED, now_ms)
    }

    /// Prints the line to standard output, where Lambda's log collector reads it.
    pub fn print(&self) {
        print(&self.line(crate::lambda::now_ms()));
    }
}

/// Metrics of a [`TransformReceipt`] and their CloudWatch units.
pub const TRANSFORM_METRICS: [(&str, &str); 12] = [
    ("records", "Count"),
    ("ok", "Count"),
    ("dropped_records", "Count"),
    ("failed_records", "Count"),
    ("read", "Count"),
    ("dropped", "Count"),
    ("passed", "Count"),
    ("failed", "Count"),
    ("bytes_in", "Bytes"),
    ("bytes_raw", "Bytes"),
    ("bytes_out", "Bytes"),
    ("elapsed_ms", "Milliseconds"),
];

/// The result of one invocation by Firehose.
#[derive(Debug, Clone, Serialize)]
pub struct TransformReceipt {
    /// The delivery stream's name.
    pub delivery_stream: String,
    /// The dataset that took the records.
    pub dataset: String,
    /// Bytes of the records received, without base64.
    pub bytes_in: u64,
    /// Bytes after decompression.
    pub bytes_raw: u64,
    /// Bytes that are delivered, without base64.
    pub bytes_out: u64,
    /// The fates.
    #[serde(flatten)]
    pub outcome: TransformOutcome,
    /// Values that a rule of `fields` could not make, in events that were delivered without them.
    pub left_out: u64,
    /// Wall-clock time of the invocation.
    pub elapsed_ms: u64,
}

impl TransformReceipt {
    /// The line, without its newline. `now_ms` is the wall clock in milliseconds since the epoch.
    pub fn line(&self, now_ms: i64) -> String {
        let balances = self.outcome.balances();
        line(self, balances, balances, &TRANSFORM_METRICS, &TRANSFORM_ALARMED, now_ms)
    }

    /// Prints the line to standard output, where Lambda's log collector reads it.
    pub fn print(&self) {
        print(&self.line(crate::lambda::now_ms()));
    }
}

/// Metrics that are also counted by the function's name. Alarms need few series that always exist.
pub const ALARMED: [(&str, &str); 5] = [
    ("rejected", "Count"),
    ("undelivered", "Count"),
    ("unbalanced", "Count"),
    ("sent", "Count"),
    ("rejected_by_domain", "Count"),
];
/// The same metrics of a [`TransformReceipt`].
pub const TRANSFORM_ALARMED: [(&str, &str); 2] = [("failed", "Count"), ("unbalanced", "Count")];

fn line(
    receipt: &impl Serialize,
    balances: bool,
    is_sound: bool,
    metrics: &[(&str, &str)],
    alarmed: &[(&str, &str)],
    now_ms: i64,
) -> String {
    let mut line = json!({
        "message": "receipt",
        "level": if is_sound { "INFO" } else { "ERROR" },
        "balances": balances,
        "unbalanced": u8::from(!balances),
        "function": function_name(),
        "_aws": {
            "Timestamp": now_ms,
            "CloudWatchMetrics": [directive("dataset", metrics), directive("function", alarmed)],
        },
    });
    add(&mut line, receipt);
    line.to_string()
}

/// Metrics of an object that no dataset takes, by the function's name, since there is no dataset.
pub const UNMATCHED: [(&str, &str); 1] = [("unmatched", "Count")];

/// The report of a function that does not ingest events: one document that is also a metric record, by the function's
/// name.
pub fn document(message: &str, is_whole: bool, about: &impl Serialize, metrics: &[(&str, &str)]) -> Value {
    let mut document = json!({
        "message": message,
        "level": if is_whole { "INFO" } else { "ERROR" },
        "function": function_name(),
        "_aws": { "Timestamp": crate::lambda::now_ms(), "CloudWatchMetrics": [directive("function", metrics)] },
    });
    add(&mut document, about);
    document
}

fn directive(dimension: &str, metrics: &[(&str, &str)]) -> Value {
    let metrics: Vec<_> = metrics.iter().map(|(name, unit)| json!({ "Name": name, "Unit": unit })).collect();
    json!({ "Namespace": NAMESPACE, "Dimensions": [[dimension]], "Metrics": metrics })
}

fn add(line: &mut Value, fields: &impl Serialize) {
    if let (Some(line), Ok(Value::Object(fields))) = (line.as_object_mut(), serde_json::to_value(fields)) {
        line.extend(fields);
    }
}

/// Prints one line to standard output, where Lambda's log collector reads it.
pub fn print(line: &str) {
    // If standard output is closed, safe events must not fail.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Makes `tracing` print JSON lines to standard output. `filter` is the validated `MILLRACE_LOG`.
pub fn init(filter: &str) {
    // A second initialisation, for example in tests, does nothing.
    let _ = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_current_span(false)
        .with_span_list(false)
        .flatten_event(true)
        .try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_at_once_the_metric_record() {
        let subject = Subject::S3 {
            bucket: "logs".into(),
            key: "a.json".into(),
            etag: Some("e".into()),
            start_offset: 0,
            end_offset: 10,
        };
        let receipt = Receipt {
            is_final: true,
            bytes_in: 5,
            bytes_raw: 10,
            outcome: Outcome { read: 3, indexed: 2, rejected: 1, ..Outcome::default() },
            bulk_requests: 1,
            elapsed_ms: 7,
            ..Receipt::new(subject, "app-events")
        };
        let line: serde_json::Value = serde_json::from_str(&receipt.line(1)).unwrap();
        assert_eq!(
            (&line["message"], &line["final"], &line["balances"]),
            (&json!("receipt"), &json!(true), &json!(true))
        );
        assert_is_metric_record(&line);

        let receipt = TransformReceipt {
            delivery_stream: "app".into(),
            dataset: "delivery".into(),
            bytes_in: 5,
            bytes_raw: 10,
            bytes_out: 7,
            outcome: TransformOutcome { records: 1, ok: 1, read: 2, passed: 1, ..TransformOutcome::default() },
            left_out: 0,
            elapsed_ms: 7,
        };
        let line: serde_json::Value = serde_json::from_str(&receipt.line(1)).unwrap();
        assert_eq!((&line["level"], &line["balances"]), (&json!("ERROR"), &json!(false)), "one event has no fate");
        assert_is_metric_record(&line);
    }

    #[test]
    fn a_receipt_says_that_a_delivery_panicked_and_which_content_was_read() {
        let subject = Subject::S3 {
            bucket: "logs".into(),
            key: "a.json".into(),
            etag: Some("e".into()),
            start_offset: 0,
            end_offset: 10,
        };
        let outcome = Outcome { read: 3, undelivered: 3, ..Outcome::default() };
        let receipt = Receipt { outcome, panicked: 1, ..Receipt::new(subject, "app-events") };
        let line: serde_json::Value = serde_json::from_str(&receipt.line(1)).unwrap();
        assert_eq!((&line["panicked"], &line["level"], &line["balances"]), (&json!(1), &json!("ERROR"), &json!(true)));
        assert_eq!(line["etag"], "e");
    }

    fn assert_is_metric_record(line: &serde_json::Value) {
        for (directive, dimension) in [(0, "dataset"), (1, "function")] {
            let directive = &line["_aws"]["CloudWatchMetrics"][directive];
            assert_eq!(directive["Dimensions"], json!([[dimension]]));
            assert!(line[dimension].is_string());
            for metric in directive["Metrics"].as_array().unwrap() {
                assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric} is a number of the line");
            }
        }
    }
}
