//! Where the arrays of an object begin and end, for a checkpoint at an earlier offset.
//!
//! The memory is bounded: when there are too many places, every second one is removed. A resumed reading then begins at
//! an earlier place, and skips the frames before its offset.

/// The largest number of places.
const MAX_PLACES: usize = 4096;

/// What encloses a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// Nothing: the next value stands alone.
    Top,
    /// An array: an element or the end of the array comes next.
    Array,
    /// Unknown, since something broken precedes. A value comes next, inside an array or not, or the end of an array.
    Unknown,
}

/// What encloses the values from an offset on.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    within: Within,
    /// An array opens here: an element may follow without a comma.
    opens: bool,
    /// No place between this one and the next was removed, and reading can begin at any value between them.
    is_exact: bool,
}

/// All places, in the order of their offsets.
#[derive(Debug)]
pub(super) struct History {
    places: Vec<Place>,
}

impl History {
    /// The history of a reading that begins here. `opens`: after the bracket that opens an array.
    pub(super) fn new(offset: u64, within: Within, opens: bool) -> Self {
        Self { places: vec![Place { offset, within, opens, is_exact: true }] }
    }

    /// Starts again for a reading that begins at offset 0.
    pub(super) fn restart(&mut self) {
        self.places.truncate(1);
    }

    /// Notes what encloses the values from `offset` on.
    pub(super) fn push(&mut self, offset: u64, within: Within) {
        self.add(Place { offset, within, opens: within == Within::Array, is_exact: true });
    }

    /// Notes a value at `offset` whose elements cannot be read without the beginning of that value.
    pub(super) fn push_whole(&mut self, offset: u64) {
        self.add(Place { offset, within: Within::Top, opens: false, is_exact: false });
    }

    fn add(&mut self, place: Place) {
        if let Some(last) = self.places.last_mut().filter(|last| last.offset == place.offset) {
            *last = place;
            return;
        }
        if self.places.len() == MAX_PLACES {
            self.forget();
        }
        self.places.push(place);
    }

    fn forget(&mut self) {
        let mut number = 0;
        self.places.retain_mut(|place| {
            number += 1;
            place.is_exact = false;
            number % 2 == 1
        });
    }

    /// Where to begin in order to resume at `offset`, what encloses the values there, and whether an array opens there.
    pub(super) fn begin_for(&self, offset: u64) -> (u64, Within, bool) {
        let after = self.places.partition_point(|place| place.offset <= offset);
        let Some(place) = self.places.get(after.saturating_sub(1)) else { return (offset, Within::Top, false) };
        let begin = if place.is_exact { offset } else { place.offset.min(offset) };
        (begin, place.within, place.opens && begin == place.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_place_is_reached_again_from_an_earlier_one() {
        let mut history = History::new(0, Within::Top, false);
        for number in 1..=20_000_u64 {
            let within = if number % 2 == 1 { Within::Array } else { Within::Top };
            history.push(number * 10, within);
        }
        assert!(history.places.len() <= MAX_PLACES);
        for offset in [0, 5, 10, 99_995, 100_000, 199_999, 200_000] {
            let (begin, within, opens) = history.begin_for(offset);
            assert!(begin <= offset && offset - begin < 20 * 10 * 16, "{begin} for {offset}");
            let number = begin / 10;
            assert_eq!(within, if number % 2 == 1 { Within::Array } else { Within::Top }, "{begin}");
            assert_eq!(opens, number % 2 == 1 && begin % 10 == 0, "{begin}");
        }
        assert_eq!(history.begin_for(200_007), (200_007, Within::Top, false), "the newest are known");
    }
}
