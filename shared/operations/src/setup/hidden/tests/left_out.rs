//! What of the content of others is left out, and what of our own component templates is noted.

use super::*;

#[test]
fn a_policy_of_others_is_merged_only_where_it_was_before() {
    for (name, is_policy) in [
        ("index.lifecycle.name", true),
        ("index.lifecycle.rollover_alias", true),
        ("plugins.index_state_management.policy_id", true),
        ("index.opendistro.index_state_management.policy_id", true),
        ("index.lifecycles", false),
    ] {
        let theirs = json!({ "template": { "settings": { name: "p" } } });
        let others = domain(vec![installed("users", "logs-*", 1, theirs)], vec![]);
        for (rules, is_left_out) in
            [(MARK_ONLY, false), ("shards: 1", is_policy), ("retention: 3d, template: { priority: 5 }", is_policy)]
        {
            let found = combined(rules, &others);
            let name = pipeline::rules::settings::full_name(name);
            let settings = &found.bodies[0].body["template"]["settings"];
            assert_eq!(settings.get(&name).is_none(), is_left_out, "{name} {rules}");
            assert_eq!(found.notes.iter().any(|note| note.contains(&name)), is_left_out, "{:?}", found.notes);
        }
    }
}

/// Merges a template of others into that of one dataset, and compares a part of the result and the number of notes.
fn assert_merged(index: &str, rules: &str, theirs: &Value, place: &str, expected: Option<&Value>, notes: usize) {
    let found = of_index(index, rules, &domain(vec![installed("users", "logs-*", 1, theirs.clone())], vec![]));
    assert_eq!(found.bodies[0].body.pointer(place), expected, "{theirs} {index} {rules}");
    assert_eq!(found.notes.len(), notes, "{theirs} {index} {rules}: {:?}", found.notes);
}

const DATED: &str = "\"logs-%{+YYYY.MM.dd}\"";

#[test]
fn a_mapping_with_which_the_domain_would_refuse_or_lose_events_is_left_out() {
    let routed = "{ name: \"logs-%{+YYYY.MM.dd}\", routing: r }";
    let (required, kept) = (json!({ "required": true }), json!({ "excludes": ["x"] }));
    let source = json!({ "enabled": false, "excludes": ["x"] });
    let (strict, templates) = (json!("strict"), json!("strict_allow_templates"));
    for (index, rules, name, theirs, expected) in [
        (DATED, MARK_ONLY, "_routing", &required, None),
        (DATED, MARK_ONLY, "_routing", &json!({ "required": "true" }), None),
        (routed, MARK_ONLY, "_routing", &required, Some(&required)),
        (DATED, MARK_ONLY, "_source", &source, Some(&kept)),
        (DATED, "shards: 1", "_source", &json!({ "enabled": "false" }), None),
        (DATED, MARK_ONLY, "_source", &json!({ "mode": "disabled" }), None),
        (DATED, MARK_ONLY, "_source", &kept, Some(&kept)),
        (DATED, "shards: 1", "dynamic", &strict, None),
        (DATED, "shards: 1", "dynamic", &templates, None),
        (DATED, MARK_ONLY, "dynamic", &strict, Some(&strict)),
        (DATED, "shards: 1", "dynamic", &json!(false), Some(&json!(false))),
    ] {
        let body = json!({ "template": { "mappings": { name: theirs } } });
        let notes = usize::from(expected != Some(theirs));
        assert_merged(index, rules, &body, &format!("/template/mappings/{name}"), expected, notes);
    }
}

#[test]
fn aliases_and_the_creation_of_indices_stay_possible() {
    let aliases = json!({ "logs": {}, "all": { "is_write_index": true, "routing": "1" } });
    let aliases = json!({ "template": { "aliases": aliases } });
    let source = json!({ "template": { "settings": { "index.mapping.source.mode": "disabled" } } });
    let (of_source, of_aliases) = ("/template/settings/index.mapping.source.mode", "/template/aliases");
    let creates = |may: bool| json!({ "allow_auto_create": may });
    let (declared, others) = (json!({ "all": { "routing": "1" } }), json!({ "logs": {}, "all": { "routing": "1" } }));
    for (index, theirs, place, expected, notes) in [
        ("{ alias: logs }", &aliases, of_aliases, Some(&declared), 2),
        (DATED, &aliases, of_aliases, Some(&others), 1),
        (DATED, &source, of_source, None, 1),
        (DATED, &creates(false), "/allow_auto_create", None, 1),
        (DATED, &creates(true), "/allow_auto_create", Some(&json!(true)), 0),
    ] {
        assert_merged(index, MARK_ONLY, theirs, place, expected, notes);
    }
}

#[test]
fn a_required_routing_is_for_datasets_that_all_have_one() {
    let theirs = json!({ "template": { "mappings": { "_routing": { "required": true } } } });
    for (second, is_merged) in [("{ name: logs, routing: r }", true), ("logs", false)] {
        let yaml = format!(
            "datasets:\n  - {{ name: a, from: {{ key: a }}, index: {{ name: logs, routing: r }}, shards: 1 }}\n  - {{ name: b, from: {{ key: b }}, index: {second} }}\n"
        );
        let datasets = Datasets::parse("pipeline.yaml", &yaml, None).unwrap_or_else(|error| panic!("{error}"));
        let made = templates(&datasets, &TemplateOwner::default(), |_| Err(std::io::Error::other("no file"))).unwrap();
        let others = domain(vec![installed("users", "logs", 1, theirs.clone())], vec![]);
        let body = combine(&made, &others).remove(0).1.bodies.remove(0).body;
        assert_eq!(body["template"]["mappings"].get("_routing").is_some(), is_merged, "{second}");
    }
}

#[test]
fn a_component_template_of_ours_with_a_refused_setting_is_a_note() {
    let with = |settings: Value| {
        let components = BTreeMap::from([("own".to_owned(), json!({ "settings": settings }))]);
        Others { components: Ok(components), ..Others::none() }
    };
    for (settings, given, says) in [
        (
            json!({ "index": { "translog": { "durability": "async" } } }),
            "",
            Some("index.translog.durability of the component template own"),
        ),
        (json!({ "translog.durability": "async" }), "settings: { translog.durability: request }, ", None),
        (json!({ "index.hidden": true }), "", Some("index.hidden")),
        (json!({ "blocks": { "write": "true" } }), "", Some("index.blocks.write")),
        (json!({ "mode": "time_series" }), "", Some("index.mode")),
        (json!({ "codec": "best_compression" }), "", None),
    ] {
        let found = combined(&format!("template: {{ {given}composed_of: [own] }}"), &with(settings.clone()));
        assert_eq!(found.notes.len(), usize::from(says.is_some()), "{settings}: {:?}", found.notes);
        assert!(found.notes.iter().all(|note| says.is_some_and(|says| note.contains(says))), "{:?}", found.notes);
    }
    let unknown = Others { components: Err("no right".into()), ..Others::none() };
    assert_eq!(combined("template: { composed_of: [own] }", &unknown).notes, ["no right"]);
}
