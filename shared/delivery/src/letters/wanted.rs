//! Decides how the event of a dead letter is retried, by the content of the letter.

use std::sync::Arc;

use super::{
    super::unmatched::dataset_of,
    source::{Read, Source},
};
use crate::{aws::objects::ObjectRef, source::s3::Continuation};
use pipeline::{
    dead_letter::{DeadLetter, PayloadOf, StoredPosition},
    record::Facts,
    rules::{Dataset, Datasets},
};

/// A letter to retry.
#[derive(Debug)]
pub(super) struct Tried {
    pub(super) line: usize,
    pub(super) position: StoredPosition,
    pub(super) time_ms: i64,
    pub(super) facts: Facts,
    pub(super) content: Content,
    pub(super) payload: Vec<u8>,
}

/// The kind of a letter's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// One event.
    Event,
    /// A record. Its events from the letter's position on are retried.
    Record,
    /// A record. Its event at the letter's position is retried.
    EventOfRecord,
}

/// How a letter is retried.
#[derive(Debug)]
pub(super) enum Wanted {
    /// From the letter itself, which holds the event or record.
    Tried { dataset: String, tried: Tried },
    /// From its source, which is read again.
    Source(Source),
}

/// How to retry a letter. `None` if no dataset takes it, or if the data that it needs no longer exist.
pub(super) fn wanted(mut letter: DeadLetter, datasets: &Datasets, max_event_bytes: usize) -> Option<Wanted> {
    if let Some(message) = &letter.continuation {
        let continuation: Box<Continuation> = serde_json::from_str(message.get()).ok()?;
        dataset_of(datasets, &continuation)?;
        return Some(Wanted::Source(Source::Continuation(continuation)));
    }
    let dataset = dataset(&letter, datasets)?.name.clone();
    let payload = letter.take_payload().ok()?;
    let is_rest = letter.is_rest();
    let is_of_stream = !matches!(letter.position, StoredPosition::S3 { .. });
    match (payload, letter.record_time_ms, letter.position) {
        // The payload of a rest is the value that was cut there: another upload may have all of it, and what follows.
        (Some(payload), Some(time_ms), position) if is_of_stream || !is_rest => {
            let content = match letter.payload_of {
                _ if is_rest && is_of_stream => Content::Record,
                Some(PayloadOf::Record) => Content::EventOfRecord,
                None => Content::Event,
            };
            let fits = content != Content::Event || payload.len() <= max_event_bytes;
            let facts = letter.record.unwrap_or_default();
            let tried = Tried { line: 0, position, time_ms, facts, content, payload };
            fits.then_some(Wanted::Tried { dataset, tried })
        }
        (_, _, StoredPosition::S3 { bucket, key, etag, offset }) => {
            let object = ObjectRef { bucket, key, version: None, etag: Some(etag) };
            let read = match letter.stage.as_str() {
                "source" if is_rest => Read::Gone(offset),
                _ if is_rest => Read::From(offset),
                _ => Read::At(offset),
            };
            Some(Wanted::Source(Source::Object { dataset, object, read }))
        }
        // A record of a stream is stored nowhere else. Releases before 0.2.0 kept only the head of a long event.
        _ => None,
    }
}

/// The dataset that takes the letter now: the one of its name, otherwise the one whose `from` matches, since the
/// dataset may have been renamed.
fn dataset<'d>(letter: &DeadLetter, datasets: &'d Datasets) -> Option<&'d Arc<Dataset>> {
    datasets.by_name(&letter.dataset).or_else(|| match &letter.position {
        StoredPosition::S3 { bucket, key, .. } => datasets.find_s3(bucket, key),
        StoredPosition::Kinesis { stream, .. } => datasets.find_stream(stream.rsplit('/').next().unwrap_or(stream)),
        StoredPosition::Kafka { topic, .. } => datasets.find_topic(topic),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const YAML: &str = "datasets:\n  - name: app\n    from: { key: \"**\" }\n    index: app\n  - name: live\n    from: { stream: \"*\" }\n    index: live\n";

    fn wanted_of(letter: &Value) -> Option<Wanted> {
        let datasets = Datasets::parse("f", YAML, None).unwrap();
        wanted(serde_json::from_str(&letter.to_string()).unwrap(), &datasets, 100)
    }

    fn letter(stage: &str, error_type: &str, more: &Value) -> Value {
        let mut letter = json!({
            "position": { "bucket": "b", "key": "k", "etag": "e", "offset": 7 },
            "stage": stage, "error_type": error_type, "reason": "no", "dataset": "app", "record_time_ms": 5,
        });
        letter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        letter
    }

    fn of_stream(stage: &str, error_type: &str, more: &Value) -> Value {
        let mut letter = letter(stage, error_type, more);
        letter["position"] =
            json!({ "stream": "arn:s/live", "shard": "s", "sequence_number": "4", "aggregate_index": 0, "offset": 7 });
        letter
    }

    #[test]
    fn what_a_letter_holds_decides_how_it_is_tried() {
        let payload = json!({ "payload": "{}" });
        let cut = json!({ "payload": "{}", "payload_length": 3_000_000 });
        let long = json!({ "payload": "x".repeat(101) });
        let nothing = json!({});
        for (letter, expected) in [
            (letter("domain", "mapper_parsing_exception", &payload), "event"),
            (letter("decode", "invalid_json", &payload), "event"),
            (letter("decode", "invalid_json", &long), "nothing"),
            (letter("decode", "invalid_json", &json!({ "payload": "{}", "payload_base64": "e30=" })), "nothing"),
            (letter("decode", "invalid_json", &json!({ "payload_base64": "{" })), "nothing"),
            (letter("frame", "event_too_large", &cut), "at 7"),
            (letter("frame", "position_not_found", &nothing), "at 7"),
            (letter("frame", "corrupt", &nothing), "from 7"),
            (letter("frame", "truncated", &nothing), "from 7"),
            (letter("frame", "truncated", &payload), "from 7"),
            (letter("frame", "truncated", &cut), "from 7"),
            (letter("frame", "bomb", &nothing), "from 7"),
            (letter("source", "gone", &nothing), "gone 7"),
            (letter("domain", "strict", &json!({ "payload": "{}", "record_time_ms": null })), "at 7"),
            (of_stream("domain", "strict", &payload), "event"),
            (of_stream("frame", "truncated", &json!({ "payload_base64": "/w==" })), "record"),
            (of_stream("frame", "no_progress", &long), "record"),
            (of_stream("frame", "event_too_large", &cut), "nothing"),
            (of_stream("frame", "event_too_large", &payload), "event"),
            (
                of_stream("frame", "event_too_large", &json!({ "payload": "x".repeat(101), "payload_of": "record" })),
                "of a record",
            ),
            (of_stream("source", "invalid_base64", &payload), "event"),
        ] {
            let found = match wanted_of(&letter) {
                None => "nothing".to_owned(),
                Some(Wanted::Tried { tried, .. }) if tried.content == Content::Event => "event".into(),
                Some(Wanted::Tried { tried, .. }) if tried.content == Content::EventOfRecord => "of a record".into(),
                Some(Wanted::Tried { .. }) => "record".into(),
                Some(Wanted::Source(Source::Object { read: Read::At(offset), .. })) => format!("at {offset}"),
                Some(Wanted::Source(Source::Object { read: Read::From(offset), .. })) => format!("from {offset}"),
                Some(Wanted::Source(Source::Object { read: Read::Gone(offset), .. })) => format!("gone {offset}"),
                Some(Wanted::Source(Source::Continuation(_))) => "continuation".into(),
            };
            assert_eq!(found, expected, "{letter}");
        }
    }
}
