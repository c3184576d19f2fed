//! A record of a stream that cannot be read to its end within an invocation. It does not hold up its shard: what comes
//! before the point that was reached is indexed, the rest is a dead letter with the whole record, and a replay brings it.

use std::time::{Duration, Instant};

use emulator::function::Function;
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::events;
use tests::kafka::{self, Partition};
use tests::kinesis::{self, Shard};
use tests::kpl::{self, UserRecord};
use tests::mapping::response;
use tests::moto::Moto;
use tests::place;
use tests::proxy::{Fault, Proxy};
use tests::receipt::{self, Counts};
use tests::scene::Scene;

const TIMEOUT: Duration = Duration::from_mins(1);
/// An invocation that is too short for the slow record.
const SHORT: Duration = Duration::from_secs(6);
/// The tries for such an invocation: on a busy machine the domain may not answer in the time that is left after reading.
const TRIES: usize = 5;
/// The events of a gzip member of the slow record. Of these, the dataset selects the last one.
const EVENTS: usize = 100_000;
/// The members of a record that is read first, to measure the machine.
const MEASURED: usize = 10;

fn record(members: usize) -> Vec<u8> {
    events::gzip(("{\"a\":1}\n".repeat(EVENTS - 1) + "{\"k\":1}\n").as_bytes()).repeat(members)
}

/// The members of a record that takes about four times as long as a short invocation reads. `event` has [`MEASURED`] members. The
/// least of three times counts: another test may have the cores during one of them, and not later.
async fn members(function: &mut Function, event: &Value) -> usize {
    let mut measured = TIMEOUT;
    for _ in 0..3 {
        measured = measured.min(deliver(function, event).await);
    }
    let wanted = (SHORT * 16 / 5).as_millis() * MEASURED as u128 / measured.as_millis().max(1);
    // A record may inflate to 1 GiB.
    usize::try_from(wanted).unwrap_or(usize::MAX).clamp(MEASURED, 1_200)
}

async fn scene<'m>(moto: &'m Moto, name: &str, from: &str) -> Scene<'m> {
    let scene = Scene::new(moto, name).await;
    scene.set_pipeline(&format!(
        "datasets:\n  - name: {name}\n    from: {{ {from} }}\n    index: {name}-a\n    select: k:1\n"
    ));
    scene
}

/// The offset of each letter, by `member` of its position, and by the index in an aggregated record.
async fn letters(scene: &Scene<'_>, member: &str) -> Vec<(u64, u64)> {
    let letters = scene.dead_letters_of::<Value>().await;
    assert!(letters.iter().all(|letter| letter.error_type == "record_too_slow"), "{letters:?}");
    let number = |letter: &Value, name: &str| letter[name].as_u64().unwrap_or_default();
    let mut letters: Vec<(u64, u64)> =
        letters.iter().map(|one| (number(&one.position, "aggregate_index"), number(&one.position, member))).collect();
    letters.sort_unstable();
    letters
}

/// The furthest offset among the letters of a user record. A letter whose writing took too long may be there too.
fn furthest(letters: &[(u64, u64)], aggregate_index: u64) -> u64 {
    let offsets = letters.iter().filter(|(index, _)| *index == aggregate_index).map(|(_, offset)| *offset);
    offsets.max().unwrap_or_else(|| panic!("{letters:?}"))
}

/// Delivers a batch with enough time. Returns the time that it took.
async fn deliver(function: &mut Function, event: &Value) -> Duration {
    let began = Instant::now();
    let answer = function.invoke(event, TIMEOUT).await.expect("it runs");
    assert_eq!(response(&answer), json!({ "batchItemFailures": [] }));
    began.elapsed()
}

/// Delivers a batch in too little time, until the answer is `expected`. Returns how many tries that took.
async fn deliver_soon(function: &mut Function, event: &Value, expected: &Value) -> usize {
    let mut answers = Vec::new();
    while answers.len() < TRIES {
        let answer = response(&function.invoke(event, SHORT).await.expect("it runs"));
        let is_expected = answer == *expected;
        answers.push(answer);
        if is_expected {
            return answers.len();
        }
    }
    panic!("{answers:?}, not {expected}: {:#?}", function.lines());
}

/// Checks that what comes before the point that was reached is indexed. An earlier try may have got further than the one whose
/// letter says `before`, but not beyond `all` events.
fn assert_indexed(indexed: u64, before: u64, all: u64, tries: usize) {
    let is_right = if tries == 1 { indexed == before } else { (before..=all).contains(&indexed) };
    assert!(is_right, "{indexed} indexed, {before} before the letter, {all} in all, after {tries} tries");
}

#[test]
fn a_record_that_no_invocation_can_read_to_its_end_does_not_hold_its_shard_and_a_replay_brings_its_rest() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = scene(moto, "slow-kinesis", "stream: \"*\"").await;
        let proxy = Proxy::start(&engine.url()).await;
        let mut shard = Shard::new("slow", 0);
        let mut function = scene.start("kinesis-ingest", &engine.url(), &[]).await;
        let measured = shard.record(&record(MEASURED));
        let members = members(&mut function, &kinesis::event(&[measured])).await;
        let users = [UserRecord::new("{\"k\":1}\n"), UserRecord::new(record(members)), UserRecord::new("{\"k\":1}\n")];
        let (poison, good) = (shard.record(&kpl::frame(&users)), shard.record(b"{\"k\":1}"));
        let batch = kinesis::event(&[poison.clone(), good.clone()]);

        // A domain that refuses never makes such a letter.
        proxy.set(Fault { refuse: true, ..Fault::default() });
        let mut function = scene.start("kinesis-ingest", &proxy.url(), &[]).await;
        deliver_soon(&mut function, &batch, &kinesis::answer(Some(&poison))).await;
        assert_eq!(letters(&scene, "offset").await, []);

        proxy.set(Fault::default());
        let tries = deliver_soon(&mut function, &batch, &kinesis::answer(Some(&good))).await;
        let found = letters(&scene, "offset").await;
        assert!(found.contains(&(2, 0)), "{found:?}: {:#?}", function.lines());
        let reached = furthest(&found, 1);
        deliver(&mut function, &kinesis::event(&[good])).await;
        let before = MEASURED as u64 + 2 + reached / (EVENTS as u64 * 8);
        assert_indexed(engine.count(&scene.indices()).await, before, (MEASURED + members + 3) as u64, tries);
        receipt::of::<receipt::Kinesis>(&function);

        // A replay that has too little time continues from the letter of what it reached.
        scene.replay_letters().await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let mut later = reached;
        for _ in 0..TRIES {
            scene.queue.deliver(&mut function, SHORT + Duration::from_secs(2)).await.expect("a message");
            later = furthest(&letters(&scene, "offset").await, 1);
            if later > reached {
                break;
            }
        }
        assert!(later > reached, "{later}, {reached}: {:#?}", function.lines());
        scene.queue.drain(&mut function, TIMEOUT, 9).await;
        assert_eq!(letters(&scene, "offset").await, []);
        assert_eq!(engine.count(&scene.indices()).await, (MEASURED + members + 3) as u64, "each once");
    });
}

#[test]
fn a_record_that_no_invocation_can_read_to_its_end_does_not_hold_its_partition() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = scene(moto, "slow-kafka", "topic: \"*\"").await;
        let (cluster, mut partition) = (kafka::msk("c"), Partition::new("slow", 0));
        let mut function = scene.start("kafka-ingest", &engine.url(), &[]).await;
        let measured = partition.record(&record(MEASURED));
        let members = members(&mut function, &cluster.event(&[measured])).await;
        let (poison, good) = (partition.record(&record(members)), partition.record(b"{\"k\":1}"));
        let batch = cluster.event(&[poison, good.clone()]);
        let tries = deliver_soon(&mut function, &batch, &kafka::answer(&[&good])).await;
        deliver(&mut function, &cluster.event(&[good])).await;
        let reached = furthest(&letters(&scene, "byte_offset").await, 0);
        let before = MEASURED as u64 + 1 + reached / (EVENTS as u64 * 8);
        assert_indexed(engine.count(&scene.indices()).await, before, (MEASURED + members + 1) as u64, tries);
        let receipts: Vec<Counts> = receipt::of(&function);
        assert!(receipts.iter().any(|receipt| receipt.rejected == 1 && !receipt.is_final), "{receipts:?}");
    });
}
