//! Promise 8 for the queue: a failed message returns after a pause with jitter, not after the queue's full timeout.

use std::time::Duration;

use serde_json::json;
use tests::moto::Moto;
use tests::place;
use tests::proxy::{Fault, Proxy};
use tests::queue::Queue;
use tests::scene::Scene;

#[test]
fn a_failed_message_gets_a_visibility_of_its_own() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "visibility").await;
        for number in 0..5 {
            let object = scene.put(&format!("{number}.ndjson"), r#"{"a":1}"#).await;
            scene.notify(&object).await;
        }
        let down = Proxy::start("http://127.0.0.1:9").await;
        down.set(Fault { refuse: true, ..Fault::default() });
        let queue = Proxy::that_listens(&moto.url()).await;
        let mut function = scene.function(&down.url(), &[("AWS_ENDPOINT_URL_SQS", &queue.url())]).await;
        let round = scene.queue.deliver(&mut function, Duration::from_secs(4)).await.expect("messages");
        assert_eq!(round.failed.len(), 5, "{:?}", round.answer);
        let sent = queue.sent();
        assert_eq!(sent.matches("AmazonSQS.ChangeMessageVisibility").count(), 5, "{sent}");
        let seconds: Vec<u64> = sent
            .split(r#""VisibilityTimeout":"#)
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().expect("digits").parse().expect("seconds"))
            .collect();
        assert!(seconds.iter().all(|seconds| (20..=40).contains(seconds)), "of a first receive: {seconds:?}");
        assert!(seconds.iter().any(|other| *other != seconds[0]), "without jitter: {seconds:?}");
        for message in &round.messages {
            assert!(sent.contains(message.receipt_handle.as_str()), "{} is not named", message.id);
        }
    });
}

#[test]
fn a_message_that_is_not_a_notification_goes_to_the_dead_letter_queue_at_once() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "stranger").await;
        let dead = Queue::new(moto, "stranger-dead").await;
        let good = scene.put("a.ndjson", r#"{"a":1}"#).await;
        scene.notify(&good).await;
        let stranger = json!({ "hello": "world", "not": "a notification" });
        scene.queue.send(&stranger).await;
        let domain =
            emulator::domain::Domain::start(emulator::domain::DomainOptions::default()).await.expect("a free port");
        let mut function = scene.function(&domain.url(), &[("MILLRACE_DEAD_LETTER_QUEUE_URL", &dead.url)]).await;
        let round = scene.queue.deliver(&mut function, Duration::from_secs(20)).await.expect("messages");
        assert!(round.failed.is_empty(), "{:?}", round.answer);
        assert_eq!(scene.queue.depth().await, 0);
        let kept = dead.receive().await;
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].body, stranger.to_string(), "as it came");
        assert!(kept[0].attributes["millrace-reason"].contains("not a notification"), "{:?}", kept[0].attributes);

        // If that queue is not available, the message is not acknowledged.
        scene.queue.send(&stranger).await;
        let mut function =
            scene.function(&domain.url(), &[("MILLRACE_DEAD_LETTER_QUEUE_URL", "http://127.0.0.1:9/q")]).await;
        let round = scene.queue.deliver(&mut function, Duration::from_secs(4)).await.expect("messages");
        assert_eq!(round.failed.len(), 1, "{:?}", round.answer);
    });
}
