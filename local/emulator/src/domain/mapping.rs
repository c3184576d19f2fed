//! The types of an index's fields: those that its template declares, and those that the engine gives to other fields when
//! it sees their first value.
//!
//! Nothing is refused: a value that does not fit the type of its field is in the source, and in no aggregation. Read from
//! a template: `properties`, `fields`, `type`, `format`, `ignore_above`, `ignore_malformed`, `index`, `doc_values`,
//! `dynamic`, `enabled` and `date_detection`. Deliberately absent: `dynamic_templates`, component templates and aliases
//! of fields.

mod dates;
mod first;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::first::{FirstKind, MAX_FIELDS};
pub(super) use self::{dates::DateFormat, first::FirstKinds};
use super::{error::EngineError, glob::glob};

/// The length above which the engine leaves a text out of its `.keyword` field, in UTF-16 code units.
const KEYWORD_LENGTH: usize = 256;

/// A field: the place of its values, and their type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Field {
    /// The path in the documents. It is without `.keyword`.
    pub(super) path: String,
    pub(super) kind: Kind,
    /// The engine's name of the type.
    pub(super) type_name: String,
    pub(super) searchable: bool,
    pub(super) aggregatable: bool,
}

/// How the values of a field are read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Text,
    /// Longer texts are left out.
    Keyword(Option<usize>),
    /// The number of bits.
    Integer(u32),
    /// Whether it has single precision.
    Float(bool),
    Boolean,
    Date(DateFormat),
    /// Whether points outside the earth are taken, as `ignore_malformed` does.
    GeoPoint(bool),
    Object,
    /// A type that this domain does not read.
    Other,
}

/// The fields of an index by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Mapping {
    pub(super) fields: BTreeMap<String, Field>,
    /// Objects whose other fields are not mapped. The root has the empty name.
    closed: Vec<String>,
    without_dates: bool,
}

impl Mapping {
    /// The mapping of a new index, from the template with the highest priority among those that cover its name.
    pub(super) fn declared<'t>(index: &str, templates: impl Iterator<Item = &'t Value>) -> Self {
        let covers = |template: &&Value| {
            let patterns = template["index_patterns"].as_array().into_iter().flatten().filter_map(Value::as_str);
            patterns.chain(template["index_patterns"].as_str()).any(|pattern| glob(pattern, index))
        };
        let chosen = templates.filter(covers).max_by_key(|template| template["priority"].as_i64().unwrap_or_default());
        let mut mapping = Self::default();
        if let Some(declared) = chosen.and_then(|template| template["template"]["mappings"].as_object()) {
            mapping.without_dates = declared.get("date_detection").is_some_and(is_false);
            mapping.declare("", declared);
        }
        mapping
    }

    /// Declares the fields of an object.
    fn declare(&mut self, prefix: &str, object: &Map<String, Value>) {
        let is_closed = |dynamic: &Value| is_false(dynamic) || *dynamic == "strict";
        if object.get("dynamic").is_some_and(is_closed) || object.get("enabled").is_some_and(is_false) {
            self.closed.push(prefix.to_owned());
        }
        for (name, definition) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let Some(definition) = definition.as_object() else { continue };
            let path = joined(prefix, name);
            for (at, _) in path.match_indices('.') {
                self.insert(&path[..at], Field::new(&path[..at], "object", Kind::Object));
            }
            let field = Field::declared(&path, definition);
            let is_object = field.kind == Kind::Object;
            self.insert(&path, field);
            if is_object {
                self.declare(&path, definition);
            }
            for (name, definition) in definition.get("fields").and_then(Value::as_object).into_iter().flatten() {
                let Some(definition) = definition.as_object() else { continue };
                self.insert(&joined(&path, name), Field::declared(&path, definition));
            }
        }
    }

    /// Adds the fields of a segment that are not mapped yet, as the engine does when it sees their first value.
    pub(super) fn extend(&mut self, kinds: &FirstKinds) {
        for (path, kind) in kinds.sorted() {
            if self.fields.contains_key(path) || !self.is_open(path) || self.fields.len() >= MAX_FIELDS {
                continue;
            }
            let (type_name, kind) = match kind {
                FirstKind::Object => ("object", Kind::Object),
                FirstKind::Boolean => ("boolean", Kind::Boolean),
                FirstKind::Integer => ("long", Kind::Integer(64)),
                FirstKind::Float => ("float", Kind::Float(true)),
                FirstKind::Date(format) if !self.without_dates => ("date", Kind::Date(format.clone())),
                FirstKind::Text | FirstKind::Date(_) => ("text", Kind::Text),
            };
            let is_text = kind == Kind::Text;
            self.insert(path, Field::new(path, type_name, kind));
            if is_text {
                let kind = Kind::Keyword(Some(KEYWORD_LENGTH));
                self.insert(&joined(path, "keyword"), Field::new(path, "keyword", kind));
            }
        }
    }

    /// A field with values to aggregate or sort by; `None` if there is no such field.
    pub(super) fn values_of(&self, name: &str) -> Result<Option<&Field>, EngineError> {
        let Some(field) = self.fields.get(name).filter(|field| field.kind != Kind::Object) else { return Ok(None) };
        let reason = match field.kind {
            Kind::Text => format!(
                "Text fields are not optimised for operations that require per-document field data like aggregations and \
                 sorting, so these operations are disabled by default. Please use a keyword field instead. \
                 Alternatively, set fielddata=true on [{name}] in order to load field data by uninverting the inverted \
                 index. Note that this can use significant memory."
            ),
            Kind::Other => {
                let type_name = &field.type_name;
                format!("Field [{name}] of type [{type_name}]: this domain does not read such fields, or their format")
            }
            _ if !field.aggregatable => {
                let type_name = &field.type_name;
                format!(
                    "Can't load fielddata on [{name}] because fielddata is unsupported on fields of type [{type_name}]. \
                     Use doc values instead."
                )
            }
            _ => return Ok(Some(field)),
        };
        Err(EngineError::new(400, "illegal_argument_exception", reason))
    }

    /// Whether a field has values of its own, or is an object around others.
    pub(super) fn has_values(&self, name: &str) -> bool {
        let below = format!("{name}.");
        let is_around = || self.fields.range(below.clone()..).next().is_some_and(|(next, _)| next.starts_with(&below));
        self.fields.get(name).is_some_and(|field| field.kind != Kind::Object) || is_around()
    }

    /// Whether a field may be added: all objects around it are objects, and are open.
    fn is_open(&self, path: &str) -> bool {
        let around = path.match_indices('.').map(|(at, _)| &path[..at]);
        let is_value = |name: &str| self.fields.get(name).is_some_and(|field| field.kind != Kind::Object);
        let is_closed = |name: &str| self.closed.iter().any(|closed| closed == name);
        !is_closed("") && !around.clone().any(is_value) && !around.clone().any(is_closed)
    }

    fn insert(&mut self, name: &str, field: Field) {
        self.fields.entry(name.to_owned()).or_insert(field);
    }
}

impl Field {
    fn new(path: &str, type_name: &str, kind: Kind) -> Self {
        let aggregatable = !matches!(kind, Kind::Text | Kind::Object);
        let searchable = kind != Kind::Object;
        Self { path: path.to_owned(), kind, type_name: type_name.to_owned(), searchable, aggregatable }
    }

    fn declared(path: &str, definition: &Map<String, Value>) -> Self {
        let type_name = definition.get("type").and_then(Value::as_str).unwrap_or("object");
        let ignores = || definition.get("ignore_malformed").is_some_and(|ignores| !is_false(ignores));
        let kind = match type_name {
            "object" | "nested" => Kind::Object,
            "text" | "match_only_text" => Kind::Text,
            "keyword" => {
                let length = definition.get("ignore_above").and_then(Value::as_u64);
                Kind::Keyword(length.and_then(|length| usize::try_from(length).ok()))
            }
            "long" => Kind::Integer(64),
            "integer" => Kind::Integer(32),
            "short" => Kind::Integer(16),
            "byte" => Kind::Integer(8),
            "float" => Kind::Float(true),
            "double" => Kind::Float(false),
            "boolean" => Kind::Boolean,
            "date" => match definition.get("format").and_then(Value::as_str) {
                None => Kind::Date(DateFormat::default()),
                Some(format) => DateFormat::parse(format).map_or(Kind::Other, Kind::Date),
            },
            "geo_point" => Kind::GeoPoint(ignores()),
            _ => Kind::Other,
        };
        let mut field = Self::new(path, type_name, kind);
        field.searchable &= !definition.get("index").is_some_and(is_false);
        field.aggregatable &= !definition.get("doc_values").is_some_and(is_false);
        field
    }
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

fn is_false(value: &Value) -> bool {
    *value == false || *value == "false"
}
