//! Where an event lies, and the document id that follows from it.
//!
//! In: the identity of a source: an S3 object, or the records of a stream. Out: an [`Origin`] that names every event in
//! logs and dead letters, and gives it its id. Deliberately absent: the clock, the version of an object (it only
//! chooses what is read; a listing knows no version), and any hash of an event's content.

use std::fmt::{self, Display, Write};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Characters of the hash that the ids of an [`Origin`] begin with: 96 bits in base64url.
pub const ID_PREFIX_LEN: usize = 16;

/// Where in its origin an event lies. Positions ascend in the order in which events are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemPosition {
    /// Which record of the batch, from 0; 0 in an object.
    pub record: u32,
    /// Which of the user records that the Kinesis Producer Library put into that record, from 0; 0 without it.
    pub aggregate_index: u32,
    /// The byte offset of the value in the decompressed stream.
    pub offset: u64,
}

impl ItemPosition {
    /// In an object.
    pub const fn in_object(offset: u64) -> Self {
        Self { record: 0, aggregate_index: 0, offset }
    }
}

/// One source of events: one S3 object at one `ETag`, or the records of one invocation from one shard or topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    source: Source,
    /// What all ids of this origin begin with, but for what names the record.
    id_prefix: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    S3 { bucket: String, key: String, etag: String },
    Kinesis { stream: String, shard: String, sequence_numbers: Vec<String> },
    Kafka { cluster: String, topic: String, records: Vec<KafkaRecord> },
}

/// What tells one record of a topic from all others, also when the topic is made anew and counts from 0 again.
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
    /// The origin of an S3 object. `etag` may carry its quotes.
    pub fn s3(bucket: &str, key: &str, etag: &str) -> Self {
        let etag = etag.trim_matches('"');
        let source = Source::S3 { bucket: bucket.into(), key: key.into(), etag: etag.into() };
        Self { source, id_prefix: hash(["s3", bucket, key, etag]) }
    }

    /// The origin of some records of a Kinesis shard. `stream` is the stream's ARN.
    pub fn kinesis(stream: &str, shard: &str, sequence_numbers: Vec<String>) -> Self {
        let source = Source::Kinesis { stream: stream.into(), shard: shard.into(), sequence_numbers };
        Self { source, id_prefix: hash(["kinesis", stream, shard]) }
    }

    /// The origin of some records of a Kafka topic. `cluster` is an ARN, or a name where there is none.
    pub fn kafka(cluster: &str, topic: &str, records: Vec<KafkaRecord>) -> Self {
        let source = Source::Kafka { cluster: cluster.into(), topic: topic.into(), records };
        Self { source, id_prefix: hash(["kafka", cluster, topic]) }
    }

    /// What tells this origin from others in names, such as a dead letter's key.
    pub fn id_prefix(&self) -> &str {
        &self.id_prefix
    }

    /// Writes what the ids of the events of one (user) record begin with; a hyphen and the byte offset follow.
    pub fn write_id_prefix(&self, record: u32, aggregate_index: u32, out: &mut String) {
        out.clear();
        out.push_str(&self.id_prefix);
        let written = match &self.source {
            Source::S3 { .. } => Ok(()),
            Source::Kinesis { sequence_numbers, .. } => {
                // Not formatted, since it is long and there is one for each record.
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

    /// A position with its origin, to be shown or kept.
    pub fn at(&self, at: ItemPosition) -> Position<'_> {
        Position { origin: self, at }
    }
}

/// A cryptographic hash, since whoever chooses names could otherwise make two origins collide, and the events of the
/// second would pass for duplicates. It is computed once an origin.
fn hash<const N: usize>(parts: [&str; N]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..12])
}

/// Where one event lies. Displayed as a URL, such as `s3://bucket/key@offset`; serialised by the names of its service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position<'o> {
    origin: &'o Origin,
    at: ItemPosition,
}

impl Position<'_> {
    /// A name for keys: it sorts as the positions of an object do, and tells records apart.
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
        }
    }
}

impl Serialize for Position<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Named<'o> {
            S3 { bucket: &'o str, key: &'o str, etag: &'o str, offset: u64 },
            Kinesis { stream: &'o str, shard: &'o str, sequence_number: &'o str, aggregate_index: u32, offset: u64 },
            Kafka { cluster: &'o str, topic: &'o str, partition: i64, offset: i64, timestamp: i64, byte_offset: u64 },
        }
        let ItemPosition { record, aggregate_index, offset } = self.at;
        let named = match &self.origin.source {
            Source::S3 { bucket, key, etag } => Named::S3 { bucket, key, etag, offset },
            Source::Kinesis { stream, shard, sequence_numbers } => {
                let sequence_number = &sequence_numbers[record as usize];
                Named::Kinesis { stream, shard, sequence_number, aggregate_index, offset }
            }
            Source::Kafka { cluster, topic, records } => {
                let KafkaRecord { partition, offset: record_offset, timestamp } = records[record as usize];
                Named::Kafka { cluster, topic, partition, offset: record_offset, timestamp, byte_offset: offset }
            }
        };
        named.serialize(serializer)
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
    fn a_topic_made_anew_has_other_ids_at_the_same_offsets() {
        let origin = |timestamp| Origin::kafka("c", "t", vec![KafkaRecord { partition: 0, offset: 0, timestamp }]);
        assert_ne!(id_prefix(&origin(1), 0, 0), id_prefix(&origin(2), 0, 0));
    }

    #[test]
    fn positions_are_told_in_the_words_of_their_service() {
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
