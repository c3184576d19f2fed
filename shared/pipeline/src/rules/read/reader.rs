//! Reads maps, lists and texts of the file, and collects every fault.

use crate::{
    decode::Path,
    rules::{layout::Layout, rule_test::RuleTest},
    shape::HashKey,
    yaml::{self, Data, Key, Location, Node, Text},
};

/// Accepted keys, and keys that a later release adds.
#[derive(Clone, Copy)]
pub(in crate::rules) struct Keys<'k> {
    pub(in crate::rules::read) of: &'k str,
    pub(in crate::rules) known: &'static [&'static str],
    pub(in crate::rules::read) later: &'static [&'static str],
}

/// Every method that returns `None` has added a complaint.
pub(in crate::rules::read) struct Reader<'k> {
    /// The key for `hash`. Without it a `hash` rule is a fault.
    pub(in crate::rules::read) key: Option<&'k HashKey>,
    /// The name of the current file.
    pub(in crate::rules::read) file_name: String,
    /// The datasets of all files so far.
    pub(in crate::rules::read) names: Vec<DatasetName>,
    /// The indices of all datasets so far.
    pub(in crate::rules::read) indices: Vec<IndexName>,
    /// The tests of all files so far.
    pub(in crate::rules::read) tests: Vec<RuleTest>,
    /// The complaints about the current file.
    pub(in crate::rules::read) complaints: Vec<yaml::Complaint>,
}

/// The name of a dataset, and where it is.
pub(in crate::rules::read) struct DatasetName {
    pub(in crate::rules::read) name: String,
    pub(in crate::rules::read) file_name: String,
    pub(in crate::rules::read) line: usize,
}

/// The name that the events of a dataset go to, what it stands for, and where it is.
pub(in crate::rules::read) struct IndexName {
    pub(in crate::rules::read) name: String,
    pub(in crate::rules::read) layout: Layout,
    pub(in crate::rules::read) file_name: String,
    pub(in crate::rules::read) line: usize,
}

impl<'k> Reader<'k> {
    pub(in crate::rules::read) fn new(file_name: &str, key: Option<&'k HashKey>) -> Self {
        let file_name = file_name.to_owned();
        Self { key, file_name, names: Vec::new(), indices: Vec::new(), tests: Vec::new(), complaints: Vec::new() }
    }
}

impl Reader<'_> {
    /// The place of something in a file that was read before, for a message.
    pub(in crate::rules::read) fn earlier(&self, file_name: &str, line: usize) -> String {
        let file = if *file_name == self.file_name { String::new() } else { format!(" of {file_name}") };
        format!("line {line}{file}")
    }

    pub(in crate::rules::read) fn complain(&mut self, place: Location, message: impl Into<String>) {
        self.complaints.push((place, message.into()));
    }

    pub(in crate::rules::read) fn refuse<T>(&mut self, place: Location, message: impl Into<String>) -> Option<T> {
        self.complain(place, message);
        None
    }

    pub(in crate::rules::read) fn path(&mut self, node: &Node, name: &str, form: &str) -> Option<Path> {
        let text = self.text(node, name, form)?.value.clone();
        Path::parse(&text).map_or_else(|error| self.refuse(node.place, format!("`{name}: {text}`: {error}")), Some)
    }

    pub(in crate::rules::read) fn text<'n>(&mut self, node: &'n Node, name: &str, form: &str) -> Option<&'n Text> {
        match &node.data {
            Data::Scalar(text) if !text.is_null => Some(text),
            _ => self.refuse(node.place, format!("`{name}` is {}; {form}", node.kind())),
        }
    }

    pub(in crate::rules::read) fn optional<T>(
        &mut self,
        members: &Members<'_>,
        name: &str,
        default: T,
        read: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<T> {
        match members.get(name) {
            Some((_, node)) => read(self, node),
            None => Some(default),
        }
    }

    /// The entries of a map whose keys are user-chosen names. Each name may occur once.
    pub(in crate::rules::read) fn entries<'n>(
        &mut self,
        node: &'n Node,
        name: &str,
        form: &str,
    ) -> Vec<&'n (Key, Node)> {
        let Data::Map(entries) = &node.data else {
            self.complain(node.place, format!("`{name}` is {}, not a map; {form}", node.kind()));
            return Vec::new();
        };
        if entries.is_empty() {
            self.complain(node.place, format!("`{name}` is empty; {form}"));
        }
        let mut known: Vec<&(Key, Node)> = Vec::new();
        for entry in entries {
            let key = &entry.0;
            if let Some((first, _)) = known.iter().find(|(earlier, _)| earlier.text == key.text) {
                let line = first.place.line;
                self.complain(key.place, format!("`{}` is in line {line} already; a key is given once", key.text));
            } else {
                known.push(entry);
            }
        }
        known
    }

    /// The nodes of a non-empty list.
    pub(in crate::rules::read) fn list<'n>(&mut self, node: &'n Node, name: &str, form: &str) -> &'n [Node] {
        match &node.data {
            Data::List(nodes) if nodes.is_empty() => {
                self.complain(node.place, format!("`{name}` is an empty list; {form}"));
            }
            Data::List(nodes) => return nodes,
            _ => self.complain(node.place, format!("`{name}` is {}; {form}", node.kind())),
        }
        &[]
    }

    /// The members of a map. Complains about unknown, later and duplicate keys.
    pub(in crate::rules::read) fn map<'n>(
        &mut self,
        node: &'n Node,
        keys: &Keys<'_>,
        form: &str,
    ) -> Option<Members<'n>> {
        let Data::Map(entries) = &node.data else {
            return self.refuse(node.place, format!("{} is {}, not a map; {form}", keys.of, node.kind()));
        };
        let mut members = Members { entries: Vec::new() };
        for (key, value) in entries {
            let name = key.text.as_str();
            if keys.later.contains(&name) {
                self.complain(
                    key.place,
                    format!("`{name}` is not supported yet; {} takes {}", keys.of, listed(keys.known)),
                );
            } else if !keys.known.contains(&name) {
                let hint = closest(name, keys).map(|known| format!(" did you mean `{known}`?")).unwrap_or_default();
                let known = listed(keys.known);
                self.complain(key.place, format!("unknown key `{name}`;{hint} {} takes {known}", keys.of));
            } else if let Some((first, _)) = members.get(name) {
                let line = first.place.line;
                self.complain(key.place, format!("`{name}` is in line {line} already; a key is given once"));
            } else {
                members.entries.push((key, value));
            }
        }
        Some(members)
    }
}

pub(in crate::rules::read) struct Members<'n> {
    pub(in crate::rules::read) entries: Vec<(&'n Key, &'n Node)>,
}

impl<'n> Members<'n> {
    pub(in crate::rules::read) fn get(&self, name: &str) -> Option<(&'n Key, &'n Node)> {
        self.entries.iter().find(|(key, _)| key.text == name).copied()
    }
}

pub(in crate::rules::read) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The known key that a mistyped key probably stands for.
fn closest(name: &str, keys: &Keys<'_>) -> Option<&'static str> {
    let distance = |known: &&&'static str| edits(name, known);
    keys.known.iter().min_by_key(distance).filter(|known| edits(name, known) <= 2.max(known.len() / 3)).copied()
}

/// The number of characters to insert, delete or change.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
