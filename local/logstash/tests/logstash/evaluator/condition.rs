//! Conditions, evaluated like Logstash's `EventCondition`.

use serde_json::Value;

use super::{
    Condition, Field, Literal, Order,
    value::{get, written},
};

/// Logstash raises an error when it evaluates the condition.
pub(in super::super) struct Fails;

pub(in super::super) fn holds(condition: &Condition, event: &Value) -> Result<bool, Fails> {
    Ok(match condition {
        Condition::Holds(field) => match get(event, field) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !matches!(text.as_str(), "" | "false"),
            Some(_) => true,
        },
        Condition::Equals(field, literal) => equals(get(event, field), literal),
        Condition::Differs(field, literal) => !equals(get(event, field), literal),
        Condition::Alike(field, other) => get(event, field) == get(event, other),
        Condition::Compare(field, order, literal) => compare(get(event, field), *order, literal)?,
        Condition::OneOf(field, list) => is_one_of(event, field, list),
        Condition::Contains(text, field) => match get(event, field) {
            Some(Value::String(value)) => value.contains(text),
            Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(text)),
            _ => false,
        },
        Condition::Matches(field, pattern) => match get(event, field) {
            Some(Value::String(value)) => value.split('\n').any(pattern.matches),
            _ => false,
        },
        Condition::Not(inner) => !holds(inner, event)?,
        Condition::Xor(both) => holds(&both[0], event)? != holds(&both[1], event)?,
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

fn compare(value: Option<&Value>, order: Order, literal: &Literal) -> Result<bool, Fails> {
    let ordering = match (value, literal) {
        (Some(Value::Number(value)), Literal::Number(number)) => {
            value.as_f64().unwrap_or_default().total_cmp(&f64::from(i32::try_from(*number).unwrap_or_default()))
        }
        (Some(Value::String(value)), Literal::Text(text)) => value.as_str().cmp(text),
        _ => return Err(Fails),
    };
    Ok(match order {
        Order::Less => ordering.is_lt(),
        Order::AtMost => ordering.is_le(),
        Order::More => ordering.is_gt(),
        Order::AtLeast => ordering.is_ge(),
    })
}

fn is_one_of(event: &Value, field: Field, list: &[Literal]) -> bool {
    let written = match get(event, field) {
        Some(Value::Null) => String::new(),
        Some(value @ (Value::Bool(_) | Value::Number(_) | Value::String(_))) => written(value),
        _ => return false,
    };
    list.iter().any(|literal| match literal {
        Literal::Text(text) => written == *text,
        Literal::Number(number) => written == number.to_string(),
    })
}
