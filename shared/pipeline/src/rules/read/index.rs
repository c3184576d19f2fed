//! `index`: an index for each period, a data stream, or an alias with a write index.

use super::{
    parameters::Parameters,
    reader::{IndexName, Keys, Members, Reader},
};
use crate::{
    route::IndexPattern,
    rules::layout::{Layout, MAX_ROLLED_NAME_BYTES, Rollover},
    yaml::{Data, Key, Node},
};

const INDEX_FORM: &str = "write `index: logs-%{+YYYY.MM.dd}`, `index: { name: \"logs-%{+YYYY.MM.dd}\", timezone: Asia/Seoul }`, \
     `index: { data_stream: logs-app-prod }` or `index: { alias: app-events }`";
const ROLLOVER_FORM: &str = "write `rollover: { max_age: 1d, max_size: 50gb }`, with one of the two or both";
const SIZE_FORM: &str = "a size is a whole number with `kb`, `mb`, `gb` or `tb`, such as `50gb`";
pub(super) const INDEX_KEYS: Keys<'_> = Keys {
    of: "`index`",
    known: &["name", "timezone", "data_stream", "alias", "rollover", "routing", "pipeline"],
    later: &[],
};
pub(super) const ROLLOVER_KEYS: Keys<'_> = Keys { of: "`rollover`", known: &["max_age", "max_size"], later: &[] };
/// A pebibyte. A larger value is a typing mistake.
const MAX_SIZE_BYTES: u64 = 1 << 50;

/// The name that the events of a dataset go to, and what it stands for.
pub(super) struct Index {
    pub(super) pattern: IndexPattern,
    pub(super) layout: Layout,
    pub(super) parameters: Parameters,
}

impl Reader<'_> {
    pub(super) fn index(&mut self, node: &Node) -> Option<Index> {
        let index = match &node.data {
            Data::Map(_) => self.index_map(node),
            _ => self.index_name(node, "index").map(|pattern| Index {
                pattern,
                layout: Layout::Indices,
                parameters: Parameters::default(),
            }),
        }?;
        let name = index.pattern.as_str();
        let conflict = self.indices.iter().find(|earlier| earlier.name == name && earlier.layout != index.layout);
        if let Some(IndexName { layout, file_name, line, .. }) = conflict {
            let message = format!(
                "`index` with `{}: {name}` differs from `index` with `{}: {name}` in {}: the datasets of one name \
                 have the same `index`",
                index.layout.key(),
                layout.key(),
                self.earlier(file_name, *line)
            );
            return self.refuse(node.place, message);
        }
        self.indices.push(IndexName {
            name: name.to_owned(),
            layout: index.layout,
            file_name: self.file_name.clone(),
            line: node.place.line,
        });
        Some(index)
    }

    fn index_map(&mut self, node: &Node) -> Option<Index> {
        let members = self.map(node, &INDEX_KEYS, INDEX_FORM)?;
        let is_kind = |key: &str| matches!(key, "name" | "data_stream" | "alias");
        let mut kinds = members.entries.iter().copied().filter(|(key, _)| is_kind(&key.text));
        let Some((kind, value)) = kinds.next() else {
            let message = format!("`index` without a `name`, `data_stream` or `alias`; {INDEX_FORM}");
            return self.refuse(node.place, message);
        };
        if let Some((second, _)) = kinds.next() {
            let message = format!(
                "`{}` beside `{}`: an `index` has exactly one of `name`, `data_stream` and `alias`; {INDEX_FORM}",
                second.text, kind.text
            );
            return self.refuse(second.place, message);
        }
        if kind.text == "name" {
            return self.periods(&members, value);
        }
        if let Some((key, _)) = members.get("timezone") {
            let message =
                format!("`timezone` beside `{}`, whose name has no date; `timezone` is for `name`", kind.text);
            self.complain(key.place, message);
        }
        let rollover = self.optional(&members, "rollover", None, |reader, node| reader.rollover(node).map(Some));
        let parameters = self.parameters(&members);
        if let Some((key, _)) = members.get("routing").filter(|_| kind.text == "data_stream") {
            let message = "`routing` beside `data_stream`: a data stream takes no document with a routing; leave \
                           `routing` out, or use an `alias`";
            return self.refuse(key.place, message);
        }
        let pattern = self.rolled_name(kind, value)?;
        let layout = if kind.text == "alias" { Layout::Alias(rollover?) } else { Layout::DataStream(rollover?) };
        Some(Index { pattern, layout, parameters: parameters? })
    }

    fn periods(&mut self, members: &Members<'_>, name: &Node) -> Option<Index> {
        if let Some((key, _)) = members.get("rollover") {
            let message = "`rollover` beside `name`: an index of its own name is not rolled over; `rollover` is for \
                           `data_stream` and `alias`";
            self.complain(key.place, message);
        }
        let pattern = self.index_name(name, "name");
        let parameters = self.parameters(members);
        let pattern = match members.get("timezone") {
            None => pattern,
            Some((key, value)) => {
                let zone = self.zone(value);
                pattern?.in_zone(zone?).map_or_else(|message| self.refuse(key.place, message), Some)
            }
        };
        Some(Index { pattern: pattern?, layout: Layout::Indices, parameters: parameters? })
    }

    fn index_name(&mut self, node: &Node, key: &str) -> Option<IndexPattern> {
        let text = self.text(node, key, INDEX_FORM)?.value.clone();
        IndexPattern::parse(&text)
            .map_or_else(|message| self.refuse(node.place, format!("`{key}: {text}`: {message}")), Some)
    }

    /// The name of a data stream or an alias, which is the same for all events.
    fn rolled_name(&mut self, kind: &Key, node: &Node) -> Option<IndexPattern> {
        let pattern = self.index_name(node, &kind.text)?;
        let name = pattern.as_str();
        if name.contains('%') {
            let message = format!(
                "`{}: {name}`: this name is the same for all events, so it takes no `%{{…}}`; {INDEX_FORM}",
                kind.text
            );
            return self.refuse(node.place, message);
        }
        if name.len() > MAX_ROLLED_NAME_BYTES {
            let message = format!(
                "`{}: {name}`: a name of {} bytes; the engine adds to it, which leaves {MAX_ROLLED_NAME_BYTES}",
                kind.text,
                name.len()
            );
            return self.refuse(node.place, message);
        }
        Some(pattern)
    }

    fn rollover(&mut self, node: &Node) -> Option<Rollover> {
        let members = self.map(node, &ROLLOVER_KEYS, ROLLOVER_FORM)?;
        if matches!(&node.data, Data::Map(entries) if entries.is_empty()) {
            return self.refuse(node.place, format!("`rollover` without a condition; {ROLLOVER_FORM}"));
        }
        let max_age =
            self.optional(&members, "max_age", None, |reader, node| reader.duration(node, "max_age").map(Some));
        let max_size = self.optional(&members, "max_size", None, |reader, node| reader.size(node).map(Some));
        Some(Rollover { max_age: max_age?, max_size: max_size? })
    }

    fn size(&mut self, node: &Node) -> Option<u64> {
        let text = self.text(node, "max_size", SIZE_FORM)?.value.clone();
        let units = [("kb", 10), ("mb", 20), ("gb", 30), ("tb", 40)];
        let bytes = units.into_iter().find_map(|(unit, bits)| {
            let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
            count.checked_mul(1 << bits).filter(|bytes| (1..=MAX_SIZE_BYTES).contains(bytes))
        });
        match bytes {
            Some(bytes) => Some(bytes),
            None => self.refuse(node.place, format!("`max_size: {text}`: {SIZE_FORM}")),
        }
    }
}
