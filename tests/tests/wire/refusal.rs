//! The third row of the error table: an item error that is a state of the domain makes no dead letter. The message
//! fails, and all its events arrive after the state is fixed. The engine is real, because only it knows its answers.

use std::time::Duration;

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::moto::Moto;
use tests::place;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

/// Long enough for a few attempts, and short enough to wait for. Only this deadline ends an invocation that the domain
/// refuses.
const REFUSED: Duration = Duration::from_secs(4);
const HEALED: Duration = Duration::from_mins(2);

/// A state of the domain, with the requests that cause it and fix it. `{}` stands for the index.
struct State {
    name: &'static str,
    before: &'static [(&'static str, &'static str, &'static str)],
    after: &'static [(&'static str, &'static str, &'static str)],
}

const STATES: [State; 4] = [
    State {
        name: "write-block",
        before: &[("PUT", "/{}", ""), ("PUT", "/{}/_settings", r#"{"index.blocks.write":true}"#)],
        after: &[("PUT", "/{}/_settings", r#"{"index.blocks.write":false}"#)],
    },
    State {
        name: "shard-limit",
        before: &[("PUT", "/_cluster/settings", r#"{"transient":{"cluster.max_shards_per_node":1}}"#)],
        after: &[("PUT", "/_cluster/settings", r#"{"transient":{"cluster.max_shards_per_node":null}}"#)],
    },
    State {
        name: "closed-index",
        before: &[("PUT", "/{}", ""), ("POST", "/{}/_close", "")],
        after: &[("POST", "/{}/_open", "")],
    },
    State {
        name: "auto-create-off",
        before: &[("PUT", "/_cluster/settings", r#"{"transient":{"action.auto_create_index":"false"}}"#)],
        after: &[("PUT", "/_cluster/settings", r#"{"transient":{"action.auto_create_index":null}}"#)],
    },
];

#[test]
fn an_event_that_the_state_of_the_domain_refuses_is_redelivered_and_no_dead_letter() {
    // Cluster settings would disturb other tests, so this test has its own node.
    let (Some(engine), Some(moto)) = (Engine::with_settings(&[]), Moto::shared()) else { return };
    place::run(async {
        for State { name, before, after } in STATES {
            let scene = Scene::new(moto, name).await;
            let index = format!("{name}-{}", events::DAY);
            for (method, path, body) in before {
                engine.ask(method, &path.replace("{}", &index), body).await;
            }
            let lines: Vec<String> = events::generate(1000, 4).collect();
            let object = scene.put("a.ndjson", lines.concat()).await;
            scene.notify(&object).await;
            let mut function = scene.function(&engine.url(), &[]).await;
            let round = scene.queue.deliver(&mut function, REFUSED).await.expect("a message");
            assert_eq!(round.failed.len(), 1, "{name}: {:?}", round.answer);
            assert!(
                matches!(round.answer, emulator::function::Answer::Response(_)),
                "{name}: the function answers in time: {:?}",
                round.answer
            );
            assert_eq!(scene.dead_letters().await.len(), 0, "{name}");
            assert_eq!(scene.queue.depth().await, 1, "{name}: the message, and no continuation");
            let refused = receipts(&function);
            assert_eq!(refused.len(), 1, "{name}: {refused:?}");
            assert!(!refused[0].is_final && refused[0].indexed == 0, "{name}: {refused:?}");
            assert_eq!(refused[0].undelivered, refused[0].read, "{name}: {refused:?}");

            for (method, path, body) in after {
                engine.ask(method, &path.replace("{}", &index), body).await;
            }
            scene.queue.drain(&mut function, HEALED, 1).await;
            let all = receipts(&function);
            assert_eq!((sum(&all, |r| r.indexed), sum(&all, |r| r.duplicates)), (1000, 0), "{name}: {all:?}");
            assert_eq!(engine.count(&scene.indices()).await, 1000, "{name}");
            let mut expected = Expected::of(lines.iter().map(String::as_str));
            engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
            expected.assert_met();
            assert_eq!(scene.dead_letters().await.len(), 0, "{name}");
        }
    });
}

#[test]
fn a_dead_letter_bucket_that_is_not_there_fails_the_message_instead_of_losing_the_event() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "dead-bucket").await;
        let object = scene.put("a.ndjson", "not JSON\n{\"base_dt\":\"2023-11-14\",\"a\":1}\n").await;
        scene.notify(&object).await;
        let mut function =
            scene.function(&engine.url(), &[("MILLRACE_DEAD_LETTERS", "s3://dead-not-there/letters")]).await;
        let round = scene.queue.deliver(&mut function, Duration::from_secs(30)).await.expect("a message");
        assert_eq!(round.failed.len(), 1, "{:?}", round.answer);
        let receipt = &receipts(&function)[0];
        assert_eq!((receipt.indexed, receipt.rejected, receipt.undelivered), (1, 0, 1), "{receipt:?}");

        let mut function = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut function, HEALED, 1).await;
        assert_eq!(scene.dead_letters().await.len(), 1);
        assert_eq!(engine.count(&scene.indices()).await, 1);
    });
}

#[test]
fn the_embedded_domain_refuses_as_the_engine_does() {
    use emulator::domain::{Domain, DomainFault, DomainOptions};
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        for (name, fault) in [
            ("fake-write-block", DomainFault::WriteBlock),
            ("fake-shard-limit", DomainFault::ShardLimit),
            ("fake-closed-index", DomainFault::IndexClosed),
            ("fake-auto-create-off", DomainFault::AutoCreateOff),
        ] {
            let domain = Domain::start(DomainOptions::default()).await.expect("a free port");
            domain.fail(fault);
            let scene = Scene::new(moto, name).await;
            let lines: Vec<String> = events::generate(1000, 4).collect();
            let object = scene.put("a.ndjson", lines.concat()).await;
            scene.notify(&object).await;
            let mut function = scene.function(&domain.url(), &[]).await;
            let round = scene.queue.deliver(&mut function, Duration::from_secs(2)).await.expect("a message");
            assert_eq!(round.failed.len(), 1, "{name}: {:?}", round.answer);
            assert_eq!((domain.count("*"), scene.dead_letters().await.len()), (0, 0), "{name}");
            domain.heal();
            scene.queue.drain(&mut function, HEALED, 1).await;
            assert_eq!(domain.count(&scene.indices()), 1000, "{name}");
            assert_eq!(scene.dead_letters().await.len(), 0, "{name}");
        }
    });
}

#[test]
fn a_domain_that_refuses_the_whole_request_for_good_fails_the_message() {
    use emulator::domain::{Domain, DomainFault, DomainOptions};
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        for (code, name) in [(400, "status-400"), (401, "status-401"), (403, "status-403"), (404, "status-404")] {
            let domain = Domain::start(DomainOptions::default()).await.expect("a free port");
            domain.fail(DomainFault::Status { code, times: u32::MAX });
            let scene = Scene::new(moto, name).await;
            let object = scene.put("a.ndjson", r#"{"a":1}"#).await;
            let mut function = scene.function(&domain.url(), &[]).await;
            // The function must not wait for the deadline, which could not help.
            let event = tests::envelope::s3(&[&object]);
            let answer = function.invoke(&event, Duration::from_mins(5)).await.expect("the function runs");
            let said: Value = json!(format!("{answer:?}"));
            assert!(matches!(answer, emulator::function::Answer::Error { .. }), "{code}: {said}");
            assert_eq!((domain.count("*"), scene.dead_letters().await.len()), (0, 0), "{code}");
            assert_eq!(scene.queue.depth().await, 0, "{code}: no continuation");
        }
    });
}
