//! When each index of a name may have taken writes.

use std::collections::BTreeMap;

use crate::cluster::lookup::Created;

/// A rollover counts with at least this many digits.
const COUNTER_DIGITS: usize = 6;

/// The indices of a data stream or an alias.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct View(Vec<Backing>);

/// One index.
#[derive(Debug, PartialEq, Eq)]
struct Backing {
    name: String,
    /// It took no writes after this time, in milliseconds since 1970. `i64::MAX`: it takes writes, or its end is not known.
    until_ms: i64,
}

impl View {
    /// An index takes writes until the next one is created. The engine numbers the indices of a name, and a copy that replaces an
    /// index (such as a shrunken one) has its number in its own name and a later creation. So the end of an index is the creation of the
    /// next number, or later. An index without a number is taken for one that always takes writes.
    pub(super) fn new(indices: Vec<Created>) -> Self {
        let mut created: BTreeMap<u64, i64> = BTreeMap::new();
        for (name, created_ms) in &indices {
            if let Some(number) = number(name) {
                let at = created.entry(number).or_insert(i64::MIN);
                *at = (*at).max(created_ms.unwrap_or(i64::MAX));
            }
        }
        let until_ms = |name: &str| number(name).and_then(|number| Some(*created.range(number + 1..).next()?.1));
        let backing = |(name, _): Created| Backing { until_ms: until_ms(&name).unwrap_or(i64::MAX), name };
        let mut backing: Vec<Backing> = indices.into_iter().map(backing).collect();
        // The latest first: a redelivery is most often found there.
        backing.sort_by(|a, b| b.until_ms.cmp(&a.until_ms).then_with(|| b.name.cmp(&a.name)));
        Self(backing)
    }

    /// The indices that may have taken writes at this time or later.
    pub(crate) fn writable_since(&self, ms: i64) -> impl ExactSizeIterator<Item = (&str, i64)> {
        let count = self.0.partition_point(|backing| backing.until_ms >= ms);
        self.0[..count].iter().map(|backing| (backing.name.as_str(), backing.until_ms))
    }
}

/// The number that a rollover gave to an index: the last six or more digits after a hyphen.
fn number(name: &str) -> Option<u64> {
    name.rsplit('-').find_map(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        if digits < COUNTER_DIGITS { None } else { part[..digits].parse().ok().filter(|number| *number < u64::MAX) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since(indices: &[(&str, i64)], ms: i64) -> Vec<String> {
        let indices = indices.iter().map(|(name, created)| ((*name).to_owned(), Some(*created))).collect();
        View::new(indices).writable_since(ms).map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn an_index_may_hold_what_arrived_before_the_next_one_was_created() {
        let indices = [("a-000001", 100), ("a-000002", 200), ("a-000003", 300)];
        for (ms, expected) in [
            (i64::MIN, &["a-000003", "a-000002", "a-000001"][..]),
            (200, &["a-000003", "a-000002", "a-000001"]),
            (201, &["a-000003", "a-000002"]),
            (300, &["a-000003", "a-000002"]),
            (301, &["a-000003"]),
            (i64::MAX, &["a-000003"]),
        ] {
            assert_eq!(since(&indices, ms), expected, "{ms}");
        }
        assert!(since(&[], 0).is_empty());
    }

    #[test]
    fn a_copy_that_replaced_an_index_ends_the_writes_into_no_other_one() {
        // 1 was shrunk at 250 while 2 took writes, and 2 was rolled over at 300.
        for copy in ["shrink-x1yz-a-000001", "a-000001_shrunken", "restored-a-000001"] {
            let indices = [(copy, 250), ("a-000002", 200), ("a-000003", 300)];
            assert_eq!(since(&indices, 260), ["a-000003", "a-000002"], "{copy}");
        }
        // 2 was shrunk at 400: 1 may seem to have taken writes for longer, never for less time.
        let indices = [("a-000001", 100), ("shrink-x1yz-a-000002", 400), ("a-000003", 300)];
        assert_eq!(since(&indices, 250), ["a-000003", "a-000001", "shrink-x1yz-a-000002"]);
        // Both the original and its copy for a while.
        let indices = [("a-000001", 100), ("a-000001-copy", 250), ("a-000002", 200)];
        assert_eq!(since(&indices, 190), ["a-000002", "a-000001-copy", "a-000001"]);
    }

    #[test]
    fn names_of_every_engine_are_numbered_and_others_may_always_have_taken_writes() {
        for (name, expected) in [
            (".ds-logs-000012", Some(12)),
            (".ds-logs-2026.11.30-000012", Some(12)),
            ("logs-1000000", Some(1_000_000)),
            ("logs-000001-000002", Some(2)),
            ("logs-20261130", Some(20_261_130)),
            ("logs-2026.11.30", None),
            ("logs-1", None),
            ("logs000001", None),
            ("000001", Some(1)),
            ("logs-99999999999999999999999", None),
            ("logs-18446744073709551615", None),
            ("logs-", None),
        ] {
            assert_eq!(number(name), expected, "{name}");
        }
        let indices = [("imported", 100), ("a-000001", 200), ("a-000002", 300)];
        assert_eq!(since(&indices, 1_000), ["imported", "a-000002"]);
    }

    #[test]
    fn an_unknown_creation_ends_no_writes() {
        let view = View::new(vec![("a-000001".into(), Some(1)), ("a-000002".into(), None)]);
        assert_eq!(view.writable_since(1_000).len(), 2);
    }
}
