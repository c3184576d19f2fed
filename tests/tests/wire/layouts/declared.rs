//! Data streams and aliases that pipeline.yaml declares: `setup` prepares them, and `retention` rolls them over and deletes their old
//! indices.

use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::envelope;
use tests::events;
use tests::intercept::{Fault, Intercept};
use tests::moto::Moto;
use tests::place;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

use super::super::operate::invoke;

const TIMEOUT: Duration = Duration::from_mins(2);
const COUNT: u64 = 200;
/// More than every `retention` of these tests.
const AGO_MS: u64 = 40 * 24 * 3_600_000;

fn rules(name: &str, index: &str, more: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    timestamp: base_dt\n    index: {index}\n\
         {more}"
    )
}

/// A reply with every index created long ago.
fn aged(reply: &str) -> String {
    const BEFORE: &str = "\"creation_date\":\"";
    let mut parts = reply.split(BEFORE);
    let mut edited = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (date, rest) = part.split_once('"').expect("a text");
        let date: u64 = date.parse().expect("milliseconds");
        edited.extend([BEFORE, &(date - AGO_MS).to_string(), "\"", rest]);
    }
    edited
}

/// Delivers new events.
async fn ingest(engine: &Engine, scene: &Scene<'_>, function: &mut Function, seed: u32) {
    let object = scene.put(&format!("{seed}.json"), events::generate(COUNT, seed).collect::<String>()).await;
    let before = receipts(function).len();
    let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("it runs");
    assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
    assert_eq!(sum(&receipts(function)[before..], |receipt| receipt.indexed), COUNT);
    engine.ask("POST", &format!("/{}*/_refresh", scene.prefix), "").await;
}

/// The indices that a name stands for, oldest first.
async fn members(engine: &Engine, name: &str) -> Vec<String> {
    let about = parse(&engine.ask("GET", &format!("/{name}?filter_path=*.aliases"), "").await);
    let mut names: Vec<String> = about.as_object().expect("an object").keys().cloned().collect();
    names.sort();
    names
}

/// Runs the life of a dataset whose name rolls over: events, a rollover, more events, another one, and the deletion of all but the
/// index that takes events.
async fn run_its_life(engine: &Engine, scene: &Scene<'_>, name: &str, env: &[(&str, &str)]) {
    let mut function = scene.function(&engine.url(), &[]).await;
    let mut retention = scene.start("retention", &engine.url(), env).await;
    // Nothing is there yet, or nothing but an empty index. Neither is rolled over.
    let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
    assert_eq!((&receipt["rolled_over"], &receipt["planned"]), (&json!([]), &json!(0)), "{receipt}");

    for seed in [1, 2] {
        ingest(engine, scene, &mut function, seed).await;
        let dry = invoke(&mut retention, &json!({ "dry_run": true })).await.expect("a dry run");
        assert_eq!(dry["rolled_over"], json!([]), "{dry}");
        let before = members(engine, name).await;
        // Two runs at once begin one index or two, and none fails. What a second one begins is not rolled over again.
        let mut other = scene.start("retention", &engine.url(), env).await;
        let event = json!({});
        let (one, two) = tokio::join!(invoke(&mut retention, &event), invoke(&mut other, &event));
        let (one, two) = (one.expect("a run"), two.expect("a run"));
        let rolled = [&one, &two].map(|receipt| receipt["rolled_over"].as_array().map_or(0, Vec::len));
        assert!(rolled.contains(&1), "{one} {two}");
        let all = members(engine, name).await;
        assert_eq!(all.len(), before.len() + rolled.iter().sum::<usize>(), "{one} {two}");
        let again = invoke(&mut retention, &json!({})).await.expect("a run");
        assert_eq!((&again["rolled_over"], &again["planned"]), (&json!([]), &json!(0)), "an empty index: {again}");
    }
    ingest(engine, scene, &mut function, 3).await;
    let all = members(engine, name).await;
    let (write, old) = all.split_last().expect("indices");
    assert!(old.len() >= 2, "{all:?}");
    assert_eq!(engine.count(name).await, 3 * COUNT);

    // Forty days later. Only the dates of the domain are moved, and each old index is counted from its rollover.
    let later = Intercept::start(&engine.url()).await;
    later.set(|_, _| Fault::Edited(aged));
    let mut retention = scene.start("retention", &later.url(), env).await;
    let would = invoke(&mut retention, &json!({ "dry_run": true })).await.expect("a dry run");
    assert_eq!(would["planned"], json!(old.len()), "{would}");
    let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
    let deleted: Vec<&Value> = receipt["deleted"].as_array().expect("a list").iter().map(|one| &one["index"]).collect();
    assert_eq!(deleted, old.iter().collect::<Vec<_>>(), "{receipt}");
    assert!(members(engine, name).await.contains(write), "the write index stays");
    assert_eq!(engine.count(name).await, COUNT);
    ingest(engine, scene, &mut function, 4).await;
    assert_eq!(engine.count(name).await, 2 * COUNT);
}

#[test]
fn a_declared_alias_is_set_up_rolled_over_and_its_old_indices_are_deleted() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "rolled-alias").await;
        let index = "{ alias: rolled-alias, rollover: { max_size: 1kb } }";
        scene.set_pipeline(&rules("rolled-alias", index, "    retention: 3d\n    replicas: 0\n"));
        let mut setup = scene.start("setup", &engine.url(), &[]).await;
        for created in [json!(["rolled-alias-000001"]), json!([])] {
            let done = invoke(&mut setup, &json!({})).await.expect("it is prepared");
            assert_eq!(done["indices"], created, "{done}");
        }
        run_its_life(engine, &scene, "rolled-alias", &[]).await;
        assert_eq!(invoke(&mut setup, &json!({})).await.expect("it is there")["indices"], json!([]));
    });
}

#[test]
fn a_declared_data_stream_is_set_up_rolled_over_and_its_old_indices_are_deleted() {
    let (Some((engine, snapshots, _folder)), Some(moto)) = (super::super::operate::engine(), Moto::shared()) else {
        return;
    };
    place::run(async {
        let scene = Scene::new(moto, "rolled-stream").await;
        let index = "{ data_stream: rolled-stream, rollover: { max_size: 1kb } }";
        scene.set_pipeline(&rules("rolled-stream", index, "    retention: 3d\n    snapshot: true\n"));
        let env = [("MILLRACE_SNAPSHOTS", snapshots.as_str())];
        let mut setup = scene.start("setup", &engine.url(), &env).await;
        let done = invoke(&mut setup, &json!({})).await;
        let template = json!({ "index_patterns": ["probe"], "priority": 500, "data_stream": {} });
        if engine.send("PUT", "/_index_template/probe", &template.to_string()).await.0 != 200 {
            // Before 7.9 there are none, and the engines of Maven Central before 8 have no x-pack.
            let error = done.expect_err("it has no data streams");
            assert!(error.contains("data_stream"), "{error}");
            println!("figure | data stream | this engine has none | {error}");
            return;
        }
        let done = done.expect("it is prepared");
        assert_eq!(done["templates"].as_array().map(Vec::len), Some(1), "{done}");
        run_its_life(&engine, &scene, "rolled-stream", &env).await;
        // The deleted indices are in snapshots.
        let listed = parse(&engine.ask("GET", "/_snapshot/millrace/_all", "").await);
        assert!(listed["snapshots"].as_array().is_some_and(|all| all.len() >= 2), "{listed}");
        // The data stay, and with them the template.
        let removed = invoke(&mut setup, &json!({ "remove": true })).await.expect("it is removed");
        assert_eq!(
            (&removed["templates"], removed["kept"].as_array().map(Vec::len)),
            (&json!([]), Some(1)),
            "{removed}"
        );
        // Each document has a time, from the field that `timestamp` names.
        for document in engine.documents("rolled-stream").await {
            let source: Value = parse(&document.source);
            assert!(source["@timestamp"].is_string(), "{source}");
        }
    });
}

#[test]
fn a_name_that_the_domain_has_as_something_else_is_refused_and_nothing_is_changed() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "taken-name").await;
        engine.ask("PUT", "/taken-name", "").await;
        engine.ask("PUT", "/taken-first-000001", "").await;
        for (index, says) in [
            ("{ alias: taken-name }", "the domain has an index of this name"),
            ("{ alias: taken-first, rollover: { max_age: 1d } }", "if it exists without the alias"),
        ] {
            scene.set_pipeline(&rules("taken-name", index, "    retention: 3d\n"));
            let mut setup = scene.start("setup", &engine.url(), &[]).await;
            let error = invoke(&mut setup, &json!({})).await.expect_err("it is refused");
            assert!(error.contains(says), "{error}");
        }
        let (status, _) = engine.send("GET", "/_alias/taken-first", "").await;
        assert_eq!(status, 404);
    });
}
