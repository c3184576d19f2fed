//! Which array of an object holds the events.

use crate::json;

/// Which array of an object holds the events, and which members of the object are copied into each event. Names are
/// kept as they appear between quotes in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    pub(super) path: Vec<Vec<u8>>,
    pub(super) envelope: Vec<Vec<u8>>,
}

impl Default for Records {
    fn default() -> Self {
        Self::new(["Records"], &[])
    }
}

impl Records {
    /// The array at a path of names, and the members of the object that are copied.
    pub fn new<'n>(path: impl IntoIterator<Item = &'n str>, envelope: &[String]) -> Self {
        let name = |text: &str| {
            let mut name = Vec::new();
            json::push_escaped(&mut name, text);
            name
        };
        Self { path: path.into_iter().map(name).collect(), envelope: envelope.iter().map(|text| name(text)).collect() }
    }

    /// Whether any members are copied.
    pub(super) fn has_envelope(&self) -> bool {
        !self.envelope.is_empty()
    }

    /// How many objects enclose the elements.
    pub(super) fn depth(&self) -> u64 {
        self.path.len() as u64
    }
}
