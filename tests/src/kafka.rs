//! Invocations with Kafka records as Lambda makes them, for MSK and for self-managed clusters.
//!
//! In: values. Out: [`Item`]s for a [`crate::mapping::Mapping`], and the event around them. Deliberately absent: a
//! Kafka broker, because Lambda's poller stands between the broker and the function.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{kinesis::ARRIVED_MS, mapping::Item, moto::REGION};

const SERVERS: &str = "b-2.example:9092,b-1.example:9092";

/// The position of a rejected event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are documented where dead letters are: docs/DELIVERY.md")]
pub struct Position {
    pub cluster: String,
    pub topic: String,
    pub partition: i64,
    pub offset: i64,
    pub timestamp: i64,
    pub byte_offset: u64,
}

/// A cluster.
#[derive(Debug, Clone)]
pub enum Cluster {
    /// An MSK cluster, by its ARN.
    Msk(String),
    /// A self-managed cluster, known only by its servers.
    SelfManaged,
}

/// A topic-partition that assigns offsets to its records.
#[derive(Debug, Clone)]
pub struct Partition {
    topic: String,
    number: u32,
    offset: u64,
    timestamp: u64,
}

impl Cluster {
    /// An MSK cluster with this name.
    pub fn msk(name: &str) -> Self {
        Self::Msk(format!("arn:aws:kafka:{REGION}:123456789012:cluster/{name}/abcd1234-abcd-cafe-abab-9876543210ab-4"))
    }

    /// The name of the cluster in ids and dead letters: the ARN, or else the sorted servers.
    pub fn name(&self) -> String {
        match self {
            Self::Msk(arn) => arn.clone(),
            Self::SelfManaged => {
                let mut servers: Vec<_> = SERVERS.split(',').collect();
                servers.sort_unstable();
                servers.join(",")
            }
        }
    }

    /// The invocation with these records.
    pub fn event(&self, items: &[Item]) -> Value {
        let mut records = Map::new();
        for item in items {
            let of_partition = records.entry(&item.lane).or_insert_with(|| json!([]));
            of_partition.as_array_mut().expect("made above").push(item.entry.clone());
        }
        match self {
            Self::Msk(arn) => json!({
                "eventSource": "aws:kafka", "eventSourceArn": arn, "bootstrapServers": SERVERS, "records": records,
            }),
            Self::SelfManaged => {
                json!({ "eventSource": "SelfManagedKafka", "bootstrapServers": SERVERS, "records": records })
            }
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
        let lane = format!("{}-{}", self.topic, self.number);
        let entry = json!({
            "topic": self.topic,
            "partition": self.number,
            "offset": offset,
            "timestamp": self.timestamp,
            "timestampType": "CREATE_TIME",
            "key": STANDARD.encode("recordKey"),
            "value": value.map(|value| STANDARD.encode(value)),
            // Signed bytes, as Java writes them.
            "headers": [{ "headerKey": [104, -61, -87, 97, 100] }],
        });
        let identifier = json!({ "partition": lane, "offset": offset });
        Item { group: self.topic.clone(), lane, identifier, arrived_ms: self.timestamp, entry }
    }
}

/// The answer that names the first undelivered record of each topic-partition.
pub fn answer(first_undelivered: &[&Item]) -> Value {
    let failures: Vec<_> = first_undelivered.iter().map(|item| json!({ "itemIdentifier": item.identifier })).collect();
    json!({ "batchItemFailures": failures })
}
