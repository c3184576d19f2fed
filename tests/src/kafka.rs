//! Kafka records for a [`crate::mapping::Mapping`], of MSK and of self-managed clusters.
//!
//! In: values. Out: [`Item`]s. Deliberately absent: a Kafka broker, because Lambda's poller stands between the broker
//! and the function.

use emulator::stream::kafka::{Record, SERVERS};
use serde::Deserialize;
use serde_json::{Value, json};

pub use emulator::stream::kafka::Cluster;

use crate::{kinesis::ARRIVED_MS, mapping::Item, moto::REGION};

/// The position of a rejected event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are documented where dead letters are: docs/DELIVERY.md")]
pub struct KafkaPosition {
    pub cluster: String,
    pub topic: String,
    pub partition: i64,
    pub offset: i64,
    pub timestamp: i64,
    pub byte_offset: u64,
}

/// A topic-partition that assigns offsets to its records.
#[derive(Debug, Clone)]
pub struct Partition {
    topic: String,
    number: u32,
    offset: u64,
    timestamp: u64,
}

/// An MSK cluster with this name.
pub fn msk(name: &str) -> Cluster {
    Cluster::Msk(format!("arn:aws:kafka:{REGION}:123456789012:cluster/{name}/abcd1234-abcd-cafe-abab-9876543210ab-4"))
}

/// The name of the cluster in ids and dead letters: the ARN, or else the sorted servers.
pub fn name(cluster: &Cluster) -> String {
    match cluster {
        Cluster::Msk(arn) => arn.clone(),
        Cluster::SelfManaged => {
            let mut servers: Vec<_> = SERVERS.split(',').collect();
            servers.sort_unstable();
            servers.join(",")
        }
    }
}

impl Partition {
    /// A topic-partition without records.
    pub fn new(topic: &str, number: u32) -> Self {
        Self::created(topic, number, ARRIVED_MS)
    }

    /// A topic-partition whose first record comes after this time.
    pub fn created(topic: &str, number: u32, timestamp: u64) -> Self {
        Self { topic: topic.into(), number, offset: 0, timestamp }
    }

    /// The next record, a millisecond after the one before.
    pub fn record(&mut self, value: &[u8]) -> Item {
        self.next(Some(value))
    }

    /// The next record, with this time.
    pub fn record_at(&mut self, value: &[u8], timestamp: u64) -> Item {
        self.timestamp = timestamp - 1;
        self.record(value)
    }

    /// The next record, a tombstone.
    pub fn tombstone(&mut self) -> Item {
        self.next(None)
    }

    fn next(&mut self, value: Option<&[u8]>) -> Item {
        let offset = self.offset;
        self.offset += 1;
        self.timestamp += 1;
        // Signed bytes, as Java writes them.
        let headers = json!([{ "headerKey": [104, -61, -87, 97, 100] }]);
        let (partition, timestamp_ms) = (self.number, self.timestamp);
        Record { topic: &self.topic, partition, offset, timestamp_ms, key: b"recordKey", value, headers }.item()
    }
}

/// The answer that names the first undelivered record of each topic-partition.
pub fn answer(first_undelivered: &[&Item]) -> Value {
    let failures: Vec<_> = first_undelivered.iter().map(|item| json!({ "itemIdentifier": item.identifier })).collect();
    json!({ "batchItemFailures": failures })
}
