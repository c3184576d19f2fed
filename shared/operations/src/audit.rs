//! `millrace audit`: lists the objects under a prefix that were not completely processed.
//!
//! In: the functions' log lines, in any form in which they were fetched, and the listing of a bucket. Out: each object
//! that no dataset takes, or that has no final receipt that balances, one after another. Memory: about 80 bytes for
//! each content with a receipt, independent of the number of objects in the bucket. Deliberately absent: fetching logs,
//! and acting on the results (`replay`).
//!
//! A receipt names the ETag of the content that was read, and counts only for that content. Receipts of earlier
//! releases do not name it and count by time: for content that was in the bucket before them. They are used only if no
//! receipt names the object's ETag.

use std::{
    collections::HashMap,
    io::{self, BufRead},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use delivery::aws::{Objects, objects::Listed};
use pipeline::{outcome::BatchError, rules::Datasets};

/// The maximum difference between the clocks of S3 and of the functions.
const CLOCKS_DIFFER_BY_MS: i64 = 2_000;
/// The maximum number of braces in a line at which a receipt may begin. The text before a receipt is a time, a stream's
/// name and similar.
const MAX_BEGINNINGS: usize = 8;

/// The status of an object, by its receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectStatus {
    /// No dataset's `from` takes it.
    NoDataset,
    /// It has no receipt.
    NoReceipt,
    /// It has receipts, but no final one.
    NotFinal,
    /// Its final receipt does not balance.
    Unbalanced,
    /// Its receipts belong to another content, or are older than it.
    Replaced,
    /// It has a final receipt that balances.
    Final,
}

/// The number of objects for each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names of the fates")]
pub struct Counts {
    /// All objects.
    pub objects: u64,
    #[serde(rename = "final")]
    pub settled: u64,
    pub no_dataset: u64,
    pub no_receipt: u64,
    pub not_final: u64,
    pub unbalanced: u64,
    pub replaced: u64,
}

impl Counts {
    /// Objects that a dataset takes and that have no final, balanced receipt of their own.
    pub fn without(&self) -> u64 {
        self.no_receipt + self.not_final + self.unbalanced + self.replaced
    }

    fn count(&mut self, status: ObjectStatus) {
        self.objects += 1;
        *match status {
            ObjectStatus::NoDataset => &mut self.no_dataset,
            ObjectStatus::NoReceipt => &mut self.no_receipt,
            ObjectStatus::NotFinal => &mut self.not_final,
            ObjectStatus::Unbalanced => &mut self.unbalanced,
            ObjectStatus::Replaced => &mut self.replaced,
            ObjectStatus::Final => &mut self.settled,
        } += 1;
    }
}

/// The receipt state of one object. The greatest value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    NotFinal,
    Unbalanced,
    /// At this time, in milliseconds since the epoch.
    Final(i64),
}

/// The receipt state of a key, for any content.
#[derive(Debug, Clone, Copy, Default)]
struct OfKey {
    without_etag: Option<Known>,
    has_etags: bool,
}

/// The receipts of the objects under a prefix.
#[derive(Debug)]
pub struct Ledger {
    bucket: String,
    prefix: String,
    /// By the hash of key and ETag.
    contents: HashMap<u128, Known>,
    /// By the hash of the key: the best state from receipts without an ETag, and whether receipts with an ETag exist.
    keys: HashMap<u128, OfKey>,
    /// Receipts of these objects.
    pub receipts: u64,
    /// Receipts of other objects and of streams.
    pub others: u64,
}

/// The fields of a receipt that are read.
#[derive(Deserialize)]
struct Receipt {
    bucket: String,
    key: String,
    etag: Option<String>,
    #[serde(rename = "final")]
    is_final: bool,
    balances: bool,
    #[serde(rename = "_aws")]
    aws: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "Timestamp")]
    timestamp: i64,
}

impl Ledger {
    /// A ledger without receipts.
    pub fn new(bucket: &str, prefix: &str) -> Self {
        let (contents, keys) = (HashMap::new(), HashMap::new());
        Self { bucket: bucket.into(), prefix: prefix.into(), contents, keys, receipts: 0, others: 0 }
    }

    /// Reads log lines: as the functions print them, with any text before them, or inside the JSON that
    /// `aws logs filter-log-events` and CloudWatch Logs Insights return. Lines without a receipt are skipped.
    ///
    /// # Errors
    /// The lines cannot be read.
    pub fn read(&mut self, mut lines: impl BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&line);
            // Also matches escaped receipts in the responses of CloudWatch.
            if text.contains("receipt") {
                self.line(text.trim());
            }
        }
    }

    fn line(&mut self, line: &str) {
        // A line of pretty-printed JSON.
        if let Some(rest) = line.strip_prefix("\"message\":") {
            if let Ok(message) = serde_json::from_str::<String>(rest.trim().trim_end_matches(',')) {
                self.line(message.trim());
            }
            return;
        }
        let begins = line.char_indices().filter(|(_, c)| matches!(c, '{' | '[')).map(|(at, _)| at);
        let before = self.seen();
        for begin in begins.take(MAX_BEGINNINGS) {
            let mut values = serde_json::Deserializer::from_str(&line[begin..]).into_iter();
            if let Some(Ok(value)) = values.next() {
                self.value(value);
            }
            if self.seen() > before {
                return;
            }
        }
    }

    fn value(&mut self, value: Value) {
        match value {
            Value::Array(values) => {
                for value in values {
                    self.value(value);
                }
            }
            Value::Object(object) if object.get("message").is_some_and(|message| message == "receipt") => {
                self.receipt(serde_json::from_value(Value::Object(object)).ok());
            }
            Value::Object(mut object) => {
                if let Some(Value::String(message)) = object.remove("message").or_else(|| object.remove("@message")) {
                    self.line(message.trim());
                }
                for name in ["events", "logEvents", "results"] {
                    self.value(object.remove(name).unwrap_or_default());
                }
            }
            _ => {}
        }
    }

    /// All receipts so far.
    fn seen(&self) -> u64 {
        self.receipts + self.others
    }

    fn receipt(&mut self, receipt: Option<Receipt>) {
        let own = receipt.filter(|receipt| receipt.bucket == self.bucket && receipt.key.starts_with(&self.prefix));
        let Some(Receipt { key, etag, is_final, balances, aws, .. }) = own else {
            self.others += 1;
            return;
        };
        self.receipts += 1;
        let known = match (is_final, balances) {
            (false, _) => Known::NotFinal,
            (true, false) => Known::Unbalanced,
            (true, true) => Known::Final(aws.map_or(i64::MAX, |aws| aws.timestamp)),
        };
        let of_key = self.keys.entry(hash(&[&key])).or_default();
        match etag {
            Some(etag) => {
                of_key.has_etags = true;
                let before = self.contents.entry(hash(&[&key, &etag])).or_insert(known);
                *before = known.max(*before);
            }
            None => of_key.without_etag = of_key.without_etag.max(Some(known)),
        }
    }

    /// The status of an object that a dataset takes.
    pub fn status(&self, object: &Listed) -> ObjectStatus {
        let of_content = self.contents.get(&hash(&[&object.key, &object.etag])).copied();
        let of_key = self.keys.get(&hash(&[&object.key])).copied().unwrap_or_default();
        let by_time = of_key.without_etag.map(|known| by_time(known, object));
        match of_content {
            Some(Known::Final(_)) => ObjectStatus::Final,
            None if by_time == Some(ObjectStatus::Final) => ObjectStatus::Final,
            Some(Known::Unbalanced) => ObjectStatus::Unbalanced,
            Some(Known::NotFinal) => ObjectStatus::NotFinal,
            None if of_key.has_etags => ObjectStatus::Replaced,
            None => by_time.unwrap_or(ObjectStatus::NoReceipt),
        }
    }
}

/// The status by a receipt that does not name its content.
fn by_time(known: Known, object: &Listed) -> ObjectStatus {
    match known {
        Known::NotFinal => ObjectStatus::NotFinal,
        Known::Unbalanced => ObjectStatus::Unbalanced,
        Known::Final(at_ms) if at_ms.saturating_add(CLOCKS_DIFFER_BY_MS) < object.last_modified_ms => {
            ObjectStatus::Replaced
        }
        Known::Final(_) => ObjectStatus::Final,
    }
}

/// 128 bits of a SHA-256: enough that no two keys of a bucket, and no two contents, have the same hash.
fn hash(parts: &[&str]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).fold(0, |hash, byte| hash << 8 | u128::from(*byte))
}

/// Lists the objects under the ledger's prefix, and calls `each` for every object that is not final.
///
/// # Errors
/// The bucket cannot be listed. The objects reported until then stay valid.
pub async fn audit(
    objects: &Objects,
    datasets: &Datasets,
    ledger: &Ledger,
    mut each: impl FnMut(&Listed, ObjectStatus),
) -> Result<Counts, BatchError> {
    let objects = objects.owned_by(datasets.owner_of_listing(&ledger.bucket, None));
    let mut counts = Counts::default();
    let mut after = None;
    loop {
        let page = objects.list(&ledger.bucket, &ledger.prefix, after.as_deref()).await?;
        for object in &page.objects {
            let status = match datasets.find_s3(&ledger.bucket, &object.key) {
                Some(_) => ledger.status(object),
                None => ObjectStatus::NoDataset,
            };
            counts.count(status);
            if status != ObjectStatus::Final {
                each(object, status);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use delivery::telemetry::{self, Subject};
    use pipeline::outcome::Outcome;

    fn line(key: &str, is_final: bool, read: u64, at_ms: i64) -> String {
        line_of(key, None, is_final, read, at_ms)
    }

    fn line_of(key: &str, etag: Option<&str>, is_final: bool, read: u64, at_ms: i64) -> String {
        let etag = etag.map(str::to_owned);
        let subject = Subject::S3 { bucket: "logs".into(), key: key.into(), etag, start_offset: 0, end_offset: 1 };
        let outcome = Outcome { read, indexed: 1, ..Outcome::default() };
        telemetry::Receipt { is_final, outcome, ..telemetry::Receipt::new(subject, "d") }.line(at_ms)
    }

    fn ledger(text: &str) -> Ledger {
        let mut ledger = Ledger::new("logs", "in/");
        ledger.read(text.as_bytes()).unwrap();
        ledger
    }

    fn object(key: &str, last_modified_ms: i64) -> Listed {
        Listed { key: key.into(), etag: "e".into(), size: 1, last_modified_ms, ..Listed::default() }
    }

    #[test]
    fn the_best_receipt_decides_and_must_be_younger_than_the_object() {
        let lines = [
            line("in/late", false, 1, 9_000),
            line("in/done", false, 1, 9_000),
            line("in/done", true, 1, 10_000),
            line("in/done", false, 1, 11_000),
            line("in/wrong", true, 2, 9_000),
            line("in/mended", true, 2, 9_000),
            line("in/mended", true, 1, 9_500),
            line("elsewhere", true, 1, 9_000),
        ];
        let ledger = ledger(&lines.join("\n"));
        assert_eq!((ledger.receipts, ledger.others), (7, 1));
        for (key, written_ms, status) in [
            ("in/late", 0, ObjectStatus::NotFinal),
            ("in/done", 12_000, ObjectStatus::Final),
            ("in/done", 12_001, ObjectStatus::Replaced),
            ("in/wrong", 0, ObjectStatus::Unbalanced),
            ("in/mended", 0, ObjectStatus::Final),
            ("in/never", 0, ObjectStatus::NoReceipt),
        ] {
            assert_eq!(ledger.status(&object(key, written_ms)), status, "{key}");
        }
    }

    #[test]
    fn a_receipt_counts_for_the_content_that_it_names_whatever_the_time() {
        let lines = [
            line_of("in/overwritten", Some("old"), true, 1, 99_000),
            line_of("in/both", Some("old"), true, 1, 9_000),
            line_of("in/both", Some("e"), true, 1, 9_000),
            line_of("in/copied", Some("e"), true, 1, 1),
            line_of("in/begun", Some("e"), false, 1, 9_000),
            line_of("in/begun", Some("old"), true, 1, 99_000),
            line_of("in/wrong", Some("e"), true, 2, 9_000),
            line_of("in/upgraded", Some("e"), false, 1, 9_000),
            line_of("in/upgraded", None, true, 1, 8_000),
            line_of("in/then", None, true, 1, 8_000),
            line_of("in/then", Some("old"), true, 1, 99_000),
        ];
        let ledger = ledger(&lines.join("\n"));
        for (key, written_ms, status) in [
            ("in/overwritten", 10_000, ObjectStatus::Replaced),
            ("in/both", 8_000, ObjectStatus::Final),
            ("in/copied", 50_000, ObjectStatus::Final),
            ("in/begun", 8_000, ObjectStatus::NotFinal),
            ("in/wrong", 8_000, ObjectStatus::Unbalanced),
            ("in/upgraded", 7_000, ObjectStatus::NotFinal),
            ("in/upgraded", 20_000, ObjectStatus::NotFinal),
            ("in/then", 7_000, ObjectStatus::Final),
            ("in/then", 20_000, ObjectStatus::Replaced),
        ] {
            assert_eq!(ledger.status(&object(key, written_ms)), status, "{key} written at {written_ms}");
        }
    }

    #[test]
    fn receipts_are_found_in_every_form_that_logs_come_in() {
        let receipt = line("in/a {b}\n", true, 1, 9_000);
        let event =
            json!({ "logStreamName": "2026/11/26/[$LATEST]ab", "timestamp": 9_000, "message": format!("{receipt}\n") });
        let noise = json!({ "message": "START RequestId: 1 with a receipt\n" });
        for (name, text) in [
            ("as printed", receipt.clone()),
            ("export to S3", format!("2026-11-26T10:00:00.000Z {receipt}")),
            ("aws logs tail", format!("2026-11-26T10:00:00 2026/11/26/[$LATEST]ab {receipt}")),
            ("text", format!("EVENTS\t123\t456\t2026/11/26/[$LATEST]{{x}}\t{receipt}\t789")),
            ("filter-log-events", serde_json::to_string_pretty(&json!({ "events": [noise, event] })).unwrap()),
            ("on one line", json!({ "events": [noise, event], "searchedLogStreams": [] }).to_string()),
            ("jq -c .events[]", event.to_string()),
            ("jq .events", serde_json::to_string_pretty(&json!([noise, event])).unwrap()),
            ("insights", json!({ "@timestamp": "x", "@message": receipt }).to_string()),
        ] {
            let ledger = ledger(&text);
            assert_eq!((ledger.receipts, ledger.others), (1, 0), "{name}: {text}");
            assert_eq!(ledger.status(&object("in/a {b}\n", 9_000)), ObjectStatus::Final, "{name}");
        }
    }

    #[test]
    fn lines_that_are_not_receipts_are_skipped() {
        let lines = [
            "START RequestId: receipt".to_owned(),
            "{\"message\":\"receipt\",\"stream\":\"s\"}".to_owned(),
            "{\"message\":\"the receipt\"".to_owned(),
            "[[[[[[[[[[[[receipt".to_owned(),
            String::new(),
        ];
        let ledger = ledger(&lines.join("\n"));
        assert_eq!((ledger.receipts, ledger.others), (0, 1));
    }
}
