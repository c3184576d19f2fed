use super::*;

/// A dataset with this `index`.
fn indexed(index: &str) -> String {
    with("").replace("index: logs", &format!("index: {index}"))
}

#[test]
fn a_fault_of_the_layout_names_the_accepted_form() {
    for (yaml, place, part) in [
        (indexed("{ data_stream: a, alias: b }"), "4:30", "`alias` beside `data_stream`: an `index` has exactly one"),
        (indexed("{ name: a, data_stream: b }"), "4:23", "`data_stream` beside `name`"),
        (indexed("{ rollover: { max_age: 1d } }"), "4:12", "without a `name`, `data_stream` or `alias`"),
        (indexed("{ name: a, rollover: { max_age: 1d } }"), "4:23", "`rollover` beside `name`"),
        (indexed("{ alias: a, timezone: UTC }"), "4:24", "`timezone` beside `alias`, whose name has no date"),
        (indexed("{ data_stream: \"a-%{b}\" }"), "4:27", "the same for all events, so it takes no `%{…}`"),
        (indexed("{ alias: \"a-%{+YYYY}\" }"), "4:21", "it takes no `%{…}`"),
        (indexed("{ alias: A }"), "4:21", "index names are lower case"),
        (indexed("{ data_stream: .a }"), "4:27", "begins with a letter or digit"),
        (indexed(&format!("{{ alias: {} }}", "a".repeat(234))), "4:21", "a name of 234 bytes"),
        (indexed("{ alias: a, rollover: {} }"), "4:34", "`rollover` without a condition; write `rollover: { max_age"),
        (indexed("{ alias: a, rollover: 1d }"), "4:34", "not a map"),
        (indexed("{ alias: a, rollover: { max_age: 1y } }"), "4:45", "with `h`, `d` or `w`"),
        (indexed("{ alias: a, rollover: { max_size: 50 } }"), "4:46", "a size is a whole number with `kb`"),
        (indexed("{ alias: a, rollover: { max_size: 0gb } }"), "4:46", "a size is"),
        (indexed("{ alias: a, rollover: { max_size: 1.5gb } }"), "4:46", "a size is"),
        (indexed("{ alias: a, rollover: { max_size: 99999999999tb } }"), "4:46", "a size is"),
        (indexed("{ alias: a, rollover: { max_docs: 9 } }"), "4:36", "unknown key `max_docs`"),
        (
            indexed("{ alias: a }") + "  - { name: b, from: { key: x }, index: a }\n",
            "6:41",
            "`index` with `name: a` differs from `index` with `alias: a` in line 4",
        ),
        (
            indexed("{ alias: a }")
                + "  - { name: b, from: { key: x }, index: { alias: a, rollover: { max_age: 1d } } }\n",
            "6:41",
            "the datasets of one name have the same `index`",
        ),
    ] {
        let faults = faults(&yaml);
        let is_there = |(at, message): &(String, String)| at.ends_with(&format!(":{place}")) && message.contains(part);
        assert!(faults.len() == 1 && faults.iter().any(is_there), "{place} {part}\n{yaml}\n{faults:#?}");
    }
}

#[test]
fn a_data_stream_and_an_alias_are_names_that_roll_over() {
    let rollover = |max_age, max_size| Some(Rollover { max_age, max_size });
    let (day, gib) = (Duration::from_hours(24), 1 << 30);
    for (index, layout, name, wildcard) in [
        ("a", Layout::Indices, None, "a"),
        ("{ data_stream: logs-a-prod }", Layout::DataStream(None), Some("logs-a-prod"), "logs-a-prod"),
        (
            "{ data_stream: a, rollover: { max_age: 1d, max_size: 50gb } }",
            Layout::DataStream(rollover(Some(day), Some(50 * gib))),
            Some("a"),
            "a",
        ),
        ("{ alias: a, rollover: { max_age: 1w } }", Layout::Alias(rollover(Some(7 * day), None)), Some("a"), "a-*"),
        (
            "{ alias: a, rollover: { max_size: 2tb } }",
            Layout::Alias(rollover(None, Some(2048 * gib))),
            Some("a"),
            "a-*",
        ),
        ("{ alias: a, rollover: { max_size: 3kb } }", Layout::Alias(rollover(None, Some(3072))), Some("a"), "a-*"),
    ] {
        let all = parse(&indexed(index));
        let dataset = all.by_name("a").unwrap();
        assert_eq!((dataset.layout, dataset.rolled_name()), (layout, name), "{index}");
        assert_eq!((dataset.rolls_over(), dataset.wildcard().as_str()), (name.is_some(), wildcard), "{index}");
    }
    // Their age is that of the rollover, so their names need no date, and no event of them expires.
    let kept = parse(&(indexed("{ alias: a }") + "    retention: 14d\n    snapshot: true\n"));
    assert_eq!(kept.by_name("a").unwrap().keep_from_ms(1_795_000_000_000), None);
}

#[test]
fn datasets_can_share_a_data_stream() {
    let same = "index: { data_stream: a, rollover: { max_age: 24h } }";
    let yaml = format!(
        "datasets:\n  - {{ name: a, from: {{ key: a }}, {same} }}\n  - {{ name: b, from: {{ key: b }}, {} }}\n",
        same.replace("24h", "1d")
    );
    assert_eq!(parse(&yaml).wildcards().len(), 1);
}
