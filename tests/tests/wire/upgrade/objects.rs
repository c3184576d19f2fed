//! An object that the former release began: its continuation is in the queue.

use std::time::Duration;

use tests::engine::Engine;
use tests::events::{Expected, gzip};
use tests::moto::Moto;
use tests::place;
use tests::proxy::{Fault, Proxy};
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

use super::{LIMIT, RELEASES, documents, lines, read, restore, write, write_lines};

const NAME: &str = "upgrade-object";
const KEY: &str = "half.ndjson.gz";
const EVENTS: usize = 200;
/// A body holds eight events. The delay below is for each body.
const SLOW: Fault =
    Fault { delay: Duration::from_millis(400), cut_request_after: None, cut_response_after: None, refuse: false };
/// Time for some of the 25 bodies.
const SHORT: Duration = Duration::from_secs(4);

/// Long lines that compress well.
fn events() -> Vec<String> {
    let pad = "x".repeat(8_000);
    (0..EVENTS).map(|n| format!("{{\"base_dt\":\"2023-11-14T00:00:00Z\",\"n\":{n},\"pad\":\"{pad}\"}}\n")).collect()
}

pub(super) async fn leave(release: &str, engine: &Engine, moto: &Moto) {
    let scene = Scene::new(moto, NAME).await;
    let (first, second) = (events()[..EVENTS / 2].concat(), events()[EVENTS / 2..].concat());
    // Two members, because a continuation also holds a position in the compressed bytes.
    let bytes = [gzip(first.as_bytes()), gzip(second.as_bytes())].concat();
    let object = scene.put(KEY, bytes.clone()).await;
    let proxy = Proxy::start(&engine.url()).await;
    proxy.set(SLOW);
    let small =
        [("MILLRACE_MAX_BODY_BYTES", "65536"), ("MILLRACE_MAX_EVENT_BYTES", "65536"), ("MILLRACE_MAX_IN_FLIGHT", "1")];
    let mut function = scene.function(&proxy.url(), &small).await;
    scene.notify(&object).await;
    let mut message = String::new();
    // Until the continuation is in the second half.
    while !message.contains("\"hops\":2") {
        let round = scene.queue.deliver(&mut function, SHORT).await.expect("a message");
        if round.failed.is_empty() {
            let waiting = scene.queue.receive().await;
            assert_eq!(waiting.len(), 1, "a continuation");
            message.clone_from(&waiting[0].body);
            scene.queue.send(&tests::engine::json(&message)).await;
        }
    }
    write(release, KEY, &bytes);
    write(release, "continuation.json", message.as_bytes());
    write_lines(release, "half.documents.gz", documents(engine, &scene.indices()).await);
}

#[test]
fn an_object_that_a_former_release_began_is_finished_where_it_stopped() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        for release in RELEASES {
            let scene = Scene::new(moto, NAME).await;
            let object = scene.put(KEY, read(release, KEY)).await;
            let already = lines(release, "half.documents.gz");
            assert!(!already.is_empty() && already.len() < EVENTS, "{}", already.len());
            restore(engine, &already).await;
            let message = String::from_utf8(read(release, "continuation.json")).expect("text");
            scene.queue.send(&tests::engine::json(&message)).await;
            let mut function = scene.function(&engine.url(), &[]).await;
            scene.queue.drain(&mut function, LIMIT, 3).await;
            let all = events();
            let mut expected = Expected::of(all.iter().map(|line| line.trim_end()));
            engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
            expected.assert_met();
            let ours = receipts(&function);
            assert!(ours.iter().all(|receipt| receipt.start_offset > 0), "it goes on: {ours:?}");
            assert_eq!(sum(&ours, |receipt| receipt.indexed), (EVENTS - already.len()) as u64, "{ours:?}");

            // The whole object is delivered again: the ids are the same.
            let before = receipts(&function).len();
            scene.notify(&object).await;
            scene.queue.drain(&mut function, LIMIT, 3).await;
            let again = &receipts(&function)[before..];
            assert_eq!((sum(again, |r| r.indexed), sum(again, |r| r.duplicates)), (0, EVENTS as u64), "{again:?}");
            assert!(scene.dead_letters().await.is_empty());
        }
    });
}
