//! Kinds of lines that once changed an event without a note, each with its current translation.

use super::{Effect, dataset, translated};

/// The translation, and the effects and texts of all its notes, for a configuration with this input, these filters and
/// this index.
pub(super) fn notes(input: &str, filters: &str, index: &str) -> (String, Vec<(Effect, String)>) {
    let text =
        format!("input {{ {input} }}\nfilter {{\n{filters}\n}}\noutput {{ opensearch {{ index => \"{index}\" }} }}");
    let import = translated("x.conf", &text);
    (import.yaml.unwrap(), import.notes.into_iter().map(|note| (note.effect, note.text)).collect())
}

#[track_caller]
pub(super) fn assert_listed(notes: &[(Effect, String)], effect: Effect, text: &str) {
    assert!(notes.iter().any(|note| note.0 == effect && note.1.contains(text)), "{effect:?} {text}: {notes:#?}");
}

pub(super) const S3: &str = "s3 { bucket => b codec => json }";

#[test]
fn a_condition_on_a_renamed_field_asks_for_the_events_own_of_that_name_too() {
    for (filters, select) in [
        (
            "mutate { rename => { user => adid } } if [adid] =~ /^bot/ { drop { } }",
            "select: 'NOT user:/bot.*/ AND NOT (NOT _exists_:user AND adid:/bot.*/)'",
        ),
        // The original field was removed before, so only the renamed field counts.
        (
            "mutate { remove_field => [adid] } mutate { rename => { user => adid } } if [adid] == \"x\" { drop { } }",
            "select: NOT user:x",
        ),
        (
            "mutate { rename => { u => p } } if [p][q] == \"x\" { drop { } }",
            "select: NOT u.q:x AND NOT (NOT _exists_:u AND p.q:x)",
        ),
    ] {
        let (rules, lost) = dataset(filters);
        assert!(rules.lines().next().unwrap().replace('\'', "") == select.replace('\'', ""), "{filters}: {rules}");
        assert!(lost.is_empty(), "{filters}: {lost:?}");
    }
}

#[test]
fn a_rule_about_a_renamed_field_is_listed() {
    for (filters, index) in [
        ("mutate { rename => { a => b } } mutate { rename => { b => c } }", "i"),
        ("mutate { rename => { a => b } } mutate { add_field => { c => \"%{b}\" } }", "i"),
        ("mutate { rename => { a => b } } mutate { remove_field => \"[b][c]\" }", "i"),
        ("mutate { rename => { a => b } } date { match => [b, UNIX] }", "i-%{+YYYY}"),
        ("mutate { rename => { a => b } } json { source => b target => c }", "i"),
        ("mutate { rename => { a => b } }", "i-%{b}"),
    ] {
        let (_, notes) = notes(S3, filters, index);
        assert_listed(&notes, Effect::Differs, "of an event that came with `b` and without `a`");
    }
    let (_, notes) = notes(S3, "mutate { rename => { a => b } } mutate { remove_field => b }", "i");
    assert!(notes.iter().all(|(_, text)| !text.contains("came with `b`")), "{notes:?}");
}

#[test]
fn no_condition_uses_what_a_filter_does_only_after_success() {
    for filter in [
        "date { match => [t, UNIX] timezone => UTC add_field => { b => k } }",
        "date { match => [t, UNIX] timezone => UTC remove_field => [b] }",
        "json { source => m remove_field => [m, b] }",
        "if [z] == 1 { date { match => [t, UNIX] remove_field => [b] } }",
        "if [z] == 1 { fingerprint { source => t add_field => { b => k } } }",
    ] {
        let (_, notes) = notes(S3, &format!("{filter} if [b] == \"k\" {{ drop {{ }} }}"), "i");
        assert_listed(&notes, Effect::Unknown, "`b` may be changed by");
        assert_listed(&notes, Effect::Keeps, "`drop` under a condition that no query says");
    }
}

#[test]
fn json_that_is_done_before_other_filters_is_listed_with_both_effects() {
    let (_, all) = notes(S3, "if [a] > 5 { drop { } } json { source => m }", "i");
    assert_listed(&all, Effect::Drops, "json: it is done before all other rules here");
    assert_listed(&all, Effect::Keeps, "json: it is done before all other rules here");
    for before in ["rename => { a => b }", "remove_field => [b]", "replace => { b => k }", "add_tag => [b]"] {
        let asked = if before.starts_with("add_tag") { "\"b\" in [tags]" } else { "[b] == \"k\"" };
        let filters = format!("mutate {{ {before} }} json {{ source => m }} if {asked} {{ drop {{ }} }}");
        assert_listed(&notes(S3, &filters, "i").1, Effect::Keeps, "`drop` under a condition that no query says");
    }
}

#[test]
fn members_of_a_record_that_a_filter_reads_take_the_place_of_what_the_input_sets() {
    let input = "s3 { bucket => b codec => plain tags => [in] add_field => { f => k } }";
    let filters = "json { source => message } if \"in\" not in [tags] { drop { } } if [f] == \"x\" { drop { } }";
    let (yaml, _) = notes(input, filters, "i");
    let select = yaml.lines().find(|line| line.contains("select")).unwrap_or_default();
    assert_eq!(select.trim(), "select: NOT (NOT tags:in AND _exists_:tags) AND NOT (_exists_:f AND f:x)", "{yaml}");
}

#[test]
fn a_zone_of_the_database_is_that_of_times_without_an_offset() {
    let (yaml, notes) =
        notes(S3, "date { match => [t, \"yyyy-MM-dd HH:mm:ss\"] timezone => \"Asia/Seoul\" }", "i-%{+YYYY.MM.dd}");
    let read = "{ field: t, format: \"%Y-%m-%d %H:%M:%S\", timezone: Asia/Seoul }";
    assert!(
        yaml.contains(&format!("timestamp: {read}\n")) && yaml.contains(&format!("\"@timestamp\": {read}")),
        "{yaml}"
    );
    assert_listed(&notes, Effect::Assumed, "timezone `Asia/Seoul`: no event is taken to have a time that the clocks");
    for zone in ["asia/seoul", "+09:00", "%{tz}", "KST"] {
        let filters = format!("date {{ match => [t, \"yyyy-MM-dd HH:mm:ss\"] timezone => \"{zone}\" }}");
        let (yaml, notes) = self::notes(S3, &filters, "i-%{+YYYY.MM.dd}");
        assert!(!yaml.contains(", timezone:"), "{yaml}");
        assert_listed(&notes, Effect::Differs, "a time without an offset is taken as UTC");
    }
    // A number has a known time zone.
    let (yaml, _) = self::notes(S3, "date { match => [t, UNIX] timezone => \"Asia/Seoul\" }", "i-%{+YYYY.MM.dd}");
    assert!(!yaml.contains("Seoul }"), "{yaml}");
}

#[test]
fn the_metadata_of_a_kafka_record_are_translated() {
    let filters = "mutate { copy => { \"[@metadata][kafka][key]\" => k \"[@metadata][kafka][headers]\" => h \"[@metadata][kafka][offset]\" => o } \
                   add_field => { g => \"%{[@metadata][kafka][consumer_group]}\" } }";
    for (how, expected) in [
        ("extended", "metadata: { h: headers, k: key, o: offset }"),
        ("basic", "metadata: { k: key, o: offset }"),
        ("true", "metadata: { k: key, o: offset }"),
        ("none", "index: i"),
    ] {
        let input = format!("kafka {{ topics => t codec => json group_id => c decorate_events => {how} }}");
        let (yaml, notes) = notes(&input, filters, "i");
        assert!(yaml.contains(expected) && yaml.contains("add: { g: c }") != (how == "none"), "{how}: {yaml}");
        if how == "extended" {
            assert_listed(&notes, Effect::Differs, "`h`: a header that is there several times is a list here");
            assert_listed(&notes, Effect::Assumed, "`k`: a key is taken to be UTF-8");
            assert!(
                notes.iter().all(|(_, text)| !text.contains("`o`: the offset")),
                "a copy stays a number: {notes:?}"
            );
        }
    }
    // An input sets its added fields before `[@metadata]`.
    let input = "kafka { topics => t codec => json decorate_events => basic add_field => { k => \"%{[@metadata][kafka][key]}\" } }";
    let (yaml, notes) = notes(input, "", "i");
    assert!(!yaml.contains("metadata: {"), "{yaml}");
    assert_listed(&notes, Effect::Differs, "the field is not added");
}

#[test]
fn an_array_under_any_name_is_translated_with_the_members_around_it_that_are_used() {
    let filters = "split { field => \"[detail][findings]\" } if [detail][findings][level] == \"low\" or [account] == \"7\" { drop { } }";
    let (yaml, notes) = notes(S3, filters, "i-%{[detail][findings][kind]}");
    let rules = "    format: { records: detail.findings }\n    envelope: [account]\n    select: NOT level:low AND NOT account:/7/\n    index: i-%{kind}\n";
    assert!(yaml.contains(rules), "{yaml}");
    assert_listed(&notes, Effect::Assumed, "`account` beside the array: taken to stand before it");
    let input = "s3 { bucket => b codec => json tags => [in] }";
    let (yaml, _) = self::notes(input, "split { field => Records } if \"p\" in [tags] { drop { } }", "i");
    assert!(yaml.contains("envelope: [tags]\n    select: NOT tags:p\n"), "{yaml}");
    // Not translated: members around the array, one name on both sides, a filter before `split`.
    for filters in [
        "split { field => \"[detail][findings]\" } if [detail][kind] == \"x\" { drop { } }",
        "split { field => Records } if [Records][a] == \"x\" and [a] == \"y\" { drop { } }",
        "split { field => Records } mutate { rename => { \"[Records][a]\" => b } } if [Records][b] == \"y\" { drop { } }",
        "mutate { rename => { x => Records } } split { field => Records } if [Records][a] == \"x\" { drop { } }",
        "json { source => m } split { field => Records } if [Records][a] == \"x\" { drop { } }",
    ] {
        let (_, notes) = self::notes(S3, filters, "i");
        assert_listed(&notes, Effect::Keeps, "`drop` under a condition that no query says");
    }
}

#[test]
fn a_condition_on_a_field_that_left_its_object_uses_its_original_place() {
    let input = "s3 { bucket => b codec => json { target => doc } }";
    let (yaml, _) =
        notes(input, "mutate { rename => { \"[doc][level]\" => level } } if [level] == \"low\" { drop { } }", "i");
    assert!(yaml.contains("select: NOT level:low\n") && !yaml.contains("rename"), "{yaml}");
    let (yaml, _) = notes(input, "prune { whitelist_names => [\"^doc$\"] }", "i");
    assert!(!yaml.contains("keep"), "{yaml}");
}

#[test]
fn events_that_no_dataset_takes_are_lost_where_one_of_their_own_fields_decides() {
    let text = |kind: &str| {
        format!(
            "input {{ s3 {{ bucket => b codec => json type => k }} }}\noutput {{ if [type] == \"{kind}\" {{ opensearch {{ index => i }} }} }}"
        )
    };
    let import = translated("x.conf", &text("own"));
    assert!(import.yaml.is_none() && import.losses().count() == 1, "{import:?}");
    assert!(translated("x.conf", &text("k")).losses().next().is_none());
}
