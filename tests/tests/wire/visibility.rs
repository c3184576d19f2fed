//! Promise 8 towards the queue: a failed message comes back after a jittered pause, not after the queue's full timeout.

use std::time::Duration;

use tests::moto::Moto;
use tests::place;
use tests::proxy::{Fault, Proxy};
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
        assert!(seconds.iter().all(|seconds| (1..=900).contains(seconds)), "{seconds:?}");
        assert!(seconds.iter().any(|other| *other != seconds[0]), "without jitter: {seconds:?}");
        for message in &round.messages {
            assert!(sent.contains(message.receipt_handle.as_str()), "{} is not named", message.id);
        }
    });
}
