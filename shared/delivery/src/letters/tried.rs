//! Retries letters that hold their data: an event, or the whole record of a stream that could not be framed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use super::{
    super::{
        dead_letters::DeadLetterSink,
        ingest::S3Ingest,
        not_settled::NotSettled,
        produce::{End, Producer, RecordContext},
        settle::Attempted,
        turns::{Slot, Turn},
    },
    wanted::{Content, Tried},
};
use crate::{lambda::Deadline, settings::Settings, source::s3::LettersTask, telemetry::Subject};
use pipeline::{
    dead_letter::StoredPosition,
    frame::{Format, Frames, Only},
    outcome::Outcome,
    record::{Facts, ItemPosition, KafkaRecord, Origin},
    rules::Dataset,
};

/// The replacement of each retried letter, by its line number: the letters of its events that were rejected again.
/// `None` if all are settled.
pub(super) type Fates = BTreeMap<usize, Option<Vec<u8>>>;

/// Letters of one dataset and one origin. They are read and delivered together.
#[derive(Debug)]
pub(super) struct Group {
    dataset: Arc<Dataset>,
    origin: Origin,
    tried: Vec<(Tried, ItemPosition)>,
}

/// The settings' limits for an event and a record.
#[derive(Debug, Clone, Copy)]
struct Limits {
    event_bytes: usize,
    record_bytes: u64,
}

impl Limits {
    fn of(settings: &Settings) -> Self {
        Self { event_bytes: settings.max_event_bytes, record_bytes: settings.max_record_bytes }
    }
}

/// What became of a group.
#[derive(Debug)]
pub(super) struct Retried {
    /// The fate of each line that was read to its end.
    pub(super) fates: Fates,
    /// The letter within which the time ran out, if the domain refused nothing.
    pub(super) stopped_at: Option<StoppedAt>,
}

/// A letter that was not read to its end. The lines after it were not read.
#[derive(Debug)]
pub(super) struct StoppedAt {
    pub(super) line: usize,
    /// Of a record: the offset that was reached, and the letters of the events before it that were rejected again.
    pub(super) record: Option<(u64, Vec<u8>)>,
}

impl S3Ingest {
    /// The fate of each line. `slot` is freed when the whole group is read.
    pub(super) async fn try_again(
        &self,
        task: &LettersTask,
        left: u64,
        group: Group,
        turn: &mut Turn,
        slot: Option<Slot>,
        deadline: Deadline,
    ) -> Result<Retried, NotSettled> {
        let started = Instant::now();
        let Group { dataset, origin, tried } = group;
        let held = Arc::new(Mutex::new(BTreeMap::new()));
        let delivery = self.delivery.holding(DeadLetterSink::Held(Arc::clone(&held)));
        let lines: Vec<(usize, ItemPosition, Content)> =
            tried.iter().map(|(tried, at)| (tried.line, *at, tried.content)).collect();
        let bytes = tried.iter().map(|(tried, _)| tried.payload.len() as u64).sum();
        let origin = Arc::new(origin);
        let (rules, from) = (Arc::clone(&dataset), Arc::clone(&origin));
        let limits = Limits::of(&self.settings);
        let produce = move |bodies| {
            let mut done = 0;
            let end = Producer::run(bodies, &rules, &from, |producer| {
                read(producer, &tried, &rules, &from, limits, &mut done)
            });
            drop(slot);
            (end, done)
        };
        let start = ItemPosition::default();
        let (settlement, produced) = delivery.run_in_turn(&origin, &dataset, start, deadline, turn, produce).await;
        let subject = Subject::DeadLetters { bucket: task.bucket.clone(), key: task.key.clone(), left };
        let Outcome { undelivered, .. } = settlement.outcome;
        let is_settled = settlement.failure.is_none() && undelivered == 0;
        let is_final = is_settled && matches!(produced, Some((End::Whole, _)));
        let receipt = settlement.receipt(Attempted {
            subject,
            dataset: &dataset.name,
            is_final,
            handed_on: false,
            bytes_in: bytes,
            bytes_raw: bytes,
            started,
        });
        receipt?;
        let done = match produced {
            Some((End::Whole | End::Stopped, done)) if is_settled => done,
            _ => {
                let reason =
                    settlement.failure.map_or_else(|| "the deadline came first".to_owned(), |failure| failure.reason);
                return Err(NotSettled::Letters { task: task.clone(), reason });
            }
        };
        let held = held.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Retried::of(&lines, done, &held, settlement.end))
    }
}

impl Retried {
    /// `done` lines were read to their end, and everything before `end` is settled.
    fn of(
        lines: &[(usize, ItemPosition, Content)],
        done: usize,
        held: &BTreeMap<ItemPosition, Vec<u8>>,
        end: ItemPosition,
    ) -> Self {
        let fates = lines.iter().take(done).map(|(line, at, content)| (*line, rejected(held, *at, *content))).collect();
        let stopped_at = lines.get(done).map(|(line, at, content)| {
            let is_further = *content == Content::Record && end.record == at.record && end.offset > at.offset;
            let letters = || rejected(held, *at, *content).unwrap_or_default();
            StoppedAt { line: *line, record: is_further.then(|| (end.offset, letters())) }
        });
        Self { fates, stopped_at }
    }
}

/// Reads the event of every letter, or the events of its record. Counts the letters that were read to their end.
fn read<'t>(
    producer: &mut Producer<'_>,
    tried: &'t [(Tried, ItemPosition)],
    rules: &Dataset,
    origin: &Origin,
    limits: Limits,
    done: &mut usize,
) -> (End, ItemPosition) {
    let mut values: Frames<&'t [u8]> = Frames::of_records(Format::Ndjson, limits.event_bytes);
    // Use the same inflation limit as the stream function: the record may be a letter only because of that limit.
    let mut records: Frames<&'t [u8]> =
        Frames::of_records(rules.format, limits.event_bytes).of(&rules.records).within(limits.record_bytes);
    let mut id_prefix = String::new();
    for (Tried { time_ms, payload, content, .. }, at) in tried {
        origin.write_id_prefix(at.record, at.aggregate_index, &mut id_prefix);
        let context = |at| RecordContext { at, id_prefix: &id_prefix, time_ms: *time_ms, bytes: payload };
        let stopped = match content {
            Content::Event => {
                values.begin_value(payload);
                producer.read_only(None, 0);
                producer.fill(&mut values, context(*at))
            }
            Content::Record | Content::EventOfRecord => {
                let is_one = *content == Content::EventOfRecord;
                let only = if is_one { Only::events([at.offset]) } else { Only::rest(at.offset) };
                records.begin_record(payload);
                producer.read_only(Some(&only), 0);
                producer.fill(&mut records, context(ItemPosition { offset: 0, ..*at }))
            }
        };
        if !matches!(stopped, (End::Whole, _)) {
            return stopped;
        }
        *done += 1;
    }
    (End::Whole, ItemPosition { record: u32::MAX, ..ItemPosition::default() })
}

/// The letters of events that were rejected again.
fn rejected(held: &BTreeMap<ItemPosition, Vec<u8>>, at: ItemPosition, content: Content) -> Option<Vec<u8>> {
    match content {
        Content::Event | Content::EventOfRecord => held.get(&at).cloned(),
        Content::Record => {
            // No other record here has this number.
            let last = ItemPosition { offset: u64::MAX, ..at };
            let letters: Vec<u8> = held.range(at..=last).flat_map(|(_, letter)| letter).copied().collect();
            (!letters.is_empty()).then_some(letters)
        }
    }
}

/// Groups letters by object, shard or topic, with the origin of each group.
pub(super) fn by_origin(dataset: &Arc<Dataset>, tried: Vec<Tried>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<Tried>> = BTreeMap::new();
    for one in tried {
        let name = match &one.position {
            // An object that was copied onto itself has another time.
            StoredPosition::S3 { bucket, key, etag, .. } => format!("{bucket}\n{key}\n{etag}\n{}", one.time_ms),
            StoredPosition::Kinesis { stream, shard, .. } => format!("{stream}\n{shard}"),
            StoredPosition::Kafka { cluster, topic, .. } => format!("{cluster}\n{topic}"),
        };
        groups.entry(name).or_default().push(one);
    }
    let group = |tried| {
        let (origin, tried) = origin(tried)?;
        Some(Group { dataset: Arc::clone(dataset), origin, tried })
    };
    groups.into_values().filter_map(group).collect()
}

fn origin(tried: Vec<Tried>) -> Option<(Origin, Vec<(Tried, ItemPosition)>)> {
    let times_ms = tried.iter().map(|one| one.time_ms).collect();
    let origin = match &tried.first()?.position {
        // Positions in an object have no record number, so its one time applies to all.
        StoredPosition::S3 { bucket, key, etag, .. } => Origin::s3(bucket, key, etag),
        StoredPosition::Kinesis { stream, shard, .. } => {
            let numbers = tried.iter().filter_map(|one| match &one.position {
                StoredPosition::Kinesis { sequence_number, .. } => Some(sequence_number.clone()),
                _ => None,
            });
            Origin::kinesis(stream, shard, numbers.collect())
        }
        StoredPosition::Kafka { cluster, topic, .. } => {
            let records = tried.iter().filter_map(|one| match one.position {
                StoredPosition::Kafka { partition, offset, timestamp, .. } => {
                    Some(KafkaRecord { partition, offset, timestamp })
                }
                _ => None,
            });
            Origin::kafka(cluster, topic, records.collect())
        }
    };
    let placed = tried.into_iter().zip(0..).map(|(one, record)| {
        let at = match one.position {
            StoredPosition::S3 { offset, .. } => ItemPosition::in_object(offset),
            StoredPosition::Kinesis { aggregate_index, offset, .. } => ItemPosition { record, aggregate_index, offset },
            StoredPosition::Kafka { byte_offset, .. } => {
                ItemPosition { record, aggregate_index: 0, offset: byte_offset }
            }
        };
        (one, at)
    });
    let placed: Vec<(Tried, ItemPosition)> = placed.collect();
    let facts = placed.iter().map(|(one, at)| ((at.record, at.aggregate_index), one.facts.clone()));
    let facts = facts.filter(|(_, facts)| *facts != Facts::default()).collect();
    Some((origin.with_times_ms(times_ms).with_facts(facts), placed))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::produce::tests::{letters, produced};

    #[test]
    fn when_the_time_ends_a_letter_of_a_record_moves_on_and_the_letters_after_it_stay() {
        let at = |record, offset| ItemPosition { record, aggregate_index: 0, offset };
        let lines = [(10, at(0, 5), Content::Event), (11, at(1, 40), Content::Record), (12, at(2, 0), Content::Record)];
        let held = BTreeMap::from([(at(0, 5), b"a\n".to_vec()), (at(1, 50), b"b\n".to_vec())]);
        let reached = |done, end| Retried::of(&lines, done, &held, end);
        let over = reached(3, at(u32::MAX, 0));
        assert!(over.stopped_at.is_none() && over.fates.len() == 3);
        let within = reached(1, at(1, 90));
        assert_eq!(within.fates, Fates::from([(10, Some(b"a\n".to_vec()))]));
        let stopped = within.stopped_at.unwrap();
        assert_eq!((stopped.line, stopped.record), (11, Some((90, b"b\n".to_vec()))));
        for (done, end) in [(1, at(1, 40)), (1, at(1, 7)), (1, at(0, 90)), (0, at(0, 90))] {
            assert_eq!(reached(done, end).stopped_at.unwrap().record, None, "{done} {end:?}");
        }
    }

    #[test]
    fn of_a_record_that_inflates_beyond_the_limit_no_more_is_inflated_and_its_letter_stays() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all("{\"n\":1}\n".repeat(4_000).as_bytes()).unwrap();
        let payload = encoder.finish().unwrap();
        // A letter of a lower limit, and a letter whose position is after the current limit.
        for (offset, limit, events) in [(800, 1_600, 100), (16_000, 1_600, 0), (16_000, u64::MAX, 2_000)] {
            let position = StoredPosition::Kinesis {
                stream: "arn:s/app".into(),
                shard: "s".into(),
                sequence_number: "4".into(),
                aggregate_index: 0,
                offset,
            };
            let one = Tried {
                line: 0,
                position,
                time_ms: 5,
                facts: Facts::default(),
                content: Content::Record,
                payload: payload.clone(),
            };
            let (origin, tried) = origin(vec![one]).unwrap();
            let limits = Limits { event_bytes: 1_000, record_bytes: limit };
            let (end, bodies) =
                produced("ndjson", &origin, |producer, rules| read(producer, &tried, rules, &origin, limits, &mut 0));
            assert!(matches!(end, End::Whole), "{end:?}");
            let indexed: usize = bodies.iter().map(pipeline::bulk::Body::len).sum();
            let left: Vec<_> =
                (limit != u64::MAX).then(|| ("record_too_large".to_owned(), offset.max(limit))).into_iter().collect();
            assert_eq!((indexed, letters(&bodies)), (events, left), "from {offset} up to {limit}");
            let kept = bodies.iter().flat_map(|body| body.letters.positions()).all(|at| *at >= tried[0].1);
            assert!(kept, "a letter before its own position would be looked for in vain");
        }
    }
}
