//! An `EventBridge` event pattern, as AWS documents it
//! (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>) and as the open-source
//! library of AWS, event-ruler, implements it.
//!
//! In: JSON, or the YAML that means the same. Out: conditions on fields, and which of them belong together. `$or` is
//! multiplied out, as in the library: the pattern becomes branches. Each branch is a list of fields that must all match.

mod address;
mod alternative;
mod compile;
mod consistency;
mod fold;
mod number;

pub(super) use alternative::Alternative;
pub(super) use compile::{Compiled, compile};
pub(super) use consistency::MAX_STEPS;

use super::{
    Undecided,
    fields::{Bit, Fields, Found},
};
use crate::{decode::Event, yaml::Complaint};

/// Why an event pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct PatternError {
    /// The line in the file or text, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// A description of the fault, with the accepted form.
    pub message: String,
}

impl From<Complaint> for PatternError {
    fn from((place, message): Complaint) -> Self {
        Self { line: place.line, column: place.column, message }
    }
}

/// A compiled pattern. It matches if one of its branches matches.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    branches: Vec<Branch>,
}

/// Fields that must all match, sorted by name, which is the library's order.
type Branch = Vec<Key>;

/// The conditions of a pattern on one field. One of them must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    /// A value that is one of the alternatives.
    one_of: Option<Bit>,
    /// The field must have no value. This is the condition that must not hold.
    absent: Option<Bit>,
}

impl Pattern {
    /// Whether the pattern matches if these conditions hold.
    #[inline]
    pub(super) fn holds(&self, fields: &Fields, event: &Event<'_>, found: &Found) -> Result<bool, Undecided> {
        let matches = |key: &Key| {
            key.one_of.is_some_and(|bit| found.holds(bit)) || key.absent.is_some_and(|bit| !found.holds(bit))
        };
        if found.through_array {
            return consistency::holds(&self.branches, fields, event);
        }
        Ok(self.branches.iter().any(|branch| branch.iter().all(matches)))
    }
}

#[cfg(test)]
mod tests;
