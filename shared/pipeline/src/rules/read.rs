//! From YAML nodes to datasets: every key known, every value checked, all faults collected.

mod fields;
mod format;
mod from;
mod keep;

use std::sync::Arc;

use super::{Dataset, Entry, Transform};
use crate::decode::Path;
use crate::outcome::Fault;
use crate::route::{IdRule, IndexPattern, Router};
use crate::select::{PatternError, Select};
use crate::shape::HashKey;
use crate::yaml::{self, Data, Key, Node, Place, Text};
use fields::Fields;
use from::{Kind, Taken};

const DATASETS_FORM: &str = "`datasets:` is a list of datasets, each with at least `name`, `from` and, unless it is a \
                             `delivery_stream`, `index`";
const TIMESTAMP_FORM: &str = "write `timestamp: FIELD` or `timestamp: { field: FIELD, format: FORMAT }`, with \
                              `timezone` and `earliest` as you need them";
const INDEX_FORM: &str =
    "write `index: logs-%{+YYYY.MM.dd}` or `index: { name: \"logs-%{+YYYY.MM.dd}\", timezone: Asia/Seoul }`";
const ID_FORM: &str = "an id is `position` (the default), `content`, `none` or `{ field: FIELD }`";
const SELECT_FORM: &str = "write a query as in Discover, such as `select: event_name:login AND NOT os:test`, or an event \
                           pattern, such as `select: { event_name: [login] }`";

/// Accepted keys, and keys that a later release adds.
#[derive(Clone, Copy)]
pub(super) struct Keys<'k> {
    of: &'k str,
    pub(super) known: &'static [&'static str],
    later: &'static [&'static str],
}

const TOP_KEYS: Keys<'_> = Keys { of: "the file", known: &["datasets"], later: &[] };
const DATASET_KEYS: Keys<'_> = Keys {
    of: "a dataset",
    known: &[
        "name",
        "from",
        "format",
        "envelope",
        "select",
        "fields",
        "timestamp",
        "index",
        "id",
        "partition_keys",
        "retention",
        "keep_at_least",
        "snapshot",
        "mapping",
        "shards",
        "replicas",
        "total_fields_limit",
    ],
    later: &[],
};
const TIMESTAMP_KEYS: Keys<'_> =
    Keys { of: "`timestamp`", known: &["field", "format", "timezone", "earliest"], later: &[] };
const INDEX_KEYS: Keys<'_> = Keys { of: "`index`", known: &["name", "timezone"], later: &[] };
const ID_KEYS: Keys<'_> = Keys { of: "`id`", known: &["field"], later: &[] };

/// The tables of keys for all maps with fixed keys.
pub(super) fn keys() -> impl Iterator<Item = Keys<'static>> {
    let own = [
        TOP_KEYS,
        DATASET_KEYS,
        TIMESTAMP_KEYS,
        INDEX_KEYS,
        ID_KEYS,
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
            reader.complain(Place { line: 1, column: 1 }, format!("the file is empty; {DATASETS_FORM}"));
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
    let fault = |(place, message): (Place, String)| Fault {
        place: format!("{file_name}:{}:{}", place.line, place.column),
        message,
    };
    Err(reader.complaints.into_iter().map(fault).collect())
}

/// Every method that returns `None` has added a complaint.
struct Reader<'k> {
    /// The key for `hash`. Without it a `hash` rule is a fault.
    key: Option<&'k HashKey>,
    complaints: Vec<yaml::Complaint>,
}

impl Reader<'_> {
    fn complain(&mut self, place: Place, message: impl Into<String>) {
        self.complaints.push((place, message.into()));
    }

    fn refuse<T>(&mut self, place: Place, message: impl Into<String>) -> Option<T> {
        self.complain(place, message);
        None
    }

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
        let mut names: Vec<(String, Place)> = Vec::new();
        nodes.iter().filter_map(|node| self.dataset(node, &mut names)).collect()
    }

    fn dataset(&mut self, node: &Node, names: &mut Vec<(String, Place)>) -> Option<Entry> {
        let members = self.map(node, &DATASET_KEYS, DATASETS_FORM)?;
        let kind = members.get("from").and_then(|(_, node)| Kind::of(node));
        self.refuse_misplaced(&members, kind);
        // Each of these is read before any `?`, so that all faults are found.
        let name = self.required(node, &members, "name").and_then(|node| self.name(node, names));
        let from = self.required(node, &members, "from").and_then(|node| self.from(node));
        let format = self.format(&members);
        let select = self.optional(&members, "select", None, |reader, node| reader.select(node).map(Some));
        let fields = self.optional(&members, "fields", Fields::default(), |reader, node| reader.fields(node, kind));
        let partition_keys = self.optional(&members, "partition_keys", Vec::new(), Self::partition_keys);
        let timestamp = self.optional(&members, "timestamp", None, |reader, node| {
            reader.time(node, "timestamp", TIMESTAMP_KEYS, TIMESTAMP_FORM).map(Some)
        });
        let index = match kind {
            Some(Kind::DeliveryStream) => None,
            _ => self.required(node, &members, "index").and_then(|node| self.index(node)),
        };
        let keep = self.keep(&members, index.as_ref());
        let template = self.template(&members);
        let id = self.optional(&members, "id", IdRule::Position, Self::id);
        if let Some(Fields { shape, .. }) = &fields {
            let place = |name: &str| members.get(name).map(|(_, node)| node.place);
            let in_index: Vec<&Path> = index.iter().flat_map(IndexPattern::fields).collect();
            let in_keys: Vec<&Path> = partition_keys.iter().flatten().map(|(_, path)| path).collect();
            self.refuse_telling("index", place("index"), shape, &in_index);
            self.refuse_telling("id", place("id"), shape, id.as_ref().and_then(IdRule::field).as_slice());
            self.refuse_telling("partition_keys", place("partition_keys"), shape, &in_keys);
        }
        let (name, (format, records), select, Fields { embedded, shape }) = (name?, format?, select?, fields?);
        Some(match from? {
            Taken::DeliveryStream(delivery_stream) => Entry::Transform(Arc::new(Transform {
                name,
                delivery_stream,
                format,
                records,
                embedded,
                select,
                shape,
                partition_keys: partition_keys?,
            })),
            Taken::Events(from) => {
                let router = Router::new(timestamp?, index?, id?);
                Entry::Dataset(Arc::new(Dataset {
                    name,
                    from,
                    format,
                    records,
                    embedded,
                    select,
                    shape,
                    router,
                    keep: keep?,
                    template: template?,
                }))
            }
        })
    }

    fn name(&mut self, node: &Node, names: &mut Vec<(String, Place)>) -> Option<String> {
        const FORM: &str = "a name is 1 to 64 of a-z, 0-9, `-` and `_`, with a letter or digit first";
        let name = self.text(node, "name", FORM)?.value.clone();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_valid =
            name.len() <= 64 && name.starts_with(fits) && name.chars().all(|c| fits(c) || c == '-' || c == '_');
        if !is_valid {
            return self.refuse(node.place, format!("`name: {name}`: {FORM}"));
        }
        if let Some((_, first)) = names.iter().find(|(earlier, _)| *earlier == name) {
            let line = first.line;
            return self.refuse(node.place, format!("`name: {name}` is in line {line} already; names are unique"));
        }
        names.push((name.clone(), node.place));
        Some(name)
    }

    fn select(&mut self, node: &Node) -> Option<Select> {
        if let Data::Map(_) = &node.data {
            return match Select::pattern_of(node) {
                Ok(select) => Some(select),
                Err(errors) => {
                    for PatternError { line, column, message } in errors {
                        self.complain(Place { line, column }, format!("`select`: {message}"));
                    }
                    None
                }
            };
        }
        let text = self.text(node, "select", SELECT_FORM)?.clone();
        match Select::query(&text.value) {
            Ok(select) => Some(select),
            Err(error) => {
                let mut place = node.place;
                if text.is_verbatim {
                    place.column += error.column - 1;
                }
                self.refuse(
                    place,
                    format!("`select: {}`, column {} of the query: {}", text.value, error.column, error.message),
                )
            }
        }
    }

    fn index(&mut self, node: &Node) -> Option<IndexPattern> {
        let Data::Map(_) = &node.data else { return self.index_name(node, "index") };
        let members = self.map(node, &INDEX_KEYS, INDEX_FORM)?;
        let index = match members.get("name") {
            Some((_, node)) => self.index_name(node, "name"),
            None => self.refuse(node.place, format!("`index` without a `name`; {INDEX_FORM}")),
        };
        let Some((key, value)) = members.get("timezone") else { return index };
        let zone = self.zone(value);
        index?.in_zone(zone?).map_or_else(|message| self.refuse(key.place, message), Some)
    }

    fn index_name(&mut self, node: &Node, key: &str) -> Option<IndexPattern> {
        let text = self.text(node, key, INDEX_FORM)?.value.clone();
        IndexPattern::parse(&text)
            .map_or_else(|message| self.refuse(node.place, format!("`{key}: {text}`: {message}")), Some)
    }

    fn id(&mut self, node: &Node) -> Option<IdRule> {
        if let Data::Map(_) = &node.data {
            let members = self.map(node, &ID_KEYS, ID_FORM)?;
            return match members.get("field") {
                Some((_, node)) => self.path(node, "field", ID_FORM).map(IdRule::Field),
                None => self.refuse(node.place, format!("`id` without a `field`; {ID_FORM}")),
            };
        }
        let text = self.text(node, "id", ID_FORM)?.value.clone();
        match text.as_str() {
            "position" => Some(IdRule::Position),
            "content" => Some(IdRule::Content),
            "none" => Some(IdRule::None),
            _ => self.refuse(node.place, format!("`id: {text}`: {ID_FORM}")),
        }
    }

    fn path(&mut self, node: &Node, name: &str, form: &str) -> Option<Path> {
        let text = self.text(node, name, form)?.value.clone();
        Path::parse(&text).map_or_else(|error| self.refuse(node.place, format!("`{name}: {text}`: {error}")), Some)
    }

    fn text<'n>(&mut self, node: &'n Node, name: &str, form: &str) -> Option<&'n Text> {
        match &node.data {
            Data::Scalar(text) if !text.is_null => Some(text),
            _ => self.refuse(node.place, format!("`{name}` is {}; {form}", node.kind())),
        }
    }

    fn required<'n>(&mut self, parent: &Node, members: &Members<'n>, name: &str) -> Option<&'n Node> {
        match members.get(name) {
            Some((_, node)) => Some(node),
            None => self.refuse(parent.place, format!("a dataset without a `{name}`; {DATASETS_FORM}")),
        }
    }

    fn optional<T>(
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
    fn entries<'n>(&mut self, node: &'n Node, name: &str, form: &str) -> Vec<&'n (Key, Node)> {
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
    fn list<'n>(&mut self, node: &'n Node, name: &str, form: &str) -> &'n [Node] {
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
    fn map<'n>(&mut self, node: &'n Node, keys: &Keys<'_>, form: &str) -> Option<Members<'n>> {
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

struct Members<'n> {
    entries: Vec<(&'n Key, &'n Node)>,
}

impl<'n> Members<'n> {
    fn get(&self, name: &str) -> Option<(&'n Key, &'n Node)> {
        self.entries.iter().find(|(key, _)| key.text == name).copied()
    }
}

fn listed(names: &[&str]) -> String {
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
