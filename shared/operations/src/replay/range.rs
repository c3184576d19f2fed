//! The periods that `since` and `until` of a `recreate` select, both for indices and for objects.

use super::request::{Objects, time_ms};
use crate::error::Refused;
use pipeline::{route::IndexPattern, time};

/// Whole periods: from the one that contains `since` to the one that contains the last moment before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    /// In milliseconds, in the timezone of the index.
    since: Option<i64>,
    /// In milliseconds, in the timezone of the index.
    until: Option<i64>,
    objects_since_ms: Option<i64>,
}

impl Range {
    /// Rounds to the periods of the index. An index is deleted as a whole, so the objects of its whole period are
    /// replayed. A time without an offset is in the timezone of the index.
    ///
    /// # Errors
    /// A time that cannot be read.
    pub(super) fn of(objects: &Objects, index: &IndexPattern) -> Result<Self, Refused> {
        let since = time_ms("since", objects.since.as_deref(), index.zone())?;
        let until = time_ms("until", objects.until.as_deref(), index.zone())?;
        let first = since.and_then(|since_ms| index.first_period_from(since_ms));
        let end = until.and_then(|until_ms| index.last_period_until(until_ms - 1));
        // An event may be up to a day later than its object, and any amount older.
        let begins = first.map(|start_ms| index.begins_ms(start_ms)).or(since);
        let objects_since_ms = begins.map(|begins_ms| begins_ms - time::DAY_MS);
        Ok(Self { since: first.or(since), until: end.or(until), objects_since_ms })
    }

    /// Whether an index is selected, by the start of its period in the timezone of the index.
    pub(super) fn holds(&self, start_ms: Option<i64>) -> bool {
        let Some(start_ms) = start_ms else { return self.since.is_none() && self.until.is_none() };
        self.since.is_none_or(|since| start_ms >= since) && self.until.is_none_or(|until| start_ms < until)
    }

    /// Objects written from this time on can contain the events.
    pub(super) fn objects_since_ms(&self) -> Option<i64> {
        self.objects_since_ms
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use pipeline::route::Zone;

    fn range(since: &str, until: &str, index: &IndexPattern) -> Range {
        let objects = Objects { since: Some(since.into()), until: Some(until.into()), ..Objects::default() };
        Range::of(&objects, index).unwrap()
    }

    fn index(dates: &str, zone: &str) -> IndexPattern {
        IndexPattern::parse(&format!("l-%{{+{dates}}}")).unwrap().in_zone(Zone::parse(zone).unwrap()).unwrap()
    }

    fn ms(date: &str) -> i64 {
        time_ms("t", Some(date), None).unwrap().unwrap()
    }

    #[test]
    fn a_day_is_that_of_the_indexs_own_zone() {
        for (zone, begins) in [("Asia/Seoul", "2026-11-20T15:00:00Z"), ("America/New_York", "2026-11-21T05:00:00Z")] {
            let index = index("YYYY.MM.dd", zone);
            for (since, until) in [("2026-11-22", "2026-11-23"), ("2026-11-22T10:00:00", "2026-11-22T11:00:00")] {
                let range = range(since, until, &index);
                let held: Vec<_> =
                    (10..30).filter(|day| range.holds(index.period_start_ms(&format!("l-2026.11.{day}")))).collect();
                assert_eq!(held, [22], "{zone} {since} {until}");
                assert_eq!(range.objects_since_ms(), Some(ms(begins)), "{zone}");
            }
        }
        // A time with an offset is an instant.
        let index = index("YYYY.MM.dd", "Asia/Seoul");
        let range = range("2026-11-22T15:00:00Z", "2026-11-22T16:00:00Z", &index);
        assert!(
            range.holds(index.period_start_ms("l-2026.11.23")) && !range.holds(index.period_start_ms("l-2026.11.22"))
        );
    }

    #[test]
    fn a_month_counts_as_a_whole() {
        let range = range("2026-11-22", "2026-11-23", &IndexPattern::parse("l-%{+YYYY.MM}").unwrap());
        assert!(range.holds(Some(ms("2026-11-01"))));
        assert!(!range.holds(Some(ms("2026-10-01"))) && !range.holds(Some(ms("2026-12-01"))) && !range.holds(None));
        assert_eq!(range.objects_since_ms(), Some(ms("2026-10-31")));
    }

    proptest! {
        #[test]
        fn every_object_with_events_of_a_deleted_index_is_replayed(since in 0_i64..4_000_000_000_000, later in 1_i64..400 * 86_400_000, at in 0_i64..1_000) {
            for zone in ["UTC", "Asia/Seoul", "America/St_Johns", "Antarctica/Troll", "Pacific/Apia"] {
                for dates in ["YYYY", "YYYY.MM", "YYYY.MM.dd", "YYYY.MM.dd.HH"] {
                    let index = index(dates, zone);
                    let period = index.period().unwrap();
                    let text = |ms: i64| Some(jiff::Timestamp::from_millisecond(ms).unwrap().to_string());
                    let objects = Objects { since: text(since), until: text(since + later), ..Objects::default() };
                    let range = Range::of(&objects, &index).unwrap();
                    let moment = since + later * at / 1_000;
                    // The index of the event is deleted, so all objects that can contain the index's events are
                    // replayed, from its first event on.
                    let start_ms = period.start_of(index.clock_ms(moment));
                    prop_assert!(range.holds(Some(start_ms)));
                    prop_assert!(range.objects_since_ms().unwrap() <= index.begins_ms(start_ms) - time::DAY_MS);
                    if zone == "UTC" {
                        // No period before the first or after the last is selected.
                        prop_assert!(!range.holds(Some(period.end_of(period.start_of(since + later)))));
                        prop_assert!(!range.holds(Some(period.start_of(period.start_of(since) - 1))));
                    }
                }
            }
        }
    }
}
