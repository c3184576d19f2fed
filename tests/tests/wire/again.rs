//! Dead letters without a whole event: their sources are read again, at the letters' positions and with the current
//! limits.

use std::collections::BTreeSet;
use std::time::Duration;

use base64_simd::STANDARD;
use emulator::function::Function;
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::events;
use tests::kinesis::{self, Shard};
use tests::kpl::{self, UserRecord};
use tests::moto::{Moto, Object};
use tests::place;
use tests::scene::Scene;

const TIMEOUT: Duration = Duration::from_mins(1);
const SMALL: [(&str, &str); 1] = [("MILLRACE_MAX_EVENT_BYTES", "66000")];

fn event(number: usize, length: usize) -> String {
    format!("{{\"base_dt\":\"2023-11-14T00:00:00Z\",\"n\":{number},\"pad\":\"{}\"}}", "x".repeat(length))
}

fn lines(numbers: std::ops::Range<usize>) -> String {
    // Every fifth event is over the limit, and longer than the part that a letter keeps of it.
    numbers.map(|number| event(number, if number % 5 == 0 { LARGE } else { 10 }) + "\n").collect()
}

/// The objects of a scene. `PLAIN`, `ARRAY`, `GONE` and `CUT` are their numbers of events.
struct World {
    plain: Object,
    array: Object,
    gone: Object,
    cut: Object,
}

const LARGE: usize = 70_000;
const PLAIN: usize = 40;
const ARRAY: usize = 10;
const GONE: usize = 7;
const CUT: usize = 3000;

fn cut_content() -> Vec<u8> {
    let lines: String = (0..CUT).map(|number| event(number, 20 + number % 7) + "\n").collect();
    events::gzip(lines.as_bytes())
}

async fn world(scene: &Scene<'_>) -> World {
    let values = (0..ARRAY).map(|number| event(number, if number % 5 == 0 { LARGE } else { 10 }));
    let array = format!("[{}]", values.collect::<Vec<_>>().join(",\n"));
    let cut = cut_content();
    let world = World {
        // The last line holds several values, one of them over the limit.
        plain: scene.put("plain.json", lines(0..PLAIN - 3) + &event(1, 5) + &event(2, LARGE) + &event(3, 5)).await,
        array: scene.put("array.json.gz", events::gzip(array.as_bytes())).await,
        gone: scene.put("gone.json", lines(1..5) + &lines(1..4)).await,
        cut: scene.put("cut.json.gz", cut[..cut.len() / 2].to_vec()).await,
    };
    for object in [&world.plain, &world.array, &world.gone, &world.cut] {
        scene.notify(object).await;
    }
    scene.moto.delete(&world.gone).await;
    world
}

async fn types(scene: &Scene<'_>) -> Vec<(String, u64)> {
    let letters = scene.dead_letters().await;
    let mut types: Vec<_> = letters.into_iter().map(|one| (one.error_type, one.position.offset)).collect();
    types.sort();
    types
}

async fn replayed(scene: &Scene<'_>, function: &mut Function) {
    scene.replay_letters().await;
    scene.queue.drain(function, TIMEOUT, 12).await;
}

#[test]
fn letters_without_their_event_are_read_at_the_source_again() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "reread").await;
        let world = world(&scene).await;
        let mut function = scene.function(&engine.url(), &SMALL).await;
        scene.queue.drain(&mut function, TIMEOUT, 4).await;
        let before = types(&scene).await;
        let count = |name: &str| before.iter().filter(|(error_type, _)| error_type == name).count();
        assert_eq!((count("event_too_large"), count("truncated"), count("gone")), (8 + 1 + 2, 1, 1), "{before:?}");
        let indexed = engine.count(&scene.indices()).await;
        let of_cut = indexed - (PLAIN - 9 + ARRAY - 2) as u64;
        assert!((100..CUT as u64 - 100).contains(&of_cut), "{of_cut}");

        // With the same limits and without a repair, the letters stay the same, and their number never drops in
        // between.
        for round in 1..=3 {
            replayed(&scene, &mut function).await;
            assert_eq!(types(&scene).await, before, "{round}");
            assert_eq!(engine.count(&scene.indices()).await, indexed, "{round}");
        }

        // With a higher limit, a repaired upload of the broken object, and the lost object restored, all events are
        // indexed.
        let mut function = scene.function(&engine.url(), &[]).await;
        let repaired = scene.put("cut.json.gz", cut_content()).await;
        let back = scene.put("gone.json", lines(1..5) + &lines(1..4)).await;
        assert_eq!(back.etag, world.gone.etag);
        replayed(&scene, &mut function).await;
        assert_eq!(types(&scene).await, []);
        let all = (PLAIN + ARRAY + GONE + CUT) as u64;
        assert_eq!(engine.count(&scene.indices()).await, all);

        // The ids are unchanged: the objects add nothing. The repaired object adds only the events of its former
        // content, because its `ETag` changed.
        for object in [&world.plain, &world.array, &back] {
            scene.notify(object).await;
        }
        scene.queue.drain(&mut function, TIMEOUT, 3).await;
        assert_eq!(engine.count(&scene.indices()).await, all);
        scene.notify(&repaired).await;
        scene.queue.drain(&mut function, TIMEOUT, 1).await;
        assert_eq!(engine.count(&scene.indices()).await, all + of_cut);
    });
}

#[test]
fn letters_that_are_read_again_by_two_at_once_are_never_lost() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "again-twice").await;
        let object = scene.put("plain.json", lines(0..20)).await;
        scene.notify(&object).await;
        let mut function = scene.function(&engine.url(), &SMALL).await;
        scene.queue.drain(&mut function, TIMEOUT, 1).await;
        let before = types(&scene).await;
        assert_eq!(before.len(), 4);
        // The letters' message is delivered again after the message that it sent was read, as if its deletion had
        // failed.
        scene.replay_letters().await;
        let bodies = scene.queue.receive().await;
        for _ in 0..2 {
            let event = tests::queue::event(&bodies);
            function.invoke(&event, TIMEOUT).await.expect("it runs").response().expect("an answer");
            scene.queue.deliver(&mut function, TIMEOUT).await;
        }
        let keys: BTreeSet<String> =
            moto.objects("dead-again-twice", "letters/").await.into_iter().map(|(key, _)| key).collect();
        assert!(keys.iter().all(|key| key.ends_with(".r1.ndjson")), "{keys:?}");
        assert_eq!(types(&scene).await, before);
    });
}

#[test]
fn events_over_the_limit_in_a_record_are_read_again_from_their_letters() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "again-large").await;
        scene.set_source("stream: \"*\"", &[]);
        let mut shard = Shard::new("large", 0);
        // A plain record, and an aggregated one of which a user record is gzip. Both have more than one large event.
        let users = [UserRecord::new(lines(1..3)), UserRecord::new(events::gzip(lines(4..12).as_bytes()))];
        let items = [shard.record(lines(0..7).as_bytes()), shard.record(&kpl::frame(&users))];
        let event = kinesis::event(&items);
        let mut ingest = scene.start("kinesis-ingest", &engine.url(), &SMALL).await;
        ingest.invoke(&event, TIMEOUT).await.expect("it runs").response().expect("an answer");
        let types = async || {
            let letters = scene.dead_letters_of::<kinesis::KinesisPosition>().await;
            letters.into_iter().map(|one| (one.error_type, one.payload_of)).collect::<Vec<_>>()
        };
        let large = vec![("event_too_large".to_owned(), Some("record".to_owned())); 4];
        assert_eq!((engine.count(&scene.indices()).await, types().await), (13, large.clone()));

        // They stay while the limit stays.
        let mut function = scene.function(&engine.url(), &SMALL).await;
        replayed(&scene, &mut function).await;
        assert_eq!((engine.count(&scene.indices()).await, types().await), (13, large));
        let mut function = scene.function(&engine.url(), &[]).await;
        replayed(&scene, &mut function).await;
        assert_eq!((engine.count(&scene.indices()).await, types().await), (17, Vec::new()));

        let mut ingest = scene.start("kinesis-ingest", &engine.url(), &[]).await;
        ingest.invoke(&event, TIMEOUT).await.expect("it runs").response().expect("an answer");
        assert_eq!(engine.count(&scene.indices()).await, 17, "under the ids of the records");
    });
}

#[test]
fn a_record_that_could_not_be_framed_is_read_again_from_its_letter() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "again-record").await;
        scene.set_source("stream: \"logs\"", &["format: cloudwatch-logs"]);
        let record = |number: usize, data: &str| {
            json!({
                "eventSource": "aws:kinesis", "eventID": format!("shardId-000000000000:4957{number}"),
                "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/logs",
                "kinesis": { "data": STANDARD.encode_to_string(data), "partitionKey": "p", "sequenceNumber": format!("4957{number}"),
                             "approximateArrivalTimestamp": 1_795_000_000.0 + number as f64 },
            })
        };
        let event = json!({ "Records": [record(0, &lines(1..4)), record(1, &lines(6..9))] });
        let mut ingest = scene.start("kinesis-ingest", &engine.url(), &[]).await;
        ingest.invoke(&event, TIMEOUT).await.expect("it runs").response().expect("an answer");
        let letters = scene.dead_letters_of::<Value>().await;
        let told: Vec<_> = letters.iter().map(|one| (one.stage.as_str(), one.error_type.as_str())).collect();
        assert_eq!(told, [("frame", "framing_lost"); 2], "{letters:?}");

        // The cause was a wrong format in the rules. This fixes it.
        scene.set_source("stream: \"logs\"", &["format: ndjson"]);
        let mut function = scene.function(&engine.url(), &[]).await;
        replayed(&scene, &mut function).await;
        assert_eq!((engine.count(&scene.indices()).await, scene.dead_letters_of::<Value>().await.len()), (6, 0));
        let mut ingest = scene.start("kinesis-ingest", &engine.url(), &[]).await;
        ingest.invoke(&event, TIMEOUT).await.expect("it runs").response().expect("an answer");
        assert_eq!(engine.count(&scene.indices()).await, 6, "under the ids of the records");
    });
}

/// Letters that release e0357a9 wrote, and their whole objects.
#[derive(serde::Deserialize)]
struct Former {
    objects: std::collections::BTreeMap<String, String>,
    letters: std::collections::BTreeMap<String, String>,
}

#[test]
fn letters_of_the_release_before_are_replayed() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let former = include_bytes!("../../data/letters-e0357a9.json.gz");
    let former: Former = serde_json::from_reader(flate2::read::MultiGzDecoder::new(&former[..])).expect("the fixture");
    place::run(async {
        let scene = Scene::new(moto, "letters-old").await;
        let dataset = |name: &str, from: &str| {
            format!(
                "  - name: {name}\n    from: {{ {from} }}\n    timestamp: base_dt\n    index: {name}-%{{+YYYY.MM.dd}}\n"
            )
        };
        scene.set_pipeline(&format!(
            "datasets:\n{}{}{}",
            dataset("letters-old", "bucket: \"t-*\", key: \"**\""),
            dataset("letters-old-stream", "stream: logs"),
            dataset("letters-old-topic", "topic: old"),
        ));
        let mappings = json!({ "properties": { "n": { "type": "keyword" } } });
        let template = json!({ "index_patterns": ["letters-old-*"], "template": { "mappings": mappings } });
        engine.ask("PUT", "/_index_template/letters-old", &template.to_string()).await;
        for (key, content) in &former.objects {
            scene.put(key, STANDARD.decode_to_vec(content).expect("base64")).await;
        }
        for (key, lines) in &former.letters {
            moto.put("dead-letters-old", key, lines.clone().into()).await;
        }
        assert_eq!(scene.dead_letters_of::<Value>().await.len(), 13);
        let mut function = scene.function(&engine.url(), &[]).await;
        replayed(&scene, &mut function).await;
        // Only the event that is not JSON remains: nothing could fix it.
        let left = scene.dead_letters_of::<Value>().await;
        assert_eq!(left.iter().map(|one| one.error_type.as_str()).collect::<Vec<_>>(), ["invalid_json"], "{left:?}");
        let mut counts = Vec::new();
        for index in ["letters-old-2*", "letters-old-stream-*", "letters-old-topic-*"] {
            counts.push(engine.count(index).await);
        }
        // Four over the limit and one that the mapping refused; the five events of the object that was gone; the rest
        // of 400 after the cut.
        let rest = 400 - 181;
        assert_eq!(counts, [5 + 5 + rest, 3, 3]);
    });
}
