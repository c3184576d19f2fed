use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::admin::storage::Disk;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn datasets(list: &[(&str, &str)]) -> Datasets {
    let mut yaml = "datasets:\n".to_owned();
    for (number, (index, more)) in list.iter().enumerate() {
        let number = number.to_string();
        yaml.extend([
            "  - { name: d",
            &number,
            ", from: { key: \"",
            &number,
            "\" }, index: \"",
            index,
            "\"",
            more,
            " }\n",
        ]);
    }
    Datasets::parse("pipeline.yaml", &yaml, None).unwrap_or_else(|error| panic!("{yaml}\n{error}"))
}

fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

fn index(name: &str) -> Index {
    Index { bytes: 10, stack: Some("web".into()), ..Index::new(name) }
}

/// A single node that holds all indices.
fn storage(indices: &[Index], free: u64, total: u64) -> Storage {
    let on_node = |index: &Index| (index.name.clone(), BTreeMap::from([("n".to_owned(), index.bytes)]));
    Storage {
        nodes: BTreeMap::from([("n".to_owned(), Disk { free, total })]),
        indices: indices.iter().map(on_node).collect(),
    }
}

fn web() -> Stack {
    Stack::named("web")
}

fn planned(
    datasets: &Datasets,
    indices: &[Index],
    free: u64,
    watermark: Option<FreeStorage>,
) -> Vec<(String, Because)> {
    let now = ms("2026-11-22T10:00:00Z");
    let plan = plan(datasets, &web(), indices, &storage(indices, free, 100), watermark, now);
    plan.deletions.into_iter().map(|deletion| (deletion.index, deletion.because)).collect()
}

#[test]
fn an_index_goes_when_its_last_moment_is_older_than_the_retention() {
    let rules = datasets(&[("logs-%{+YYYY.MM.dd}", ", retention: 2d")]);
    let indices =
        ["logs-2026.11.22", "logs-2026.11.20", "logs-2026.11.19", "logs-2026.11.18", "logs", "other-2026.11.01"];
    let gone = planned(&rules, &indices.map(index), 0, None);
    assert_eq!(gone, [("logs-2026.11.18".into(), Because::Retention), ("logs-2026.11.19".into(), Because::Retention)]);
}

#[test]
fn a_local_day_is_over_when_it_is_over_there() {
    let dataset = |zone: &str| {
        format!(
            "  - {{ name: \"{zone}\", from: {{ key: \"{zone}\" }}, index: {{ name: \"{zone}-%{{+YYYY.MM.dd}}\", timezone: Pacific/{zone} }}, retention: 2d }}\n"
        )
    };
    let yaml = format!("datasets:\n{}{}", dataset("Midway"), dataset("Kiritimati"))
        .replace("\"Midway", "\"midway")
        .replace("\"Kiritimati", "\"kiritimati");
    let rules = Datasets::parse("pipeline.yaml", &yaml, None).unwrap();
    let names = ["20", "19", "18"].map(|day| [format!("midway-2026.11.{day}"), format!("kiritimati-2026.11.{day}")]);
    let indices: Vec<Index> = names.iter().flatten().map(|name| index(name)).collect();
    // Two days before 10:00 UTC it was already the 21st on Kiritimati, and still the 19th on Midway. The oldest is
    // deleted first.
    let gone: Vec<String> = planned(&rules, &indices, 0, None).into_iter().map(|(name, _)| name).collect();
    assert_eq!(gone, ["kiritimati-2026.11.18", "kiritimati-2026.11.19", "midway-2026.11.18", "kiritimati-2026.11.20"]);
}

#[test]
fn short_storage_deletes_the_oldest_first_down_to_keep_at_least_and_no_more_than_needed() {
    let rules = datasets(&[("logs-%{+YYYY.MM.dd}", ", retention: 30d, keep_at_least: 2d")]);
    let indices =
        ["logs-2026.11.22", "logs-2026.11.20", "logs-2026.11.19", "logs-2026.11.18", "logs-2026.11.17"].map(index);
    let free_storage =
        |names: &[&str]| -> Vec<_> { names.iter().map(|n| ((*n).to_owned(), Because::FreeStorage)).collect() };
    for (free, gone) in [
        (50, &[][..]),
        (45, &["logs-2026.11.17"]),
        (35, &["logs-2026.11.17", "logs-2026.11.18"]),
        (0, &["logs-2026.11.17", "logs-2026.11.18", "logs-2026.11.19"]),
    ] {
        assert_eq!(planned(&rules, &indices, free, Some(FreeStorage::Bytes(50))), free_storage(gone), "{free}");
    }
    let without = datasets(&[("logs-%{+YYYY.MM.dd}", ", retention: 30d")]);
    assert_eq!(planned(&without, &indices, 0, Some(FreeStorage::Bytes(50))), [], "nothing goes before its retention");
}

#[test]
fn an_index_on_other_nodes_is_not_deleted_because_one_node_is_full() {
    let rules = datasets(&[("logs-%{+YYYY.MM.dd}", ", keep_at_least: 1d")]);
    let indices = ["logs-2026.11.01", "logs-2026.11.02"].map(index);
    let mut storage = storage(&indices, 0, 100);
    storage.nodes.insert("roomy".into(), Disk { free: 90, total: 100 });
    storage.indices.insert("logs-2026.11.01".into(), BTreeMap::from([("roomy".into(), 10)]));
    let now = ms("2026-11-22T10:00:00Z");
    let plan = plan(&rules, &web(), &indices, &storage, Some(FreeStorage::Percent(10.0)), now);
    assert_eq!(plan.deletions.iter().map(|deletion| deletion.index.as_str()).collect::<Vec<_>>(), ["logs-2026.11.02"]);
}

#[test]
fn an_index_of_several_datasets_goes_when_all_of_them_let_it() {
    let old = [index("logs-app-2026.11.01")];
    for (second, goes) in [(", retention: 3d", true), (", retention: 300d", false), ("", false)] {
        let rules = datasets(&[("logs-app-%{+YYYY.MM.dd}", ", retention: 2d"), ("logs-%{app}-%{+YYYY.MM.dd}", second)]);
        assert_eq!(!planned(&rules, &old, 0, Some(FreeStorage::Bytes(90))).is_empty(), goes, "{second}");
    }
    let undated = datasets(&[("logs-app-%{+YYYY.MM.dd}", ", retention: 2d"), ("logs-%{app}", "")]);
    assert_eq!(planned(&undated, &old, 0, None), []);
}

#[test]
fn the_write_index_of_an_alias_or_data_stream_stays() {
    let rules = datasets(&[("logs-%{+YYYY.MM.dd}", ", retention: 2d")]);
    let used = Index { is_in_use: true, ..index("logs-2026.11.01") };
    assert_eq!(planned(&rules, &[used], 0, Some(FreeStorage::Bytes(90))), []);
}

#[test]
fn an_index_without_this_stacks_mark_stays_and_is_reported_and_frees_nothing() {
    let rules = datasets(&[("logs-%{+YYYY.MM.dd}", ", retention: 2d, keep_at_least: 1d")]);
    let of = |name: &str, stack: Option<&str>| Index { stack: stack.map(str::to_owned), ..index(name) };
    let indices = [
        of("logs-2026.11.01", None),
        of("logs-2026.11.02", Some("pay")),
        of("logs-2026.11.03", Some("web")),
        Index { is_in_use: true, ..of("logs-2026.11.04", Some("web")) },
        of("logs-2026.11.20", None),
        of("logs-2026.11.20-reindexed", None),
        of("logs-2026.11.22", None),
    ];
    let plan_with = |free, watermark| {
        plan(&rules, &web(), &indices, &storage(&indices, free, 100), watermark, ms("2026-11-22T10:00:00Z"))
    };
    let by_age = plan_with(90, None);
    assert_eq!(
        by_age.deletions.iter().map(|deletion| deletion.index.as_str()).collect::<Vec<_>>(),
        ["logs-2026.11.03"]
    );
    assert_eq!(by_age.unowned, ["logs-2026.11.01"]);
    assert_eq!(by_age.of_other_stacks, ["logs-2026.11.02"]);
    assert_eq!(by_age.in_use, ["logs-2026.11.04"]);
    let by_storage = plan_with(0, Some(FreeStorage::Bytes(50)));
    assert_eq!(
        (by_storage.deletions.len(), by_storage.unowned),
        (1, vec!["logs-2026.11.01".into(), "logs-2026.11.20".into()])
    );
}

/// Realistic names: names of the datasets' own patterns, other names with a date, and unrelated names.
fn names() -> impl Strategy<Value = String> {
    let date = (-60_i64..5).prop_map(|days| {
        let day = jiff::Timestamp::from_millisecond(ms("2026-11-22T10:00:00Z") + days * DAY_MS).unwrap();
        day.strftime("%Y.%m.%d").to_string()
    });
    prop_oneof![
        4 => date.clone().prop_map(|date| format!("logs-{date}")),
        2 => (date.clone(), "[a-c]{1,2}").prop_map(|(date, app)| format!("apps-{app}-{date}")),
        1 => date.clone().prop_map(|date| format!("foreign-{date}")),
        1 => date.prop_map(|date| format!("logs-{date}-old")),
        1 => "[a-z]{1,8}(-[0-9]{1,4})?",
    ]
}

proptest! {
    #[test]
    fn nothing_unnamed_and_nothing_younger_than_what_is_kept_at_least_is_ever_deleted(
        names in proptest::collection::btree_set(names(), 0..30),
        (in_use, unowned) in (0_usize..5, 0_usize..10),
        (retention, least) in (1_i64..50, 1_i64..50),
        free in 0_u64..100,
        watermark in proptest::option::of(1_u32..99),
        now_hours in 0_i64..48,
    ) {
        let least = least.min(retention);
        let rules = datasets(&[
            ("logs-%{+YYYY.MM.dd}", &format!(", retention: {retention}d, keep_at_least: {least}d")),
            ("apps-%{app}-%{+YYYY.MM.dd}", &format!(", retention: {retention}d")),
        ]);
        let now = ms("2026-11-22T00:00:00Z") + now_hours * HOUR_MS;
        let indices: Vec<Index> = names.iter().enumerate()
            .map(|(number, name)| {
                let stack = (number >= unowned).then(|| "web".to_owned());
                Index { bytes: 3, is_in_use: number < in_use, stack, ..Index::new(name) }
            })
            .collect();
        let watermark = watermark.map(|percent| FreeStorage::Percent(percent.into()));
        let storage = storage(&indices, free, 100);
        let plan = plan(&rules, &web(), &indices, &storage, watermark, now);
        let kept: BTreeSet<_> = plan.unowned.iter().chain(&plan.in_use).cloned().collect();
        let plan = plan.deletions;
        // Computed with jiff and the names alone, independently of the code under test.
        let ended_days_ago = |name: &str| -> Option<f64> {
            let (prefix, date) = name.rsplit_once('-')?;
            let is_ours = prefix == "logs" || (prefix.starts_with("apps-") && prefix.len() > 5);
            let day = jiff::civil::Date::strptime("%Y.%m.%d", date).ok().filter(|_| is_ours && date.len() == 10)?;
            let end = day.tomorrow().unwrap().to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_millisecond();
            #[expect(clippy::cast_precision_loss, reason = "a few years")]
            Some((now - end) as f64 / DAY_MS as f64)
        };
        for deletion in &plan {
            let ended = ended_days_ago(&deletion.index);
            let index = indices.iter().find(|index| index.name == deletion.index).unwrap();
            prop_assert!(!index.is_in_use && web().owns(index), "{deletion:?}");
            #[expect(clippy::cast_precision_loss, reason = "a few days")]
            let kept = match deletion.because { Because::Retention => retention as f64, Because::FreeStorage => least as f64 };
            prop_assert!(ended.is_some_and(|ended| ended >= kept), "{deletion:?} ended {ended:?} days ago");
        }
        let deleted: BTreeSet<_> = plan.iter().map(|deletion| deletion.index.clone()).collect();
        prop_assert_eq!(deleted.len(), plan.len(), "each once");
        for index in indices.iter().filter(|index| !kept.contains(&index.name) && !deleted.contains(&index.name)) {
            #[expect(clippy::cast_precision_loss, reason = "a few days")]
            let is_expired = ended_days_ago(&index.name).is_some_and(|ended| ended >= retention as f64);
            prop_assert!(!is_expired, "{} is too old and stays", index.name);
        }
    }
}

#[test]
fn a_block_stays_only_on_an_index_that_is_still_to_be_deleted() {
    let datasets = datasets(&[("a-%{+YYYY.MM.dd}", ", retention: 3d, snapshot: true")]);
    let held_index = |name: &str| Index { uuid: Some(format!("u-{name}")), may_be_held: true, ..index(name) };
    let of_other = Index { stack: Some("pay".into()), ..held_index("a-2026.11.21") };
    let indices = [
        held_index("a-2026.11.01"),
        held_index("a-2026.11.20"),
        index("a-2026.11.22"),
        of_other,
        held_index("b-2026.11.20"),
        Index { is_in_use: true, ..held_index("a-2026.11.02") },
    ];
    let now = ms("2026-11-22T10:00:00Z");
    let plan = plan(&datasets, &web(), &indices, &storage(&indices, 100, 100), None, now);
    let found = held(&datasets, &web(), &indices, &plan.deletions);
    let expected = ["a-2026.11.02", "a-2026.11.20"].map(|name| (name, format!("u-{name}")));
    assert_eq!(found, expected.iter().map(|(name, uuid)| (*name, uuid.as_str())).collect::<Vec<_>>());
}

/// The rules of one data stream and one alias.
fn rolled(more: &str) -> Datasets {
    let yaml = format!(
        "datasets:\n  - {{ name: s, from: {{ key: s }}, index: {{ data_stream: app }}{more} }}\n  - {{ name: a, from: {{ key: a }}, \
         index: {{ alias: app }}{more} }}\n"
    );
    // One name is one of the two, so each gets its own.
    Datasets::parse("pipeline.yaml", &yaml.replace("alias: app", "alias: web"), None).unwrap()
}

#[test]
fn an_index_of_a_data_stream_or_an_alias_counts_from_the_end_of_its_writes() {
    let rules = rolled(", retention: 2d");
    let made = |name: &str, created: &str, ended: Option<&str>| Index {
        created_ms: Some(ms(created)),
        is_rolled: true,
        ended_ms: ended.map(ms),
        ..index(name)
    };
    for prefix in [".ds-app-", ".ds-app-2026.11.01-", "web-"] {
        let name = |number: u32| format!("{prefix}{number:06}");
        let indices = [
            // Its first events are old, and its last ones are not.
            made(&name(2), "2026-11-02T00:00:00Z", Some("2026-11-20T10:00:01Z")),
            made(&name(1), "2026-11-01T00:00:00Z", Some("2026-11-20T09:59:59Z")),
            made(&name(3), "2026-11-20T10:00:01Z", None),
            Index { is_in_use: true, ..made(&name(4), "2026-11-01T00:00:00Z", Some("2026-11-02T00:00:00Z")) },
            Index { stack: None, ..made(&name(5), "2026-11-01T00:00:00Z", Some("2026-11-02T00:00:00Z")) },
            Index { created_ms: None, ..made(&name(6), "2026-11-01T00:00:00Z", Some("2026-11-02T00:00:00Z")) },
            // A clock of the domain that was set back ends no index before it began.
            made(&name(7), "2026-11-21T00:00:00Z", Some("2026-11-01T00:00:00Z")),
            made(&format!("{prefix}x-000001"), "2026-11-01T00:00:00Z", Some("2026-11-02T00:00:00Z")),
        ];
        assert_eq!(planned(&rules, &indices, 0, None), [(name(1), Because::Retention)], "{prefix}");
        let least = rolled(", retention: 30d, keep_at_least: 2d");
        assert_eq!(planned(&least, &indices, 0, None), [], "{prefix}");
        let freed = planned(&least, &indices, 0, Some(FreeStorage::Bytes(5)));
        assert_eq!(freed, [(name(1), Because::FreeStorage)], "{prefix}");
    }
}

#[test]
fn an_index_that_a_period_and_an_alias_could_have_made_is_deleted_if_both_would() {
    let yaml = |retention: &str| {
        format!(
            "datasets:\n  - {{ name: p, from: {{ key: p }}, index: \"app-%{{+YYYYMM}}\", retention: {retention} }}\n  - {{ name: a, \
             from: {{ key: a }}, index: {{ alias: app }}, retention: 2d }}\n"
        )
    };
    let of = |is_rolled, ended_ms| Index { created_ms: Some(0), is_rolled, ended_ms, ..index("app-202601") };
    for (retention, is_rolled, ended, goes) in [
        ("2d", true, Some(0), true),
        ("2d", true, None, false),
        ("520w", true, Some(0), false),
        // The alias does not have it.
        ("2d", false, None, true),
        ("520w", false, None, false),
    ] {
        let rules = Datasets::parse("pipeline.yaml", &yaml(retention), None).unwrap();
        let planned = planned(&rules, &[of(is_rolled, ended)], 0, None);
        assert_eq!(planned.len(), usize::from(goes), "{retention} {is_rolled} {ended:?}");
    }
}
