//! Records in the form that Kafka and Lambda deliver, and the records that an answer leaves for redelivery.
//!
//! In: records of one file. Out: an event like that of an MSK cluster; the records that are not settled. There is one
//! topic. The records of a file are spread over its partitions in turn. Deliberately absent: headers, tombstones,
//! transactions.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    ACCOUNT, REGION,
    cut::Record,
    put::{BEYOND_OFFSETS, Put},
};

/// The largest record that a broker accepts by default: a batch of 1 MiB with its overhead (`message.max.bytes`).
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;
/// The bits of an offset with the number of a record in its file and partition.
const NUMBER_BITS: u32 = 32;

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// The number of its partitions.
    pub partitions: u32,
}

impl Topic {
    /// The event of an invocation with these records.
    pub fn event(&self, put: &Put, records: &[Record]) -> Value {
        let mut partitions: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for record in records {
            let (partition, offset) = self.at(put.place, record.number);
            partitions.entry(format!("{}-{partition}", self.name)).or_default().push(json!({
                "topic": self.name,
                "partition": partition,
                "offset": offset,
                "timestamp": put.modified_ms,
                "timestampType": "CREATE_TIME",
                "key": STANDARD.encode(format!("{}:{}", put.file.key, record.number)),
                "value": STANDARD.encode(&record.data),
                "headers": [],
            }));
        }
        json!({
            "eventSource": "aws:kafka",
            "eventSourceArn": format!("arn:aws:kafka:{REGION}:{ACCOUNT}:cluster/local/00000000-0000-4000-8000-000000000000-1"),
            "bootstrapServers": "b-1.local:9092,b-2.local:9092",
            "records": partitions,
        })
    }

    /// The records that an answer leaves for redelivery, as Lambda interprets it: for each topic-partition in the
    /// answer, all records from its offset on
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>).
    ///
    /// # Errors
    /// The answer names a record outside the batch. Then the whole batch has failed.
    pub fn left(&self, put: &Put, response: &Value, records: &[Record]) -> Result<Vec<usize>, String> {
        let at: Vec<(u32, i64)> = records.iter().map(|record| self.at(put.place, record.number)).collect();
        let mut first: BTreeMap<u32, i64> = BTreeMap::new();
        for failure in response["batchItemFailures"].as_array().into_iter().flatten() {
            let identifier = &failure["itemIdentifier"];
            let named = identifier["partition"]
                .as_str()
                .and_then(|partition| partition.strip_prefix(&self.name)?.strip_prefix('-')?.parse().ok())
                .zip(identifier["offset"].as_i64())
                .filter(|named| at.contains(named));
            let Some((partition, offset)) = named else {
                return Err(format!("the answer names no record of the batch: {identifier}"));
            };
            let first = first.entry(partition).or_insert(offset);
            *first = offset.min(*first);
        }
        let left = |&(_, (partition, offset)): &(usize, &(u32, i64))| {
            first.get(partition).is_some_and(|first| offset >= first)
        };
        Ok(at.iter().enumerate().filter(left).map(|(index, _)| index).collect())
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
    fn at(&self, place: u64, number: u64) -> (u32, i64) {
        let (turn, partitions) = (number.saturating_sub(1), u64::from(self.partitions.max(1)));
        let offset = (place >> BEYOND_OFFSETS << NUMBER_BITS) | (turn / partitions);
        (u32::try_from(turn % partitions).unwrap_or_default(), i64::try_from(offset).unwrap_or(i64::MAX))
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

    fn topic() -> (Topic, Put, Vec<Record>) {
        let file = File { path: PathBuf::from("/x/a.json"), key: "a.json".into(), size: 9 };
        let put = Put { file, place: u64::MAX - 7, modified_ms: 1_545_084_650_987 };
        let records = [1, 2, 3, 4, 6].map(|number| Record { number, data: format!("{{\"n\":{number}}}").into() });
        (Topic { name: "my-logs".into(), partitions: 2 }, put, records.to_vec())
    }

    #[test]
    fn an_event_has_the_shape_of_one_of_lambda_s() {
        let (topic, put, records) = topic();
        let event = topic.event(&put, &records);
        assert_eq!(event["eventSource"], "aws:kafka");
        let (first, second) = (&event["records"]["my-logs-0"], &event["records"]["my-logs-1"]);
        assert_eq!((first.as_array().unwrap().len(), second.as_array().unwrap().len()), (2, 3));
        let last = &second[2];
        assert_eq!((&last["topic"], &last["partition"]), (&json!("my-logs"), &json!(1)));
        assert_eq!(last["offset"].as_i64().unwrap(), second[0]["offset"].as_i64().unwrap() + 2);
        assert_eq!(last["timestamp"], 1_545_084_650_987_i64);
        assert_eq!(STANDARD.decode(last["key"].as_str().unwrap()).unwrap(), b"a.json:6");
        assert_eq!(STANDARD.decode(last["value"].as_str().unwrap()).unwrap(), br#"{"n":6}"#);
        assert_eq!(topic.place(last), Some((rough(put.place), 6)));
        assert_eq!(topic.place(&json!({"sequence_number": "1"})), None);
    }

    #[test]
    fn an_answer_leaves_what_lambda_brings_again() {
        let (topic, put, records) = topic();
        let identifier = |number: u64| {
            let (partition, offset) = topic.at(put.place, number);
            json!({"partition": format!("my-logs-{partition}"), "offset": offset})
        };
        let failed = |identifiers: Vec<Value>| -> Value {
            let failures = identifiers.into_iter().map(|identifier| json!({"itemIdentifier": identifier}));
            json!({"batchItemFailures": failures.collect::<Vec<_>>()})
        };
        for (answer, expected) in [
            (failed(vec![]), vec![]),
            (Value::Null, vec![]),
            (failed(vec![identifier(3)]), vec![2]),
            (failed(vec![identifier(2)]), vec![1, 3, 4]),
            (failed(vec![identifier(6), identifier(1)]), vec![0, 2, 4]),
            (failed(vec![identifier(6), identifier(4)]), vec![3, 4]),
        ] {
            assert_eq!(topic.left(&put, &answer, &records), Ok(expected), "{answer}");
        }
        let mut other = identifier(1);
        other["partition"] = json!("my-logs-2");
        for unknown in [Value::Null, json!("1"), identifier(5), identifier(8), other] {
            let answer = failed(vec![unknown]);
            assert!(topic.left(&put, &answer, &records).is_err(), "{answer}");
        }
    }
}
