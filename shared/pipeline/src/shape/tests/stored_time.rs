use super::*;

const MADE: &str = r#""@timestamp":"1970-01-01T00:00:00.000Z""#;

/// The document of an event in a data stream, whose time is the year 1970.
fn in_stream(rules: Vec<FieldRule>, json: &str) -> String {
    let shape = Shape::new(rules, HashKey::new(KEY).ok().as_ref()).unwrap().with_event_time();
    shaped(shape.rules(), json).unwrap_or_else(|| json.to_owned())
}

#[test]
fn a_document_of_a_data_stream_has_a_time_that_the_engine_reads_as_the_pipeline_does() {
    for own in [
        r#""2026-11-22T10:00:00.123Z""#,
        r#""2026-11-22T10:00:00.123456789+09:00""#,
        r#""2026-11-22 10:00:00""#,
        "1795348923456",
    ] {
        let event = format!(r#"{{"@timestamp":{own},"a":1}}"#);
        assert_eq!(in_stream(Vec::new(), &event), event);
    }
    for other in
        ["null", "true", r#""soon""#, r#""""#, "1795348923", r#""1795348923456""#, "1795348923456.5", "[1]", "{}", "-1"]
    {
        let event = format!(r#"{{"a":1,"@timestamp":{other}}}"#);
        let document = in_stream(Vec::new(), &event);
        assert!(document.contains(MADE) && document.contains(r#""a":1"#), "{event}: {document}");
        assert_eq!(document.matches("@timestamp").count(), 1, "{event}: {document}");
    }
    assert_eq!(in_stream(Vec::new(), r#"{"a":1}"#), format!(r#"{{"a":1,{MADE}}}"#));
    assert_eq!(in_stream(Vec::new(), "{}"), format!("{{{MADE}}}"));
}

#[test]
fn a_time_that_the_rules_leave_out_or_move_is_made_again() {
    let event = r#"{"@timestamp":"2026-11-22T10:00:00Z","a":1}"#;
    let stays = |rules: Vec<FieldRule>| in_stream(rules, event).contains(r#""@timestamp":"2026"#);
    for rules in [
        vec![drop("@timestamp")],
        vec![drop("@*")],
        vec![keep("a")],
        vec![rename("@timestamp", "sent")],
        vec![rename("@timestamp", "times.sent")],
        vec![hash("@timestamp")],
    ] {
        let document = in_stream(rules.clone(), event);
        assert!(document.contains(MADE) && !stays(rules.clone()), "{rules:?}: {document}");
    }
    for rules in [vec![drop("a")], vec![keep("@timestamp")], vec![keep("@*")], vec![rename("a", "b")]] {
        assert!(stays(rules.clone()), "{rules:?}");
    }
}

#[test]
fn a_rule_that_makes_the_time_is_left_as_it_is() {
    let rules = vec![date("@timestamp", "t", &["auto"])];
    assert_eq!(
        in_stream(rules.clone(), r#"{"t":1795348923456}"#),
        r#"{"t":1795348923456,"@timestamp":"2026-11-22T12:02:03.456Z"}"#
    );
    for rules in [rules, vec![rename("t", "@timestamp")], vec![add("@timestamp", "%{t}")]] {
        assert_eq!(in_stream(rules, r#"{"a":1}"#), r#"{"a":1}"#, "the engine refuses it");
    }
}

#[test]
fn the_time_of_a_lifted_object_counts_and_that_of_the_event_around_it_does_not() {
    let rules = || vec![FieldRule::Lift(path("p.after"))];
    let inner = r#"{"p":{"after":{"@timestamp":"2026-11-22T10:00:00Z","a":1}}}"#;
    assert_eq!(in_stream(rules(), inner), r#"{"@timestamp":"2026-11-22T10:00:00Z","a":1}"#);
    let outer = r#"{"@timestamp":"2026-11-22T10:00:00Z","p":{"after":{"a":1}}}"#;
    assert_eq!(in_stream(rules(), outer), format!(r#"{{"a":1,{MADE}}}"#));
    let plain = r#"{"@timestamp":"2026-11-22T10:00:00Z","p":{"after":null}}"#;
    assert_eq!(in_stream(rules(), plain), plain);
}
