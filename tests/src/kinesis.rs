//! Kinesis records for a [`crate::mapping::Mapping`].
//!
//! In: data. Out: [`Item`]s. Deliberately absent: a stream, which [`crate::kinesalite`] provides.

use base64_simd::STANDARD;
use emulator::stream::kinesis::Record;
use serde::Deserialize;
use serde_json::{Value, json};

pub use emulator::stream::kinesis::event;

use crate::{mapping::Item, moto::REGION};

/// The arrival time of generated records: 2026-11-22T00:00:00Z.
pub const ARRIVED_MS: u64 = 1_795_305_600_000;

/// The position of a rejected event.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the keys are documented where dead letters are: docs/DELIVERY.md")]
pub struct KinesisPosition {
    pub stream: String,
    pub shard: String,
    pub sequence_number: String,
    pub aggregate_index: u64,
    pub offset: u64,
}

/// A shard that numbers its records as Kinesis does: 56 digits, ascending.
#[derive(Debug, Clone)]
pub struct Shard {
    arn: String,
    id: String,
    records: u64,
}

impl Shard {
    /// A shard without records.
    pub fn new(stream: &str, number: u32) -> Self {
        Self { arn: arn(stream), id: shard_id(number), records: 0 }
    }

    /// The next record, a millisecond after the one before.
    pub fn record(&mut self, data: &[u8]) -> Item {
        self.record_at(data, ARRIVED_MS + self.records + 1)
    }

    /// The next record, with this arrival time.
    pub fn record_at(&mut self, data: &[u8], arrived_ms: u64) -> Item {
        self.records += 1;
        // The numbers are sixteen apart, as for records of one put request.
        let sequence_number = format!("49590338271490256608559692538{:027}", self.records * 16 + 2);
        item(&self.arn, &self.id, &sequence_number, arrived_ms, data)
    }
}

/// The ARN of a stream.
pub fn arn(stream: &str) -> String {
    format!("arn:aws:kinesis:{REGION}:123456789012:stream/{stream}")
}

/// The id of a shard.
pub fn shard_id(number: u32) -> String {
    format!("shardId-{number:012}")
}

/// A record.
pub fn item(stream: &str, shard: &str, sequence_number: &str, arrived_ms: u64, data: &[u8]) -> Item {
    Record { stream, shard, sequence_number, partition_key: "1", arrived_ms, data }.item()
}

/// The data of a record.
///
/// # Panics
/// If it is not a Kinesis record.
pub fn data(item: &Item) -> Vec<u8> {
    STANDARD.decode_to_vec(item.entry["kinesis"]["data"].as_str().expect("data")).expect("base64")
}

/// The answer that names the first undelivered record, or none.
pub fn answer(first_undelivered: Option<&Item>) -> Value {
    let failures: Vec<_> = first_undelivered.iter().map(|item| json!({ "itemIdentifier": item.identifier })).collect();
    json!({ "batchItemFailures": failures })
}
