//! The result of a delivery through Firehose: the fates of records and of their events.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    counts::TransformCounts,
    text::{cost, problems, table},
};
use crate::stream::{NotSent, firehose::Delivered, put::Put};

/// The largest number of objects shown.
const SHOWN_OBJECTS: usize = 20;

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// The key.
    pub key: String,
    /// Its counts.
    #[serde(flatten)]
    pub counts: TransformCounts,
}

/// The whole report.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TransformReport {
    /// Each file.
    pub objects: Vec<FileReport>,
    /// The sum of all files.
    pub totals: TransformCounts,
    /// Whether every record and every event has exactly one fate in every receipt, and the answers have the same
    /// counts.
    pub balances: bool,
    /// The number of delivered records, each counted once.
    pub records: u64,
    /// The number of records, ends of files and whole files that were not delivered.
    pub not_sent_count: u64,
    /// The first of them, with their reasons.
    pub not_sent: Vec<String>,
    /// The first failed records, with their reasons.
    pub failed: Vec<String>,
    /// Batches that were given up, with their last reasons.
    pub given_up: Vec<String>,
    /// The objects that Firehose wrote, sorted by key. Failed records are below `processing-failed/`.
    pub delivered: Vec<String>,
    /// The folder with these objects.
    pub delivered_folder: PathBuf,
    /// The number of invocations of the function.
    pub invocations: u64,
    /// Wall-clock time in seconds.
    pub seconds: f64,
    /// The function's CPU time in seconds.
    pub cpu_seconds: f64,
    /// The function's peak memory in bytes.
    pub peak_memory_bytes: u64,
}

impl TransformReport {
    /// Sums up a delivery of files. Each batch has records of one file only, so its receipt belongs to that file.
    pub fn new(delivered: Delivered, files: &[Put], delivered_folder: &Path) -> Self {
        let mut objects: BTreeMap<String, TransformCounts> =
            files.iter().map(|put| (put.file.key.clone(), TransformCounts::default())).collect();
        let (mut totals, mut balances) = (TransformCounts::default(), true);
        for (key, receipt) in &delivered.receipts {
            let counts = TransformCounts::of(receipt);
            balances &= counts.fates.balances();
            totals.add(&counts);
            objects.entry(key.clone()).or_default().add(&counts);
        }
        // A batch that was given up has receipts, but no valid answer.
        if delivered.given_up.is_empty() {
            let results = delivered.results;
            let fates = totals.fates;
            balances &= (fates.ok, fates.dropped_records, fates.failed_records)
                == (results.ok, results.dropped, results.failed)
                && fates.records == delivered.records;
        }
        let NotSent { count, first } = delivered.not_sent;
        let mut written = delivered.objects;
        written.sort();
        Self {
            objects: objects.into_iter().map(|(key, counts)| FileReport { key, counts }).collect(),
            totals,
            balances,
            records: delivered.records,
            not_sent_count: count,
            not_sent: first,
            failed: delivered.failed,
            given_up: delivered.given_up,
            delivered: written,
            delivered_folder: delivered_folder.to_owned(),
            invocations: delivered.invocations,
            ..Self::default()
        }
    }

    /// Whether something was not delivered or given up.
    pub fn undelivered(&self) -> bool {
        !self.given_up.is_empty() || self.not_sent_count > 0
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let head = ["records", "ok", "dropped", "failed", "events", "passed", "dropped", "failed", "attempts"];
        let rows = self.objects.iter().map(|file| (file.key.as_str(), file.counts.cells()));
        table(&mut text, "file", head, rows, self.totals.cells());
        let balance = if self.balances {
            "every record and every event has exactly one fate"
        } else {
            "THE RECEIPTS DO NOT BALANCE"
        };
        let _ = writeln!(text, "  {balance}");
        problems(&mut text, &self.given_up, &self.not_sent, self.not_sent_count);
        if !self.failed.is_empty() {
            let _ = writeln!(
                text,
                "\nFailed records ({}), kept below processing-failed/",
                self.totals.fates.failed_records
            );
            for line in &self.failed {
                let _ = writeln!(text, "  {line}");
            }
        }
        if !self.delivered.is_empty() {
            let folder = self.delivered_folder.display();
            let _ = writeln!(text, "\nObjects ({}), in {folder}", self.delivered.len());
            for key in self.delivered.iter().take(SHOWN_OBJECTS) {
                let _ = writeln!(text, "  {key}");
            }
            if let Some(more) = self.delivered.len().checked_sub(SHOWN_OBJECTS).filter(|more| *more > 0) {
                let _ = writeln!(text, "  ({more} more)");
            }
        }
        let what = format!("{} events, {} records", self.totals.fates.read, self.records);
        cost(&mut text, &what, self.seconds, self.cpu_seconds, self.peak_memory_bytes);
        text
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stream::firehose::Results;

    fn delivered(change: impl Fn(&mut Delivered)) -> TransformReport {
        let receipt = json!({"message": "receipt", "records": 5, "ok": 3, "dropped_records": 1, "failed_records": 1,
            "read": 9, "dropped": 3, "passed": 4, "failed": 2});
        let mut delivered = Delivered {
            receipts: vec![("a".into(), receipt.clone()), ("a".into(), receipt)],
            results: Results { ok: 6, dropped: 2, failed: 2 },
            objects: vec!["b".into(), "a".into()],
            records: 10,
            invocations: 2,
            ..Delivered::default()
        };
        change(&mut delivered);
        TransformReport::new(delivered, &[], Path::new("/x"))
    }

    #[test]
    fn receipts_are_summed_and_compared_with_the_answers() {
        let report = delivered(|_| {});
        assert!(report.balances && !report.undelivered());
        assert_eq!((report.totals.attempts, report.totals.fates.passed, report.delivered[0].as_str()), (2, 8, "a"));
        assert!(!delivered(|delivered| delivered.results.ok = 7).balances);
        assert!(!delivered(|delivered| delivered.records = 11).balances);
        assert!(!delivered(|delivered| delivered.receipts[0].1["read"] = json!(10)).balances);
        let given_up = delivered(|delivered| delivered.given_up.push("a: down".into()));
        assert!(given_up.balances && given_up.undelivered() && given_up.text().contains("given up: a: down"));
    }
}
