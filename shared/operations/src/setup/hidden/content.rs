//! The content of templates: settings, mappings and aliases, and how two contents become one.
//!
//! Settings have flat names here, because the engine accepts nested and flat ones. A mapping may write a field as
//! `a.b` or as `b` in `a`; a path means the same field in both.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use pipeline::rules::settings::full_name;

/// Settings, mappings and aliases.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Content {
    pub(super) settings: Map<String, Value>,
    pub(super) mappings: Map<String, Value>,
    pub(super) aliases: Map<String, Value>,
}

impl Content {
    /// Reads the member `template` of a composable or component template, or the body of a legacy one.
    pub(super) fn read(template: &Value) -> Self {
        let object = |name: &str| template[name].as_object().cloned().unwrap_or_default();
        Self {
            settings: flat_settings(&template["settings"]),
            mappings: object("mappings"),
            aliases: object("aliases"),
        }
    }

    /// Adds another content, which wins where both say something, as the engine adds a template to its components.
    pub(super) fn add(&mut self, over: &Self) {
        prune_fields(&mut self.mappings, &over.mappings);
        let mut dynamic = self.dynamic_templates();
        self.settings.extend(over.settings.clone());
        self.aliases.extend(over.aliases.clone());
        overlay_mapping(&mut self.mappings, &over.mappings);
        // The engine replaces a rule of the same name, and appends the others.
        for rule in over.dynamic_templates() {
            match dynamic.iter_mut().find(|known| name_of(known) == name_of(&rule)) {
                Some(known) => *known = rule,
                None => dynamic.push(rule),
            }
        }
        self.set_dynamic_templates(dynamic);
    }

    /// Leaves out everything about which another content says something.
    pub(super) fn remove(&mut self, other: &Self) {
        let said: BTreeSet<&str> = other.settings.keys().map(|name| group(name)).collect();
        self.settings.retain(|name, _| !said.contains(group(name)));
        self.aliases.retain(|name, _| !other.aliases.contains_key(name));
        prune_fields(&mut self.mappings, &other.mappings);
        let names: BTreeSet<_> = other.dynamic_templates().iter().filter_map(name_of).collect();
        let mut dynamic = self.dynamic_templates();
        dynamic.retain(|rule| name_of(rule).is_none_or(|name| !names.contains(&name)));
        self.set_dynamic_templates(dynamic);
        let is_free = |name: &str| matches!(name, "properties" | "_meta" | "dynamic_templates" | "runtime");
        self.mappings.retain(|name, _| is_free(name) || !other.mappings.contains_key(name));
        if let (Some(Value::Object(own)), Some(Value::Object(other))) =
            (self.mappings.get_mut("runtime"), other.mappings.get("runtime"))
        {
            own.retain(|name, _| !other.contains_key(name));
        }
    }

    /// Puts another content below this one, without what this one says ([`Self::remove`]). The first dynamic template that matches
    /// a field counts, so these come first.
    pub(super) fn put_below(&mut self, mut below: Self) {
        let dynamic = [self.dynamic_templates(), below.dynamic_templates()].concat();
        below.add(self);
        *self = below;
        self.set_dynamic_templates(dynamic);
    }

    fn dynamic_templates(&self) -> Vec<Value> {
        self.mappings.get("dynamic_templates").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    fn set_dynamic_templates(&mut self, rules: Vec<Value>) {
        if rules.is_empty() {
            self.mappings.remove("dynamic_templates");
        } else {
            self.mappings.insert("dynamic_templates".into(), rules.into());
        }
    }
}

/// Settings by their full names. The engine takes and returns nested and flat ones.
pub(crate) fn flat_settings(settings: &Value) -> Map<String, Value> {
    let mut flat = Map::new();
    flatten("", settings, &mut flat);
    flat
}

/// Settings that have a meaning only together: an analyzer, a similarity, the sort order of an index.
fn group(name: &str) -> &str {
    let parts = match name.split('.').nth(1) {
        Some("analysis") => 4,
        Some("similarity") => 3,
        Some("sort") => 2,
        _ => return name,
    };
    name.match_indices('.').nth(parts - 1).map_or(name, |(end, _)| &name[..end])
}

fn flatten(path: &str, value: &Value, settings: &mut Map<String, Value>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = if path.is_empty() { full_name(name) } else { format!("{path}.{name}") };
                flatten(&name, value, settings);
            }
        }
        Value::Null => {}
        value => drop(settings.insert(path.to_owned(), value.clone())),
    }
}

fn name_of(rule: &Value) -> Option<String> {
    rule.as_object()?.keys().next().cloned()
}

fn is_object(field: &Value) -> bool {
    let has_subfields = field.get("type").is_none_or(|kind| kind == "object" || kind == "nested");
    has_subfields && field.is_object()
}

/// Every field of a mapping by its path, and whether it only contains other fields.
fn fields(object: &Map<String, Value>, path: &str, found: &mut Vec<(String, bool)>) {
    for (name, field) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        // A name with dots makes the objects around it.
        let around = path.match_indices('.').map(|(end, _)| (path[..end].to_owned(), true));
        found.extend(around);
        found.push((path.clone(), is_object(field)));
        if let (true, Some(field)) = (is_object(field), field.as_object()) {
            fields(field, &path, found);
        }
    }
}

/// Removes the fields about which another mapping says something: those that it has, those in a field of it that is no
/// object, and those that are no objects where it has one.
fn prune_fields(mapping: &mut Map<String, Value>, other: &Map<String, Value>) {
    let mut said = Vec::new();
    fields(other, "", &mut said);
    let objects: BTreeSet<&str> =
        said.iter().filter(|(_, is_object)| *is_object).map(|(path, _)| path.as_str()).collect();
    let leaves: BTreeSet<&str> =
        said.iter().filter(|(_, is_object)| !is_object).map(|(path, _)| path.as_str()).collect();
    prune(mapping, "", &objects, &leaves);
}

fn prune(object: &mut Map<String, Value>, path: &str, objects: &BTreeSet<&str>, leaves: &BTreeSet<&str>) {
    let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) else { return };
    properties.retain(|name, field| {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let is_in_a_leaf = path.match_indices('.').any(|(end, _)| leaves.contains(&path[..end]));
        if leaves.contains(path.as_str()) || is_in_a_leaf || (objects.contains(path.as_str()) && !is_object(field)) {
            return false;
        }
        if let (true, Some(field)) = (is_object(field), field.as_object_mut()) {
            prune(field, &path, objects, leaves);
        }
        true
    });
}

/// Puts a mapping over another one that has none of its fields.
fn overlay_mapping(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (name, value) in from {
        match (name.as_str(), into.get_mut(name), value) {
            ("properties" | "_meta", Some(Value::Object(known)), Value::Object(value)) => overlay(known, value),
            ("runtime", Some(Value::Object(known)), Value::Object(value)) => known.extend(value.clone()),
            _ => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

fn overlay(into: &mut Map<String, Value>, from: &Map<String, Value>) {
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (Some(Value::Object(known)), Value::Object(value)) => overlay(known, value),
            _ => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(settings: Value, mappings: Value) -> Content {
        Content::read(&Value::from_iter([("settings", settings), ("mappings", mappings)]))
    }

    fn merge(ours: &mut Content, mut theirs: Content) {
        theirs.remove(ours);
        ours.put_below(theirs);
    }

    #[test]
    fn settings_are_the_same_nested_or_flat_and_those_of_one_thing_stay_together() {
        let theirs = json!({
            "index": { "number_of_shards": "2", "sort": { "field": "a", "order": "asc" },
                       "analysis": { "analyzer": { "x": { "type": "custom", "tokenizer": "k" }, "y": { "type": "k" } } } },
            "codec": "best_compression", "none": null,
        });
        let ours = json!({ "index.number_of_shards": 1, "index.sort.field": ["b"], "index.analysis.analyzer.x.type": "standard" });
        let mut merged = content(ours, json!({}));
        merge(&mut merged, content(theirs, json!({})));
        let expected = json!({
            "index.number_of_shards": 1, "index.sort.field": ["b"], "index.codec": "best_compression",
            "index.analysis.analyzer.x.type": "standard", "index.analysis.analyzer.y.type": "k",
        });
        assert_eq!(Value::from(merged.settings), expected);
    }

    #[test]
    fn our_fields_win_whole_and_others_join_them() {
        let number = json!({ "type": "long" });
        let text = json!({ "type": "text", "fields": { "raw": { "type": "keyword" } } });
        for (theirs, ours, expected) in [
            (json!({ "a": text }), json!({ "a": number }), json!({ "a": number })),
            (json!({ "a": text }), json!({ "b": number }), json!({ "a": text, "b": number })),
            (
                json!({ "a.b": text }),
                json!({ "a": { "properties": { "b": number } } }),
                json!({ "a": { "properties": { "b": number } } }),
            ),
            (
                json!({ "a": { "properties": { "b": text, "c": text } } }),
                json!({ "a.b": number }),
                json!({ "a": { "properties": { "c": text } }, "a.b": number }),
            ),
            (json!({ "a": text }), json!({ "a.b": number }), json!({ "a.b": number })),
            (json!({ "a": { "properties": { "b": text } } }), json!({ "a": number }), json!({ "a": number })),
            (json!({ "a.b.c": text }), json!({ "a.b": number }), json!({ "a.b": number })),
            (
                json!({ "a": { "type": "nested", "properties": { "b": text } } }),
                json!({ "a": { "dynamic": false, "properties": { "c": number } } }),
                json!({ "a": { "type": "nested", "dynamic": false, "properties": { "b": text, "c": number } } }),
            ),
        ] {
            let mut merged = content(json!({}), json!({ "properties": ours }));
            merge(&mut merged, content(json!({}), json!({ "properties": theirs })));
            assert_eq!(merged.mappings["properties"], expected, "{theirs} {ours}");
        }
    }

    #[test]
    fn rules_for_new_fields_come_in_the_order_that_lets_ours_win() {
        let rule = |name: &str, kind: &str| json!({ name: { "match": "*", "mapping": { "type": kind } } });
        let theirs = json!({ "dynamic_templates": [rule("a", "text"), rule("b", "text")], "dynamic": "strict", "date_detection": false,
                             "_source": { "excludes": ["x"] }, "runtime": { "r": { "type": "long" }, "s": { "type": "long" } } });
        let ours = json!({ "dynamic_templates": [rule("c", "long"), rule("b", "long")], "dynamic": "true",
                           "_source": { "includes": ["y"] }, "runtime": { "r": { "type": "date" } }, "_meta": { "m": 1 } });
        let (theirs, mut merged) = (content(json!({}), theirs), content(json!({}), ours));
        let mut engine = theirs.clone();
        engine.add(&merged);
        let order = |content: &Content| content.dynamic_templates().iter().filter_map(name_of).collect::<String>();
        assert_eq!(order(&engine), "abc", "measured: a component's rules come first");
        merge(&mut merged, theirs);
        assert_eq!(order(&merged), "cba");
        assert_eq!(merged.mappings["dynamic_templates"][1], rule("b", "long"));
        assert_eq!((&merged.mappings["dynamic"], &merged.mappings["date_detection"]), (&json!("true"), &json!(false)));
        assert_eq!(merged.mappings["_source"], json!({ "includes": ["y"] }));
        assert_eq!(merged.mappings["runtime"], json!({ "r": { "type": "date" }, "s": { "type": "long" } }));
    }
}
