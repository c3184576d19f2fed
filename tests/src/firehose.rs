//! Invocations as Firehose makes them, and how Firehose reads the answers.
//!
//! In: data. Out: the event, and for an answer one [`Outcome`] for each record, after the checks that Firehose makes.
//! Deliberately absent: delivering to S3.

use base64_simd::STANDARD;
use emulator::function::Answer;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{kinesis::ARRIVED_MS, moto::REGION};

/// The most bytes that a function may answer.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const ANSWER_BYTES: usize = 6 << 20;

/// The result for a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Firehose delivers these bytes, under these partition keys.
    Ok(Vec<u8>, Map<String, Value>),
    /// Firehose discards the record.
    Dropped,
    /// Firehose stores the original record as failed.
    ProcessingFailed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Response {
    records: Vec<SaidOfRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SaidOfRecord {
    record_id: String,
    result: String,
    data: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Metadata {
    partition_keys: Map<String, Value>,
}

/// The invocation for records that were put directly.
pub fn event<D: AsRef<[u8]>>(delivery_stream: &str, records: &[D]) -> Value {
    let record = |(number, data): (usize, &D)| {
        json!({
            "recordId": format!("49640912821178817833517986466168945147170627572855734274{number:06}"),
            "approximateArrivalTimestamp": ARRIVED_MS + number as u64,
            "data": STANDARD.encode_to_string(data),
        })
    };
    json!({
        "invocationId": "2b4d1ad9-2f48-94bd-a088-767c317e994a",
        "deliveryStreamArn": format!("arn:aws:firehose:{REGION}:123456789012:deliverystream/{delivery_stream}"),
        "region": REGION,
        "records": records.iter().enumerate().map(record).collect::<Vec<_>>(),
    })
}

/// The results for the records of an event. The answer must name every record once, in order, within the limit.
///
/// # Panics
/// If the function failed, or Firehose would not accept the answer.
pub fn outcomes(event: &Value, answer: &Answer) -> Vec<Outcome> {
    let Answer::Response(body) = answer else { panic!("{answer:?}") };
    assert!(body.len() <= ANSWER_BYTES, "an answer of {} bytes", body.len());
    let response: Response = serde_json::from_slice(body).unwrap_or_else(|e| panic!("{e}: {body:.300?}"));
    let ids: Vec<&str> = response.records.iter().map(|record| record.record_id.as_str()).collect();
    let sent = event["records"].as_array().expect("an invocation has records");
    assert_eq!(ids, sent.iter().map(|record| record["recordId"].as_str().expect("an id")).collect::<Vec<_>>());
    let outcome = |record: SaidOfRecord| match (record.result.as_str(), record.data) {
        ("Ok", Some(data)) => Outcome::Ok(
            STANDARD.decode_to_vec(data).expect("base64"),
            record.metadata.map(|metadata| metadata.partition_keys).unwrap_or_default(),
        ),
        ("Dropped", None) if record.metadata.is_none() => Outcome::Dropped,
        ("ProcessingFailed", None) if record.metadata.is_none() => Outcome::ProcessingFailed,
        (result, data) => panic!("{result} with {data:?}"),
    };
    response.records.into_iter().map(outcome).collect()
}
