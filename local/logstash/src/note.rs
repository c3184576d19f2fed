//! Notes about a translation, each with its place and its effect on events.

use std::collections::BTreeSet;

use super::ast::Place;

/// The effect on events that Logstash treats differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Events that Logstash keeps are dropped, or never read.
    Drops,
    /// Events that Logstash keeps become dead letters.
    Rejects,
    /// Events that Logstash drops are kept.
    Keeps,
    /// A document, its index or its id differs.
    Differs,
    /// The effect is not known.
    Unknown,
    /// The difference is outside events and documents.
    Beside,
    /// The translation is exact if all events have the form that the note names.
    Assumed,
    /// No event is treated differently.
    None,
}

impl Effect {
    /// Whether events are lost that Logstash keeps.
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Drops | Self::Rejects)
    }

    /// The name of the effect in a line of output.
    pub fn label(self) -> &'static str {
        match self {
            Self::Drops => "drops events",
            Self::Rejects => "rejects events",
            Self::Keeps => "keeps events",
            Self::Differs => "documents differ",
            Self::Unknown => "effect unknown",
            Self::Beside => "not done",
            Self::Assumed => "assumes",
            Self::None => "note",
        }
    }
}

/// A fact about the translation that the user has to know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// The place in the configuration.
    pub at: Place,
    /// The effect on events.
    pub effect: Effect,
    /// The difference, its reason, and a remedy.
    pub text: String,
}

impl Note {
    /// Whether the noted line has no exact counterpart.
    pub fn is_inexact(&self) -> bool {
        !matches!(self.effect, Effect::Assumed | Effect::None)
    }
}

/// All notes, in the order of the file. Duplicates are removed, since every input goes through all filters.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeSet<Note>);

impl Notes {
    pub(super) fn add(&mut self, at: Place, effect: Effect, text: impl Into<String>) {
        self.0.insert(Note { at, effect, text: text.into() });
    }

    pub(super) fn differs(&mut self, at: Place, text: impl Into<String>) {
        self.add(at, Effect::Differs, text);
    }

    pub(super) fn note(&mut self, at: Place, text: impl Into<String>) {
        self.add(at, Effect::None, text);
    }

    pub(super) fn into_vec(self) -> Vec<Note> {
        self.0.into_iter().collect()
    }
}
