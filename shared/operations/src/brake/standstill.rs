//! Whether every dataset stands still because of the state of its indices: no index can be created any more, or today's
//! index is closed.
//!
//! In: the rules, the indices, and the number of shards that the domain would still accept. Out: the reasons, if no
//! dataset can write. If one dataset can write, the others wait in the queue and the sources stay on. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::admin::load::IndexState;
use pipeline::rules::{Dataset, Datasets};

/// The reasons why no dataset can write at `now_ms`. Empty if one can. `room` is the number of shards that the domain
/// would still accept, if it reports its limit.
pub(super) fn reasons(datasets: &Datasets, indices: &[IndexState], room: Option<u64>, now_ms: i64) -> BTreeSet<String> {
    let stops: Option<BTreeSet<_>> = datasets.iter().map(|dataset| stop(dataset, indices, room, now_ms)).collect();
    stops.unwrap_or_default()
}

/// Whether an event may still go to the index with this name: by a name that a dataset makes and does not find expired,
/// or through an alias or data stream.
pub(super) fn takes_events(datasets: &Datasets, targets: &BTreeMap<String, String>, name: &str, now_ms: i64) -> bool {
    let may_take = |dataset: &std::sync::Arc<Dataset>| {
        let pattern = dataset.router.index();
        let is_expired = || {
            let ends = dataset.keep_from_ms(now_ms).zip(pattern.period_start_ms(name));
            ends.is_some_and(|(keep_from_ms, start_ms)| start_ms < keep_from_ms)
        };
        let is_target = || targets.iter().any(|(alias, index)| index == name && pattern.could_be(alias));
        (pattern.could_be(name) && !is_expired()) || is_target()
    };
    datasets.iter().any(may_take)
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
    let is_full = room.is_some_and(|room| room < next_shards(dataset, indices));
    match current.peek() {
        None => is_full.then(|| "the shard limit is reached: no index can be created".to_owned()),
        Some(first) => {
            let name = first.name.clone();
            // A field in the name leads to other indices of the same time.
            let is_another_made = pattern.fields().next().is_some() && !is_full;
            (current.all(|index| index.is_closed) && !is_another_made).then(|| format!("{name} is closed"))
        }
    }
}

/// The shards that the next index of a dataset will have, with its copies: by the rules, else those of its newest index,
/// else the engine's default. The engine refuses an index for which there is room in part.
fn next_shards(dataset: &Dataset, indices: &[IndexState]) -> u64 {
    let (pattern, template) = (dataset.router.index(), &dataset.template);
    let of = |shards: Option<u32>, replicas: Option<u32>| {
        u64::from(shards.unwrap_or(1)) * (1 + u64::from(replicas.unwrap_or(1)))
    };
    let by_rules = of(template.shards, template.replicas);
    if template.shards.is_some() && template.replicas.is_some() {
        return by_rules;
    }
    let of_dataset = indices.iter().filter(|index| pattern.could_be(&index.name));
    let newest = of_dataset.max_by_key(|index| (pattern.period_start_ms(&index.name), &index.name));
    newest.map_or(by_rules, |newest| newest.shards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::load::with_targets;

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
        let closed_field = state("a-web-2026.11.28", true);
        let other = state("b", false);
        let (one, two) = (datasets(&["a-%{+YYYY.MM.dd}"]), datasets(&["a-%{+YYYY.MM.dd}", "b"]));
        let alone = datasets(&["\"a-%{+YYYY.MM.dd}\"\n    shards: 3\n    replicas: 0"]);
        let fields = datasets(&["\"a-%{app}-%{+YYYY.MM.dd}\""]);
        for (datasets, indices, room, expected) in [
            (&one, vec![&yesterday], Some(0), "the shard limit"),
            // An index needs room for its copy too.
            (&one, vec![&yesterday], Some(1), "the shard limit"),
            (&one, vec![&yesterday], Some(2), ""),
            (&one, vec![], Some(1), "the shard limit"),
            (&one, vec![&yesterday], None, ""),
            (&one, vec![&today], Some(0), ""),
            (&one, vec![&closed], Some(1), "a-2026.11.28 is closed"),
            (&one, vec![&today, &closed_before], Some(1), ""),
            (&two, vec![&closed, &other], Some(0), ""),
            (&two, vec![&closed], Some(0), "the shard limit"),
            (&two, vec![], Some(0), "the shard limit"),
            (&alone, vec![&yesterday], Some(2), "the shard limit"),
            (&alone, vec![&yesterday], Some(3), ""),
            (&fields, vec![&closed_field], Some(2), ""),
            (&fields, vec![&closed_field], Some(1), "a-web-2026.11.28 is closed"),
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
    fn an_alias_and_a_data_stream_stand_for_the_index_that_they_write_into() {
        let (one, two) = (datasets(&["logs"]), datasets(&["logs", "rolled"]));
        let indices = vec![state("logs-000001", true), state("logs-000002", false), state(".ds-rolled-1", true)];
        let to = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, index)| ((*name).into(), (*index).into())).collect();
        for (datasets, targets, stands) in [
            (&one, to(&[]), true),
            (&one, to(&[("logs", "logs-000002")]), false),
            (&one, to(&[("logs", "logs-000001")]), true),
            (&two, to(&[("logs", "logs-000001"), ("rolled", ".ds-rolled-1")]), true),
            (&two, to(&[("logs", "logs-000002"), ("rolled", ".ds-rolled-1")]), false),
        ] {
            let indices = with_targets(indices.clone(), &targets);
            assert_eq!(!reasons(datasets, &indices, Some(0), NOW_MS).is_empty(), stands, "{targets:?}");
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
            assert_eq!(!reasons(&datasets, &[state(closed, true)], Some(2), NOW_MS).is_empty(), stands, "{closed}");
        }
    }

    #[test]
    fn foreign_and_expired_indices_take_no_events() {
        let kept = datasets(&["\"a-%{+YYYY.MM.dd}\"\n    retention: 3d", "logs"]);
        let targets = BTreeMap::from([("logs".into(), "logs-000002".into())]);
        for (name, takes) in [
            ("a-2026.11.28", true),
            ("a-2026.11.27", true),
            ("a-2026.11.01", false),
            ("a-2026.11.28-copy", false),
            ("logs-000002", true),
            ("logs-000001", false),
        ] {
            assert_eq!(takes_events(&kept, &targets, name, NOW_MS), takes, "{name}");
        }
    }

    #[test]
    fn without_a_dataset_there_is_no_reason() {
        let none = Datasets::parse("pipeline.yaml", "datasets:\n  - name: f\n    from: { delivery_stream: f }\n", None)
            .unwrap();
        assert!(reasons(&none, &[], Some(0), NOW_MS).is_empty());
    }
}
