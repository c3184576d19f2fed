//! The result of a dry run, as text for a person or as JSON for a program.

use std::{collections::BTreeMap, fmt::Write as _};

use pipeline::outcome::Stage;
use serde::Serialize;

/// The largest number of characters shown of an event.
const SHOWN_CHARS: usize = 1000;

/// The whole report.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The datasets, in the order of the file. Those of delivery streams come last.
    pub datasets: Vec<Tried>,
    /// The number of tests in the file. All of them passed.
    pub tests: usize,
    /// Files whose path no S3 dataset's `from` matches.
    pub not_taken: Vec<String>,
    /// Rules that may index an event twice, and behaviour of the domain that may be unexpected.
    pub warnings: Vec<String>,
    /// Facts that hold for all rules of a kind.
    pub notes: Vec<String>,
}

/// The effect of a dataset's rules on the samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// Where its data come from.
    pub from: String,
    /// The number of samples that it takes.
    pub files: usize,
    /// The number of events in these samples.
    pub read: u64,
    /// The number of events that it would index or deliver.
    pub wanted: u64,
    /// The number of events that its `select` does not want.
    pub dropped: u64,
    /// The number of events that would go to the dead letters, or whose records Firehose would store as failed.
    pub failed: u64,
    /// The number of values that `fields` could not make: invalid coordinates, unreadable dates, strings without JSON.
    pub left_out: u64,
    /// The number of documents in each index.
    pub indices: BTreeMap<String, u64>,
    /// The first event of each kind of failure.
    pub failures: Vec<Failure>,
    /// An event before and after; one that changes, if there is one.
    pub example: Option<Example>,
    /// The cost of each rule alone, the most expensive first.
    pub costs: Vec<Cost>,
    /// Files that could not be read to their end.
    pub unreadable: Vec<String>,
}

/// Events that fail for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The step that refuses them.
    pub stage: Stage,
    /// A stable name for the kind of failure, to search by.
    pub error_type: String,
    /// The number of these events.
    pub count: u64,
    /// The error in the first of them, for a person.
    pub reason: String,
    /// The file with the first of them.
    pub key: String,
    /// Its byte offset in that file, decompressed.
    pub offset: u64,
    /// Its bytes.
    pub event: String,
}

/// An event before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The file with the event.
    pub key: String,
    /// Its byte offset in that file, decompressed.
    pub offset: u64,
    /// The event before the rules.
    pub before: String,
    /// The event as it is stored.
    pub after: String,
}

/// The cost of one rule alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// The rule as written in the file.
    pub rule: String,
    /// Nanoseconds for each event, on this machine.
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

    /// The report as text.
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

    /// The warnings and notes, one per line.
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

/// The event on one line, shortened to [`SHOWN_CHARS`].
fn shown(event: &str) -> String {
    let line = event.split(['\n', '\r']).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}… ({} bytes)", &line[..end], event.len()),
        None => line,
    }
}
