//! Indices that are written through another name: an alias with a write index, and a data stream.

mod declared;

use std::time::Duration;

use emulator::function::Answer;
use serde_json::json;
use tests::engine::Engine;
use tests::envelope;
use tests::events;
use tests::moto::Moto;
use tests::place;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(2);
const COUNT: u64 = 500;

/// Delivers the same object twice into `index`, and checks that each event is there once.
async fn assert_each_once(engine: &Engine, scene: &Scene<'_>, index: &str, found_in: &str) {
    scene.set_pipeline(&format!(
        "datasets:\n  - name: {}\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    timestamp: base_dt\n    \
         fields: {{ date: {{ \"@timestamp\": base_dt }} }}\n    index: {index}\n",
        scene.prefix
    ));
    let object = scene.put("a.json", events::generate(COUNT, 21).collect::<String>()).await;
    let mut function = scene.function(&engine.url(), &[]).await;
    for _ in 0..2 {
        let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("it runs");
        assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
    }
    let of = receipts(&function);
    assert_eq!((sum(&of, |r| r.indexed), sum(&of, |r| r.duplicates)), (COUNT, COUNT), "{of:?}");
    assert_eq!(engine.count(found_in).await, COUNT);
}

#[test]
fn an_alias_with_a_write_index_takes_each_event_once() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "layout-alias").await;
        let aliases = json!({ "aliases": { "layout-alias-all": { "is_write_index": true } } });
        engine.ask("PUT", "/layout-alias-000002", &aliases.to_string()).await;
        let older = json!({ "aliases": { "layout-alias-all": {} } });
        engine.ask("PUT", "/layout-alias-000001", &older.to_string()).await;
        assert_each_once(engine, &scene, "layout-alias-all", "layout-alias-000002").await;
    });
}

#[test]
fn a_data_stream_takes_each_event_once_until_it_rolls_over() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let template = json!({ "index_patterns": ["layout-stream"], "priority": 500, "data_stream": {} });
        let (status, answer) = engine.send("PUT", "/_index_template/layout-stream", &template.to_string()).await;
        if status != 200 {
            // Before 7.9 there are none, and the engines of Maven Central have no x-pack.
            println!("figure | data stream | this engine has none | {status} {answer}");
            return;
        }
        let scene = Scene::new(moto, "layout-stream").await;
        assert_each_once(engine, &scene, "layout-stream", "layout-stream").await;
    });
}
