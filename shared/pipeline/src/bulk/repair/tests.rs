use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn error(reason: &str) -> ItemError {
    ItemError { error_type: "mapper_parsing_exception".into(), reason: reason.into(), caused_by: None }
}

fn parsed(form: Option<Vec<u8>>) -> Value {
    form.map_or(Value::Null, |form| serde_json::from_slice(&form).expect("JSON"))
}

/// The repairs of a document that is refused with these reasons, one after another, as they are sent.
fn forms(document: &str, reasons: &[&str], time: Option<&str>) -> Vec<Value> {
    let times: Vec<String> = time.into_iter().map(str::to_owned).collect();
    let mut repair = Repair::default();
    let mut forms = Vec::new();
    for reason in reasons {
        let Some(next) = repair.after(document, Some(&error(reason)), &times) else { break };
        forms.push(parsed(next.apply(document, "r", &times)));
        repair = next;
    }
    forms
}

#[test]
fn the_field_that_the_error_names_moves_as_it_is_written() {
    let document = r#"{"t":"2026-11-22T10:00:00Z", "n": 1.50, "o":{"n":[1, "x"],"s":"y"},"l.m":true,"a":[{"b":1}]}"#;
    for (reason, unmapped, rest) in [
        (
            "failed to parse field [n] of type [long] in document with id 'x'. Preview of field's value: '[o]'",
            r#"{"n":1.50}"#,
            json!({"o": {"n": [1, "x"], "s": "y"}, "l.m": true, "a": [{"b": 1}]}),
        ),
        (
            "mapper [o.n] cannot be changed from type [long] to [text]",
            r#"{"o.n":[1, "x"]}"#,
            json!({"n": 1.5, "o": {"s": "y"}, "l.m": true, "a": [{"b": 1}]}),
        ),
        (
            "object mapping for [o] tried to parse field [o] as object, but found a concrete value",
            r#"{"o":{"n":[1, "x"],"s":"y"}}"#,
            json!({"n": 1.5, "l.m": true, "a": [{"b": 1}]}),
        ),
        (
            "failed to parse [l.m]",
            r#"{"l.m":true}"#,
            json!({"n": 1.5, "o": {"n": [1, "x"], "s": "y"}, "a": [{"b": 1}]}),
        ),
        // Some elements of the array may be sound. They stay together.
        (
            "failed to parse field [a.b] of type [ip]",
            r#"{"a":[{"b":1}]}"#,
            json!({"n": 1.5, "o": {"n": [1, "x"], "s": "y"}, "l.m": true}),
        ),
    ] {
        let mut expected = rest;
        expected["t"] = json!("2026-11-22T10:00:00Z");
        expected[UNMAPPED] = json!(unmapped);
        expected[REASON] = json!("r");
        assert_eq!(forms(document, &[reason], Some("t")), [expected], "{reason}");
    }
}

#[test]
fn without_a_named_field_all_but_the_time_moves_as_it_came() {
    for (document, reason, time, rest) in [
        (r#"{"t":5, "n":1}"#, "failed to parse", Some("t"), json!({"t": 5})),
        (r#"{"n":1,"o":{"t":5,"x":2}}"#, "failed to parse field [m]", Some("o.t"), json!({"o": {"t": 5}})),
        (r#"{"o.t":5,"n":1}"#, "", Some("o.t"), json!({"o.t": 5})),
        (r#"{"n":1}"#, "", None, json!({})),
        // An event without a time has that of its record, which no field holds.
        (r#"{"n":1}"#, "", Some("t"), json!({})),
        // The time stays, even if the error names it, or what holds it.
        (r#"{"t":"x","n":1}"#, "failed to parse field [t] of type [date]", Some("t"), json!({"t": "x"})),
        (r#"{"o":{"t":5},"n":1}"#, "mapper [o] is [t]", Some("o.t"), json!({"o": {"t": 5}})),
        // Which of two members is meant, is not known. The engine refuses both.
        (r#"{"t":5,"n":1,"n":2}"#, "Duplicate field [n]", Some("t"), json!({"t": 5})),
        (r#"{"t":5,"s":"\ud800"}"#, "failed to parse field [x]", Some("t"), json!({"t": 5})),
    ] {
        let mut expected = rest;
        expected[UNMAPPED] = json!(document);
        expected[REASON] = json!("r");
        assert_eq!(forms(document, &[reason, reason], time), [expected], "{document}");
    }
}

#[test]
fn fields_move_one_after_another_and_then_all() {
    let document = r#"{"t":1,"a":1,"b":2,"c":3,"d":4,"e":5}"#;
    let reasons = ["[a]", "[a] [b]", "[c]", "[d]", "[e]"];
    let unmapped = [r#"{"a":1}"#, r#"{"a":1,"b":2}"#, r#"{"a":1,"b":2,"c":3}"#, document];
    let found: Vec<_> = forms(document, &reasons, Some("t")).iter().map(|form| form[UNMAPPED].clone()).collect();
    assert_eq!(found, unmapped);
}

#[test]
fn a_document_that_cannot_be_repaired_is_left() {
    for (document, time) in [
        (r#"{"_unmapped":"mine","n":1}"#, None),
        (r#"{"_ignored_reason":"mine","n":1}"#, None),
        (r#"{"n":1"#, Some("t")),
        ("[1]", None),
    ] {
        assert_eq!(forms(document, &["[n] and more", ""], time), Vec::<Value>::new(), "{document}");
    }
}

#[test]
fn a_name_that_is_no_text_and_a_member_written_with_escapes_stay_as_they_are() {
    let document = r#"{"\ud83d":1,"\u006e":"x","t":5}"#;
    let times = ["t".to_owned()];
    let repair = Repair::default().after(document, Some(&error("failed to parse field [n]")), &times).expect("a form");
    let form = String::from_utf8(repair.apply(document, "r", &times).expect("a form")).expect("text");
    assert_eq!(form, r#"{"\ud83d":1,"t":5,"_unmapped":"{\"n\":\"x\"}","_ignored_reason":"r"}"#);
}

#[test]
fn words_about_another_document_move_all() {
    let repair = Repair::default().after(r#"{"n":1}"#, None, &[]).expect("a form");
    assert!(repair.moves_all);
}

#[test]
fn the_first_of_the_times_that_is_there_stays() {
    let times = ["stored".to_owned(), "p.t".to_owned()];
    for (document, rest) in
        [(r#"{"stored":1,"p":{"t":2}}"#, json!({"stored": 1})), (r#"{"p":{"t":2,"n":1}}"#, json!({"p": {"t": 2}}))]
    {
        let repair = Repair::default().after(document, Some(&error("[p] and [p.t]")), &times).expect("a form");
        let mut form = parsed(repair.apply(document, "", &times));
        form.as_object_mut().expect("an object").retain(|name, _| !name.starts_with('_'));
        assert_eq!(form, rest, "{document}");
    }
}

#[test]
fn repairs_come_one_after_another() {
    let document = r#"{"a":1,"b":2,"c":3,"d":4}"#;
    let mut made = Vec::new();
    let mut repair = Repair::default();
    for name in ["[a]", "[b]", "[c]", "[d]"] {
        repair = repair.after(document, Some(&error(name)), &[]).expect("a form");
        made.push(repair.clone());
    }
    assert!(repair.moves_all);
    assert_eq!(repair.earlier().collect::<Vec<_>>(), made[..3]);
    assert_eq!(made[1].earlier().collect::<Vec<_>>(), made[..1]);
    assert!(repair.after(document, Some(&error("[d]")), &[]).is_none());
}

/// Not timed: with a cost that doubles with each level, or grows with the brackets of a value, it would never end.
#[test]
fn neither_depth_nor_brackets_in_an_error_make_a_repair_slow() {
    let path = format!("deep{}", ".a".repeat(30));
    let deep = format!(r#"{{"t":1,"deep":{}1{}}}"#, r#"{"a":"#.repeat(100), "}".repeat(100));
    let times = ["t".to_owned()];
    for reason in
        [format!("[{path}]"), format!("[deep{}]", ".a".repeat(90)), "[]".repeat(500_000), "[n.x]".repeat(200_000)]
    {
        let repair = Repair::default().after(&deep, Some(&error(&reason)), &times).expect("a form");
        assert!(repair.apply(&deep, &reason, &times).is_some());
    }
    let wide = format!(r#"{{"n":"{}"}}"#, "x".repeat(1 << 20));
    let reason = "[n.x]".repeat(200_000);
    assert!(Repair::default().after(&wide, Some(&error(&reason)), &times).expect("a form").moves_all);
}

#[test]
fn a_long_reason_is_cut_between_characters() {
    let form = Repair { fields: vec!["n".into()], moves_all: false }.apply(r#"{"n":1}"#, &"é".repeat(2_000), &[]);
    assert_eq!(parsed(form)[REASON].as_str().map(str::len), Some(MOST_REASON_BYTES));
}

/// Values with members of few names, so that they meet.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        "[ -~é\\n\"]{0,6}".prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]|[ab]\\.[ab]|t", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    /// The rest and the moved fields together are the document, and the time is in the rest.
    #[test]
    fn no_value_is_lost_or_changed_whatever_the_error_names(
        members in prop::collection::btree_map("[ab]|[ab]\\.[ab]|t", value(), 0..5),
        names in prop::collection::vec("[abt](\\.[abt]){0,2}", 0..6),
    ) {
        let document = Value::Object(members.into_iter().collect());
        let text = document.to_string();
        let reasons: Vec<String> = names.iter().map(|name| format!("[{name}] of type [long]")).collect();
        let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
        let time = document.get("t").map(|_| "t");
        for mut form in forms(&text, &reasons, time) {
            let unmapped = form[UNMAPPED].as_str().expect("a string").to_owned();
            let members = form.as_object_mut().expect("an object");
            members.remove(UNMAPPED);
            members.remove(REASON);
            if let Some(time) = document.get("t") {
                prop_assert_eq!(members.get("t"), Some(time));
            }
            if unmapped == text {
                prop_assert!(members.keys().all(|name| name == "t"));
                continue;
            }
            let moved: serde_json::Map<String, Value> = serde_json::from_str(&unmapped).expect("JSON");
            prop_assert!(!moved.is_empty());
            let mut counts = [&form, &Value::Object(moved.clone()), &document].map(leaves);
            let whole = counts[2].clone();
            let both = { let more = std::mem::take(&mut counts[1]); counts[0].extend(more); counts[0].sort(); counts[0].clone() };
            prop_assert_eq!(both, whole);
        }
    }
}

/// The leaves of a value, sorted. Empty objects are none, since a moved field leaves one.
fn leaves(value: &Value) -> Vec<String> {
    let mut all = match value {
        Value::Object(members) => members.values().flat_map(leaves).collect(),
        Value::Array(values) => values.iter().flat_map(leaves).collect(),
        other => vec![other.to_string()],
    };
    all.sort();
    all
}
