//! Kinesis Data Streams: the records of an invocation, and the answer that moves the shard on.
//!
//! In: an invocation of the event source mapping, also from an enhanced fan-out consumer. Out: the records of each
//! shard, and `batchItemFailures`. Deliberately absent: tumbling windows, and the content of a record.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    batch::{Base64, Batch, Records, Text},
    invalid::InvalidEvent,
};
use pipeline::record::Origin;

/// Only the needed fields are read: emulators may leave out the others.
#[derive(Deserialize)]
struct Invocation<'i> {
    #[serde(rename = "Records", borrow)]
    records: Vec<Event<'i>>,
}

#[derive(Deserialize)]
struct Event<'i> {
    #[serde(borrow)]
    kinesis: Payload<'i>,
    /// `SHARD:SEQUENCE_NUMBER`.
    #[serde(rename = "eventID", borrow)]
    id: Text<'i>,
    #[serde(rename = "eventSourceARN", borrow)]
    source_arn: Text<'i>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload<'i> {
    sequence_number: String,
    #[serde(borrow)]
    data: Base64<'i>,
    /// Seconds since 1970.
    approximate_arrival_timestamp: f64,
    #[serde(default, borrow)]
    partition_key: Option<Text<'i>>,
}

/// Records of one shard.
#[derive(Debug)]
pub struct Shard {
    /// The stream's ARN, even if the event has the ARN of a consumer: a change between the two must not change any id.
    pub stream: String,
    /// Its id.
    pub shard: String,
    /// In the order of the shard.
    pub batch: Batch,
    /// The partition key of each record. Empty if the keys are not needed.
    pub partition_keys: Vec<Option<String>>,
}

impl Shard {
    /// The stream's name.
    pub fn stream_name(&self) -> &str {
        stream_name(&self.stream)
    }
}

fn stream_name(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, name)| name)
}

/// The records of each shard of an invocation. Lambda sends those of one shard. A manual invocation may have more.
///
/// `keys_of` decides by a stream's name whether its partition keys are read.
///
/// The invocation is passed as bytes: the runtime's own reader records every path in it, which takes as long again as
/// reading (measured).
///
/// # Errors
/// The event is not from Kinesis, or a record can't be named: reported as failed, such a record would count as the
/// whole batch. The invocation fails.
pub fn shards(invocation: &[u8], keys_of: impl Fn(&str) -> bool) -> Result<Vec<Shard>, InvalidEvent> {
    let invocation: Invocation<'_> = serde_json::from_slice(invocation)
        .map_err(|error| format!("not an event of Kinesis, which has `Records` with `kinesis` in each: {error}"))?;
    let base64_bytes = invocation.records.iter().map(|event| event.kinesis.data.0.len()).sum();
    let mut shards: Vec<ShardRecords> = Vec::new();
    for event in invocation.records {
        let Payload { sequence_number, data, approximate_arrival_timestamp, partition_key } = event.kinesis;
        let shard = event.id.0.split_once(':').map(|(shard, _)| shard).filter(|shard| !shard.is_empty());
        let Some(shard) = shard.filter(|_| !sequence_number.is_empty()) else {
            return Err(InvalidEvent(format!(
                "a record without a name: eventID `{}`, sequenceNumber `{sequence_number}`; \
                 Kinesis sends `shardId-000000000000:SEQUENCE_NUMBER` and the number",
                event.id.0
            )));
        };
        let stream = stream_arn(&event.source_arn.0);
        let at = shards.iter().position(|known| known.stream == stream && known.shard == shard).unwrap_or_else(|| {
            let wants_keys = keys_of(stream_name(stream));
            let mut read = ShardRecords {
                stream: stream.to_owned(),
                shard: shard.to_owned(),
                wants_keys,
                ..ShardRecords::default()
            };
            if shards.is_empty() {
                read.records.reserve(base64_bytes);
            }
            shards.push(read);
            shards.len() - 1
        });
        if shards[at].wants_keys {
            shards[at].partition_keys.push(partition_key.map(|Text(key)| key.into_owned()));
        }
        shards[at].sequence_numbers.push(sequence_number);
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of any year that Kinesis will see")]
        shards[at].records.push(&data.0, (approximate_arrival_timestamp * 1000.0).round() as i64);
    }
    let shards =
        shards.into_iter().map(|ShardRecords { stream, shard, sequence_numbers, records, partition_keys, .. }| {
            let origin = Origin::kinesis(&stream, &shard, sequence_numbers).with_times_ms(records.times_ms()).into();
            Shard { stream, shard, batch: Batch { origin, records }, partition_keys }
        });
    Ok(shards.collect())
}

/// The data read of one shard.
#[derive(Default)]
struct ShardRecords {
    stream: String,
    shard: String,
    sequence_numbers: Vec<String>,
    records: Records,
    wants_keys: bool,
    partition_keys: Vec<Option<String>>,
}

/// Without `/consumer/NAME:TIME` of an enhanced fan-out consumer.
fn stream_arn(arn: &str) -> &str {
    arn.split_once("/consumer/").map_or(arn, |(stream, _)| stream)
}

/// The answer: the first record of each shard that has to be redelivered. Lambda continues at the lowest sequence
/// number. An empty or null one counts as the whole batch
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html>).
pub fn respond<'s>(first_undelivered: impl IntoIterator<Item = &'s str>) -> Value {
    let failures = first_undelivered.into_iter().map(|number| json!({ "itemIdentifier": number }));
    json!({ "batchItemFailures": failures.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::super::batch::Data;
    use super::*;

    fn event(shard: &str, number: &str, arn: &str) -> Value {
        json!({
            "kinesis": { "sequenceNumber": number, "data": "e30=", "approximateArrivalTimestamp": 1_545_084_650.987 },
            "eventID": format!("{shard}:{number}"),
            "eventSourceARN": arn,
        })
    }

    fn shards(events: &[Value]) -> Result<Vec<Shard>, InvalidEvent> {
        super::shards(json!({ "Records": events }).to_string().as_bytes(), |name| name == "keyed")
    }

    #[test]
    fn a_consumer_reads_the_same_stream() {
        let stream = "arn:aws:kinesis:us-east-2:123456789012:stream/logs";
        let events =
            [event("shardId-1", "7", stream), event("shardId-1", "8", &format!("{stream}/consumer/fast:1548698418"))];
        let shards = shards(&events).unwrap();
        assert_eq!((shards.len(), shards[0].stream_name(), shards[0].shard.as_str()), (1, "logs", "shardId-1"));
        let batch = &shards[0].batch;
        assert_eq!(
            (batch.origin.sequence_number(1), batch.records.iter().next().unwrap().time_ms),
            (Some("8"), 1_545_084_650_987)
        );
    }

    #[test]
    fn partition_keys_are_read_where_they_are_asked_for() {
        let mut events =
            ["keyed", "other"].map(|name| event("shardId-1", "7", &format!("arn:aws:kinesis:r:1:stream/{name}")));
        for event in &mut events {
            event["kinesis"]["partitionKey"] = "p\"é".into();
        }
        let shards = shards(&events).unwrap();
        assert_eq!(shards[0].partition_keys, [Some("p\"é".to_owned())]);
        assert!(shards[1].partition_keys.is_empty());
    }

    #[test]
    fn data_that_is_no_text_is_not_base64_and_fails_alone() {
        let event = event("shardId-1", "7", "arn:aws:kinesis:r:1:stream/a").to_string();
        for data in [&b"\xff"[..], b"a\nb", b"\\ud800", b"e\xc30="] {
            let bad = event.split("e30=").map(str::as_bytes).collect::<Vec<_>>().join(data);
            let invocation = [br#"{"Records":["#, event.as_bytes(), b",", &bad, b"]}"].concat();
            let shards = super::shards(&invocation, |_| false).unwrap();
            let data: Vec<_> = shards[0].batch.records.iter().map(|record| record.data).collect();
            assert!(matches!(data[..], [Data::Bytes(b"{}"), Data::NotBase64(_)]), "{data:?}");
        }
    }

    #[test]
    fn a_record_without_a_name_fails_the_invocation() {
        for (shard, number) in [("", "7"), ("shardId-1", "")] {
            assert!(shards(&[event(shard, number, "arn:s")]).unwrap_err().0.contains("eventID"));
        }
        assert_eq!(shards(&[]).unwrap().len(), 0);
        assert!(shards(&[json!({ "body": "{}" })]).unwrap_err().0.contains("not an event of Kinesis"));
    }

    #[test]
    fn the_answer_names_the_first_undelivered_record_and_never_nothing() {
        assert_eq!(respond([]), json!({ "batchItemFailures": [] }));
        assert_eq!(respond(["7"]), json!({ "batchItemFailures": [{ "itemIdentifier": "7" }] }));
    }
}
