//! The settings, component templates and priority that datasets give to their template.
//!
//! In: datasets with the same indices. Out: a template that says what each of them says, or a fault that names both
//! places where they contradict each other.

use serde_json::Value;

use super::definition::{Template, fault};
use pipeline::{
    outcome::Fault,
    rules::{Dataset, Layout},
};

impl Template {
    pub(super) fn set(&mut self, dataset: &Dataset, faults: &mut Vec<Fault>) {
        // A rollover, too, is only for indices with the mark.
        self.is_kept_for_a_time |= dataset.keep.retention.or(dataset.keep.keep_at_least).is_some();
        self.has_rollover |= dataset.layout.rollover().is_some();
        self.is_kept_for_a_time |= self.has_rollover;
        self.is_for_data_stream |= matches!(dataset.layout, Layout::DataStream(_));
        if matches!(dataset.layout, Layout::Alias(_)) {
            self.aliases.insert(dataset.router.index().to_string());
        }
        if dataset.router.routing().is_none() {
            self.without_routing.insert(dataset.name.clone());
        }
        self.shapes.insert(dataset.shape_of_names());
        let template = &dataset.template;
        let of_dataset = format!("the dataset `{}`", dataset.name);
        for (key, name, value) in [
            ("shards", "index.number_of_shards", template.shards),
            ("replicas", "index.number_of_replicas", template.replicas),
            ("total_fields_limit", "index.mapping.total_fields.limit", template.total_fields_limit),
        ] {
            if let Some(value) = value {
                self.give(Given { key, name, value: value.into(), place: of_dataset.clone() }, faults);
            }
        }
        for (name, setting) in &template.settings {
            let place = format!("line {} ({of_dataset})", setting.line);
            self.give(Given { key: name, name, value: setting.value.clone(), place }, faults);
        }
        if !template.composed_of.is_empty() {
            if self.composed_of.is_empty() {
                self.composed_of.clone_from(&template.composed_of);
            }
            let value = template.composed_of.clone().into();
            self.same(&Given { key: "composed_of", name: "composed_of", value, place: of_dataset.clone() }, faults);
        }
        if let Some(priority) = template.priority {
            self.given_priority.get_or_insert(priority);
            self.same(&Given { key: "priority", name: "priority", value: priority.into(), place: of_dataset }, faults);
        }
    }

    fn give(&mut self, given: Given<'_>, faults: &mut Vec<Fault>) {
        if self.same(&given, faults) {
            self.settings.insert(given.name.to_owned(), given.value);
        }
    }

    /// Whether no other dataset gives another value.
    fn same(&mut self, given: &Given<'_>, faults: &mut Vec<Fault>) -> bool {
        let Given { key, name, value, place } = given;
        let Some((known, first)) = self.places.get(*name) else {
            self.places.insert((*name).to_owned(), (value.clone(), place.clone()));
            return true;
        };
        if known == value {
            return true;
        }
        let message = format!(
            "`{key}: {}`, and {} in {first} with the same indices ({}): they share one template",
            shown(value),
            shown(known),
            self.pattern
        );
        faults.push(fault(place, message));
        false
    }
}

/// One value that a dataset gives.
struct Given<'g> {
    /// Its name in pipeline.yaml.
    key: &'g str,
    /// Its name in the template.
    name: &'g str,
    value: Value,
    /// Where it is in pipeline.yaml.
    place: String,
}

/// A value as a user writes it.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
