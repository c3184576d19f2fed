//! The receipt of an attempt: one line of the function's log that balances, and is a CloudWatch metric.
//!
//! In: a function's lines. Out: one type for each source. Parsing fails if a key is missing.

use std::collections::BTreeMap;
use std::ops::Deref;

use emulator::function::Function;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The counts of the events of an attempt, by their fate.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the keys are documented where receipts are: docs/DELIVERY.md")]
pub struct Counts {
    pub dataset: Option<String>,
    #[serde(rename = "final")]
    pub is_final: bool,
    pub bytes_in: u64,
    pub bytes_raw: u64,
    pub read: u64,
    pub dropped: u64,
    pub expired: u64,
    pub indexed: u64,
    pub duplicates: u64,
    pub rejected: u64,
    pub undelivered: u64,
    pub sent: u64,
    pub dropped_by_domain: u64,
    pub rejected_by_domain: u64,
    pub repaired: u64,
    pub left_out: u64,
    pub panicked: u64,
    pub handed_on: bool,
    pub bulk_requests: u64,
    pub retries: u64,
    pub elapsed_ms: u64,
}

/// The receipt of one attempt at an S3 object.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the keys are documented where receipts are: docs/DELIVERY.md")]
pub struct S3 {
    pub bucket: String,
    pub key: String,
    pub etag: Option<String>,
    pub start_offset: u64,
    pub end_offset: u64,
    #[serde(flatten)]
    counts: Counts,
}

/// The receipt of a batch of Kinesis records.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the keys are documented where receipts are: docs/DELIVERY.md")]
pub struct Kinesis {
    pub stream: String,
    pub shard: String,
    pub records: u64,
    pub start_sequence_number: String,
    pub end_sequence_number: Option<String>,
    #[serde(flatten)]
    counts: Counts,
}

/// The receipt of a batch of Kafka records of one topic.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the keys are documented where receipts are: docs/DELIVERY.md")]
pub struct Kafka {
    pub topic: String,
    pub records: u64,
    pub partitions: BTreeMap<String, Offsets>,
    #[serde(flatten)]
    counts: Counts,
}

/// The range of settled offsets of a topic-partition. It does not include the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(missing_docs, reason = "the keys are documented where receipts are: docs/DELIVERY.md")]
pub struct Offsets {
    pub start_offset: u64,
    pub end_offset: u64,
}

/// The receipt of a batch of Firehose records.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "the keys are documented where receipts are: docs/DELIVERY.md")]
pub struct Firehose {
    pub delivery_stream: String,
    pub dataset: Option<String>,
    pub records: u64,
    pub ok: u64,
    pub dropped_records: u64,
    pub failed_records: u64,
    pub read: u64,
    pub dropped: u64,
    pub passed: u64,
    pub failed: u64,
    pub left_out: u64,
}

impl Deref for S3 {
    type Target = Counts;
    fn deref(&self) -> &Counts {
        &self.counts
    }
}

impl Deref for Kinesis {
    type Target = Counts;
    fn deref(&self) -> &Counts {
        &self.counts
    }
}

impl Deref for Kafka {
    type Target = Counts;
    fn deref(&self) -> &Counts {
        &self.counts
    }
}

/// The receipts of a function so far, for the source that the caller names. Each balances, and is a CloudWatch metric.
///
/// # Panics
/// If one lacks a key, does not balance, or is not an EMF record with the dimensions `dataset` and `function`.
pub fn of<R: DeserializeOwned>(function: &Function) -> Vec<R> {
    let read = |line: Value| {
        assert_balanced(&line);
        serde_json::from_value(line.clone()).unwrap_or_else(|e| panic!("{e}: {line}"))
    };
    // An object that matches no dataset has no events to count.
    function.receipts().into_iter().filter(|line| line.get("unmatched").is_none()).map(read).collect()
}

/// Checks that a receipt balances, and is a CloudWatch metric: every count by dataset, and the counts of alarms by
/// function.
///
/// # Panics
/// If not.
pub fn assert_balanced(line: &Value) {
    let count = |name: &str| line[name].as_u64().unwrap_or_else(|| panic!("no count {name}: {line}"));
    let fates: &[&str] = if line["delivery_stream"].is_string() {
        assert_eq!(count("records"), count("ok") + count("dropped_records") + count("failed_records"), "{line}");
        &["dropped", "passed", "failed"]
    } else {
        &["dropped", "expired", "indexed", "duplicates", "rejected", "undelivered"]
    };
    assert_eq!(count("read"), fates.iter().copied().map(count).sum::<u64>(), "the receipt does not balance: {line}");
    assert!(line["_aws"]["Timestamp"].is_u64(), "{line}");
    let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("directives");
    let dimensions: Vec<&Value> = directives.iter().map(|directive| &directive["Dimensions"]).collect();
    assert_eq!(dimensions, [&serde_json::json!([["dataset"]]), &serde_json::json!([["function"]])], "{line}");
    for metric in directives.iter().flat_map(|directive| directive["Metrics"].as_array().expect("metrics")) {
        let name = metric["Name"].as_str().expect("a metric has a name");
        assert!(line[name].is_number(), "metric {name} is missing: {line}");
    }
    assert_eq!(count("unbalanced"), 0, "{line}");
}

/// A sum over receipts, such as of `|r| r.indexed`.
pub fn sum<R>(receipts: &[R], of: impl Fn(&R) -> u64) -> u64 {
    receipts.iter().map(of).sum()
}
