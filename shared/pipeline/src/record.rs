//! The position of an event, and the document id derived from it.
//!
//! In: the identity of a source: an S3 object, or the records of a stream. Out: an [`Origin`] that names every event in
//! logs and dead letters, and gives it its id. Deliberately absent: the clock, the version of an object (it only selects which
//! bytes are read, and a listing does not contain it), and any hash of an event's content.

mod facts;

pub use facts::{Bytes, Facts};

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Write},
};

use base64_simd::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Length of the hash at the start of every id of an [`Origin`]: 96 bits in base64url.
pub const ID_PREFIX_LEN: usize = 16;

/// The position of an event in its origin. Positions ascend in the order in which events are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemPosition {
    /// Index of the record in the batch, from 0. Always 0 in an object.
    pub record: u32,
    /// Index of the user record in a record that the Kinesis Producer Library aggregated, from 0. 0 if the record is not aggregated.
    pub aggregate_index: u32,
    /// The byte offset of the value in the decompressed stream.
    pub offset: u64,
}

impl ItemPosition {
    /// A position in an object.
    pub const fn in_object(offset: u64) -> Self {
        Self { record: 0, aggregate_index: 0, offset }
    }
}

/// One source of events: one S3 object at one `ETag`, or the records of one invocation from one shard or topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    source: Source,
    /// The prefix of every document id from this origin. The record's position follows it.
    id_prefix: String,
    /// The time of each record, or of the object, in milliseconds since 1970. Empty where it is not needed.
    times_ms: Vec<Option<i64>>,
    /// Keys and headers, by record and index in an aggregated record. Empty if no rule asks for them.
    facts: BTreeMap<(u32, u32), Facts>,
    /// How many times the source replayed its dead letters. Each replay writes its dead letters under separate keys.
    replays: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    S3 { bucket: String, key: String, etag: String },
    Kinesis { stream: String, shard: String, sequence_numbers: Vec<String> },
    Kafka { cluster: String, topic: String, records: Vec<KafkaRecord> },
    Firehose { delivery_stream: String, record_ids: Vec<String> },
}

/// Identifies one record of a topic, also after the topic was deleted and created again and its offsets restart at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KafkaRecord {
    /// The partition's number.
    pub partition: i64,
    /// The record's offset in its partition.
    pub offset: i64,
    /// The record's own timestamp in milliseconds since 1970.
    pub timestamp: i64,
}

impl Origin {
    fn new(source: Source, id_prefix: String) -> Self {
        Self { source, id_prefix, times_ms: Vec::new(), facts: BTreeMap::new(), replays: 0 }
    }

    /// The origin of an S3 object. `etag` may carry its quotes.
    pub fn s3(bucket: &str, key: &str, etag: &str) -> Self {
        let etag = etag.trim_matches('"');
        let source = Source::S3 { bucket: bucket.into(), key: key.into(), etag: etag.into() };
        Self::new(source, hash(["s3", bucket, key, etag]))
    }

    /// The origin of some records of a Kinesis shard. `stream` is the stream's ARN.
    pub fn kinesis(stream: &str, shard: &str, sequence_numbers: Vec<String>) -> Self {
        let source = Source::Kinesis { stream: stream.into(), shard: shard.into(), sequence_numbers };
        Self::new(source, hash(["kinesis", stream, shard]))
    }

    /// The origin of some records of a Kafka topic. `cluster` is an ARN, or a name if the cluster has no ARN.
    pub fn kafka(cluster: &str, topic: &str, records: Vec<KafkaRecord>) -> Self {
        let source = Source::Kafka { cluster: cluster.into(), topic: topic.into(), records };
        Self::new(source, hash(["kafka", cluster, topic]))
    }

    /// The origin of the records of one invocation by Firehose. Record ids are valid in that invocation only, and no document id is
    /// derived from them.
    pub fn firehose(delivery_stream: &str, record_ids: Vec<String>) -> Self {
        let source = Source::Firehose { delivery_stream: delivery_stream.into(), record_ids };
        Self::new(source, hash(["firehose", delivery_stream]))
    }

    /// Sets the time of each record, in their order, or the time of the object. It is the fallback for an event without a time.
    /// Dead letters carry it, so that a replayed event without a time gets the same index.
    #[must_use]
    pub fn with_times_ms(self, times_ms: Vec<i64>) -> Self {
        self.with_known_times_ms(times_ms.into_iter().map(Some).collect())
    }

    /// Like [`Self::with_times_ms`], for records that may have no time.
    #[must_use]
    pub fn with_known_times_ms(self, times_ms: Vec<Option<i64>>) -> Self {
        Self { times_ms, ..self }
    }

    /// Sets keys and headers, by record and index in an aggregated record. Dead letters carry them.
    #[must_use]
    pub fn with_facts(self, facts: BTreeMap<(u32, u32), Facts>) -> Self {
        Self { facts, ..self }
    }

    /// Keys and headers of a record, if they were requested.
    pub fn facts(&self, at: ItemPosition) -> Option<&Facts> {
        self.facts.get(&(at.record, at.aggregate_index))
    }

    /// Sets how many times the source replayed its dead letters, including this time.
    #[must_use]
    pub fn replayed(self, replays: u32) -> Self {
        Self { replays, ..self }
    }

    /// How many times the source replayed its dead letters, including this time.
    pub fn replays(&self) -> u32 {
        self.replays
    }

    /// The time of a record, or of the object, in milliseconds since 1970.
    pub fn time_ms(&self, record: u32) -> Option<i64> {
        self.times_ms.get(record as usize).copied().flatten()
    }

    /// Whether producers set the times of the records, so that a time can have any value. A topic can also use the broker's clock, but
    /// a record does not show which clock was used.
    pub fn times_are_of_producers(&self) -> bool {
        matches!(self.source, Source::Kafka { .. })
    }

    /// Distinguishes this origin from others in names, such as a dead letter's key.
    pub fn id_prefix(&self) -> &str {
        &self.id_prefix
    }

    /// Writes the id prefix for the events of one (user) record. A hyphen and the byte offset follow it.
    pub fn write_id_prefix(&self, record: u32, aggregate_index: u32, out: &mut String) {
        out.clear();
        out.push_str(&self.id_prefix);
        let written = match &self.source {
            Source::S3 { .. } | Source::Firehose { .. } => Ok(()),
            Source::Kinesis { sequence_numbers, .. } => {
                // Not formatted, because it is long and this runs once for each record.
                out.push('-');
                out.push_str(&sequence_numbers[record as usize]);
                write!(out, "-{aggregate_index}")
            }
            Source::Kafka { records, .. } => {
                let KafkaRecord { partition, offset, timestamp } = records[record as usize];
                write!(out, "-{partition}-{offset}-{timestamp}")
            }
        };
        debug_assert!(written.is_ok(), "a String takes everything");
    }

    /// The sequence number of a Kinesis record.
    pub fn sequence_number(&self, record: u32) -> Option<&str> {
        match &self.source {
            Source::Kinesis { sequence_numbers, .. } => sequence_numbers.get(record as usize).map(String::as_str),
            _ => None,
        }
    }

    /// A position with its origin, to display or to store.
    pub fn at(&self, at: ItemPosition) -> Position<'_> {
        Position { origin: self, at }
    }
}

/// Uses a cryptographic hash. Otherwise a person who chooses names could make two origins collide, and the events of the second
/// would count as duplicates. It is computed once for each origin.
fn hash<const N: usize>(parts: [&str; N]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    URL_SAFE_NO_PAD.encode_to_string(&hash.finalize()[..12])
}

/// The position of one event. It is displayed as a URL, such as `s3://bucket/key@offset`, and serialised by the names of its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<'o> {
    origin: &'o Origin,
    at: ItemPosition,
}

impl Position<'_> {
    /// The position within the origin.
    pub fn item(&self) -> ItemPosition {
        self.at
    }

    /// The time of the record, or of the object, in milliseconds since 1970.
    pub fn time_ms(&self) -> Option<i64> {
        self.origin.time_ms(self.at.record)
    }

    /// Keys and headers of the record, if they were requested.
    pub fn facts(&self) -> Option<&Facts> {
        self.origin.facts(self.at)
    }

    /// A name for use in keys. It sorts in the order of positions in an object, and is unique for each record.
    pub fn key(&self) -> String {
        let ItemPosition { record, aggregate_index, offset } = self.at;
        match &self.origin.source {
            Source::S3 { .. } => format!("{offset:020}"),
            Source::Kinesis { sequence_numbers, .. } => {
                format!("{}.{aggregate_index}.{offset}", sequence_numbers[record as usize])
            }
            Source::Kafka { records, .. } => {
                let record = records[record as usize];
                format!("{}.{:020}.{}.{offset}", record.partition, record.offset, record.timestamp)
            }
            Source::Firehose { record_ids, .. } => format!("{}.{offset}", record_ids[record as usize]),
        }
    }
}

impl Display for Position<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ItemPosition { record, aggregate_index, offset } = self.at;
        match &self.origin.source {
            Source::S3 { bucket, key, .. } => write!(f, "s3://{bucket}/{key}@{offset}"),
            Source::Kinesis { stream, shard, sequence_numbers } => {
                write!(f, "{stream}/{shard}/{}.{aggregate_index}@{offset}", sequence_numbers[record as usize])
            }
            Source::Kafka { topic, records, .. } => {
                let record = records[record as usize];
                write!(f, "kafka://{topic}-{}/{}@{offset}", record.partition, record.offset)
            }
            Source::Firehose { delivery_stream, record_ids } => {
                write!(f, "firehose://{delivery_stream}/{}@{offset}", record_ids[record as usize])
            }
        }
    }
}

impl<'o> Position<'o> {
    /// Calls `visit` with each member, under the name that its service uses.
    pub fn each_member(&self, mut visit: impl FnMut(&'static str, Member<'o>)) {
        use Member::{Number, Text};
        let ItemPosition { record, aggregate_index, offset } = self.at;
        let (ordinal, offset) = (record as usize, Number(offset.into()));
        match &self.origin.source {
            Source::S3 { bucket, key, etag } => {
                visit("bucket", Text(bucket));
                visit("key", Text(key));
                visit("etag", Text(etag));
                visit("offset", offset);
            }
            Source::Kinesis { stream, shard, sequence_numbers } => {
                visit("stream", Text(stream));
                visit("shard", Text(shard));
                visit("sequence_number", Text(&sequence_numbers[ordinal]));
                visit("aggregate_index", Number(aggregate_index.into()));
                visit("offset", offset);
            }
            Source::Kafka { cluster, topic, records } => {
                let KafkaRecord { partition, offset: record_offset, timestamp } = records[ordinal];
                visit("cluster", Text(cluster));
                visit("topic", Text(topic));
                visit("partition", Number(partition.into()));
                visit("offset", Number(record_offset.into()));
                visit("timestamp", Number(timestamp.into()));
                visit("byte_offset", offset);
            }
            Source::Firehose { delivery_stream, record_ids } => {
                visit("delivery_stream", Text(delivery_stream));
                visit("record_id", Text(&record_ids[ordinal]));
                visit("offset", offset);
            }
        }
    }
}

/// One part of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Member<'o> {
    /// A name or another text.
    Text(&'o str),
    /// A number.
    Number(i128),
}

/// The members of positions in S3.
pub const S3_MEMBERS: [&str; 4] = ["bucket", "key", "etag", "offset"];
/// The members of positions in Kinesis.
pub const KINESIS_MEMBERS: [&str; 5] = ["stream", "shard", "sequence_number", "aggregate_index", "offset"];
/// The members of positions in Kafka. `offset` is the record's offset; `byte_offset` is the event's offset within the record.
pub const KAFKA_MEMBERS: [&str; 6] = ["cluster", "topic", "partition", "offset", "timestamp", "byte_offset"];
/// The members of positions in Firehose.
pub const FIREHOSE_MEMBERS: [&str; 3] = ["delivery_stream", "record_id", "offset"];

/// Further data that S3 provides about an object.
pub const S3_FACTS: [&str; 1] = ["last_modified"];
/// Further data that Kinesis provides about a record.
pub const KINESIS_FACTS: [&str; 2] = ["arrival", "partition_key"];
/// Further data that Kafka provides about a record. Its time is the member `timestamp`.
pub const KAFKA_FACTS: [&str; 3] = ["key", "key_base64", "headers"];
/// Further data that Firehose provides about a record.
pub const FIREHOSE_FACTS: [&str; 1] = ["arrival"];

impl Serialize for Position<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = Vec::new();
        self.each_member(|name, member| members.push((name, member)));
        serializer.collect_map(members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id_prefix(origin: &Origin, record: u32, aggregate_index: u32) -> String {
        let mut prefix = "what was there".to_owned();
        origin.write_id_prefix(record, aggregate_index, &mut prefix);
        prefix
    }

    #[test]
    fn the_prefix_follows_from_bucket_key_and_etag_alone() {
        let origin = Origin::s3("logs", "a/b.json", "\"abc\"");
        assert_eq!(origin, Origin::s3("logs", "a/b.json", "abc"));
        assert_eq!(origin.id_prefix.len(), ID_PREFIX_LEN);
        for other in [Origin::s3("logsa", "/b.json", "abc"), Origin::s3("logs", "a/b.json", "abd")] {
            assert_ne!(origin.id_prefix, other.id_prefix);
        }
    }

    #[test]
    fn ids_never_change_between_releases() {
        // A changed prefix would index every replayed event a second time.
        assert_eq!(id_prefix(&Origin::s3("b", "k", "e"), 0, 0), "YpmpyUCVaPqRfgWs");
        let kinesis = Origin::kinesis("arn:s", "shardId-0", vec!["4".into(), "5".into()]);
        assert_eq!(id_prefix(&kinesis, 1, 7), "o31iHLku4ML-c-HC-5-7");
        let kafka = Origin::kafka("c", "t", vec![KafkaRecord { partition: 3, offset: 9, timestamp: 1_000 }]);
        assert_eq!(id_prefix(&kafka, 0, 0), "_D5T48GicD76JA0I-3-9-1000");
    }

    #[test]
    fn a_recreated_topic_has_other_ids_at_the_same_offsets() {
        let origin = |timestamp| Origin::kafka("c", "t", vec![KafkaRecord { partition: 0, offset: 0, timestamp }]);
        assert_ne!(id_prefix(&origin(1), 0, 0), id_prefix(&origin(2), 0, 0));
    }

    #[test]
    fn the_members_of_a_position_are_those_that_are_listed() {
        let record = KafkaRecord { partition: 3, offset: 9, timestamp: 5 };
        for (origin, listed) in [
            (Origin::s3("b", "k", "e"), &S3_MEMBERS[..]),
            (Origin::kinesis("arn", "s", vec!["1".into()]), &KINESIS_MEMBERS),
            (Origin::kafka("c", "t", vec![record]), &KAFKA_MEMBERS),
            (Origin::firehose("d", vec!["1".into()]), &FIREHOSE_MEMBERS),
        ] {
            let mut names = Vec::new();
            origin.at(ItemPosition::default()).each_member(|name, _| names.push(name));
            assert_eq!(names, listed);
        }
    }

    #[test]
    fn positions_use_the_words_of_their_service() {
        let at = ItemPosition { record: 0, aggregate_index: 2, offset: 7 };
        let kinesis = Origin::kinesis("arn:aws:kinesis:r:1:stream/s", "shardId-0", vec!["49".into()]);
        assert_eq!(kinesis.at(at).to_string(), "arn:aws:kinesis:r:1:stream/s/shardId-0/49.2@7");
        let expected = json!({ "stream": "arn:aws:kinesis:r:1:stream/s", "shard": "shardId-0", "sequence_number": "49", "aggregate_index": 2, "offset": 7 });
        assert_eq!(serde_json::to_value(kinesis.at(at)).unwrap(), expected);
        let kafka = Origin::kafka("c", "t", vec![KafkaRecord { partition: 3, offset: 9, timestamp: 5 }]);
        assert_eq!(kafka.at(at).to_string(), "kafka://t-3/9@7");
        let expected =
            json!({ "cluster": "c", "topic": "t", "partition": 3, "offset": 9, "timestamp": 5, "byte_offset": 7 });
        assert_eq!(serde_json::to_value(kafka.at(at)).unwrap(), expected);
    }
}
