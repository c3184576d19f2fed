//! The fields of a condition.

use crate::ast::{Condition, Operand};

/// The fields of a condition that only requires fields to exist.
pub(super) fn presence(condition: &Condition) -> Option<Vec<String>> {
    match condition {
        Condition::Holds(path) => Some(vec![path.clone()]),
        Condition::All(all) => {
            let fields: Option<Vec<Vec<String>>> = all.iter().map(presence).collect();
            fields.map(|fields| fields.concat())
        }
        _ => None,
    }
}

/// The fields that a condition uses; `None` if these cannot be determined.
pub(super) fn about(condition: &Condition) -> Option<Vec<&str>> {
    match condition {
        Condition::All(all) | Condition::Any(all) => {
            let fields: Option<Vec<Vec<&str>>> = all.iter().map(about).collect();
            fields.map(|fields| fields.concat())
        }
        Condition::Either(both) => Some([about(&both[0])?, about(&both[1])?].concat()),
        Condition::Not(inner) => about(inner),
        Condition::Holds(path) => Some(vec![path]),
        Condition::Compare { left, right, .. } => match (left, right) {
            (Operand::Field(left), Operand::Field(right)) => Some(vec![left, right]),
            (Operand::Field(field), _) | (_, Operand::Field(field)) => Some(vec![field]),
            _ => None,
        },
        Condition::Matches { field, .. } => Some(vec![field]),
        Condition::In { item, list, .. } => match (item, list) {
            (Operand::Field(left), Operand::Field(right)) => Some(vec![left, right]),
            (Operand::Field(field), _) | (_, Operand::Field(field)) => Some(vec![field]),
            _ => None,
        },
    }
}
