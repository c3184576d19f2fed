//! The expected result of every event in events/. So every event there is tested.
//!
//! In: the folders of events/. Out: for each event its function, its answer, and the files with the expected documents
//! and dead letters. Deliberately absent: the comparison (`world`).

use std::path::Path;

use serde_json::Value;
use tests::{engine::json as parse, place};

use crate::cloud::sam::names;

/// A function, and its events.
pub(crate) struct Function {
    /// Its binary.
    pub(crate) name: &'static str,
    /// Its logical id in the template.
    pub(crate) logical_id: &'static str,
    /// The folder of its events under events/.
    folder: &'static str,
    /// The index of all its documents, by the rules of the repository.
    pub(crate) index: &'static str,
    /// Its events.
    pub(crate) expected: &'static [Expected],
    /// The events that also run in a container, which takes seconds each.
    pub(crate) in_a_container: &'static [&'static str],
}

/// The expected result of an event.
pub(crate) struct Expected {
    /// Its file.
    pub(crate) event: &'static str,
    /// The answer.
    pub(crate) answer: Answer,
    /// The files whose lines become documents.
    documents: &'static [&'static str],
    /// The file whose lines become dead letters.
    dead_letters: Option<&'static str>,
}

/// An answer of a function.
pub(crate) enum Answer {
    /// `null`: this answer carries no information.
    Nothing,
    /// `batchItemFailures` with this many messages, starting with the first.
    Failures(usize),
    /// The file with the answer, with the data as text instead of base64.
    File(&'static str),
}

use Answer::{Failures, File, Nothing};

/// Every function.
pub(crate) const FUNCTIONS: [Function; 4] = [S3, KINESIS, KAFKA, FIREHOSE];

/// The function of S3, whose events name objects.
pub(crate) const S3: Function = Function {
    name: "s3-ingest",
    logical_id: "S3IngestFunction",
    folder: "s3",
    index: "logs-2026.11.22",
    expected: &[
        Expected::new("put.json", Nothing, &["objects/00.json"]),
        Expected::new("sns.json", Nothing, &["objects/00.json"]),
        Expected::new("eventbridge.json", Nothing, &["objects/00.json"]),
        Expected::new("sqs.json", Failures(0), &["objects/00.json"]),
        Expected::new("sns-sqs.json", Failures(0), &["objects/00.json"]),
        Expected::new("eventbridge-sqs.json", Failures(0), &["objects/00.json"]),
        Expected::new("test-event.json", Failures(0), &[]),
        Expected::new("delete.json", Failures(0), &[]),
        Expected::new("restore.json", Failures(0), &["objects/00.json"]),
        Expected::new("encoded-key.json", Failures(0), &["objects/cafe-menu-tea.json"]),
        Expected::new("several.json", Failures(0), &["objects/00.json", "objects/01.json", "objects/02.json"]),
        Expected::new("poison.json", Failures(1), &["objects/00.json"]),
    ],
    in_a_container: &["put.json", "several.json", "poison.json"],
};

/// The function of Kinesis. Amazon's own library (`aws_kinesis_agg`) made the aggregated frames.
pub(crate) const KINESIS: Function = Function {
    name: "kinesis-ingest",
    logical_id: "KinesisIngestFunction",
    folder: "kinesis",
    index: "live-2026.11.22",
    expected: &[
        Expected::new("plain.json", Failures(0), &["documents/plain.ndjson"]),
        Expected::new("fan-out.json", Failures(0), &["documents/fan-out.ndjson"]),
        Expected::new("several.json", Failures(0), &["documents/several.ndjson"]),
        Expected::new("compressed.json", Failures(0), &["documents/compressed.ndjson"]),
        Expected::new("aggregated.json", Failures(0), &["documents/aggregated.ndjson"]),
        Expected::new("cloudwatch.json", Failures(0), &["documents/cloudwatch.ndjson"]),
        Expected::new("cloudwatch-control.json", Failures(0), &[]),
        Expected::poison("poison.json", Failures(0), &["documents/poison.ndjson"], "dead-letters/poison.ndjson"),
        Expected::new("empty.json", Failures(0), &[]),
        Expected::new("no-records.json", Failures(0), &[]),
    ],
    in_a_container: &["aggregated.json", "cloudwatch.json", "poison.json"],
};

/// The function of Kafka.
pub(crate) const KAFKA: Function = Function {
    name: "kafka-ingest",
    logical_id: "KafkaIngestFunction",
    folder: "kafka",
    index: "topic-2026.11.22",
    expected: &[
        Expected::new("msk.json", Failures(0), &["documents/msk.ndjson"]),
        Expected::new("self-managed.json", Failures(0), &["documents/self-managed.ndjson"]),
        Expected::new("partitions.json", Failures(0), &["documents/partitions.ndjson"]),
        Expected::new("several.json", Failures(0), &["documents/several.ndjson"]),
        Expected::new("tombstones.json", Failures(0), &["documents/tombstones.ndjson"]),
        Expected::poison("poison.json", Failures(0), &["documents/poison.ndjson"], "dead-letters/poison.ndjson"),
        Expected::new("empty.json", Failures(0), &[]),
        Expected::new("no-records.json", Failures(0), &[]),
    ],
    in_a_container: &["msk.json", "partitions.json", "poison.json"],
};

/// The function of Firehose, which has no domain.
pub(crate) const FIREHOSE: Function = Function {
    name: "firehose-transform",
    logical_id: "FirehoseTransformFunction",
    folder: "firehose",
    index: "none",
    expected: &[
        Expected::new("direct-put.json", File("answers/direct-put.json"), &[]),
        Expected::new("from-stream.json", File("answers/from-stream.json"), &[]),
        Expected::new("several.json", File("answers/several.json"), &[]),
        Expected::new("compressed.json", File("answers/compressed.json"), &[]),
        Expected::new("cloudwatch.json", File("answers/cloudwatch.json"), &[]),
        Expected::new("poison.json", File("answers/poison.json"), &[]),
        Expected::new("empty.json", File("answers/empty.json"), &[]),
        Expected::new("no-records.json", File("answers/no-records.json"), &[]),
    ],
    in_a_container: &["from-stream.json", "cloudwatch.json", "poison.json"],
};

impl Expected {
    const fn new(event: &'static str, answer: Answer, documents: &'static [&'static str]) -> Self {
        Self { event, answer, documents, dead_letters: None }
    }

    const fn poison(
        event: &'static str,
        answer: Answer,
        documents: &'static [&'static str],
        dead_letters: &'static str,
    ) -> Self {
        Self { event, answer, documents, dead_letters: Some(dead_letters) }
    }
}

impl Function {
    /// A file of its folder.
    pub(crate) fn read(&self, file: &str) -> String {
        let path = place::root().join("events").join(self.folder).join(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The documents that must exist after an event.
    pub(crate) fn documents(&self, expected: &Expected) -> Vec<String> {
        let lines = expected.documents.iter().map(|file| self.read(file));
        lines.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    /// The dead letters that must exist after an event, without their reasons, which are written for people.
    pub(crate) fn dead_letters(&self, expected: &Expected) -> Vec<Value> {
        let text = expected.dead_letters.map(|file| self.read(file)).unwrap_or_default();
        text.lines().map(parse).collect()
    }
}

#[test]
fn every_file_of_an_event_is_used_by_a_test() {
    let events = place::root().join("events");
    assert_eq!(names(&events).len(), FUNCTIONS.len(), "a folder for each function");
    for function in &FUNCTIONS {
        let mut used: Vec<&str> = Vec::new();
        for expected in function.expected {
            assert!(parse(&function.read(expected.event)).is_object(), "{}", expected.event);
            used.push(expected.event);
            used.extend(expected.documents.iter().chain(&expected.dead_letters));
            used.extend(if let File(answer) = expected.answer { Some(answer) } else { None });
        }
        for event in function.in_a_container {
            assert!(function.expected.iter().any(|expected| expected.event == *event), "{event} is no event");
        }
        for file in &used {
            assert!(!function.read(file).is_empty(), "{file} is empty");
        }
        let folder = events.join(function.folder);
        for file in files(&folder) {
            assert!(used.contains(&file.as_str()), "{}/{file} is used by no test", function.folder);
        }
    }
}

/// The files in a folder and in the folders below it, one level deep.
fn files(folder: &Path) -> Vec<String> {
    let entries = names(folder).into_iter().flat_map(|name| {
        let below = folder.join(&name);
        if !below.is_dir() {
            return vec![name];
        }
        names(&below).iter().map(|file| format!("{name}/{file}")).collect()
    });
    entries.collect()
}
