use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use super::*;
use crate::decode::Decoder;

fn shaped(json: &str, drop: &[&str]) -> Option<String> {
    let shape = Shape::drop_fields(drop.iter().map(|path| Path::parse(path).unwrap()).collect());
    let mut decoder = Decoder::new();
    let parsed = decoder.decode(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    let mut out = b"left over".to_vec();
    let shaped = shape.apply(&parsed.event(), &mut out).map(<[u8]>::to_vec);
    shaped.map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn members_are_cut_out_and_the_rest_keeps_its_bytes() {
    for (json, drop, expected) in [
        (r#"{"a":1,"b":2,"c":3}"#, &["a"][..], r#"{"b":2,"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["b"], r#"{"a":1,"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["c"], r#"{"a":1,"b":2}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["a", "b"], r#"{"c":3}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["b", "c"], r#"{"a":1}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["a", "c"], r#"{"b":2}"#),
        (r#"{"a":1,"b":2,"c":3}"#, &["c", "b", "a"], "{}"),
        (r#"{ "a" : 1 , "b" : 2 }"#, &["b"], r#"{ "a" : 1 }"#),
        (
            r#"{"x":1.00,"y":"\u00e9\/","d":{"e":[1,{"f":2}]},"z":12345678901234567890}"#,
            &["d"],
            r#"{"x":1.00,"y":"\u00e9\/","z":12345678901234567890}"#,
        ),
        (r#"{"a":{"b":1,"c":2},"d":[{"b":1}]}"#, &["a.b"], r#"{"a":{"c":2},"d":[{"b":1}]}"#),
        (r#"{"a":{"b":1}}"#, &["a.b"], r#"{"a":{}}"#),
        (r#"{"a":[{"b":1,"c":2},[{"b":3}],4,{"c":5}]}"#, &["a.b"], r#"{"a":[{"c":2},[{}],4,{"c":5}]}"#),
        (r#"{"a.b":1,"a":{"b":2,"b.c":3}}"#, &["a.b"], r#"{"a":{"b.c":3}}"#),
        (r#"{"a":{"b.c":3,"b":{"c":1,"d":2}}}"#, &["a.b.c"], r#"{"a":{"b":{"d":2}}}"#),
        (r#"{"a":{"b":1},"c":2}"#, &["a", "a.b"], r#"{"c":2}"#),
        (r#"{"a":1,"a":2,"b":3}"#, &["a"], r#"{"b":3}"#),
        (r#"{"a":{"x":1,"y":2},"a-b":3,"a.x":4}"#, &["a.x", "a-b", "a.y"], r#"{"a":{}}"#),
        (r#"{"\u0061":1,"b":2}"#, &["a"], r#"{"b":2}"#),
        (r#"{"a":"}{,\"","b":[[],{},""],"c":1}"#, &["a"], r#"{"b":[[],{},""],"c":1}"#),
        (r#"[{"a":1,"b":2}]"#, &["a"], r#"[{"b":2}]"#),
    ] {
        assert_eq!(shaped(json, drop).as_deref(), Some(expected), "{json} without {drop:?}");
    }
}

#[test]
fn an_event_without_the_fields_is_untouched() {
    for json in [r#"{"b":1,"ab":2,"c":{"a":1}}"#, "{}", r#"{"a":[1,[2]]}"#, "[]", "7", r#"{"d":{"e":{}}}"#] {
        assert_eq!(shaped(json, &["a.x", "d.f", "a.b.c"]), None, "{json}");
    }
    assert!(Shape::default().is_identity() && Shape::drop_fields(Vec::new()).is_identity());
    assert_eq!(shaped(r#"{"a":1}"#, &[]), None);
}

/// What the splices have to amount to, on a tree.
fn without(value: &Json, prefix: &str, drop: &[&str]) -> Json {
    match value {
        Json::Object(members) => {
            let kept = members.iter().filter_map(|(key, member)| {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                (!drop.contains(&path.as_str())).then(|| (key.clone(), without(member, &path, drop)))
            });
            Json::Object(kept.collect::<Map<_, _>>())
        }
        Json::Array(elements) => elements.iter().map(|element| without(element, prefix, drop)).collect(),
        other => other.clone(),
    }
}

fn json() -> impl Strategy<Value = Json> {
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
fn spaced(value: &Json, space: &str) -> String {
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

proptest! {
    #[test]
    fn dropping_by_splices_equals_dropping_from_a_tree(
        value in json(),
        space in "[ \t\n]{0,3}",
        drop in prop::collection::vec("[abc](\\.[abc]){0,3}", 0..5),
    ) {
        let drop: Vec<&str> = drop.iter().map(String::as_str).collect();
        let text = spaced(&value, &space);
        let expected = without(&value, "", &drop);
        if let Some(out) = shaped(&text, &drop) {
            prop_assert_eq!(serde_json::from_str::<Json>(&out).unwrap(), expected.clone(), "{} -> {}", text, out);
            prop_assert_ne!(&expected, &value);
            // Without its white space the rest is, byte for byte, what the untouched members are.
            if space.is_empty() {
                prop_assert_eq!(out, spaced(&expected, ""));
            }
        } else { prop_assert_eq!(expected, value) }
    }
}
