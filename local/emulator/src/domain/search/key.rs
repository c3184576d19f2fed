//! A value by which hits are sorted.

use std::cmp::Ordering;

use serde_json::{Value, json};

use crate::domain::column::{decoded, encoded};

/// A value to sort by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key {
    Integer(i64),
    /// Encoded, and whether it has single precision.
    Float(i64, bool),
    Text(Box<str>),
    /// A missing text, and whether it comes first.
    Missing(bool),
}

impl Key {
    /// As it is in the `sort` of a hit.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Integer(value) => json!(value),
            Self::Float(value, single) => match decoded(*value) {
                value if value == f64::INFINITY => json!("Infinity"),
                value if value == f64::NEG_INFINITY => json!("-Infinity"),
                // As the engine writes a float: 0.1 and not the double that it is.
                value if *single => json!(shortest(value)),
                value => json!(value),
            },
            Self::Text(text) => json!(text),
            Self::Missing(_) => Value::Null,
        }
    }

    /// The order of two values. Missing texts have their place in both directions.
    pub(super) fn compare(left: &Self, right: &Self, descends: bool) -> Ordering {
        let of_missing = |is_first: bool| if is_first { Ordering::Less } else { Ordering::Greater };
        let order = match (left, right) {
            (Self::Missing(_), Self::Missing(_)) => return Ordering::Equal,
            (Self::Missing(is_first), _) => return of_missing(*is_first),
            (_, Self::Missing(is_first)) => return of_missing(*is_first).reverse(),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Text(_), _) => Ordering::Greater,
            (_, Self::Text(_)) => Ordering::Less,
            (Self::Integer(left), Self::Integer(right)) | (Self::Float(left, _), Self::Float(right, _)) => {
                left.cmp(right)
            }
            (Self::Integer(left), Self::Float(right, _)) => encoded(*left as f64).cmp(right),
            (Self::Float(left, _), Self::Integer(right)) => left.cmp(&encoded(*right as f64)),
        };
        if descends { order.reverse() } else { order }
    }
}

/// The double with the fewest digits that is this float.
#[expect(clippy::cast_possible_truncation, reason = "it was a float")]
fn shortest(value: f64) -> f64 {
    format!("{:e}", value as f32).parse().unwrap_or(value)
}
