//! The result of a delivery, as text for a person or as JSON for a program.

pub mod counts;
mod dead_letters;
mod text;
pub mod transform;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io,
    path::{Path, PathBuf},
};

use percent_encoding::percent_decode_str;
use pipeline::outcome::Outcome;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use dead_letters::DeadLetter;
pub(crate) use dead_letters::letter_lines;

use self::{
    counts::Counts,
    dead_letters::dead_letters,
    text::{cost, problems, table},
};
use crate::{
    deliver::Delivered,
    stream::{NotSent, mapping, put::Put},
};

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectReport {
    /// The key.
    pub key: String,
    /// Its fates.
    #[serde(flatten)]
    pub counts: Counts,
}

/// The whole report.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The word for an object in the table.
    #[serde(skip)]
    row: &'static str,
    /// Each object that was read, or each file that was delivered as records of a stream.
    pub objects: Vec<ObjectReport>,
    /// The sum of all objects.
    pub totals: Counts,
    /// Whether every event has exactly one fate, in the sum and in every receipt.
    pub balances: bool,
    /// Keys that no dataset of the pipeline wants.
    pub not_read: Vec<String>,
    /// The number of records delivered through a stream, each counted once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// The number of records, ends of files and whole files that were not delivered through a stream.
    pub not_sent_count: u64,
    /// The first of them, with their reasons.
    pub not_sent: Vec<String>,
    /// The messages or records that were given up, with their last reasons.
    pub given_up: Vec<String>,
    /// The number of dead letters in the folder, from this delivery and earlier ones.
    pub dead_letter_count: u64,
    /// The first of them.
    pub dead_letters: Vec<DeadLetter>,
    /// The folder with the dead letters.
    pub dead_letter_folder: PathBuf,
    /// The number of documents in each index of the embedded domain.
    pub indices: Vec<(String, u64)>,
    /// The number of invocations of the function.
    pub invocations: u64,
    /// Wall-clock time in seconds.
    pub seconds: f64,
    /// The function's CPU time in seconds.
    pub cpu_seconds: f64,
    /// The function's peak memory in bytes.
    pub peak_memory_bytes: u64,
}

impl Report {
    /// Sums up a delivery of the objects with these keys.
    ///
    /// # Errors
    /// The dead letters can't be read.
    pub fn new<'k>(
        delivered: &Delivered,
        keys: impl IntoIterator<Item = &'k str>,
        dead_letter_folder: &Path,
    ) -> io::Result<Self> {
        // A receipt with `unmatched` is of an object that no dataset takes. Such an object was not read.
        let receipts = delivered.receipts.iter().filter(|receipt| receipt.get("unmatched").is_none());
        let sum = Sum::of(receipts.map(|receipt| (receipt["key"].as_str().unwrap_or_default(), receipt)));
        let given_up: BTreeMap<String, &String> =
            delivered.given_up.iter().map(|(message, reason)| (subject(&message.body), reason)).collect();
        let not_read = keys
            .into_iter()
            .filter(|key| !sum.objects.contains_key(*key) && !given_up.contains_key(*key))
            .map(str::to_owned)
            .collect();
        let (dead_letter_count, dead_letters) = dead_letters(dead_letter_folder, |position| {
            (position["key"].as_str().unwrap_or_default().to_owned(), None)
        })?;
        Ok(Self {
            row: "object",
            not_read,
            given_up: given_up.into_iter().map(|(key, reason)| format!("{key}: {reason}")).collect(),
            dead_letter_count,
            dead_letters,
            dead_letter_folder: dead_letter_folder.to_owned(),
            invocations: delivered.invocations,
            ..sum.report()
        })
    }

    /// Sums up a delivery of files as records of a stream. Each batch has records of one file only, so its receipt
    /// belongs to that file.
    ///
    /// # Errors
    /// The dead letters can't be read.
    pub fn of_stream(
        delivered: mapping::Delivered,
        source: &mapping::Source,
        files: &[Put],
        dead_letter_folder: &Path,
    ) -> io::Result<Self> {
        let mut sum = Sum::of(delivered.receipts.iter().map(|(key, receipt)| (key.as_str(), receipt)));
        for put in files {
            sum.objects.entry(put.file.key.clone()).or_default();
        }
        let (dead_letter_count, dead_letters) =
            dead_letters(dead_letter_folder, |position| match source.origin(position, files) {
                Some((put, line)) => (put.file.key.clone(), Some(line)),
                None => (position.to_string(), None),
            })?;
        let NotSent { count, first } = delivered.not_sent;
        let mut report = sum.report();
        report.balances &= delivered.receipts_name_all_records;
        Ok(Self {
            row: "file",
            records: Some(delivered.records),
            not_sent_count: count,
            not_sent: first,
            given_up: delivered.given_up.into_iter().collect(),
            dead_letter_count,
            dead_letters,
            dead_letter_folder: dead_letter_folder.to_owned(),
            invocations: delivered.invocations,
            ..report
        })
    }

    /// Whether something has to be delivered again.
    pub fn undelivered(&self) -> bool {
        !self.given_up.is_empty() || self.not_sent_count > 0
    }

    /// The report as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let head = ["read", "dropped", "indexed", "duplicates", "rejected", "undelivered", "attempts"];
        let rows = self.objects.iter().map(|object| (object.key.as_str(), object.counts.cells()));
        table(&mut text, self.row, head, rows, self.totals.cells());
        let balance = if self.balances { "every event has exactly one fate" } else { "THE RECEIPTS DO NOT BALANCE" };
        let _ = writeln!(text, "  {balance}");
        for key in &self.not_read {
            let _ = writeln!(text, "  not read, since no dataset of the pipeline matches it: {key}");
        }
        problems(&mut text, &self.given_up, &self.not_sent, self.not_sent_count);
        if !self.dead_letters.is_empty() {
            let _ =
                writeln!(text, "\nDead letters ({}), in {}", self.dead_letter_count, self.dead_letter_folder.display());
            for letter in &self.dead_letters {
                let line = letter.line.map(|line| format!(" line {line}")).unwrap_or_default();
                let DeadLetter { key, offset, stage, reason, .. } = letter;
                let _ = writeln!(text, "  {key}{line} @{offset}: {stage}: {reason}");
            }
        }
        if !self.indices.is_empty() {
            let _ = writeln!(text, "\nIndices");
            for (name, documents) in &self.indices {
                let _ = writeln!(text, "  {name}  {documents} documents");
            }
        }
        let what = match self.records {
            Some(records) => format!("{} events, {records} records", self.totals.fates.read),
            None => format!("{} events", self.totals.fates.read),
        };
        cost(&mut text, &what, self.seconds, self.cpu_seconds, self.peak_memory_bytes);
        text
    }
}

/// The fates of objects and their sum.
#[derive(Debug)]
struct Sum {
    objects: BTreeMap<String, Counts>,
    balances: bool,
}

impl Sum {
    fn of<'r>(receipts: impl Iterator<Item = (&'r str, &'r Value)>) -> Self {
        let mut sum = Self { objects: BTreeMap::new(), balances: true };
        for (key, receipt) in receipts {
            let counts = Counts { attempts: 1, fates: Outcome::deserialize(receipt).unwrap_or_default() };
            sum.balances &= counts.fates.balances();
            sum.objects.entry(key.to_owned()).or_default().add(&counts);
        }
        sum
    }

    fn report(self) -> Report {
        let mut totals = Counts::default();
        for counts in self.objects.values() {
            totals.add(counts);
        }
        Report {
            objects: self.objects.into_iter().map(|(key, counts)| ObjectReport { key, counts }).collect(),
            totals,
            balances: self.balances && totals.fates.balances(),
            ..Report::default()
        }
    }
}

/// The key of the object that a message is about.
fn subject(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match body["Records"][0]["s3"]["object"]["key"].as_str() {
        Some(encoded) => percent_decode_str(&encoded.replace('+', " ")).decode_utf8_lossy().into_owned(),
        None => body["object"]["key"].as_str().unwrap_or("a message").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use emulator::queue::Message;

    #[test]
    fn receipts_are_summed_and_missing_ones_are_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let receipt = |key: &str, indexed: u64, duplicates: u64| {
            json!({"message": "receipt", "key": key, "read": 10, "indexed": indexed, "duplicates": duplicates,
                "undelivered": 10 - indexed - duplicates})
        };
        let message = Message {
            id: "1".into(),
            receipt_handle: String::new(),
            body: emulator::notification::object_created([("b", "lost here", 1, "e")]),
            receive_count: 5,
            attributes: BTreeMap::new(),
        };
        let delivered = Delivered {
            receipts: vec![
                receipt("a", 6, 0),
                receipt("a", 4, 6),
                receipt("b", 10, 0),
                json!({"key": "c", "unmatched": 1}),
            ],
            given_up: vec![(message, "down".into())],
            invocations: 3,
        };
        let report = Report::new(&delivered, ["a", "b", "c", "lost here"], folder.path()).unwrap();
        assert!(report.balances && report.undelivered());
        assert_eq!(
            (report.totals.fates.read, report.totals.fates.indexed, report.totals.fates.undelivered),
            (30, 20, 4)
        );
        assert_eq!(report.objects[0].counts.attempts, 2);
        assert_eq!(report.not_read, ["c"]);
        assert!(report.text().contains("given up: lost here: down"));
    }
}
