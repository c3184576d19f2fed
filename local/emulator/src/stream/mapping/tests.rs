use serde_json::json;

use super::*;
use crate::stream::kafka::Cluster;

fn answer(body: &Value) -> Answer {
    Answer::Response(body.to_string().into())
}

/// A record of the only shard.
fn of_shard(number: usize, data: &[u8]) -> Item {
    let (stream, sequence_number) = ("arn:aws:kinesis:us-east-1:123456789012:stream/s", format!("{number:056}"));
    let (shard, partition_key, arrived_ms) = ("shardId-000000000000", "1", 1_795_305_600_001);
    kinesis::Record { stream, shard, sequence_number: &sequence_number, partition_key, arrived_ms, data }.item()
}

/// A record of the only topic.
fn of_topic(partition: u32, offset: u64, value: &[u8]) -> Item {
    let (timestamp_ms, key, headers) = (1_795_305_600_001, b"key".as_slice(), json!([]));
    kafka::Record { topic: "t", partition, offset, timestamp_ms, key, value: Some(value), headers }.item()
}

fn cluster() -> Source {
    Source::Kafka(Cluster::Msk("arn:aws:kafka:us-east-1:123456789012:cluster/c/0".into()))
}

fn shard(limits: Limits, records: usize) -> Mapping {
    let mut mapping = Mapping::new(Source::Kinesis, limits);
    mapping.put_all((0..records).map(|number| of_shard(number, b"{}")));
    mapping
}

fn assert_clean(mapping: &Mapping) {
    assert_eq!((mapping.misunderstood.as_slice(), mapping.given_up.len()), ([].as_slice(), 0));
}

fn failed() -> Answer {
    Answer::Error { error_type: "E".into(), message: "no".into() }
}

#[test]
fn a_partial_response_goes_on_at_the_lowest_reported_record() {
    let mut mapping = shard(Limits::unlimited(10), 15);
    let batch = mapping.receive().unwrap();
    let all: Vec<Value> = batch.items.iter().map(|item| item.identifier.clone()).collect();
    assert_eq!(all.len(), 10);
    let said = json!({ "batchItemFailures": [{ "itemIdentifier": all[7] }, { "itemIdentifier": all[4] }] });
    assert_eq!(mapping.settle(batch, answer(&said)).left.len(), 6);
    let batch = mapping.receive().unwrap();
    assert_eq!(batch.items.iter().map(|item| item.identifier.clone()).collect::<Vec<_>>(), all[4..]);
    assert_eq!(mapping.settle(batch, answer(&json!({ "batchItemFailures": [] }))).left.len(), 0);
    let batch = mapping.receive().unwrap();
    assert_eq!(batch.items.len(), 5);
    assert_eq!(mapping.settle(batch, answer(&Value::Null)).left.len(), 0);
    assert!(mapping.receive().is_none());
    assert_clean(&mapping);
}

#[test]
fn a_failure_is_halved_until_one_record_stands_alone() {
    let mut mapping = shard(Limits::unlimited(5), 5);
    let mut sizes = Vec::new();
    for _ in 0..4 {
        let batch = mapping.receive().unwrap();
        sizes.push(batch.items.len());
        mapping.settle(batch, failed());
    }
    assert_eq!((sizes, mapping.depth()), (vec![5, 3, 2, 1], 5));
}

#[test]
fn an_empty_a_null_and_an_unknown_identifier_fail_the_batch_and_are_kept() {
    for identifier in [json!(""), Value::Null, json!("12"), json!({ "partition": "t-0", "offset": 7 })] {
        let mut mapping = shard(Limits::unlimited(2), 2);
        let batch = mapping.receive().unwrap();
        let said = json!({ "batchItemFailures": [{ "itemIdentifier": identifier }] });
        assert_eq!(mapping.settle(batch, answer(&said)).left.len(), 2);
        assert_eq!(mapping.misunderstood, [said.to_string()]);
    }
}

#[test]
fn each_reported_topic_partition_goes_on_by_itself() {
    let mut mapping = Mapping::new(cluster(), Limits::unlimited(100));
    mapping.put_all((0..6).map(|number| of_topic(number % 2, u64::from(number / 2), b"{}")));
    let batch = mapping.receive().unwrap();
    assert_eq!(mapping.event(&batch)["records"]["t-1"].as_array().map(Vec::len), Some(3));
    let said = json!({ "batchItemFailures": [{ "itemIdentifier": { "partition": "t-1", "offset": 1 } }] });
    assert_eq!(mapping.settle(batch, answer(&said)).left.len(), 2);
    let event = mapping.receive().map(|batch| mapping.event(&batch)).unwrap();
    assert_eq!(event["records"]["t-0"], Value::Null);
    assert_eq!(event["records"]["t-1"][0]["offset"], 1);
    assert_clean(&mapping);
}

#[test]
fn limits_give_up_a_record_at_their_attempt_or_age() {
    let day = Duration::from_hours(24);
    let few = Limits { retry_attempts: Some(2), bisect: false, ..Limits::unlimited(2) };
    let young = Limits { record_age: Some(Duration::from_mins(1)), ..Limits::unlimited(2) };
    let short = Limits { retention: day, ..Limits::unlimited(2) };
    for (limits, wait, tries) in
        [(few, Duration::ZERO, 3), (young, Duration::ZERO, 1), (short, 2 * day, 1), (Limits::unlimited(2), day, 7)]
    {
        let mut mapping = shard(limits.clone(), 2);
        let mut count = 0;
        while let Some(batch) = mapping.receive() {
            mapping.settle(batch, failed());
            mapping.pass(wait);
            count += 1;
        }
        assert_eq!((count, mapping.given_up.len()), (tries, 2), "{limits:?}");
    }
}

#[test]
fn a_batch_fills_the_six_megabytes_of_an_invocation_and_never_exceeds_them() {
    for (length, records, most) in [(1 << 20, 9, 4), (500_000, 20, 9), (8_900, 900, 500), (10, 30_000, 10_000)] {
        let data = vec![b'x'; length];
        for source in [Source::Kinesis, cluster()] {
            let mut mapping = Mapping::new(source, Limits::unlimited(if length == 10 { 10_000 } else { 500 }));
            let (mut sizes, mut put) = (Vec::new(), 0);
            loop {
                while put < records && !mapping.has_full_batch() {
                    let item = match mapping.source {
                        Source::Kinesis => of_shard(put, &data),
                        Source::Kafka(_) => of_topic(u32::from(put % 3 == 0), put as u64, &data),
                    };
                    mapping.put(item);
                    put += 1;
                }
                let Some(batch) = mapping.receive() else { break };
                let bytes = mapping.event(&batch).to_string().len();
                assert!(bytes <= PAYLOAD_BYTES, "{bytes} bytes of {} records", batch.items.len());
                sizes.push(mapping.settle(batch, answer(&Value::Null)).items.len());
            }
            assert_eq!(
                (sizes.iter().sum::<usize>(), sizes[0], mapping.waiting()),
                (records, most, 0),
                "{length} bytes"
            );
        }
    }
}
