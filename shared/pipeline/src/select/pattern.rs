//! An `EventBridge` event pattern, as AWS documents it
//! (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>) and as its open-source
//! library, event-ruler, decides.
//!
//! In: JSON, or the YAML that means the same. Out: conditions on fields, and which of them belong together. `$or` is
//! multiplied out, as the library does it: the pattern becomes branches, each a list of fields that must all match.

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
    /// What is wrong, with the accepted form.
    pub message: String,
}

impl From<Complaint> for PatternError {
    fn from((place, message): Complaint) -> Self {
        Self { line: place.line, column: place.column, message }
    }
}

/// A compiled pattern: it matches where a branch does.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    branches: Vec<Branch>,
}

/// Fields that must all match, in the order of their names as the library goes through them.
type Branch = Vec<Key>;

/// What a pattern wants of one field: any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    /// A value that is one of the alternatives.
    one_of: Option<Bit>,
    /// That it has no value: the condition that must not hold.
    absent: Option<Bit>,
}

impl Pattern {
    /// Whether it matches where these conditions hold.
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
