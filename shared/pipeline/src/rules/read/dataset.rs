//! One dataset of the file.

use std::sync::Arc;

use super::{
    fields::Fields,
    from::{Kind, Taken},
    index::Index,
    reader::{DatasetName, Keys, Members, Reader},
};
use crate::{
    decode::Path,
    route::{IdRule, Router},
    rules::{
        dataset::{Dataset, OnConflict},
        layout::Layout,
        transform::Transform,
    },
    select::{PatternError, Select},
    yaml::{Data, Location, Node},
};

pub(super) const DATASETS_FORM: &str = "`datasets:` is a list of datasets, each with at least `name`, `from` and, unless it is a \
                             `delivery_stream`, `index`";
const TIMESTAMP_FORM: &str = "write `timestamp: FIELD` or `timestamp: { field: FIELD, format: FORMAT }`, with \
                              `timezone` and `earliest` as you need them";
const ID_FORM: &str = "an id is `position` (the default), `content`, `none` or `{ field: FIELD }`";
const ON_CONFLICT_FORM: &str = "`on_conflict` is `reject` (the default) or `keep`";
const SELECT_FORM: &str = "write a query as in Discover, such as `select: event_name:login AND NOT os:test`, or an event \
                           pattern, such as `select: { event_name: [login] }`";
pub(super) const DATASET_KEYS: Keys<'_> = Keys {
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
        "on_conflict",
        "retention",
        "keep_at_least",
        "snapshot",
        "mapping",
        "shards",
        "replicas",
        "total_fields_limit",
        "template",
        "tests",
    ],
    later: &[],
};
pub(super) const TIMESTAMP_KEYS: Keys<'_> =
    Keys { of: "`timestamp`", known: &["field", "format", "timezone", "earliest"], later: &[] };
pub(super) const ID_KEYS: Keys<'_> = Keys { of: "`id`", known: &["field"], later: &[] };

/// One dataset of the file.
pub(in crate::rules) enum Entry {
    Dataset(Arc<Dataset>),
    Transform(Arc<Transform>),
}

impl Reader<'_> {
    pub(super) fn dataset(&mut self, node: &Node) -> Option<Entry> {
        let members = self.map(node, &DATASET_KEYS, DATASETS_FORM)?;
        let kind = members.get("from").and_then(|(_, node)| Kind::of(node));
        self.refuse_misplaced(&members, kind);
        // Each of these is read before any `?`, so that all faults are found.
        let name = self.required(node, &members, "name").and_then(|node| self.name(node));
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
        let on_conflict = self.optional(&members, "on_conflict", OnConflict::Reject, Self::on_conflict);
        if let Some(Fields { shape, .. }) = &fields {
            let place = |name: &str| members.get(name).map(|(_, node)| node.place);
            let in_index: Vec<&Path> = index.iter().flat_map(|index| index.pattern.fields()).collect();
            let in_keys: Vec<&Path> = partition_keys.iter().flatten().map(|(_, path)| path).collect();
            self.refuse_telling("index", place("index"), shape, &in_index);
            self.refuse_telling_routing(place("index"), shape, index.as_ref().map(|index| &index.parameters));
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
                let Index { pattern, layout, parameters } = index?;
                let router = parameters.sent_by(Router::new(timestamp?, pattern, id?));
                Entry::Dataset(Arc::new(Dataset {
                    name,
                    from,
                    format,
                    records,
                    embedded,
                    select,
                    // A data stream takes no document without a time.
                    shape: if let Layout::DataStream(_) = layout { shape.with_event_time() } else { shape },
                    router,
                    layout,
                    on_conflict: on_conflict?,
                    keep: keep?,
                    template: template?,
                }))
            }
        })
    }

    fn name(&mut self, node: &Node) -> Option<String> {
        const FORM: &str = "a name is 1 to 64 of a-z, 0-9, `-` and `_`, with a letter or digit first";
        let name = self.text(node, "name", FORM)?.value.clone();
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_valid =
            name.len() <= 64 && name.starts_with(fits) && name.chars().all(|c| fits(c) || c == '-' || c == '_');
        if !is_valid {
            return self.refuse(node.place, format!("`name: {name}`: {FORM}"));
        }
        if let Some(DatasetName { file_name, line, .. }) = self.names.iter().find(|earlier| earlier.name == name) {
            let place = self.earlier(file_name, *line);
            let message = format!("`name: {name}` is in {place} already; names are unique");
            return self.refuse(node.place, message);
        }
        self.names.push(DatasetName { name: name.clone(), file_name: self.file_name.clone(), line: node.place.line });
        Some(name)
    }

    fn select(&mut self, node: &Node) -> Option<Select> {
        if let Data::Map(_) = &node.data {
            return match Select::pattern_of(node) {
                Ok(select) => Some(select),
                Err(errors) => {
                    for PatternError { line, column, message } in errors {
                        self.complain(Location { line, column }, format!("`select`: {message}"));
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

    fn on_conflict(&mut self, node: &Node) -> Option<OnConflict> {
        match self.text(node, "on_conflict", ON_CONFLICT_FORM)?.value.as_str() {
            "reject" => Some(OnConflict::Reject),
            "keep" => Some(OnConflict::Keep),
            other => self.refuse(node.place, format!("`on_conflict: {other}`: {ON_CONFLICT_FORM}")),
        }
    }

    fn required<'n>(&mut self, parent: &Node, members: &Members<'n>, name: &str) -> Option<&'n Node> {
        match members.get(name) {
            Some((_, node)) => Some(node),
            None => self.refuse(parent.place, format!("a dataset without a `{name}`; {DATASETS_FORM}")),
        }
    }
}
