//! Replay of dead letters: a letter that can be indexed now is indexed under its first id. A letter that cannot stays,
//! once.

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::moto::Moto;
use tests::place;
use tests::receipt::{self, sum};
use tests::scene::Scene;

use super::{replay, through};

#[derive(Debug, serde::Deserialize)]
struct Receipt {
    left: u64,
    #[serde(flatten)]
    counts: receipt::Counts,
}

/// The receipts of dead letters among the lines of a function.
fn of_letters(function: &emulator::function::Function) -> Vec<Receipt> {
    let receipts = function.receipts().into_iter().filter(|line| line.get("left").is_some());
    let read = |line: Value| {
        receipt::assert_balanced(&line);
        serde_json::from_value(line).expect("a receipt of dead letters")
    };
    receipts.map(read).collect()
}

/// Maps the field `n` of future indices under a prefix.
async fn map_n(engine: &Engine, prefix: &str, kind: &str) {
    let mappings = json!({ "properties": { "n": { "type": kind } } });
    let template = json!({ "index_patterns": [format!("{prefix}-*")], "template": { "mappings": mappings } });
    engine.set_template(prefix, &template).await;
}

#[test]
fn a_hundred_unfixable_events_are_a_hundred_after_three_replays() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "unfixable").await;
        // Two objects with invalid JSON, values that are not objects, and impossible times. None can ever be a
        // document.
        for object in 0..2 {
            let bad = |number: usize| match number % 3 {
                0 => format!("{{\"n\": {object}{number}\n"),
                1 => format!("[{object}, {number}]\n"),
                _ => format!("{{\"base_dt\": \"1970-01-01\", \"n\": {number}}}\n"),
            };
            let object = scene.put(&format!("{object}.json"), (0..50).map(bad).collect::<String>()).await;
            scene.notify(&object).await;
        }
        let mut ingest = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut ingest, super::super::LIMIT, 9).await;
        let letters = scene.dead_letters().await;
        assert_eq!(letters.len(), 100);
        let mut replay = replay(&scene, &engine.url(), &[]).await;
        for time in 1..=3 {
            let done =
                through(&mut replay, &json!({ "dead_letters": "s3://dead-unfixable/letters" }), super::super::LIMIT)
                    .await;
            assert_eq!(done["sent"], 2, "{done}");
            scene.queue.drain(&mut ingest, super::super::LIMIT, 9).await;
            let receipts = of_letters(&ingest);
            assert_eq!(sum(&receipts, |receipt| receipt.counts.rejected), time * 100);
            assert!(receipts.iter().all(|receipt| receipt.counts.is_final && receipt.left == 0));
            let now = scene.dead_letters().await;
            assert_eq!(format!("{now:?}"), format!("{letters:?}"), "the very letters, after replay {time}");
        }
    });
}

#[test]
fn events_that_a_fixed_mapping_takes_are_indexed_and_the_rest_is_left_once() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "mended").await;
        // The events have no time. The time of their object decides, now and at the replay.
        map_n(engine, "mended", "long").await;
        let lines: Vec<String> = (0..40)
            .map(|number| match number % 4 {
                0 => format!("{{\"n\":{number}}}\n"),
                1 => format!("{{\"n\":\"text {number}\"}}\n"),
                2 => format!("{{\"n\":\"more {number}\", \"deep\": {{\"a\": [{number}]}}}}\n"),
                _ => format!("{{\"n\": {number}\n"),
            })
            .collect();
        let object = scene.put("a.json", lines.concat()).await;
        scene.notify(&object).await;
        let mut ingest = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut ingest, super::super::LIMIT, 9).await;
        assert_eq!((engine.count("mended-*").await, scene.dead_letters().await.len()), (10, 30));
        let indices: Vec<_> =
            super::super::indices(engine).await.into_iter().filter(|i| i.starts_with("mended-")).collect();
        let [index] = indices.as_slice() else { panic!("one index: {indices:?}") };

        // The index is created again with another mapping. The replay first selects letters by their reason.
        engine.ask("DELETE", &format!("/{index}"), "").await;
        map_n(engine, "mended", "keyword").await;
        scene.notify(&object).await;
        // The object is delivered again. All valid JSON can be indexed now, so the letters become duplicates.
        let mut replay = replay(&scene, &engine.url(), &[]).await;
        // `mapper_parsing_exception`, or `document_parsing_exception` from Elasticsearch 8 on.
        let letters = scene.dead_letters().await;
        let refused = letters.into_iter().find(|letter| letter.stage == "domain").expect("a refused event").error_type;
        let event = json!({ "dead_letters": "s3://dead-mended/letters", "reason": refused });
        through(&mut replay, &event, super::super::LIMIT).await;
        scene.queue.drain(&mut ingest, super::super::LIMIT, 9).await;
        assert_eq!(engine.count("mended-*").await, 30, "each once, whichever came first");
        let left = scene.dead_letters().await;
        assert_eq!(left.len(), 10, "{left:?}");
        assert!(left.iter().all(|letter| letter.error_type != refused));
        let receipts = of_letters(&ingest);
        assert_eq!(sum(&receipts, |receipt| receipt.counts.indexed + receipt.counts.duplicates), 20);
        assert_eq!(sum(&receipts, |receipt| receipt.counts.rejected), 0);

        // The remaining letters are replayed twice more: nothing changes.
        for _ in 0..2 {
            through(&mut replay, &json!({ "dead_letters": "s3://dead-mended/letters" }), super::super::LIMIT).await;
            scene.queue.drain(&mut ingest, super::super::LIMIT, 9).await;
            let mut now = scene.dead_letters().await;
            now.sort_by_key(|letter| letter.position.offset);
            let mut then = left.clone();
            then.sort_by_key(|letter| letter.position.offset);
            assert_eq!(format!("{now:?}"), format!("{then:?}"));
        }
        assert_eq!(engine.count("mended-*").await, 30);
    });
}

#[test]
fn letters_of_a_stream_keep_their_positions() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "letters-stream").await;
        scene.set_source("stream: \"logs\"", &[]);
        map_n(engine, "letters-stream", "long").await;
        let records: Vec<Value> = (0..6)
            .map(|number| {
                let data = base64_simd::STANDARD
                    .encode_to_string(format!("{{\"n\":\"text {number}\"}}\n{{\"n\":{number}}}\n"));
                json!({
                    "eventSource": "aws:kinesis", "eventID": format!("shardId-000000000000:4957{number}"),
                    "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/logs",
                    "kinesis": { "data": data, "partitionKey": "p", "sequenceNumber": format!("4957{number}"),
                                 "approximateArrivalTimestamp": 1_795_000_000.0 + f64::from(number) },
                })
            })
            .collect();
        let mut kinesis = scene.start("kinesis-ingest", &engine.url(), &[]).await;
        let event = json!({ "Records": records });
        kinesis.invoke(&event, super::super::LIMIT).await.expect("it runs").response().expect("an answer");
        assert_eq!((engine.count("letters-stream-*").await, scene.dead_letters_of::<Value>().await.len()), (6, 6));

        engine.ask("DELETE", "/letters-stream-*", "").await;
        map_n(engine, "letters-stream", "keyword").await;
        let mut replay = replay(&scene, &engine.url(), &[]).await;
        through(&mut replay, &json!({ "dead_letters": "s3://dead-letters-stream/letters" }), super::super::LIMIT).await;
        let mut ingest = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut ingest, super::super::LIMIT, 9).await;
        assert_eq!((engine.count("letters-stream-*").await, scene.dead_letters_of::<Value>().await.len()), (6, 0));
        // The records are delivered again: the events of the letters exist, under the same ids.
        kinesis.invoke(&event, super::super::LIMIT).await.expect("it runs").response().expect("an answer");
        assert_eq!(engine.count("letters-stream-*").await, 12);
    });
}
