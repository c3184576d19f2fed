//! Records of Kinesis in the form in which Lambda delivers them.

use base64_simd::STANDARD;
use serde_json::{Value, json};

use super::item::Item;

/// A record of a shard.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r> {
    /// The ARN of the stream.
    pub stream: &'r str,
    /// The id of the shard.
    pub shard: &'r str,
    /// The sequence number.
    pub sequence_number: &'r str,
    /// The partition key.
    pub partition_key: &'r str,
    /// The time of its arrival, in milliseconds.
    pub arrived_ms: u64,
    /// Its data.
    pub data: &'r [u8],
}

impl Record<'_> {
    /// The record in a mapping.
    pub fn item(&self) -> Item {
        let Self { stream, shard, sequence_number, partition_key, arrived_ms, data } = self;
        let entry = json!({
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": partition_key,
                "sequenceNumber": sequence_number,
                "data": STANDARD.encode_to_string(data),
                "approximateArrivalTimestamp": *arrived_ms as f64 / 1000.0,
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": format!("{shard}:{sequence_number}"),
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/lambda-role",
            "awsRegion": stream.split(':').nth(3),
            "eventSourceARN": stream,
        });
        let lane = format!("{stream}/{shard}");
        Item { group: lane.clone(), lane, identifier: (*sequence_number).into(), arrived_ms: *arrived_ms, entry }
    }
}

/// The invocation with these records.
pub fn event(items: &[Item]) -> Value {
    json!({ "Records": items.iter().map(|item| &item.entry).collect::<Vec<_>>() })
}
