//! A small Logstash, written from Logstash's source code: it runs filters one after another on one event.
//!
//! It also has filters that the translation only lists, since later lines depend on them.

#[path = "evaluator/condition.rs"]
mod condition;
#[path = "evaluator/filter.rs"]
mod filter;
#[path = "evaluator/joda.rs"]
pub(super) mod joda;
#[path = "evaluator/mutate.rs"]
mod mutate;
#[path = "evaluator/value.rs"]
mod value;

use serde_json::Value;

pub(super) use condition::{Fails, holds};
pub(super) use value::{add_tag, filled, get};

/// A field: the names on the path to it.
pub(super) type Field = &'static [&'static str];

#[derive(Debug, Clone)]
pub(super) enum Literal {
    Text(&'static str),
    Number(i64),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// A regular expression, and the lines that it matches.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) text: &'static str,
    pub(super) matches: fn(&str) -> bool,
}

#[derive(Debug, Clone)]
pub(super) enum Condition {
    Holds(Field),
    Equals(Field, Literal),
    Differs(Field, Literal),
    Alike(Field, Field),
    Compare(Field, Order, Literal),
    OneOf(Field, Vec<Literal>),
    Contains(&'static str, Field),
    Matches(Field, Pattern),
    Not(Box<Condition>),
    Xor(Box<[Condition; 2]>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// A setting of `mutate`.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Coerce(Field, &'static str),
    Rename(Field, Field),
    Update(Field, &'static str),
    Replace(Field, &'static str),
    Convert(Field, &'static str),
    Gsub(Field, &'static str, &'static str),
    Uppercase(Field),
    Capitalize(Field),
    Lowercase(Field),
    Strip(Field),
    Split(Field, &'static str),
    Join(Field, &'static str),
    /// Target and source.
    Merge(Field, Field),
    Copy(Field, Field),
}

/// The settings that all filters have in common. They apply if the filter succeeds.
#[derive(Debug, Clone, Default)]
pub(super) struct After {
    pub(super) added: Vec<(Field, &'static str)>,
    pub(super) removed: Vec<Field>,
    pub(super) tag: Option<&'static str>,
    pub(super) lost_tag: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) enum Filter {
    Mutate(Vec<Change>),
    Date {
        source: Field,
        formats: Vec<&'static str>,
        zone: Option<&'static str>,
        target: Field,
    },
    Json {
        source: Field,
        target: Option<Field>,
    },
    Prune {
        kept: &'static [&'static str],
        gone: &'static [&'static str],
    },
    /// An array becomes several events.
    Split(Field),
    Translate {
        source: Field,
        target: Field,
    },
    /// Splits a text of two words.
    Dissect(Field, [Field; 2]),
    /// Reads a text `name=value`.
    Kv(Field),
    /// Sets a checksum, or another value of a method, of one field or of all.
    Fingerprint {
        source: Option<Field>,
        method: &'static str,
        target: Field,
    },
    /// Code that sets a field.
    Ruby(Field, &'static str),
    Drop,
}

#[derive(Debug, Clone)]
pub(super) enum Statement {
    Filter(Filter, After),
    If(Vec<(Option<Condition>, Vec<Statement>)>),
}

/// The result of the statements for an event: the event, or the events it was split into. Each is `None` if it was
/// dropped.
pub(super) fn run(statements: &[Statement], event: Value) -> Result<Vec<Option<Value>>, Fails> {
    let mut events = vec![Some(event)];
    for statement in statements {
        let mut after = Vec::new();
        for event in events {
            match event {
                None => after.push(None),
                Some(event) => after.extend(one(statement, event)?),
            }
        }
        events = after;
    }
    Ok(events)
}

fn one(statement: &Statement, event: Value) -> Result<Vec<Option<Value>>, Fails> {
    match statement {
        Statement::Filter(filter, after) => Ok(filter::apply(filter, after, event)),
        Statement::If(branches) => {
            for (condition, body) in branches {
                if condition.as_ref().map_or(Ok(true), |condition| holds(condition, &event))? {
                    return run(body, event);
                }
            }
            Ok(vec![Some(event)])
        }
    }
}

/// The event with these additional fields.
pub(super) fn added(mut event: Value, fields: &[(Field, &str)]) -> Value {
    for (field, text) in fields {
        value::add(&mut event, field, text);
    }
    event
}
