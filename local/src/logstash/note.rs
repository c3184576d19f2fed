//! What is to be said about a translation, each with its place.

use std::collections::BTreeSet;

use super::ast::Place;

/// Something that the user has to know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Where in the configuration.
    pub at: Place,
    /// Whether something has no counterpart; else it came over, and there is something to know about it.
    pub is_lost: bool,
    /// What, why, and what to do instead.
    pub text: String,
}

/// All notes, each once, in the order of the file: filters are gone through for every input anew.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeSet<Note>);

impl Notes {
    /// Something has no counterpart.
    pub(super) fn lost(&mut self, at: Place, text: impl Into<String>) {
        self.0.insert(Note { at, is_lost: true, text: text.into() });
    }

    pub(super) fn note(&mut self, at: Place, text: impl Into<String>) {
        self.0.insert(Note { at, is_lost: false, text: text.into() });
    }

    pub(super) fn into_vec(self) -> Vec<Note> {
        self.0.into_iter().collect()
    }
}
