//! The inputs of tests/data/cases with the rules beside them, as runs of a function, and the table of their results.
//!
//! In: the folder. Out: one [`Run`] for each file, rules and source, and a table with fixed columns and a comment on
//! each line. Deliberately absent: the functions and the domain, which the test starts.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The rules that apply to every file: an S3 object whose format is detected.
const DEFAULT: &str = "datasets:\n  - name: any\n    from: { key: \"**\" }\n    index: any\n";
/// The name of `DEFAULT` in the table.
pub const DEFAULT_RULES: &str = "-";

/// The service that delivers a file to its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// The file is an object.
    S3,
    /// Each of its lines is a record.
    Kinesis,
    /// Each of its lines is a record.
    Kafka,
}

impl Service {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Kinesis => "kinesis",
            Self::Kafka => "kafka",
        }
    }

    /// The service that a `from` names.
    fn of(from: &str) -> Self {
        match from {
            from if from.contains("stream:") => Self::Kinesis,
            from if from.contains("topic:") => Self::Kafka,
            _ => Self::S3,
        }
    }
}

/// A rules file of a folder.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Its name in the table.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A folder of inputs.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Its rules, and the default rules.
    pub rules: Vec<Rules>,
    /// Its inputs: path below tests/data/cases, and bytes.
    pub files: Vec<(String, Vec<u8>)>,
}

/// One file with one file of rules and one source.
#[derive(Debug, Clone)]
pub struct Run {
    /// The unique prefix of its names: objects, streams, topics and indices.
    pub id: String,
    /// The line of the table.
    pub key: Key,
    /// The input.
    pub bytes: Vec<u8>,
    /// The datasets, with names that only this run uses.
    pub datasets: String,
}

/// The key of a line of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The file.
    pub file: String,
    /// Its rules.
    pub rules: String,
    /// The service that delivered it; `-` if the function refuses the rules.
    pub source: String,
}

/// The result of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that were read.
    pub read: u64,
    /// Events in the domain.
    pub indexed: u64,
    /// Events that were dropped.
    pub dropped: u64,
    /// Dead letters by their `error_type`.
    pub rejected: BTreeMap<String, u64>,
    /// Receipts.
    pub attempts: u64,
    /// Rare results: `duplicates:1`, or the fault of the rules.
    pub more: Vec<String>,
}

/// The lines and their comments.
#[derive(Debug, Clone, Default)]
pub struct Table {
    head: String,
    lines: BTreeMap<Key, (String, String)>,
}

/// All folders, in the order of their names.
pub fn folders(root: &Path) -> Vec<Folder> {
    children(root).into_iter().filter(|path| path.is_dir()).map(|path| folder(root, &path)).collect()
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a folder can be listed").path()).collect();
    paths.sort();
    paths
}

fn folder(root: &Path, path: &Path) -> Folder {
    let mut found =
        Folder { rules: vec![Rules { name: DEFAULT_RULES.into(), text: DEFAULT.into() }], files: Vec::new() };
    let mut left = children(path);
    left.reverse();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(children(&path).into_iter().rev());
            continue;
        }
        let name = path.strip_prefix(root).expect("it lies there").display().to_string();
        let bytes = std::fs::read(&path).expect("a file can be read");
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yaml") => {
                let name = name.rsplit('/').next().unwrap_or_default().to_owned();
                found.rules.push(Rules { name, text: String::from_utf8(bytes).expect("rules are UTF-8") });
            }
            // Logstash configurations hold no events.
            Some("conf") => {}
            _ => found.files.push((name, bytes)),
        }
    }
    found
}

/// The runs of a file with these rules, one for each source that the rules name. `number` makes the names unique.
pub fn runs(number: usize, file: &(String, Vec<u8>), rules: &Rules) -> Vec<Run> {
    let datasets: Vec<&str> = rules.text.split("\n  - ").skip(1).collect();
    let mut services: Vec<Service> = datasets.iter().map(|dataset| Service::of(from(dataset))).collect();
    services.sort_unstable();
    services.dedup();
    let run = |service: Service| {
        let id = format!("r{number}{}", service.name());
        let of_service = datasets.iter().filter(|dataset| Service::of(from(dataset)) == service);
        let datasets = of_service.map(|dataset| renamed(dataset, &id)).collect();
        let key = Key { file: file.0.clone(), rules: rules.name.clone(), source: service.name().into() };
        Run { key, bytes: file.1.clone(), datasets, id }
    };
    services.into_iter().map(run).collect()
}

fn from(dataset: &str) -> &str {
    dataset.lines().find(|line| line.trim_start().starts_with("from:")).unwrap_or_default()
}

/// A dataset with names that only this run uses.
fn renamed(dataset: &str, id: &str) -> String {
    let mut text = String::new();
    for line in dataset.lines() {
        let (name, value) = line.trim().split_once(": ").unwrap_or_default();
        let (indent, bare) = (if name == "name" { "  - " } else { "    " }, value.trim_matches('"'));
        let _ = match name {
            "name" => writeln!(text, "{indent}name: {id}-{bare}"),
            "index" => writeln!(text, "{indent}index: \"cases-{id}-{bare}\""),
            "from" => {
                let value =
                    value.replace("bucket: logs", "bucket: t-cases").replace("key: \"", &format!("key: \"{id}/"));
                let value = value.replace("stream: ", &format!("stream: {id}-"));
                writeln!(text, "{indent}from: {}", value.replace("topic: ", &format!("topic: {id}-")))
            }
            _ => writeln!(text, "{line}"),
        };
    }
    text
}

/// The records of a file: its lines, without empty ones.
pub fn records(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

impl Counts {
    fn cells(&self) -> String {
        if self.attempts == 0 {
            return self.more.join(" ");
        }
        let rejected: Vec<String> = self.rejected.iter().map(|(kind, count)| format!("{kind}:{count}")).collect();
        let rejected = if rejected.is_empty() { "-".to_owned() } else { rejected.join(" ") };
        let more = self.more.iter().fold(String::new(), |text, more| text + " " + more);
        let Self { read, indexed, dropped, attempts, .. } = self;
        format!("{read:>4} {indexed:>7} {dropped:>7} {attempts:>8}  {rejected}{more}")
    }
}

impl Table {
    /// Reads a table. The text before the first line with a file stays unchanged.
    pub fn read(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            if line.starts_with('#') || line.is_empty() {
                table.head.extend([line, "\n"]);
                continue;
            }
            let (cells, comment) = line.split_once("  # ").unwrap_or((line, ""));
            let mut words = cells.split_whitespace();
            let mut word = || words.next().unwrap_or_default().to_owned();
            let key = Key { file: word(), rules: word(), source: word() };
            let cells = words.collect::<Vec<_>>().join(" ");
            table.lines.insert(key, (cells, comment.trim().to_owned()));
        }
        table
    }

    /// The table with these counts, and with the head and the comments of this table.
    pub fn with(&self, found: &BTreeMap<Key, Counts>) -> String {
        let mut text = self.head.clone();
        for (key, counts) in found {
            let Key { file, rules, source } = key;
            let line = format!("{file:<44} {rules:<13} {source:<8} {}", counts.cells());
            let comment = self.lines.get(key).map_or("", |(_, comment)| comment);
            let line = if comment.is_empty() { line } else { format!("{line:<110}  # {comment}") };
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    /// The lines that differ from these counts: as written, and as found.
    pub fn differing(&self, found: &BTreeMap<Key, Counts>) -> Vec<String> {
        let words = |cells: &str| cells.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut differing = Vec::new();
        for (key, counts) in found {
            let (expected, comment) = self.lines.get(key).cloned().unwrap_or_default();
            if expected != words(&counts.cells()) {
                differing
                    .push(format!("{key:?}: expected `{expected}`, found `{}`  # {comment}", words(&counts.cells())));
            }
        }
        differing.extend(
            self.lines.keys().filter(|key| !found.contains_key(key)).map(|key| format!("{key:?}: was not run")),
        );
        differing
    }
}
