use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

fn decoded<R>(json: &str, look: impl FnOnce(&Event<'_>) -> R) -> R {
    let mut decoder = Decoder::new();
    let parsed = decoder.decode(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    look(&parsed.event())
}

fn text(json: &str, path: &str) -> Option<String> {
    let path = Path::parse(path).unwrap();
    decoded(json, |event| event.get(&path).map(|value| format!("{:?}", value.scalar())))
}

#[test]
fn a_path_leads_through_objects_arrays_and_literal_dots() {
    for json in [
        r#"{"x":1,"a":{"b":{"c":7}}}"#,
        r#"{"a.b":{"c":7}}"#,
        r#"{"a":{"b.c":7}}"#,
        r#"{"a.b.c":7}"#,
        r#"{"a":1,"a":{"b":{}},"a":[{"b":[]},{"b":[[{"c":7}]]}]}"#,
    ] {
        assert_eq!(text(json, "a.b.c").as_deref(), Some("Some(Number(Integer(7)))"), "{json}");
        assert_eq!(text(json, "a.b.d"), None, "{json}");
        assert_eq!(text(json, "b.c"), None, "{json}");
    }
    assert_eq!(text(r#"[{"a":1}]"#, "a"), None, "an event that is no object has no fields");
    assert_eq!(text(r#"{"a":[1]}"#, "a").as_deref(), Some("None"), "an array at the end is a value of its own");
}

#[test]
fn the_payload_is_never_touched_and_the_decoder_is_used_again() {
    let mut decoder = Decoder::new();
    let payload = r#"{"a":"\u00e9\/\n","b":[1,2]}"#.as_bytes().to_vec();
    let before = payload.clone();
    for _ in 0..3 {
        let parsed = decoder.decode(&payload).unwrap();
        assert_eq!(parsed.event().source, before);
        let path = Path::parse("a").unwrap();
        assert_eq!(parsed.event().get(&path).unwrap().scalar(), Some(Scalar::String("é/\n")));
        drop(parsed);
        assert!(decoder.decode(b"{\"a\":").is_err());
    }
}

#[test]
fn lone_surrogates_pass_and_whole_pairs_stay() {
    for (json, expected) in [
        (r#"{"a":"\ud83d"}"#, "\u{fffd}"),
        (r#"{"a":"x\udc00y"}"#, "x\u{fffd}y"),
        (r#"{"a":"\ud83d\ud83d\ude00"}"#, "\u{fffd}😀"),
        (r#"{"a":"\ud83d\\ude00"}"#, "\u{fffd}\\ude00"),
        (r#"{"a":"\\ud83d \uD83D"}"#, "\\ud83d \u{fffd}"),
        (r#"{"a":"\ud83d\n"}"#, "\u{fffd}\n"),
    ] {
        let path = Path::parse("a").unwrap();
        decoded(json, |event| {
            assert_eq!(event.get(&path).unwrap().scalar(), Some(Scalar::String(expected)), "{json}");
            assert_eq!(event.source, json.as_bytes());
        });
    }
    decoded(r#"{"\ud800":1}"#, |event| assert!(event.is_object()));
}

#[test]
fn a_refusal_names_its_type_and_place() {
    let deep = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let mut decoder = Decoder::new();
    for (payload, error_type, says) in [
        (b"{\"a\":}".to_vec(), "invalid_json", "column 6"),
        (b"{\"a\":1} 2".to_vec(), "invalid_json", "trailing"),
        (b"".to_vec(), "invalid_json", "EOF"),
        (b"   ".to_vec(), "invalid_json", "EOF"),
        (b"{\"a\":\"\\ud83d\",}".to_vec(), "invalid_json", "column 15"),
        (b"{\"a\":\"\xff\"}".to_vec(), "invalid_utf8", "byte 6"),
        (b"{\"a\":1e400}".to_vec(), "number_out_of_range", "range"),
        (deep(1100).into_bytes(), "too_deep", "1024"),
    ] {
        let error = decoder.decode(&payload).map(|_| ()).unwrap_err();
        let shown = String::from_utf8_lossy(&payload[..payload.len().min(40)]).into_owned();
        assert_eq!(error.error_type, error_type, "{shown}: {error:?}");
        assert!(error.reason.contains(says), "{shown}: {error:?}");
    }
    assert!(decoder.decode(deep(1000).as_bytes()).is_ok());
    assert!(decoder.decode(b"{\"a\":123456789012345678901234567890}").is_ok(), "integers of any length pass");
}

#[test]
fn structurals_are_the_offsets_of_the_tape() {
    decoded(r#" {"a" : [1 , true],"b":{}} "#, |event| {
        let characters: String = event.structurals.iter().map(|at| char::from(event.source[*at as usize])).collect();
        assert_eq!(characters, "{\":[1,t],\":{}}");
    });
}

#[test]
fn the_json_test_suite_is_judged_as_it_asks() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/json-test-suite/test_parsing");
    let mut decoder = Decoder::new();
    let (mut accepted, mut refused, mut free, mut wrong) = (0, 0, 0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let result = decoder.decode(&std::fs::read(&path).unwrap()).map(|_| ());
        match (name.get(..2), result) {
            (Some("y_"), Ok(())) => accepted += 1,
            (Some("n_"), Err(_)) => refused += 1,
            (Some("i_"), _) => free += 1,
            (_, result) => wrong.push(format!("{name}: {result:?}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(accepted > 90 && refused > 180 && free > 30, "the suite is not whole: {accepted} {refused} {free}");
}

/// Any JSON value, with keys and strings that look like syntax.
pub(crate) fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        "[a\",{}\\[\\]:\\\\é 1]{0,5}".prop_map(Json::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            3 => prop::collection::hash_map("[abc]|a\\.b|[{}\",]", inner.clone(), 0..5)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
            1 => prop::collection::vec(inner, 0..4).prop_map(Json::Array),
        ]
    })
}

/// Writes a value with white space wherever JSON allows it.
pub(crate) fn spaced(value: &Json, space: &str) -> String {
    match value {
        Json::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(key, member)| format!("{}{space}:{space}{}", Json::from(key.as_str()), spaced(member, space)))
                .collect();
            format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
        }
        Json::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(|element| spaced(element, space)).collect();
            format!("[{space}{}{space}]", elements.join(&format!("{space},{space}")))
        }
        other => other.to_string(),
    }
}
