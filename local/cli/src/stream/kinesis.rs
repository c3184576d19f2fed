//! Records in the form that Kinesis and Lambda deliver, and the records that an answer leaves for redelivery.
//!
//! In: records of one file. Out: the event of an invocation; the records that are not settled. There is one stream with
//! one shard. Each shard has its own event source mapping, so more shards would only repeat the same behaviour.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{ACCOUNT, REGION, cut::Record, put::Put};

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
    /// The event of an invocation with these records.
    pub fn event(&self, put: &Put, records: &[Record]) -> Value {
        let arn = format!("arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{}", self.name);
        let partition_key: String = put.file.key.chars().take(MAX_PARTITION_KEY).collect();
        let records: Vec<Value> = records
            .iter()
            .map(|record| {
                let sequence_number = sequence_number(put.place, record.number);
                json!({
                    "kinesis": {
                        "kinesisSchemaVersion": "1.0",
                        "partitionKey": partition_key,
                        "sequenceNumber": sequence_number,
                        "data": STANDARD.encode(&record.data),
                        "approximateArrivalTimestamp": put.modified_ms as f64 / 1000.0,
                    },
                    "eventSource": "aws:kinesis",
                    "eventVersion": "1.0",
                    "eventID": format!("{SHARD}:{sequence_number}"),
                    "eventName": "aws:kinesis:record",
                    "invokeIdentityArn": format!("arn:aws:iam::{ACCOUNT}:role/local"),
                    "awsRegion": REGION,
                    "eventSourceARN": arn,
                })
            })
            .collect();
        json!({ "Records": records })
    }

    /// The records that an answer leaves for redelivery, as Lambda interprets it: all records from the lowest sequence
    /// number in the answer on.
    ///
    /// # Errors
    /// The answer names a record outside the batch. Then the whole batch has failed.
    pub fn left(&self, put: &Put, response: &Value, records: &[Record]) -> Result<Vec<usize>, String> {
        let mut first = records.len();
        for failure in response["batchItemFailures"].as_array().into_iter().flatten() {
            let identifier = &failure["itemIdentifier"];
            let named = identifier.as_str().and_then(place);
            let found = named.and_then(|(place, number)| {
                records.iter().position(|record| place == put.place && record.number == number)
            });
            match found {
                Some(at) => first = first.min(at),
                None => return Err(format!("the answer names no record of the batch: {identifier}")),
            }
        }
        Ok((first..records.len()).collect())
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

    use super::*;
    use crate::files::File;

    fn stream() -> (Stream, Put, Vec<Record>) {
        let file = File { path: PathBuf::from("/x/a.json"), key: "a.json".into(), size: 9 };
        let put = Put { file, place: u64::MAX - 7, modified_ms: 1_545_084_650_987 };
        let records = [1, 2, 5, 12].map(|number| Record { number, data: format!("{{\"n\":{number}}}").into() });
        (Stream { name: "logs".into() }, put, records.to_vec())
    }

    #[test]
    fn an_event_has_the_shape_of_one_of_lambda_s() {
        let (stream, put, records) = stream();
        let event = stream.event(&put, &records);
        let first = &event["Records"][0];
        assert_eq!(first["eventSourceARN"], "arn:aws:kinesis:us-east-1:000000000000:stream/logs");
        assert_eq!(STANDARD.decode(first["kinesis"]["data"].as_str().unwrap()).unwrap(), br#"{"n":1}"#);
        assert_eq!(first["kinesis"]["approximateArrivalTimestamp"].to_string(), "1545084650.987");
        let numbers: Vec<&str> = event["Records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["kinesis"]["sequenceNumber"].as_str().unwrap())
            .collect();
        assert!(numbers.is_sorted_by(|one, next| one < next) && numbers.iter().all(|number| number.len() == 56));
        assert_eq!(first["eventID"], format!("shardId-000000000000:{}", numbers[0]));
        assert_eq!(stream.place(&json!({"sequence_number": numbers[3]})), Some((put.place, 12)));
        assert_eq!(stream.place(&json!({"key": "a"})), None);
    }

    #[test]
    fn an_answer_leaves_what_lambda_brings_again() {
        let (stream, put, records) = stream();
        let failed = |numbers: &[u64]| -> Value {
            let failures = numbers.iter().map(|&number| json!({"itemIdentifier": sequence_number(put.place, number)}));
            json!({"batchItemFailures": failures.collect::<Vec<_>>()})
        };
        for (answer, expected) in [
            (failed(&[]), vec![]),
            (Value::Null, vec![]),
            (json!({}), vec![]),
            (failed(&[1]), vec![0, 1, 2, 3]),
            (failed(&[12]), vec![3]),
            (failed(&[12, 2, 5]), vec![1, 2, 3]),
        ] {
            assert_eq!(stream.left(&put, &answer, &records), Ok(expected), "{answer}");
        }
        let elsewhere = json!({"batchItemFailures": [{"itemIdentifier": sequence_number(3, 1)}]});
        let unknown = [Value::Null, json!(""), json!("7"), json!(sequence_number(put.place, 3))];
        let unknown = unknown.map(|identifier| json!({"batchItemFailures": [{"itemIdentifier": identifier}]}));
        for answer in unknown.into_iter().chain([elsewhere]) {
            assert!(stream.left(&put, &answer, &records).is_err(), "{answer}");
        }
    }
}
