//! The event of an invocation of a transform, and the answer to it, as Firehose reads it.

use std::collections::BTreeMap;

use base64_simd::STANDARD;
use emulator::function::Answer;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::stream::{
    arn::{ACCOUNT, REGION},
    cut::Record,
    put::Put,
};

#[derive(Debug, Deserialize)]
struct Response {
    records: Vec<Transformed>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transformed {
    record_id: String,
    result: String,
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    partition_keys: BTreeMap<String, String>,
}

/// The result for one record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RecordResult {
    Ok { data: Vec<u8>, partition: BTreeMap<String, String> },
    Dropped,
    Failed,
}

/// The event of an invocation with these records, without a source stream.
pub(super) fn event(delivery_stream: &str, put: &Put, records: &[Record]) -> Value {
    let records: Vec<Value> = records
        .iter()
        .map(|record| {
            json!({
                "recordId": record_id(put, record),
                "approximateArrivalTimestamp": put.modified_ms,
                "data": STANDARD.encode_to_string(&record.data),
            })
        })
        .collect();
    json!({
        "invocationId": "00000000-0000-4000-8000-000000000000",
        "deliveryStreamArn": format!("arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{delivery_stream}"),
        "region": REGION,
        "records": records,
    })
}

pub(super) fn record_id(put: &Put, record: &Record) -> String {
    format!("{:020}{:036}", put.place, record.number)
}

/// The results for the records, in the same order.
///
/// # Errors
/// Firehose's code and reason when the whole batch fails. An answer has to name each record of the batch exactly once,
/// and no other record.
pub(super) fn results_of(
    answer: &Answer,
    put: &Put,
    records: &[Record],
) -> Result<Vec<RecordResult>, (&'static str, String)> {
    let code = if *answer == Answer::TimedOut { "Lambda.FunctionTimedOut" } else { "Lambda.FunctionError" };
    let body = answer.response().map_err(|reason| (code, reason.to_string()))?;
    let response: Response = serde_json::from_slice(body)
        .map_err(|error| ("Lambda.JsonProcessingException", format!("the answer: {error}")))?;
    let mut answered = BTreeMap::new();
    for transformed in response.records {
        if let Some(twice) = answered.insert(transformed.record_id.clone(), transformed) {
            return Err(("Lambda.DuplicatedRecordId", format!("the answer names record {} twice", twice.record_id)));
        }
    }
    let mut results = Vec::with_capacity(records.len());
    for record in records {
        let id = record_id(put, record);
        let missing = || ("Lambda.MissingRecordId", format!("the answer does not name record {id}"));
        let transformed = answered.remove(&id).ok_or_else(missing)?;
        results.push(match (transformed.result.as_str(), transformed.data) {
            ("Ok", Some(data)) => match STANDARD.decode_to_vec(data) {
                Ok(data) => {
                    RecordResult::Ok { data, partition: transformed.metadata.unwrap_or_default().partition_keys }
                }
                Err(_) => {
                    return Err(("Lambda.JsonProcessingException", format!("the data of record {id} is not base64")));
                }
            },
            ("Dropped", _) => RecordResult::Dropped,
            ("ProcessingFailed", _) => RecordResult::Failed,
            (other, _) => {
                let reason = format!(
                    "the result of record {id} is {other}, which needs data or is not one of Firehose's results"
                );
                return Err(("Lambda.JsonProcessingException", reason));
            }
        });
    }
    match answered.into_keys().next() {
        Some(id) => Err(("Lambda.MissingRecordId", format!("the answer names record {id}, which is not of the batch"))),
        None => Ok(results),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::files::File;

    fn records() -> (Put, Vec<Record>) {
        let file = File { path: PathBuf::from("/x/a.json"), key: "a.json".into(), size: 9 };
        let put = Put { file, place: 77, modified_ms: 1_545_084_650_987 };
        (put, (1..4).map(|number| Record { number, data: format!("{{\"n\":{number}}}").into() }).collect())
    }

    fn answered(change: impl Fn(&mut Vec<Value>)) -> Result<Vec<RecordResult>, (&'static str, String)> {
        let (put, records) = records();
        let event = event("logs", &put, &records);
        let id = |n: usize| event["records"][n]["recordId"].clone();
        let keys = json!({"partitionKeys": {"country": "KR"}});
        let mut answer = vec![
            json!({"recordId": id(0), "result": "Ok", "data": "eyJuIjoxfQo=", "metadata": keys}),
            json!({"recordId": id(1), "result": "Dropped"}),
            json!({"recordId": id(2), "result": "ProcessingFailed", "data": null}),
        ];
        change(&mut answer);
        results_of(&Answer::Response(json!({ "records": answer }).to_string().into()), &put, &records)
    }

    #[test]
    fn an_event_has_the_shape_of_a_firehose_event() {
        let (put, records) = records();
        let event = event("logs", &put, &records);
        assert_eq!(event["deliveryStreamArn"], "arn:aws:firehose:us-east-1:000000000000:deliverystream/logs");
        assert_eq!(event["records"].as_array().unwrap().len(), 3);
        assert_eq!(event["records"][2]["approximateArrivalTimestamp"], 1_545_084_650_987_i64);
        assert_eq!(STANDARD.decode_to_vec(event["records"][2]["data"].as_str().unwrap()).unwrap(), br#"{"n":3}"#);
        assert_ne!(event["records"][0]["recordId"], event["records"][1]["recordId"]);
    }

    #[test]
    fn each_record_has_the_fate_that_the_answer_says() {
        let partition = BTreeMap::from([("country".to_owned(), "KR".to_owned())]);
        let expected = [
            RecordResult::Ok { data: b"{\"n\":1}\n".to_vec(), partition },
            RecordResult::Dropped,
            RecordResult::Failed,
        ];
        assert_eq!(answered(|_| {}).unwrap(), expected);
        assert_eq!(answered(|answer| answer.reverse()).unwrap(), expected, "by id, in the order of the records");
    }

    #[test]
    fn an_answer_that_firehose_refuses_fails_the_batch() {
        assert_eq!(answered(|answer| drop(answer.pop())).unwrap_err().0, "Lambda.MissingRecordId");
        assert_eq!(answered(|answer| answer[1] = answer[2].clone()).unwrap_err().0, "Lambda.DuplicatedRecordId");
        let other = json!({"recordId": "other", "result": "Dropped"});
        assert!(answered(|answer| answer.push(other.clone())).unwrap_err().1.contains("other"));
        for (name, value) in [("result", json!("ok")), ("data", json!("%")), ("data", Value::Null)] {
            let (code, reason) = answered(|answer| answer[0][name] = value.clone()).unwrap_err();
            assert_eq!(code, "Lambda.JsonProcessingException", "{reason}");
        }
        let (put, records) = records();
        for (answer, code) in [
            (Answer::TimedOut, "Lambda.FunctionTimedOut"),
            (Answer::Error { error_type: "x".into(), message: "y".into() }, "Lambda.FunctionError"),
            (Answer::Response("{}".into()), "Lambda.JsonProcessingException"),
        ] {
            assert_eq!(results_of(&answer, &put, &records).unwrap_err().0, code);
        }
    }
}
