//! `brake` pauses the event sources while the domain cannot accept documents, and releases them afterwards with their
//! earlier settings.

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::{day, invoke};

#[test]
#[expect(clippy::too_many_lines, reason = "one scenario, read from top to bottom")]
fn the_sources_wait_while_the_domain_is_blocked_and_the_next_run_restores_them() {
    // A block of the cluster would disturb other tests, so this test has its own node.
    let (Some(engine), Some(moto)) = (Engine::with_settings(&[]), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "brake").await;
        for function in ["brake-s3", "brake-kinesis"] {
            moto.lambda_function(function).await;
        }
        let queue = moto.map_queue("brake-s3", "brake", 10).await;
        let stream = moto.map_stream("brake-kinesis", "s", 4).await;
        let by_hand = moto.map_stream("brake-kinesis", "off", 3).await;
        moto.set_mapping(&by_hand, json!({ "Enabled": false })).await; // by an operator
        let set = async || [moto.mapping(&queue).await, moto.mapping(&stream).await, moto.mapping(&by_hand).await];
        let saved = [(true, Some(10), None), (true, None, Some(4)), (false, None, Some(3))];
        let paused = saved.map(|(_, concurrency, factor)| (false, concurrency, factor));
        assert_eq!(set().await, saved);

        let state = format!("s3://dead-{}/state", scene.prefix);
        let env = [("MILLRACE_STATE", state.as_str()), ("MILLRACE_SOURCE_FUNCTIONS", "brake-s3,brake-kinesis")];
        let mut brake = scene.start("brake", &engine.url(), &env).await;
        let run = async |brake: &mut emulator::function::Function| invoke(brake, &Value::Null).await.expect("a run");
        assert_eq!(run(&mut brake).await["paused"], 0);
        assert_eq!(set().await, saved, "a domain that is well is left alone");

        let index = format!("{}-{}", scene.prefix, day(0));
        engine.ask("PUT", &format!("/{index}"), "").await;
        let blocks: [(&str, &str, &str, &str); 2] = [
            (
                "/_cluster/settings",
                r#"{"transient":{"cluster.blocks.create_index":true}}"#,
                r#"{"transient":{"cluster.blocks.create_index":null}}"#,
                "cluster.blocks.create_index",
            ),
            // The flood stage of a full disk sets this block on each index.
            (
                &format!("/{index}/_settings"),
                r#"{"index.blocks.read_only_allow_delete":true}"#,
                r#"{"index.blocks.read_only_allow_delete":null}"#,
                "read-only because a disk was full",
            ),
        ];
        for (path, block, unblock, says) in blocks {
            engine.ask("PUT", path, block).await;
            let report = run(&mut brake).await;
            assert!(
                report["paused"] == 1 && report["reasons"][0].as_str().is_some_and(|why| why.contains(says)),
                "{report}"
            );
            assert_eq!(set().await, paused, "{says}");
            assert_eq!(run(&mut brake).await["paused"], 1);
            assert_eq!(set().await, paused, "and stay so");
            engine.ask("PUT", path, unblock).await;
            let report = run(&mut brake).await;
            assert_eq!((&report["paused"], &report["reasons"]), (&json!(0), &json!([])), "{report}");
            assert_eq!(set().await, saved, "as they were, and what an operator turned off stays off");
        }

        // A full disk, by a limit that every disk is below. Then a domain that does not answer.
        let short = [&env[..], &[("MILLRACE_FREE_STORAGE_BRAKE", "99.99%")]].concat();
        let mut short = scene.start("brake", &engine.url(), &short).await;
        let report = run(&mut short).await;
        assert!(report["reasons"][0].as_str().is_some_and(|why| why.contains("free storage is below")), "{report}");
        assert_eq!(set().await, paused);
        let mut alone = scene.start("brake", "http://127.0.0.1:9", &env).await;
        let answer = alone.invoke(&json!({}), std::time::Duration::from_secs(6)).await.expect("it runs");
        let report: Value = serde_json::from_slice(answer.response().expect("a report")).expect("JSON");
        assert!(report["reasons"][0].as_str().is_some_and(|why| why.contains("does not answer")), "{report}");
        assert_eq!(set().await, paused);
        assert_eq!(run(&mut brake).await["paused"], 0);
        assert_eq!(set().await, saved);
    });
}

#[test]
fn writes_refused_for_load_pause_the_sources_and_only_those_since_the_last_look() {
    let settings = [("thread_pool.write.size", "1"), ("thread_pool.write.queue_size", "1")];
    let (Some(engine), Some(moto)) = (Engine::with_settings(&settings), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "refusals").await;
        moto.lambda_function("refusals-s3").await;
        let queue = moto.map_queue("refusals-s3", "refusals", 7).await;
        let state = format!("s3://dead-{}/state", scene.prefix);
        let env = [
            ("MILLRACE_STATE", state.as_str()),
            ("MILLRACE_SOURCE_FUNCTIONS", "refusals-s3"),
            ("MILLRACE_REFUSALS_BRAKE", "5"),
        ];
        let mut brake = scene.start("brake", &engine.url(), &env).await;
        assert_eq!(invoke(&mut brake, &Value::Null).await.expect("a run")["paused"], 0);
        // A real engine with one thread and a queue of one refuses most requests that arrive at the same moment.
        let body = format!("{{\"create\":{{}}}}\n{{\"a\":\"{}\"}}\n", "x".repeat(2000)).repeat(200);
        let mut refused = 0;
        while refused < 50 {
            let url = engine.url() + "/refusals/_bulk";
            let http = tests::engine::http();
            let bulk = || http.post(&url).header("content-type", "application/x-ndjson").body(body.clone()).send();
            let all = futures_util::future::join_all((0..20).map(|_| bulk())).await;
            for answer in all {
                refused += answer.expect("an answer").text().await.expect("text").matches("\"status\":429").count();
            }
        }
        let report = invoke(&mut brake, &Value::Null).await.expect("a run");
        assert!(report["paused"] == 1 && report["refused"].as_u64() >= Some(5), "{report}");
        assert!(!moto.mapping(&queue).await.0);
        let report = invoke(&mut brake, &Value::Null).await.expect("a run");
        assert_eq!((&report["refused"], &report["reasons"]), (&json!(0), &json!([])), "{report}");
        assert_eq!(moto.mapping(&queue).await, (true, Some(7), None));
    });
}
