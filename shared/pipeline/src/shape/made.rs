//! The values made from one event.

use std::ops::Range;

/// The values made from one event.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    pub(super) values: Vec<Option<Range<usize>>>,
    /// A text under construction.
    pub(super) text: Vec<u8>,
}

impl Made {
    /// One value, if it was made.
    pub(super) fn get(&self, value: usize) -> Option<&[u8]> {
        self.values.get(value)?.clone().and_then(|range| self.bytes.get(range))
    }

    /// The number of values, made or not.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }
}
