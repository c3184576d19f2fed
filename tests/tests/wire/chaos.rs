//! Promises 1 to 3 under many faults at the same time, chosen by a seed: kills, resets, 5xx, 429, 413, lost replies,
//! partial requests, states of the domain, very short deadlines, duplicate messages. Afterwards each event is indexed
//! exactly once, or is a dead letter, and every receipt balances.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use emulator::function::{Answer, Function};
use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::moto::Moto;
use tests::place::figure;
use tests::queue;
use tests::receipt;
use tests::scene::{Scene, receipts};
use tests::seeds;
use tests::storm::Storm;

/// The time of an invocation after the faults end. The remaining events must be settled in it.
const CALM: Duration = Duration::from_mins(1);

/// The lines of the objects, and the offsets of the bad ones by object.
#[derive(Default)]
struct Events {
    expected: Expected,
    bad: BTreeMap<String, BTreeSet<u64>>,
}

impl Events {
    fn object(&mut self, key: &str, count: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let pad = "x".repeat(80);
        for number in 0..count {
            let start = bytes.len() as u64;
            let line = if number % 997 == 5 {
                format!("{{\"base_dt\":\"2026-11-28T00:00:00Z\",\"o\":\"{key}\",\"n\":{number},\"bad\":\"{pad}\"}}")
            } else if number % 1_013 == 7 {
                format!("{{broken {number}")
            } else {
                let line =
                    format!("{{\"base_dt\":\"2026-11-28T00:00:00Z\",\"o\":\"{key}\",\"n\":{number},\"p\":\"{pad}\"}}");
                self.expected.add(&line);
                bytes.extend_from_slice(format!("{line}\n").as_bytes());
                continue;
            };
            self.bad.entry(key.to_owned()).or_default().insert(start);
            bytes.extend_from_slice(format!("{line}\n").as_bytes());
        }
        bytes
    }
}

/// Puts the objects of a scene, each with its notification, some with two.
async fn put_objects(scene: &Scene<'_>, random: &mut fastrand::Rng, count: u64) -> Events {
    let mut events = Events::default();
    for key in ["plain.json", "multi.json.gz", "one.json.zst"] {
        let plain = events.object(key, count);
        let half = random.usize(0..plain.len());
        let bytes = match key {
            "multi.json.gz" => [events::gzip(&plain[..half]), events::gzip(&plain[half..])].concat(),
            "one.json.zst" => events::zstd(&plain),
            _ => plain,
        };
        let object = scene.put(key, bytes).await;
        scene.notify(&object).await;
        if random.u8(0..3) == 0 {
            scene.notify(&object).await;
        }
    }
    events
}

/// Runs one invocation during the faults: it has little time, may be killed, and its settled messages may be
/// redelivered.
async fn invoke(scene: &Scene<'_>, function: &mut Function, random: &mut fastrand::Rng) -> bool {
    let messages = scene.queue.receive().await;
    if messages.is_empty() {
        // A sent message may have a delay.
        tokio::time::sleep(Duration::from_millis(100)).await;
        return false;
    }
    let event = queue::event(&messages);
    let timeout = Duration::from_millis(random.u64(500..2_500));
    let kill = (random.u8(0..6) == 0).then(|| Duration::from_millis(random.u64(1..1_500)));
    let answer = tokio::select! {
        answer = function.invoke(&event, timeout) => Some(answer.expect("the function runs")),
        () = tokio::time::sleep(kill.unwrap_or_default()), if kill.is_some() => None,
    };
    let was_killed = answer.is_none();
    if was_killed {
        function.kill().await;
    }
    // A tenth of the settled messages is redelivered.
    let answer = answer.filter(|_| random.u8(0..10) > 0).unwrap_or(Answer::Exited);
    scene.queue.settle(messages, answer).await;
    was_killed
}

async fn storm(seed: u64) {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let began = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let scene = Scene::new(moto, &format!("chaos-{seed}")).await;
    let mapping = r#"{"mappings":{"properties":{"bad":{"type":"long"}}}}"#;
    engine.ask("PUT", &format!("/{}-2026.11.28", scene.prefix), mapping).await;
    let events = put_objects(&scene, &mut random, crate::CHAOS_EVENTS).await;
    let (domain, aws) = (Storm::start(&engine.url(), seed).await, Storm::start(&moto.url(), !seed).await);
    let url = aws.url();
    let small = [
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("MILLRACE_MAX_BODY_BYTES", "65536"),
        ("MILLRACE_MAX_EVENT_BYTES", "65536"),
    ];
    let mut function = scene.function(&domain.url(), &small).await;
    let (mut invocations, mut kills) = (0, 0);
    while invocations < crate::CHAOS_INVOCATIONS && scene.queue.depth().await > 0 {
        kills += u32::from(invoke(&scene, &mut function, &mut random).await);
        invocations += 1;
    }
    domain.calm();
    aws.calm();
    invocations += scene.queue.drain(&mut function, CALM, 40).await.len();
    assert_met(engine, &scene, &function, events).await;
    let name = format!("chaos, seed {seed}");
    let wrong = domain.blows() + aws.blows();
    figure(&name, "invocations / kills / requests that went wrong", format!("{invocations} / {kills} / {wrong}"));
    figure(&name, "lost / doubled / unbalanced / panics", "0 / 0 / 0 / 0");
    println!("{name}: {:?}", began.elapsed());
}

async fn assert_met(engine: &Engine, scene: &Scene<'_>, function: &Function, mut events: Events) {
    engine.count(&scene.indices()).await;
    engine.each_document(&scene.indices(), |document| events.expected.found(&document.source)).await;
    events.expected.assert_met();
    let mut letters: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for letter in scene.dead_letters().await {
        letters.entry(letter.position.key).or_default().insert(letter.position.offset);
    }
    assert_eq!(letters, events.bad, "the dead letters are the bad events");
    // `receipts` checks that each balances.
    let receipts = receipts(function);
    assert!(receipts.iter().any(|receipt| receipt.is_final));
    assert_eq!(receipt::sum(&receipts, |receipt| receipt.panicked), 0);
    let lines = function.lines();
    assert!(!lines.iter().any(|line| line.contains("panicked at")), "{lines:#?}");
}

#[test]
fn whatever_goes_wrong_at_once_each_event_is_there_once() {
    // A storm leaves messages that are delayed, so most of its time is waiting.
    seeds::each("chaos", crate::CHAOS_SEEDS, 5, storm);
}
