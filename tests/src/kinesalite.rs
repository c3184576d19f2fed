//! A Kinesis server: kinesalite, an emulator with the limits of Kinesis.
//!
//! In: data. Out: [`Item`]s in the order of their shards, with the numbers and times of the stream. All tests of one
//! binary share one server. Deliberately absent: the SDK, which would take longer to compile than everything here. Also
//! absent: real signatures, which kinesalite requires but does not check.

use std::sync::OnceLock;

use base64_simd::STANDARD;
use serde_json::{Value, json};

use crate::{
    engine, kinesis,
    mapping::Item,
    moto::{REGION, scope},
    place,
    service::Service,
};

/// The most records that one `PutRecords` request may carry.
const PUT_RECORDS: usize = 500;
const PUT_BYTES: usize = 5 << 20;

/// A running server.
#[derive(Debug)]
pub struct Kinesalite {
    service: Service,
    http: reqwest::Client,
}

impl Kinesalite {
    /// The server that all tests of this binary share; `None` after [`place::missing`] has reported it.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Result<Kinesalite, String>> = OnceLock::new();
        let start = || {
            let service = Service::start("kinesalite/kinesalite.sh", &[], &[("AWS_REGION", REGION)])?;
            Ok(Self { service, http: engine::http() })
        };
        match SHARED.get_or_init(start) {
            Ok(kinesalite) => Some(kinesalite),
            Err(why) => {
                place::missing("kinesalite (Node.js)", why);
                None
            }
        }
    }

    /// Creates a stream.
    ///
    /// # Panics
    /// If the stream exists.
    pub async fn stream(&self, name: &str, shards: u32) {
        self.ask("CreateStream", &json!({ "StreamName": name, "ShardCount": shards })).await;
        loop {
            let stream = self.ask("DescribeStreamSummary", &json!({ "StreamName": name })).await;
            if stream["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE" {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Puts records, each under a partition key.
    ///
    /// # Panics
    /// If one is refused.
    pub async fn put(&self, stream: &str, records: &[(String, Vec<u8>)]) {
        let mut left = records;
        while !left.is_empty() {
            let mut bytes = 0;
            let fits = left.iter().take(PUT_RECORDS).take_while(|(key, data)| {
                bytes += key.len() + data.len();
                bytes <= PUT_BYTES
            });
            let (now, later) = left.split_at(fits.count().max(1));
            let records: Vec<_> = now
                .iter()
                .map(|(key, data)| json!({ "PartitionKey": key, "Data": STANDARD.encode_to_string(data) }))
                .collect();
            let said = self.ask("PutRecords", &json!({ "StreamName": stream, "Records": records })).await;
            assert_eq!(said["FailedRecordCount"], 0, "{said}");
            left = later;
        }
    }

    /// All records of a stream, from `TRIM_HORIZON` on, shard by shard.
    ///
    /// # Panics
    /// If the stream does not exist.
    pub async fn read(&self, stream: &str) -> Vec<Item> {
        let said = self.ask("ListShards", &json!({ "StreamName": stream })).await;
        let mut items = Vec::new();
        for shard in said["Shards"].as_array().expect("shards") {
            let id = shard["ShardId"].as_str().expect("an id");
            let first = json!({ "StreamName": stream, "ShardId": id, "ShardIteratorType": "TRIM_HORIZON" });
            let mut iterator = self.ask("GetShardIterator", &first).await["ShardIterator"].take();
            loop {
                let mut said = self.ask("GetRecords", &json!({ "ShardIterator": iterator })).await;
                let records = said["Records"].as_array().expect("records");
                if records.is_empty() {
                    break;
                }
                items.extend(records.iter().map(|record| item(stream, id, record)));
                iterator = said["NextShardIterator"].take();
            }
        }
        items
    }

    async fn ask(&self, operation: &str, body: &Value) -> Value {
        let request = self.http.post(self.service.url()).header("content-type", "application/x-amz-json-1.1");
        let request = request.header("x-amz-target", format!("Kinesis_20131202.{operation}"));
        let request = request.header("authorization", scope("kinesis")).header("x-amz-date", "20261122T000000Z");
        let answer = request.body(body.to_string()).send().await.expect("kinesalite answers");
        let status = answer.status();
        let said = answer.text().await.expect("the answer is whole");
        assert!(status.is_success(), "{operation}: {status} {said}");
        if said.is_empty() { Value::Null } else { engine::json(&said) }
    }
}

/// A record in the form in which `GetRecords` returns it.
fn item(stream: &str, shard: &str, record: &Value) -> Item {
    let data = STANDARD.decode_to_vec(record["Data"].as_str().expect("data")).expect("base64");
    let arrived = record["ApproximateArrivalTimestamp"].as_f64().expect("a time");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds of this century")]
    let arrived_ms = (arrived * 1000.0).round() as u64;
    let number = record["SequenceNumber"].as_str().expect("a number");
    kinesis::item(&kinesis::arn(stream), shard, number, arrived_ms, &data)
}
