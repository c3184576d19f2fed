//! `replay` delivers objects and dead letters again: existing documents are not duplicated, and a kill loses nothing.

mod hidden;
mod letters;
mod recreate;
mod repeated;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use emulator::function::{Answer, Function};
use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::events;
use tests::moto::Moto;
use tests::place;
use tests::program::Program;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

use super::invoke;

/// Starts the function `replay` of a scene. It continues by invoking a function that moto knows and does not run.
pub(in super::super) async fn replay(scene: &Scene<'_>, domain: &str, more: &[(&str, &str)]) -> Function {
    let name = format!("replay-{}", scene.prefix);
    scene.moto.lambda_function(&name).await;
    let state = format!("s3://dead-{}/state", scene.prefix);
    let env = [
        &[
            ("MILLRACE_STATE", state.as_str()),
            ("MILLRACE_QUEUE_URL", scene.queue.url.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", name.as_str()),
        ],
        more,
    ]
    .concat();
    scene.start("replay", domain, &env).await
}

/// Invokes until the replay is over, as the function would invoke itself. Returns the final progress.
pub(in super::super) async fn through(function: &mut Function, event: &Value, limit: Duration) -> Value {
    let mut answer = function.invoke(event, limit).await.expect("it runs");
    loop {
        let progress = parse(&String::from_utf8_lossy(answer.response().expect("progress")));
        if progress["phase"] == "done" {
            return progress;
        }
        answer = function.invoke(&json!({ "continue": progress["id"] }), limit).await.expect("it runs");
    }
}

#[test]
fn a_replay_of_everything_adds_nothing_and_leaves_out_what_no_dataset_takes() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "replay").await;
        scene.set_pipeline(
            "datasets:\n  - name: replay\n    from: { bucket: \"[!d]*\", key: \"in/**\" }\n    timestamp: base_dt\n    index: replay-%{+YYYY.MM.dd}\n",
        );
        let lines: Vec<String> = events::generate(500, 3).collect();
        for (number, key) in ["in/a.json", "in/b c+d é.json", "in/deep/e.json"].iter().enumerate() {
            let object = scene.put(key, lines[number * 100..(number + 1) * 100].concat()).await;
            scene.notify(&object).await;
        }
        scene.put("other/f.json", lines[300..].concat()).await;
        let mut ingest = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut ingest, super::LIMIT, 9).await;
        assert_eq!(engine.count("replay-*").await, 300);

        let mut replay = replay(&scene, &engine.url(), &[]).await;
        let from = format!("s3://{}", scene.bucket);
        let done = through(&mut replay, &json!({ "from": from }), super::LIMIT).await;
        assert_eq!((&done["listed"], &done["sent"], &done["phase"]), (&json!(4), &json!(3), &json!("done")), "{done}");
        assert_eq!(scene.queue.depth().await, 3);
        let before = receipts(&ingest).len();
        scene.queue.drain(&mut ingest, super::LIMIT, 9).await;
        let again = &receipts(&ingest)[before..];
        assert_eq!((sum(again, |r| r.duplicates), sum(again, |r| r.indexed)), (300, 0));
        assert_eq!(engine.count("replay-*").await, 300);

        // The progress by the id of the replay, and requests that are refused.
        let progress = invoke(&mut replay, &json!({ "progress": done["id"] })).await.expect("progress");
        assert_eq!(progress, done);
        for (event, says) in [
            (
                json!({ "from": from, "dataset": "other" }),
                "there is no dataset `other` in pipeline.yaml; there are replay",
            ),
            (json!({ "from": from, "since": "soon" }), "give a date such as 2026-11-22"),
            (json!({ "from": "bucket" }), "give s3://bucket/prefix"),
            (json!({ "progress": "1-2" }), "there is no replay `1-2`"),
            (
                json!({ "dead_letters": "s3://somewhere/else" }),
                "this deployment's dead letters are below s3://dead-replay/letters",
            ),
            (json!({ "hello": 1 }), "neither `from` nor `dead_letters`"),
        ] {
            let error = invoke(&mut replay, &event).await.expect_err("it is refused");
            assert!(error.contains(says), "{event}: {error}");
        }
        for (since, until, sent) in
            [("2020-01-01", "2999-01-01", 3), ("2999-01-01", "2999-01-02", 0), ("2020-01-01", "2020-01-02", 0)]
        {
            let event = json!({ "from": format!("{from}/in/"), "dataset": "replay", "since": since, "until": until });
            assert_eq!(through(&mut replay, &event, super::LIMIT).await["sent"], sent, "{event}");
        }
    });
}

#[test]
fn without_ids_nothing_is_replayed_and_nothing_recreated() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "no-ids").await;
        scene.set_source(&format!("bucket: {}, key: \"in/**\"", scene.bucket), &["id: none"]);
        let object = scene.put("in/a.json", "{\"a\":1}\n").await;
        scene.notify(&object).await;
        let more = [("MILLRACE_SOURCE_FUNCTIONS", "no-ids-s3")];
        let mut replay = replay(&scene, "http://127.0.0.1:9", &more).await;
        let recreate = json!({ "dataset": "no-ids", "recreate": true });
        let mut dry = recreate.clone();
        dry["dry_run"] = json!(true);
        let from = json!({ "from": format!("s3://{}", scene.bucket) });
        for event in [from, recreate, dry] {
            let error = invoke(&mut replay, &event).await.expect_err("it is refused");
            assert!(error.contains("`no-ids` has `id: none`"), "{event}: {error}");
        }
        assert_eq!(scene.queue.depth().await, 1, "its own notification alone");
    });
}

#[test]
fn a_terminal_does_the_same_and_either_goes_on_where_the_other_stopped() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "terminal").await;
        for number in 0..30 {
            scene.put(&format!("in/{number:02}.json"), "{}").await;
        }
        let state = format!("s3://dead-{}/state", scene.prefix);
        let program = Program::of(&scene, "http://127.0.0.1:9").with(&[("MILLRACE_STATE", &state)]);
        let from = format!("s3://{}/in", scene.bucket);
        let said = program.run(&["replay", &from, "--dataset", "terminal"]).await;
        assert!(said.code == Some(0) && said.stderr.contains("sending"), "{}{}", said.stdout, said.stderr);
        let done = said.json();
        assert_eq!((&done["sent"], &done["phase"]), (&json!(30), &json!("done")), "{done}");
        assert_eq!(scene.queue.depth().await, 30);
        let id = done["id"].as_str().expect("an id");
        assert_eq!(program.run(&["replay", "--progress", id]).await.json(), done);
        let said = program.run(&["replay", &from, "--dataset", "other"]).await;
        assert!(said.code == Some(1) && said.stderr.contains("there is no dataset `other`"), "{}", said.stderr);

        // The function processes a first part slowly, and the terminal processes the rest.
        let mut replay = replay(&scene, "http://127.0.0.1:9", &[]).await;
        let answer = replay.invoke(&json!({ "from": from, "rate": 2 }), Duration::from_secs(6)).await.expect("it runs");
        let begun = parse(&String::from_utf8_lossy(answer.response().expect("progress")));
        assert_eq!(begun["phase"], "sending", "{begun}");
        let id = begun["id"].as_str().expect("an id");
        let go_on = ["replay", "--continue", id];
        let going = program.run(&go_on);
        let stopping = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            program.run(&["replay", "--stop", id]).await
        };
        let (said, stopped) = tokio::join!(going, stopping);
        assert_eq!(stopped.json()["phase"], "stopped");
        assert!(said.code == Some(1) && said.stderr.contains("it was stopped"), "{}{}", said.stdout, said.stderr);
    });
}

/// Replays many listed objects while the function is killed repeatedly. Then every object is in the queue.
async fn killed_at_random(moto: &Moto, name: &str, objects: usize, kills: usize) {
    let scene = Scene::new(moto, name).await;
    let keys: Vec<String> = (0..objects).map(|number| format!("source/{number:06}.json")).collect();
    for chunk in keys.chunks(50) {
        futures_util::future::join_all(chunk.iter().map(|key| scene.put(key, "{}\n"))).await;
    }
    let mut replay = replay(&scene, "http://127.0.0.1:9", &[]).await;
    let mut random = fastrand::Rng::with_seed(place::seed(name));
    // With a rate. Otherwise the replay would end before a kill.
    let mut event = json!({ "from": format!("s3://{}/source/", scene.bucket), "rate": 100 });
    let states = async || moto.objects(&format!("dead-{name}"), "state/replays/").await;
    for _ in 0..kills {
        let work = replay.invoke(&event, super::LIMIT);
        // Often before the invocation ends. Then the process is killed with all requests in flight.
        let _ = tokio::time::timeout(Duration::from_millis(random.u64(300..2_500)), work).await;
        replay.kill().await;
        if let [(_, state)] = states().await.as_slice() {
            let state: Value = serde_json::from_slice(state).expect("a whole state, whenever it was killed");
            event = json!({ "continue": state["id"] });
        }
    }
    let done = through(&mut replay, &event, super::LIMIT).await;
    assert_eq!((&done["listed"], &done["sent"]), (&json!(objects), &json!(objects)), "each counts once: {done}");
    let mut notified = BTreeSet::new();
    loop {
        let messages = scene.queue.receive().await;
        if messages.is_empty() {
            break;
        }
        for message in &messages {
            notified
                .insert(parse(&message.body)["Records"][0]["s3"]["object"]["key"].as_str().expect("a key").to_owned());
        }
        scene.queue.settle(messages, Answer::Response(br#"{"batchItemFailures":[]}"#.as_slice().into())).await;
    }
    assert_eq!(notified, keys.into_iter().collect::<BTreeSet<_>>());
}

#[test]
fn a_replay_that_is_killed_at_random_notifies_every_object_and_counts_each_once() {
    let Some(moto) = Moto::shared() else { return };
    place::run(killed_at_random(moto, "killed", 200, 2));
}

#[test]
fn the_pace_is_kept_also_from_one_invocation_to_the_next() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "pace").await;
        for number in 0..60 {
            scene.put(&format!("{number:02}.json"), "{}\n").await;
        }
        let mut replay = replay(&scene, "http://127.0.0.1:9", &[]).await;
        let started = Instant::now();
        let event = json!({ "from": format!("s3://{}", scene.bucket), "rate": 20 });
        // Less time than the replay needs, so it continues in further invocations.
        let done = through(&mut replay, &event, Duration::from_millis(1_500)).await;
        let seconds = started.elapsed().as_secs_f64();
        assert_eq!(done["sent"], 60);
        // This is a lower bound, because a fast machine must keep the rate too. The first object of each invocation
        // need not wait.
        assert!(seconds > 1.9, "60 objects at 20 a second in {seconds} s");
        let paces: BTreeSet<_> = replay.lines().into_iter().collect();
        assert!(!paces.iter().any(|line| line.contains("ERROR")), "{paces:?}");
    });
}

#[test]
fn a_replay_can_be_stopped_while_it_is_at_work() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "stopped").await;
        for number in 0..50 {
            scene.put(&format!("{number:02}.json"), "{}\n").await;
        }
        let mut at_work = replay(&scene, "http://127.0.0.1:9", &[]).await;
        let state = format!("s3://dead-{}/state", scene.prefix);
        let env = [("MILLRACE_STATE", state.as_str()), ("MILLRACE_QUEUE_URL", scene.queue.url.as_str())];
        let mut other = scene.start("replay", "http://127.0.0.1:9", &env).await;
        let event = json!({ "from": format!("s3://{}", scene.bucket), "rate": 1 });
        let work = at_work.invoke(&event, super::LIMIT);
        let stop = async {
            let id = loop {
                let states = moto.objects("dead-stopped", "state/replays/").await;
                if let Some(state) = states.first().map(|(_, state)| parse(&String::from_utf8_lossy(state))) {
                    break state["id"].clone();
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            };
            invoke(&mut other, &json!({ "stop": id })).await.expect("it is stopped")
        };
        let (worked, stopped) = tokio::join!(work, stop);
        assert_eq!(stopped["phase"], "stopped");
        worked.expect("it runs").response().expect("it ends without an error, long before its 50 seconds");
        assert!(scene.queue.depth().await < 20);
        let progress = invoke(&mut other, &json!({ "progress": stopped["id"] })).await.expect("progress");
        assert_eq!(progress["phase"], "stopped");
        let refused = invoke(&mut other, &json!({ "continue": stopped["id"] })).await.expect_err("it is stopped");
        assert!(refused.contains("was stopped and does not continue"), "{refused}");
        // The function's own next invocation ends, and no alarm fires.
        let event = json!({ "continue": stopped["id"], "itself": true });
        assert_eq!(invoke(&mut other, &event).await.expect("it ends")["phase"], "stopped");
    });
}
