//! A replay of many listed objects, killed at random: every object is notified, and each counts once. `make prove` runs
//! it with a hundred thousand. The other side is [`tests::large_bucket`]. `operate` runs the same against moto.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use emulator::function::Function;
use serde_json::json;
use tests::large_bucket::{self, LargeBucket};
use tests::place;

/// Long enough for the lease of a killed invocation and the remaining work.
const LIMIT: Duration = Duration::from_mins(2);

#[test]
fn of_many_objects_each_is_notified_and_counts_once_however_often_the_function_is_killed() {
    place::run(async {
        let objects = crate::REPLAYED;
        let large_bucket = LargeBucket::start(objects).await;
        let folder = place::scratch();
        let pipeline = folder.path().join("pipeline.yaml");
        std::fs::write(&pipeline, "datasets:\n  - { name: a, from: { key: \"source/**\" }, index: a }\n")
            .expect("a file");
        let env = [
            ("AWS_REGION", tests::moto::REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", "AKIAMILLRACE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "tests/only".to_owned()),
            ("AWS_ENDPOINT_URL", large_bucket.url()),
            ("MILLRACE_DOMAIN_ENDPOINT", "http://127.0.0.1:9".to_owned()),
            ("MILLRACE_DOMAIN_AUTH", "none".to_owned()),
            ("MILLRACE_PIPELINE", pipeline.display().to_string()),
            ("MILLRACE_DEAD_LETTERS", "s3://dead-letters/letters".to_owned()),
            ("MILLRACE_STATE", "s3://dead-letters/state".to_owned()),
            ("MILLRACE_QUEUE_URL", format!("{}/queue", large_bucket.url())),
        ];
        let mut replay = Function::start(&place::function("replay"), &env).await.expect("it starts");
        let mut random = fastrand::Rng::with_seed(place::seed("replayed"));
        let started = Instant::now();
        let mut event = json!({ "from": "s3://logs/source/" });
        for _ in 0..crate::REPLAY_KILLS {
            // The kill comes between the lease and the end: while it sends, or while it waits for the lease of an
            // earlier killed invocation.
            let before = large_bucket.progress()["sent"].clone();
            let work = replay.invoke(&event, LIMIT);
            let killing = async {
                while large_bucket.progress()["sent"] == before {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                tokio::time::sleep(Duration::from_millis(random.u64(0..300))).await;
            };
            tokio::select! { answer = work => drop(answer), () = killing => {} }
            replay.kill().await;
            event = json!({ "continue": large_bucket.progress()["id"] });
        }
        let answer = replay.invoke(&event, LIMIT).await.expect("it runs");
        let done: serde_json::Value = serde_json::from_slice(answer.response().expect("progress")).expect("JSON");
        assert_eq!(done["phase"], "done", "{done}");
        assert_eq!((&done["listed"], &done["sent"]), (&json!(objects), &json!(objects)), "each counts once: {done}");
        let notified = large_bucket.notified();
        let missing: Vec<_> =
            (0..objects).map(large_bucket::key).filter(|key| !notified.contains_key(key)).take(5).collect();
        assert!(missing.is_empty() && notified.len() == objects, "{missing:?}");
        let twice = sum(&notified) - objects as u64;
        place::figure("replay of listed objects", "objects", objects);
        place::figure("replay of listed objects", "killed", crate::REPLAY_KILLS);
        place::figure("replay of listed objects", "notified again after a kill", twice);
        place::figure("replay of listed objects", "CPU-seconds of the function", replay.cpu_seconds());
        place::figure(
            "replay of listed objects",
            "seconds, leases of the killed included",
            started.elapsed().as_secs(),
        );
        // A kill repeats at most the objects between two writes of the progress: a page, or three seconds.
        assert!(twice <= 20_000 * crate::REPLAY_KILLS as u64, "{twice}");
    });
}

fn sum(notified: &HashMap<String, u64>) -> u64 {
    notified.values().sum()
}
