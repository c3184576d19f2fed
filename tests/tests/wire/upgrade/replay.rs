//! A replay that the former release began: its progress is in the state, and a part of its messages is in the queue.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::super::operate::replay::{replay, through};
use super::{LIMIT, RELEASES, kept, lines, put_back, write_lines};

const NAME: &str = "upgrade-replay";
const OBJECTS: usize = 30;

async fn put_objects(scene: &Scene<'_>) -> Vec<String> {
    let mut events = Vec::new();
    for number in 0..OBJECTS {
        let event = format!("{{\"base_dt\":\"2023-11-14T00:00:00Z\",\"n\":{number}}}");
        scene.put(&format!("in/{number:02}.json"), event.clone()).await;
        events.push(event);
    }
    events
}

/// Receives all messages of a queue.
async fn messages(scene: &Scene<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let some = scene.queue.receive().await;
        if some.is_empty() {
            return all;
        }
        all.extend(some.iter().map(|message| parse(&message.body)));
    }
}

pub(super) async fn leave(release: &str, engine: &Engine, moto: &Moto) {
    let scene = Scene::new(moto, NAME).await;
    put_objects(&scene).await;
    let mut replay = replay(&scene, &engine.url(), &[]).await;
    let event = json!({ "from": format!("s3://{}/in", scene.bucket), "rate": 2 });
    let answer = replay.invoke(&event, Duration::from_secs(6)).await.expect("it runs");
    let begun = parse(&String::from_utf8_lossy(answer.response().expect("progress")));
    assert_eq!(begun["phase"], "sending", "{begun}");
    write_lines(release, "replay.state.gz", kept(moto, &format!("dead-{NAME}"), "state/").await);
    let messages = messages(&scene).await;
    assert!(!messages.is_empty() && messages.len() < OBJECTS, "{messages:?}");
    write_lines(release, "replay.messages.gz", messages);
}

#[test]
fn a_replay_that_a_former_release_began_sends_the_rest() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        for release in RELEASES {
            let scene = Scene::new(moto, NAME).await;
            let events = put_objects(&scene).await;
            let states = lines(release, "replay.state.gz");
            put_back(moto, &format!("dead-{NAME}"), &states, &[]).await;
            let sent = lines(release, "replay.messages.gz");
            for message in &sent {
                scene.queue.send(message).await;
            }
            let id = states[0]["key"].as_str().and_then(|key| key.rsplit('/').next()).expect("a key");
            let id = id.trim_end_matches(".json");
            let mut replay = replay(&scene, &engine.url(), &[]).await;
            let progress =
                super::super::operate::invoke(&mut replay, &json!({ "progress": id })).await.expect("progress");
            assert_eq!((&progress["phase"], &progress["sent"]), (&json!("sending"), &json!(sent.len())), "{progress}");
            // At its own rate, it would take a quarter of a minute.
            let done = through(&mut replay, &json!({ "continue": id }), LIMIT).await;
            assert_eq!((&done["sent"], &done["listed"]), (&json!(OBJECTS), &json!(OBJECTS)), "{done}");

            let mut ingest = scene.function(&engine.url(), &[]).await;
            scene.queue.drain(&mut ingest, LIMIT, 30).await;
            let found: Vec<_> =
                engine.documents(&scene.indices()).await.into_iter().map(|found| found.source).collect();
            assert_eq!(found.len(), OBJECTS);
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), events.into_iter().collect::<BTreeSet<_>>());
        }
    });
}
