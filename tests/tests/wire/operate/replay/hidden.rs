//! `recreate` waits for the invocations that the sources began, and not for messages that are only hidden.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::engine::Engine;
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::{replay, through};
use crate::wire::operate::{LIMIT, invoke};

#[test]
fn a_hidden_message_does_not_keep_the_sources_off() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "asleep").await;
        scene.set_source(&format!("bucket: {}, key: \"in/**\"", scene.bucket), &[]);
        scene.put("in/a.json", "{\"base_dt\":\"2026-11-27T10:00:00Z\"}\n").await;
        moto.lambda_function("asleep-s3").await;
        moto.queue("asleep-mapped").await;
        let mapping = moto.map_queue("asleep-s3", "asleep-mapped", 9).await;
        scene.queue.send(&json!({ "failed": "an hour ago" })).await;
        let receive = moto.sqs.receive_message().queue_url(&scene.queue.url).visibility_timeout(3_600);
        let received = receive.send().await.expect("it is received");
        assert_eq!(received.messages().len(), 1, "one is hidden for an hour");

        let more = [("MILLRACE_SOURCE_FUNCTIONS", "asleep-s3"), ("MILLRACE_SOURCE_TIMEOUT", "2")];
        let mut replay = replay(&scene, &engine.url(), &more).await;
        let mut event = json!({ "dataset": "asleep", "recreate": true, "dry_run": true });
        let plan = invoke(&mut replay, &event).await.expect("a plan")["plan"].clone();
        event = json!({ "dataset": "asleep", "recreate": true, "plan": plan["id"], "without_snapshot": true });
        let begun = Instant::now();
        // Too short for the wait: the runs that follow know since when the sources are off.
        let done = through(&mut replay, &event, Duration::from_secs(6)).await;
        let took = begun.elapsed();
        assert!(took > Duration::from_secs(7) && took < LIMIT, "{took:?}: {done}");
        assert_eq!((&done["phase"], &done["sent"]), (&json!("done"), &json!(1)), "{done}");
        assert_eq!(moto.mapping(&mapping).await, (true, Some(9), None), "released as it was");
    });
}
