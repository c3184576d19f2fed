//! Filters, and the common settings that apply after success.

use std::cell::Cell;

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;

use super::{
    After, Field, Filter, joda,
    mutate::mutate,
    value::{add, add_tag, filled, get, remove, remove_tag, set, text, written},
};

/// The result: one event, none if it was dropped, or the events of a `split`.
pub(super) fn apply(filter: &Filter, after: &After, mut event: Value) -> Vec<Option<Value>> {
    let succeeded = match filter {
        Filter::Drop => return vec![None],
        Filter::Split(field) => return split(field, after, event),
        Filter::Mutate(changes) => {
            mutate(changes, &mut event);
            true
        }
        Filter::Date { source, formats, zone, target } => date(&mut event, source, formats, *zone, target),
        Filter::Json { source, target } => json(&mut event, source, *target),
        Filter::Prune { kept, gone } => {
            if let Value::Object(fields) = &mut event {
                fields.retain(|name, _| name == "@metadata" || kept.is_empty() || kept.contains(&name.as_str()));
                fields.retain(|name, _| name == "@metadata" || !gone.contains(&name.as_str()));
            }
            true
        }
        Filter::Translate { source, target } => translate(&mut event, source, target),
        Filter::Dissect(source, targets) => dissect(&mut event, source, targets),
        Filter::Kv(source) => kv(&mut event, source),
        Filter::Fingerprint { source, method, target } => {
            fingerprint(&mut event, *source, method, target);
            true
        }
        Filter::Ruby(field, value) => {
            set(&mut event, field, (*value).into());
            true
        }
    };
    if succeeded {
        decorate(&mut event, after);
    }
    vec![Some(event)]
}

fn decorate(event: &mut Value, after: &After) {
    for (field, text) in &after.added {
        add(event, field, text);
    }
    for field in &after.removed {
        remove(event, field);
    }
    if let Some(tag) = after.tag {
        let tag = filled(event, tag);
        add_tag(event, &tag);
    }
    if let Some(tag) = after.lost_tag {
        remove_tag(event, tag);
    }
}

fn split(field: Field, after: &After, mut event: Value) -> Vec<Option<Value>> {
    let Some(Value::Array(values)) = get(&event, field).cloned() else {
        add_tag(&mut event, "_split_type_failure");
        return vec![Some(event)];
    };
    let one = |value: Value| {
        let mut event = event.clone();
        set(&mut event, field, value);
        decorate(&mut event, after);
        Some(event)
    };
    values.into_iter().map(one).collect()
}

fn date(event: &mut Value, source: Field, formats: &[&str], zone: Option<&str>, target: Field) -> bool {
    let Some(value) = get(event, source).filter(|value| !value.is_null()).cloned() else { return false };
    let Some(time) = formats.iter().find_map(|format| time(format, &value, zone)) else {
        add_tag(event, "_dateparsefailure");
        return false;
    };
    set(event, target, format!("{time:.3}").into());
    true
}

fn time(format: &str, value: &Value, zone: Option<&str>) -> Option<Timestamp> {
    let zone = zone.map_or(Some(TimeZone::UTC), |zone| TimeZone::get(zone).ok())?;
    let text = written(value);
    match format {
        "ISO8601" => text.parse().ok(),
        "UNIX" => Timestamp::from_second(text.parse().ok().filter(|second| *second < 1_i64 << 31)?).ok(),
        "UNIX_MS" => Timestamp::from_millisecond(text.parse().ok()?).ok(),
        pattern => joda::read(pattern, &text, &zone),
    }
}

thread_local! {
    /// Differs with every use, as a random id or the time of reading does.
    static CHANCE: Cell<u64> = const { Cell::new(0) };
}

/// A text that is unique to the value stands for a checksum.
fn fingerprint(event: &mut Value, source: Option<Field>, method: &str, target: Field) {
    let chance = CHANCE.replace(CHANCE.get() + 1);
    let value = match (method, source) {
        ("UUID", _) => format!("uuid-{chance}"),
        ("PUNCTUATION", Some(source)) => match text(event, source) {
            Some(text) => text.chars().filter(|c| !c.is_ascii_alphanumeric() && *c != ' ').collect(),
            None => return,
        },
        (_, Some(source)) => match get(event, source) {
            Some(value) => format!("{method}-{}", written(value)),
            None => return,
        },
        // The time of reading is one of all fields.
        (_, None) if event.get("@timestamp").is_none() => format!("{method}-{event}-{chance}"),
        (_, None) => format!("{method}-{event}"),
    };
    set(event, target, value.into());
}

fn json(event: &mut Value, source: Field, target: Option<Field>) -> bool {
    let Some(value) = get(event, source).filter(|value| !matches!(value, Value::Null | Value::Bool(false))) else {
        return false;
    };
    match (value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()), target) {
        (Some(value), Some(target)) => set(event, target, value),
        (Some(Value::Object(members)), None) => {
            for (name, value) in members {
                event[name] = value;
            }
        }
        _ => {
            add_tag(event, "_jsonparsefailure");
            return false;
        }
    }
    true
}

/// A dictionary with the single key `x`.
fn translate(event: &mut Value, source: Field, target: Field) -> bool {
    if get(event, source).map(written).as_deref() != Some("x") || (source != target && get(event, target).is_some()) {
        return false;
    }
    set(event, target, "translated".into());
    true
}

fn dissect(event: &mut Value, source: Field, targets: &[Field; 2]) -> bool {
    let words = text(event, source).and_then(|text| text.split_once(' '));
    let Some((first, second)) = words.map(|(first, second)| (first.to_owned(), second.to_owned())) else {
        add_tag(event, "_dissectfailure");
        return false;
    };
    set(event, targets[0], first.into());
    set(event, targets[1], second.into());
    true
}

fn kv(event: &mut Value, source: Field) -> bool {
    let pair = text(event, source).and_then(|text| text.split_once('='));
    let Some((name, value)) = pair.map(|(name, value)| (name.to_owned(), value.to_owned())) else { return false };
    event[name] = value.into();
    true
}
