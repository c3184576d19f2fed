//! Firehose: the records of a transform's invocation, and the answers by which it delivers, drops or stores each.
//!
//! In: an invocation, of a delivery stream that is written to directly or reads from Kinesis or Kafka. Out: one answer
//! per record, in the order of the records. All answers together fit into a Lambda response.
//! Firehose splits the aggregated records of the Kinesis Producer Library before the invocation
//! (<https://docs.aws.amazon.com/streams/latest/dev/kpl-with-firehose.html>), so they do not occur here. Deliberately
//! absent: the content of a record.

use std::fmt;

use super::invalid::InvalidEvent;
use base64_simd::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The largest response. Lambda takes 6 MB, the same as for the records of an invocation
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>, "Invocation payload"). One byte more
/// fails the whole invocation. The margin is for the text around the answers.
pub const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024 - 16 * 1024;

/// An invocation. Only the needed fields are read: emulators may leave out the others.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Invocation {
    #[serde(default)]
    delivery_stream_arn: String,
    /// In the order of the answers.
    #[serde(default)]
    pub records: Vec<Record>,
}

/// One record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The id that the answer has to repeat.
    #[serde(default)]
    pub record_id: String,
    /// The arrival time in milliseconds since 1970.
    #[serde(default)]
    approximate_arrival_timestamp: Option<f64>,
    #[serde(default)]
    data: Option<Data>,
    #[serde(default)]
    kafka_record_value: Option<Data>,
}

/// The bytes of a record, decoded from base64.
#[derive(Debug, PartialEq, Eq)]
pub enum Data {
    /// The bytes that the producer sent.
    Bytes(Vec<u8>),
    /// The text of a record that is not base64. The service never sends one. Only the record fails, not its batch.
    NotBase64(Vec<u8>),
}

/// Decodes while the invocation is parsed, so that the text and the bytes are never both in memory.
impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text in base64")
            }

            // Not `visit_str`, which would fail the invocation for a byte that is not UTF-8.
            fn visit_bytes<E: de::Error>(self, text: &[u8]) -> Result<Data, E> {
                Ok(STANDARD.decode_to_vec(text).map_or_else(|_| Data::NotBase64(text.to_owned()), Data::Bytes))
            }
        }
        deserializer.deserialize_bytes(Text)
    }
}

impl Invocation {
    /// Reads the body of an invocation.
    ///
    /// # Errors
    /// The event is not from Firehose: the invocation fails.
    pub fn read(body: &[u8]) -> Result<Self, InvalidEvent> {
        serde_json::from_slice(body).map_err(|error| {
            let form = "which has `records` with `recordId` and `data` in each";
            InvalidEvent(format!("not an event of Firehose, {form}: {error}"))
        })
    }

    /// The name of the delivery stream.
    ///
    /// # Errors
    /// The event is not from Firehose: the invocation fails.
    pub fn delivery_stream(&self) -> Result<&str, InvalidEvent> {
        if self.records.iter().any(|record| record.record_id.is_empty()) {
            return Err("a record without a recordId: the event is not of Firehose".into());
        }
        let name = self.delivery_stream_arn.split_once(":deliverystream/").map(|(_, name)| name);
        name.filter(|name| !name.is_empty()).ok_or_else(|| {
            let arn = &self.delivery_stream_arn;
            InvalidEvent(format!(
                "deliveryStreamArn is `{arn}`: an event of Firehose has arn:aws:firehose:…:deliverystream/NAME"
            ))
        })
    }
}

impl Record {
    /// When it arrived, in milliseconds since 1970.
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of any year that Firehose will see")]
    pub fn arrived_ms(&self) -> Option<i64> {
        self.approximate_arrival_timestamp.map(|at| at.round() as i64)
    }

    /// Its data. `None` if there are none, as in a Kafka tombstone.
    pub fn data(&self) -> Option<&Data> {
        self.data.as_ref().or(self.kafka_record_value.as_ref())
    }

    /// A delivery stream that reads from Kafka has another name for the data
    /// (<https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html>, "For Amazon MSK").
    fn is_kafka(&self) -> bool {
        self.data.is_none() && self.kafka_record_value.is_some()
    }
}

/// The response.
#[derive(Debug, Serialize)]
pub struct Response {
    records: Vec<Answer>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    record_id: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka_record_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(serialize_with = "as_map")]
    partition_keys: Vec<(String, String)>,
}

fn as_map<S: Serializer>(pairs: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

const DROPPED: &str = "Dropped";
const FAILED: &str = "ProcessingFailed";

/// The data do not fit into the remaining room: the record was answered `ProcessingFailed`.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

/// The answers so far, and the remaining room.
///
/// Room for the smallest answer to every record is reserved before any record gets more. So every record can be
/// answered, whatever the data of others take. Only the data of the current record can fail to fit, never the batch.
#[derive(Debug)]
pub struct Answers {
    answers: Vec<Answer>,
    room: usize,
}

impl Answers {
    /// The answers for an invocation's records. The response has at most `max_bytes`.
    pub fn new(records: &[Record], max_bytes: usize) -> Self {
        // The smallest answer to a record is shorter than the record itself, so those of an invocation always fit.
        let reserved: usize = records.iter().map(smallest).sum();
        let room = max_bytes.saturating_sub(r#"{"records":[]}"#.len() + reserved);
        Self { answers: Vec::with_capacity(records.len()), room }
    }

    /// The largest data of the answer to `record`, which is the next one. Partition keys reduce it.
    pub fn room(&self, record: &Record) -> usize {
        let rest = (self.room + smallest(record)).saturating_sub(ok_without_data(record));
        rest / 4 * 3
    }

    /// Delivers the next record as `data`, under the prefix that the partition keys make.
    ///
    /// # Errors
    /// [`Full`]: it was answered `ProcessingFailed` instead.
    pub fn ok(&mut self, record: &Record, data: &[u8], partition_keys: Vec<(String, String)>) -> Result<(), Full> {
        let length = ok_without_data(record) + data.len().div_ceil(3) * 4 + metadata(&partition_keys);
        let Some(room) = (self.room + smallest(record)).checked_sub(length) else {
            self.failed(record);
            return Err(Full);
        };
        self.room = room;
        let mut answer = Answer::new(record, "Ok");
        let data = Some(STANDARD.encode_to_string(data));
        if record.is_kafka() {
            answer.kafka_record_value = data;
        } else {
            answer.data = data;
        }
        answer.metadata = (!partition_keys.is_empty()).then_some(Metadata { partition_keys });
        self.answers.push(answer);
        Ok(())
    }

    /// Drops the next record: Firehose does not deliver it.
    pub fn dropped(&mut self, record: &Record) {
        self.room += FAILED.len() - DROPPED.len();
        self.answers.push(Answer::new(record, DROPPED));
    }

    /// Fails the next record: Firehose stores it unchanged, below the error prefix of the delivery bucket
    /// (<https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html>).
    pub fn failed(&mut self, record: &Record) {
        self.answers.push(Answer::new(record, FAILED));
    }

    /// The response, once every record has its answer.
    pub fn finish(self) -> Response {
        Response { records: self.answers }
    }
}

impl Answer {
    fn new(record: &Record, result: &'static str) -> Self {
        Self { record_id: record.record_id.clone(), result, data: None, kafka_record_value: None, metadata: None }
    }
}

/// The bytes of `ProcessingFailed`, the longest answer without data, and of the comma after it.
fn smallest(record: &Record) -> usize {
    r#"{"recordId":,"result":""},"#.len() + json_len(&record.record_id) + FAILED.len()
}

fn ok_without_data(record: &Record) -> usize {
    let name = if record.is_kafka() { "kafkaRecordValue" } else { "data" };
    r#"{"recordId":,"result":"Ok","":""},"#.len() + json_len(&record.record_id) + name.len()
}

fn metadata(partition_keys: &[(String, String)]) -> usize {
    if partition_keys.is_empty() {
        return 0;
    }
    let pairs = partition_keys.iter().map(|(name, value)| json_len(name) + json_len(value) + ":,".len());
    r#","metadata":{"partitionKeys":{}}"#.len() + pairs.sum::<usize>()
}

/// The length of a text as JSON, quotes included.
fn json_len(text: &str) -> usize {
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 2,
        0..0x20 => 6,
        _ => 1,
    });
    escaped.sum::<usize>() + 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn invocation(records: &Value) -> Invocation {
        let arn = "arn:aws:firehose:us-east-2:123456789012:deliverystream/app";
        Invocation::read(json!({ "deliveryStreamArn": arn, "records": records }).to_string().as_bytes()).unwrap()
    }

    #[test]
    fn the_name_of_the_delivery_stream_is_in_its_arn() {
        assert_eq!(invocation(&json!([])).delivery_stream(), Ok("app"));
        for event in
            [json!({}), json!({ "Records": [] }), json!({ "deliveryStreamArn": "arn:aws:kinesis:a:b:stream/c" })]
        {
            let invocation = Invocation::read(event.to_string().as_bytes()).unwrap();
            assert!(invocation.delivery_stream().unwrap_err().0.contains("deliveryStreamArn"));
        }
        assert!(invocation(&json!([{ "data": "e30=" }])).delivery_stream().unwrap_err().0.contains("recordId"));
    }

    #[test]
    fn data_that_is_no_text_is_not_base64_and_fails_alone() {
        let arn = r#""deliveryStreamArn":"arn:aws:firehose:r:1:deliverystream/d""#;
        let body = [&b"{\"records\":[{\"recordId\":\"1\",\"data\":\"e\xff0=\"}],"[..], arn.as_bytes(), b"}"].concat();
        assert!(matches!(Invocation::read(&body).unwrap().records[0].data(), Some(Data::NotBase64(_))));
    }

    #[test]
    fn each_result_is_answered_as_firehose_reads_it() {
        let records = json!([
            { "recordId": "1", "data": "e30=" },
            { "recordId": "2", "data": null },
            { "recordId": "3", "data": "%" },
            { "recordId": "4", "kafkaRecordValue": "e30=" },
        ]);
        let records = invocation(&records).records;
        assert_eq!(records[0].data(), Some(&Data::Bytes(b"{}".to_vec())));
        assert_eq!((records[1].data(), records[2].data()), (None, Some(&Data::NotBase64("%".into()))));
        let mut answers = Answers::new(&records, MAX_RESPONSE_BYTES);
        answers.ok(&records[0], b"{}\n", vec![("customer".into(), "a".into()), ("app".into(), "b".into())]).unwrap();
        answers.dropped(&records[1]);
        answers.failed(&records[2]);
        answers.ok(&records[3], b"{}\n", Vec::new()).unwrap();
        assert_eq!(
            serde_json::to_value(answers.finish()).unwrap(),
            json!({ "records": [
                {
                    "recordId": "1",
                    "result": "Ok",
                    "data": "e30K",
                    "metadata": { "partitionKeys": { "customer": "a", "app": "b" } },
                },
                { "recordId": "2", "result": "Dropped" },
                { "recordId": "3", "result": "ProcessingFailed" },
                { "recordId": "4", "result": "Ok", "kafkaRecordValue": "e30K" },
            ]})
        );
    }

    #[test]
    fn what_does_not_fit_fails_singly() {
        let records: Vec<Value> = (0..4).map(|id| json!({ "recordId": id.to_string(), "data": "" })).collect();
        let records = invocation(&json!(records)).records;
        let mut answers = Answers::new(&records, 1000);
        let room = answers.room(&records[0]);
        assert_eq!(answers.ok(&records[0], &vec![b'a'; room + 1], Vec::new()), Err(Full));
        assert_eq!(answers.room(&records[1]), room, "a record that failed takes nothing away");
        assert_eq!(answers.ok(&records[1], &vec![b'a'; room], Vec::new()), Ok(()));
        assert_eq!(answers.ok(&records[2], b"aaa", vec![("k".into(), "v".repeat(50))]), Err(Full));
        answers.dropped(&records[3]);
        let response = serde_json::to_string(&answers.finish()).unwrap();
        assert!((980..=1000).contains(&response.len()), "{}", response.len());
    }

    #[derive(Debug, Clone)]
    enum Wish {
        Ok(usize, String),
        Dropped,
        Failed,
    }

    fn wish() -> impl Strategy<Value = Wish> {
        prop_oneof![
            4 => (0_usize..400, "\\PC{0,3}|[\"\\\\\\n\\x01]{1,2}").prop_map(|(length, key)| Wish::Ok(length, key)),
            1 => Just(Wish::Dropped),
            1 => Just(Wish::Failed),
        ]
    }

    proptest! {
        #[test]
        fn any_answers_are_complete_in_order_and_within_the_limit(
            wishes in proptest::collection::vec((wish(), "\\PC{1,9}", any::<bool>()), 0..30), more in 0_usize..4000,
        ) {
            let records = wishes.iter().map(|(_, id, is_kafka)| {
                json!({ "recordId": id, if *is_kafka { "kafkaRecordValue" } else { "data" }: "" })
            });
            let records = invocation(&json!(records.collect::<Vec<_>>())).records;
            let least: usize = records.iter().map(smallest).sum::<usize>() + r#"{"records":[]}"#.len();
            let mut answers = Answers::new(&records, least + more);
            let mut expected = Vec::new();
            for ((wish, ..), record) in wishes.iter().zip(&records) {
                expected.push(match wish {
                    Wish::Ok(length, key) => {
                        let keys = if key.is_empty() { Vec::new() } else { vec![("k".to_owned(), key.clone())] };
                        let fits = answers.ok(record, &vec![b'a'; *length], keys).is_ok();
                        if fits { "Ok" } else { FAILED }
                    }
                    Wish::Dropped => {
                        answers.dropped(record);
                        DROPPED
                    }
                    Wish::Failed => {
                        answers.failed(record);
                        FAILED
                    }
                });
            }
            let left = answers.room;
            let text = serde_json::to_string(&answers.finish()).unwrap();
            // Exact except for commas: one too many after the last answer, and one after the last key of each.
            let spare = least + more - left - text.len();
            prop_assert!(spare <= 1 + wishes.len(), "{} bytes are accounted for and not there", spare);
            let response: Value = serde_json::from_str(&text).unwrap();
            let found = response["records"].as_array().unwrap();
            let ids: Vec<&str> = found.iter().map(|answer| answer["recordId"].as_str().unwrap()).collect();
            let results: Vec<&str> = found.iter().map(|answer| answer["result"].as_str().unwrap()).collect();
            prop_assert_eq!(ids, records.iter().map(|record| record.record_id.as_str()).collect::<Vec<_>>());
            prop_assert_eq!(results, expected);
        }
    }
}
