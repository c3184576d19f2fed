//! The `errorType` of a failed invocation is listed in docs/OPERATIONS.md, for each function that receives events.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use emulator::function::Answer;
use serde_json::{Value, json};
use tests::firehose;
use tests::kafka::{self, Partition};
use tests::kinesis::{self, Shard};
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

const TIMEOUT: Duration = Duration::from_mins(1);

/// The words of the document.
fn words() -> Vec<String> {
    let document = std::fs::read_to_string(place::root().join("docs/OPERATIONS.md")).expect("the document");
    let (_, section) = document.split_once("## Why an invocation failed").expect("the section");
    let rows = section.split("\n## ").next().unwrap_or_default().lines();
    let word = |row: &str| Some(row.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    rows.filter_map(word).filter(|word| word != "errorType").collect()
}

/// The URL of a server that answers every request with 403. A retry does not change that.
fn refusing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 16 << 10]);
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}");
        }
    });
    url
}

#[test]
fn a_failed_invocation_has_a_word_of_the_document() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "errors").await;
        scene.set_pipeline(
            "datasets:\n  - { name: errors-a, from: { stream: known }, index: errors }\n  - { name: errors-b, from: { topic: known }, \
             index: errors }\n  - { name: errors-c, from: { delivery_stream: known } }\n",
        );
        let foreign = json!({ "Records": [{ "eventSource": "aws:unknown" }], "records": 7 });
        let kinesis = kinesis::event(&[Shard::new("unknown", 0).record(b"{}")]);
        let refused = kinesis::event(&[Shard::new("known", 0).record(b"{}")]);
        let kafka = kafka::msk("c").event(&[Partition::new("unknown", 0).record(b"{}")]);
        let cases: [(&str, &Value, &str); 8] = [
            ("s3-ingest", &foreign, "invalid_event"),
            ("kinesis-ingest", &foreign, "invalid_event"),
            ("kinesis-ingest", &kinesis, "no_dataset"),
            ("kinesis-ingest", &refused, "refused"),
            ("kafka-ingest", &foreign, "invalid_event"),
            ("kafka-ingest", &kafka, "no_dataset"),
            ("firehose-transform", &foreign, "invalid_event"),
            ("firehose-transform", &firehose::event("unknown", &["{}"]), "no_dataset"),
        ];
        let words = words();
        assert_eq!(words.len(), 10, "{words:?}");
        let domain = refusing();
        for (name, event, expected) in cases {
            let mut function = scene.start(name, &domain, &[]).await;
            let answer = function.invoke(event, TIMEOUT).await.expect("the function runs");
            let Answer::Error { error_type, message } = &answer else { panic!("{name} {event}: {answer:?}") };
            assert_eq!(error_type, expected, "{name} {event}: {message}");
            assert!(words.contains(error_type) && !message.is_empty(), "{name}: {answer:?}");
        }
    });
}
