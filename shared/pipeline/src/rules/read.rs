//! From YAML nodes to datasets: every key known, every value checked, all faults collected.

mod dataset;
mod fields;
mod format;
mod from;
mod include;
mod index;
mod keep;
mod parameters;
mod reader;
mod rule_tests;
mod template;

use super::rule_test::RuleTest;
use crate::{
    outcome::Fault,
    shape::HashKey,
    yaml::{self, Data, Location, Node, Text},
};
use dataset::DATASETS_FORM;
pub(super) use dataset::Entry;
use include::ReadFile;
use reader::{Keys, Members, Reader};

const TOP_KEYS: Keys<'_> = Keys { of: "the file", known: &["datasets", "include"], later: &[] };
const INCLUDED_KEYS: Keys<'_> = Keys { of: "an included file", known: &["datasets"], later: &[] };

/// The content of a file and of the files that it includes.
pub(super) struct Content {
    /// All datasets: those of the file, then those of each included file.
    pub(super) entries: Vec<Entry>,
    /// The tests of all datasets.
    pub(super) tests: Vec<RuleTest>,
    /// The texts of the included files.
    pub(super) included: Vec<String>,
}

/// The tables of keys for all maps with fixed keys.
pub(super) fn keys() -> impl Iterator<Item = Keys<'static>> {
    let own = [
        TOP_KEYS,
        dataset::DATASET_KEYS,
        dataset::TIMESTAMP_KEYS,
        index::INDEX_KEYS,
        index::ROLLOVER_KEYS,
        dataset::ID_KEYS,
        format::FORMAT_KEYS,
        from::FROM_KEYS,
        fields::KEYS,
        fields::GEO_POINT_KEYS,
        rule_tests::TEST_KEYS,
        rule_tests::RESULT_KEYS,
        template::TEMPLATE_KEYS,
    ];
    own.into_iter()
}

/// Reads a file, and the files that it includes.
pub(super) fn content(
    file_name: &str,
    text: &str,
    key: Option<&HashKey>,
    read: ReadFile<'_>,
) -> Result<Content, Vec<Fault>> {
    let mut reader = Reader::new(file_name, key);
    let mut faults = Vec::new();
    let mut included = Vec::new();
    let mut entries = reader.file(text, &TOP_KEYS, |reader, members| {
        if let Some((_, list)) = members.get("include") {
            included = reader.include(list, read);
        }
    });
    reader.take_faults(&mut faults);
    for file in &included {
        reader.file_name.clone_from(&file.name);
        entries.extend(reader.file(&file.text, &INCLUDED_KEYS, |_, _| {}));
        reader.take_faults(&mut faults);
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let included = included.into_iter().map(|file| file.text).collect();
    Ok(Content { entries, tests: reader.tests, included })
}

impl Reader<'_> {
    /// Reads the datasets of a file. `others` reads the other keys.
    fn file(&mut self, text: &str, keys: &Keys<'_>, others: impl FnOnce(&mut Self, &Members<'_>)) -> Vec<Entry> {
        match yaml::parse(text) {
            Ok(Some(root)) => self.root(&root, keys, others),
            Ok(None) => {
                self.complain(Location { line: 1, column: 1 }, format!("the file is empty; {DATASETS_FORM}"));
                Vec::new()
            }
            Err((place, message)) => {
                self.complain(place, message);
                Vec::new()
            }
        }
    }

    fn root(&mut self, root: &Node, keys: &Keys<'_>, others: impl FnOnce(&mut Self, &Members<'_>)) -> Vec<Entry> {
        if let Data::Scalar(Text { is_null: true, .. }) = &root.data {
            self.complain(root.place, format!("the file is empty; {DATASETS_FORM}"));
            return Vec::new();
        }
        let Some(members) = self.map(root, keys, DATASETS_FORM) else { return Vec::new() };
        others(self, &members);
        let Some((_, list)) = members.get("datasets") else {
            let is_explained = self.complaints.iter().any(|(_, message)| message.contains("unknown key"));
            if members.get("include").is_none() && !is_explained {
                self.complain(root.place, format!("`datasets` is missing; {DATASETS_FORM}"));
            }
            return Vec::new();
        };
        let Data::List(nodes) = &list.data else {
            self.complain(list.place, format!("`datasets` is {}; {DATASETS_FORM}", list.kind()));
            return Vec::new();
        };
        if nodes.is_empty() {
            self.complain(list.place, format!("`datasets` is an empty list; {DATASETS_FORM}"));
        }
        let read = |node: &Node| {
            let dataset = self.dataset(node);
            self.rule_tests(node);
            dataset
        };
        nodes.iter().filter_map(read).collect()
    }

    /// Moves the complaints about the current file, in the order of its lines.
    fn take_faults(&mut self, faults: &mut Vec<Fault>) {
        self.complaints.sort_by_key(|(place, _)| *place);
        let file_name = &self.file_name;
        let fault = |(place, message): (Location, String)| Fault {
            place: format!("{file_name}:{}:{}", place.line, place.column),
            message,
        };
        faults.extend(self.complaints.drain(..).map(fault));
    }
}
