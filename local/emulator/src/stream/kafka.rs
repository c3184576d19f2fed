//! Records of Kafka in the form in which Lambda delivers them, for MSK and for self-managed clusters.

use base64_simd::STANDARD;
use serde_json::{Map, Value, json};

use super::item::Item;

/// The servers of every cluster.
pub const SERVERS: &str = "b-2.example:9092,b-1.example:9092";

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cluster {
    /// An MSK cluster, by its ARN.
    Msk(String),
    /// A self-managed cluster, known only by its servers.
    SelfManaged,
}

/// A record of a topic-partition.
#[derive(Debug, Clone)]
pub struct Record<'r> {
    /// The topic.
    pub topic: &'r str,
    /// The number of the partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
    /// The time of its creation, in milliseconds.
    pub timestamp_ms: u64,
    /// Its key.
    pub key: &'r [u8],
    /// Its value; `None` for a tombstone.
    pub value: Option<&'r [u8]>,
    /// Its headers, each with an array of signed bytes, as Java writes them.
    pub headers: Value,
}

impl Cluster {
    /// The invocation with these records.
    pub fn event(&self, items: &[Item]) -> Value {
        let mut records: Map<String, Value> = Map::new();
        for item in items {
            let of_partition = records.entry(&item.lane).or_insert_with(|| Value::Array(Vec::new()));
            if let Value::Array(of_partition) = of_partition {
                of_partition.push(item.entry.clone());
            }
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

impl Record<'_> {
    /// The record in a mapping.
    pub fn item(&self) -> Item {
        let lane = format!("{}-{}", self.topic, self.partition);
        let entry = json!({
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "timestamp": self.timestamp_ms,
            "timestampType": "CREATE_TIME",
            "key": STANDARD.encode_to_string(self.key),
            "value": self.value.map(|value| STANDARD.encode_to_string(value)),
            "headers": self.headers,
        });
        let identifier = json!({ "partition": lane, "offset": self.offset });
        Item { group: self.topic.to_owned(), lane, identifier, arrived_ms: self.timestamp_ms, entry }
    }
}
