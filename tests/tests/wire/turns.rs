//! The objects of one invocation share its time. An object that is slow, or held back by the domain, does not keep
//! others from being read. No good object ends in the dead-letter queue because others were slow.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::liar::{Held, Liar, Lie};
use tests::moto::{Moto, Object};
use tests::place::{self, figure};
use tests::proxy::{Fault, Proxy};
use tests::queue::{self, Queue};
use tests::receipt;
use tests::scene::{Scene, receipts};

const GOOD: &str = "2026-11-28T00:00:00Z";
/// The day of an index that is closed. The domain holds back its events, which are valid.
const HELD: &str = "2026-11-29T00:00:00Z";

fn event(time: &str, number: usize) -> String {
    format!("{{\"base_dt\":\"{time}\",\"n\":{number}}}\n")
}

/// Ten objects of one event each, in one batch. The domain holds back the first `held` of them.
async fn held_first(scene: &Scene<'_>, engine: &Engine, held: usize) {
    let closed = format!("{}-2026.11.29", scene.prefix);
    engine.ask("PUT", &format!("/{closed}"), "").await;
    engine.ask("POST", &format!("/{closed}/_close"), "").await;
    for number in 0..10 {
        let time = if number < held { HELD } else { GOOD };
        let object = scene.put(&format!("{number:02}.ndjson"), event(time, number)).await;
        scene.notify(&object).await;
    }
}

#[test]
fn objects_that_the_domain_holds_back_fail_alone_however_many() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        // Six are more than the bodies that can hold them: three in flight, and one that is being filled.
        for (name, held) in [("one-held", 1), ("six-held", 6)] {
            let scene = Scene::new(moto, name).await;
            held_first(&scene, engine, held).await;
            let mut function = scene.function(&engine.url(), &[("MILLRACE_MAX_IN_FLIGHT", "3")]).await;
            let round = scene.queue.deliver(&mut function, Duration::from_secs(10)).await.expect("messages");
            assert_eq!(round.messages.len(), 10);
            // An object that found no free body is sent again as a message.
            let is_held = |body: &str| (0..held).any(|number| body.contains(&format!("{number:02}.ndjson")));
            let failed = round.messages.iter().filter(|message| round.failed.contains(&message.id));
            let failed: Vec<&str> = failed.map(|message| message.body.as_str()).collect();
            assert!(failed.iter().all(|body| is_held(body)), "{name}: {failed:?}");
            assert_eq!(scene.queue.depth().await, held as u64, "{name}");
            assert_eq!(engine.count(&format!("{name}-2026.11.28")).await, 10 - held as u64, "{name}");
            assert!(scene.dead_letters().await.is_empty(), "{name}: what the domain refuses is no dead letter");
            receipt::of::<receipt::S3>(&function);

            engine.ask("POST", &format!("/{name}-2026.11.29/_open?wait_for_active_shards=1"), "").await;
            scene.queue.drain(&mut function, Duration::from_mins(1), 3).await;
            assert_eq!(engine.count(&scene.indices()).await, 10, "{name}");
        }
    });
}

#[test]
fn dead_letters_that_the_domain_holds_back_keep_no_object_of_their_batch_from_being_read() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "held-letters").await;
        let bad = format!("{{\"base_dt\":\"{HELD}\",\"n\":\"no number\"}}\n");
        engine.ask("PUT", "/held-letters-2026.11.29", r#"{"mappings":{"properties":{"n":{"type":"long"}}}}"#).await;
        let object = scene.put("bad.ndjson", bad).await;
        scene.notify(&object).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut function, Duration::from_secs(30), 2).await;
        assert_eq!(scene.dead_letters().await.len(), 1);

        // The letter could be indexed now, if its index were not closed.
        engine.ask("DELETE", "/held-letters-2026.11.29", "").await;
        engine.ask("PUT", "/held-letters-2026.11.29", "").await;
        engine.ask("POST", "/held-letters-2026.11.29/_close", "").await;
        assert_eq!(scene.replay_letters().await, 1);
        for number in 0..4 {
            let object = scene.put(&format!("{number}.ndjson"), event(GOOD, number)).await;
            scene.notify(&object).await;
        }
        let round = scene.queue.deliver(&mut function, Duration::from_secs(6)).await.expect("messages");
        assert_eq!(round.messages.len(), 5);
        let failed = round.messages.iter().filter(|message| round.failed.contains(&message.id));
        let failed: Vec<&str> = failed.map(|message| message.body.as_str()).collect();
        assert!(failed.len() == 1 && failed[0].contains("dead_letters"), "{failed:?}");
        assert_eq!(engine.count("held-letters-2026.11.28").await, 4, "they were read beside the letters");

        engine.ask("POST", "/held-letters-2026.11.29/_open?wait_for_active_shards=1", "").await;
        scene.queue.drain(&mut function, Duration::from_mins(1), 3).await;
        assert_eq!(engine.count(&scene.indices()).await, 5);
        assert!(scene.dead_letters().await.is_empty());
    });
}

/// A single endless event of 160 GB, after the text `before`.
fn endless(before: &str) -> Vec<u8> {
    let mut bytes = events::zstd(format!("{before}{{\"base_dt\":\"{GOOD}\",\"x\":\"").as_bytes());
    bytes.extend(events::zstd(&vec![b'x'; 64 << 20]).repeat(2_500));
    bytes
}

#[test]
fn an_object_without_an_event_within_its_share_is_read_alone_and_rejected_only_after_a_whole_invocation() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "without-end").await;
        let dead = Queue::new(moto, "without-end-dead").await;
        let mut objects = vec![scene.put("endless.zst", endless("")).await];
        for number in 0..4 {
            objects.push(scene.put(&format!("{number}.ndjson"), event(GOOD, number)).await);
        }
        for object in &objects {
            scene.notify(object).await;
        }
        let mut function = scene.function(&engine.url(), &[("MILLRACE_DEAD_LETTER_QUEUE_URL", &dead.url)]).await;
        let round = scene.queue.deliver(&mut function, Duration::from_secs(8)).await.expect("messages");
        assert!(round.failed.is_empty(), "{:?}", round.answer);
        assert_eq!(engine.count(&scene.indices()).await, 4);
        assert!(scene.dead_letters().await.is_empty(), "a share is no whole invocation");

        let alone = scene.queue.receive().await;
        let [alone] = &alone[..] else { panic!("{alone:?}") };
        let said: Value = serde_json::from_str(&alone.body).expect("JSON");
        assert_eq!((&said["millrace"], &said["alone"]), (&json!("continuation"), &json!(true)), "{said}");
        assert_eq!(said["checkpoint"]["offset"], 0, "{said}");

        // In a batch with another object it yields to the other one, and its message is sent again unchanged.
        let other = scene.put("other.ndjson", event(GOOD, 9)).await;
        let other = message("other", &tests::envelope::s3(&[&other]));
        let batch = [alone.clone(), other];
        let answer = function.invoke(&queue::event(&batch), Duration::from_secs(20)).await.expect("the function runs");
        assert!(queue::failures(&batch, &answer).is_empty(), "{answer:?}");
        assert_eq!(engine.count(&scene.indices()).await, 5);
        assert_eq!(scene.queue.depth().await, 2, "the one that was received, and the one that was sent");

        // Alone, it has the whole invocation.
        let answer = function.invoke(&queue::event(std::slice::from_ref(alone)), Duration::from_secs(12)).await;
        let answer = answer.expect("the function runs");
        assert!(queue::failures(std::slice::from_ref(alone), &answer).is_empty(), "{answer:?}");
        let letters = scene.dead_letters().await;
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        assert_eq!((letter.error_type.as_str(), letter.position.offset), ("no_progress", 0), "{letter:?}");
        let receipts = receipts(&function);
        let last = receipts.last().expect("receipts");
        assert!(last.is_final && last.rejected == 1 && last.read == 1, "{last:?}");
        assert!(receipts.iter().any(|receipt| receipt.handed_on), "{receipts:?}");
    });
}

#[test]
fn an_object_for_which_s3_does_not_answer_fails_alone() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "silence").await;
        let liar = Liar::start().await;
        let mut batch = Vec::new();
        for number in 0..4 {
            let (key, etag) = (format!("{number}.ndjson"), format!("e{number}"));
            let lies = if number == 0 { vec![Lie::Silence; 9] } else { Vec::new() };
            let bytes = event(GOOD, number).into_bytes();
            let held = Held { bytes, etag: etag.clone(), lies: lies.into(), ..Held::default() };
            liar.hold(&format!("{}/{key}", scene.bucket), held);
            let object = Object { bucket: scene.bucket.clone(), key, etag, version: None, size: 1 };
            batch.push(message(&number.to_string(), &tests::envelope::s3(&[&object])));
        }
        // An object of dead letters is read from S3 too.
        let (bucket, key) = ("dead-silence", "letters/a.ndjson");
        let held = Held { etag: "l".into(), lies: vec![Lie::Silence; 9].into(), ..Held::default() };
        liar.hold(&format!("{bucket}/{key}"), held);
        let letters = json!({ "millrace": "dead_letters", "bucket": bucket, "key": key, "etag": "l" });
        batch.push(message("letters", &letters));
        let mut function = scene.function(&engine.url(), &[("AWS_ENDPOINT_URL_S3", &liar.url())]).await;
        let answer = function.invoke(&queue::event(&batch), Duration::from_secs(10)).await.expect("the function runs");
        let failed = queue::failures(&batch, &answer);
        assert_eq!(failed, std::collections::HashSet::from(["0".to_owned(), "letters".to_owned()]), "{answer:?}");
        assert_eq!(engine.count(&scene.indices()).await, 3);
    });
}

#[test]
fn a_message_that_was_not_started_is_sent_again_as_a_new_message_that_counts_how_often() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "not-started").await;
        let liar = Liar::start().await;
        // S3 does not answer for the first letters. Those after them wait until no time is left to read.
        let bucket = "dead-not-started";
        let letters = |key: &str| json!({ "millrace": "dead_letters", "bucket": bucket, "key": key, "etag": "l" });
        let held = Held { etag: "l".into(), lies: vec![Lie::Silence; 9].into(), ..Held::default() };
        liar.hold(&format!("{bucket}/letters/a.ndjson"), held);
        let mut late = message("late", &letters("letters/b.ndjson"));
        late.attributes.insert("millrace-turns".into(), "1".into());
        let batch = [message("letters", &letters("letters/a.ndjson")), late.clone()];
        let mut function = scene.function("http://127.0.0.1:9", &[("AWS_ENDPOINT_URL_S3", &liar.url())]).await;
        let answer = function.invoke(&queue::event(&batch), Duration::from_secs(5)).await.expect("the function runs");
        let failed = queue::failures(&batch, &answer);
        assert_eq!(failed, std::collections::HashSet::from(["letters".to_owned()]), "{answer:?}");

        let sent = scene.queue.receive().await;
        let [sent] = &sent[..] else { panic!("{sent:?}: {:#?}", function.lines()) };
        assert_eq!(sent.body, late.body);
        assert_eq!(sent.attributes.get("millrace-turns").map(String::as_str), Some("2"), "{sent:?}");
    });
}

#[test]
fn an_object_that_fails_keeps_no_other_object_of_its_message_from_being_read() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "split").await;
        engine.ask("PUT", "/split-2026.11.29", "").await;
        engine.ask("POST", "/split-2026.11.29/_close", "").await;
        let held = scene.put("held.ndjson", event(HELD, 20)).await;
        let good = scene.put("good.ndjson", event(GOOD, 21)).await;
        scene.queue.send(&tests::envelope::s3(&[&held, &good])).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let round = scene.queue.deliver(&mut function, Duration::from_secs(6)).await.expect("a message");
        assert!(round.failed.is_empty(), "the held object has a message of its own: {:?}", round.answer);
        assert_eq!(engine.count("split-2026.11.28").await, 1, "{:#?}", function.lines());

        engine.ask("POST", "/split-2026.11.29/_open?wait_for_active_shards=1", "").await;
        scene.queue.drain(&mut function, Duration::from_secs(20), 1).await;
        assert_eq!(engine.count(&scene.indices()).await, 2);
        assert!(scene.dead_letters().await.is_empty());
    });
}

fn message(id: &str, body: &Value) -> queue::Message {
    queue::Message {
        id: id.into(),
        receipt_handle: "handle".into(),
        body: body.to_string(),
        receive_count: 1,
        attributes: std::collections::BTreeMap::new(),
    }
}

#[test]
fn of_an_object_with_an_endless_event_what_comes_before_is_indexed_and_a_refusing_domain_rejects_nothing() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "endless-tail").await;
        let object = scene.put("tail.zst", endless(&event(GOOD, 1))).await;
        scene.notify(&object).await;
        let proxy = Proxy::start(&engine.url()).await;
        proxy.set(Fault { refuse: true, ..Fault::default() });
        let mut function = scene.function(&proxy.url(), &[]).await;
        let round = scene.queue.deliver(&mut function, Duration::from_secs(3)).await.expect("a message");
        assert_eq!(round.failed.len(), 1, "{:?}", round.answer);
        assert!(scene.dead_letters().await.is_empty(), "the domain refused: nothing is rejected");

        proxy.set(Fault::default());
        scene.queue.drain(&mut function, Duration::from_secs(12), 6).await;
        assert_eq!(engine.count(&scene.indices()).await, 1);
        let letters = scene.dead_letters().await;
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        let offset = event(GOOD, 1).len() as u64;
        assert_eq!((letter.error_type.as_str(), letter.position.offset), ("no_progress", offset), "{letter:?}");
    });
}

#[test]
fn a_batch_of_slow_objects_that_is_delivered_twice_brings_each_event_once() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "slow-batch").await;
        let proxy = Proxy::start(&engine.url()).await;
        proxy.set(Fault { delay: Duration::from_millis(40), ..Fault::default() });
        let lines: Vec<String> = events::generate(1_000, 31).collect();
        for (number, part) in lines.chunks(100).enumerate() {
            let object = scene.put(&format!("{number}.ndjson.gz"), events::gzip(part.concat().as_bytes())).await;
            scene.notify(&object).await;
        }
        let small = [
            ("MILLRACE_MAX_BODY_BYTES", "65536"),
            ("MILLRACE_MAX_EVENT_BYTES", "65536"),
            ("MILLRACE_MAX_IN_FLIGHT", "1"),
        ];
        let mut function = scene.function(&proxy.url(), &small).await;
        // SQS delivers a batch twice, and the first invocation is never acknowledged.
        let messages = scene.queue.receive().await;
        function.invoke(&queue::event(&messages), Duration::from_secs(3)).await.expect("the function runs");
        let answer =
            function.invoke(&queue::event(&messages), Duration::from_secs(3)).await.expect("the function runs");
        scene.queue.settle(messages, answer).await;
        let rounds = scene.queue.drain(&mut function, Duration::from_secs(3), 300).await;
        let mut expected = Expected::of(lines.iter().map(String::as_str));
        engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
        expected.assert_met();
        assert!(scene.dead_letters().await.is_empty());
        let receipts = receipts(&function);
        figure(
            "ten slow objects in invocations of 2 s",
            "invocations / attempts",
            format!("{} / {}", rounds.len() + 2, receipts.len()),
        );
    });
}

#[test]
fn continuations_of_the_release_before_are_resumed() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "old-continuation").await;
        let (first, second) = (event(GOOD, 1), event(GOOD, 2));
        let Object { bucket, key, etag, .. } = scene.put("a.ndjson", format!("{first}{second}")).await;
        let member = json!({ "compressed": first.len(), "raw": first.len() });
        let old = json!({
            "millrace": "continuation",
            "object": { "bucket": bucket, "key": key, "version": null, "etag": etag },
            "dataset": scene.prefix,
            "pipeline": "of another day",
            "checkpoint": { "offset": first.len(), "format": "ndjson", "inside": false, "compression": "none", "member": member },
            "hops": 7,
        });
        scene.queue.send(&old).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut function, Duration::from_secs(30), 1).await;
        let mut found = BTreeMap::new();
        engine
            .each_document(&scene.indices(), |document| {
                let said: Value = serde_json::from_str(&document.source).expect("JSON");
                *found.entry(said["n"].as_u64()).or_insert(0) += 1;
            })
            .await;
        assert_eq!(found, BTreeMap::from([(Some(2), 1)]));
    });
}
