//! Index templates: translates the rules of pipeline.yaml about the indices of its datasets into the engine's format.
//!
//! In: datasets, and a way to read the mapping files that they name. Out: one template for all datasets with the same
//! indices, or all faults at once. The user's own mapping of a field takes precedence; only missing settings are added.
//! A dataset whose indices are deleted at some age always has a template: its mark (`body`) records the owner of the
//! indices.

mod analysis;
mod body;
mod definition;
mod given;
mod owner;
mod priorities;

use std::{collections::BTreeMap, io};

use serde_json::{Map, Value};

pub use definition::Template;
use definition::fault;
pub use owner::TemplateOwner;
use pipeline::{
    outcome::{ConfigError, Fault},
    rules::Datasets,
};

/// The templates of all datasets with rules for their indices. `read` returns the text of a mapping file.
///
/// # Errors
/// Files that are missing or contain no mapping; datasets with the same indices whose rules contradict each other; and a
/// given priority with which one template hides another.
pub fn templates(
    datasets: &Datasets,
    owner: &TemplateOwner,
    read: impl Fn(&str) -> io::Result<String>,
) -> Result<Vec<Template>, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut templates: BTreeMap<String, Template> = BTreeMap::new();
    for dataset in datasets {
        let pattern = dataset.wildcard();
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
        if let Some(template) = templates.get_mut(&dataset.wildcard()) {
            template.add_fields(dataset);
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    // A template without content would only hide a template of the operator.
    let is_needed = |template: &Template| !template.is_empty() || template.is_for_the_mark();
    let templates: Vec<Template> = templates.into_values().filter(is_needed).collect();
    let faults = priorities::faults(&templates, datasets);
    if faults.is_empty() { Ok(templates) } else { Err(faults) }
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
    let read = |file: &str| std::fs::read_to_string(folder.join(file));
    templates(datasets, owner, read).map_err(|faults| ConfigError { faults })
}

fn mapping(file: &str, read: impl Fn(&str) -> io::Result<String>) -> Result<Map<String, Value>, String> {
    const FORM: &str = "it holds what the engine's API calls `mappings`, such as {\"properties\": {\"adid\": {\"type\": \"keyword\"}}}";
    let text = read(file)
        .map_err(|error| format!("cannot be read: {error}; it lies beside pipeline.yaml, in the same layer"))?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(map)) if map.contains_key("mappings") => {
            Err(format!("has a `mappings`: give only what is in it; {FORM}"))
        }
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(format!("is not a JSON object; {FORM}")),
        Err(error) => Err(format!("is not JSON: {error}; {FORM}")),
    }
}

#[cfg(test)]
mod tests;
