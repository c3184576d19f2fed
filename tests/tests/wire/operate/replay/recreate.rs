//! `recreate`: the indices of a dataset by other rules, exactly as if they had been loaded by them from the first.

use std::collections::BTreeSet;

use serde_json::json;
use tests::engine::Engine;
use tests::events;
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::{replay, through};

fn rules(name: &str, more: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"in/**\" }}\n    timestamp: base_dt\n    index: {name}-%{{+YYYY.MM.dd}}\n{more}"
    )
}

/// Everything in the indices of a dataset, but for its name in theirs.
async fn contents(engine: &Engine, name: &str) -> BTreeSet<(String, String, String)> {
    assert!(engine.count(&format!("{name}-*")).await > 0, "nothing in {name}");
    let mut found = BTreeSet::new();
    for document in engine.documents(&format!("{name}-*")).await {
        let index = document.index.replacen(name, "", 1);
        assert!(found.insert((index, document.id, document.source)), "an id twice in one index");
    }
    found
}

#[test]
fn whatever_the_old_and_the_new_rules_recreate_leaves_what_a_fresh_load_would() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let sets = [
        "",
        "    select: os:iOS AND lat:[0 TO 90]\n",
        "    fields: { drop: [params], rename: { adid: user } }\n    shards: 2\n",
        "    select: NOT os:iOS\n    fields: { add: { env: prod } }\n    retention: 5200w\n",
    ];
    place::run(async {
        let scene = Scene::new(moto, "recreate").await;
        let lines: Vec<String> = events::generate(600, 5).collect();
        let mut objects = Vec::new();
        for (number, chunk) in lines.chunks(200).enumerate() {
            objects.push(scene.put(&format!("in/{number}.json"), chunk.concat()).await);
        }
        moto.lambda_function("recreate-s3").await;
        // Not the queue of the scene: moto takes the messages of a queue that is mapped, and runs nothing.
        moto.queue("recreate-mapped").await;
        let mapping = moto.map_queue("recreate-s3", "recreate-mapped", 9).await;
        let mut fresh = Vec::new();
        for (number, set) in sets.iter().enumerate() {
            // In indices of other names, by rules that were never others.
            let name = format!("fresh{number}");
            scene.set_pipeline(&rules(&name, set));
            for object in &objects {
                scene.notify(object).await;
            }
            let mut ingest = scene.function(&engine.url(), &[]).await;
            scene.queue.drain(&mut ingest, super::super::LIMIT, 9).await;
            fresh.push(contents(engine, &name).await);
        }
        assert!(fresh[0].len() == 600 && fresh.iter().all(|contents| !contents.is_empty()));
        for (number, set) in sets.iter().enumerate().chain(std::iter::once((0, &sets[0]))) {
            scene.set_pipeline(&rules("recreate", set));
            let more = [("MILLRACE_SOURCE_FUNCTIONS", "recreate-s3")];
            let mut replay = replay(&scene, &engine.url(), &more).await;
            let event = json!({ "from": format!("s3://{}/in", scene.bucket), "dataset": "recreate", "recreate": true });
            let done = through(&mut replay, &event, super::super::LIMIT).await;
            assert_eq!(done["sent"], 3, "{done}");
            assert_eq!(moto.mapping(&mapping).await, (true, Some(9), None), "released as it was");
            let mut ingest = scene.function(&engine.url(), &[]).await;
            scene.queue.drain(&mut ingest, super::super::LIMIT, 9).await;
            assert_eq!(contents(engine, "recreate").await, fresh[number], "rules {number}");
        }
    });
}
