//! Records of files as records of a Kafka topic, of an MSK cluster.
//!
//! There is one topic. The records of a file are spread over its partitions in turn. Deliberately absent: headers,
//! tombstones, transactions.

use emulator::stream::{
    item::Item,
    kafka::{self, Cluster},
};
use serde_json::{Value, json};

use super::{
    arn::{ACCOUNT, REGION},
    cut::Record,
    put::{BEYOND_OFFSETS, Put},
};

/// The largest record that a broker accepts by default: a batch of 1 MiB with its overhead (`message.max.bytes`).
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;
/// The bits of an offset with the number of a record in its file and partition.
const NUMBER_BITS: u32 = 32;

/// The cluster of every topic.
pub(super) fn cluster() -> Cluster {
    Cluster::Msk(format!("arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/local/00000000-0000-4000-8000-000000000000-1"))
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// The number of its partitions.
    pub partitions: u32,
}

impl Topic {
    /// A record in an event source mapping.
    pub fn item(&self, put: &Put, record: &Record) -> Item {
        let (partition, offset) = self.at(put.place, record.number);
        let key = format!("{}:{}", put.file.key, record.number);
        kafka::Record {
            topic: &self.name,
            partition,
            offset,
            timestamp_ms: put.arrived_ms(),
            key: key.as_bytes(),
            value: Some(&record.data),
            headers: json!([]),
        }
        .item()
    }

    /// The line of a record.
    pub fn line(&self, item: &Item) -> u64 {
        self.place(&item.entry).map_or(0, |(_, line)| line)
    }

    /// The file position and the line of a record, from the position in a dead letter. The file position lacks the bits
    /// that an offset has no room for.
    pub fn place(&self, position: &Value) -> Option<(u64, u64)> {
        let (partition, offset) = (position["partition"].as_u64()?, position["offset"].as_u64()?);
        let in_partition = offset & ((1 << NUMBER_BITS) - 1);
        let number = in_partition * u64::from(self.partitions) + partition + 1;
        Some((offset >> NUMBER_BITS << BEYOND_OFFSETS, number))
    }

    /// The partition and offset of a record.
    fn at(&self, place: u64, number: u64) -> (u32, u64) {
        let (turn, partitions) = (number.saturating_sub(1), u64::from(self.partitions.max(1)));
        let offset = (place >> BEYOND_OFFSETS << NUMBER_BITS) | (turn / partitions);
        (u32::try_from(turn % partitions).unwrap_or_default(), offset)
    }
}

/// A file position without the bits that an offset has no room for.
pub(super) fn rough(place: u64) -> u64 {
    place >> BEYOND_OFFSETS << BEYOND_OFFSETS
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::files::File;

    #[test]
    fn records_are_spread_over_the_partitions_and_their_offsets_lead_to_the_line() {
        let file = File { path: PathBuf::from("/x/a.json"), key: "a.json".into(), size: 9 };
        let put = Put { file, place: u64::MAX - 7, modified_ms: 1_545_084_650_987 };
        let topic = Topic { name: "my-logs".into(), partitions: 2 };
        let items = [1, 2, 3, 4, 6].map(|number| topic.item(&put, &Record { number, data: b"{}".to_vec() }));
        assert_eq!(
            items.each_ref().map(|item| item.lane.as_str()),
            ["my-logs-0", "my-logs-1", "my-logs-0", "my-logs-1", "my-logs-1"]
        );
        let (second, last) = (&items[1].entry, &items[4].entry);
        assert_eq!((&last["topic"], &last["partition"]), (&json!("my-logs"), &json!(1)));
        assert_eq!(last["offset"].as_i64().unwrap(), second["offset"].as_i64().unwrap() + 2);
        assert_eq!(
            (&last["timestamp"], &last["key"], &last["value"]),
            (&json!(1_545_084_650_987_i64), &json!("YS5qc29uOjY="), &json!("e30="))
        );
        assert_eq!((topic.place(last), topic.line(&items[4])), (Some((rough(put.place), 6)), 6));
        assert_eq!(topic.place(&json!({"sequence_number": "1"})), None);
    }
}
