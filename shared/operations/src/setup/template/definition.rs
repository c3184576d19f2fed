//! One index template: its settings and mappings, as the rules of all datasets with the same indices add them up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    super::{
        dates,
        patterns::{covers, overlap},
    },
    owner::TemplateOwner,
};
use pipeline::{
    bulk::repair,
    outcome::Fault,
    rules::{Dataset, OnConflict},
    shape::{FieldRule, Making},
};

/// One index template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name in the domain. It follows from the pattern, so a renamed dataset takes over the old template.
    pub name: String,
    /// The pattern of its indices.
    pub pattern: String,
    /// The shapes of the index names that have this pattern.
    pub(super) shapes: BTreeSet<String>,
    pub(super) settings: Map<String, Value>,
    pub(super) mappings: Map<String, Value>,
    /// Component templates of the user.
    pub(super) composed_of: Vec<String>,
    /// The priority that the user gives.
    pub(super) given_priority: Option<u32>,
    /// Each given value by its name, and where in pipeline.yaml it is.
    pub(super) places: BTreeMap<String, (Value, String)>,
    pub(super) owner: TemplateOwner,
    /// Whether a dataset's indices are rolled over, or deleted by age.
    pub(super) is_kept_for_a_time: bool,
    /// Whether this deployment rolls its indices over.
    pub(super) has_rollover: bool,
    /// Whether its pattern is the name of a data stream.
    pub(super) is_for_data_stream: bool,
    /// The aliases that its datasets declare.
    pub(super) aliases: BTreeSet<String>,
    /// The datasets whose events have no routing.
    pub(super) without_routing: BTreeSet<String>,
    /// Rules that the engine's format cannot express.
    pub notes: Vec<String>,
}

impl Template {
    pub(super) fn new(pattern: String, owner: &TemplateOwner) -> Self {
        let (name, owner) = (owner.name(&pattern), owner.clone());
        Self {
            name,
            pattern,
            shapes: BTreeSet::new(),
            settings: Map::new(),
            mappings: Map::new(),
            composed_of: Vec::new(),
            given_priority: None,
            places: BTreeMap::new(),
            owner,
            is_kept_for_a_time: false,
            has_rollover: false,
            is_for_data_stream: false,
            aliases: BTreeSet::new(),
            without_routing: BTreeSet::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.settings.is_empty()
            && self.mappings.is_empty()
            && self.composed_of.is_empty()
            && self.given_priority.is_none()
    }

    /// Whether its only content is the mark of its indices. Then it must not hide another template.
    pub fn is_for_the_mark(&self) -> bool {
        self.is_empty() && self.is_kept_for_a_time && !self.owner.is_collection
    }

    /// Whether a pattern matches every name of its indices.
    pub(in crate::setup) fn is_covered_by(&self, wide: &str) -> bool {
        self.shapes.iter().all(|shape| covers(wide, shape))
    }

    /// Whether a pattern matches some names of its indices.
    pub(in crate::setup) fn is_met_by(&self, pattern: &str) -> bool {
        self.shapes.iter().any(|shape| overlap(pattern, shape))
    }

    /// The user's component templates, in the order in which they are applied.
    pub fn composed_of(&self) -> &[String] {
        &self.composed_of
    }

    /// The aliases that its datasets declare.
    pub fn aliases(&self) -> &BTreeSet<String> {
        &self.aliases
    }

    /// The datasets whose events have no routing.
    pub fn without_routing(&self) -> &BTreeSet<String> {
        &self.without_routing
    }

    /// The owner of the template.
    pub fn owner(&self) -> &TemplateOwner {
        &self.owner
    }

    /// Merges another mapping of the same indices.
    pub(super) fn merge(&mut self, mapping: &Map<String, Value>, file: &str, faults: &mut Vec<Fault>) {
        if let Err(path) = join(&mut self.mappings, mapping, "") {
            let message = format!(
                "contradicts `{path}` in another dataset with the same indices ({}): they share one template",
                self.pattern
            );
            faults.push(fault(file, message));
        }
    }

    /// Adds the fields that follow from a dataset's other rules.
    pub(super) fn add_fields(&mut self, dataset: &Dataset) {
        let rules = dataset.shape.rules();
        if self.is_for_data_stream {
            self.add("@timestamp", dates::of_data_stream());
        }
        if let Some(timestamp) = dataset.router.timestamp()
            && let Some(field) = dataset.stored_time()
        {
            match dates::date(timestamp) {
                Ok(date) => self.add(&field, date),
                Err(why) => {
                    self.notes.push(format!("`{field}` is not mapped: {why}; map it in the file `mapping` names"));
                }
            }
        }
        if dataset.on_conflict == OnConflict::Keep {
            self.add(repair::UNMAPPED, json!({ "type": "text", "index": false, "norms": false }));
            self.add(repair::REASON, json!({ "type": "keyword", "ignore_above": 1000 }));
        }
        for rule in rules {
            match rule {
                FieldRule::Hash(path) => {
                    if let Some(path) = dataset.shape.stored_as(path) {
                        self.add(&path, json!({ "type": "keyword" }));
                    }
                }
                FieldRule::Make { to, from: Making::GeoPoint { .. } } => {
                    self.add(to.as_str(), json!({ "type": "geo_point" }));
                }
                FieldRule::Make { to, from: Making::Date(_) } => self.add(to.as_str(), json!({ "type": "date" })),
                _ => {}
            }
        }
    }

    fn add(&mut self, path: &str, field: Value) {
        let mut object = &mut self.mappings;
        let mut rest = path;
        loop {
            let Some(properties) = object.entry("properties").or_insert_with(|| json!({})).as_object_mut() else {
                return;
            };
            if properties.contains_key(rest) {
                return;
            }
            let Some((name, below)) = rest.split_once('.') else {
                properties.insert(rest.to_owned(), field);
                return;
            };
            let Some(parent) = properties.entry(name).or_insert_with(|| json!({})).as_object_mut() else { return };
            // A field with a type of its own, such as `flat_object`, has no subfields that could be mapped.
            if parent.get("type").is_some_and(|kind| kind != "object" && kind != "nested") {
                return;
            }
            (object, rest) = (parent, below);
        }
    }

    /// The fields in the mappings that support aggregations, with their types. Fields inside a `nested` field are left
    /// out: they need special aggregations.
    pub(in crate::setup) fn fields(&self) -> BTreeMap<String, String> {
        let mut fields = BTreeMap::new();
        collect_fields(&self.mappings, "", &mut fields);
        fields
    }
}

fn collect_fields(object: &Map<String, Value>, path: &str, fields: &mut BTreeMap<String, String>) {
    for below in ["properties", "fields"] {
        for (name, field) in object.get(below).and_then(Value::as_object).into_iter().flatten() {
            let Some(field) = field.as_object() else { continue };
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let kind = field.get("type").and_then(Value::as_str).unwrap_or("object");
            if kind == "nested" {
                continue;
            }
            collect_fields(field, &path, fields);
            if field.get("doc_values") != Some(&Value::Bool(false)) {
                fields.insert(path, kind.to_owned());
            }
        }
    }
}

/// Merges `from` into `into`. `Err` names the path where the two differ.
fn join(into: &mut Map<String, Value>, from: &Map<String, Value>, path: &str) -> Result<(), String> {
    for (key, value) in from {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (into.get_mut(key), value) {
            (None, value) => drop(into.insert(key.clone(), value.clone())),
            (Some(Value::Object(into)), Value::Object(from)) => join(into, from, &path)?,
            (Some(known), value) if known == value => {}
            _ => return Err(path),
        }
    }
    Ok(())
}

/// A fault in a file that pipeline.yaml names.
pub(super) fn fault(place: &str, message: impl Into<String>) -> Fault {
    Fault { place: place.to_owned(), message: message.into() }
}
