//! The services around a deployed function: an S3 with the objects of the events, a bucket for dead letters, and a real
//! engine. Checks the results of an event, and removes them.

use std::collections::BTreeMap;

use base64_simd::STANDARD;
use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::moto::Moto;

use super::expected::{Answer, Expected, Function, S3};

/// The bucket of the events.
pub(crate) const BUCKET: &str = "millrace-logs";
/// The bucket of dead letters.
const DEAD_LETTERS: &str = "millrace-dead-letters";
/// The same as a URL, for the functions' environment.
pub(crate) const DEAD_LETTERS_URL: &str = "s3://millrace-dead-letters/letters";
/// A pattern of all indices of the repository's rules.
const INDICES: &str = "logs-*,live-*,topic-*";
/// The objects of the events: key, and file in events/s3.
const OBJECTS: [(&str, &str); 4] = [
    ("source/jsona/dt=2026-11-22/00.json", "objects/00.json"),
    ("source/jsona/dt=2026-11-22/01.json", "objects/01.json"),
    ("source/jsona/dt=2026-11-22/02.json", "objects/02.json"),
    ("source/jsona/dt=2026-11-22/café menu+tea.json", "objects/cafe-menu-tea.json"),
];

/// The objects in an S3, and a domain without documents. All tests use the repository's rules and so the same indices.
/// Therefore only one test at a time has a world.
pub(crate) struct World {
    pub(crate) moto: &'static Moto,
    pub(crate) engine: &'static Engine,
    _alone: tokio::sync::MutexGuard<'static, ()>,
}

impl World {
    /// `None` after [`tests::place::missing`] has reported the missing component.
    pub(crate) async fn new() -> Option<Self> {
        static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let (moto, engine) = (Moto::shared()?, Engine::shared()?);
        let alone = ALONE.lock().await;
        if moto.s3.head_bucket().bucket(BUCKET).send().await.is_err() {
            moto.bucket(BUCKET, false).await;
            moto.bucket(DEAD_LETTERS, false).await;
        }
        // Their ETags must be those of the events: the function rejects a different object as gone.
        for (key, file) in OBJECTS {
            moto.put(BUCKET, key, S3.read(file).into_bytes()).await;
        }
        let world = Self { moto, engine, _alone: alone };
        world.clear().await;
        Some(world)
    }

    /// Checks the results of an event. Leaves a domain without documents and no dead letters.
    pub(crate) async fn judge(&self, function: &Function, expected: &Expected, answer: &Value) {
        let name = format!("{} with {}", function.name, expected.event);
        assert_eq!(comparable(answer), wanted(function, expected), "{name}");
        let mut documents = BTreeMap::new();
        for line in function.documents(expected) {
            *documents.entry(line).or_insert(0) += 1;
        }
        let mut found = BTreeMap::new();
        if self.engine.count(INDICES).await > 0 {
            for document in self.engine.documents(INDICES).await {
                assert_eq!(document.index, function.index, "{name}");
                *found.entry(document.source).or_insert(0) += 1;
            }
        }
        assert_eq!(found, documents, "{name}");
        assert_eq!(self.dead_letters().await, function.dead_letters(expected), "{name}");
        self.clear().await;
    }

    /// Every dead letter, without its reason, and without the time of its object or record, which S3 sets.
    async fn dead_letters(&self) -> Vec<Value> {
        let mut letters = Vec::new();
        for (_, ndjson) in self.moto.objects(DEAD_LETTERS, "").await {
            for line in String::from_utf8(ndjson).expect("dead letters are text").lines() {
                let mut letter = parse(line);
                let mut take = |name| letter.as_object_mut().and_then(|letter| letter.remove(name));
                let (reason, time) = (take("reason"), take("record_time_ms"));
                assert!(time.is_none_or(|time| time.is_i64()), "{line}");
                assert!(
                    reason.is_some_and(|reason| reason.as_str().is_some_and(|reason| !reason.is_empty())),
                    "{line}"
                );
                letters.push(letter);
            }
        }
        letters
    }

    async fn clear(&self) {
        self.engine.ask("DELETE", &format!("/{INDICES}"), "").await;
        for (key, _) in self.moto.objects(DEAD_LETTERS, "").await {
            let request = self.moto.s3.delete_object().bucket(DEAD_LETTERS).key(key);
            request.send().await.expect("the dead letter is deleted");
        }
    }
}

/// The expected answer to an event.
fn wanted(function: &Function, expected: &Expected) -> Value {
    match expected.answer {
        Answer::Nothing => Value::Null,
        Answer::Failures(count) => {
            let event = parse(&function.read(expected.event));
            let messages = event["Records"].as_array().into_iter().flatten().take(count);
            let failures: Vec<_> = messages.map(|message| json!({ "itemIdentifier": message["messageId"] })).collect();
            assert_eq!(failures.len(), count, "{} has so many messages", expected.event);
            json!({ "batchItemFailures": failures })
        }
        Answer::File(file) => parse(&function.read(file)),
    }
}

/// An answer, with the data of Firehose records as text.
fn comparable(answer: &Value) -> Value {
    let mut answer = answer.clone();
    for record in answer.get_mut("records").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::String(data)) = record.get_mut("data") {
            let bytes = STANDARD.decode_to_vec(&*data).expect("data are in base64");
            *data = String::from_utf8(bytes).expect("events are text");
        }
    }
    answer
}
