//! The function `setup` imports saved objects, and they show what the engine finds. The test sends every
//! visualization's aggregation and the search's query to the engine, as Dashboards does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Value, json};
use tests::dashboards::Dashboards;
use tests::engine::{self, Engine};
use tests::events;
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

const TIMEOUT: Duration = Duration::from_mins(1);
const EVENTS: u64 = 500;
const MAPPING: &str = r#"{"properties": {
  "event_name": {"type": "keyword"}, "country": {"type": "keyword"},
  "device": {"properties": {"model": {"type": "keyword"}}}}}"#;

async fn setup(scene: &Scene<'_>, engine: &Engine, dashboards: &str) -> Function {
    scene.set_pipeline(&format!(
        "datasets:\n  - name: {name}\n    from: {{ key: \"**\" }}\n    fields:\n      \
         geo_point: {{ location: {{ lat: lat, lon: lon }} }}\n    timestamp: base_dt\n    \
         index: {name}-%{{+YYYY.MM.dd}}\n    mapping: mappings/events.json\n",
        name = scene.prefix
    ));
    scene.set_mapping("events.json", MAPPING);
    scene.start("setup", &engine.url(), &[("MILLRACE_DASHBOARDS", dashboards)]).await
}

/// The answer of `setup` to an invocation by hand.
async fn done(function: &mut Function) -> Result<Value, String> {
    match function.invoke(&json!({}), TIMEOUT).await.expect("the function runs") {
        Answer::Response(bytes) => Ok(serde_json::from_slice(&bytes).expect("JSON")),
        Answer::Error { message, .. } => Err(message),
        other => panic!("{other:?}: {:#?}", function.lines()),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// A bucket aggregation of a visualization in the form that Dashboards sends to the engine. The count is each bucket's
/// own.
fn translated(agg: &Value) -> Value {
    let params = &agg["params"];
    let field = &params["field"];
    match text(&agg["type"]) {
        "date_histogram" => {
            assert_eq!(params["interval"], "auto");
            json!({ "2": { "date_histogram": {
                "field": field, "fixed_interval": "30m", "time_zone": "Asia/Seoul", "min_doc_count": params["min_doc_count"],
            } } })
        }
        "terms" => {
            assert_eq!(params["orderBy"], "1", "by the count");
            let order = json!({ "_count": params["order"] });
            json!({ "2": { "terms": { "field": field, "order": order, "size": params["size"] } } })
        }
        "geohash_grid" => {
            let world = json!({ "top_left": { "lat": 90, "lon": -180 }, "bottom_right": { "lat": -90, "lon": 180 } });
            let mut bounds = json!({ "ignore_unmapped": true });
            bounds[text(field)] = world;
            json!({ "filter_agg": {
                "filter": { "geo_bounding_box": bounds },
                "aggs": { "2": {
                    "geohash_grid": { "field": field, "precision": params["precision"] },
                    "aggs": { "3": { "geo_centroid": { "field": field } } },
                } },
            } })
        }
        other => panic!("no such aggregation here: {other}"),
    }
}

async fn search(engine: &Engine, index: &str, body: &Value) -> Value {
    let answer = engine::json(&engine.ask("POST", &format!("/{index}/_search"), &body.to_string()).await);
    assert_eq!(answer["_shards"]["failed"], 0, "{body}: {answer:.500}");
    assert_eq!(answer["hits"]["total"]["value"], EVENTS, "{body}");
    answer
}

/// Indexes events of the generator as s3-ingest would, with a point.
async fn index(engine: &Engine, index: &str) -> Vec<Value> {
    let mut documents = Vec::new();
    let mut body = String::new();
    for line in events::generate(EVENTS, 7) {
        let mut event: Value = serde_json::from_str(&line).expect("an event");
        event["location"] = json!({ "lat": event["lat"], "lon": event["lon"] });
        let _ = writeln!(body, "{}\n{event}", json!({ "create": { "_index": index } }));
        documents.push(event);
    }
    let indexed = engine::json(&engine.ask("POST", "/_bulk?refresh=true", &body).await);
    assert_eq!(indexed["errors"], false, "{indexed:.1000}");
    documents
}

#[test]
#[expect(clippy::too_many_lines, reason = "one scenario, read from top to bottom")]
fn the_saved_objects_show_what_the_engine_finds_and_a_second_import_changes_nothing() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "dashboards").await;
        let dashboards = Dashboards::start().await;
        let mut function = setup(&scene, engine, &dashboards.url()).await;
        let said = done(&mut function).await.expect("setup succeeds");
        let objects = dashboards.objects();
        assert_eq!(said["saved_objects"], objects.len(), "{said}");
        done(&mut function).await.expect("and again");
        let [first, second] = dashboards.imports().try_into().expect("two imports");
        assert_eq!(first, second);
        assert_eq!(dashboards.objects(), objects);
        assert_eq!(dashboards.tenants().into_iter().collect::<Vec<_>>(), ["global"], "seen by everybody");

        let documents = index(engine, "dashboards-2023.11.14").await;
        let kind = |kind: &'static str| objects.values().filter(move |object| object["type"] == kind);
        let pattern = kind("index-pattern").next().expect("an index pattern");
        let (indices, time) = (text(&pattern["attributes"]["title"]), text(&pattern["attributes"]["timeFieldName"]));
        assert_eq!((indices, time), ("dashboards-*.*.*", "base_dt"));
        let picked = json!({ "gte": "2023-11-14T00:00:00.000Z", "lte": "2023-11-14T23:59:59.999Z", "format": "strict_date_optional_time" });
        let query = json!({ "bool": { "must": [], "filter": [{ "match_all": {} }, { "range": { time: picked } }] } });

        let mut drawn = Vec::new();
        for visualization in kind("visualization") {
            let source: Value =
                engine::json(text(&visualization["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"]));
            assert_eq!((&source["query"]["query"], &source["filter"]), (&json!(""), &json!([])));
            let state: Value = engine::json(text(&visualization["attributes"]["visState"]));
            let [metric, buckets] = state["aggs"].as_array().expect("aggregations").as_slice() else {
                panic!("{state}")
            };
            assert_eq!(metric["type"], "count");
            let body = json!({ "size": 0, "track_total_hits": true, "query": query, "aggs": translated(buckets) });
            let answer = search(engine, indices, &body).await;
            let found = &answer["aggregations"];
            let found = if found["2"].is_null() { &found["filter_agg"]["2"] } else { &found["2"] };
            let found = found["buckets"].as_array().expect("buckets");
            let counts = || found.iter().map(|bucket| bucket["doc_count"].as_u64().expect("a count"));
            let field = text(&buckets["params"]["field"]).to_owned();
            if buckets["type"] == "terms" {
                let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
                for document in &documents {
                    let value = field.split('.').fold(document, |value, name| &value[name]);
                    *expected.entry(text(value)).or_default() += 1;
                }
                for bucket in found {
                    assert_eq!(bucket["doc_count"], expected[text(&bucket["key"])], "{bucket} of {field}");
                }
                assert_eq!(found.len(), expected.len().min(10), "{field}");
            } else {
                assert_eq!(counts().sum::<u64>(), EVENTS, "{field}");
                assert!(found.len() > 1, "{field}: {found:?}");
            }
            drawn.push((text(&state["type"]).to_owned(), field));
        }
        drawn.sort();
        let expected = [
            ("histogram", "base_dt"),
            ("horizontal_bar", "country"),
            ("horizontal_bar", "device.model"),
            ("horizontal_bar", "event_name"),
            ("tile_map", "location"),
            ("tile_map", "location"),
        ];
        assert_eq!(drawn, expected.map(|(kind, field)| (kind.to_owned(), field.to_owned())));

        let saved = &kind("search").next().expect("a search")["attributes"];
        let columns: Vec<&str> = saved["columns"].as_array().expect("columns").iter().map(text).collect();
        let fields = engine::json(&engine.ask("GET", &format!("/{indices}/_field_caps?fields=*"), "").await);
        for (field, kind) in
            columns.iter().map(|column| (*column, "keyword")).chain([(time, "date"), ("location", "geo_point")])
        {
            assert_eq!(fields["fields"][field][kind]["aggregatable"], true, "{field}");
        }
        let sort: Vec<Value> = saved["sort"]
            .as_array()
            .expect("an order")
            .iter()
            .map(|by| json!({ text(&by[0]): { "order": by[1], "unmapped_type": "boolean" } }))
            .collect();
        let body = json!({
            "size": 500, "version": true, "track_total_hits": true, "query": query, "sort": sort, "stored_fields": ["*"],
            "docvalue_fields": [{ "field": time, "format": "date_time" }], "_source": { "excludes": [] },
        });
        let answer = search(engine, indices, &body).await;
        let times: Vec<&str> =
            answer["hits"]["hits"].as_array().expect("hits").iter().map(|hit| text(&hit["_source"][time])).collect();
        assert_eq!(times.len() as u64, EVENTS);
        assert!(times.is_sorted_by(|a, b| a >= b), "the latest first");

        let dashboard = kind("dashboard").next().expect("a dashboard");
        for reference in dashboard["references"].as_array().expect("references") {
            let key = (text(&reference["type"]).to_owned(), text(&reference["id"]).to_owned());
            assert!(objects.contains_key(&key), "{reference}");
        }
        let panels = engine::json(text(&dashboard["attributes"]["panelsJSON"]));
        assert_eq!(panels.as_array().expect("panels").len(), drawn.len() + 1);
    });
}

#[test]
fn objects_that_the_dashboards_refuse_are_reported_and_the_rest_is_imported() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "refused-dashboards").await;
        let dashboards = Dashboards::start().await;
        dashboards.refuse("visualization");
        let error = done(&mut setup(&scene, engine, &dashboards.url()).await).await.expect_err("it is no success");
        assert!(error.contains("dashboards: 3 of 9 objects were imported"), "{error}");
        assert!(error.contains("visualization millrace-refused-dashboards-X.X.X-events: unsupported_type"), "{error}");
        let template = "/_index_template/millrace-refused-dashboards-x.x.x";
        assert_eq!(engine.send("GET", template, "").await.0, 200, "the steps before it are done");

        let elsewhere = dashboards.url() + "/nothing";
        let error = done(&mut setup(&scene, engine, &elsewhere).await).await.expect_err("nobody is there");
        assert!(error.contains("there are no dashboards at the URL in MILLRACE_DASHBOARDS"), "{error}");
        assert_eq!(dashboards.imports().len(), 1);
    });
}
