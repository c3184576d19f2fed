//! The owner of an index follows from its mark. Indices of others stay, and indices of an earlier version must be
//! adopted first.

use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::moto::Moto;
use tests::place;
use tests::program::Program;
use tests::scene::Scene;

use super::{day, engine, indices, invoke};

fn rules(name: &str, more: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"[!d]*\", key: \"**\" }}\n    timestamp: base_dt\n    \
         index: {name}-%{{+YYYY.MM.dd}}\n{more}"
    )
}

/// Puts one document into an index.
async fn fill(engine: &Engine, index: &str) {
    engine.ask("PUT", &format!("/{index}/_doc/1?refresh=true"), &json!({ "in": index }).to_string()).await;
}

async fn mark(engine: &Engine, index: &str) -> Value {
    let mapping = parse(&engine.ask("GET", &format!("/{index}/_mapping"), "").await);
    mapping[index]["mappings"]["_meta"]["millrace"]["stack"].clone()
}

/// The template that the last release without marks made for [`rules`].
async fn put_former_template(engine: &Engine, name: &str) {
    let former = json!({
        "index_patterns": [format!("{name}-*.*.*")], "priority": 303 + name.len(),
        "template": { "settings": {}, "mappings": { "properties": { "base_dt": { "type": "date" } } } },
        "_meta": { "managed_by": "millrace", "description": "from pipeline.yaml; changes are overwritten" },
    });
    engine.ask("PUT", &format!("/_index_template/millrace-{name}-x.x.x"), &former.to_string()).await;
}

#[test]
fn indices_of_an_earlier_version_are_reported_adopted_and_then_deleted() {
    let (Some((engine, _, _folder)), Some(moto)) = (engine(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "owned").await;
        scene.set_pipeline(&rules("owned", "    retention: 3d\n"));
        put_former_template(&engine, "owned").await;
        let ours = |ago: i64| format!("owned-{}", day(ago));
        let old = [ours(8), ours(7), ours(6)];
        let foreign = format!("{}-reindexed", ours(9));
        for index in old.iter().chain([&ours(0), &foreign]) {
            fill(&engine, index).await;
        }
        // An alias of a single index is written to, even without `is_write_index`.
        engine
            .ask(
                "POST",
                "/_aliases",
                &json!({ "actions": [{ "add": { "index": old[2], "alias": "current" } }] }).to_string(),
            )
            .await;
        engine.ask("POST", &format!("/{}/_close", old[0]), "").await;
        let all = indices(&engine).await;

        // The upgrade. From now on, the template marks new indices.
        let env = [("MILLRACE_STACK", "Web")];
        let mut setup = scene.start("setup", &engine.url(), &env).await;
        for _ in 0..2 {
            let done = invoke(&mut setup, &json!({})).await.expect("an upgrade");
            assert_eq!(done["templates"], json!(["millrace.web-29751047.owned-x.x.x"]), "{done}");
        }
        assert_eq!(engine.send("GET", "/_index_template/millrace-owned*", "").await.0, 404, "the new one replaced it");
        fill(&engine, &ours(1)).await;
        assert_eq!((mark(&engine, &ours(1)).await, mark(&engine, &ours(0)).await), (json!("Web"), Value::Null));

        let mut retention = scene.start("retention", &engine.url(), &env).await;
        let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
        assert_eq!((&receipt["planned"], &receipt["unowned"]), (&json!(0), &json!(2)), "{receipt}");
        assert_eq!(receipt["unowned_indices"], json!([old[0], old[1]]), "{receipt}");
        assert_eq!(receipt["in_use"], json!([old[2]]), "{receipt}");
        let metrics = receipt["_aws"]["CloudWatchMetrics"][0]["Metrics"].to_string();
        assert!(metrics.contains(r#""unowned""#), "{metrics}");
        assert_eq!(indices(&engine).await.len(), all.len() + 1, "nothing is deleted");

        // Adopts from a terminal, first as a dry run.
        let program = Program::of(&scene, &engine.url()).with(&env);
        let said = program.run(&["adopt"]).await;
        assert!(said.code == Some(0) && said.stdout.contains("4 indices would be marked; --write"), "{said:?}");
        assert_eq!(mark(&engine, &old[1]).await, Value::Null);
        let said = program.run(&["adopt", "--json", "--write", &old[0]]).await;
        assert_eq!(said.json()["adopted"], json!([{ "index": old[0], "dataset": "owned" }]), "{said:?}");
        let said = program.run(&["adopt", &foreign]).await;
        assert!(said.code == Some(1) && said.stdout.contains("no dataset"), "{said:?}");
        // The function adopts the rest.
        let done = invoke(&mut setup, &json!({ "adopt": true })).await.expect("adopted");
        assert_eq!(done["adopted"].as_array().map(Vec::len), Some(3), "{done}");

        // Another stack with the same rules does not touch them.
        let pay = [("MILLRACE_STACK", "pay")];
        let mut other = scene.start("retention", &engine.url(), &pay).await;
        let receipt = invoke(&mut other, &json!({})).await.expect("a run");
        assert_eq!((&receipt["planned"], &receipt["unowned"]), (&json!(0), &json!(0)), "{receipt}");
        assert_eq!(receipt["of_other_stacks"], json!([old[0], old[1]]), "{receipt}");

        let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
        assert_eq!((&receipt["deleted_indices"], &receipt["unowned"]), (&json!(2), &json!(0)), "{receipt}");
        let mut left = vec![foreign, old[2].clone(), ours(1), ours(0)];
        left.sort();
        assert_eq!(indices(&engine).await, left);
    });
}

#[test]
fn a_template_for_the_mark_hides_no_other_and_no_two_datasets_share_a_name() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "hidden").await;
        // These datasets only have a retention, so their templates exist only for the mark.
        let dataset = |name: &str, index: &str, more: &str| {
            format!("  - {{ name: {name}, from: {{ key: \"{name}/**\" }}, index: \"{index}\"{more} }}\n")
        };
        let yaml = [
            "datasets:\n".to_owned(),
            dataset("composable", "hidden-c-%{+YYYY.MM.dd}", ", retention: 3d"),
            dataset("legacy", "hidden-l-%{+YYYY.MM.dd}", ", retention: 3d"),
            dataset("with-rules", "hidden-r-%{+YYYY.MM.dd}", ", timestamp: t, retention: 300w"),
            dataset("by-app", "hidden-zz-%{app}", ", mapping: mappings/a.json"),
            dataset("x", "hidden-zz-x", ", mapping: mappings/b.json"),
        ];
        scene.set_pipeline(&yaml.concat());
        scene.set_mapping("a.json", r#"{"properties":{"from_a":{"type":"keyword"}}}"#);
        scene.set_mapping("b.json", r#"{"properties":{"from_b":{"type":"keyword"}}}"#);
        let users = json!({ "index_patterns": ["hidden-c-*", "hidden-r-*"], "priority": 50, "composed_of": ["hidden-common"],
            "template": { "settings": { "number_of_shards": 2 }, "aliases": { "hidden-all": {} } } });
        let common = json!({ "template": { "mappings": { "properties": { "by_component": { "type": "ip" } } } } });
        let legacy = |order: i64, kind: &str| {
            json!({ "index_patterns": ["hidden-l-*"], "order": order, "settings": { "number_of_replicas": 0 },
                "mappings": { "properties": { "field": { "type": kind } } } })
        };
        for (path, body) in [
            ("/_component_template/hidden-common", common),
            ("/_index_template/hidden-users", users),
            ("/_template/hidden-first", legacy(1, "long")),
            ("/_template/hidden-second", legacy(2, "ip")),
        ] {
            engine.ask("PUT", path, &body.to_string()).await;
        }
        let mut setup = scene.start("setup", &engine.url(), &[("MILLRACE_STACK", "hiding")]).await;
        let done = invoke(&mut setup, &json!({})).await.expect("five templates");
        assert_eq!(done["templates"].as_array().map(Vec::len), Some(5), "{done}");
        let notes = done["notes"].as_array().cloned().unwrap_or_default();
        let is_merged = |note: &Value| note.as_str().is_some_and(|note| note.contains("below its own"));
        assert!(notes.len() == 3 && notes.iter().all(is_merged), "one for each that got content of others: {done}");
        for (index, says) in [
            (
                "hidden-c-2026.11.22",
                [("/mappings/properties/by_component/type", "ip"), ("/settings/index/number_of_shards", "2")],
            ),
            (
                "hidden-r-2026.11.22",
                [("/mappings/properties/by_component/type", "ip"), ("/mappings/properties/t/type", "date")],
            ),
            (
                "hidden-l-2026.11.22",
                [("/mappings/properties/field/type", "ip"), ("/settings/index/number_of_replicas", "0")],
            ),
            (
                "hidden-zz-web",
                [("/mappings/properties/from_a/type", "keyword"), ("/mappings/_meta/millrace/stack", "hiding")],
            ),
            (
                "hidden-zz-x",
                [("/mappings/properties/from_b/type", "keyword"), ("/mappings/_meta/millrace/stack", "hiding")],
            ),
        ] {
            engine.ask("PUT", &format!("/{index}"), "").await;
            let about = parse(&engine.ask("GET", &format!("/{index}"), "").await)[index].clone();
            for (pointer, value) in says.iter().chain(&[("/mappings/_meta/millrace/stack", "hiding")]) {
                assert_eq!(about.pointer(pointer), Some(&json!(value)), "{index}: {about}");
            }
        }
        let all = parse(&engine.ask("GET", "/_alias/hidden-all", "").await);
        assert!(all.get("hidden-c-2026.11.22").is_some(), "{all}");
    });
}

#[test]
fn a_template_of_another_stack_is_left_alone_until_it_is_taken_over() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "taken").await;
        scene.set_pipeline(&rules("taken", "    retention: 3d\n"));
        let named = |prefix: &str| format!("millrace.{prefix}.taken-x.x.x");
        let owners = async || {
            let listed = parse(&engine.ask("GET", "/_index_template", "").await);
            let templates = listed["index_templates"].as_array().cloned().unwrap_or_default();
            let ours =
                templates.into_iter().filter(|one| one["index_template"]["index_patterns"] == json!(["taken-*.*.*"]));
            ours.map(|one| one["name"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        let mut first = scene.start("setup", &engine.url(), &[("MILLRACE_STACK", "first")]).await;
        invoke(&mut first, &json!({})).await.expect("the first");
        let second = [("MILLRACE_STACK", "second")];
        let mut setup = scene.start("setup", &engine.url(), &second).await;
        let error = invoke(&mut setup, &json!({})).await.expect_err("it is the first one's");
        for says in ["the stack first has the template", "millrace setup --take-over", "{\"take_over\": true}"] {
            assert!(error.contains(says), "{error}");
        }
        assert_eq!(owners().await, [named("first")]);
        let program = Program::of(&scene, &engine.url()).with(&second);
        let said = program.run(&["setup", "--take-over"]).await;
        assert_eq!(said.code, Some(0), "{said:?}");
        assert_eq!(owners().await, [named("second")]);
        fill(engine, "taken-2026.11.22").await;
        assert_eq!(mark(engine, "taken-2026.11.22").await, "second");
        // Only the resources of the owner are removed.
        let removed = invoke(&mut first, &json!({ "remove": true })).await.expect("nothing is left of it");
        assert_eq!(removed["templates"], json!([]), "{removed}");
        let said = program.run(&["setup", "--remove", "--json"]).await;
        assert_eq!(said.json()["templates"], json!([named("second")]), "{said:?}");
        assert_eq!(owners().await, Vec::<String>::new());
        assert_eq!(engine.count("taken-*").await, 1, "indices stay");
    });
}
