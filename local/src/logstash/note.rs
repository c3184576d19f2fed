//! What there is to know about a translation: each point with its place and its effect on events.

use std::collections::BTreeSet;

use super::ast::Place;

/// What becomes of events that Logstash would treat otherwise.
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
    /// Something other than events and documents is not done.
    Beside,
    /// The translation is exact for events of the form that is named.
    Assumed,
    /// No event is treated otherwise.
    None,
}

impl Effect {
    /// Whether events are lost that Logstash keeps.
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Drops | Self::Rejects)
    }

    /// How the effect is called in a line of output.
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

/// A point that the user has to know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Where in the configuration.
    pub at: Place,
    /// What becomes of events.
    pub effect: Effect,
    /// The difference, its reason, and a remedy.
    pub text: String,
}

impl Note {
    /// Whether the line has no exact counterpart.
    pub fn is_inexact(&self) -> bool {
        !matches!(self.effect, Effect::Assumed | Effect::None)
    }
}

/// All notes, each once, in the order of the file: every input goes through all filters.
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
