//! Dead letters once more: one object of them, with the positions, and so the ids, that their events had.
//!
//! In: a message of `replay`. Out: the events that could be indexed by now; what could not be stays where it is. Of an object that was
//! settled in part the remainder is written before the object is deleted. Doing it again is harmless: the remainder's key follows from
//! its positions. Letters without a whole event (cut at 64 KiB, objects that are gone) are left alone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{
    S3Ingest,
    object::elapsed_ms,
    produce::{End, Here, Producer},
    send::Letterbox,
};
use crate::{
    config::datasets::Dataset,
    frame::{Format, Frames},
    lambda::Deadline,
    outcome::Outcome,
    record::{ItemPosition, KafkaRecord, Origin},
    source::s3::LettersTask,
    telemetry::{Receipt, Subject},
};

/// A line of the object, as far as it is read.
#[derive(Debug, Deserialize)]
struct Letter {
    position: Position,
    error_type: String,
    dataset: String,
    record_time_ms: Option<i64>,
    payload: Option<String>,
    payload_base64: Option<String>,
    payload_length: Option<u64>,
}

/// Where an event lay. Kafka first: its positions have an `offset` too.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Position {
    Kafka { cluster: String, topic: String, partition: i64, offset: i64, timestamp: i64, byte_offset: u64 },
    Kinesis { stream: String, shard: String, sequence_number: String, aggregate_index: u32, offset: u64 },
    S3 { bucket: String, key: String, etag: String, offset: u64 },
}

/// An event to be tried.
struct Tried {
    line: usize,
    position: Position,
    time_ms: i64,
    payload: Vec<u8>,
}

impl S3Ingest {
    /// Tries the letters of one object once more, and prints their receipt.
    ///
    /// # Errors
    /// Where something is undelivered, or the object could not be written or deleted: the message comes again.
    pub(super) async fn letters(&self, task: &LettersTask, deadline: Deadline) -> Result<(), String> {
        let dead = &self.settings.dead_letters;
        let is_ours = task.bucket == dead.bucket && task.key.starts_with(&dead.prefix);
        if !is_ours {
            return Err(format!("{task} is not below s3://{}/{}: not read, and not deleted", dead.bucket, dead.prefix));
        }
        let got = self.aws.objects.get(&task.bucket, &task.key).await.map_err(|error| error.to_string())?;
        let Some((etag, bytes)) = got else {
            tracing::info!(position = %task, "these dead letters are gone: they were settled before");
            return Ok(());
        };
        if etag.trim_matches('"') != task.etag {
            tracing::info!(position = %task, "these dead letters were written anew: they are another replay's");
            return Ok(());
        }
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        // By the line, what it is replaced by where its event is rejected once more; nothing where it is settled.
        let mut fates: BTreeMap<usize, Option<Vec<u8>>> = BTreeMap::new();
        let mut wanted: BTreeMap<String, Vec<Tried>> = BTreeMap::new();
        for (line, bytes) in lines.iter().enumerate() {
            if let Some((dataset, tried)) = self.tried(task, line, bytes) {
                wanted.entry(dataset).or_default().push(tried);
            }
        }
        let left = lines.len() - wanted.values().map(Vec::len).sum::<usize>();
        for (name, tried) in wanted {
            let Some(dataset) = self.datasets.by_name(&name) else { continue };
            for (origin, tried) in by_origin(tried) {
                fates.extend(self.try_again(task, left as u64, dataset, origin, tried, deadline).await?);
            }
        }
        if fates.values().all(Option::is_some) {
            return Ok(()); // nothing was settled: the object stays as it is
        }
        let remainder: Vec<&[u8]> = lines
            .iter()
            .enumerate()
            .filter_map(|(line, as_it_was)| match fates.get(&line) {
                None => Some(*as_it_was),
                Some(rejected) => rejected.as_deref(),
            })
            .collect();
        if !remainder.is_empty() {
            let key = remainder_key(&task.key, &remainder);
            let put = self.aws.objects.put(&task.bucket, &key, remainder.concat());
            put.await.map_err(|error| error.to_string())?;
        }
        self.aws.objects.delete(&task.bucket, &task.key).await.map_err(|error| error.to_string())
    }

    /// The event of a line, if it is asked for and whole, with its dataset.
    fn tried(&self, task: &LettersTask, line: usize, bytes: &[u8]) -> Option<(String, Tried)> {
        let letter: Letter = serde_json::from_slice(bytes).ok()?;
        let Letter { position, error_type, dataset, record_time_ms, payload, payload_base64, payload_length } = letter;
        let payload = match (payload, payload_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(base64)) => STANDARD.decode(base64).ok()?,
            _ => return None,
        };
        let is_whole = payload_length.is_none() && payload.len() <= self.settings.max_event_bytes;
        let is_wanted = task.reason.as_ref().is_none_or(|reason| *reason == error_type);
        // Its dataset may have another name by now.
        let dataset = self.datasets.by_name(&dataset).or_else(|| match &position {
            Position::S3 { bucket, key, .. } => self.datasets.find_s3(bucket, key),
            Position::Kinesis { stream, .. } => self.datasets.find_stream(stream.rsplit('/').next().unwrap_or(stream)),
            Position::Kafka { topic, .. } => self.datasets.find_topic(topic),
        })?;
        let tried = Tried { line, position, time_ms: record_time_ms?, payload };
        (is_whole && is_wanted).then(|| (dataset.name.clone(), tried))
    }

    /// What became of each line.
    async fn try_again(
        &self,
        task: &LettersTask,
        left: u64,
        dataset: &Arc<Dataset>,
        origin: Origin,
        tried: Vec<(Tried, ItemPosition)>,
        deadline: Deadline,
    ) -> Result<Vec<(usize, Option<Vec<u8>>)>, String> {
        let started = Instant::now();
        let held = Arc::new(Mutex::new(BTreeMap::new()));
        let carrier = self.carrier.holding(Letterbox::Held(Arc::clone(&held)));
        let lines: Vec<(usize, ItemPosition)> = tried.iter().map(|(tried, at)| (tried.line, *at)).collect();
        let bytes = tried.iter().map(|(tried, _)| tried.payload.len() as u64).sum();
        let origin = Arc::new(origin);
        let (rules, from, max_event_bytes) = (Arc::clone(dataset), Arc::clone(&origin), self.settings.max_event_bytes);
        let produce = move |bodies| {
            Producer::run(bodies, &rules, &from, |producer| {
                let mut frames = Frames::of_records(Format::Ndjson, max_event_bytes);
                let mut id_prefix = String::new();
                for (Tried { time_ms, payload, .. }, at) in &tried {
                    from.write_id_prefix(at.record, at.aggregate_index, &mut id_prefix);
                    frames.begin_value(payload);
                    let here = Here { at: *at, id_prefix: &id_prefix, time_ms: *time_ms, bytes: payload };
                    match producer.fill(&mut frames, here) {
                        (End::Whole, _) => {}
                        stopped => return stopped,
                    }
                }
                (End::Whole, ItemPosition { record: u32::MAX, ..ItemPosition::default() })
            })
        };
        let (settlement, end) = carrier.carry(&origin, dataset, ItemPosition::default(), deadline, produce).await;
        let subject = Subject::DeadLetters { bucket: task.bucket.clone(), key: task.key.clone(), left };
        let Outcome { read, undelivered, .. } = settlement.outcome;
        let is_final = settlement.failure.is_none() && matches!(end, Some(End::Whole)) && undelivered == 0;
        let receipt = Receipt {
            is_final,
            bytes_in: bytes,
            bytes_raw: bytes,
            outcome: settlement.outcome,
            left_out: settlement.left_out,
            panicked: settlement.panicked,
            bulk_requests: settlement.bulk_requests,
            retries: settlement.retries,
            elapsed_ms: elapsed_ms(started),
            ..Receipt::new(subject, &dataset.name)
        };
        receipt.print();
        if !receipt.outcome.balances() {
            return Err(format!("the receipt of {task} does not balance: {:?}", receipt.outcome));
        }
        if !is_final || read != lines.len() as u64 {
            let reason =
                settlement.failure.map_or_else(|| "the deadline came first".to_owned(), |failure| failure.reason);
            return Err(format!("{task}: {reason}"));
        }
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(lines.into_iter().map(|(line, at)| (line, held.remove(&at))).collect())
    }
}

/// Events of one object, or of one shard or topic, with what names them.
fn by_origin(tried: Vec<Tried>) -> Vec<(Origin, Vec<(Tried, ItemPosition)>)> {
    let mut groups: BTreeMap<String, Vec<Tried>> = BTreeMap::new();
    for one in tried {
        let name = match &one.position {
            Position::S3 { bucket, key, etag, .. } => format!("{bucket}\n{key}\n{etag}"),
            Position::Kinesis { stream, shard, .. } => format!("{stream}\n{shard}"),
            Position::Kafka { cluster, topic, .. } => format!("{cluster}\n{topic}"),
        };
        groups.entry(name).or_default().push(one);
    }
    groups.into_values().filter_map(origin).collect()
}

fn origin(tried: Vec<Tried>) -> Option<(Origin, Vec<(Tried, ItemPosition)>)> {
    let times_ms = tried.iter().map(|one| one.time_ms).collect();
    let origin = match &tried.first()?.position {
        // Positions in an object have no record: its one time is that of all.
        Position::S3 { bucket, key, etag, .. } => Origin::s3(bucket, key, etag),
        Position::Kinesis { stream, shard, .. } => {
            let numbers = tried.iter().filter_map(|one| match &one.position {
                Position::Kinesis { sequence_number, .. } => Some(sequence_number.clone()),
                _ => None,
            });
            Origin::kinesis(stream, shard, numbers.collect())
        }
        Position::Kafka { cluster, topic, .. } => {
            let records = tried.iter().filter_map(|one| match one.position {
                Position::Kafka { partition, offset, timestamp, .. } => {
                    Some(KafkaRecord { partition, offset, timestamp })
                }
                _ => None,
            });
            Origin::kafka(cluster, topic, records.collect())
        }
    };
    let placed = tried.into_iter().zip(0..).map(|(one, record)| {
        let at = match one.position {
            Position::S3 { offset, .. } => ItemPosition::in_object(offset),
            Position::Kinesis { aggregate_index, offset, .. } => ItemPosition { record, aggregate_index, offset },
            Position::Kafka { byte_offset, .. } => ItemPosition { record, aggregate_index: 0, offset: byte_offset },
        };
        (one, at)
    });
    Some((origin.with_times_ms(times_ms), placed.collect()))
}

/// Beside the object it is left of, by the positions of its letters: the same remainder has the same key.
fn remainder_key(key: &str, lines: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for line in lines {
        let letter: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        hash.update(letter["position"].to_string());
        hash.update(b"\n");
    }
    let folder = key.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    format!("{folder}left-{}-{}.ndjson", URL_SAFE_NO_PAD.encode(&hash.finalize()[..12]), lines.len())
}
