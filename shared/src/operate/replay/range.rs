//! The periods that `since` and `until` of a `recreate` mean, for the indices and for the objects alike.

use super::{Objects, request::time_ms};
use crate::route::{Period, iso};

/// Whole periods: from the one that holds `since` to the one that holds the last moment before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl Range {
    /// Rounds to the period of the index. An index goes as a whole, so the objects of its whole period are brought.
    ///
    /// # Errors
    /// A time that cannot be read.
    pub(super) fn of(objects: &Objects, period: Option<Period>) -> Result<Self, String> {
        let since = time_ms("since", objects.since.as_deref())?;
        let until = time_ms("until", objects.until.as_deref())?;
        let Some(period) = period else { return Ok(Self { since_ms: since, until_ms: until }) };
        let end = |until_ms: i64| period.end_of(period.start_of(until_ms - 1));
        Ok(Self { since_ms: since.map(|since_ms| period.start_of(since_ms)), until_ms: until.map(end) })
    }

    /// Whether an index is meant, by the start of its period.
    pub(super) fn holds(&self, start_ms: Option<i64>) -> bool {
        let Some(start_ms) = start_ms else { return self.since_ms.is_none() && self.until_ms.is_none() };
        self.since_ms.is_none_or(|since| start_ms >= since) && self.until_ms.is_none_or(|until| start_ms < until)
    }

    /// The time from which objects can hold its events: an event may be a day younger than its object, and as much older as it likes.
    pub(super) fn objects_since_ms(&self) -> Option<i64> {
        self.since_ms.map(|since_ms| since_ms - iso::DAY_MS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(since: &str, until: &str, period: Period) -> Range {
        let objects = Objects { since: Some(since.into()), until: Some(until.into()), ..Objects::default() };
        Range::of(&objects, Some(period)).unwrap()
    }

    fn ms(date: &str) -> i64 {
        time_ms("t", Some(date)).unwrap().unwrap()
    }

    #[test]
    fn a_month_is_meant_as_a_whole() {
        let range = range("2026-11-22", "2026-11-23", Period::Month);
        assert!(range.holds(Some(ms("2026-11-01"))));
        assert!(!range.holds(Some(ms("2026-10-01"))) && !range.holds(Some(ms("2026-12-01"))) && !range.holds(None));
        assert_eq!(range.objects_since_ms(), Some(ms("2026-10-31")));
    }

    proptest! {
        #[test]
        fn what_holds_events_of_a_deleted_index_is_brought(since in 0_i64..4_000_000_000_000, later in 1_i64..400 * 86_400_000, at in 0_i64..1_000) {
            for period in [Period::Year, Period::Month, Period::Day, Period::Hour] {
                let text = |ms: i64| Some(jiff::Timestamp::from_millisecond(ms).unwrap().to_string());
                let objects = Objects { since: text(since), until: text(since + later), ..Objects::default() };
                let range = Range::of(&objects, Some(period)).unwrap();
                let moment = since + later * at / 1_000;
                // Its index is deleted, and so is the rest of that index brought: from its first event on.
                let start_ms = period.start_of(moment);
                prop_assert!(range.holds(Some(start_ms)));
                prop_assert!(range.objects_since_ms().unwrap() <= start_ms - iso::DAY_MS);
                // Nothing beyond the periods of the two ends.
                prop_assert!(!range.holds(Some(period.end_of(period.start_of(since + later)))));
                prop_assert!(!range.holds(Some(period.start_of(period.start_of(since) - 1))));
            }
        }
    }
}
