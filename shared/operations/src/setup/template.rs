//! Index templates: translates the rules of pipeline.yaml about the indices of its datasets into the engine's format.
//!
//! In: datasets, and a way to read the mapping files that they name. Out: one template for all datasets with the same
//! indices, or all faults at once. The user's own mapping of a field takes precedence; only missing settings are added.
//! A dataset whose indices are deleted at some age always has a template: its mark (`body`) records the owner of the
//! indices.

mod analysis;
mod body;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{dates, fault};
pub use body::TemplateOwner;
use pipeline::{
    outcome::{ConfigError, Fault},
    rules::{Dataset, Datasets},
    shape::{FieldRule, Making},
};

/// One index template.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Its name in the domain. It follows from the pattern, so a renamed dataset takes over the old template.
    pub name: String,
    /// The pattern of its indices.
    pub pattern: String,
    settings: Map<String, Value>,
    mappings: Map<String, Value>,
    owner: TemplateOwner,
    /// Whether a dataset's indices are deleted by age.
    is_kept_for_a_time: bool,
    /// Rules that the engine's format cannot express.
    pub notes: Vec<String>,
}

/// The templates of all datasets with rules for their indices. `read` returns the text of a mapping file.
///
/// # Errors
/// Files that are missing or contain no mapping; and datasets with the same indices whose rules contradict each other.
pub fn templates(
    datasets: &Datasets,
    owner: &TemplateOwner,
    read: impl Fn(&str) -> Result<String, String>,
) -> Result<Vec<Template>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut templates: BTreeMap<String, Template> = BTreeMap::new();
    for dataset in datasets {
        let pattern = dataset.router.index().wildcard();
        let template = templates.entry(pattern.clone()).or_insert_with(|| Template::new(pattern, owner));
        if let Some(file) = &dataset.template.mapping {
            match mapping(file, &read) {
                Ok(mapping) => template.merge(&mapping, file, &mut faults),
                Err(message) => faults.push(fault(file, message)),
            }
        }
        template.set(dataset, &mut faults);
    }
    // After all mappings of users, which take precedence.
    for dataset in datasets {
        if let Some(template) = templates.get_mut(&dataset.router.index().wildcard()) {
            template.add_fields(dataset);
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    // A template without content would only hide a template of the operator.
    let is_needed = |template: &Template| !template.is_empty() || template.is_for_the_mark();
    Ok(templates.into_values().filter(is_needed).collect())
}

/// As `templates`, with the mapping files next to pipeline.yaml.
///
/// # Errors
/// All faults at once.
pub fn beside(
    datasets: &Datasets,
    owner: &TemplateOwner,
    pipeline: &std::path::Path,
) -> Result<Vec<Template>, ConfigError> {
    let folder = pipeline.parent().unwrap_or(std::path::Path::new("."));
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
    templates(datasets, owner, read).map_err(|faults| ConfigError { faults })
}

fn mapping(file: &str, read: impl Fn(&str) -> Result<String, String>) -> Result<Map<String, Value>, String> {
    const FORM: &str = "it holds what the engine's API calls `mappings`, such as {\"properties\": {\"adid\": {\"type\": \"keyword\"}}}";
    let text = read(file)
        .map_err(|error| format!("cannot be read: {error}; it lies beside pipeline.yaml, in the same layer"))?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(map)) if map.contains_key("mappings") => {
            Err(format!("has a `mappings`: give only what is in it; {FORM}"))
        }
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(format!("is no JSON object; {FORM}")),
        Err(error) => Err(format!("is not JSON: {error}; {FORM}")),
    }
}

impl Template {
    fn new(pattern: String, owner: &TemplateOwner) -> Self {
        let (name, owner) = (owner.name(&pattern), owner.clone());
        let (settings, mappings) = (Map::new(), Map::new());
        Self { name, pattern, settings, mappings, owner, is_kept_for_a_time: false, notes: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.mappings.is_empty()
    }

    /// Whether its only content is the mark of its indices. Then it must not hide another template.
    pub fn is_for_the_mark(&self) -> bool {
        self.is_empty() && self.is_kept_for_a_time && !self.owner.is_collection
    }

    /// The owner of the template.
    pub fn owner(&self) -> &TemplateOwner {
        &self.owner
    }

    fn set(&mut self, dataset: &Dataset, faults: &mut Vec<Fault>) {
        self.is_kept_for_a_time |= dataset.keep.retention.or(dataset.keep.keep_at_least).is_some();
        let template = &dataset.template;
        for (key, name, value) in [
            ("shards", "index.number_of_shards", template.shards),
            ("replicas", "index.number_of_replicas", template.replicas),
            ("total_fields_limit", "index.mapping.total_fields.limit", template.total_fields_limit),
        ] {
            let Some(value) = value.map(Value::from) else { continue };
            let known = self.settings.entry(name).or_insert_with(|| value.clone());
            if *known != value {
                let message = format!(
                    "`{key}: {value}`, and {known} in another dataset with the same indices ({}): they share one template",
                    self.pattern
                );
                faults.push(fault(&format!("dataset {}", dataset.name), message));
            }
        }
    }

    /// Merges another mapping of the same indices.
    fn merge(&mut self, mapping: &Map<String, Value>, file: &str, faults: &mut Vec<Fault>) {
        if let Err(path) = join(&mut self.mappings, mapping, "") {
            let message = format!(
                "says otherwise about `{path}` than another dataset with the same indices ({}): they share one template",
                self.pattern
            );
            faults.push(fault(file, message));
        }
    }

    /// Adds the fields that follow from a dataset's other rules.
    fn add_fields(&mut self, dataset: &Dataset) {
        let rules = dataset.shape.rules();
        if let Some(timestamp) = dataset.router.timestamp()
            && let Some(field) = dataset.shape.stored_as(timestamp.field())
        {
            match dates::date(timestamp) {
                Ok(date) => self.add(&field, date),
                Err(why) => {
                    self.notes.push(format!("`{field}` is not mapped: {why}; map it in the file `mapping` names"));
                }
            }
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
    pub(super) fn fields(&self) -> BTreeMap<String, String> {
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

#[cfg(test)]
mod tests;
