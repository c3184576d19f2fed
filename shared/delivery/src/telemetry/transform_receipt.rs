//! The receipt of one invocation by Firehose.

use serde::Serialize;

use super::line::{Unbalanced, line, show};
use crate::lambda::now_ms;
use pipeline::outcome::TransformOutcome;

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

    /// Prints the line.
    ///
    /// # Errors
    /// The counts do not add up. The line is printed all the same.
    pub fn print(&self) -> Result<(), Unbalanced> {
        show(&self.line(now_ms()), self.outcome.balances(), &self.dataset, &self.outcome)
    }
}

/// Metrics that are also counted by the function's name. Alarms need few series that always exist.
pub const TRANSFORM_ALARMED: [(&str, &str); 2] = [("failed", "Count"), ("unbalanced", "Count")];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::line::assert_is_metric_record, *};

    #[test]
    fn the_receipt_of_a_transform_is_at_once_the_metric_record() {
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
}
