//! Fields of an event: read, set, removed, and inserted into texts.

use serde_json::{Map, Value, json};

pub(in super::super) fn add_tag(event: &mut Value, tag: &str) {
    let mut tags = match event.get("tags") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(tags)) => tags.clone(),
        Some(other) => vec![other.clone()],
    };
    if !tags.iter().any(|known| known == tag) {
        tags.push(tag.into());
    }
    event["tags"] = tags.into();
}

pub(super) fn remove_tag(event: &mut Value, tag: &str) {
    let Some(Value::Array(tags)) = event.get_mut("tags") else { return };
    tags.retain(|known| known != tag);
    if tags.is_empty() {
        remove(event, &["tags"]);
    }
}

pub(super) fn add(event: &mut Value, field: &[&str], text: &str) {
    let value: Value = filled(event, text).into();
    let list = match get(event, field) {
        None => return set(event, field, value),
        Some(Value::Null) => vec![value],
        Some(Value::Array(list)) => [list.clone(), vec![value]].concat(),
        Some(other) => vec![other.clone(), value],
    };
    set(event, field, list.into());
}

/// A text with its field references replaced.
pub(in super::super) fn filled(event: &Value, text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, (inside, after))) =
        rest.split_once("%{").and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        out.push_str(before);
        let names: Vec<&str> = inside.trim_matches(['[', ']']).split("][").collect();
        let value = names.iter().try_fold(event, |value, name| value.get(name)).filter(|value| !value.is_null());
        match value {
            Some(value) => out.push_str(&written(value)),
            None => out.extend(["%{", inside, "}"]),
        }
        rest = after;
    }
    out + rest
}

pub(super) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(written).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

pub(in super::super) fn get<'v>(event: &'v Value, field: &[&str]) -> Option<&'v Value> {
    field.iter().try_fold(event, |value, name| value.get(name))
}

pub(super) fn text<'v>(event: &'v Value, field: &[&str]) -> Option<&'v str> {
    get(event, field).and_then(Value::as_str)
}

pub(super) fn set(event: &mut Value, field: &[&str], value: Value) {
    let Some((last, outer)) = field.split_last() else { return };
    let mut place = event;
    for name in outer {
        if !place.get(name).is_some_and(Value::is_object) {
            place[*name] = json!({});
        }
        place = &mut place[*name];
    }
    place[*last] = value;
}

pub(super) fn remove(event: &mut Value, field: &[&str]) -> Option<Value> {
    let (last, outer) = field.split_last()?;
    let place: &mut Map<String, Value> =
        outer.iter().try_fold(event, |value, name| value.get_mut(name))?.as_object_mut()?;
    place.remove(*last)
}
