//! Values of options of filters and outputs: each is exact, or listed.

use pipeline::{
    dry_run::{DryRun, Prediction, Rules},
    record::Origin,
};

use super::{
    Datasets, Effect,
    kinds::{S3, assert_listed, notes},
    translated,
};

/// The index and the document of an event; `None` if it is lost.
fn indexed(yaml: &str, event: &str) -> Option<(String, String)> {
    let datasets = Datasets::parse("x", yaml, None).unwrap();
    let mut found = None;
    DryRun::new(Rules::Dataset(datasets.iter().next().unwrap()))
        .read(event.as_bytes(), &Origin::s3("b", "k", "e"), 1_795_773_700_000, |_, _, fate| {
            if let Prediction::Wanted { index, document } = fate {
                found = Some((index.unwrap_or_default(), String::from_utf8_lossy(document).into_owned()));
            }
        })
        .unwrap();
    found
}

/// The translation, and its notes, of these filters with this id.
fn with_id(codec: &str, filters: &str, id: &str) -> (String, Vec<(Effect, String)>) {
    let text = format!(
        "input {{ s3 {{ bucket => b codec => {codec} }} }}\nfilter {{ {filters} }}\noutput {{ opensearch {{ index => i document_id => \"{id}\" }} }}"
    );
    let import = translated("x.conf", &text);
    (import.yaml.unwrap(), import.notes.into_iter().map(|note| (note.effect, note.text)).collect())
}

#[test]
fn only_a_checksum_of_the_record_is_an_id_by_content() {
    let target = "target => \"[@metadata][id]\"";
    let id = "%{[@metadata][id]}";
    for (codec, filters, is_content) in [
        (
            "plain",
            format!("fingerprint {{ source => message method => SHA256 {target} }} json {{ source => message }}"),
            true,
        ),
        ("plain", format!("fingerprint {{ source => message {target} }} json {{ source => message }}"), true),
        (
            "plain",
            format!("fingerprint {{ source => message method => UUID {target} }} json {{ source => message }}"),
            false,
        ),
        (
            "plain",
            format!("fingerprint {{ source => message method => PUNCTUATION {target} }} json {{ source => message }}"),
            false,
        ),
        ("json", format!("fingerprint {{ concatenate_all_fields => true method => UUID {target} }}"), false),
        // The time of reading is one of all fields, unless the event has its own.
        ("json", format!("fingerprint {{ concatenate_all_fields => true method => MD5 {target} }}"), false),
        (
            "json",
            format!(
                "date {{ match => [t, UNIX] }} fingerprint {{ concatenate_all_fields => true method => MD5 {target} }}"
            ),
            true,
        ),
    ] {
        let (yaml, notes) = with_id(codec, &filters, id);
        assert!(yaml.contains("    id: content\n") == is_content && !yaml.contains("id: {"), "{filters}: {yaml}");
        assert_listed(&notes, Effect::Differs, "document_id");
    }
    for method in ["PUNCTUATION", "IPV4_NETWORK", "UUID"] {
        let (yaml, notes) = with_id("json", &format!("fingerprint {{ source => a method => {method} {target} }}"), id);
        assert!(!yaml.contains("    id:"), "{yaml}");
        assert!(notes.iter().all(|(_, text)| !text.contains("checksum of")), "{notes:?}");
    }
}

#[test]
fn a_field_that_is_not_made_is_no_id() {
    for (filters, id) in [
        ("fingerprint { source => a }", "%{fingerprint}"),
        ("fingerprint { source => a }", "%{[event][hash]}"),
        ("uuid { target => u }", "%{u}"),
        ("mutate { lowercase => [a] }", "%{a}"),
        ("ruby { code => x }", "%{a}"),
    ] {
        let (yaml, notes) = with_id("json", filters, id);
        assert!(!yaml.contains("    id:"), "{filters}: {yaml}");
        assert_listed(&notes, Effect::Differs, "may be changed by");
    }
}

#[test]
fn an_offset_is_read_in_each_notation_that_logstash_reads() {
    for pattern in ["yyyy-MM-dd'T'HH:mm:ss.SSSZ", "yyyy-MM-dd'T'HH:mm:ss.SSSZZ"] {
        let filters = format!("date {{ match => [t, \"{pattern}\"] }}");
        let (yaml, notes) = notes(S3, &filters, "i-%{+YYYY.MM.dd}");
        for (offset, hour) in [("Z", "10"), ("+0900", "01"), ("+09:00", "01"), ("-01:00", "11")] {
            let (index, document) = indexed(&yaml, &format!("{{\"t\":\"2026-11-27T10:00:00.123{offset}\"}}")).unwrap();
            assert!(document.contains(&format!("2026-11-27T{hour}:00:00.123Z")), "{offset}: {document}");
            assert_eq!(index, "i-2026.11.27");
        }
        assert_listed(&notes, Effect::Assumed, "whatever the notation of its offset");
    }
    // A text in `Z` is not one of the zone.
    let filters = "date { match => [t, \"HH:mm dd.MM.yyyy\", \"yyyy-MM-dd HH:mm:ss Z\"] timezone => \"Asia/Seoul\" }";
    let (yaml, _) = notes(S3, filters, "i");
    let (_, document) = indexed(&yaml, "{\"t\":\"2026-11-27 10:00:00 Z\"}").unwrap();
    assert!(!document.contains("2026-11-27T01:00:00"), "{document}");
}

#[test]
fn the_digits_of_a_pattern_are_those_that_a_time_is_taken_to_have() {
    let filters = "date { match => [t, \"yyyy-MM-dd HH:mm:ss.SSS\"] target => u }";
    assert_listed(&notes(S3, filters, "i").1, Effect::Assumed, "at most as many digits as it has `S`");
    let filters = "date { match => [t, \"dd/MM/yy\"] target => u }";
    assert_listed(&notes(S3, filters, "i").1, Effect::Assumed, "is taken to be written as Logstash would write it");
}

#[test]
fn the_index_of_an_output_without_one_is_listed_unless_it_is_logstashs() {
    let effects = |output: &str| {
        let import = translated("x.conf", &format!("input {{ {S3} }} output {{ {output} }}"));
        assert!(import.yaml.as_ref().unwrap().contains("index: logstash-%{+YYYY.MM.dd}"), "{import:?}");
        let notes = import.notes.into_iter().filter(|note| note.text.starts_with("no `index`"));
        notes.map(|note| note.effect).collect::<Vec<_>>()
    };
    for output in [
        "elasticsearch { }",
        "elasticsearch { ilm_enabled => false }",
        "elasticsearch { ilm_enabled => false data_stream => false }",
        "opensearch { }",
    ] {
        assert_eq!(effects(output), [Effect::Differs], "{output}");
    }
    for output in [
        "elasticsearch { ilm_enabled => false data_stream => false ecs_compatibility => disabled }",
        "opensearch { ecs_compatibility => disabled }",
        "amazon_es { }",
    ] {
        assert_eq!(effects(output), [Effect::None], "{output}");
    }
}

#[test]
fn documents_that_logstash_writes_besides_are_lost() {
    let drops = |filters: &str, outputs: &str| {
        let import = translated("x.conf", &format!("input {{ {S3} }} filter {{ {filters} }} output {{ {outputs} }}"));
        import.losses().any(|note| note.effect == Effect::Drops)
    };
    assert!(drops("clone { clones => [c] }", "opensearch { index => i }"));
    for outputs in [
        "opensearch { index => i } opensearch { index => j }",
        "if [a] == \"x\" { opensearch { index => i } } opensearch { index => j }",
        "if [a] == \"x\" { opensearch { index => i } } if [b] == \"x\" { opensearch { index => j } }",
        "if [a] { opensearch { index => i } } if [b] { opensearch { index => j } }",
        "if \"a\" in [tags] { opensearch { index => i } } if \"b\" in [tags] { opensearch { index => j } }",
        "if [n] > 5 { opensearch { index => i } } if [n] > 3 { opensearch { index => j } }",
    ] {
        assert!(drops("", outputs), "{outputs}");
    }
    for outputs in [
        "opensearch { index => i }",
        "if [a] == \"x\" { opensearch { index => i } } else { opensearch { index => j } }",
        "if [a] == \"x\" and [b] { opensearch { index => i } } else { opensearch { index => j } }",
        "if [a] == \"x\" or [b] == \"y\" { opensearch { index => i } } else if [c] == \"x\" { opensearch { index => j } }",
        "if [a] == \"x\" { opensearch { index => i } } if [a] == \"y z\" { opensearch { index => j } }",
        "if [n] == 5 { opensearch { index => i } } if [n] == 6 { opensearch { index => j } }",
    ] {
        assert!(!drops("", outputs), "{outputs}");
    }
}
