//! Promises 2 and 3 under `kill -9` at any moment: the redelivery completes the events.

use std::time::Duration;

use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::moto::Moto;
use tests::place::{self, figure};
use tests::queue;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

#[test]
fn kill_nine_at_random_moments_loses_nothing_and_doubles_nothing() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let mut random = fastrand::Rng::with_seed(place::seed("kill"));
    place::run(async {
        let count = place::event_count(crate::EVENTS).min(200_000);
        let scene = Scene::new(moto, "kill").await;
        let mut expected = Expected::default();
        let mut lines = events::generate(count, 2).peekable();
        for number in 0.. {
            let part: Vec<String> = lines.by_ref().take(usize::try_from(count.div_ceil(20)).unwrap()).collect();
            if part.is_empty() {
                break;
            }
            for line in &part {
                expected.add(line);
            }
            let object = scene.put(&format!("{number}.ndjson.gz"), events::gzip(part.concat().as_bytes())).await;
            scene.notify(&object).await;
        }
        // Small bodies, so that some are delivered and some are not at the moment of a kill.
        let mut function = scene.function(&engine.url(), &[("MILLRACE_MAX_BODY_BYTES", "1048576")]).await;
        let (mut kills, mut rounds) = (0, 0);
        while scene.queue.depth().await > 0 {
            let messages = scene.queue.receive().await;
            assert!(!messages.is_empty(), "every message was shown again");
            let event = queue::event(&messages);
            let answer = if kills < crate::KILLS {
                // No machine is done within the first span, so there is a kill on fast machines too.
                let span = if kills == 0 { 100 } else { 1500 };
                let moment = Duration::from_millis(random.u64(1..span));
                tokio::select! {
                    answer = function.invoke(&event, Duration::from_mins(5)) => Some(answer.expect("the function runs")),
                    () = tokio::time::sleep(moment) => None,
                }
            } else {
                Some(function.invoke(&event, Duration::from_mins(5)).await.expect("the function runs"))
            };
            let answer = if let Some(answer) = answer {
                answer
            } else {
                function.kill().await;
                kills += 1;
                emulator::function::Answer::Exited
            };
            scene.queue.settle(messages, answer).await;
            rounds += 1;
            assert!(rounds < 20 * crate::KILLS, "it does not get done");
        }
        // Without a kill, the test would show nothing.
        assert!(kills > 0, "no moment struck: {rounds} invocations");
        assert_eq!(engine.count(&scene.indices()).await, count);
        engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
        expected.assert_met();
        assert!(scene.dead_letters().await.is_empty());
        let receipts = receipts(&function);
        let scenario = format!("{count} events under kill -9");
        figure(&scenario, "kills", kills);
        figure(&scenario, "lost or doubled", 0);
        figure(&scenario, "duplicates that redelivery met", sum(&receipts, |r| r.duplicates));
    });
}
