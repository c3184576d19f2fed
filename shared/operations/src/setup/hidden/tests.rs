mod left_out;

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::{
    setup::template::{TemplateOwner, templates},
    stack::Stack,
};
use pipeline::rules::Datasets;

const MARK_ONLY: &str = "retention: 3d";

fn installed(name: &str, pattern: &str, priority: i64, body: Value) -> Installed {
    Installed { name: name.into(), patterns: vec![pattern.into()], priority, owner: Owner::Unknown, body }
}

fn domain(composable: Vec<Installed>, legacy: Vec<Installed>) -> Others {
    let common = json!({ "settings": { "index": { "refresh_interval": "7s", "codec": "best_compression" } },
                         "mappings": { "properties": { "c": { "type": "keyword" } } } });
    Others { composable, legacy, components: Ok(BTreeMap::from([("common".to_owned(), common)])), ..Others::none() }
}

fn combined(rules: &str, others: &Others) -> Combined {
    let yaml = format!("datasets:\n  - {{ name: a, from: {{ key: a }}, index: \"logs-%{{+YYYY.MM.dd}}\", {rules} }}\n");
    let datasets = Datasets::parse("pipeline.yaml", &yaml, None).unwrap_or_else(|error| panic!("{error}"));
    let owner = TemplateOwner { stack: Stack::named("web"), is_collection: false };
    let made = templates(&datasets, &owner, |_| Err(std::io::Error::other("no file"))).unwrap();
    combine(&made, others).remove(0).1
}

fn users() -> Value {
    json!({
        "composed_of": ["common"], "priority": 100, "version": 3, "_meta": { "team": "a" },
        "template": { "settings": { "index": { "number_of_shards": "2" } }, "aliases": { "all": {} },
                      "mappings": { "properties": { "a": { "type": "keyword" } }, "_meta": { "team": "a" } } },
    })
}

#[test]
fn what_the_winning_template_of_others_says_is_below_ours() {
    let broad = installed("broad", "*", 1, json!({ "template": { "settings": { "index": { "codec": "x" } } } }));
    let others = domain(vec![broad, installed("users", "logs-*", 100, users())], vec![]);
    for (rules, shards) in [(MARK_ONLY, json!("2")), ("retention: 3d, shards: 1", json!(1))] {
        let found = combined(rules, &others);
        let body = &found.bodies[0].body;
        assert_eq!(found.notes, Vec::<String>::new());
        let note = found.bodies[0].note.as_deref().unwrap_or_default();
        assert!(note.contains("has the settings, mappings and aliases of users below its own"), "{note}");
        assert_eq!((body.get("composed_of"), body.get("version")), (None, None), "its components are merged");
        let settings = json!({ "index.number_of_shards": shards, "index.refresh_interval": "7s", "index.codec": "best_compression" });
        assert_eq!(body["template"]["settings"], settings, "of the others only the best counts");
        assert_eq!(body["template"]["aliases"], json!({ "all": {} }));
        let properties = json!({ "a": { "type": "keyword" }, "c": { "type": "keyword" } });
        let mappings = json!({ "properties": properties, "_meta": { "team": "a", "millrace": { "stack": "web" } } });
        assert_eq!(body["template"]["mappings"], mappings);
        assert_eq!((&body["index_patterns"], &body["_meta"]["merged"]), (&json!(["logs-*.*.*"]), &json!(["users"])));
    }
}

fn of_index(index: &str, rules: &str, others: &Others) -> Combined {
    let yaml = format!("datasets:\n  - {{ name: a, from: {{ key: a }}, index: {index}, {rules} }}\n");
    let datasets = Datasets::parse("pipeline.yaml", &yaml, None).unwrap_or_else(|error| panic!("{error}"));
    let made = templates(&datasets, &TemplateOwner::default(), |_| Err(std::io::Error::other("no file"))).unwrap();
    combine(&made, others).remove(0).1
}

#[test]
fn a_declared_data_stream_takes_the_content_for_data_streams_and_one_party_rolls_over() {
    let theirs = json!({
        "data_stream": { "hidden": false },
        "template": { "settings": { "index": { "lifecycle": { "name": "logs" }, "codec": "x" } }, "lifecycle": { "enabled": true } },
    });
    let others = domain(vec![installed("logs", "logs-*-*", 100, theirs)], vec![]);
    for (index, reason) in [
        ("{ data_stream: logs-app-prod }", "before `keep_at_least`"),
        ("{ data_stream: logs-app-prod, rollover: { max_age: 1d } }", "has a `rollover`"),
    ] {
        let found = of_index(index, "retention: 3d", &others);
        let body = &found.bodies[0].body;
        assert_eq!((&body["data_stream"], &body["_meta"]["merged"]), (&json!({}), &json!(["logs"])), "{index}");
        let settings = &body["template"]["settings"];
        assert_eq!(settings["index.codec"], "x", "{index}");
        assert_eq!(settings.get("index.lifecycle.name"), None, "{index}");
        assert_eq!(body["template"].get("lifecycle"), None, "{index}");
        assert!(found.notes.len() == 2 && found.notes.iter().all(|note| note.contains(reason)), "{:?}", found.notes);
        assert_eq!(found.bodies[1].body["data_stream"], json!({}), "also without the content of others");
    }
}

#[test]
fn the_indices_of_an_alias_meet_templates_not_its_name() {
    let theirs = || json!({ "template": { "settings": { "index": { "codec": "x" } } } });
    for (pattern, merged) in [("app-events-*", true), ("app-events-00000*", false), ("app-events", false)] {
        let others = domain(vec![installed("users", pattern, 100, theirs())], vec![]);
        let body = of_index("{ alias: app-events }", "retention: 3d", &others).bodies.remove(0).body;
        assert_eq!(body["_meta"].get("merged").is_some(), merged, "{pattern}");
        assert_eq!(body.get("data_stream"), None);
    }
}

#[test]
fn our_component_templates_win_over_the_content_of_others() {
    let theirs = json!({ "template": { "settings": { "refresh_interval": "1s", "index": { "max_result_window": 5 } },
                                       "mappings": { "properties": { "c": { "type": "text" }, "d": { "type": "long" } } } } });
    let others = domain(vec![installed("users", "logs-*", 100, theirs)], vec![]);
    let body = &combined("template: { composed_of: [common] }", &others).bodies[0].body;
    assert_eq!(body["composed_of"], json!(["common"]));
    assert_eq!(body["template"]["settings"], json!({ "index.max_result_window": 5 }));
    assert_eq!(body["template"]["mappings"]["properties"], json!({ "d": { "type": "long" } }));
}

#[test]
fn legacy_templates_are_merged_by_their_order_where_no_composable_one_matches() {
    let legacy = |order: i64, shards: &str, more: Value| {
        let body = json!({ "settings": { "index": { "number_of_shards": shards } }, "mappings": more, "aliases": {} });
        installed(shards, "*", order, body)
    };
    let other = || installed("other", "metrics-*", 0, json!({ "settings": { "index": { "codec": "x" } } }));
    let both = || {
        vec![legacy(5, "3", json!({ "dynamic": false })), legacy(0, "1", json!({ "date_detection": false })), other()]
    };
    let body = &combined(MARK_ONLY, &domain(vec![], both())).bodies[0].body;
    assert_eq!(body["template"]["settings"], json!({ "index.number_of_shards": "3" }));
    let mappings = json!({ "dynamic": false, "date_detection": false, "_meta": { "millrace": { "stack": "web" } } });
    assert_eq!(body["template"]["mappings"], mappings);
    assert_eq!(body["_meta"]["merged"], json!(["1", "3"]));
    let composable = installed("c", "logs-*", 1, json!({ "template": {} }));
    let body = &combined(MARK_ONLY, &domain(vec![composable], both())).bodies[0].body;
    assert_eq!(body["template"]["settings"], json!({}), "they did not count before either");
}

#[test]
fn what_cannot_be_merged_is_named() {
    let empty = || json!({ "template": {} });
    let old = || installed("old", "*", 100_000, json!({}));
    for (composable, legacy, partly, blocked) in [
        (vec![installed("partly", "logs-2026*", 7, empty())], vec![], vec!["partly"], false),
        (vec![installed("above", "logs-*", 900, empty())], vec![old()], vec![], true),
        (vec![installed("stream", "logs-*-*", 100, empty())], vec![], vec![], false),
        (vec![], vec![installed("part", "logs-2026*", 1, json!({})), old()], vec!["part"], false),
        (
            vec![installed("c", "logs-*", 1, empty())],
            vec![installed("part", "logs-2026*", 1, json!({}))],
            vec![],
            false,
        ),
    ] {
        let found = combined("shards: 1", &domain(composable, legacy));
        let names: Vec<_> = found.partly.iter().filter_map(|note| note.split(' ').nth(2)).collect();
        assert_eq!((names, found.blocked.is_some()), (partly, blocked), "{found:?}");
    }
    let broken = json!({ "template": { "settings": { "index": { "hidden": "true", "codec": "x" } } } });
    let found = combined("shards: 1", &domain(vec![installed("users", "logs-*", 1, broken)], vec![]));
    assert!(found.notes[0].contains("index.hidden"), "{found:?}");
    let settings = json!({ "index.codec": "x", "index.number_of_shards": 1 });
    assert_eq!(found.bodies[0].body["template"]["settings"], settings);
    let unknown =
        Others { components: Err("no right".into()), ..domain(vec![installed("users", "logs-*", 1, users())], vec![]) };
    let found = combined("shards: 1", &unknown);
    assert_eq!((found.bodies.len(), found.notes.as_slice()), (1, &["no right".to_owned()][..]));
    assert_eq!(found.bodies[0].body["_meta"][NOT_MERGED], "users");
}

#[test]
fn an_index_stays_an_index_unless_an_earlier_version_made_data_streams_of_its_name() {
    let stream = json!({ "data_stream": {}, "template": { "settings": { "index": { "codec": "x" } }, "lifecycle": { "enabled": true } } });
    let others = |own: &[&str]| Others {
        own_for_streams: own.iter().map(|&name| name.to_owned()).collect(),
        ..domain(vec![installed("logs", "logs-*", 100, stream.clone())], vec![])
    };
    for own in [&[][..], &["millrace.web.other"]] {
        assert_eq!(combined(MARK_ONLY, &others(own)).bodies.len(), 1, "the engine's refusal stays a failure");
    }
    let of_alias = of_index("{ alias: logs }", MARK_ONLY, &others(&["millrace-logs-x"]));
    assert_eq!(of_alias.bodies.len(), 1, "an alias is never a data stream: {of_alias:?}");
    for (rules, own) in [(MARK_ONLY, "millrace.web.logs-x.x.x"), ("shards: 1", "millrace-logs-x.x.x")] {
        let found = combined(rules, &others(&[own]));
        assert!(found.notes.len() == 1 && found.notes[0].contains("logs is for data streams"), "{found:?}");
        let has = |name: &str| -> Vec<bool> { found.bodies.iter().map(|body| body.body.get(name).is_some()).collect() };
        assert_eq!(has("data_stream"), [false, true]);
        let codec = |at: usize| found.bodies[at].body["template"]["settings"]["index.codec"].clone();
        assert_eq!((codec(0), codec(1)), (Value::Null, json!("x")));
        assert_eq!(found.bodies[1].body["template"]["lifecycle"].is_object(), rules == MARK_ONLY);
        assert!(found.bodies[0].note.is_none() && found.bodies[1].note.is_some());
    }
}

#[test]
fn our_own_templates_from_an_older_engine_are_not_merged() {
    let body = || json!({ "settings": { "index": { "codec": "x" } } });
    let marked = Installed {
        owner: Owner::Stack("web".into()),
        ..installed("millrace.web.logs-x.x.x", "logs-*.*.*", 1, body())
    };
    let former = installed("millrace-logs-x.x.x", "logs-*.*.*", 1, body());
    let found = combined("shards: 1", &domain(vec![], vec![marked, former]));
    assert_eq!(found.bodies.len(), 1, "{found:?}");
}
