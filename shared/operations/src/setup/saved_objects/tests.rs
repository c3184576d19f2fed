use std::collections::BTreeSet;

use super::*;
use crate::setup::template;

const PIPELINE: &str = r#"
datasets:
  - name: app
    from: { key: "a/**" }
    fields:
      rename: { t: "event.time" }
      hash: [adid]
      geo_point: { location: { lat: lat, lon: lon } }
    timestamp: { field: t, format: epoch_ms }
    index: logs-%{+YYYY.MM.dd}
    mapping: mappings/app.json
  - name: more
    from: { key: "b/**" }
    timestamp: { field: "event.time", format: epoch_ms }
    index: logs-%{+YYYY.MM.dd}
  - name: hashed
    from: { key: "c/**" }
    fields: { hash: [adid] }
    index: hashed-%{app}
  - name: plain
    from: { key: "d/**" }
    index: plain
"#;

const MAPPING: &str = r#"{"properties": {
  "event": {"properties": {"name": {"type": "keyword"}, "tags": {"type": "nested", "properties": {"a": {"type": "keyword"}}}}},
  "os": {"type": "keyword"},
  "raw": {"type": "keyword", "doc_values": false},
  "country": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
  "price": {"type": "double"}}}"#;

fn made(yaml: &str, maps: Maps) -> Vec<Value> {
    let key = pipeline::shape::HashKey::new(b"0123456789abcdef").ok();
    let datasets = Datasets::parse("pipeline.yaml", yaml, key.as_ref()).unwrap_or_else(|error| panic!("{error}"));
    let templates =
        template::templates(&datasets, &template::TemplateOwner::default(), |_| Ok(MAPPING.to_owned())).unwrap();
    saved_objects(&datasets, &templates, maps)
}

fn key(object: &Value) -> (String, String) {
    (object["type"].as_str().unwrap().to_owned(), object["id"].as_str().unwrap().to_owned())
}

fn by_id<'o>(objects: &'o [Value], kind: &str, id: &str) -> &'o Value {
    let found = objects.iter().find(|object| key(object) == (kind.to_owned(), id.to_owned()));
    found.unwrap_or_else(|| panic!("no {kind} {id} in {:?}", objects.iter().map(key).collect::<Vec<_>>()))
}

fn inner(text: &Value) -> Value {
    serde_json::from_str(text.as_str().unwrap_or_else(|| panic!("no text: {text}"))).unwrap()
}

/// All names through which an object's texts refer to other objects.
fn names(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if ["indexRefName", "indexPatternRefName", "panelRefName"].contains(&key.as_str()) {
                    found.push(value.as_str().unwrap().to_owned());
                }
                names(value, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| names(value, found)),
        Value::String(text) if text.starts_with(['{', '[']) => names(&serde_json::from_str(text).unwrap(), found),
        _ => {}
    }
}

#[test]
fn every_reference_leads_to_an_object_before_it_and_every_id_is_one_objects_own() {
    for maps in [Maps::Coordinate, Maps::App] {
        let objects = made(PIPELINE, maps);
        let mut before = BTreeSet::new();
        for object in &objects {
            let mut named = Vec::new();
            names(object, &mut named);
            let references = object["references"].as_array().unwrap();
            let have: Vec<_> = references.iter().map(|reference| reference["name"].as_str().unwrap()).collect();
            assert_eq!(named, have, "{object}");
            for reference in references {
                assert!(before.contains(&key(reference)), "{reference} of {object}");
            }
            assert!(before.insert(key(object)), "twice: {:?}", key(object));
            assert!(
                object["migrationVersion"][&key(object).0].as_str().is_some_and(|version| version.starts_with("7."))
            );
        }
        assert_eq!(ndjson(&objects), ndjson(&made(PIPELINE, maps)), "the same every time");
        let lines: Vec<Value> = ndjson(&objects).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, objects);
    }
}

#[test]
fn only_fields_of_the_mappings_are_shown() {
    let objects = made(PIPELINE, Maps::Coordinate);
    let pattern = &by_id(&objects, "index-pattern", "millrace-logs-X.X.X")["attributes"];
    assert_eq!(*pattern, json!({ "title": "logs-*.*.*", "timeFieldName": "event.time" }));
    let drawn: Vec<_> = objects
        .iter()
        .filter(|object| {
            object["type"] == "visualization" && object["id"].as_str().unwrap().starts_with("millrace-logs-")
        })
        .map(|object| inner(&object["attributes"]["visState"]))
        .map(|state| {
            (
                state["type"].as_str().unwrap().to_owned(),
                state["aggs"][1]["params"]["field"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected = [
        ("histogram", "event.time"),
        ("tile_map", "location"),
        ("tile_map", "location"),
        // No pseudonym, no nested field, no field without countable values. Top-level fields come first.
        ("horizontal_bar", "os"),
        ("horizontal_bar", "country.raw"),
        ("horizontal_bar", "event.name"),
    ];
    assert_eq!(drawn, expected.map(|(kind, field)| (kind.to_owned(), field.to_owned())));
    let search = &by_id(&objects, "search", "millrace-logs-X.X.X-events")["attributes"];
    assert_eq!(search["columns"], json!(["os", "country.raw", "event.name"]));
    assert_eq!(search["sort"], json!([["event.time", "desc"]]));

    // A pseudonym if there is no better field. No histogram without a time.
    let hashed: Vec<_> = objects.iter().map(key).filter(|(_, id)| id.starts_with("millrace-hashed-X")).collect();
    let kinds: Vec<_> =
        hashed.iter().map(|(kind, id)| format!("{kind} {}", &id["millrace-hashed-X".len()..])).collect();
    assert_eq!(kinds, ["index-pattern ", "visualization -top-1", "search -events", "dashboard "]);
    let plain = objects.iter().map(key).filter(|(_, id)| id.starts_with("millrace-plain")).count();
    assert_eq!(plain, 3, "an index pattern, a search and a dashboard");
    let search = &by_id(&objects, "search", "millrace-plain-events")["attributes"];
    assert_eq!((&search["columns"], &search["sort"]), (&json!(["_source"]), &json!([])));
}

#[test]
fn kibana_8_has_one_map_with_both_layers_instead_of_coordinate_maps() {
    let objects = made(PIPELINE, Maps::App);
    assert!(objects.iter().all(|object| !object["attributes"]["visState"].to_string().contains("tile_map")));
    let map = by_id(&objects, "map", "millrace-logs-X.X.X-map-1");
    let layers = inner(&map["attributes"]["layerListJSON"]);
    let kinds: Vec<_> = layers.as_array().unwrap().iter().map(|layer| &layer["type"]).collect();
    assert_eq!(kinds, ["VECTOR_TILE", "HEATMAP", "VECTOR"]);
    for number in [1, 2] {
        let source = &layers[number]["sourceDescriptor"];
        assert_eq!(source["geoField"], "location");
        assert_eq!(source["indexPatternRefName"], format!("layer_{number}_source_index_pattern"), "Kibana's own name");
    }
}

#[test]
fn panels_fill_the_grid_and_none_covers_another() {
    for maps in [Maps::Coordinate, Maps::App] {
        for object in made(PIPELINE, maps).iter().filter(|object| object["type"] == "dashboard") {
            let panels = inner(&object["attributes"]["panelsJSON"]);
            let mut covered = BTreeSet::new();
            for panel in panels.as_array().unwrap() {
                let at = |side: &str| panel["gridData"][side].as_u64().unwrap();
                assert!(at("x") + at("w") <= 48, "{panel}");
                for cell in (0..at("w")).flat_map(|x| (0..at("h")).map(move |y| (x, y))) {
                    assert!(covered.insert((at("x") + cell.0, at("y") + cell.1)), "{panel} of {}", object["id"]);
                }
            }
        }
    }
}

#[test]
fn of_several_time_fields_the_one_that_is_made_for_all_is_taken() {
    let dataset = |name: &str, time: &str, more: &str| {
        format!(
            "  - name: {name}\n    from: {{ key: \"{name}/**\" }}\n    timestamp: {time}\n    index: logs-%{{+YYYY}}\n{more}"
        )
    };
    let date = |field: &str| format!("    fields: {{ date: {{ \"@timestamp\": {field} }} }}\n");
    for (yaml, expected) in [
        (dataset("a", "t", &date("t")), json!("t")),
        (dataset("a", "t", &date("t")) + &dataset("b", "u", &date("u")), json!("@timestamp")),
        (dataset("a", "t", "") + &dataset("b", "u", ""), json!("t")),
        // The engine has no equivalent of this format, so the type of the field is unknown.
        (dataset("a", "{ field: t, format: \"%Y-%m-%d %V\" }", ""), Value::Null),
    ] {
        let objects = made(&format!("datasets:\n{yaml}"), Maps::Coordinate);
        assert_eq!(objects[0]["attributes"]["timeFieldName"], expected, "{yaml}");
    }
}

#[test]
fn maps_go_with_the_engine() {
    for (version, expected) in [
        (json!({"number": "2.19.6", "distribution": "opensearch"}), Some(Maps::Coordinate)),
        (json!({"number": "3.1.0", "distribution": "opensearch"}), Some(Maps::Coordinate)),
        (json!({"number": "7.10.2", "build_flavor": "oss"}), Some(Maps::Coordinate)),
        (json!({"number": "7.9.3"}), None),
        (json!({"number": "6.8.0"}), None),
        (json!({"number": "8.19.21"}), Some(Maps::App)),
    ] {
        let read = Version::read(&json!({ "version": version })).unwrap();
        assert_eq!(Maps::of(read), expected, "{read}");
    }
}
