//! The conditions of a statement. Every operator and every key must hold. One value of a list is enough.

use std::collections::BTreeMap;

use serde_json::Value;

use super::pattern::{matches, matches_arn};

/// The prefix of an operator, which says how the values in the request are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    /// No prefix: the request has one value.
    One,
    /// `ForAllValues:`, which holds if the request has no value.
    All,
    /// `ForAnyValue:`, which does not hold if the request has no value.
    Any,
}

/// Whether a `Condition` holds. Names of context keys are in lower case.
pub(super) fn holds(condition: &Value, context: &BTreeMap<String, Vec<String>>) -> bool {
    let operators = condition.as_object().expect("conditions by operator");
    operators.iter().all(|(operator, keys)| {
        keys.as_object().expect("values by key").iter().all(|(key, wanted)| {
            let found = context.get(&key.to_ascii_lowercase()).map_or(&[][..], Vec::as_slice);
            key_holds(operator, &words(wanted), found)
        })
    })
}

fn key_holds(operator: &str, wanted: &[String], found: &[String]) -> bool {
    let (set, operator) = match operator.split_once(':') {
        Some(("ForAllValues", operator)) => (Set::All, operator),
        Some(("ForAnyValue", operator)) => (Set::Any, operator),
        Some((other, _)) => panic!("{other} is not understood"),
        None => (Set::One, operator),
    };
    if operator == "Null" {
        return wanted.iter().any(|wanted| (wanted == "true") == found.is_empty());
    }
    let (operator, is_optional) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let (operator, is_negated) = match operator.split_once("Not") {
        Some((kind, how)) => (format!("{kind}{how}"), true),
        None => (operator.to_owned(), false),
    };
    // With a negated operator, the value must differ from all listed values.
    let is_fine = |found: &String| wanted.iter().any(|wanted| compare(&operator, wanted, found)) != is_negated;
    match set {
        // A key that the request does not have is equal to nothing.
        Set::One if found.is_empty() => is_optional || is_negated,
        Set::One => {
            assert_eq!(found.len(), 1, "{operator} of several values needs ForAllValues or ForAnyValue");
            is_fine(&found[0])
        }
        Set::All => found.iter().all(is_fine),
        Set::Any => (found.is_empty() && is_optional) || found.iter().any(is_fine),
    }
}

fn compare(operator: &str, wanted: &str, found: &str) -> bool {
    match operator {
        "StringEquals" => wanted == found,
        "StringEqualsIgnoreCase" | "Bool" => wanted.eq_ignore_ascii_case(found),
        "StringLike" => matches(wanted, found),
        "ArnEquals" | "ArnLike" => matches_arn(wanted, found),
        "NumericLessThan" => number(found) < number(wanted),
        "NumericLessThanEquals" => number(found) <= number(wanted),
        "NumericGreaterThan" => number(found) > number(wanted),
        "NumericGreaterThanEquals" => number(found) >= number(wanted),
        other => panic!("the operator {other} is not understood"),
    }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The values as text. A policy may also write booleans and numbers.
fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(words).collect(),
        Value::String(text) => {
            assert!(!text.contains("${"), "{text}: variables are not understood");
            vec![text.clone()]
        }
        Value::Bool(_) | Value::Number(_) => vec![value.to_string()],
        other => panic!("{other} is no value of a condition"),
    }
}
