//! Random documents of every type in one dynamic index, in random order. Each is indexed or rejected within two
//! attempts, from each source. Most refusals of the engine are conflicts of mappings, with texts that no list holds.

use std::collections::BTreeSet;
use std::time::Duration;

use emulator::function::Function;
use serde_json::{Map, Value, json};
use tests::engine::Engine;
use tests::kafka::{self, Partition};
use tests::kinesis::Shard;
use tests::mapping::{Item, Limits, Mapping, Source, deliver};
use tests::moto::Moto;
use tests::place::{self, figure};
use tests::receipt::{self, Counts, sum};
use tests::scene::Scene;
use tests::seeds;

const TIMEOUT: Duration = Duration::from_mins(10);
/// An index can have 1,000 fields, and each name can become several of them.
const NAMES: usize = 60;

/// A field's name: mostly plain, sometimes with dots, which cause conflicts of mappings.
fn name(random: &mut fastrand::Rng) -> String {
    let plain = format!("f{}", random.usize(0..NAMES));
    match random.u8(0..12) {
        0 => format!("{plain}.x"),
        1 => format!("{plain}.x.y"),
        _ => plain,
    }
}

/// A name mostly has the same type, as in real events. Otherwise the engine would refuse nearly every document.
fn value(random: &mut fastrand::Rng, name: &str, depth: u8) -> Value {
    let usual = name.bytes().map(usize::from).sum::<usize>() % 5;
    let kind = if random.u16(0..400) == 0 { random.usize(0..9) } else { usual };
    match kind {
        0 => json!(random.i64(-5..5)),
        1 => json!(random.f64()),
        2 => json!(random.bool()),
        3 => json!(format!("w{}", random.u8(..))),
        4 => json!("2026-11-28T00:00:00Z"),
        5 => json!([1, 2.5]),
        6 => json!([random.i64(0..9), { "x": 1 }]),
        7 if depth < 3 => json!({ "x": value(random, "x", depth + 1) }),
        _ => Value::Null,
    }
}

fn document(random: &mut fastrand::Rng, seq: u64) -> String {
    let mut document = Map::new();
    for _ in 0..random.usize(1..6) {
        let name = name(random);
        // A name that is both an object and a value would be refused every time.
        let plain = name.split('.').next().unwrap_or_default().to_owned();
        let is_object = plain.ends_with('7');
        if name.contains('.') == is_object || random.u16(0..400) == 0 {
            let value = value(random, &name, 0);
            document.insert(name, value);
        }
    }
    document.insert("seq".into(), json!(seq));
    Value::Object(document).to_string()
}

fn documents(seed: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut documents: Vec<_> =
        (0..place::event_count(crate::RANDOM_DOCUMENTS)).map(|seq| document(&mut random, seq)).collect();
    random.shuffle(&mut documents);
    documents
}

/// Checks that each document is indexed or a dead letter, and that nothing is undelivered after the second attempt.
async fn assert_fates(name: &str, engine: &Engine, scene: &Scene<'_>, function: &Function, documents: &[String]) {
    let receipts: Vec<Counts> = receipt::of(function);
    let letters = scene.dead_letters_of::<Value>().await;
    let rejected: BTreeSet<String> = letters.iter().filter_map(|letter| letter.payload.clone()).collect();
    let indexed = engine.count(&scene.indices()).await;
    let total = documents.len() as u64;
    assert!(documents.iter().filter(|document| rejected.contains(*document)).count() == rejected.len(), "{name}");
    assert_eq!(indexed + rejected.len() as u64, total, "{name}: {receipts:?}");
    assert_eq!(sum(&receipts, |r| r.indexed), indexed, "{name}");
    assert!(indexed * 10 >= total * 9 && !rejected.is_empty(), "{name}: {indexed} of {total} indexed");
    let scenario = format!("{total} random documents in one dynamic index, {name}");
    figure(&scenario, "indexed", indexed);
    figure(&scenario, "rejected", rejected.len());
    figure(&scenario, "neither after two attempts", 0);
}

async fn from_stream(
    source_name: &str,
    seed: u64,
    function: &str,
    from: &str,
    source: Source,
    item: impl FnMut(&String) -> Item,
) {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let name = &format!("random-{source_name}-{seed}");
    let scene = Scene::new(moto, name).await;
    scene.set_pipeline(&format!("datasets:\n  - name: {name}\n    from: {{ {from} }}\n    index: {name}-a\n"));
    let documents = documents(seed);
    let mut function = scene.start(function, &engine.url(), &[]).await;
    let mut mapping = Mapping::new(source, Limits::unlimited(500));
    mapping.put_all(documents.iter().map(item));
    while let Some(round) = deliver(&mut mapping, &mut function, TIMEOUT).await {
        assert_eq!(round.left.len(), 0, "{name}: {:#?}", function.lines().iter().rev().take(5).collect::<Vec<_>>());
    }
    assert_fates(name, engine, &scene, &function, &documents).await;
}

#[test]
fn random_documents_of_a_stream_are_indexed_or_rejected() {
    seeds::each("random documents, Kinesis", crate::RANDOM_SEEDS, 1, |seed| {
        let mut shard = Shard::new("random", 0);
        let item = move |document: &String| shard.record(document.as_bytes());
        from_stream("kinesis", seed, "kinesis-ingest", "stream: \"*\"", Source::Kinesis, item)
    });
}

#[test]
fn random_documents_of_a_topic_are_indexed_or_rejected() {
    seeds::each("random documents, Kafka", crate::RANDOM_SEEDS, 1, |seed| {
        let mut partition = Partition::new("random", 0);
        let item = move |document: &String| partition.record(document.as_bytes());
        from_stream("kafka", seed, "kafka-ingest", "topic: \"*\"", Source::Kafka(kafka::msk("c")), item)
    });
}

async fn from_objects(seed: u64) {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let name = &format!("random-s3-{seed}");
    let scene = Scene::new(moto, name).await;
    scene.set_pipeline(&format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    index: {name}-a\n"
    ));
    let documents = documents(seed);
    let object = scene.put("a.ndjson", documents.join("\n")).await;
    scene.notify(&object).await;
    let mut function = scene.function(&engine.url(), &[]).await;
    let rounds = scene.queue.drain(&mut function, TIMEOUT, 1).await;
    assert!(rounds[0].failed.is_empty(), "{:#?}", function.lines());
    assert_fates(name, engine, &scene, &function, &documents).await;
}

#[test]
fn random_documents_of_an_object_are_indexed_or_rejected() {
    seeds::each("random documents, S3", crate::RANDOM_SEEDS, 1, from_objects);
}
