//! What operators see: log lines, and one receipt for every attempt at an object.
//!
//! A receipt is one JSON line, and at once the CloudWatch embedded metric format record of its counts. Deliberately
//! absent: payloads and credentials, in any message.

use std::io::Write;

use serde::Serialize;
use serde_json::json;

use crate::outcome::Outcome;

/// The CloudWatch namespace of all metrics.
pub const NAMESPACE: &str = "Millrace";

/// Metrics of a receipt and their CloudWatch units. Dimension: `dataset` alone, since every further one costs a metric
/// for each of its values.
pub const METRICS: [(&str, &str); 12] = [
    ("read", "Count"),
    ("dropped", "Count"),
    ("expired", "Count"),
    ("indexed", "Count"),
    ("duplicates", "Count"),
    ("rejected", "Count"),
    ("undelivered", "Count"),
    ("bytes_in", "Bytes"),
    ("bytes_raw", "Bytes"),
    ("bulk_requests", "Count"),
    ("retries", "Count"),
    ("elapsed_ms", "Milliseconds"),
];

/// What became of one attempt at an object.
#[derive(Debug, Clone, Serialize)]
pub struct Receipt {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key.
    pub key: String,
    /// The dataset that took it.
    pub dataset: String,
    /// The offset at which this attempt began.
    pub start_offset: u64,
    /// The offset before which everything is settled.
    pub end_offset: u64,
    /// Whether the object is done with: nothing of it is left to do.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// Bytes taken from S3.
    pub bytes_in: u64,
    /// Bytes after decompression.
    pub bytes_raw: u64,
    /// The fates.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Requests to `_bulk`, with their repetitions.
    pub bulk_requests: u64,
    /// Requests among them that were repetitions, of a whole body or of the items that failed.
    pub retries: u64,
    /// Wall-clock time of the attempt.
    pub elapsed_ms: u64,
}

impl Receipt {
    /// The line, without its newline. `now_ms` is the wall clock in milliseconds since the epoch.
    pub fn line(&self, now_ms: i64) -> String {
        let metrics: Vec<_> = METRICS.iter().map(|(name, unit)| json!({ "Name": name, "Unit": unit })).collect();
        let mut line = json!({
            "message": "receipt",
            "level": if self.outcome.balances() { "INFO" } else { "ERROR" },
            "balances": self.outcome.balances(),
            "_aws": {
                "Timestamp": now_ms,
                "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [["dataset"]], "Metrics": metrics }],
            },
        });
        if let (Some(line), Ok(serde_json::Value::Object(fields))) = (line.as_object_mut(), serde_json::to_value(self))
        {
            line.extend(fields);
        }
        line.to_string()
    }

    /// Prints the line to standard output, where Lambda's log collector reads it.
    pub fn print(&self) {
        let line = self.line(crate::lambda::now_ms());
        // A closed standard output is no reason to fail events that are safe.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

/// Makes `tracing` print JSON lines to standard output. `filter` is `MILLRACE_LOG`, validated before.
pub fn init(filter: &str) {
    // A second initialisation, as in tests, changes nothing.
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
        let receipt = Receipt {
            bucket: "logs".into(),
            key: "a.json".into(),
            dataset: "app-events".into(),
            start_offset: 0,
            end_offset: 10,
            is_final: true,
            bytes_in: 5,
            bytes_raw: 10,
            outcome: Outcome { read: 3, indexed: 2, rejected: 1, ..Outcome::default() },
            bulk_requests: 1,
            retries: 0,
            elapsed_ms: 7,
        };
        let line: serde_json::Value = serde_json::from_str(&receipt.line(1)).unwrap();
        assert_eq!(
            (&line["message"], &line["final"], &line["balances"]),
            (&json!("receipt"), &json!(true), &json!(true))
        );
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Dimensions"], json!([["dataset"]]));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric} is a number of the line");
        }
    }
}
