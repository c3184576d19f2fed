//! Compares two JSON texts, member by member. The order of members has no meaning. Numbers are compared by their exact values.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::difference::{Difference, NOTHING};
use crate::decode::is_same_number;

/// Adds every difference between two documents. `field` is the name of the whole.
pub(super) fn compare(field: &str, expected: &str, actual: &str, differences: &mut Vec<Difference>) {
    match (expected.as_bytes().first(), actual.as_bytes().first()) {
        (Some(b'{'), Some(b'{')) => {
            if let (Ok(expected), Ok(actual)) = (members(expected), members(actual)) {
                return compare_members(field, &expected, &actual, differences);
            }
        }
        (Some(b'['), Some(b'[')) => {
            if let (Ok(expected), Ok(actual)) = (elements(expected), elements(actual)) {
                return compare_elements(field, &expected, &actual, differences);
            }
        }
        _ => {}
    }
    if !is_same_scalar(expected, actual) {
        differences.push(Difference::new(field, expected, actual));
    }
}

fn compare_members(
    field: &str,
    expected: &[(String, &RawValue)],
    actual: &[(String, &RawValue)],
    differences: &mut Vec<Difference>,
) {
    for (name, value) in expected {
        let path = format!("{field}.{name}");
        let mut found = actual.iter().filter(|(other, _)| other == name).map(|(_, value)| value.get());
        match (found.next(), found.next()) {
            (Some(found), None) => compare(&path, value.get(), found, differences),
            (Some(first), Some(second)) => {
                differences.push(Difference::new(&path, value.get(), &format!("{first} and {second}, a member twice")));
            }
            (None, _) => differences.push(Difference::new(&path, value.get(), NOTHING)),
        }
    }
    for (name, value) in actual.iter().filter(|(name, _)| !expected.iter().any(|(other, _)| other == name)) {
        differences.push(Difference::new(&format!("{field}.{name}"), NOTHING, value.get()));
    }
}

fn compare_elements(field: &str, expected: &[&RawValue], actual: &[&RawValue], differences: &mut Vec<Difference>) {
    let text =
        |values: &[&RawValue], at: usize| values.get(at).map_or(NOTHING.to_owned(), |value| value.get().to_owned());
    for at in 0..expected.len().max(actual.len()) {
        let path = format!("{field}[{at}]");
        match (expected.get(at), actual.get(at)) {
            (Some(expected), Some(actual)) => compare(&path, expected.get(), actual.get(), differences),
            _ => differences.push(Difference::new(&path, &text(expected, at), &text(actual, at))),
        }
    }
}

fn is_same_scalar(expected: &str, actual: &str) -> bool {
    let is_number = |text: &str| text.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    let string = |text: &str| serde_json::from_str::<String>(text).ok();
    match (string(expected), string(actual)) {
        (Some(expected), Some(actual)) => expected == actual,
        _ if is_number(expected) && is_number(actual) => is_same_number(expected, actual),
        _ => expected == actual,
    }
}

fn members(text: &str) -> serde_json::Result<Vec<(String, &RawValue)>> {
    serde_json::from_str::<Members<'_>>(text).map(|members| members.0)
}

fn elements(text: &str) -> serde_json::Result<Vec<&RawValue>> {
    serde_json::from_str(text)
}

/// The members of an object. A name that occurs twice is there twice, which a map would hide.
struct Members<'t>(Vec<(String, &'t RawValue)>);

impl<'t> Deserialize<'t> for Members<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'t> Visitor<'t> for MembersVisitor {
    type Value = Members<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Members<'t>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
