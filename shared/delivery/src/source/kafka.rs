//! Kafka, by Amazon MSK or self-managed: the records of an invocation, and the answer that moves the partitions on.
//!
//! In: an invocation of the event source mapping. Out: the records of each topic, and `batchItemFailures`.
//! Keys and headers are not part of an event. They are read only if `metadata` asks for them.
//! Deliberately absent: tombstones (records without a value). They hold no event and are acknowledged.

use std::{collections::BTreeMap, ops::Range};

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    batch::{Base64, Batch, Records, Text},
    invalid::InvalidEvent,
};
use base64_simd::STANDARD;
use pipeline::record::{Bytes, Facts, KafkaRecord, Origin};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'i> {
    /// The ARN of an MSK cluster.
    event_source_arn: Option<String>,
    /// Brokers with their ports, separated by commas.
    bootstrap_servers: Option<String>,
    /// By `TOPIC-PARTITION`.
    #[serde(borrow)]
    records: BTreeMap<String, Vec<Event<'i>>>,
}

#[derive(Deserialize)]
struct Event<'i> {
    #[serde(borrow)]
    topic: Text<'i>,
    partition: i64,
    offset: i64,
    timestamp: i64,
    /// The value. Missing or null in a tombstone.
    #[serde(borrow)]
    value: Option<Base64<'i>>,
    /// The key in base64, or null.
    #[serde(default, borrow)]
    key: Option<&'i RawValue>,
    /// The headers: objects of one name each, with the bytes of its value.
    #[serde(default, borrow)]
    headers: Option<&'i RawValue>,
}

/// Records of one topic.
#[derive(Debug)]
pub struct Topic {
    /// Its name.
    pub topic: String,
    /// One partition after another.
    pub batch: Batch,
    /// Its partitions.
    pub partitions: Vec<Partition>,
}

/// Records of one partition.
#[derive(Debug)]
pub struct Partition {
    /// `TOPIC-PARTITION`, as in the invocation.
    pub name: String,
    /// Its number.
    pub number: i64,
    /// Its records in the topic's batch.
    pub range: Range<u32>,
    /// Their offsets.
    pub offsets: Vec<i64>,
}

impl Partition {
    /// The offset of a record of its range.
    pub fn offset(&self, record: u32) -> i64 {
        self.offsets[(record - self.range.start) as usize]
    }

    /// The offset after the last record.
    pub fn end(&self) -> i64 {
        self.offsets.last().map_or(0, |last| last + 1)
    }
}

/// The records of each topic of an invocation, read from its bytes (see [`super::kinesis::shards`]). `cluster` names a
/// self-managed cluster. Without it the bootstrap servers name it, in any order. `facts_of` decides by a
/// topic's name whether its keys and headers are read.
///
/// # Errors
/// The event is not from Kafka, or the cluster has no name: the invocation fails.
pub fn topics(
    invocation: &[u8],
    cluster: Option<&str>,
    facts_of: impl Fn(&str) -> bool,
) -> Result<Vec<Topic>, InvalidEvent> {
    let invocation: Invocation<'_> = serde_json::from_slice(invocation)
        .map_err(|error| format!("not an event of Kafka, which has `records` by topic-partition: {error}"))?;
    let servers = invocation.bootstrap_servers.map(|servers| {
        let mut servers: Vec<&str> = servers.split(',').map(str::trim).collect();
        servers.sort_unstable();
        servers.join(",")
    });
    let cluster = invocation.event_source_arn.or_else(|| cluster.map(str::to_owned)).or(servers);
    let cluster = cluster.ok_or("a Kafka event has an eventSourceArn or bootstrapServers; this one has neither")?;
    let values = invocation.records.values().flatten().filter_map(|event| event.value.as_ref());
    let base64_bytes = values.map(|value| value.0.len()).sum();
    let mut topics: Vec<TopicRecords> = Vec::new();
    for (name, events) in invocation.records {
        for Event { topic, partition, offset, timestamp, value, key, headers } in events {
            let Some(data) = value else { continue };
            let at = topics.iter().position(|known| known.topic == topic.0).unwrap_or_else(|| {
                let wants_facts = facts_of(&topic.0);
                let mut read = TopicRecords { topic: topic.0.into_owned(), wants_facts, ..TopicRecords::default() };
                if topics.is_empty() {
                    read.records.reserve(base64_bytes);
                }
                topics.push(read);
                topics.len() - 1
            });
            let topic = &mut topics[at];
            let ordinal = u32::try_from(topic.records.len()).map_err(|_| "more records than an invocation can hold")?;
            if topic.wants_facts {
                topic.facts.insert((ordinal, 0), facts(key, headers));
            }
            topic.keys.push(KafkaRecord { partition, offset, timestamp });
            topic.records.push(&data.0, timestamp);
            match topic.partitions.last_mut().filter(|last| last.name == name) {
                Some(last) => {
                    last.range.end = ordinal + 1;
                    last.offsets.push(offset);
                }
                None => topic.partitions.push(Partition {
                    name: name.clone(),
                    number: partition,
                    range: ordinal..ordinal + 1,
                    offsets: vec![offset],
                }),
            }
        }
    }
    let topics = topics.into_iter().map(|TopicRecords { topic, keys, records, partitions, facts, .. }| {
        let origin = Origin::kafka(&cluster, &topic, keys).with_times_ms(records.times_ms()).with_facts(facts).into();
        Topic { topic, batch: Batch { origin, records }, partitions }
    });
    Ok(topics.collect())
}

/// The data read of one topic.
#[derive(Default)]
struct TopicRecords {
    topic: String,
    keys: Vec<KafkaRecord>,
    records: Records,
    partitions: Vec<Partition>,
    wants_facts: bool,
    facts: BTreeMap<(u32, u32), Facts>,
}

/// The key and headers of a record. Java's bytes are signed: they start at -128.
fn facts(key: Option<&RawValue>, headers: Option<&RawValue>) -> Facts {
    let text = key.and_then(|key| serde_json::from_str::<Option<String>>(key.get()).ok().flatten());
    let key = text.map(|text| Bytes(STANDARD.decode_to_vec(&text).unwrap_or_else(|_| text.into_bytes())));
    let read = |headers: &RawValue| -> Option<Vec<(String, Option<Bytes>)>> {
        let read: Vec<BTreeMap<String, Option<Vec<i16>>>> = serde_json::from_str(headers.get()).ok()?;
        let byte = |byte: i16| u8::try_from(byte.rem_euclid(256)).unwrap_or_default();
        let bytes = |value: Option<Vec<i16>>| value.map(|bytes| Bytes(bytes.into_iter().map(byte).collect()));
        Some(read.into_iter().flatten().map(|(name, value)| (name, bytes(value))).collect())
    };
    let read = headers.map_or(Some(Vec::new()), read);
    Facts { key, has_bad_headers: read.is_none(), headers: read.unwrap_or_default(), partition_key: None }
}

/// The answer: for each partition the first record that has to be redelivered, by `TOPIC-PARTITION` and offset. Lambda
/// continues there. An item that was not in the invocation counts as the failure of the whole batch
/// (<https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>).
pub fn respond<'t>(first_undelivered: impl IntoIterator<Item = (&'t str, i64)>) -> Value {
    let failures = first_undelivered
        .into_iter()
        .map(|(partition, offset)| json!({ "itemIdentifier": { "partition": partition, "offset": offset } }));
    json!({ "batchItemFailures": failures.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(partition: i64, offset: i64, value: Option<&str>) -> Value {
        json!({ "topic": "t", "partition": partition, "offset": offset, "timestamp": 5, "timestampType": "CREATE_TIME",
            "key": null, "value": value, "headers": [{ "h": [-1, 7] }] })
    }

    fn topics(mut event: Value, cluster: Option<&str>) -> Result<Vec<Topic>, InvalidEvent> {
        event["records"] = json!({
            "t-1": [record(1, 7, Some("e30=")), record(1, 8, None), record(1, 9, Some("e30="))],
            "t-0": [record(0, 3, Some("e30="))],
        });
        super::topics(event.to_string().as_bytes(), cluster, |topic| topic == "t")
    }

    #[test]
    fn partitions_follow_one_another_and_tombstones_are_left_out() {
        let topics = topics(json!({ "eventSourceArn": "arn:msk" }), None).unwrap();
        let partitions: Vec<_> =
            topics[0].partitions.iter().map(|p| (p.name.as_str(), p.range.clone(), p.end())).collect();
        assert_eq!((topics.len(), topics[0].batch.records.len()), (1, 3));
        assert_eq!(partitions, [("t-0", 0..1, 4), ("t-1", 1..3, 10)]);
        assert_eq!(topics[0].partitions[1].offset(2), 9);
    }

    #[test]
    fn keys_and_headers_are_read_where_they_are_asked_for() {
        let headers = json!([{ "a": [104, 105] }, { "a": [] }, { "b": [-61, -87] }, { "c": null }]);
        for (key, headers, expected) in [
            (json!("a2V5"), headers, (Some("key"), 4, false)),
            (json!(null), json!([]), (None, 0, false)),
            (json!("no base64!"), json!([{ "a": "hi" }]), (Some("no base64!"), 0, true)),
        ] {
            let mut event = record(0, 3, Some("e30="));
            (event["key"], event["headers"]) = (key, headers);
            let event = json!({ "eventSourceArn": "arn:msk", "records": { "t-0": [event] } }).to_string();
            let topics = super::topics(event.as_bytes(), None, |_| true).unwrap();
            let facts = topics[0].batch.origin.facts(pipeline::record::ItemPosition::default()).unwrap();
            let key = facts.key.as_ref().map(|Bytes(key)| std::str::from_utf8(key).unwrap());
            assert_eq!((key, facts.headers.len(), facts.has_bad_headers), expected);
            let topics = super::topics(event.as_bytes(), None, |_| false).unwrap();
            assert!(topics[0].batch.origin.facts(pipeline::record::ItemPosition::default()).is_none());
        }
    }

    #[test]
    fn a_cluster_is_named_by_its_arn_or_the_setting_or_its_servers_in_any_order() {
        let origin =
            |event: Value, cluster| topics(event, cluster).unwrap().remove(0).batch.origin.id_prefix().to_owned();
        let arn = json!({ "eventSourceArn": "arn:msk", "bootstrapServers": "b:1" });
        assert_eq!(origin(arn.clone(), None), origin(arn, Some("mine")));
        let (one, other) = (json!({ "bootstrapServers": "b:1,a:1" }), json!({ "bootstrapServers": "a:1, b:1" }));
        assert_eq!(origin(one.clone(), None), origin(other.clone(), None));
        assert_eq!(origin(one.clone(), Some("mine")), origin(other, Some("mine")));
        assert_ne!(origin(one.clone(), Some("mine")), origin(one, None));
        assert!(topics(json!({}), None).unwrap_err().0.contains("bootstrapServers"));
    }

    #[test]
    fn the_answer_names_partition_and_offset() {
        let expected = json!({ "batchItemFailures": [{ "itemIdentifier": { "partition": "t-0", "offset": 3 } }] });
        assert_eq!(respond([("t-0", 3)]), expected);
    }
}
