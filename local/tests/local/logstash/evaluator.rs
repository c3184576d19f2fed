//! A small Logstash, written from its documentation: the filters that are translated, one after another, on one event.
//!
//! Deliberately absent: everything that the translation lists as not done, but for a few filters that later lines depend on.

use serde_json::{Map, Value, json};

/// A field: one name, or several of objects within one another.
pub(super) type Field = &'static [&'static str];

#[derive(Debug, Clone)]
pub(super) enum Literal {
    Text(&'static str),
    Number(i64),
}

#[derive(Debug, Clone)]
pub(super) enum Condition {
    Holds(Field),
    Equals(Field, Literal),
    Differs(Field, Literal),
    Above(Field, i32),
    OneOf(Field, Vec<Literal>),
    Contains(&'static str, Field),
    /// A plain text, and whether it is held at the beginning and at the end.
    Matches(Field, &'static str, bool, bool),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

#[derive(Debug, Clone)]
pub(super) enum Filter {
    Rename(Field, Field),
    Remove(Field),
    Add(Field, &'static str),
    Replace(Field, &'static str),
    Copy(Field, Field),
    Tag(&'static str),
    Lowercase(Field),
    Date { source: Field, formats: &'static [&'static str], target: &'static str, removes: bool },
    Json { source: &'static str, removes: bool },
    Prune(&'static [&'static str]),
    Drop,
}

#[derive(Debug, Clone)]
pub(super) enum Statement {
    Filter(Filter),
    If(Vec<(Option<Condition>, Vec<Statement>)>),
}

/// What becomes of an event.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fate {
    Dropped,
    /// Logstash cannot evaluate a condition.
    Fails,
    Kept(Value),
}

/// The event after the filters.
pub(super) fn run(statements: &[Statement], event: &Value) -> Fate {
    let mut event = event.clone();
    match all(statements, &mut event) {
        Ok(true) => Fate::Kept(event),
        Ok(false) => Fate::Dropped,
        Err(Fails) => Fate::Fails,
    }
}

pub(super) struct Fails;

/// Whether the event is still there.
fn all(statements: &[Statement], event: &mut Value) -> Result<bool, Fails> {
    for statement in statements {
        let stays = match statement {
            Statement::Filter(filter) => apply(filter, event),
            Statement::If(branches) => {
                let mut stays = true;
                for (condition, body) in branches {
                    if condition.as_ref().map_or(Ok(true), |condition| holds(condition, event))? {
                        stays = all(body, event)?;
                        break;
                    }
                }
                stays
            }
        };
        if !stays {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn holds(condition: &Condition, event: &Value) -> Result<bool, Fails> {
    Ok(match condition {
        Condition::Holds(field) => match get(event, field) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !matches!(text.as_str(), "" | "false"),
            Some(_) => true,
        },
        Condition::Equals(field, literal) => equals(get(event, field), literal),
        Condition::Differs(field, literal) => !equals(get(event, field), literal),
        Condition::Above(field, number) => match get(event, field) {
            Some(Value::Number(value)) => value.as_f64().unwrap_or_default() > f64::from(*number),
            _ => return Err(Fails),
        },
        Condition::OneOf(field, list) => match get(event, field) {
            Some(value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))) => {
                let written = match value {
                    Value::Null => String::new(),
                    _ => written(value),
                };
                list.iter().any(|literal| match literal {
                    Literal::Text(text) => written == *text,
                    Literal::Number(number) => written == number.to_string(),
                })
            }
            _ => false,
        },
        Condition::Contains(text, field) => match get(event, field) {
            Some(Value::String(value)) => value.contains(text),
            Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(text)),
            _ => false,
        },
        Condition::Matches(field, text, starts, ends) => match get(event, field) {
            Some(Value::String(value)) => value.split('\n').any(|line| match (starts, ends) {
                (true, true) => line == *text,
                (true, false) => line.starts_with(text),
                (false, true) => line.ends_with(text),
                (false, false) => line.contains(text),
            }),
            _ => false,
        },
        Condition::Not(inner) => !holds(inner, event)?,
        Condition::All(inner) => {
            for one in inner {
                if !holds(one, event)? {
                    return Ok(false);
                }
            }
            true
        }
        Condition::Any(inner) => {
            for one in inner {
                if holds(one, event)? {
                    return Ok(true);
                }
            }
            false
        }
    })
}

fn equals(value: Option<&Value>, literal: &Literal) -> bool {
    match literal {
        Literal::Text(text) => value.and_then(Value::as_str) == Some(*text),
        Literal::Number(number) => value.and_then(Value::as_i64) == Some(*number),
    }
}

fn apply(filter: &Filter, event: &mut Value) -> bool {
    match filter {
        Filter::Drop => return false,
        Filter::Rename(from, to) => {
            if get(event, from).is_some() {
                let value = remove(event, from);
                set(event, to, value.unwrap_or_default());
            }
        }
        Filter::Remove(field) => {
            remove(event, field);
        }
        Filter::Add(field, text) => add(event, field, text),
        Filter::Replace(field, text) => {
            let value = filled(event, text);
            set(event, field, value.into());
        }
        Filter::Copy(from, to) => {
            if let Some(value) = get(event, from).filter(|value| !value.is_null()).cloned() {
                set(event, to, value);
            }
        }
        Filter::Tag(tag) => add_tag(event, tag),
        Filter::Lowercase(field) => {
            if let Some(text) = get(event, field).and_then(Value::as_str).map(str::to_lowercase) {
                set(event, field, text.into());
            }
        }
        Filter::Date { source, formats, target, removes } => date(event, source, formats, target, *removes),
        Filter::Json { source, removes } => unfold(event, source, *removes),
        Filter::Prune(names) => {
            if let Value::Object(fields) = event {
                fields.retain(|name, _| names.contains(&name.as_str()));
            }
        }
    }
    true
}

fn date(event: &mut Value, source: Field, formats: &[&str], target: &'static str, removes: bool) {
    let Some(value) = get(event, source).filter(|value| !value.is_null()).cloned() else { return };
    let time = formats.iter().find_map(|format| match (*format, &value) {
        ("ISO8601", Value::String(text)) => text.parse::<jiff::Timestamp>().ok(),
        ("UNIX_MS", Value::Number(number)) => jiff::Timestamp::from_millisecond(number.as_i64()?).ok(),
        ("UNIX_MS", Value::String(text)) => jiff::Timestamp::from_millisecond(text.parse().ok()?).ok(),
        _ => None,
    });
    match time {
        Some(time) => {
            set(event, std::slice::from_ref(&target), format!("{time:.3}").into());
            if removes {
                remove(event, source);
            }
        }
        None => add_tag(event, "_dateparsefailure"),
    }
}

fn unfold(event: &mut Value, source: &str, removes: bool) {
    let Some(text) = event.get(source).filter(|value| !matches!(value, Value::Null | Value::Bool(false))) else {
        return;
    };
    match text.as_str().and_then(|text| serde_json::from_str(text).ok()) {
        Some(Value::Object(members)) => {
            for (name, value) in members {
                event[name] = value;
            }
            if removes && let Value::Object(fields) = event {
                fields.remove(source);
            }
        }
        _ => add_tag(event, "_jsonparsefailure"),
    }
}

pub(super) fn add_tag(event: &mut Value, tag: &str) {
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

fn add(event: &mut Value, field: Field, text: &str) {
    let value: Value = filled(event, text).into();
    let list = match get(event, field) {
        None => return set(event, field, value),
        Some(Value::Null) => vec![value],
        Some(Value::Array(list)) => [list.clone(), vec![value]].concat(),
        Some(other) => vec![other.clone(), value],
    };
    set(event, field, list.into());
}

/// A text with fields in it.
pub(super) fn filled(event: &Value, text: &str) -> String {
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

fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(written).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

pub(super) fn get<'v>(event: &'v Value, field: &[&str]) -> Option<&'v Value> {
    field.iter().try_fold(event, |value, name| value.get(name))
}

fn set(event: &mut Value, field: &[&str], value: Value) {
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

fn remove(event: &mut Value, field: &[&str]) -> Option<Value> {
    let (last, outer) = field.split_last()?;
    let place: &mut Map<String, Value> =
        outer.iter().try_fold(event, |value, name| value.get_mut(name))?.as_object_mut()?;
    place.remove(*last)
}
