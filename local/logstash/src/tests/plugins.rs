//! Values of options of filters and outputs: each is exact, or listed.

use super::{Effect, kinds::assert_listed, translated};

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
