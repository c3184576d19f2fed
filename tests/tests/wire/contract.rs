//! Promise 2 for random results of items: an event that an answer acknowledges to Kinesis or Kafka is indexed, a
//! duplicate, dropped by rule, or a durable dead letter. After the faults end, all events arrive.

use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Value, json};
use tests::kafka::{self, Partition};
use tests::kinesis::Shard;
use tests::mapping::{self, Item, Limits, Mapping, Source};
use tests::moto::Moto;
use tests::payload;
use tests::place::{self, figure};
use tests::scene::Scene;
use tests::script::{Script, Scripted, Step, Truth, Turn};

/// The number of patterns for each of the two functions.
const PATTERNS: u64 = 240;
/// The number of functions at the same time. They mostly wait for the pause before a retry.
const WORKERS: u64 = 6;
/// Enough for the retries of a pattern that recovers by itself.
const LONG: Duration = Duration::from_secs(4);
/// The deadline. Only it ends an invocation that cannot succeed.
const SHORT: Duration = Duration::from_millis(500);

/// A record and its contents.
struct Sent {
    item: Item,
    /// `seq` of the events that `select` selects.
    wanted: Vec<u64>,
    /// The whole record, if it holds no event.
    poison: Option<Vec<u8>>,
}

/// One pattern of results.
struct Pattern {
    source: Source,
    sent: Vec<Sent>,
    script: Script,
    timeout: Duration,
}

/// The counts of the situations that were met. They show if a change makes the test empty.
#[derive(Debug, Default)]
struct Met {
    forgotten: u64,
    partial: u64,
    failed: u64,
    letters: u64,
}

fn pattern(kafka: bool, number: u64, seed: u64) -> Pattern {
    let mut random = fastrand::Rng::with_seed(seed);
    let random = &mut random;
    let mut shard = Shard::new(&format!("s-{number}"), 0);
    let mut partitions: Vec<_> = (0..3).map(|partition| Partition::new(&format!("s-{number}"), partition)).collect();
    let mut script = Script::default();
    // Many small events share a request. Few events of 20 KB do.
    let pad = "x".repeat(if random.u8(0..3) == 0 { 20_000 } else { 1 });
    let lasting = random.u8(0..3) == 0;
    let mut seq = number * 1000;
    let mut sent = Vec::new();
    for _ in 0..random.usize(1..9) {
        let partition = &mut partitions[random.usize(0..3)];
        let mut put = |data: &[u8]| if kafka { partition.record(data) } else { shard.record(data) };
        if random.u8(0..8) == 0 {
            let mut poison = payload::poison().swap_remove(random.usize(0..7));
            poison.extend_from_slice(format!("#{seq}").as_bytes());
            sent.push(Sent { item: put(&poison), wanted: Vec::new(), poison: Some(poison) });
            continue;
        }
        if kafka && random.u8(0..10) == 0 {
            sent.push(Sent { item: partition.tombstone(), wanted: Vec::new(), poison: None });
            continue;
        }
        let (mut lines, mut wanted) = (Vec::new(), Vec::new());
        for _ in 0..random.usize(1..6) {
            seq += 1;
            let drop = random.u8(0..8) == 0;
            lines.push(format!("{{\"drop\":{drop},\"pad\":\"{pad}\",\"seq\":{seq}}}\n"));
            if !drop {
                wanted.push(seq);
                script.items.insert(seq, steps(random, lasting));
            }
        }
        let form = random.u8(0..if kafka { payload::PLAIN_FORMS } else { payload::FORMS });
        sent.push(Sent { item: put(&payload::packed(form, &lines)), wanted, poison: None });
    }
    if random.u8(0..3) == 0 {
        script.turns.extend((0..random.usize(1..4)).map(|_| turn(random)));
    }
    if random.u8(0..3) == 0 {
        let (most, statuses) = if lasting { (99, [503, 500, 503]) } else { (3, [503, 500, 403]) };
        let count = random.usize(1..=most);
        script.letters.extend((0..count).map(|_| statuses[random.usize(0..3)]));
    }
    let source = if kafka { Source::Kafka(kafka::msk("c")) } else { Source::Kinesis };
    Pattern { source, sent, script, timeout: if lasting { SHORT } else { LONG } }
}

fn steps(random: &mut fastrand::Rng, lasting: bool) -> Vec<Step> {
    use Step::{Blocked, Busy, Created, NoShards, There, Unavailable, Unmappable};
    match random.u8(0..100) {
        0..70 => vec![Created],
        70..76 => vec![There],
        76..84 => vec![Unmappable],
        84..88 => vec![Busy, Created],
        88..91 => vec![Unavailable, Created],
        91..93 => vec![Busy, Unmappable],
        _ if !lasting => vec![Created],
        93..95 => vec![Busy],
        95..97 => vec![Unavailable],
        97..99 => vec![Blocked],
        _ => vec![NoShards],
    }
}

fn turn(random: &mut fastrand::Rng) -> Turn {
    match random.u8(0..12) {
        0..3 => Turn::Items,
        3 => Turn::Status(429),
        4 => Turn::Status(503),
        5 => Turn::Status(502),
        6 => Turn::Status([400, 401, 403, 404][random.usize(0..4)]),
        7 => Turn::Status(413),
        8 => Turn::Cut { applied: true },
        9 => Turn::Cut { applied: false },
        10 => Turn::Short,
        _ => Turn::Garbled,
    }
}

/// Why it is not safe to acknowledge a record, if it is not.
fn unsafe_to_forget(sent: &Sent, truth: &Truth) -> Option<String> {
    let of_record = |letter: &&Value| {
        let position = &letter["position"];
        position["sequence_number"] == sent.item.identifier
            || (!position["topic"].is_null()
                && json!(format!("{}-{}", position["topic"].as_str().unwrap_or_default(), position["partition"]))
                    == sent.item.identifier["partition"]
                && position["offset"] == sent.item.identifier["offset"])
    };
    let letters: Vec<&Value> = truth.letters.iter().filter(of_record).collect();
    for seq in &sent.wanted {
        let is_letter = |letter: &&Value| {
            let payload = letter["payload"].as_str().unwrap_or_default();
            serde_json::from_str::<Value>(payload).is_ok_and(|event| event["seq"] == *seq)
        };
        if !truth.created.contains_key(seq) && !letters.iter().any(is_letter) {
            return Some(format!("event {seq} is neither indexed nor a dead letter"));
        }
    }
    let poison = sent.poison.as_ref()?;
    let is_whole = |letter: &&Value| match (&letter["payload"], &letter["payload_base64"]) {
        (Value::String(text), Value::Null) => text.as_bytes() == poison,
        (Value::Null, Value::String(text)) => {
            use base64_simd::STANDARD;
            STANDARD.decode_to_vec(text).is_ok_and(|bytes| bytes == *poison)
        }
        _ => false,
    };
    (!letters.iter().any(is_whole))
        .then(|| format!("the poison {:?} is no dead letter", String::from_utf8_lossy(poison)))
}

/// Invokes the function a few times with one pattern, then without faults, and checks each answer.
async fn check(pattern: Pattern, function: &mut Function, other_side: &Scripted, met: &mut Met) -> Result<(), String> {
    let Pattern { source, sent, script, timeout } = pattern;
    other_side.follow(script);
    let mut mapping = Mapping::new(source, Limits::unlimited(100));
    mapping.put_all(sent.iter().map(|sent| sent.item.clone()));
    let of = |item: &Item| sent.iter().find(|sent| sent.item.identifier == item.identifier).expect("it was sent");
    for round in 0..60 {
        if round == 2 {
            other_side.follow(Script::default());
        }
        let Some(batch) = mapping.receive() else { break };
        let timeout = if round < 2 { timeout } else { LONG };
        let answer = function.invoke(&mapping.event(&batch), timeout).await.map_err(|error| error.to_string())?;
        let (undelivered, misunderstood) = mapping::undelivered(&batch.items, &answer);
        if let Some(answer) = misunderstood {
            return Err(format!("Lambda would not understand {answer}"));
        }
        if !matches!(answer, Answer::Response(_) | Answer::Error { .. }) {
            return Err(format!("it did not answer in time: {answer:?}"));
        }
        let truth = other_side.truth();
        for (position, item) in batch.items.iter().enumerate() {
            if !undelivered.contains(&position) {
                met.forgotten += 1;
                if let Some(why) = unsafe_to_forget(of(item), &truth) {
                    return Err(format!("{} is forgotten, but {why}; the answer was {answer:?}", item.identifier));
                }
            }
        }
        met.failed += u64::from(matches!(answer, Answer::Error { .. }));
        met.partial += u64::from(!undelivered.is_empty() && matches!(answer, Answer::Response(_)));
        mapping.settle(batch, answer);
    }
    if mapping.depth() > 0 {
        return Err(format!("{} records are left: {:?}", mapping.depth(), function.lines().last()));
    }
    let truth = other_side.truth();
    met.letters += truth.letters.len() as u64;
    for sent in &sent {
        if let Some(twice) = sent.wanted.iter().find(|seq| truth.created.get(seq).is_some_and(|ids| ids.len() > 1)) {
            return Err(format!("event {twice} was indexed under {:?}", truth.created[twice]));
        }
    }
    Ok(())
}

async fn hold(name: &'static str, function: &'static str, from: &str, kafka: bool) {
    let Some(moto) = Moto::shared() else { return };
    let base = place::seed(name);
    let scene = Scene::new(moto, name).await;
    scene.set_source(from, &["select: drop:false"]);
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..WORKERS {
        let other_side = Scripted::start().await;
        let url = other_side.url();
        // Bodies of 64 KiB hold three of the large events.
        let env = [
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("MILLRACE_MAX_BODY_BYTES", "65536"),
            ("MILLRACE_MAX_EVENT_BYTES", "65536"),
        ];
        let mut function = scene.start(function, &url, &env).await;
        workers.spawn(async move {
            let mut met = Met::default();
            for number in (worker..PATTERNS).step_by(usize::try_from(WORKERS).expect("few")) {
                let seed = base.wrapping_add(number);
                let pattern = pattern(kafka, number, seed);
                if let Err(why) = check(pattern, &mut function, &other_side, &mut met).await {
                    return Err(format!("pattern {number} (its seed: {seed}): {why}"));
                }
            }
            // `receipt::of` checks that each balances.
            drop(tests::receipt::of::<tests::receipt::Counts>(&function));
            Ok(met)
        });
    }
    let mut all = Met::default();
    while let Some(worker) = workers.join_next().await {
        let met = worker.expect("no panic").unwrap_or_else(|why| panic!("MILLRACE_SEED={base} {why}"));
        all.forgotten += met.forgotten;
        all.partial += met.partial;
        all.failed += met.failed;
        all.letters += met.letters;
    }
    assert!(all.forgotten > PATTERNS && all.partial > 30 && all.failed > 10 && all.letters > 50, "{all:?}");
    let scenario = format!("{PATTERNS} patterns of item outcomes, {function}");
    figure(&scenario, "records acknowledged, each safe", all.forgotten);
    figure(&scenario, "partial answers", all.partial);
    figure(&scenario, "failed invocations", all.failed);
}

#[test]
fn every_record_that_kinesis_may_forget_is_safe() {
    place::run(hold("kinesis-contract", "kinesis-ingest", "stream: \"*\"", false));
}

#[test]
fn every_record_that_kafka_may_forget_is_safe() {
    place::run(hold("kafka-contract", "kafka-ingest", "topic: \"*\"", true));
}
