use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use super::*;
use crate::decode::{
    Decoder,
    tests::{json, spaced},
};
use crate::record::{ItemPosition, Origin};
use crate::route::{Timestamp, TimestampFormat};

mod lift;
mod stored_time;

const KEY: &[u8; 16] = b"0123456789abcdef";

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn drop(text: &str) -> FieldRule {
    FieldRule::Drop(NamePattern::parse(text).unwrap())
}

fn keep(text: &str) -> FieldRule {
    FieldRule::Keep(NamePattern::parse(text).unwrap())
}

fn rename(from: &str, to: &str) -> FieldRule {
    FieldRule::Rename { from: path(from), to: path(to) }
}

fn hash(text: &str) -> FieldRule {
    FieldRule::Hash(path(text))
}

fn make(to: &str, from: Making) -> FieldRule {
    FieldRule::Make { to: path(to), from }
}

/// A constant if `text` is JSON, otherwise a text with fields.
fn add(to: &str, text: &str) -> FieldRule {
    let template = Template::parse(text).unwrap();
    make(to, template.map_or_else(|| Making::Constant(text.into()), Making::Template))
}

fn geo(to: &str) -> FieldRule {
    make(to, Making::GeoPoint { lat: path("lat"), lon: path("lon") })
}

fn date(to: &str, from: &str, formats: &[&str]) -> FieldRule {
    let formats = formats.iter().map(|format| TimestampFormat::parse(format).unwrap()).collect();
    make(to, Making::Date(Timestamp::new(path(from), formats)))
}

/// The result of the rules for an event, and the number of values that they could not make.
fn shaped_and_left_out(rules: &[FieldRule], json: &str) -> (Option<String>, u64) {
    let shape = Shape::new(rules.to_vec(), HashKey::new(KEY).ok().as_ref()).unwrap();
    let mut decoder = Decoder::new();
    let parsed = decoder.decode(json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    let origin = Origin::s3("b", "k\"1", "e");
    // A scratch that still contains data from an earlier event.
    let mut scratch = ShapeScratch { out: b"left over".to_vec(), ..ShapeScratch::default() };
    let other = Shape::new(vec![add("x.y", "1"), rename("a", "b.c"), add("z", "%{a}")], None).unwrap();
    other.apply(&parsed.event(), origin.at(ItemPosition::default()), &mut scratch);
    scratch.take_left_out();
    let position = origin.at(ItemPosition { offset: 7, ..ItemPosition::default() });
    let shaped = shape.apply(&parsed.event(), position, &mut scratch).map(<[u8]>::to_vec);
    (shaped.map(|bytes| String::from_utf8(bytes).unwrap()), scratch.take_left_out())
}

fn shaped(rules: &[FieldRule], json: &str) -> Option<String> {
    shaped_and_left_out(rules, json).0
}

#[track_caller]
fn check(cases: &[(&[FieldRule], &str, &str)]) {
    for (rules, json, expected) in cases {
        let (shaped, left_out) = shaped_and_left_out(rules, json);
        assert_eq!((shaped.as_deref().unwrap_or(json), left_out), (*expected, 0), "{json} by {rules:?}");
        assert!(serde_json::from_str::<Json>(expected).is_ok(), "{expected}");
    }
}

#[test]
fn members_are_cut_out_and_the_rest_keeps_its_bytes() {
    for (json, dropped, expected) in [
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
        (r#"{"a_tmp":1,"b":2,"c":{"x_tmp":3}}"#, &["*_tmp"], r#"{"b":2,"c":{"x_tmp":3}}"#),
        (r#"{"a":{"k1":1,"k22":2},"b":{"k3":3}}"#, &["*.k?"], r#"{"a":{"k22":2},"b":{}}"#),
        (r#"{"a.k1":1,"a":{"k.x":1,"k1":2},"*":3}"#, &["a.k*"], r#"{"a":{"k.x":1},"*":3}"#),
        (r#"{"*":3,"a":4}"#, &[r"\*"], r#"{"a":4}"#),
    ] {
        let rules: Vec<_> = dropped.iter().map(|name| drop(name)).collect();
        assert_eq!(shaped(&rules, json).as_deref(), Some(expected), "{json} without {dropped:?}");
    }
}

#[test]
fn fields_that_no_name_keeps_are_left_out() {
    check(&[
        (&[keep("a"), keep("c")], r#"{"a":1,"b":2,"c":{"d":3}}"#, r#"{"a":1,"c":{"d":3}}"#),
        (&[keep("a")], r#"{"b":2}"#, "{}"),
        (&[keep("a.b")], r#"{"a":{"b":1.0,"c":2},"d":{"b":3}}"#, r#"{"a":{"b":1.0}}"#),
        // Objects on the way to a kept field stay, even if empty. Other values go.
        (&[keep("a.b")], r#"{"a":{"c":2}}"#, r#"{"a":{}}"#),
        (&[keep("a.b")], r#"{"a":[1,{"b":2,"c":3},[{"b":4}],"x",{}]}"#, r#"{"a":[{"b":2},[{"b":4}],{}]}"#),
        (&[keep("a.b")], r#"{"a.b":1,"a":{"b":2}}"#, r#"{"a.b":1,"a":{"b":2}}"#),
        (&[keep("a.*"), keep("u?")], r#"{"a":{"x":1},"u1":2,"u22":3}"#, r#"{"a":{"x":1},"u1":2}"#),
        (&[keep("*.x")], r#"{"a":{"x":1,"y":2},"b":{"y":3}}"#, r#"{"a":{"x":1},"b":{}}"#),
        // `drop` wins, even if the `keep` is more exact.
        (&[keep("a"), drop("a.b")], r#"{"a":{"b":1,"c":2},"d":3}"#, r#"{"a":{"c":2}}"#),
        (&[keep("a.b"), drop("a")], r#"{"a":{"b":1}}"#, "{}"),
        (&[keep("*")], r#"{"a":1}"#, r#"{"a":1}"#),
    ]);
}

#[test]
fn a_name_is_changed_where_it_stands() {
    check(&[
        (&[rename("a", "b")], r#"{"x":0, "a" : 1.0 ,"c":2}"#, r#"{"x":0, "b" : 1.0 ,"c":2}"#),
        (&[rename("a", "b")], r#"{"b":7,"a":1}"#, r#"{"a":1}"#.replace('a', "b").as_str()),
        (&[rename("a", "b")], r#"{"b":7}"#, r#"{"b":7}"#),
        (&[rename("a", "b"), rename("b", "a")], r#"{"a":1,"b":2}"#, r#"{"b":1,"a":2}"#),
        (&[rename("a", "b"), rename("b", "c")], r#"{"a":1,"b":2,"c":3}"#, r#"{"b":1,"c":2}"#),
        (&[rename("a.b", "a.c")], r#"{"a":{"b":1},"a.b":2}"#, r#"{"a":{"c":1},"a.c":2}"#),
        (&[rename("a.b", "a.c")], r#"{"a":[{"b":1,"c":2},{"b":3}]}"#, r#"{"a":[{"c":1},{"c":3}]}"#),
        (&[rename("a", "é\"")], r#"{"a":1}"#, r#"{"é\"":1}"#),
        (&[rename("a", "b"), drop("a.x")], r#"{"a":{"x":1,"y":2}}"#, r#"{"b":{"y":2}}"#),
        (&[rename("a", "b"), keep("c")], r#"{"a":{"x":1},"d":2}"#, r#"{"b":{"x":1}}"#),
        (&[rename("a", "b"), drop("a")], r#"{"a":1}"#, r#"{"b":1}"#),
    ]);
}

#[test]
fn a_value_moves_to_another_object() {
    check(&[
        (&[rename("a", "b.c")], r#"{"a":{"x":1.0},"b":{"d":2}}"#, r#"{"b":{"d":2,"c":{"x":1.0}}}"#),
        (&[rename("a", "b.c")], r#"{"a":1}"#, r#"{"b":{"c":1}}"#),
        (&[rename("a.b", "c")], r#"{"a":{"b":1,"d":2},"c":3}"#, r#"{"a":{"d":2},"c":1}"#),
        (&[rename("a.b", "c")], r#"{"a":{"b":[1, 2]}}"#, r#"{"a":{},"c":[1, 2]}"#),
        (&[rename("a", "x.b"), rename("x.b", "a")], r#"{"a":1,"x":{"b":2}}"#, r#"{"a":2,"x":{"b":1}}"#),
        (&[rename("a.b", "c"), drop("a.b.x")], r#"{"a":{"b":{"x":1,"y":2}}}"#, r#"{"a":{},"c":{"y":2}}"#),
        (&[rename("a.b", "c"), drop("a")], r#"{"a":{"b":1,"d":2}}"#, r#"{"c":1}"#),
        (&[rename("t", "u"), add("t", "1")], r#"{"t":2}"#, r#"{"t":1,"u":2}"#),
        // A field in the objects of an array has several values, so it cannot move.
        (&[rename("a.b", "c")], r#"{"a":[{"b":1}]}"#, r#"{"a":[{"b":1}]}"#),
    ]);
}

#[test]
fn what_is_added_replaces_what_is_there_or_comes_last() {
    check(&[
        (&[add("a", "\"x\"")], "{}", r#"{"a":"x"}"#),
        (&[add("a", "[1,{}]")], r#"{ "b" : 1 }"#, r#"{ "b" : 1 ,"a":[1,{}]}"#),
        (&[add("a", "1")], r#"{"a":{"b":2},"c":3}"#, r#"{"a":1,"c":3}"#),
        (&[add("a", "1")], r#"{"a":2,"a":3,"c":3}"#, r#"{"a":1,"c":3}"#),
        (&[add("a.b.c", "1"), add("a.b.d", "2")], r#"{"x":0}"#, r#"{"x":0,"a":{"b":{"c":1,"d":2}}}"#),
        (&[add("a.b.c", "1")], r#"{"a":{"x":0},"y":1}"#, r#"{"a":{"x":0,"b":{"c":1}},"y":1}"#),
        (&[add("a.b", "1")], r#"{"a.b":2}"#, r#"{"a.b":1}"#),
        (
            &[add("a", "%{b}/%{c.d}")],
            r#"{"b":"\u00e9\"","c":{"d":1.50}}"#,
            r#"{"b":"\u00e9\"","c":{"d":1.50},"a":"é\"/1.50"}"#,
        ),
        (&[add("a", "%{b}")], r#"{"b":true}"#, r#"{"b":true,"a":"true"}"#),
        (&[add("a", "%{b}")], r#"{"b":null,"a":1}"#, r#"{"b":null,"a":1}"#),
        (&[add("a", "%{b}")], r#"{"a":1}"#, r#"{"a":1}"#),
        // Rules read the received event: a field has its old name, and is available even if it is dropped.
        (&[add("a", "%{b}"), rename("b", "c"), drop("b")], r#"{"b":"x"}"#, r#"{"c":"x","a":"x"}"#),
        (&[add("a", "1"), keep("c")], r#"{"b":"x"}"#, r#"{"a":1}"#),
        (&[add("a.b", "1"), keep("c")], r#"{"a":{"x":0}}"#, r#"{"a":{"b":1}}"#),
    ]);
}

#[test]
fn a_value_that_cannot_be_made_is_counted() {
    for (rules, json, expected) in [
        (&[add("a.b", "1")][..], r#"{"a":7}"#, None),
        (&[add("a.b", "1")], r#"{"a":[{"b":2}]}"#, None),
        (&[add("a.b", "1"), add("c", "1")], r#"{"a":"x"}"#, Some(r#"{"a":"x","c":1}"#)),
        // The value stays where it was.
        (&[add("a", "%{b}")], r#"{"b":{"c":1}}"#, None),
    ] {
        assert_eq!(shaped_and_left_out(rules, json), (expected.map(Into::into), 1), "{json}");
    }
}

/// HMAC-SHA-256 of a value under [`KEY`].
fn hmac(value: &str) -> String {
    let mut out = Vec::new();
    HashKey::new(KEY).unwrap().write(value.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_hashed_value_appears_only_as_its_hash() {
    let (x, one) = (hmac("x"), hmac("1.0"));
    check(&[
        (&[hash("a")], r#"{"a":"x" ,"b":1}"#, &format!(r#"{{"a":"{x}" ,"b":1}}"#)),
        (&[hash("a")], r#"{"a":"\u0078","a":1.0}"#, &format!(r#"{{"a":"{x}","a":"{one}"}}"#)),
        (&[hash("a")], r#"{"a":null,"b":"x"}"#, r#"{"a":null,"b":"x"}"#),
        (&[hash("a")], r#"{"a":true}"#, &format!(r#"{{"a":"{}"}}"#, hmac("true"))),
        // Every value within it, one by one.
        (&[hash("a")], r#"{"a":{"b":"x","c":[1.0]}}"#, &format!(r#"{{"a":{{"b":"{x}","c":["{one}"]}}}}"#)),
        (
            &[hash("a.b")],
            r#"{"a":[{"b":"x"},{"c":"x"}],"a.b":"x"}"#,
            &format!(r#"{{"a":[{{"b":"{x}"}},{{"c":"x"}}],"a.b":"{x}"}}"#),
        ),
        // By its old name or its new name, in its object or elsewhere.
        (&[hash("a"), rename("a", "b")], r#"{"a":"x"}"#, &format!(r#"{{"b":"{x}"}}"#)),
        (&[hash("b"), rename("a", "b")], r#"{"a":"x"}"#, &format!(r#"{{"b":"{x}"}}"#)),
        (&[hash("a"), rename("a", "b.c")], r#"{"a":"x"}"#, &format!(r#"{{"b":{{"c":"{x}"}}}}"#)),
        (&[hash("b.c"), rename("a", "b.c")], r#"{"a":"x"}"#, &format!(r#"{{"b":{{"c":"{x}"}}}}"#)),
        (&[hash("a"), rename("a.c", "b")], r#"{"a":{"c":"x"}}"#, &format!(r#"{{"a":{{}},"b":"{x}"}}"#)),
        (&[hash("a.c"), rename("a", "b.d")], r#"{"a":{"c":"x"}}"#, &format!(r#"{{"b":{{"d":{{"c":"{x}"}}}}}}"#)),
        // Also in a text.
        (&[hash("a"), add("b", "u-%{a}")], r#"{"a":"x"}"#, &format!(r#"{{"a":"{x}","b":"u-{x}"}}"#)),
        (&[hash("a"), drop("a"), add("b", "%{a.c}")], r#"{"a":{"c":"x"}}"#, &format!(r#"{{"b":"{x}"}}"#)),
        (&[hash("a"), keep("a.*")], r#"{"a":{"c":"x"}}"#, &format!(r#"{{"a":{{"c":"{x}"}}}}"#)),
    ]);
    assert_eq!(Shape::new(vec![hash("a")], None).map(|_| ()), Err(NoKey));
    let shape = Shape::new(vec![hash("a.b"), rename("x", "a.b")], HashKey::new(KEY).ok().as_ref()).unwrap();
    for (field, expected) in [("a.b", true), ("a.b.c", true), ("x", true), ("x.y", true), ("a", false), ("a.bc", false)]
    {
        assert_eq!(shape.hashes(&path(field)), expected, "{field}");
    }
}

#[test]
fn a_point_is_made_of_two_coordinates() {
    check(&[
        (
            &[geo("at")],
            r#"{"lat":35.60,"lon":"139.7"}"#,
            r#"{"lat":35.60,"lon":"139.7","at":{"lat":35.60,"lon":139.7}}"#,
        ),
        (&[geo("at")], r#"{"lat":-90,"lon":180}"#, r#"{"lat":-90,"lon":180,"at":{"lat":-90,"lon":180}}"#),
        (&[geo("at")], r#"{"x":1}"#, r#"{"x":1}"#),
        (&[geo("at")], r#"{"lat":null,"lon":null}"#, r#"{"lat":null,"lon":null}"#),
        (&[geo("at"), drop("l*")], r#"{"lat":1,"lon":2}"#, r#"{"at":{"lat":1,"lon":2}}"#),
        (&[geo("lat")], r#"{"lat":1,"lon":2}"#, r#"{"lat":{"lat":1,"lon":2},"lon":2}"#),
    ]);
    for json in [
        r#"{"lat":90.01,"lon":0}"#,
        r#"{"lat":0,"lon":-180.5}"#,
        r#"{"lat":1}"#,
        r#"{"lat":1,"lon":null}"#,
        r#"{"lat":"north","lon":0}"#,
        r#"{"lat":"NaN","lon":0}"#,
        r#"{"lat":"","lon":0}"#,
        r#"{"lat":true,"lon":0}"#,
        r#"{"lat":[1,2],"lon":0}"#,
        r#"{"lat":{},"lon":0}"#,
        r#"{"lat":1e999,"lon":0}"#,
    ] {
        if serde_json::from_str::<Json>(json).is_ok() {
            assert_eq!(shaped_and_left_out(&[geo("at")], json), (None, 1), "{json}");
        }
    }
}

#[test]
fn a_date_is_rfc_3339_whatever_it_was() {
    let formats = &["epoch_ms", "rfc3339", "%d/%b/%Y:%H:%M:%S %z"];
    check(&[
        (
            &[date("at", "t", formats)],
            r#"{"t":1795348923456}"#,
            r#"{"t":1795348923456,"at":"2026-11-22T12:02:03.456Z"}"#,
        ),
        (&[date("t", "t", formats)], r#"{"t":"22/Nov/2026:13:02:03 +0100"}"#, r#"{"t":"2026-11-22T12:02:03.000Z"}"#),
        (&[date("t", "t", formats)], r#"{"t":"2026-11-22 12:02:03"}"#, r#"{"t":"2026-11-22T12:02:03.000Z"}"#),
        (&[date("at", "t", formats)], r#"{"t":null}"#, r#"{"t":null}"#),
        (&[date("at", "t", formats)], "{}", "{}"),
    ]);
    // 1975 in milliseconds is not the year 6969 in seconds. The format with a likely result is used.
    let units = |formats| [date("t", "t", formats)];
    check(&[
        (&units(&["epoch_ms", "epoch_s"]), r#"{"t":157766400000}"#, r#"{"t":"1975-01-01T00:00:00.000Z"}"#),
        (&units(&["epoch_ms", "epoch_s"]), r#"{"t":1795348923}"#, r#"{"t":"2026-11-22T12:02:03.000Z"}"#),
        (&units(&["epoch_s", "epoch_ms"]), r#"{"t":1795348923456}"#, r#"{"t":"2026-11-22T12:02:03.456Z"}"#),
        (&units(&["epoch_s", "epoch_ms"]), r#"{"t":157766400}"#, r#"{"t":"1975-01-01T00:00:00.000Z"}"#),
    ]);
    for json in [r#"{"t":"yesterday"}"#, r#"{"t":true}"#, r#"{"t":{}}"#, r#"{"t":"22.11.2026"}"#] {
        assert_eq!(shaped_and_left_out(&[date("at", "t", formats)], json), (None, 1), "{json}");
    }
}

#[test]
fn an_event_contains_its_position() {
    let all = make("source", Making::Metadata(Metadata::All));
    let key = make("s3.key", Making::Metadata(Metadata::Member("key".into())));
    let offset = make("s3.offset", Making::Metadata(Metadata::Member("offset".into())));
    check(&[
        (&[all], "{}", r#"{"source":{"bucket":"b","key":"k\"1","etag":"e","offset":7}}"#),
        (&[key, offset], r#"{"a":1}"#, r#"{"a":1,"s3":{"key":"k\"1","offset":7}}"#),
    ]);
}

#[test]
fn an_event_without_the_fields_is_untouched() {
    let rules = [drop("a.x"), drop("d.f"), drop("a.b.c"), drop("zz*"), rename("old", "new"), hash("secret"), geo("at")];
    for json in [r#"{"b":1,"ab":2,"c":{"a":1}}"#, "{}", r#"{"a":[1,[2]]}"#, "[]", "7", r#"{"d":{"e":{}}}"#] {
        assert_eq!(shaped_and_left_out(&rules, json), (None, 0), "{json}");
    }
    assert!(Shape::default().is_identity() && Shape::new(Vec::new(), None).unwrap().is_identity());
    assert_eq!(shaped(&[], r#"{"a":1}"#), None);
}

/// The expected result of the splices, computed on a tree.
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

/// The same for a rename at the top level of the event, an added value and a hashed one.
fn remade(value: &Json) -> Json {
    let Json::Object(members) = value else { return value.clone() };
    let mut made = Map::new();
    for (key, member) in members {
        let taken = members.contains_key("a");
        match key.as_str() {
            "a" => drop_in(&mut made, "b", hashed(member)),
            "b" if taken => {}
            _ => drop_in(&mut made, key, member.clone()),
        }
    }
    drop_in(&mut made, "c", Json::from("x"));
    Json::Object(made)
}

fn drop_in(made: &mut Map<String, Json>, key: &str, value: Json) {
    made.insert(key.into(), value);
}

fn hashed(value: &Json) -> Json {
    match value {
        Json::Object(members) => members.iter().map(|(key, value)| (key.clone(), hashed(value))).collect(),
        Json::Array(elements) => elements.iter().map(hashed).collect(),
        Json::Null => Json::Null,
        Json::String(text) => hmac(text).into(),
        other => hmac(&other.to_string()).into(),
    }
}

proptest! {
    #[test]
    fn dropping_by_splices_equals_dropping_from_a_tree(
        value in json(),
        space in "[ \t\n]{0,3}",
        drops in prop::collection::vec("[abc](\\.[abc]){0,3}", 0..5),
    ) {
        let drops: Vec<&str> = drops.iter().map(String::as_str).collect();
        let rules: Vec<_> = drops.iter().map(|name| drop(name)).collect();
        let text = spaced(&value, &space);
        let expected = without(&value, "", &drops);
        if let Some(out) = shaped(&rules, &text) {
            prop_assert_eq!(serde_json::from_str::<Json>(&out).unwrap(), expected.clone(), "{} -> {}", text, out);
            prop_assert_ne!(&expected, &value);
            // Without white space, the result equals the unchanged members, byte for byte.
            if space.is_empty() {
                prop_assert_eq!(out, spaced(&expected, ""));
            }
        } else { prop_assert_eq!(expected, value) }
    }

    #[test]
    fn renaming_hashing_and_adding_by_splices_equals_doing_so_on_a_tree(value in json(), space in "[ \t\n]{0,3}") {
        let rules = [rename("a", "b"), hash("a"), add("c", "\"x\"")];
        let text = spaced(&value, &space);
        let out = shaped(&rules, &text).unwrap_or_else(|| text.clone());
        // Rules also apply to `a.b` as one key and to objects in arrays. This tree model does not support them.
        prop_assume!(value.is_object() && !text.contains("a.b"));
        prop_assert_eq!(serde_json::from_str::<Json>(&out).unwrap(), remade(&value), "{} -> {}", text, out);
    }

    #[test]
    fn whatever_the_rules_the_document_is_json(
        value in json(),
        rules in prop::collection::vec(any_rule(), 1..6),
    ) {
        let text = spaced(&value, " ");
        if let Some(out) = shaped(&rules, &text) {
            let decoded = serde_json::from_str::<Json>(&out);
            prop_assert!(decoded.is_ok(), "{} -> {}", text, out);
        }
    }
}

fn any_rule() -> impl Strategy<Value = FieldRule> {
    let name = "[abc*](\\.[abc?]){0,3}";
    let plain = "[abc](\\.[abc]){0,3}";
    prop_oneof![
        name.prop_map(|name| drop(&name)),
        name.prop_map(|name| keep(&name)),
        (plain, plain).prop_filter("its own name", |(from, to)| from != to).prop_map(|(from, to)| rename(&from, &to)),
        plain.prop_map(|name| hash(&name)),
        plain.prop_map(|name| add(&name, "[{}]")),
        (plain, plain).prop_map(|(to, from)| add(&to, &format!("%{{{from}}}"))),
    ]
}
