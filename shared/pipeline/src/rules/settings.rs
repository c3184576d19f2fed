//! Index settings that the user gives to the engine: their full names, and those that would break a promise.
//!
//! Deliberately absent: a list of the engine's settings. Each release has others, so the engine itself checks names and
//! values when `setup` writes the template.

use std::collections::BTreeMap;

use serde_json::Value;

/// The settings of a template, by their full names such as `index.refresh_interval`.
pub type IndexSettings = BTreeMap<String, IndexSetting>;

/// One index setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSetting {
    /// A text, or a list of texts. The engine stores no other values.
    pub value: Value,
    /// Its line in pipeline.yaml.
    pub line: usize,
}

/// The full name of a setting. The engine accepts each name with and without the prefix.
pub fn full_name(name: &str) -> String {
    if name == "index" || name.starts_with("index.") { name.to_owned() } else { format!("index.{name}") }
}

/// Why a setting, by its full name, would break a promise of Millrace. `None` if it does not.
pub fn broken_promise(name: &str, value: &Value) -> Option<&'static str> {
    let is = |text: &str| match value {
        Value::String(value) => value.eq_ignore_ascii_case(text),
        Value::Bool(value) => text == if *value { "true" } else { "false" },
        _ => false,
    };
    match name {
        "index.hidden" if !is("false") => {
            Some("the domain does not list hidden indices, so `retention`, `replay` and the brake would not find them")
        }
        "index.mode" if is("time_series") => Some(
            "such an index makes its own document ids and refuses the ids that keep an event from being stored twice",
        ),
        "index.translog.durability" if !is("request") => {
            Some("the domain would confirm events that it can lose when a node stops, and they would not be sent again")
        }
        _ if name.starts_with("index.blocks.") && !is("false") => {
            Some("a new index would refuse every event; set a block on an index that exists")
        }
        _ => None,
    }
}

/// The key of a dataset that gives a setting.
pub fn own_key(name: &str) -> Option<&'static str> {
    match name {
        "index.number_of_shards" => Some("shards"),
        "index.number_of_replicas" => Some("replicas"),
        "index.mapping.total_fields.limit" => Some("total_fields_limit"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_have_one_form() {
        for (name, full) in [
            ("refresh_interval", "index.refresh_interval"),
            ("index.refresh_interval", "index.refresh_interval"),
            ("indexing.x", "index.indexing.x"),
            ("index", "index"),
        ] {
            assert_eq!(full_name(name), full);
        }
    }

    #[test]
    fn a_setting_that_breaks_a_promise_is_known_by_its_value() {
        for (name, value, breaks) in [
            ("index.hidden", json!("true"), true),
            ("index.hidden", json!(true), true),
            ("index.hidden", json!("false"), false),
            ("index.hidden", json!(false), false),
            ("index.mode", json!("time_series"), true),
            ("index.mode", json!("logsdb"), false),
            ("index.translog.durability", json!("async"), true),
            ("index.translog.durability", json!("REQUEST"), false),
            ("index.blocks.write", json!("true"), true),
            ("index.blocks.any_future_block", json!("true"), true),
            ("index.blocks.write", json!("false"), false),
            ("index.codec", json!("best_compression"), false),
        ] {
            assert_eq!(broken_promise(name, &value).is_some(), breaks, "{name} {value}");
        }
    }
}
