//! Records of files as records of a Kinesis stream.
//!
//! There is one stream with one shard. Each shard is delivered by itself, so more shards would only repeat the same
//! behaviour.

use emulator::stream::{item::Item, kinesis};
use serde_json::Value;

use super::{
    arn::{ACCOUNT, REGION},
    cut::Record,
    put::Put,
};

/// The largest record that a stream accepts by default: 1 MiB before base64
/// (<https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html>).
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;
/// The largest number of characters of a partition key (`PutRecord`).
const MAX_PARTITION_KEY: usize = 256;
/// The id of the only shard.
const SHARD: &str = "shardId-000000000000";

/// A stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its name.
    pub name: String,
}

impl Stream {
    /// A record in an event source mapping.
    pub fn item(&self, put: &Put, record: &Record) -> Item {
        let arn = format!("arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{}", self.name);
        let partition_key: String = put.file.key.chars().take(MAX_PARTITION_KEY).collect();
        let sequence_number = sequence_number(put.place, record.number);
        kinesis::Record {
            stream: &arn,
            shard: SHARD,
            sequence_number: &sequence_number,
            partition_key: &partition_key,
            arrived_ms: put.arrived_ms(),
            data: &record.data,
        }
        .item()
    }

    /// The line of a record.
    pub fn line(&self, item: &Item) -> u64 {
        item.identifier.as_str().and_then(place).map_or(0, |(_, line)| line)
    }

    /// The file position and the line of a record, from the position in a dead letter.
    pub fn place(&self, position: &Value) -> Option<(u64, u64)> {
        position["sequence_number"].as_str().and_then(place)
    }
}

/// 56 digits, like those of Kinesis. They ascend with file position and line.
fn sequence_number(place: u64, number: u64) -> String {
    format!("496{place:020}{number:033}")
}

/// The file position and the line of a sequence number.
fn place(sequence_number: &str) -> Option<(u64, u64)> {
    let rest = sequence_number.strip_prefix("496").filter(|rest| rest.len() == 53)?;
    let (place, number) = (rest.get(..20)?, rest.get(20..)?);
    Some((place.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde_json::json;

    use super::*;
    use crate::files::File;

    #[test]
    fn a_record_has_an_ascending_sequence_number_that_leads_to_its_line() {
        let file = File { path: PathBuf::from("/x/a.json"), key: "a.json".into(), size: 9 };
        let put = Put { file, place: u64::MAX - 7, modified_ms: 1_545_084_650_987 };
        let stream = Stream { name: "logs".into() };
        let items = [1, 2, 5, 12].map(|number| stream.item(&put, &Record { number, data: b"{}".to_vec() }));
        let first = &items[0].entry;
        assert_eq!(first["eventSourceARN"], "arn:aws:kinesis:us-east-1:000000000000:stream/logs");
        assert_eq!(first["kinesis"]["data"], "e30=");
        assert_eq!(first["kinesis"]["approximateArrivalTimestamp"].to_string(), "1545084650.987");
        let numbers = items.each_ref().map(|item| item.entry["kinesis"]["sequenceNumber"].as_str().unwrap());
        assert!(numbers.is_sorted_by(|one, next| one < next) && numbers.iter().all(|number| number.len() == 56));
        assert_eq!(first["eventID"], format!("shardId-000000000000:{}", numbers[0]));
        assert_eq!(stream.place(&json!({"sequence_number": numbers[3]})), Some((put.place, 12)));
        assert_eq!((stream.line(&items[3]), stream.place(&json!({"key": "a"}))), (12, None));
    }
}
