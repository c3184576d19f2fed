//! From YAML nodes to datasets: every key known, every value checked, all faults collected.

mod dataset;
mod fields;
mod format;
mod from;
mod index;
mod keep;
mod reader;

use crate::{
    outcome::Fault,
    shape::HashKey,
    yaml::{self, Data, Location, Node, Text},
};
use dataset::DATASETS_FORM;
pub(super) use dataset::Entry;
use reader::{Keys, Reader};

const TOP_KEYS: Keys<'_> = Keys { of: "the file", known: &["datasets"], later: &[] };

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
    ];
    own.into_iter()
}

/// Reads the datasets of a file.
pub(super) fn datasets(file_name: &str, text: &str, key: Option<&HashKey>) -> Result<Vec<Entry>, Vec<Fault>> {
    let mut reader = Reader { key, complaints: Vec::new() };
    let datasets = match yaml::parse(text) {
        Ok(Some(root)) => reader.file(&root),
        Ok(None) => {
            reader.complain(Location { line: 1, column: 1 }, format!("the file is empty; {DATASETS_FORM}"));
            Vec::new()
        }
        Err((place, message)) => {
            reader.complain(place, message);
            Vec::new()
        }
    };
    if reader.complaints.is_empty() {
        return Ok(datasets);
    }
    reader.complaints.sort_by_key(|(place, _)| *place);
    let fault = |(place, message): (Location, String)| Fault {
        place: format!("{file_name}:{}:{}", place.line, place.column),
        message,
    };
    Err(reader.complaints.into_iter().map(fault).collect())
}

impl Reader<'_> {
    fn file(&mut self, root: &Node) -> Vec<Entry> {
        if let Data::Scalar(Text { is_null: true, .. }) = &root.data {
            self.complain(root.place, format!("the file is empty; {DATASETS_FORM}"));
            return Vec::new();
        }
        let Some(members) = self.map(root, &TOP_KEYS, DATASETS_FORM) else { return Vec::new() };
        let Some((_, list)) = members.get("datasets") else {
            if !self.complaints.iter().any(|(_, message)| message.contains("unknown key")) {
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
        let mut names: Vec<(String, Location)> = Vec::new();
        let mut indices = index::Names::new();
        nodes.iter().filter_map(|node| self.dataset(node, &mut names, &mut indices)).collect()
    }
}
