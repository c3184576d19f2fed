//! Which values of an object are read again: those at certain offsets, and all values from one offset on.
//!
//! In: the positions of dead letters that do not hold a whole event. Out: whether a framed value is one of them, and
//! which positions were not found. Deliberately absent: how the object is found, and what a value holds.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Offsets in the decompressed stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Only {
    /// The offsets of single values.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    at: BTreeSet<u64>,
    /// All values from this offset on: the rest could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    /// If the object is gone: whether to read an object that replaced it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    or_replaced: bool,
}

impl Only {
    /// Everything from an offset on.
    pub fn rest(from: u64) -> Self {
        Self { from: Some(from), ..Self::default() }
    }

    /// Like [`Only::rest`], but an object that replaced the original is read too: a repaired upload.
    pub fn rest_or_replaced(from: u64) -> Self {
        Self { or_replaced: true, ..Self::rest(from) }
    }

    /// The values at these offsets.
    pub fn events(at: impl IntoIterator<Item = u64>) -> Self {
        Self { at: at.into_iter().collect(), ..Self::default() }
    }

    /// If the object is gone: whether to read an object that replaced it.
    pub fn reads_replaced(&self) -> bool {
        self.or_replaced
    }
}

/// The part of an [`Only`] that was not read yet.
#[derive(Debug)]
pub struct Awaited {
    at: BTreeSet<u64>,
    from: Option<u64>,
    /// The offset of the last value that was examined.
    last: u64,
}

/// What to do with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// It is wanted.
    Take,
    /// A wanted value may begin inside it: it may be a line of several values.
    Divide,
    /// It is not wanted.
    Skip,
}

impl Awaited {
    /// For a reading that begins at `start`.
    pub fn new(only: &Only, start: u64) -> Self {
        let until = only.from.unwrap_or(u64::MAX);
        let at = only.at.iter().copied().filter(|at| (start..until).contains(at)).collect();
        Self { at, from: only.from, last: start }
    }

    /// Whether nothing is left to read.
    pub fn is_over(&self) -> bool {
        self.from.is_none() && self.at.is_empty()
    }

    /// The offset from which everything is wanted.
    pub fn rest_from(&self) -> Option<u64> {
        self.from
    }

    /// Where reading can begin again for the next value that was not found. Its own offset is not safe: it may lie
    /// inside another value.
    pub fn restart(&self) -> u64 {
        self.last
    }

    /// Decides what to do with a value.
    pub fn look(&mut self, offset: u64, length: u64) -> Look {
        self.last = offset;
        if self.from.is_some_and(|from| offset >= from) || self.at.contains(&offset) {
            return Look::Take;
        }
        let within = offset..offset.saturating_add(length);
        let divides = self.at.range(within.clone()).next().is_some() || self.from.is_some_and(|f| within.contains(&f));
        if divides { Look::Divide } else { Look::Skip }
    }

    /// Notes that a value was taken.
    pub fn taken(&mut self, offset: u64) {
        self.at.remove(&offset);
    }

    /// An offset before `offset` at which no value began. Each is returned once.
    pub fn missed_before(&mut self, offset: u64) -> Option<u64> {
        let first = self.at.first().copied().filter(|at| *at < offset)?;
        self.at.remove(&first);
        Some(first)
    }

    /// A wanted offset that was not found, after everything up to `end` was read. Each is returned once.
    pub fn missed_at_end(&mut self, end: u64) -> Option<u64> {
        self.at.pop_first().or_else(|| self.from.take().filter(|from| *from > end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_identified_by_where_they_begin() {
        let mut awaited = Awaited::new(&Only { at: [3, 10, 25].into(), from: Some(40), or_replaced: false }, 5);
        assert_eq!(awaited.restart(), 5);
        for (offset, length, look) in [
            (3, 2, Look::Skip), // before the start
            (10, 5, Look::Take),
            (8, 3, Look::Divide),
            (8, 2, Look::Skip),
            (39, 1, Look::Skip),
            (39, 2, Look::Divide),
            (40, 1, Look::Take),
            (90, 1, Look::Take),
        ] {
            assert_eq!(awaited.look(offset, length), look, "{offset} {length}");
            assert_eq!(awaited.restart(), offset);
        }
    }

    #[test]
    fn an_event_that_is_not_found_is_reported_once() {
        let mut awaited = Awaited::new(&Only { at: [3, 10, 25, 50].into(), from: Some(40), or_replaced: false }, 0);
        awaited.taken(10);
        assert_eq!((awaited.missed_before(3), awaited.missed_before(26)), (None, Some(3)));
        assert_eq!((awaited.missed_before(26), awaited.missed_before(26)), (Some(25), None));
        assert_eq!((awaited.missed_at_end(39), awaited.missed_at_end(39)), (Some(40), None), "50 lies in the rest");
        let mut awaited = Awaited::new(&Only::rest(40), 0);
        assert!(!awaited.is_over());
        assert_eq!(awaited.missed_at_end(40), None);
        let mut awaited = Awaited::new(&Only::events([7]), 0);
        awaited.taken(7);
        assert!(awaited.is_over());
        assert_eq!(awaited.missed_at_end(90), None);
    }

    #[test]
    fn the_written_form_is_read_back() {
        for only in [Only::rest(3), Only::rest_or_replaced(3), Only::events([1, 2]), Only::default()] {
            let text = serde_json::to_string(&only).unwrap();
            assert_eq!(serde_json::from_str::<Only>(&text).unwrap(), only, "{text}");
        }
    }
}
