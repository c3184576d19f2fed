//! The objects that a `recreate` would replay.
//!
//! In: listed objects of the dataset. Out: how many of them can contain the events of a time, and the reason to delete
//! nothing if some of them cannot be read. Pure.

use delivery::aws::objects::Listed;
use pipeline::time;

/// A restored copy counts as archived if it expires sooner than this after the plan. A plan is valid for a day, and the
/// messages about the objects may wait for another.
const READABLE_FOR_MS: i64 = 2 * time::DAY_MS;

/// The objects that were found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ObjectsFound {
    /// The write time of each, in milliseconds since 1970.
    pub written_ms: Vec<i64>,
    /// Their total size.
    pub bytes: u64,
    /// The number of objects that may be in an archive tier of `INTELLIGENT_TIERING`. They are in the above.
    pub tiered: u64,
    /// The write time of each archived object, which is in none of the above.
    pub archived_ms: Vec<i64>,
    /// The archived object that was written last, with its write time.
    pub last_archived: Option<(i64, String)>,
}

impl ObjectsFound {
    /// Adds an object of a bucket to the plan that is made at `made_ms`.
    pub(super) fn add(&mut self, bucket: &str, object: &Listed, made_ms: i64) {
        let written_ms = object.last_modified_ms;
        if object.is_archived || object.restored_until_ms.is_some_and(|until| until < made_ms + READABLE_FOR_MS) {
            self.archived_ms.push(written_ms);
            if self.last_archived.as_ref().is_none_or(|(last_ms, _)| *last_ms < written_ms) {
                self.last_archived = Some((written_ms, format!("s3://{bucket}/{}", object.key)));
            }
            return;
        }
        self.tiered += u64::from(object.is_tiered);
        self.written_ms.push(written_ms);
        self.bytes += object.size;
    }

    /// How many were written at or after a time. The times must be sorted ([`Self::sort`]).
    pub(super) fn since(&self, since_ms: i64) -> u64 {
        (self.written_ms.len() - self.written_ms.partition_point(|written| *written < since_ms)) as u64
    }

    /// Sorts the write times. Call it before [`Self::since`].
    pub(super) fn sort(&mut self) {
        self.written_ms.sort_unstable();
    }

    /// The reason to delete nothing: the replay could not bring the events of archived objects again. `since_ms`: objects
    /// written before it have no event in a planned index; `None` if no index is planned. `has_date`: whether `since` of
    /// the request chooses indices.
    pub(super) fn refusal(&self, since_ms: Option<i64>, has_date: bool) -> Option<String> {
        let since_ms = since_ms?;
        let (_, last) = self.last_archived.as_ref().filter(|(written_ms, _)| *written_ms >= since_ms)?;
        let count = self.archived_ms.iter().filter(|written_ms| **written_ms >= since_ms).count();
        let or_later = if has_date { ", or choose later indices by `since`" } else { "" };
        Some(format!(
            "objects that may hold events of these indices are archived, or restored for less than two days: {count}, the \
             last one is {last}. Their events would be lost. Restore the objects{or_later}"
        ))
    }

    /// What a person should know who reviews the plan.
    pub(super) fn notes(&self) -> Vec<String> {
        let note = |count| {
            format!(
                "{count} objects are in INTELLIGENT_TIERING. A listing does not say whether they are in an archive tier. \
                 Those that are become dead letters (`archived`), and their events are missing until the objects are \
                 restored and the letters are replayed"
            )
        };
        (self.tiered > 0).then(|| note(self.tiered)).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(key: &str, last_modified_ms: i64) -> Listed {
        Listed { key: key.into(), etag: "e".into(), size: 3, last_modified_ms, ..Listed::default() }
    }

    #[test]
    fn an_archived_object_brings_nothing_and_is_a_reason_to_delete_nothing_that_it_may_hold() {
        let archived = |key, written_ms| Listed { is_archived: true, ..listed(key, written_ms) };
        let mut found = ObjectsFound::default();
        found.add("logs", &listed("a", 5), 0);
        assert_eq!(found.refusal(Some(0), true), None);
        for (key, written_ms) in [("b", 5), ("c", 9), ("d", 7)] {
            found.add("logs", &archived(key, written_ms), 0);
        }
        assert_eq!((found.since(0), found.bytes), (1, 3));
        for (since_ms, has_date, says) in [
            (Some(i64::MIN), false, "3, the last one is s3://logs/c. Their events would be lost. Restore the objects"),
            (
                Some(6),
                true,
                "2, the last one is s3://logs/c. Their events would be lost. Restore the objects, or choose",
            ),
            (Some(9), true, "1, the last one"),
        ] {
            let refusal = found.refusal(since_ms, has_date).unwrap();
            assert!(refusal.contains(says) && refusal.contains("`since`") == has_date, "{refusal}");
        }
        assert_eq!(found.refusal(Some(10), true), None, "too old for every index");
        assert_eq!(found.refusal(None, true), None, "no index is deleted");
    }

    #[test]
    fn a_copy_that_expires_before_it_is_surely_read_counts_as_archived() {
        for (until_ms, is_archived) in
            [(None, false), (Some(READABLE_FOR_MS + 6), true), (Some(READABLE_FOR_MS + 7), false)]
        {
            let mut found = ObjectsFound::default();
            found.add("logs", &Listed { restored_until_ms: until_ms, ..listed("a", 5) }, 7);
            assert_eq!(found.refusal(Some(5), true).is_some(), is_archived, "{until_ms:?}");
            assert_eq!(found.written_ms.is_empty(), is_archived, "{until_ms:?}");
        }
    }

    #[test]
    fn a_plan_says_that_a_listing_does_not_know_archive_tiers() {
        let mut found = ObjectsFound::default();
        found.add("logs", &listed("a", 5), 0);
        assert!(found.notes().is_empty());
        found.add("logs", &Listed { is_tiered: true, ..listed("b", 5) }, 0);
        assert!(found.notes()[0].starts_with("1 objects are in INTELLIGENT_TIERING"), "{:?}", found.notes());
    }
}
