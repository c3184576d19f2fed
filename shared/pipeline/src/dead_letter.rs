//! Dead letters: events that can never be indexed, stored with the reason. This is the only module that knows their form.
//!
//! In: rejections with the bytes of their events. Out: NDJSON, one line for each event, and the key of its object (`write`); the
//! same data again, for a retry (`read`); the lines that remain after a retry (`rewrite`). Deliberately absent: S3.

mod read;
mod rewrite;
mod write;

pub use self::{
    read::{DeadLetter, StoredPosition, UnreadablePayload},
    rewrite::{identities, move_to, remainder_key},
    write::{Letters, PayloadOf, keys_below},
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::value::to_raw_value;

    use super::*;
    use crate::{
        outcome::{Rejection, Stage},
        record::{Bytes, Facts, ItemPosition, KafkaRecord, Origin},
    };

    /// How a letter is written.
    #[derive(Debug, Clone)]
    enum Written {
        Event(Vec<u8>),
        HeadOfEvent(Vec<u8>),
        Record(Vec<u8>),
        Continuation(String),
    }

    fn written() -> impl Strategy<Value = Written> {
        let bytes = || prop_oneof![any::<Vec<u8>>(), any::<String>().prop_map(String::into_bytes)];
        prop_oneof![
            bytes().prop_map(Written::Event),
            bytes().prop_map(Written::HeadOfEvent),
            bytes().prop_map(Written::Record),
            any::<String>().prop_map(Written::Continuation),
        ]
    }

    fn facts() -> impl Strategy<Value = Facts> {
        let bytes = || proptest::option::of(any::<Vec<u8>>().prop_map(Bytes));
        let headers = proptest::collection::vec((any::<String>(), bytes()), 0..3);
        (proptest::option::of(any::<String>()), bytes(), headers, any::<bool>()).prop_map(
            |(partition_key, key, headers, has_bad_headers)| Facts { partition_key, key, headers, has_bad_headers },
        )
    }

    fn rejection(at: ItemPosition) -> impl Strategy<Value = Rejection> {
        let stages = [Stage::Source, Stage::Frame, Stage::Decode, Stage::Select, Stage::Route, Stage::Domain];
        (proptest::sample::select(stages.to_vec()), any::<String>(), any::<String>())
            .prop_map(move |(stage, error_type, reason)| Rejection { at, restart: None, stage, error_type, reason })
    }

    /// An origin with one record, and the position of an event as a dead letter stores it.
    fn origin(texts: [String; 3], numbers: [i64; 3], at: ItemPosition, kind: u8) -> (Origin, StoredPosition) {
        let [first, second, third] = texts;
        let [partition, offset, timestamp] = numbers;
        match kind {
            0 => {
                let etag = third.trim_matches('"').to_owned();
                let origin = Origin::s3(&first, &second, &etag);
                (origin, StoredPosition::S3 { bucket: first, key: second, etag, offset: at.offset })
            }
            1 => {
                let origin = Origin::kinesis(&first, &second, vec![third.clone()]);
                let ItemPosition { aggregate_index, offset, .. } = at;
                let (stream, shard, sequence_number) = (first, second, third);
                (origin, StoredPosition::Kinesis { stream, shard, sequence_number, aggregate_index, offset })
            }
            _ => {
                let origin = Origin::kafka(&first, &second, vec![KafkaRecord { partition, offset, timestamp }]);
                let (cluster, topic, byte_offset) = (first, second, at.offset);
                (origin, StoredPosition::Kafka { cluster, topic, partition, offset, timestamp, byte_offset })
            }
        }
    }

    proptest! {
        #[test]
        fn every_letter_is_read_as_it_was_written(
            (texts, numbers, kind) in (any::<[String; 3]>(), any::<[i64; 3]>(), 0..3_u8),
            (aggregate_index, offset, moved) in any::<(u32, u64, u64)>(),
            (facts, time_ms, dataset) in (facts(), proptest::option::of(any::<i64>()), "[a-z0-9_-]{0,20}"),
            (rejection, written) in (rejection(ItemPosition::default()), written()),
        ) {
            let at = ItemPosition { record: 0, aggregate_index: if kind == 1 { aggregate_index } else { 0 }, offset };
            let (origin, position) = origin(texts, numbers, at, kind);
            let origin = origin.with_known_times_ms(vec![time_ms]);
            let origin = origin.with_facts(BTreeMap::from([((0, at.aggregate_index), facts.clone())]));
            let rejection = Rejection { at, ..rejection };
            let mut letters = Letters::default();
            match &written {
                Written::Event(event) => letters.push(&origin, &dataset, &rejection, event, event.len() as u64),
                Written::HeadOfEvent(head) => letters.push(&origin, &dataset, &rejection, head, head.len() as u64 + 1),
                Written::Record(record) => letters.push_record(&origin, &dataset, &rejection, record),
                Written::Continuation(text) => {
                    letters.push_continuation(&origin, &dataset, &rejection, &to_raw_value(text).unwrap());
                }
            }
            let mut read: DeadLetter = serde_json::from_slice(letters.ndjson()).unwrap();
            prop_assert_eq!(&read.position, &position);
            prop_assert_eq!(&read.stage, &rejection.stage.to_string());
            prop_assert_eq!((&read.error_type, &read.dataset), (&rejection.error_type, &dataset));
            prop_assert_eq!((read.record_time_ms, read.record.take()), (time_ms, Some(facts)));
            prop_assert_eq!(read.payload_of.is_some(), matches!(written, Written::Record(_)));
            let payload = read.take_payload().unwrap();
            let continuation = read.continuation.map(|message| serde_json::from_str::<String>(message.get()).unwrap());
            let expected = match written {
                // No event and no record is empty: the letter of an event that was never read has no payload.
                Written::Event(bytes) | Written::Record(bytes) => (Some(bytes).filter(|bytes| !bytes.is_empty()), None),
                Written::HeadOfEvent(_) => (None, None),
                Written::Continuation(text) => (None, Some(text)),
            };
            prop_assert_eq!((payload, continuation), expected);

            // A letter that moves is the same letter at another offset.
            let again: DeadLetter = serde_json::from_slice(&move_to(moved, letters.ndjson()).unwrap()).unwrap();
            let mut position = position;
            match &mut position {
                StoredPosition::S3 { offset, .. } | StoredPosition::Kinesis { offset, .. } => *offset = moved,
                StoredPosition::Kafka { byte_offset, .. } => *byte_offset = moved,
            }
            prop_assert_eq!((again.position, again.error_type), (position, rejection.error_type));
        }
    }
}
