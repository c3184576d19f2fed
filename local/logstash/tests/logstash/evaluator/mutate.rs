//! `mutate`: its settings in Logstash's fixed order, whatever their order in the file.

use serde_json::{Value, json};

use super::{
    Change,
    value::{filled, get, remove, set, text, written},
};

pub(super) fn mutate(changes: &[Change], event: &mut Value) {
    let mut ordered: Vec<&Change> = changes.iter().collect();
    ordered.sort_by_key(|change| rank(change));
    for change in ordered {
        apply(change, event);
    }
}

fn rank(change: &Change) -> u8 {
    match change {
        Change::Coerce(..) => 0,
        Change::Rename(..) => 1,
        Change::Update(..) => 2,
        Change::Replace(..) => 3,
        Change::Convert(..) => 4,
        Change::Gsub(..) => 5,
        Change::Uppercase(..) => 6,
        Change::Capitalize(..) => 7,
        Change::Lowercase(..) => 8,
        Change::Strip(..) => 9,
        Change::Split(..) => 10,
        Change::Join(..) => 11,
        Change::Merge(..) => 12,
        Change::Copy(..) => 13,
    }
}

fn apply(change: &Change, event: &mut Value) {
    match change {
        Change::Coerce(field, value) => {
            if get(event, field).is_some_and(Value::is_null) {
                set(event, field, (*value).into());
            }
        }
        Change::Rename(from, to) => {
            if get(event, from).is_some() {
                let value = remove(event, from);
                set(event, to, value.unwrap_or_default());
            }
        }
        Change::Update(field, value) => {
            if get(event, field).is_some() {
                let value = filled(event, value);
                set(event, field, value.into());
            }
        }
        Change::Replace(field, value) => {
            let value = filled(event, value);
            set(event, field, value.into());
        }
        Change::Convert(field, kind) => {
            if let Some(value) = get(event, field).and_then(|value| converted(value, kind)) {
                set(event, field, value);
            }
        }
        Change::Gsub(field, from, to) => on_text(event, field, |text| text.replace(from, to)),
        Change::Uppercase(field) => on_text(event, field, str::to_uppercase),
        Change::Capitalize(field) => on_text(event, field, |text| {
            let first: String = text.chars().take(1).collect();
            first.to_uppercase() + &text.chars().skip(1).collect::<String>().to_lowercase()
        }),
        Change::Lowercase(field) => on_text(event, field, str::to_lowercase),
        Change::Strip(field) => on_text(event, field, |text| text.trim().to_owned()),
        Change::Split(field, separator) => {
            if let Some(text) = text(event, field) {
                let parts: Vec<Value> = text.split(separator).map(Value::from).collect();
                set(event, field, parts.into());
            }
        }
        Change::Join(field, separator) => {
            if let Some(Value::Array(list)) = get(event, field) {
                let joined = list.iter().map(written).collect::<Vec<_>>().join(separator);
                set(event, field, joined.into());
            }
        }
        Change::Merge(to, from) => {
            let merged = [list(get(event, to)), list(get(event, from))].concat();
            set(event, to, merged.into());
        }
        Change::Copy(from, to) => {
            if let Some(value) = get(event, from).filter(|value| !value.is_null()).cloned() {
                set(event, to, value);
            }
        }
    }
}

fn list(value: Option<&Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) => list.clone(),
        Some(other) => vec![other.clone()],
    }
}

fn on_text(event: &mut Value, field: &[&str], change: impl Fn(&str) -> String) {
    if let Some(changed) = text(event, field).map(change) {
        set(event, field, changed.into());
    }
}

fn converted(value: &Value, kind: &str) -> Option<Value> {
    match (kind, value) {
        (_, Value::Null | Value::Array(_) | Value::Object(_)) => None,
        ("integer", Value::Bool(value)) => Some(json!(i64::from(*value))),
        ("integer", value) => {
            let text = written(value);
            let whole = text.split('.').next().unwrap_or_default();
            Some(json!(whole.parse::<i64>().unwrap_or_default()))
        }
        ("boolean", value) => match written(value).as_str() {
            "true" | "1" => Some(true.into()),
            "false" | "0" | "" => Some(false.into()),
            _ => None,
        },
        (_, value) => Some(written(value).into()),
    }
}
