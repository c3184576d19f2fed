//! Dead letters of the former release: of an object, of a stream and of a topic.

use base64_simd::STANDARD;
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::super::operate::replay::{replay, through};
use super::{LIMIT, RELEASES, documents, kept, lines, put_back, restore, write_lines};

const NAME: &str = "upgrade-letters";
const KEY: &str = "in/some.json";
/// The number of events of each source and kind: indexed immediately, indexed after the mapping changes, and never
/// indexed.
const EACH: usize = 5;

/// Events that the mapping accepts, events that it refuses, and invalid JSON, in turns. All are of one source.
fn events(source: &str) -> Vec<String> {
    let event = |number: usize| match number % 3 {
        0 => format!("{{\"base_dt\":\"2023-11-14T00:00:00Z\",\"of\":\"{source}\",\"n\":{number}}}"),
        1 => format!("{{\"base_dt\":\"2023-11-14T00:00:00Z\",\"of\":\"{source}\",\"n\":\"text {number}\"}}"),
        _ => format!("{{\"of\":\"{source}\",\"n\":{number}"),
    };
    (0..3 * EACH).map(event).collect()
}

fn rules() -> String {
    let dataset = |source: &str, from: &str| {
        format!(
            "  - name: {NAME}-{source}\n    from: {{ {from} }}\n    timestamp: base_dt\n    index: {NAME}-%{{+YYYY.MM.dd}}\n"
        )
    };
    let datasets = [
        dataset("object", "bucket: \"t-*\", key: \"in/**\""),
        dataset("stream", "stream: logs"),
        dataset("topic", "topic: logs"),
    ];
    format!("datasets:\n{}", datasets.concat())
}

/// An invocation of Kinesis: a record with two lines, and so on.
fn records() -> Value {
    let record = |(number, line): (usize, &String)| {
        json!({
            "eventSource": "aws:kinesis", "eventID": format!("shardId-000000000000:4957{number:02}"),
            "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/logs",
            "kinesis": { "data": STANDARD.encode_to_string(line), "partitionKey": "p", "sequenceNumber": format!("4957{number:02}"),
                         "approximateArrivalTimestamp": 1_700_000_000.0 },
        })
    };
    json!({ "Records": events("stream").iter().enumerate().map(record).collect::<Vec<_>>() })
}

/// An invocation of MSK.
fn messages() -> Value {
    let record = |(number, line): (usize, &String)| {
        json!({
            "topic": "logs", "partition": 0, "offset": number, "timestamp": 1_700_000_000_000_u64,
            "timestampType": "CREATE_TIME", "value": STANDARD.encode_to_string(line), "headers": [],
        })
    };
    let records: Vec<_> = events("topic").iter().enumerate().map(record).collect();
    json!({
        "eventSource": "aws:kafka", "eventSourceArn": "arn:aws:kafka:eu-west-1:123456789012:cluster/own/1-1",
        "bootstrapServers": "b-1.example.com:9098", "records": { "logs-0": records },
    })
}

/// Maps the field `n` of future indices.
async fn map_n(engine: &Engine, kind: &str) {
    let mappings = json!({ "properties": { "n": { "type": kind } } });
    let template = json!({ "index_patterns": [format!("{NAME}-*")], "template": { "mappings": mappings } });
    engine.ask("PUT", &format!("/_index_template/{NAME}"), &template.to_string()).await;
}

/// Delivers the events of all sources, whatever their fate.
async fn bring(scene: &Scene<'_>, engine: &Engine) {
    let object = scene.put(KEY, events("object").join("\n")).await;
    scene.notify(&object).await;
    let mut ingest = scene.function(&engine.url(), &[]).await;
    scene.queue.drain(&mut ingest, LIMIT, 3).await;
    for (function, event) in [("kinesis-ingest", records()), ("kafka-ingest", messages())] {
        let mut function = scene.start(function, &engine.url(), &[]).await;
        function.invoke(&event, LIMIT).await.expect("it runs").response().expect("an answer");
    }
}

pub(super) async fn leave(release: &str, engine: &Engine, moto: &Moto) {
    let scene = Scene::new(moto, NAME).await;
    scene.set_pipeline(&rules());
    map_n(engine, "long").await;
    bring(&scene, engine).await;
    let letters = kept(moto, &format!("dead-{NAME}"), "letters/").await;
    assert_eq!(scene.dead_letters_of::<Value>().await.len(), 3 * 2 * EACH, "{letters:?}");
    write_lines(release, "letters.gz", letters);
    write_lines(release, "letters.documents.gz", documents(engine, &scene.indices()).await);
}

#[test]
fn dead_letters_of_a_former_release_become_the_documents_that_they_would_have_been() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        for release in RELEASES {
            let scene = Scene::new(moto, NAME).await;
            scene.set_pipeline(&rules());
            map_n(engine, "keyword").await;
            scene.put(KEY, events("object").join("\n")).await;
            let already = lines(release, "letters.documents.gz");
            assert_eq!(already.len(), 3 * EACH);
            restore(engine, &already).await;
            put_back(moto, &format!("dead-{NAME}"), &lines(release, "letters.gz"), &[]).await;

            let mut replay = replay(&scene, &engine.url(), &[]).await;
            through(&mut replay, &json!({ "dead_letters": format!("s3://dead-{NAME}/letters") }), LIMIT).await;
            let mut ingest = scene.function(&engine.url(), &[]).await;
            scene.queue.drain(&mut ingest, LIMIT, 9).await;
            assert_eq!(engine.count(&scene.indices()).await, 3 * 2 * EACH as u64);
            let left = scene.dead_letters_of::<Value>().await;
            assert_eq!(left.len(), 3 * EACH, "what is no JSON stays: {left:?}");
            assert!(left.iter().all(|letter| letter.stage == "decode"), "{left:?}");

            // The sources deliver everything again: all events exist under the same ids, and no new document is
            // written.
            bring(&scene, engine).await;
            assert_eq!(engine.count(&scene.indices()).await, 3 * 2 * EACH as u64);
        }
    });
}
