//! Promise 7: the next invocation resumes where one invocation stopped, but never without progress.

use std::time::Duration;

use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::moto::{Moto, Object};
use tests::place::{self, figure};
use tests::proxy::{Fault, Proxy};
use tests::receipt::{S3 as Receipt, sum};
use tests::scene::{Scene, receipts};

/// Bodies of 64 KiB hold at most a hundred events. The delay below is for each body. An invocation has time for eight
/// of them.
const SLOW: Fault =
    Fault { delay: Duration::from_millis(100), cut_request_after: None, cut_response_after: None, refuse: false };
const SHORT: Duration = Duration::from_millis(800);
const EVENTS: u64 = 16_500;

async fn carried_over(
    scene: &Scene<'_>,
    engine: &Engine,
    object: &Object,
    lines: &[String],
) -> (Vec<Receipt>, Expected) {
    let proxy = Proxy::start(&engine.url()).await;
    proxy.set(SLOW);
    let small =
        [("MILLRACE_MAX_BODY_BYTES", "65536"), ("MILLRACE_MAX_EVENT_BYTES", "65536"), ("MILLRACE_MAX_IN_FLIGHT", "1")];
    let mut function = scene.function(&proxy.url(), &small).await;
    scene.notify(object).await;
    scene.queue.drain(&mut function, SHORT, 400).await;
    let receipts = receipts(&function);
    let mut expected = Expected::of(lines.iter().map(String::as_str));
    engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
    (receipts, expected)
}

#[test]
fn an_object_that_needs_twenty_continuations_arrives_once_and_again_without_its_version_is_harmless() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::versioned(moto, "continued").await;
        let lines: Vec<String> = events::generate(EVENTS, 5).collect();
        let object = scene.put("one.ndjson.gz", events::gzip(lines.concat().as_bytes())).await;
        // A newer version of the object does not disturb the one that was begun.
        scene.put("one.ndjson.gz", "another").await;
        assert!(object.version.is_some());
        let (parts, expected) = carried_over(&scene, engine, &object, &lines).await;
        expected.assert_met();
        assert!(parts.iter().all(|r| r.end_offset >= r.start_offset), "nothing goes back: {parts:#?}");
        // If the deadline cuts SendMessage itself, the message is redelivered next to its continuation. Then there are
        // two chains, and the second meets duplicates. So only the furthest offset must advance.
        let mut offsets = vec![0];
        for start in parts.iter().map(|r| r.start_offset) {
            if start > offsets[offsets.len() - 1] {
                offsets.push(start);
            }
        }
        assert!(offsets.len() > 20, "20 continuations, not {offsets:?}");
        assert!(parts.iter().any(|r| r.is_final && r.end_offset == lines.concat().len() as u64));
        figure("a versioned object", "continuations, each with an offset of its own", offsets.len() - 1);

        // The form in which a listing of the bucket names the object: by ETag, without a version. Its content is the
        // newest version again.
        let again = scene.put("one.ndjson.gz", events::gzip(lines.concat().as_bytes())).await;
        assert_eq!(again.etag, object.etag);
        scene.notify(&Object { version: None, ..again }).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut function, Duration::from_mins(2), 1).await;
        let again = receipts(&function);
        assert_eq!((sum(&again, |r| r.indexed), sum(&again, |r| r.duplicates)), (0, EVENTS), "{again:?}");
        assert_eq!(engine.count(&scene.indices()).await, EVENTS);
        figure("a versioned object", "notified again without its version: new documents", sum(&again, |r| r.indexed));
    });
}

#[test]
fn an_array_goes_on_inside_the_array() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "array-continued").await;
        let lines: Vec<String> = events::generate(3000, 6).collect();
        let array = format!("[{}]", lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join(",\n"));
        let half = array.len() / 2;
        // Two gzip members. The function resumes at the second one, and an event lies across the border.
        let bytes = [events::gzip(&array.as_bytes()[..half]), events::gzip(&array.as_bytes()[half..])].concat();
        let object = scene.put("array.json.gz", bytes).await;
        let (parts, expected) = carried_over(&scene, engine, &object, &lines).await;
        expected.assert_met();
        assert!(parts.len() > 3, "{parts:#?}");
        assert!(scene.dead_letters().await.is_empty());
    });
}

#[test]
fn with_the_domain_down_the_message_fails_and_no_continuation_is_sent() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "down").await;
        let lines: String = events::generate(2000, 7).collect();
        let object = scene.put("a.ndjson", lines).await;
        scene.notify(&object).await;
        let proxy = Proxy::start("http://127.0.0.1:9").await;
        proxy.set(Fault { refuse: true, ..Fault::default() });
        let small = [("MILLRACE_MAX_BODY_BYTES", "65536"), ("MILLRACE_MAX_EVENT_BYTES", "65536")];
        let mut function = scene.function(&proxy.url(), &small).await;
        for _ in 0..3 {
            let round =
                scene.queue.deliver(&mut function, Duration::from_secs(3)).await.expect("the message came again");
            assert_eq!((round.messages.len(), round.failed.len()), (1, 1), "{:?}", round.answer);
            assert_eq!(scene.queue.depth().await, 1);
        }
        assert!(proxy.connections() > 3, "the domain was tried more than once an invocation");
        let receipts = receipts(&function);
        assert_eq!(receipts.len(), 3);
        assert!(
            receipts.iter().all(|r| !r.is_final && r.indexed == 0 && r.end_offset == r.start_offset),
            "{receipts:?}"
        );
        assert_eq!(sum(&receipts, |r| r.undelivered), sum(&receipts, |r| r.read));
        assert!(scene.dead_letters().await.is_empty());
        figure("the domain down", "continuations sent", scene.queue.depth().await - 1);
    });
}

#[test]
fn without_a_queue_an_unfinished_object_ends_with_an_error() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "queueless").await;
        let lines: String = events::generate(5000, 8).collect();
        let object = scene.put("a.ndjson", lines).await;
        let proxy = Proxy::start(&engine.url()).await;
        proxy.set(SLOW);
        let small = [
            ("MILLRACE_MAX_BODY_BYTES", "65536"),
            ("MILLRACE_MAX_EVENT_BYTES", "65536"),
            ("MILLRACE_MAX_IN_FLIGHT", "1"),
            ("MILLRACE_QUEUE_URL", ""),
        ];
        let mut function = scene.function(&proxy.url(), &small).await;
        let event = tests::envelope::s3(&[&object]);
        let answer = function.invoke(&event, SHORT).await.expect("the function runs");
        assert!(matches!(answer, emulator::function::Answer::Error { .. }), "{answer:?}");
    });
}
