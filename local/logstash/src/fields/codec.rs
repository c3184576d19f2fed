//! The fields of a codec that makes only fields of its own, under names that are others here.

use crate::{
    ast::Place,
    names::{below, top},
};

/// The names of such a codec.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodecNames {
    pub(crate) at: Place,
    pub(crate) codec: &'static str,
    /// Each name in Logstash, with the name here.
    pub(crate) names: &'static [(&'static str, &'static str)],
    /// The one of them whose value may differ.
    pub(crate) changed: &'static str,
}

impl CodecNames {
    /// The name here for a name in Logstash.
    pub(super) fn here(&self, path: &str) -> String {
        let first = top(path);
        match self.names.iter().find(|(there, _)| *there == first) {
            Some((_, here)) => below(here, path[first.len()..].trim_start_matches('.')),
            None => path.to_owned(),
        }
    }

    /// Whether the field is one of the codec with the same value here. Here events may also have fields that the codec
    /// does not make.
    pub(super) fn settles(&self, path: &str) -> bool {
        let first = top(path);
        matches!(first, "@timestamp" | "@metadata")
            || (first != self.changed && self.names.iter().any(|(there, _)| *there == first))
    }
}
