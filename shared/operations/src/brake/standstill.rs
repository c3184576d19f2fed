//! Whether every dataset stands still because of the state of its indices: no index can be created any more, or today's
//! index is closed.
//!
//! In: the rules, the indices, and the number of shards that the domain would still accept. Out: the reasons, if no
//! dataset can write. If one dataset can write, the others wait in the queue and the sources stay on. Pure.

use std::collections::BTreeSet;

use crate::admin::load::IndexState;
use pipeline::rules::{Dataset, Datasets};

/// The reasons why no dataset can write at `now_ms`. Empty if one can. `room` is the number of shards that the domain
/// would still accept, if it reports its limit.
pub(super) fn reasons(datasets: &Datasets, indices: &[IndexState], room: Option<u64>, now_ms: i64) -> BTreeSet<String> {
    let stops: Option<BTreeSet<_>> = datasets.iter().map(|dataset| stop(dataset, indices, room, now_ms)).collect();
    stops.unwrap_or_default()
}

/// The reason why one dataset cannot write its current events.
fn stop(dataset: &Dataset, indices: &[IndexState], room: Option<u64>, now_ms: i64) -> Option<String> {
    let pattern = dataset.router.index();
    let clock_ms = pattern.clock_ms(now_ms);
    let is_current = |index: &&IndexState| {
        let is_of_now =
            |period: pipeline::route::Period| pattern.period_start_ms(&index.name) == Some(period.start_of(clock_ms));
        pattern.could_be(&index.name) && pattern.period().is_none_or(is_of_now)
    };
    let mut current = indices.iter().filter(is_current).peekable();
    match current.peek() {
        None => (room == Some(0)).then(|| "the shard limit is reached: no index can be made".to_owned()),
        Some(first) => {
            let name = first.name.clone();
            current.all(|index| index.is_closed).then(|| format!("{name} is closed"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-28T00:00:00Z
    const NOW_MS: i64 = 1_795_824_000_000;

    fn datasets(indices: &[&str]) -> Datasets {
        let one = |(number, index): (usize, &&str)| {
            format!(
                "  - name: d{number}\n    from: {{ bucket: b, key: \"{number}/**\" }}\n    timestamp: t\n    index: {index}\n"
            )
        };
        let yaml: String = indices.iter().enumerate().map(one).collect();
        Datasets::parse("pipeline.yaml", &format!("datasets:\n{yaml}"), None).unwrap()
    }

    fn state(name: &str, is_closed: bool) -> IndexState {
        IndexState { name: name.into(), is_closed, shards: 2, written: 0 }
    }

    #[test]
    fn only_what_stops_every_dataset_is_a_reason() {
        let today = state("a-2026.11.28", false);
        let closed = state("a-2026.11.28", true);
        let yesterday = state("a-2026.11.27", false);
        let closed_before = state("a-2026.11.27", true);
        let other = state("b", false);
        let (one, two) = (datasets(&["a-%{+YYYY.MM.dd}"]), datasets(&["a-%{+YYYY.MM.dd}", "b"]));
        for (datasets, indices, room, expected) in [
            (&one, vec![&yesterday], Some(0), "the shard limit"),
            (&one, vec![&yesterday], Some(1), ""),
            (&one, vec![&yesterday], None, ""),
            (&one, vec![&today], Some(0), ""),
            (&one, vec![&closed], Some(1), "a-2026.11.28 is closed"),
            (&one, vec![&today, &closed_before], Some(1), ""),
            (&two, vec![&closed, &other], Some(0), ""),
            (&two, vec![&closed], Some(0), "the shard limit"),
            (&two, vec![], Some(0), "the shard limit"),
        ] {
            let indices: Vec<_> = indices.into_iter().cloned().collect();
            let reasons = reasons(datasets, &indices, room, NOW_MS);
            let found = reasons.iter().any(|reason| !expected.is_empty() && reason.contains(expected));
            assert_eq!(
                (found, reasons.is_empty()),
                (!expected.is_empty(), expected.is_empty()),
                "{indices:?}: {reasons:?}"
            );
        }
    }

    #[test]
    fn the_index_of_today_is_that_of_the_zones_day() {
        let yaml = "datasets:
  - { name: a, from: { stream: a }, index: { name: \"a-%{+YYYY.MM.dd}\", timezone: America/New_York } }
";
        let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap();
        // At midnight UTC it is still the evening of the 27th there.
        for (closed, stands) in [("a-2026.11.27", true), ("a-2026.11.28", false)] {
            assert_eq!(!reasons(&datasets, &[state(closed, true)], Some(1), NOW_MS).is_empty(), stands, "{closed}");
        }
    }

    #[test]
    fn no_dataset_is_no_reason() {
        let none = Datasets::parse("pipeline.yaml", "datasets:\n  - name: f\n    from: { delivery_stream: f }\n", None)
            .unwrap();
        assert!(reasons(&none, &[], Some(0), NOW_MS).is_empty());
    }
}
