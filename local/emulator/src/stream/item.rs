//! A record in an event source mapping.

use serde_json::Value;

/// A record, whatever its source.
#[derive(Debug, Clone)]
pub struct Item {
    /// The group that is read one batch at a time: a shard, or a topic.
    pub group: String,
    /// The lane, which is in order and has its own position: a shard, or a topic-partition.
    pub lane: String,
    /// The record's identifier in `batchItemFailures`.
    pub identifier: Value,
    /// The time at which the source stored it.
    pub arrived_ms: u64,
    /// Its JSON in an invocation.
    pub entry: Value,
}
