use super::*;

const DAY: i64 = time::DAY_MS;
/// 2026-11-22T00:00:00Z
const START_MS: i64 = 1_795_305_600_000;

fn datasets(more: &str) -> Datasets {
    let one = "datasets:\n  - name: a\n    from: { bucket: b, key: \"a/**\" }\n    timestamp: t\n    index: a-%{+YYYY.MM.dd}\n";
    Datasets::parse("pipeline.yaml", &format!("{one}{more}"), None).unwrap()
}

fn counted(name: &str, uuid: &str, documents: u64) -> Counted {
    Counted { index: Index { uuid: Some(uuid.into()), ..Index::new(name) }, documents: Some(documents) }
}

fn request() -> Objects {
    Objects { dataset: Some("a".into()), recreate: true, ..Objects::default() }
}

fn all() -> Range {
    Range::of(&Objects::default(), datasets("").by_name("a").unwrap().router.index()).unwrap()
}

fn plan_of(indices: Vec<PlannedIndex>, snapshot: bool) -> Plan {
    Plan {
        id: "1-2".into(),
        request: request(),
        rules: "rules".into(),
        made_ms: 0,
        refusals: refusals(datasets("").by_name("a").unwrap(), &indices, 0, |_| true),
        notes: Vec::new(),
        indices,
        places: Vec::new(),
        objects: 1,
        object_bytes: 1,
        repository: snapshot.then(|| "millrace".into()),
    }
}

fn two() -> (Datasets, Vec<Counted>) {
    (datasets(""), vec![counted("a-2026.11.22", "u1", 3), counted("a-2026.11.23", "u2", 5), counted("other", "u3", 1)])
}

#[test]
fn each_index_is_planned_with_the_objects_that_can_hold_its_events() {
    let (datasets, indices_now) = two();
    let dataset = datasets.by_name("a").unwrap();
    let meant = meant(&datasets, dataset, all(), &indices_now).unwrap();
    let mut found = ObjectsFound {
        written_ms: vec![START_MS + DAY, START_MS - 2 * DAY, START_MS - DAY],
        bytes: 7,
        ..ObjectsFound::default()
    };
    found.sort();
    let planned = indices(dataset, &meant, &found);
    let shown: Vec<_> = planned.iter().map(|index| (index.name.as_str(), index.documents, index.objects)).collect();
    assert_eq!(shown, [("a-2026.11.22", Some(3), 2), ("a-2026.11.23", Some(5), 1)]);
    assert_eq!(earliest_ms(dataset, &meant), Some(START_MS - DAY));
    assert_eq!(earliest_ms(dataset, &[]), None);
}

#[test]
fn what_another_dataset_or_an_alias_could_have_filled_is_not_planned() {
    let (_, indices_now) = two();
    let shared = datasets(
        "  - name: b\n    from: { bucket: b, key: \"b/**\" }\n    timestamp: t\n    index: a-%{+YYYY.MM.dd}\n",
    );
    let refused = meant(&shared, shared.by_name("a").unwrap(), all(), &indices_now).unwrap_err().0;
    assert!(refused.contains("events of the dataset `b`"), "{refused}");
    let (datasets, mut indices_now) = two();
    indices_now[1].index.is_in_use = true;
    let refused = meant(&datasets, datasets.by_name("a").unwrap(), all(), &indices_now).unwrap_err().0;
    assert!(refused.contains("a-2026.11.23 is the write index of an alias"), "{refused}");
}

#[test]
fn an_index_of_others_and_one_that_no_object_brings_back_are_refused() {
    let datasets = datasets("");
    let refusals = |indices: &[PlannedIndex], is_own: fn(&str) -> bool| {
        refusals(datasets.by_name("a").unwrap(), indices, START_MS, is_own)
    };
    let index = |name: &str, documents, objects| PlannedIndex {
        name: name.into(),
        uuid: Some("u".into()),
        documents,
        bytes: 1,
        objects,
    };
    let indices = [index("mine", Some(5), 1), index("theirs", Some(5), 1), index("lost", Some(5), 0)];
    let refused = refusals(&indices, |name| name != "theirs");
    assert!(refused.len() == 2 && refused[0].starts_with("theirs does not have the mark"), "{refused:?}");
    assert!(refused[1].starts_with("lost has documents that no object"), "{refused:?}");
    assert!(refusals(&[index("empty", Some(0), 0)], |_| true).is_empty());
    assert_eq!(refusals(&[index("closed", None, 0)], |_| true).len(), 1, "nobody knows what is in it");
}

#[test]
fn an_index_whose_events_have_expired_is_refused_when_it_is_planned_and_when_it_would_be_deleted() {
    let (forever, now) = two();
    let forever = forever.by_name("a").unwrap();
    let found = ObjectsFound { written_ms: vec![START_MS + 9 * DAY], bytes: 1, ..ObjectsFound::default() };
    let planned = |documents| {
        let mut planned = indices(forever, &now.iter().take(2).collect::<Vec<_>>(), &found);
        planned[0].documents = documents;
        planned
    };
    let kept = datasets("    retention: 2d\n");
    let dataset = kept.by_name("a").unwrap();
    // The index of the 22nd is deleted two days after its end: at the start of the 25th.
    let (before, after) = (START_MS + 3 * DAY - 1, START_MS + 3 * DAY);
    assert!(refusals(dataset, &planned(Some(3)), before, |_| true).is_empty());
    for documents in [Some(3), None] {
        let refused = refusals(dataset, &planned(documents), after, |_| true);
        assert!(refused.len() == 1 && refused[0].starts_with("a-2026.11.22 is older than `retention`"), "{refused:?}");
    }
    assert!(refusals(dataset, &planned(Some(0)), after, |_| true).is_empty(), "nothing is in it");
    assert!(refusals(forever, &planned(Some(3)), i64::MAX, |_| true).is_empty(), "kept for ever");
    let plan = plan_of(planned(Some(3)), true);
    assert_eq!(plan.check_kept(dataset, before), Ok(()));
    let refused = plan.check_kept(dataset, after).unwrap_err().0;
    assert!(refused.contains("a-2026.11.22 is older than `retention`"), "{refused}");
}

#[test]
fn a_plan_is_for_one_request_by_the_same_rules_for_a_day_and_with_a_snapshot() {
    let plan = plan_of(Vec::new(), true);
    let asked = Objects { plan: Some("1-2".into()), rate: Some(5.0), ..request() };
    let without = Objects { without_snapshot: true, ..asked.clone() };
    assert_eq!(plan.check(&asked, "rules", DAY), Ok(()));
    assert_eq!(plan_of(Vec::new(), false).check(&without, "rules", 0), Ok(()));
    for (plan, asked, rules, now_ms, says) in [
        (&plan, &Objects { since: Some("2026".into()), ..asked.clone() }, "rules", 0, "for another request"),
        (&plan, &asked, "others", 0, "pipeline.yaml has changed"),
        (&plan, &asked, "rules", DAY + 1, "older than a day"),
        (&plan_of(Vec::new(), false), &asked, "rules", 0, "`without_snapshot: true`"),
        (&Plan { refusals: vec!["why".into()], ..plan.clone() }, &asked, "rules", 0, "why (1 reasons in all)"),
    ] {
        let refused = plan.check(asked, rules, now_ms).unwrap_err().0;
        assert!(refused.contains(says), "{refused}");
    }
}

#[test]
fn a_plan_is_refused_where_the_indices_are_no_longer_those_that_were_looked_at() {
    let (datasets, now) = two();
    let dataset = datasets.by_name("a").unwrap();
    let found = ObjectsFound { written_ms: vec![START_MS + 9 * DAY], bytes: 1, ..ObjectsFound::default() };
    let plan = plan_of(indices(dataset, &meant(&datasets, dataset, all(), &now).unwrap(), &found), true);
    let compare = |now: &[Counted]| plan.compare(&meant(&datasets, dataset, all(), now).unwrap());
    assert_eq!(compare(&now), Ok(()));
    let more = vec![counted("a-2026.11.22", "u1", 4), now[1].clone()];
    assert_eq!(compare(&more), Ok(()), "the sources went on");
    for (now, says) in [
        (vec![now[0].clone()], "a-2026.11.23 was deleted"),
        (vec![now[0].clone(), counted("a-2026.11.23", "u9", 5)], "a-2026.11.23 was deleted and recreated"),
        (vec![now[0].clone(), counted("a-2026.11.23", "u2", 4)], "a-2026.11.23 lost documents"),
        (vec![now[0].clone(), now[1].clone(), counted("a-2026.11.24", "u4", 1)], "a-2026.11.24 was created"),
    ] {
        let refused = compare(&now).unwrap_err().0;
        assert!(refused.contains(says) && refused.contains("`dry_run: true`"), "{refused}");
    }
}
