use std::io::Write;

use base64_simd::STANDARD;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::lambda::FailedBy;

/// The transform of delivery stream `app`. `more` is added to the keys of its dataset.
fn transform(more: &str) -> FirehoseTransform {
    let yaml = format!("datasets:\n  - name: delivery\n    from: {{ delivery_stream: app }}\n    {more}\n");
    let settings = TransformSettings::read(|_| None).unwrap();
    FirehoseTransform { settings, datasets: Datasets::parse("pipeline.yaml", &yaml, None).unwrap() }
}

fn invocation(records: &[&[u8]]) -> Invocation {
    let record =
        |(id, data): (usize, &&[u8])| json!({ "recordId": id.to_string(), "data": STANDARD.encode_to_string(data) });
    read(&records.iter().enumerate().map(record).collect())
}

fn read(records: &Value) -> Invocation {
    let arn = "arn:aws:firehose:us-east-2:123456789012:deliverystream/app";
    let event = json!({ "deliveryStreamArn": arn, "records": records });
    Invocation::read(event.to_string().as_bytes()).unwrap()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// The answers by `result` and data, the response as text, and the counts.
fn answer(
    transform: &FirehoseTransform,
    invocation: &Invocation,
    max_response_bytes: usize,
) -> (Vec<(String, String)>, String, TransformOutcome) {
    let rules = transform.datasets.find_delivery_stream(invocation.delivery_stream().unwrap()).unwrap();
    let mut work = Work::new("app", rules, &transform.settings, &invocation.records);
    let response = serde_json::to_string(&work.answer(&invocation.records, max_response_bytes)).unwrap();
    let value: Value = serde_json::from_str(&response).unwrap();
    let answers = value["records"].as_array().unwrap().iter().enumerate().map(|(place, answer)| {
        assert_eq!(answer["recordId"].as_str().unwrap(), invocation.records[place].record_id, "in order");
        let data = answer["data"].as_str().map(|data| STANDARD.decode_to_vec(data).unwrap()).unwrap_or_default();
        (answer["result"].as_str().unwrap().to_owned(), String::from_utf8(data).unwrap())
    });
    let answers: Vec<_> = answers.collect();
    assert_eq!(answers.len(), invocation.records.len());
    assert!(work.receipt.outcome.balances(), "{:?}", work.receipt.outcome);
    (answers, response, work.receipt.outcome)
}

#[test]
fn a_record_is_delivered_dropped_or_kept_as_a_whole() {
    let select = "select: os:iOS";
    let large = format!("{{\"os\":\"iOS\",\"a\":\"{}\"}}", "x".repeat(1 << 20));
    for (more, data, result, expected) in [
        (select, r#"{"os":"iOS"}"#, "Ok", "{\"os\":\"iOS\"}\n"),
        (select, "{\"os\":\"iOS\"}\n", "Ok", "{\"os\":\"iOS\"}\n"),
        (select, r#"{"os":"Android"}"#, "Dropped", ""),
        (
            select,
            "{\"os\":\"iOS\",\"n\":1}\n{\"os\":\"b\"}\n{\"os\":\"iOS\",\"n\":2.0}",
            "Ok",
            "{\"os\":\"iOS\",\"n\":1}\n{\"os\":\"iOS\",\"n\":2.0}\n",
        ),
        (select, r#"{"os":"iOS"}{"os":"b"} {"os":"iOS"}"#, "Ok", "{\"os\":\"iOS\"}\n{\"os\":\"iOS\"}\n"),
        (select, "[{\"os\":\"b\"},\n{\"os\":\"iOS\"}]", "Ok", "{\"os\":\"iOS\"}\n"),
        (select, r#"{"Records":[{"os":"iOS"}]}"#, "Ok", "{\"os\":\"iOS\"}\n"),
        ("", "{\r\n  \"os\": \"a\\nb\",\n  \"n\": 1.50\r\n}", "Ok", "{    \"os\": \"a\\nb\",   \"n\": 1.50  }\n"),
        ("fields: { drop: [os] }", "{\"os\":\"iOS\",\n\"n\":1e400}", "ProcessingFailed", ""),
        ("fields: { drop: [os] }", "{\"os\":\"iOS\",\n\"n\":[1.0]}", "Ok", "{ \"n\":[1.0]}\n"),
        (select, "", "Dropped", ""),
        (select, " \n", "Dropped", ""),
        (select, "Hello World", "ProcessingFailed", ""),
        (select, "7", "ProcessingFailed", ""),
        (select, "{\"os\":\"iOS\"}\n{\"os\":\n", "ProcessingFailed", ""),
        (select, "{\"os\":\"iOS\"}\n[]\n", "ProcessingFailed", ""),
        (select, large.as_str(), "ProcessingFailed", ""),
    ] {
        let invocation = invocation(&[data.as_bytes()]);
        let (answers, ..) = answer(&transform(more), &invocation, MAX_RESPONSE_BYTES);
        let short = &data[..data.len().min(80)];
        assert_eq!(answers, [(result.to_owned(), expected.to_owned())], "{more} {short}");
    }
}

#[test]
fn a_poison_record_fails_alone_and_all_of_its_events_are_counted() {
    let mut cut = gzip(b"{\"a\":1}\n{\"a\":2}\n");
    cut.truncate(cut.len() - 9);
    let records: [&[u8]; 5] =
        [b"{\"a\":1}", b"{\"a\":1}\n{\"a\":\n{\"a\":3}\n{\"a\":4}\n", &cut, b"\xff\xfe\x00", &gzip(b"{\"a\":5}")];
    let (answers, _, outcome) = answer(&transform(""), &invocation(&records), MAX_RESPONSE_BYTES);
    let results: Vec<&str> = answers.iter().map(|(result, _)| result.as_str()).collect();
    assert_eq!(results, ["Ok", "ProcessingFailed", "ProcessingFailed", "ProcessingFailed", "Ok"]);
    assert_eq!(answers[4].1, "{\"a\":5}\n");
    assert_eq!((outcome.records, outcome.ok, outcome.failed_records), (5, 2, 3));
    assert_eq!((outcome.passed, outcome.dropped), (2, 0));
    assert!(outcome.failed > 4 + 1, "{outcome:?}");
}

#[test]
fn what_is_not_base64_fails_and_nothing_is_dropped() {
    let invocation = read(&json!([
        { "recordId": "1", "data": "{}" },
        { "recordId": "2", "data": null },
        { "recordId": "3", "kafkaRecordValue": STANDARD.encode_to_string("{\"a\":1}") },
    ]));
    let (answers, response, outcome) = answer(&transform(""), &invocation, MAX_RESPONSE_BYTES);
    let results: Vec<&str> = answers.iter().map(|(result, _)| result.as_str()).collect();
    assert_eq!(results, ["ProcessingFailed", "Dropped", "Ok"]);
    assert!(response.contains(r#""kafkaRecordValue":"eyJhIjoxfQo=""#), "{response}");
    assert_eq!((outcome.read, outcome.failed, outcome.passed), (2, 1, 1));
}

#[test]
fn partition_keys_follow_from_the_events_before_they_are_shaped() {
    let keys = "partition_keys: { customer: adid, country: geo.country }\n    fields: { drop: [adid] }";
    let event = |adid: &str, country: &str| format!(r#"{{"adid":{adid},"geo":{{"country":{country}}}}}"#);
    for (data, expected) in [
        (event("\"a\"", "\"kr\""), Some(json!({ "customer": "a", "country": "kr" }))),
        (event("7", "true"), Some(json!({ "customer": "7", "country": "true" }))),
        (event("18446744073709551617", "1e2"), Some(json!({ "customer": "18446744073709551617", "country": "100" }))),
        (event("-1.50", "\"\\u00e9\\\"\""), Some(json!({ "customer": "-1.5", "country": "é\"" }))),
        (format!("{0}\n{0}", event("\"a\"", "1")), Some(json!({ "customer": "a", "country": "1" }))),
        (format!("{}\n{}", event("\"a\"", "1"), event("\"a\"", "2")), None),
        (format!("{}\n{}", event("\"a\"", "18446744073709551616"), event("\"a\"", "18446744073709551617")), None),
        (event("null", "1"), None),
        (event("\"\"", "1"), None),
        (event("[\"a\"]", "1"), None),
        (event(&format!("\"{}\"", "x".repeat(1025)), "1"), None),
        ("{\"geo\":{\"country\":1}}".to_owned(), None),
    ] {
        let invocation = invocation(&[data.as_bytes(), event("\"b\"", "1").as_bytes()]);
        let (answers, response, _) = answer(&transform(keys), &invocation, MAX_RESPONSE_BYTES);
        let response: Value = serde_json::from_str(&response).unwrap();
        let records = &response["records"];
        match expected {
            Some(expected) => {
                assert_eq!(records[0]["metadata"], json!({ "partitionKeys": expected }), "{data}");
                assert!(!answers[0].1.contains("adid"), "{data}");
            }
            None => assert_eq!(records[0], json!({ "recordId": "0", "result": "ProcessingFailed" }), "{data}"),
        }
        assert_eq!(records[1]["metadata"]["partitionKeys"]["customer"], "b", "a record forgets the one before");
    }
}

#[test]
fn events_that_are_not_wanted_need_no_partition_key() {
    let transform = transform("partition_keys: { customer: adid }\n    select: _exists_:adid");
    let data = b"{\"x\":1}\n{\"adid\":\"a\"}\n{\"x\":1}\n{\"adid\":\"a\"}\n";
    let (answers, _, outcome) = answer(&transform, &invocation(&[data]), MAX_RESPONSE_BYTES);
    assert_eq!(answers[0], ("Ok".to_owned(), "{\"adid\":\"a\"}\n{\"adid\":\"a\"}\n".to_owned()));
    assert_eq!((outcome.dropped, outcome.passed), (2, 2));
}

#[test]
fn log_events_come_out_of_their_envelope_as_the_reference_shows() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/PIPELINE.md");
    let reference = std::fs::read_to_string(path).unwrap();
    let block = |kind: &str| {
        let (_, rest) = reference.split_once(&format!("```{kind}\n")).unwrap();
        rest.split_once("```").unwrap().0
    };
    let (envelope, events) = (block("json"), block("ndjson"));
    let control = envelope.replace("DATA_MESSAGE", "CONTROL_MESSAGE");
    for format in ["auto", "cloudwatch-logs"] {
        let records = [gzip(envelope.as_bytes()), envelope.as_bytes().to_vec(), gzip(control.as_bytes())];
        let invocation = invocation(&records.each_ref().map(Vec::as_slice));
        let (answers, _, outcome) = answer(&transform(&format!("format: {format}")), &invocation, MAX_RESPONSE_BYTES);
        let delivered = ("Ok".to_owned(), events.to_owned());
        assert_eq!(answers, [delivered.clone(), delivered, ("Dropped".to_owned(), String::new())], "{format}");
        assert_eq!((outcome.read, outcome.passed), (4, 4));
    }
}

#[test]
fn records_that_expand_stay_within_the_response_of_a_lambda_function() {
    // 12 records of 1,000 lines and 1 MB each, which are some kilobytes compressed, and two small ones.
    let line = format!("{{\"os\":\"iOS\",\"text\":\"{}\"}}\n", "x".repeat(1024 - 26));
    let large = gzip(line.repeat(1024).as_bytes());
    assert!(large.len() < 16 << 10, "{}", large.len());
    let mut records: Vec<&[u8]> = vec![b"{\"first\":1}"];
    records.extend(std::iter::repeat_n(large.as_slice(), 12));
    records.push(b"{\"last\":1}");
    let (answers, response, outcome) = answer(&transform(""), &invocation(&records), MAX_RESPONSE_BYTES);
    assert!(response.len() <= MAX_RESPONSE_BYTES, "{}", response.len());
    let results: Vec<&str> = answers.iter().map(|(result, _)| result.as_str()).collect();
    let mut expected = vec!["Ok"; 14];
    expected[5..13].fill("ProcessingFailed");
    assert_eq!(results, expected, "four of a megabyte fit, and what is small still does behind them");
    assert_eq!((outcome.read, outcome.passed, outcome.failed), (12 * 1024 + 2, 4 * 1024 + 2, 8 * 1024));
}

#[test]
fn an_invocation_that_no_dataset_knows_fails_and_is_not_dropped() {
    let other = "arn:aws:firehose:us-east-2:123456789012:deliverystream/other";
    let body = |arn: &str| json!({ "deliveryStreamArn": arn, "records": [] }).to_string();
    let failed = transform("").handle(body(other).as_bytes()).unwrap_err();
    assert!(failed.reason.contains("`from: { delivery_stream: other }`"), "{failed:?}");
    assert_eq!(failed.by, FailedBy::NoDataset);
    for foreign in [body("arn:aws:s3:::b"), json!({ "records": 7 }).to_string(), "{}".to_owned(), "no".to_owned()] {
        let failed = transform("").handle(foreign.as_bytes()).unwrap_err();
        assert_eq!(failed.by, FailedBy::InvalidEvent, "{foreign}: {failed:?}");
    }
    let response = transform("").handle(body(&other.replace("other", "app")).as_bytes()).unwrap();
    assert_eq!(serde_json::to_value(response).unwrap(), json!({ "records": [] }));
}

/// A line of a record.
#[derive(Debug, Clone)]
enum Line {
    Wanted(u32),
    Unwanted,
    Faulty(&'static str),
}

fn line() -> impl Strategy<Value = Line> {
    prop_oneof![
        6 => any::<u32>().prop_map(Line::Wanted),
        4 => Just(Line::Unwanted),
        1 => prop_oneof![Just("{\"a\":"), Just("text"), Just("7"), Just("[]"), Just("{\"a\":1}}")].prop_map(Line::Faulty),
    ]
}

proptest! {
    #[test]
    fn every_event_of_a_delivered_record_is_in_its_data_or_dropped_by_rule(
        records in proptest::collection::vec((proptest::collection::vec(line(), 0..6), any::<bool>()), 0..12),
        room in 0_usize..600,
    ) {
        let text = |line: &Line| match line {
            Line::Wanted(n) => format!("{{\"wanted\":{n}}}\n"),
            Line::Unwanted => "{\"other\":1}\n".to_owned(),
            Line::Faulty(text) => format!("{text}\n"),
        };
        let bytes: Vec<Vec<u8>> = records.iter().map(|(lines, is_gzip)| {
            let text: String = lines.iter().map(text).collect();
            if *is_gzip { gzip(text.as_bytes()) } else { text.into_bytes() }
        }).collect();
        let invocation = invocation(&bytes.iter().map(Vec::as_slice).collect::<Vec<_>>());
        // The room that all failures need, and some more that may be too little for the data.
        let max = invocation.records.len() * r#"{"recordId":"10","result":"ProcessingFailed"},"#.len() + 14 + room;
        let transform = transform("format: ndjson\n    select: _exists_:wanted");
        let (answers, response, outcome) = answer(&transform, &invocation, max);
        prop_assert!(response.len() <= max, "{} bytes are more than {}", response.len(), max);
        let mut passed = 0;
        for ((lines, _), (result, data)) in records.iter().zip(&answers) {
            let wanted: String = lines.iter().filter(|line| matches!(line, Line::Wanted(_))).map(text).collect();
            let is_faulty = lines.iter().any(|line| matches!(line, Line::Faulty(_)));
            match result.as_str() {
                "Ok" => {
                    prop_assert!(!is_faulty && !wanted.is_empty());
                    prop_assert_eq!(data, &wanted);
                    passed += data.lines().count() as u64;
                }
                "Dropped" => prop_assert!(!is_faulty && wanted.is_empty()),
                result => {
                    prop_assert_eq!(result, "ProcessingFailed");
                    prop_assert!(is_faulty || !wanted.is_empty());
                    prop_assert!(data.is_empty());
                }
            }
        }
        let events: usize = records.iter().map(|(lines, _)| lines.len()).sum();
        prop_assert_eq!((outcome.read, outcome.passed), (events as u64, passed));
    }
}
