use serde_json::json;

use super::*;
use crate::{admin::templates::Kind, stack::Stack};

fn made(yaml: &str, files: &[(&str, &str)]) -> Result<Vec<Template>, Vec<Fault>> {
    let key = pipeline::shape::HashKey::new(b"0123456789abcdef").ok();
    let datasets = Datasets::parse("pipeline.yaml", yaml, key.as_ref()).unwrap_or_else(|error| panic!("{error}"));
    templates(&datasets, &TemplateOwner::default(), |name| {
        let file = files.iter().find(|(file, _)| *file == name);
        file.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::Error::other("no such file"))
    })
}

const FULL: &str = r#"
datasets:
  - name: app
    from: { key: "a/**" }
    fields:
      rename: { t: "event.time" }
      hash: [adid]
      geo_point: { location: { lat: lat, lon: lon } }
      date: { "@timestamp": t }
    timestamp: { field: t, format: epoch_ms }
    index: logs-%{+YYYY.MM.dd}
    mapping: mappings/app.json
    shards: 3
    replicas: 0
    total_fields_limit: 2000
  - name: other
    from: { key: "b/**" }
    timestamp: when
    index: logs-%{+YYYY.MM.dd}
    mapping: mappings/other.json
    shards: 3
    on_conflict: keep
  - name: plain
    from: { key: "c/**" }
    index: plain
"#;

#[test]
fn a_template_follows_the_rules_and_keeps_the_users_mapping() {
    let app = r#"{"dynamic": false, "properties": {"adid": {"type": "text"}, "event": {"properties": {"name": {"type": "keyword"}}}}}"#;
    let other = r#"{"properties": {"when": {"type": "date_nanos"}}}"#;
    let made = made(FULL, &[("mappings/app.json", app), ("mappings/other.json", other)]).unwrap();
    let [template] = made.as_slice() else { panic!("datasets that say nothing get none: {made:?}") };
    assert_eq!((template.name.as_str(), template.pattern.as_str()), ("millrace-logs-x.x.x", "logs-*.*.*"));
    let body = template.body(Kind::Composable);
    assert_eq!(body["index_patterns"], json!(["logs-*.*.*"]));
    let settings =
        json!({ "index.number_of_shards": 3, "index.number_of_replicas": 0, "index.mapping.total_fields.limit": 2000 });
    assert_eq!(body["template"]["settings"], settings);
    let mappings = &body["template"]["mappings"];
    assert_eq!(mappings["dynamic"], false);
    let properties = &mappings["properties"];
    assert_eq!(properties["_unmapped"]["index"], false);
    assert_eq!(properties["_ignored_reason"]["type"], "keyword");
    assert_eq!(properties["adid"], json!({ "type": "text" }), "not a keyword: the user's word stands");
    assert_eq!(properties["event"]["properties"]["name"], json!({ "type": "keyword" }));
    let time = json!({ "type": "date", "format": "epoch_millis", "ignore_malformed": true });
    assert_eq!(properties["event"]["properties"]["time"], time, "where the rename puts it");
    assert_eq!(properties["location"], json!({ "type": "geo_point" }));
    assert_eq!(properties["@timestamp"], json!({ "type": "date" }));
    assert_eq!(properties["when"], json!({ "type": "date_nanos" }));
    assert_eq!(template.body(Kind::Legacy)["mappings"], *mappings, "the older API says the same");
}

#[test]
fn every_fault_is_named_at_once() {
    for (app, other, says) in [
        (r#"{"mappings": {}}"#, "{}", "mappings/app.json: has a `mappings`"),
        ("[]", "{}", "mappings/app.json: is not a JSON object"),
        ("{", "{}", "mappings/app.json: is not JSON"),
        (
            r#"{"properties": {"a": {"type": "text"}}}"#,
            r#"{"properties": {"a": {"type": "long"}}}"#,
            "mappings/other.json: contradicts `properties.a.type`",
        ),
    ] {
        let faults = made(FULL, &[("mappings/app.json", app), ("mappings/other.json", other)]).unwrap_err();
        let text: Vec<_> = faults.iter().map(|fault| format!("{}: {}", fault.place, fault.message)).collect();
        assert!(text.iter().any(|text| text.contains(says)), "{says}: {text:?}");
    }
    assert_eq!(made(FULL, &[]).unwrap_err().len(), 2, "both files are missing");
    let contradicting = FULL.replacen("shards: 3\n    replicas", "shards: 4\n    replicas", 1);
    let faults = made(&contradicting, &[("mappings/app.json", "{}"), ("mappings/other.json", "{}")]).unwrap_err();
    assert!(faults[0].message.contains("`shards: 3`, and 4 in the dataset `app` with the same indices"), "{faults:?}");
}

#[test]
fn a_field_of_its_own_kind_is_not_mapped_into_and_a_dotted_name_counts() {
    let yaml = "datasets:\n  - { name: a, from: { key: a }, timestamp: a.b, index: x, mapping: mappings/m.json }\n";
    for mapping in [r#"{"properties":{"a":{"type":"flat_object"}}}"#, r#"{"properties":{"a.b":{"type":"keyword"}}}"#] {
        let made = made(yaml, &[("mappings/m.json", mapping)]).unwrap();
        let mut expected: Value = serde_json::from_str(mapping).unwrap();
        expected["_meta"] = crate::admin::ownership::mark(&Stack::default());
        assert_eq!(made[0].body(Kind::Composable)["template"]["mappings"], expected);
    }
}

#[test]
fn a_format_without_words_is_a_note() {
    let yaml = "datasets:\n  - { name: a, from: { key: a }, timestamp: { field: t, format: \"%Y-%m-%d %H:%M:%S.%f\" }, index: x, shards: 1 }\n";
    let made = made(yaml, &[]).unwrap();
    assert!(made[0].notes[0].contains("no equivalent of the format"), "{:?}", made[0].notes);
}

#[test]
fn indices_that_are_deleted_one_day_are_marked_and_no_others_get_a_template_for_it() {
    let yaml = "datasets:\n  - { name: a, from: { key: a }, index: \"logs-%{+YYYY.MM.dd}\", retention: 3d }\n  - { name: b, from: { key: b }, index: \"b-%{+YYYY.MM.dd}\" }\n";
    let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap();
    let owner = TemplateOwner { stack: Stack::named("Web"), is_collection: false };
    let made = templates(&datasets, &owner, |_| Err(io::Error::other("no file"))).unwrap();
    let [template] = made.as_slice() else { panic!("`b` says nothing and is kept for ever: {made:?}") };
    assert!(template.is_for_the_mark());
    let mark = json!({ "_meta": { "millrace": { "stack": "Web" } } });
    let body = template.body(Kind::Composable);
    assert_eq!((&body["template"]["mappings"], &body["_meta"]["stack"]), (&mark, &json!("Web")));
    assert_eq!(template.body(Kind::Legacy)["mappings"], mark);
    let collection = TemplateOwner { is_collection: true, ..owner };
    assert_eq!(
        templates(&datasets, &collection, |_| Err(io::Error::other("no file"))).unwrap(),
        [],
        "no function deletes their indices"
    );
}

#[test]
fn the_mark_stands_beside_what_the_users_mapping_says_of_itself() {
    let yaml = "datasets:\n  - { name: a, from: { key: a }, index: x, mapping: mappings/m.json }\n";
    for (meta, expected) in [
        (r#"{"team":"a"}"#, json!({ "team": "a", "millrace": { "stack": "_unnamed" } })),
        (r#"{"millrace":{"stack":"mine"}}"#, json!({ "millrace": { "stack": "_unnamed" } })),
        (r#""text""#, json!({ "millrace": { "stack": "_unnamed" } })),
    ] {
        let made = made(yaml, &[("mappings/m.json", &format!("{{\"_meta\":{meta}}}"))]).unwrap();
        assert_eq!(made[0].body(Kind::Composable)["template"]["mappings"]["_meta"], expected);
    }
}

#[test]
fn an_old_engine_reads_the_formats_of_dates_as_a_new_one_does() {
    let date = |format: &str| json!({ "type": "date", "format": format });
    let mapping = json!({
        "dynamic_templates": [{ "at": { "match": "*_at", "mapping": date("yyyy XXX") } }],
        "properties": {
            "a": date("yyyy-MM-dd||yyyy-MM-dd HH:mm:ssXXX"), "b": date("8yyyy XX"), "c": date("yyyy ZZ"), "d": { "type": "keyword" },
        },
    });
    let yaml = "datasets:\n  - { name: a, from: { key: a }, index: \"logs-%{+YYYY}\", mapping: mappings/a.json }\n";
    let made = made(yaml, &[("mappings/a.json", &mapping.to_string())]).unwrap();
    let legacy = made[0].body(Kind::Legacy);
    let properties = &legacy["mappings"]["properties"];
    assert_eq!(properties["a"], date("8yyyy-MM-dd||yyyy-MM-dd HH:mm:ssXXX"));
    assert_eq!(properties["b"], date("8yyyy XX"));
    assert_eq!(properties["c"], date("yyyy ZZ"), "in Joda's letters");
    assert_eq!(properties["d"], json!({ "type": "keyword" }));
    assert_eq!(legacy["mappings"]["dynamic_templates"][0]["at"]["mapping"], date("8yyyy XXX"));
    let composable = made[0].body(Kind::Composable);
    assert_eq!(composable["template"]["mappings"]["properties"]["a"], date("yyyy-MM-dd||yyyy-MM-dd HH:mm:ssXXX"));
}

#[test]
fn what_the_user_gives_the_engine_is_in_the_template_of_each_kind() {
    let given = "template: { settings: { codec: best_compression, index: { refresh_interval: 30s } }, composed_of: [a, b], priority: 7 }";
    let yaml = format!("datasets:\n  - {{ name: a, from: {{ key: a }}, index: x, shards: 2, {given} }}\n");
    let made = made(&yaml, &[]).unwrap();
    let body = made[0].body(Kind::Composable);
    let settings =
        json!({ "index.number_of_shards": 2, "index.codec": "best_compression", "index.refresh_interval": "30s" });
    assert_eq!((&body["template"]["settings"], &body["priority"]), (&settings, &json!(7)));
    assert_eq!(body["composed_of"], json!(["a", "b"]));
    let of_stream = yaml.replace("index: x", "index: { data_stream: x }");
    let body_of_stream = self::made(&of_stream, &[]).unwrap()[0].body(Kind::Composable);
    assert_eq!((&body_of_stream["composed_of"], &body_of_stream["data_stream"]), (&json!(["a", "b"]), &json!({})));
    let body = made[0].body(Kind::Legacy);
    assert_eq!((&body["settings"], &body["order"], body.get("composed_of")), (&settings, &json!(7), None));
}

#[test]
fn two_datasets_that_contradict_each_other_are_named_with_their_places() {
    for (one, other, says) in [
        (
            "settings: { codec: x }",
            "settings: { index.codec: y }",
            "`index.codec: y`, and x in line 2 (the dataset `a`)",
        ),
        ("composed_of: [x]", "composed_of: [y]", "`composed_of: [\"y\"]`, and [\"x\"] in the dataset `a`"),
        ("priority: 1", "priority: 2", "`priority: 2`, and 1 in the dataset `a`"),
        ("settings: { codec: x }", "settings: { codec: x }", ""),
        ("composed_of: [x]", "priority: 2", ""),
    ] {
        let dataset = |name: &str, given: &str| {
            format!("  - {{ name: {name}, from: {{ key: {name} }}, index: x, template: {{ {given} }} }}\n")
        };
        let faults =
            made(&format!("datasets:\n{}{}", dataset("a", one), dataset("b", other)), &[]).err().unwrap_or_default();
        let text: Vec<_> = faults.iter().map(|fault| format!("{}: {}", fault.place, fault.message)).collect();
        let text = text.join("; ");
        assert!(text.contains(says) && faults.is_empty() == says.is_empty(), "{says}: {text}");
        assert!(says.is_empty() || text.contains("the dataset `b`"), "{text}");
    }
}

#[test]
fn a_given_priority_hides_no_other_template_of_the_deployment() {
    let (wide, narrow) = ("\"logs-%{app}\"", "\"logs-%{+YYYY.MM.dd}\"");
    for (first, second, says) in [
        ((wide, "shards: 1"), (narrow, "shards: 1"), None),
        (
            (wide, "template: { priority: 500 }"),
            (narrow, "shards: 1"),
            Some("hides that of the dataset `b` (logs-*.*.*), which has 306"),
        ),
        (
            (narrow, "shards: 1"),
            (wide, "template: { priority: 500 }"),
            Some("hides that of the dataset `a` (logs-*.*.*)"),
        ),
        (
            (wide, "shards: 1"),
            (narrow, "template: { priority: 5 }"),
            Some("has the priority 304 and hides that of the dataset `b`"),
        ),
        ((wide, "template: { priority: 306 }"), (narrow, "shards: 1"), Some("the same priority 306")),
        ((wide, "template: { priority: 305 }"), (narrow, "shards: 1"), None),
        ((wide, "template: { priority: 500 }"), (narrow, "template: { priority: 501 }"), None),
        ((wide, "template: { priority: 500 }"), (narrow, "retention: 3d"), None),
        ((wide, "template: { priority: 306 }"), (narrow, "retention: 3d"), Some("the same priority 306")),
        ((wide, "template: { priority: 500 }"), ("other", "template: { priority: 500 }"), None),
        (
            (wide, "template: { priority: 500 }"),
            ("{ alias: logs-app }", "shards: 1"),
            Some("hides that of the dataset `b` (logs-app-*)"),
        ),
    ] {
        let of = |name: &str, (index, rules): (&str, &str)| {
            format!("  - {{ name: {name}, from: {{ key: {name} }}, index: {index}, {rules} }}\n")
        };
        let yaml = format!("datasets:\n{}{}", of("a", first), of("b", second));
        let faults = made(&yaml, &[]).err().unwrap_or_default();
        assert_eq!(faults.len(), usize::from(says.is_some()), "{yaml}{faults:?}");
        assert!(faults.iter().all(|fault| says.is_some_and(|says| fault.message.contains(says))), "{faults:?}");
        assert!(faults.iter().all(|fault| fault.place.starts_with("the dataset `")), "{faults:?}");
    }
}
