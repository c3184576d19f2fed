//! The stream invocations of tests/data/lambda-events: each gets its right answer.

use std::path::Path;
use std::time::Duration;

use base64_simd::STANDARD;
use emulator::domain::{Domain, DomainOptions};
use emulator::function::Function;
use serde_json::{Map, Value, json};
use tests::engine::json;
use tests::firehose::{Outcome, outcomes};
use tests::mapping::response;
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

const TIMEOUT: Duration = Duration::from_mins(1);

/// The result of an invocation: documents with their days, and dead letters.
struct Expected {
    documents: Vec<(Value, &'static str)>,
    dead: Vec<&'static str>,
}

fn read(folder: &Path, name: &str) -> Value {
    json(&std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}")))
}

#[test]
fn every_given_invocation_of_a_stream_gets_the_right_answer() {
    let Some(moto) = Moto::shared() else { return };
    let folder = place::data("lambda-events");
    place::run(async {
        let of_streams = |name: &String| name.starts_with("kinesisStream") || name.starts_with("kafka");
        let files = std::fs::read_dir(&folder).expect("the folder").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> = files.map(|name| name.into_string().expect("a name")).filter(of_streams).collect();
        names.sort();
        assert!(names.len() >= 5, "{names:?}");
        for (number, name) in names.iter().enumerate() {
            let event = read(&folder, name);
            let expected = expected(name, &event);
            let scene = Scene::new(moto, &format!("given-{number}")).await;
            let (function, from) = if name.starts_with("kafka") {
                ("kafka-ingest", "topic: mytopic")
            } else {
                ("kinesis-ingest", "stream: \"*\"")
            };
            scene.set_source(from, &[]);
            let domain = Domain::start(DomainOptions::default()).await.expect("a free port");
            let mut function = scene.start(function, &domain.url(), &[]).await;
            for _ in 0..2 {
                let answer = function.invoke(&event, TIMEOUT).await.expect("the function runs");
                assert_eq!(response(&answer), json!({ "batchItemFailures": [] }), "{name}");
                let (mut documents, mut found) = (expected.documents.clone(), Vec::new());
                domain.for_each(|index, _, source| {
                    let day = index.rsplit_once('-').expect("a day").1.to_owned();
                    found.push((serde_json::from_slice::<Value>(source).expect("JSON"), day));
                });
                found.sort_by_key(|(document, _)| document.to_string());
                documents.sort_by_key(|(document, _)| document.to_string());
                let documents: Vec<_> =
                    documents.into_iter().map(|(document, day)| (document, day.to_owned())).collect();
                assert_eq!(found, documents, "{name}");
                let letters = scene.dead_letters_of::<Value>().await;
                let dead: Vec<_> = letters.iter().map(|letter| letter.payload.as_deref().unwrap_or_default()).collect();
                assert_eq!(dead, expected.dead, "{name}");
            }
        }
    });
}

fn expected(name: &str, event: &Value) -> Expected {
    let (documents, dead) = match name {
        "kafkaEventMsk.json" | "kafkaEventSelfManaged.json" => {
            (vec![(json!({ "key": "value" }), "2018.12.17")], Vec::new())
        }
        "kinesisStreamEvent.json" => (Vec::new(), vec!["Hello, this is a test.", "This is only a test."]),
        "kinesisStreamEventOneRecord.json" => {
            (vec![(json!({ "message": "test message", "username": "test" }), "2018.12.17")], Vec::new())
        }
        "kinesisStreamCloudWatchLogsEvent.json" => (log_events(event), Vec::new()),
        other => panic!("{other} is new: say what has to become of it"),
    };
    Expected { documents, dead }
}

/// The documents of the envelopes in an invocation, from another decoder than the function's.
fn log_events(event: &Value) -> Vec<(Value, &'static str)> {
    let mut documents = Vec::new();
    for record in event["Records"].as_array().expect("records") {
        let data = STANDARD.decode_to_vec(record["kinesis"]["data"].as_str().expect("data")).expect("base64");
        let envelope: Value = serde_json::from_reader(flate2::read::MultiGzDecoder::new(&data[..])).expect("JSON");
        if envelope["messageType"] == "CONTROL_MESSAGE" {
            continue;
        }
        for log_event in envelope["logEvents"].as_array().expect("log events") {
            let message = log_event["message"].as_str().expect("a message");
            let mut document = json!({
                "@id": log_event["id"],
                "@timestamp": iso(log_event["timestamp"].as_u64().expect("a time")),
                "@owner": envelope["owner"],
                "@log_group": envelope["logGroup"],
                "@log_stream": envelope["logStream"],
            });
            match serde_json::from_str(message) {
                Ok(Value::Object(members)) => document.as_object_mut().expect("an object").extend(members),
                _ => document["@message"] = message.into(),
            }
            documents.push((document, "2022.11.10"));
        }
    }
    assert!(!documents.is_empty());
    documents
}

/// A time of 2022-11-10, the day of the file, in RFC 3339.
fn iso(ms: u64) -> String {
    let of_day = ms - 1_668_038_400_000;
    let (hour, minute, second) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("2022-11-10T{hour:02}:{minute:02}:{second:02}.{:03}Z", of_day % 1000)
}

#[test]
fn every_given_invocation_of_firehose_gets_the_right_answer() {
    let folder = place::data("lambda-events");
    place::run(async {
        let scratch = place::scratch();
        let pipeline = scratch.path().join("pipeline.yaml");
        std::fs::write(&pipeline, "datasets:\n  - { name: all, from: { delivery_stream: \"*\" } }\n").expect("written");
        let env = [("MILLRACE_PIPELINE", pipeline.display().to_string())];
        let mut function =
            Function::start(&place::function("firehose-transform"), &env).await.expect("the function starts");
        let hello = Outcome::Ok(b"{\"Hello\": \"World\"}\n".to_vec(), Map::new());
        for name in ["kinesisFirehoseKinesisEvent.json", "kinesisFirehosePutEvent.json", "kinesisFirehoseSQSEvent.json"]
        {
            let event = read(&folder, name);
            let answer = function.invoke(&event, TIMEOUT).await.expect("the function runs");
            let found = outcomes(&event, &answer);
            if name == "kinesisFirehoseSQSEvent.json" {
                let data = STANDARD.decode_to_vec(event["records"][0]["data"].as_str().expect("data")).expect("base64");
                assert_eq!(found, [Outcome::Ok(data, Map::new())], "{name}: it ends in a newline already");
            } else {
                assert_eq!(found, [Outcome::ProcessingFailed, hello.clone()], "{name}");
            }
        }
    });
}
