//! What came of a dry run, for a person or for a program.

use std::{collections::BTreeMap, fmt::Write as _};

use pipeline::outcome::Stage;
use serde::Serialize;

/// Characters of an event that are shown.
const SHOWN_CHARS: usize = 1000;

/// Everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Each dataset, in the order of the file, those of delivery streams last.
    pub datasets: Vec<Tried>,
    /// Files whose path no S3 dataset's `from` matches.
    pub not_taken: Vec<String>,
    /// By which rules an event may come to be there twice, and what a domain does in another way.
    pub warnings: Vec<String>,
    /// What holds for all rules of a kind.
    pub notes: Vec<String>,
}

/// What a dataset's rules do to the samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// Where its data come from.
    pub from: String,
    /// Samples that it takes.
    pub files: usize,
    /// Events in them.
    pub read: u64,
    /// Events that it would index, or deliver.
    pub wanted: u64,
    /// Events that its `select` does not want.
    pub dropped: u64,
    /// Events that would go to the dead letters, or whose records would to the backup bucket.
    pub failed: u64,
    /// Values that `fields` could not make: invalid coordinates, unreadable dates, strings that hold no JSON.
    pub left_out: u64,
    /// Documents by index.
    pub indices: BTreeMap<String, u64>,
    /// The first event of each kind of failure.
    pub failures: Vec<Failure>,
    /// An event before and after, one that is changed if there is one.
    pub example: Option<Example>,
    /// What each rule costs by itself, the dearest first.
    pub costs: Vec<Cost>,
    /// Files that could not be read to their end.
    pub unreadable: Vec<String>,
}

/// Events that fail in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The step that refuses them.
    pub stage: Stage,
    /// A stable word to search by.
    pub error_type: String,
    /// How many they are.
    pub count: u64,
    /// What is wrong with the first, for a person.
    pub reason: String,
    /// The file that it is in.
    pub key: String,
    /// Its byte offset there, decompressed.
    pub offset: u64,
    /// Its bytes.
    pub event: String,
}

/// An event before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The file that it is in.
    pub key: String,
    /// Its byte offset there, decompressed.
    pub offset: u64,
    /// As it came.
    pub before: String,
    /// As it is stored.
    pub after: String,
}

/// What a rule costs by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// As it is written.
    pub rule: String,
    /// Of each event, on this machine.
    pub nanoseconds: f64,
}

impl From<pipeline::dry_run::Cost> for Cost {
    fn from(cost: pipeline::dry_run::Cost) -> Self {
        Self { rule: cost.rule, nanoseconds: cost.nanoseconds }
    }
}

impl Report {
    /// Whether every sample was read to its end.
    pub fn is_whole(&self) -> bool {
        self.datasets.iter().all(|dataset| dataset.unreadable.is_empty())
    }

    /// The report as a person reads it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for dataset in &self.datasets {
            dataset.write(&mut text);
        }
        for key in &self.not_taken {
            let _ = writeln!(text, "no S3 dataset's `from` matches {key}");
        }
        text
    }

    /// The warnings and notes, a line each.
    pub fn warnings_text(&self) -> String {
        let warnings = self.warnings.iter().map(|warning| ("warning  ", warning));
        let lines = warnings.chain(self.notes.iter().map(|note| ("note  ", note)));
        lines.fold(String::new(), |text, (kind, line)| text + kind + line + "\n")
    }
}

impl Tried {
    fn write(&self, text: &mut String) {
        let Self { name, from, files, read, wanted, dropped, failed, .. } = self;
        let _ = writeln!(text, "{name}, from {from}");
        if *files == 0 {
            let _ = writeln!(text, "  no sample\n");
            return;
        }
        let s = if *files == 1 { "" } else { "s" };
        let _ =
            writeln!(text, "  {read} events in {files} file{s}: {wanted} wanted, {dropped} dropped, {failed} failed");
        for (index, documents) in &self.indices {
            let _ = writeln!(text, "  index   {index}  {documents}");
        }
        for Failure { stage, error_type, count, reason, key, offset, event } in &self.failures {
            let _ =
                writeln!(text, "  failed  {count} by {stage}, {error_type}; the first in {key} @{offset}: {reason}");
            let _ = writeln!(text, "          {}", shown(event));
        }
        if self.left_out > 0 {
            let _ = writeln!(text, "  values left out, since they could not be made: {}", self.left_out);
        }
        for file in &self.unreadable {
            let _ = writeln!(text, "  not read to its end: {file}");
        }
        if let Some(Example { key, offset, before, after }) = &self.example {
            let _ = writeln!(text, "  example {key} @{offset}\n  before  {}", shown(before));
            let after = if before == after { "the same".into() } else { shown(after) };
            let _ = writeln!(text, "  after   {after}");
        }
        if let Some(Cost { rule, nanoseconds }) = self.costs.first() {
            let all: f64 = self.costs.iter().map(|cost| cost.nanoseconds).sum();
            let _ = writeln!(
                text,
                "  slowest {rule}  ({nanoseconds:.0} of the {all:.0} ns an event that its {} rules take, each by itself)",
                self.costs.len()
            );
        }
        text.push('\n');
    }
}

/// On one line, and not too much of it.
fn shown(event: &str) -> String {
    let line = event.split(['\n', '\r']).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}… ({} bytes)", &line[..end], event.len()),
        None => line,
    }
}
