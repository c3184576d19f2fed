//! What a user gives to the index template, the templates of others that ours would hide, and the parameters of each
//! document: routing and ingest pipeline.

use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::moto::Moto;
use tests::place;
use tests::program::Program;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

use super::{LIMIT, invoke};

/// A dataset of all objects, with further lines.
fn rules(name: &str, index: &str, more: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    timestamp: t\n    index: {index}\n{more}"
    )
}

async fn has_composable_templates(engine: &Engine) -> bool {
    engine.send("GET", "/_index_template", "").await.0 == 200
}

/// Creates an index, and returns all about it.
async fn created(engine: &Engine, index: &str) -> Value {
    engine.ask("PUT", &format!("/{index}"), "").await;
    parse(&engine.ask("GET", &format!("/{index}"), "").await)[index].clone()
}

const GIVEN: &str = "    shards: 1\n    template:\n      settings: { refresh_interval: 30s, index: { codec: best_compression, sort.field: seq } }\n      \
                     composed_of: [given-common]\n      priority: 4000\n";

#[test]
fn an_index_has_what_its_dataset_gives_and_what_the_hidden_template_gave() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "given").await;
        scene.set_pipeline(&rules("given", "given-%{+YYYY.MM.dd}", &format!("    mapping: mappings/m.json\n{GIVEN}")));
        scene.set_mapping("m.json", r#"{"properties":{"seq":{"type":"long"},"u.name":{"type":"keyword"}}}"#);
        // A name of its own: other tests of the shared engine remove the templates of the deployment without a name.
        let stack = [("MILLRACE_STACK", "given")];
        let mut setup = scene.start("setup", &engine.url(), &stack).await;
        if !has_composable_templates(engine).await {
            let refused = invoke(&mut setup, &json!({})).await.expect_err("there are no component templates");
            assert!(refused.contains("`composed_of` needs component templates"), "{refused}");
            return;
        }
        let refused = invoke(&mut setup, &json!({})).await.expect_err("the component is missing");
        assert!(refused.contains("given-common"), "the engine's own words: {refused}");
        let properties = |fields: Value| json!({ "mappings": { "properties": fields } });
        let common = json!({ "template": properties(json!({ "c": { "type": "ip" } })) });
        engine.ask("PUT", "/_component_template/given-common", &common.to_string()).await;
        let hidden = json!({ "template": properties(json!({ "h": { "type": "ip" }, "c": { "type": "long" } })) });
        engine.ask("PUT", "/_component_template/given-hidden", &hidden.to_string()).await;
        let fields = json!({ "seq": { "type": "text" }, "u": { "properties": { "name": { "type": "text" }, "age": { "type": "long" } } } });
        let mut theirs = properties(fields);
        theirs["settings"] =
            json!({ "index": { "number_of_shards": 2, "refresh_interval": "9s", "max_result_window": 77 } });
        theirs["aliases"] = json!({ "given-all": {} });
        let users = json!({ "index_patterns": ["given-*"], "priority": 100, "composed_of": ["given-hidden"], "template": theirs });
        engine.ask("PUT", "/_index_template/given-users", &users.to_string()).await;

        invoke(&mut setup, &json!({})).await.expect("a sound configuration");
        let first = engine.templates("millrace.given.*").await;
        invoke(&mut setup, &json!({})).await.expect("again");
        assert_eq!(engine.templates("millrace.given.*").await, first, "what was merged is not merged again");
        let index = created(engine, "given-2026.11.22").await;
        for (pointer, expected) in [
            ("/settings/index/number_of_shards", "1"),
            ("/settings/index/refresh_interval", "30s"),
            ("/settings/index/codec", "best_compression"),
            ("/settings/index/max_result_window", "77"),
            ("/mappings/properties/seq/type", "long"),
            ("/mappings/properties/u/properties/name/type", "keyword"),
            ("/mappings/properties/u/properties/age/type", "long"),
            ("/mappings/properties/c/type", "ip"),
            ("/mappings/properties/h/type", "ip"),
        ] {
            assert_eq!(index.pointer(pointer), Some(&json!(expected)), "{pointer}: {index}");
        }
        assert_eq!(index["settings"]["index"]["sort"]["field"], "seq", "{index}");
        assert_eq!(index["aliases"], json!({ "given-all": {} }));

        // A template that changes later is found by the doctor, and the next setup takes it over.
        let program = Program::of(&scene, &engine.url()).with(&stack);
        assert!(!differs(&program).await, "setup has just run");
        engine.ask("DELETE", "/_index_template/given-users", "").await;
        assert!(differs(&program).await, "what was merged is gone");
        invoke(&mut setup, &json!({})).await.expect("without the other template");
        assert!(!differs(&program).await);
        let index = created(engine, "given-2026.11.23").await;
        assert_eq!((&index["aliases"], &index["mappings"]["properties"]["h"]), (&json!({}), &Value::Null), "{index}");
        invoke(&mut setup, &json!({ "remove": true })).await.expect("it is ours");
    });
}

/// Whether the doctor finds that the templates of the domain are not those that `setup` would write.
async fn differs(program: &Program) -> bool {
    let said = program.run(&["doctor", "--json"]).await.json();
    let findings = said["findings"].as_array().expect("findings");
    let of = findings.iter().find(|finding| finding["check"] == "templates").expect("the check");
    of["found"].as_str().is_some_and(|found| found.contains("the templates that it hides"))
}

#[test]
fn a_document_goes_through_its_pipeline_to_the_shard_of_its_routing() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "routed").await;
        let index = "{ name: \"routed-%{+YYYY.MM.dd}\", routing: customer, pipeline: routed-geo }";
        scene.set_pipeline(&rules(
            "routed",
            index,
            "    mapping: mappings/m.json\n    shards: 5\n    replicas: 0\n    on_conflict: keep\n",
        ));
        scene.set_mapping("m.json", r#"{"properties":{"n":{"type":"long"},"customer":{"type":"keyword"}}}"#);
        let mut setup = scene.start("setup", &engine.url(), &[("MILLRACE_STACK", "routed")]).await;
        invoke(&mut setup, &json!({})).await.expect("a sound configuration");
        let set = json!({ "processors": [{ "set": { "field": "passed", "value": true } }] });
        // Not every engine of the tests has processors.
        let has_set = engine.send("PUT", "/_ingest/pipeline/routed-geo", &set.to_string()).await.0 == 200;
        if !has_set {
            engine.ask("PUT", "/_ingest/pipeline/routed-geo", r#"{"processors":[]}"#).await;
        }
        let event =
            |customer: &str, n: &str| format!("{{\"t\":\"2026-11-22T10:00:00Z\",\"customer\":{customer},\"n\":{n}}}\n");
        let customers = ["\"a\"", "\"b\\\"\\\\é\"", "7", "7.0", "true"];
        let mut events: String = customers.iter().map(|customer| event(customer, "1")).collect();
        events += &event("\"a\"", "\"no number\"");
        events += &event("null", "1");
        events += "{\"t\":\"2026-11-22T10:00:00Z\"}\n";
        let object = scene.put("a.ndjson", events).await;
        let mut ingest = scene.function(&engine.url(), &[]).await;
        for _ in 0..2 {
            scene.notify(&object).await;
            scene.queue.deliver(&mut ingest, LIMIT).await;
        }
        let of = receipts(&ingest);
        let counts = (sum(&of, |r| r.indexed), sum(&of, |r| r.duplicates), sum(&of, |r| r.rejected));
        assert_eq!(counts, (6, 6, 4), "{of:?}");
        for letter in scene.dead_letters().await {
            assert_eq!((letter.stage.as_str(), letter.error_type.as_str()), ("route", "invalid_routing"));
        }
        assert_eq!(engine.count("routed-*").await, 6);
        let hits = parse(&engine.ask("GET", "/routed-*/_search?size=10", "").await)["hits"]["hits"].clone();
        for hit in hits.as_array().expect("hits") {
            let customer = &hit["_source"]["customer"];
            let expected = match customer {
                Value::String(text) => text.clone(),
                Value::Number(_) => "7".to_owned(),
                other => other.to_string(),
            };
            assert_eq!(hit["_routing"], expected.as_str(), "{hit}");
            assert!(!has_set || hit["_source"]["passed"] == true, "{hit}");
        }
    });
}

#[test]
fn an_index_meets_no_data_stream_if_its_dataset_has_a_template_and_is_named_if_it_has_none() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        // As Elastic's own template for `logs-*-*`.
        let streams = json!({ "index_patterns": ["collide-*-*"], "priority": 100, "data_stream": {},
            "template": { "settings": { "index": { "max_result_window": 77 } } } });
        let (status, answer) = engine.send("PUT", "/_index_template/collide-streams", &streams.to_string()).await;
        if status != 200 {
            println!("figure | data stream | this engine has none | {status} {answer}");
            return;
        }
        let scene = Scene::new(moto, "collide").await;
        let alone = rules("collide", "collide-app-%{+YYYY.MM.dd}", "");
        let kept = "  - name: kept\n    from: { key: \"kept/**\" }\n    timestamp: t\n    index: collide-kept-%{+YYYY.MM.dd}\n    retention: 300w\n";
        scene.set_pipeline(&(alone.replace("    timestamp: t\n", "") + kept));
        let stack = [("MILLRACE_STACK", "collide")];
        let mut setup = scene.start("setup", &engine.url(), &stack).await;
        let done = invoke(&mut setup, &json!({})).await.expect("a sound configuration");
        let notes = done["notes"].to_string();
        let says =
            "the template collide-streams (priority 100) makes data streams of the names that the dataset `collide`";
        assert!(notes.contains(says) && !notes.contains("dataset `kept`"), "{notes}");
        let said = Program::of(&scene, &engine.url()).with(&stack).run(&["doctor", "--json"]).await.json();
        let is_it = |finding: &&Value| finding["check"] == "data streams" && finding["level"] == "fault";
        assert!(said["findings"].as_array().expect("findings").iter().any(|finding| is_it(&finding)), "{said}");
        assert!(notes.contains("collide-streams is for data streams, and is not merged"), "{notes}");
        let index = created(engine, "collide-kept-2026.11.22").await;
        let window = &index["settings"]["index"]["max_result_window"];
        assert_eq!((&index["data_stream"], window), (&Value::Null, &Value::Null), "{index}");

        // The engine refuses a template that would end data streams.
        engine.ask("POST", "/collide-old-2026.11.22/_doc?op_type=create", r#"{"@timestamp":"2026-11-22"}"#).await;
        scene.set_pipeline(&kept.replace("collide-kept", "collide-old").replacen("  - name", "datasets:\n  - name", 1));
        let mut setup = scene.start("setup", &engine.url(), &stack).await;
        let refused = invoke(&mut setup, &json!({})).await.expect_err("an index cannot have this name");
        assert!(refused.contains("data stream"), "the engine's own words: {refused}");
        // An earlier version copied `data_stream` into the template for the mark. It stays so.
        let earlier = json!({ "index_patterns": ["collide-old-*.*.*"], "priority": 313, "data_stream": {},
            "_meta": { "managed_by": "millrace", "stack": "collide" } });
        engine.ask("PUT", "/_index_template/millrace.collide.collide-old-x.x.x", &earlier.to_string()).await;
        let done = invoke(&mut setup, &json!({})).await.expect("no failed deployment");
        assert!(done["notes"].to_string().contains("data streams exist for collide-old-*.*.*"), "{done}");
    });
}
