//! An `EventBridge` event pattern, as AWS documents it
//! (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>) and as the open-source
//! library of AWS, event-ruler, implements it.
//!
//! In: JSON, or the YAML that means the same. Out: conditions on fields, and which of them belong together. `$or` is
//! multiplied out, as in the library: the pattern becomes branches. Each branch is a list of fields that must all match.

mod branch;
mod compile;
mod consistency;
mod error;

pub use consistency::Undecided;
pub use error::PatternError;

use super::fields::{Fields, Found};
use crate::decode::Event;
use branch::{Branch, Key};
pub(super) use compile::{Compiled, compile};

/// A compiled pattern. It matches if one of its branches matches.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    branches: Vec<Branch>,
}

impl Pattern {
    pub(super) fn new(branches: Vec<Branch>) -> Self {
        Self { branches }
    }

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
