//! kinesis-ingest between a real stream and the real engine: records of every kind, kills, and redelivery.

use std::time::Duration;

use emulator::domain::{Domain, DomainFault, DomainOptions};
use emulator::function::{Answer, Function};
use serde_json::json;
use tests::cloudwatch;
use tests::engine::{self, Engine};
use tests::events::{self, Expected};
use tests::kinesalite::Kinesalite;
use tests::kinesis::{self, KinesisPosition, Shard};
use tests::kpl;
use tests::mapping::{Item, Limits, Mapping, Source, assert_clean, deliver, drain, response};
use tests::moto::Moto;
use tests::payload;
use tests::place::{self, figure};
use tests::proxy::{Fault, Proxy};
use tests::receipt::{self, sum};
use tests::scene::Scene;

const TIMEOUT: Duration = Duration::from_mins(2);
const EVENTS: u64 = 4000;
const KILLS: usize = 12;

fn mapping(items: &[Item], batch_size: usize) -> Mapping {
    let mut mapping = Mapping::new(Source::Kinesis, Limits::unlimited(batch_size));
    mapping.put_all(items.iter().cloned());
    mapping
}

async fn start(scene: &Scene<'_>, domain: &str, more: &[(&str, &str)]) -> Function {
    scene.start("kinesis-ingest", domain, more).await
}

fn receipts(function: &Function) -> Vec<receipt::Kinesis> {
    receipt::of(function)
}

/// `count` records with one generated event each, and the events.
fn single(stream: &str, count: u64) -> (Vec<Item>, Vec<String>) {
    let mut shard = Shard::new(stream, 0);
    let lines: Vec<String> = events::generate(count, 3).collect();
    (lines.iter().map(|line| shard.record(line.as_bytes())).collect(), lines)
}

/// The lines in one of the forms. Amazon's own library makes the frames. `None` if it is missing.
fn packed(form: u8, lines: &[String]) -> Option<Vec<u8>> {
    if form < payload::PLAIN_FORMS {
        return Some(payload::packed(form, lines));
    }
    kpl::by_amazon(&payload::user_records(form, lines), usize::MAX).map(|mut frames| frames.remove(0))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one scenario, read from top to bottom")]
fn records_of_every_kind_arrive_once_under_kill_nine_and_poison_holds_up_no_shard() {
    let (Some(engine), Some(moto), Some(kinesis)) = (Engine::shared(), Moto::shared(), Kinesalite::shared()) else {
        return;
    };
    let mut random = fastrand::Rng::with_seed(place::seed("kinesis"));
    place::run(async {
        let scene = Scene::new(moto, "kinesis-mixed").await;
        scene.set_source("stream: kinesis-mixed", &[]);
        kinesis.stream("kinesis-mixed", 2).await;
        let lines: Vec<String> = events::generate(EVENTS, 3).collect();
        let mut expected = Expected::of(lines.iter().map(String::as_str));
        let (mut records, mut bad, mut rest) = (Vec::new(), Vec::new(), &lines[..]);
        while !rest.is_empty() {
            let (these, later) = rest.split_at(random.usize(1..12).min(rest.len()));
            let Some(record) = packed(random.u8(0..payload::FORMS), these) else { return };
            records.push(record);
            if random.u8(0..10) == 0 {
                let kinds = payload::poison();
                // Each poison record has a number, so that the test can find it.
                let mut poison = kinds[random.usize(0..kinds.len())].clone();
                poison.extend_from_slice(format!("#{}", bad.len()).as_bytes());
                bad.push(poison.clone());
                records.push(poison);
            }
            rest = later;
        }
        let log_event = |number: usize| format!(r#"{{"base_dt":"2023-11-14T00:00:00Z","number":{number}}}"#);
        for number in 0..20 {
            let (id, message) = (format!("{number:056}"), log_event(number));
            let log_events = [(id.as_str(), 1_700_000_000_123, message.as_str())];
            records.push(events::gzip(cloudwatch::envelope("DATA_MESSAGE", &log_events).as_bytes()));
            expected.add(&cloudwatch::document(&id, "2023-11-14T22:13:20.123Z", &message).to_string());
            let control =
                [("", 1_700_000_000_123, "CWL CONTROL MESSAGE: Checking health of destination Kinesis stream.")];
            records.push(events::gzip(cloudwatch::envelope("CONTROL_MESSAGE", &control).as_bytes()));
        }
        let keyed: Vec<_> = records.into_iter().map(|data| (random.u32(..).to_string(), data)).collect();
        kinesis.put("kinesis-mixed", &keyed).await;
        let items = kinesis.read("kinesis-mixed").await;
        assert_eq!(items.len(), keyed.len());

        let proxy = Proxy::start(&engine.url()).await;
        proxy.set(Fault { delay: Duration::from_millis(15), ..Fault::default() });
        let small = [
            ("MILLRACE_MAX_BODY_BYTES", "65536"),
            ("MILLRACE_MAX_EVENT_BYTES", "65536"),
            ("MILLRACE_MAX_IN_FLIGHT", "1"),
        ];
        let mut function = start(&scene, &proxy.url(), &small).await;
        let mut mapping = mapping(&items, 150);
        let mut kills = 0;
        while let Some(batch) = mapping.receive() {
            let event = mapping.event(&batch);
            let moment = Duration::from_millis(random.u64(1..400));
            let answer = tokio::select! {
                answer = function.invoke(&event, TIMEOUT) => answer.expect("the function runs"),
                () = tokio::time::sleep(moment), if kills < KILLS => {
                    function.kill().await;
                    kills += 1;
                    Answer::Exited
                }
            };
            mapping.settle(batch, answer);
            assert!(mapping.invocations < 500, "it does not get done: {:#?}", function.lines().last());
        }
        assert_clean(&mapping);
        assert!(kills > 0, "no moment struck: {} invocations", mapping.invocations);

        engine
            .each_document(&scene.indices(), |document| {
                let source = document.source;
                // Only the members of a log event are compared: the envelope's own members come before them.
                let log_event = source.contains("@log_group");
                expected.found(&if log_event { engine::json(&source).to_string() } else { source });
            })
            .await;
        expected.assert_met();
        assert_letters(&scene, &items, &bad).await;
        let scenario = format!("{} records of {} events, kinesalite, real engine", items.len(), expected.total());
        figure(&scenario, "kills", kills);
        figure(&scenario, "lost or doubled", 0);
        figure(&scenario, "poison records, each a dead letter with its bytes and position", bad.len());

        // A new mapping delivers everything again, from TRIM_HORIZON.
        let first = receipts(&function).len();
        let mut again = mapping_of_all(&items);
        drain(&mut again, &mut function, TIMEOUT, 20).await;
        let again = &receipts(&function)[first..];
        assert_eq!((sum(again, |r| r.indexed), sum(again, |r| r.duplicates)), (0, expected.total()), "{again:?}");
        assert_eq!(engine.count(&scene.indices()).await, expected.total());
        assert_letters(&scene, &items, &bad).await;
        figure(&scenario, "delivered again: new documents", sum(again, |r| r.indexed));
    });
}

fn mapping_of_all(items: &[Item]) -> Mapping {
    mapping(items, 10_000)
}

/// Checks that each poison record is in the dead letters, with its position and its bytes, and that nothing else is.
async fn assert_letters(scene: &Scene<'_>, items: &[Item], poison: &[Vec<u8>]) {
    let mut expected: Vec<(KinesisPosition, Vec<u8>)> = Vec::new();
    for item in items {
        let data = tests::kinesis::data(item);
        if poison.contains(&data) {
            let (stream, shard) = item.lane.rsplit_once('/').expect("stream and shard");
            let sequence_number = item.identifier.as_str().expect("a number").to_owned();
            let position = KinesisPosition {
                stream: stream.into(),
                shard: shard.into(),
                sequence_number,
                aggregate_index: 0,
                offset: 0,
            };
            expected.push((position, data));
        }
    }
    let letters = scene.dead_letters_of::<KinesisPosition>().await;
    let mut found: Vec<_> = letters.iter().map(|letter| (letter.position.clone(), letter.payload())).collect();
    expected.sort();
    found.sort();
    found.dedup(); // letters are written at least once
    assert_eq!(found.len(), expected.len(), "{letters:#?}");
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}

#[test]
fn near_the_deadline_the_rest_is_reported_and_goes_on_from_there() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "kinesis-deadline").await;
        scene.set_source("stream: \"kinesis-*\"", &[]);
        let (items, lines) = single("kinesis-deadline", 3000);
        // The index is created first, because its creation takes longer than an invocation has.
        engine.ask("PUT", &format!("/kinesis-deadline-{}", events::DAY), "").await;
        let proxy = Proxy::start(&engine.url()).await;
        proxy.set(Fault { delay: Duration::from_millis(100), ..Fault::default() });
        let small = [
            ("MILLRACE_MAX_BODY_BYTES", "65536"),
            ("MILLRACE_MAX_EVENT_BYTES", "65536"),
            ("MILLRACE_MAX_IN_FLIGHT", "1"),
        ];
        let mut function = start(&scene, &proxy.url(), &small).await;
        let mut mapping = mapping_of_all(&items);
        let mut left = items.len();
        while let Some(round) = deliver(&mut mapping, &mut function, Duration::from_millis(800)).await {
            let receipts = receipts(&function);
            let receipt = receipts.last().expect("a receipt an invocation");
            let first = items.len() - left;
            let (start, from) = (&items[first], items.len() - round.left.len());
            assert_eq!(response(&round.answer), kinesis::answer(items.get(from)));
            assert_eq!(json!(receipt.start_sequence_number), start.identifier);
            assert_eq!(
                receipt.end_sequence_number.as_deref(),
                items[first..from].last().and_then(|i| i.identifier.as_str())
            );
            assert_eq!((receipt.records, receipt.is_final), (left as u64, round.left.is_empty()), "{receipt:?}");
            left = round.left.len();
            assert!(mapping.invocations < 300, "it does not get done: {receipt:?}");
        }
        assert_clean(&mapping);
        assert!(mapping.invocations > 3, "the deadline never struck");
        let mut expected = Expected::of(lines.iter().map(String::as_str));
        engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
        expected.assert_met();
        figure(
            "kinesis-ingest with deadlines of 0.8 s",
            "invocations, each from where the last ended",
            mapping.invocations,
        );
    });
}

#[test]
fn with_the_domain_down_the_first_record_is_reported_and_nothing_acknowledged() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "kinesis-down").await;
        scene.set_source("stream: \"*\"", &[]);
        let (items, _) = single("kinesis-down", 500);
        let down = Proxy::start("http://127.0.0.1:9").await;
        down.set(Fault { refuse: true, ..Fault::default() });
        let mut function = start(&scene, &down.url(), &[]).await;
        for _ in 0..2 {
            let answer = function.invoke(&kinesis::event(&items), Duration::from_secs(2)).await.expect("it runs");
            assert_eq!(response(&answer), kinesis::answer(items.first()));
        }
        assert!(down.connections() > 3, "the domain was tried more than once an invocation");
        let receipts = receipts(&function);
        assert_eq!(receipts.len(), 2);
        for receipt in &receipts {
            assert_eq!((receipt.end_sequence_number.as_deref(), receipt.is_final), (None, false), "{receipt:?}");
            assert_eq!((receipt.undelivered, receipt.indexed), (receipt.read, 0), "{receipt:?}");
        }
        assert!(scene.dead_letters_of::<KinesisPosition>().await.is_empty());
    });
}

#[test]
fn a_domain_that_refuses_for_good_fails_the_batch() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        for code in [401, 403, 404] {
            let domain = Domain::start(DomainOptions::default()).await.expect("a free port");
            domain.fail(DomainFault::Status { code, times: u32::MAX });
            let scene = Scene::new(moto, &format!("kinesis-{code}")).await;
            scene.set_source("stream: \"*\"", &[]);
            let (items, lines) = single("kinesis-refused", 50);
            let mut function = start(&scene, &domain.url(), &[]).await;
            // The function must not wait for the deadline, which could not help.
            let mut mapping = mapping_of_all(&items);
            let round = deliver(&mut mapping, &mut function, Duration::from_mins(5)).await.expect("records");
            assert!(matches!(round.answer, Answer::Error { .. }), "{code}: {:?}", round.answer);
            assert_eq!((domain.count("*"), round.left.len()), (0, 50), "{code}");
            domain.heal();
            drain(&mut mapping, &mut function, TIMEOUT, 3).await;
            assert_eq!(domain.count("*"), lines.len() as u64, "{code}");
            assert!(scene.dead_letters_of::<KinesisPosition>().await.is_empty(), "{code}");
        }
    });
}

#[test]
fn without_a_dead_letter_bucket_a_poison_record_comes_again_and_is_not_lost() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "kinesis-dead-bucket").await;
        scene.set_source("stream: \"*\"", &[]);
        let mut shard = Shard::new("s", 0);
        let good = |n: u32| format!(r#"{{"base_dt":"2023-11-14","n":{n}}}"#);
        let items: Vec<Item> =
            [good(1), good(2), "not JSON".into(), good(3)].iter().map(|data| shard.record(data.as_bytes())).collect();
        // A bucket that does not answer may recover, so the record is reported. A missing bucket is a fault of the
        // configuration, so the batch fails.
        let down = Proxy::start(&moto.url()).await;
        down.set(Fault { refuse: true, ..Fault::default() });
        let unreachable = [("AWS_ENDPOINT_URL_S3", down.url())];
        let missing = [("MILLRACE_DEAD_LETTERS", "s3://dead-not-there/letters".to_owned())];
        for (more, reported) in [(unreachable, true), (missing, false)] {
            let env = more.each_ref().map(|(name, value)| (*name, value.as_str()));
            let mut function = start(&scene, &engine.url(), &env).await;
            let answer = function.invoke(&kinesis::event(&items), Duration::from_secs(4)).await.expect("it runs");
            if reported {
                assert_eq!(response(&answer), kinesis::answer(Some(&items[2])));
            } else {
                assert!(matches!(answer, Answer::Error { .. }), "{answer:?}");
            }
            let receipt = &receipts(&function)[0];
            assert_eq!((receipt.rejected, receipt.undelivered), (0, 1), "{receipt:?}");
            assert_eq!(receipt.indexed + receipt.duplicates, 3, "{receipt:?}");
        }
        let mut function = start(&scene, &engine.url(), &[]).await;
        let mut mapping = mapping_of_all(&items);
        drain(&mut mapping, &mut function, TIMEOUT, 1).await;
        assert_letters(&scene, &items, &[b"not JSON".to_vec()]).await;
        assert_eq!(engine.count(&scene.indices()).await, 3);
    });
}

#[test]
fn streams_without_a_dataset_and_foreign_events_fail_as_a_whole() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "kinesis-strange").await;
        scene.set_source("stream: \"other-*\"", &[]);
        let domain = Domain::start(DomainOptions::default()).await.expect("a free port");
        let mut function = start(&scene, &domain.url(), &[]).await;
        let queue = tests::envelope::sqs([("1", "r", "{}")]);
        let (items, _) = single("kinesis-strange", 1);
        for event in [kinesis::event(&items), queue, json!({ "a": 1 }), json!([])] {
            let answer = function.invoke(&event, TIMEOUT).await.expect("it runs");
            assert!(matches!(answer, Answer::Error { .. }), "{event}: {answer:?}");
        }
        assert_eq!(domain.count("*"), 0);
        let none = function.invoke(&kinesis::event(&[]), TIMEOUT).await.expect("it runs");
        assert_eq!(response(&none), kinesis::answer(None));
    });
}
