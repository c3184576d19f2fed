//! `setup` prepares a domain, can run any number of times, and always answers `CloudFormation`.

use serde_json::{Value, json};
use tests::between::{Between, Changes};
use tests::engine::{Engine, json as parse};
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::{day, engine, invoke};

/// A dataset with all settings that a template can have. The mapping is a file next to pipeline.yaml.
fn rules(name: &str, more: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"[!d]*\", key: \"**\" }}\n    fields: {{ geo_point: {{ at: {{ lat: lat, lon: lon }} }} }}\n    \
         timestamp: base_dt\n    index: {name}-%{{+YYYY.MM.dd}}\n    shards: 2\n    replicas: 0\n    mapping: mappings/m.json\n{more}"
    )
}

/// What the engine says of an index. Elasticsearch 6 has the mapping below the name of its type.
async fn mapping(engine: &Engine, index: &str) -> Value {
    let mut about = parse(&engine.ask("GET", &format!("/{index}"), "").await)[index].take();
    if about["mappings"]["_doc"].is_object() {
        about["mappings"] = about["mappings"]["_doc"].take();
    }
    about
}

#[test]
fn a_new_index_is_what_the_rules_say_and_a_change_of_the_rules_changes_the_next_one() {
    let (Some((engine, snapshots, _folder)), Some(moto)) = (engine(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "setup").await;
        scene.set_pipeline(&rules("setup", ""));
        scene.set_mapping("m.json", r#"{"properties":{"adid":{"type":"keyword"}}}"#);
        let env = [("MILLRACE_SNAPSHOTS", snapshots.as_str())];
        let mut setup = scene.start("setup", &engine.url(), &env).await;
        let done = invoke(&mut setup, &json!({})).await.expect("a sound configuration");
        assert_eq!(done["templates"], json!(["millrace-setup-x.x.x"]), "{done}");
        assert_eq!((&done["repository"], &done["failed"]), (&json!("millrace"), &json!([])), "{done}");
        assert!(
            done["engine"].as_str().is_some_and(|engine| engine.contains("Search ") || engine.contains("search ")),
            "{done}"
        );

        let event = json!({ "base_dt": "2026-11-22 10:00:00", "adid": "a-b", "lat": 37.5, "lon": 127.0 });
        let object = scene.put("a.ndjson", format!("{event}\n")).await;
        scene.notify(&object).await;
        let mut ingest = scene.function(&engine.url(), &[]).await;
        scene.queue.deliver(&mut ingest, super::LIMIT).await;
        let index = mapping(&engine, "setup-2026.11.22").await;
        let properties = &index["mappings"]["properties"];
        assert_eq!(
            (&properties["adid"]["type"], &properties["base_dt"]["type"]),
            (&json!("keyword"), &json!("date")),
            "{index}"
        );
        assert_eq!(properties["at"]["type"], "geo_point");
        assert_eq!(index["settings"]["index"]["number_of_shards"], "2");
        let near = r#"{"query":{"bool":{"filter":[{"geo_distance":{"distance":"1km","at":{"lat":37.5,"lon":127.0}}},{"range":{"base_dt":{"gte":"2026-11-22","lt":"2026-11-23"}}}]}}}"#;
        engine.ask("POST", "/setup-*/_refresh", "").await;
        let hits = parse(&engine.ask("POST", "/setup-*/_search", near).await);
        assert_eq!(hits["hits"]["hits"].as_array().map(Vec::len), Some(1), "{hits}");

        // A second run changes nothing. Other rules change the template, under the same name.
        let before = engine.templates("millrace-*").await;
        invoke(&mut setup, &json!({})).await.expect("again");
        assert_eq!(engine.templates("millrace-*").await, before);
        scene.set_pipeline(
            &rules("setup", "    total_fields_limit: 50\n")
                .replace("name: setup", "name: renamed")
                .replace("shards: 2", "shards: 1"),
        );
        let mut setup = scene.start("setup", &engine.url(), &env).await;
        invoke(&mut setup, &json!({})).await.expect("with other rules");
        let templates = engine.templates("millrace-*").await;
        assert_eq!(templates.len(), 1, "the old one is taken over: {templates:?}");
        engine.ask("PUT", &format!("/setup-{}", day(0)), "").await;
        let index = mapping(&engine, &format!("setup-{}", day(0))).await;
        assert_eq!(index["settings"]["index"]["number_of_shards"], "1");
        assert_eq!(index["settings"]["index"]["mapping"]["total_fields"]["limit"], "50");
    });
}

/// `OpenSearch` still has the templates of Elasticsearch before 7.8. So a real engine checks the requests for an old
/// engine.
#[test]
fn an_engine_before_composable_templates_gets_those_that_it_knows() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "legacy").await;
        scene.set_pipeline(&rules("legacy", ""));
        scene.set_mapping("m.json", r#"{"properties":{"adid":{"type":"keyword"}}}"#);
        let old = Between::start(&engine.url(), Changes { elasticsearch: Some("7.7.1"), ..Changes::default() }).await;
        let mut setup = scene.start("setup", &old.url, &[]).await;
        for _ in 0..2 {
            let done = invoke(&mut setup, &json!({})).await.expect("it knows them");
            assert_eq!(done["engine"], "Elasticsearch 7.7", "{done}");
            assert_eq!(done["templates"], json!(["millrace-legacy-x.x.x"]), "{done}");
        }
        assert_eq!(engine.send("GET", "/_index_template/millrace-legacy*", "").await.0, 404, "none of the newer ones");
        engine.ask("PUT", "/legacy-2026.11.22", "").await;
        let index = mapping(engine, "legacy-2026.11.22").await;
        let properties = &index["mappings"]["properties"];
        let types = ["adid", "base_dt", "at"].map(|name| properties[name]["type"].as_str().unwrap_or_default());
        assert_eq!(types, ["keyword", "date", "geo_point"], "{index}");
        assert_eq!(index["settings"]["index"]["number_of_shards"], "2", "{index}");
    });
}

/// The answer that `CloudFormation` received. It is at the request's URL: an object of S3, as in AWS.
async fn answered(scene: &Scene<'_>, key: &str) -> Value {
    let objects = scene.moto.objects(&scene.bucket, key).await;
    let [(_, answer)] = objects.as_slice() else { panic!("one answer, not {objects:?}") };
    parse(&String::from_utf8_lossy(answer))
}

fn event(scene: &Scene<'_>, kind: &str, key: &str) -> Value {
    json!({
        "RequestType": kind, "ResponseURL": format!("{}/{}/{key}", scene.moto.url(), scene.bucket), "StackId": "stack",
        "RequestId": "request", "LogicalResourceId": "Setup", "ResourceType": "Custom::Setup",
        "ResourceProperties": { "ServiceToken": "arn", "Pipeline": "arn:layer:1" },
    })
}

#[test]
fn cloudformation_is_always_answered_and_a_stack_can_always_be_deleted() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "stack").await;
        scene.set_pipeline(&rules("stack", ""));
        scene.set_mapping("m.json", "{}");
        let mut sound = scene.start("setup", &engine.url(), &[]).await;
        sound.invoke(&event(&scene, "Create", "create"), super::LIMIT).await.expect("it runs");
        let answer = answered(&scene, "create").await;
        assert_eq!((&answer["Status"], &answer["LogicalResourceId"]), (&json!("SUCCESS"), &json!("Setup")), "{answer}");
        engine.ask("PUT", "/stack-2026.11.22/_doc/1", "{}").await;

        let brief = std::time::Duration::from_secs(8);
        for (name, domain, mapping, says) in [
            ("alone", "http://127.0.0.1:9", "{}", "127.0.0.1:9"),
            ("refused", &engine.url(), r#"{"properties":{"a":{"type":"no such type"}}}"#, "no such type"),
            ("faulty", &engine.url(), "[", "mappings/m.json: is not JSON"),
        ] {
            scene.set_mapping("m.json", mapping);
            let mut function = scene.start("setup", domain, &[]).await;
            function.invoke(&event(&scene, "Update", name), brief).await.expect("it runs");
            let answer = answered(&scene, name).await;
            let reason = answer["Reason"].as_str().unwrap_or_default();
            assert!(answer["Status"] == "FAILED" && reason.contains(says), "{name}: {answer}");
            let deleted = format!("deleted-{name}");
            function.invoke(&event(&scene, "Delete", &deleted), brief).await.expect("it runs");
            assert_eq!(answered(&scene, &deleted).await["Status"], "SUCCESS", "{name}");
        }
        let mut by_hand = event(&scene, "Create", "by-hand");
        by_hand["ResourceProperties"]["Run"] = json!("false");
        let mut alone = scene.start("setup", "http://127.0.0.1:9", &[]).await;
        alone.invoke(&by_hand, brief).await.expect("it runs");
        assert_eq!(answered(&scene, "by-hand").await["Status"], "SUCCESS", "the operator does it");
        assert_eq!(engine.send("GET", "/_index_template/millrace-stack*", "").await.0, 404, "its template is gone");
        assert_eq!(engine.count("stack-*").await, 1, "and its data are not");
    });
}
