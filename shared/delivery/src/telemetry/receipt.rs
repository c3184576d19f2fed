//! The receipt of one attempt at an object or batch.

use std::collections::BTreeMap;

use serde::Serialize;

use super::line::{Unbalanced, line, show};
use crate::lambda::now_ms;
use pipeline::outcome::Outcome;

/// Metrics of a receipt and their CloudWatch units. The only dimension is `dataset`, since each value of a further
/// dimension costs a metric. The last one is a metric only where it is not 0, for the same reason: most datasets never
/// have it.
pub const METRICS: [(&str, &str); 16] = [
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
    ("repaired", "Count"),
];

/// Metrics that are also counted by the function's name. Alarms need few series that always exist.
pub const ALARMED: [(&str, &str); 5] = [
    ("rejected", "Count"),
    ("undelivered", "Count"),
    ("unbalanced", "Count"),
    ("sent", "Count"),
    ("refused_by_domain", "Count"),
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
        /// Events that the domain refused as they came, whatever became of them: one series for the alarm.
        #[derive(Serialize)]
        struct WithRefused<'r> {
            #[serde(flatten)]
            receipt: &'r Receipt,
            refused_by_domain: u64,
        }
        let balances = self.outcome.balances();
        let Outcome { rejected_by_domain, repaired, .. } = self.outcome;
        let metrics = &METRICS[..METRICS.len() - usize::from(repaired == 0)];
        let receipt = WithRefused { receipt: self, refused_by_domain: rejected_by_domain + repaired };
        line(&receipt, balances, balances && self.panicked == 0, metrics, &ALARMED, now_ms)
    }

    /// Prints the line.
    ///
    /// # Errors
    /// The counts do not add up. The line is printed all the same.
    pub fn print(&self) -> Result<(), Unbalanced> {
        let of = match &self.subject {
            Subject::S3 { bucket, key, .. }
            | Subject::Again { again: ObjectName { bucket, key }, .. }
            | Subject::DeadLetters { bucket, key, .. } => format!("s3://{bucket}/{key}"),
            Subject::Kinesis { .. } | Subject::Kafka { .. } => self.dataset.clone(),
        };
        show(&self.line(now_ms()), self.outcome.balances(), &of, &self.outcome)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::line::assert_is_metric_record, *};

    fn object() -> Subject {
        Subject::S3 {
            bucket: "logs".into(),
            key: "a.json".into(),
            etag: Some("e".into()),
            start_offset: 0,
            end_offset: 10,
        }
    }

    #[test]
    fn a_receipt_is_at_once_the_metric_record() {
        let receipt = Receipt {
            is_final: true,
            bytes_in: 5,
            bytes_raw: 10,
            outcome: Outcome { read: 3, indexed: 2, rejected: 1, ..Outcome::default() },
            bulk_requests: 1,
            elapsed_ms: 7,
            ..Receipt::new(object(), "app-events")
        };
        let line: serde_json::Value = serde_json::from_str(&receipt.line(1)).unwrap();
        assert_eq!(
            (&line["message"], &line["final"], &line["balances"]),
            (&json!("receipt"), &json!(true), &json!(true))
        );
        assert_is_metric_record(&line);
    }

    #[test]
    fn a_receipt_says_that_a_delivery_panicked_and_which_content_was_read() {
        let outcome = Outcome { read: 3, undelivered: 3, ..Outcome::default() };
        let receipt = Receipt { outcome, panicked: 1, ..Receipt::new(object(), "app-events") };
        let line: serde_json::Value = serde_json::from_str(&receipt.line(1)).unwrap();
        assert_eq!((&line["panicked"], &line["level"], &line["balances"]), (&json!(1), &json!("ERROR"), &json!(true)));
        assert_eq!(line["etag"], "e");
    }

    #[test]
    fn an_unbalanced_receipt_is_an_error_that_names_its_subject() {
        let outcome = Outcome { read: 1, ..Outcome::default() };
        let (bucket, key) = ("dead".to_owned(), "a.ndjson".to_owned());
        let receipt = Receipt { outcome, ..Receipt::new(Subject::DeadLetters { bucket, key, left: 0 }, "app-events") };
        let error = receipt.print().unwrap_err().to_string();
        assert!(error.starts_with("the receipt of s3://dead/a.ndjson does not balance: Outcome { read: 1,"), "{error}");
    }
}
