//! `_bulk` in the form that the domain accepts. `MILLRACE_ENGINE` shows each form on a real engine; an upgrade needs a
//! stand-in for the engine before it.

use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::json;
use tests::engine::Engine;
use tests::envelope;
use tests::events;
use tests::former_engine::FormerEngine;
use tests::moto::{Moto, Object};
use tests::place;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(2);
const COUNT: u64 = 50;

fn rules(name: &str, index: &str, id: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    timestamp: base_dt\n    \
         fields: {{ date: {{ \"@timestamp\": base_dt }} }}\n    index: {index}\n    id: {id}\n"
    )
}

/// One object of [`COUNT`] events. Small objects share their requests.
async fn object(scene: &Scene<'_>, key: &str, seed: u32) -> Object {
    scene.put(key, events::generate(COUNT, seed).collect::<String>()).await
}

async fn deliver(function: &mut Function, objects: &[&Object]) {
    let answer = function.invoke(&envelope::s3(objects), TIMEOUT).await.expect("it runs");
    assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
}

#[test]
fn events_without_an_id_are_indexed_whatever_the_engine_is() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let template = json!({ "index_patterns": ["form-stream"], "priority": 501, "data_stream": {} });
        let (status, _) = engine.send("PUT", "/_index_template/form-stream", &template.to_string()).await;
        let indices = if status == 200 { &["form-plain", "form-stream"][..] } else { &["form-plain"] };
        for index in indices {
            let scene = Scene::new(moto, index).await;
            scene.set_pipeline(&rules(&scene.prefix, index, "none"));
            let (first, second) = (object(&scene, "a.json", 3).await, object(&scene, "b.json", 4).await);
            let mut function = scene.function(&engine.url(), &[]).await;
            deliver(&mut function, &[&first, &second]).await;
            deliver(&mut function, &[&first]).await;
            let of = receipts(&function);
            assert_eq!(sum(&of, |receipt| receipt.indexed), 3 * COUNT, "{of:?}");
            assert!(scene.dead_letters().await.is_empty());
            assert_eq!(engine.count(index).await, 3 * COUNT);
        }
    });
}

#[test]
fn a_domain_that_is_upgraded_while_the_function_is_warm_takes_each_event_once() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        for (index, id) in [("form-upgraded", "position"), ("form-renewed", "none")] {
            let scene = Scene::new(moto, index).await;
            scene.set_pipeline(&rules(&scene.prefix, index, id));
            let domain = FormerEngine::start(&engine.url()).await;
            let env = [("MILLRACE_COMPRESSION", "none")];
            let mut function = scene.function(&domain.url(), &env).await;
            let objects = [object(&scene, "a.json", 5).await, object(&scene, "b.json", 6).await];
            deliver(&mut function, &[&objects[0], &objects[1]]).await;
            let refused = domain.refused();
            assert!((1..=2).contains(&refused), "one request, or one of each object, shows the form: {refused}");
            deliver(&mut function, &[&objects[0]]).await;
            assert_eq!(domain.refused(), refused, "the form is known");
            domain.upgrade();
            let third = object(&scene, "c.json", 7).await;
            deliver(&mut function, &[&objects[1], &third]).await;
            deliver(&mut function, &[&third]).await;
            let of = receipts(&function);
            let (indexed, again) = if id == "none" { (6, 0) } else { (3, 3) };
            assert_eq!(
                (sum(&of, |receipt| receipt.indexed), sum(&of, |receipt| receipt.duplicates)),
                (indexed * COUNT, again * COUNT),
                "{of:?}"
            );
            assert!(scene.dead_letters().await.is_empty());
            assert_eq!(engine.count(index).await, indexed * COUNT);
        }
        let (_, listed) = engine.send("GET", "/_cat/indices?h=index", "").await;
        assert!(!listed.to_lowercase().contains("millrace\n"), "the upgraded engine created no index: {listed}");
    });
}
