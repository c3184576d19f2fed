//! Envelopes of CloudWatch Logs: the event of each log event, and input that is not an envelope.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::{Map, Value, json, value::RawValue};

use super::*;

const HEADER: &str = r#"{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"/aws/lambda/shop","logStream":"2026/11/22/[$LATEST]ab","subscriptionFilters":["all","]}"],"logEvents":["#;

/// The part of every composed event that comes from [`HEADER`], the id and the time.
const FIELDS: &str = r#""@id":"7","@timestamp":"2026-11-22T10:00:00.123Z","@owner":"123456789012","@log_group":"/aws/lambda/shop","@log_stream":"2026/11/22/[$LATEST]ab""#;

const TIME_MS: i64 = 1_795_341_600_123;

fn envelope(events: &[String]) -> String {
    format!("{HEADER}{}]}}", events.join(","))
}

/// A log event with this JSON string as its message.
fn log_event(message: &str) -> String {
    format!(r#"{{"id":"7","timestamp":{TIME_MS},"message":{message}}}"#)
}

/// A log event with this text as its message.
fn of_text(text: &str) -> String {
    log_event(&serde_json::to_string(text).unwrap())
}

/// All frames of one record, with the time of each. The compressed record gives the same frames.
#[track_caller]
fn read_envelope(text: &str, format: Format, max: usize) -> Vec<(Seen, Option<i64>)> {
    let zipped = gzip(text.as_bytes());
    let mut frames = Frames::of_records(format, max);
    let [plain, unzipped] = [text.as_bytes(), &zipped].map(|bytes| {
        frames.begin_record(bytes);
        let mut seen = Vec::new();
        loop {
            let next = match frames.next() {
                Ok(None) => break seen,
                Ok(Some(Frame::Record { payload, offset, time_ms, .. })) => {
                    (record(offset, std::str::from_utf8(payload).unwrap()), time_ms)
                }
                Ok(Some(Frame::TooLarge { offset, length, head })) => {
                    (too_large(offset, length, std::str::from_utf8(head).unwrap()), None)
                }
                Err(FrameError::Broken { offset, error_type, .. }) => (Broken(offset, error_type), None),
                Err(error) => panic!("{error}"),
            };
            seen.push(next);
        }
    });
    assert_eq!(plain, unzipped);
    plain
}

/// The event of one log event. Its offset is that of the log event's brace.
#[track_caller]
fn composed(event: &str) -> (String, Option<i64>) {
    let seen = read_envelope(&envelope(&[event.to_owned()]), Format::Auto, MIB);
    let [(Record(offset, payload), time)] = &seen[..] else { panic!("{event}: {seen:?}") };
    assert_eq!(*offset, HEADER.len() as u64);
    (payload.clone(), *time)
}

#[test]
fn a_message_that_is_an_object_keeps_its_bytes_after_the_fields_of_the_envelope() {
    for (text, members) in [
        ("{\"a\":1}", "\"a\":1}"),
        ("{ \"a\" : 1.0e0 , \"b\":[{}] }", "\"a\" : 1.0e0 , \"b\":[{}] }"),
        (" \r\n\t{\"a\":1}\n", "\"a\":1}"),
        ("{\n  \"a\": \"b\\\"c\\u00e9\\ud83d\\/\"\n}\n", "\"a\": \"b\\\"c\\u00e9\\ud83d\\/\"\n}"),
        ("{\"é😀\":\"日本語\u{2028}\"}", "\"é😀\":\"日本語\u{2028}\"}"),
        ("{\"n\":12345678901234567890123,\"x\":1e400}", "\"n\":12345678901234567890123,\"x\":1e400}"),
        ("{\"@ids\":1,\"@Owner\":2,\"a\":{\"@id\":3}}", "\"@ids\":1,\"@Owner\":2,\"a\":{\"@id\":3}}"),
        ("{\"a\":1,\"a\":2}", "\"a\":1,\"a\":2}"),
    ] {
        assert_eq!(composed(&of_text(text)), (format!("{{{FIELDS},{members}"), Some(TIME_MS)), "{text}");
    }
    for empty in ["{}", " { } "] {
        assert_eq!(composed(&of_text(empty)), (format!("{{{FIELDS}}}"), Some(TIME_MS)));
    }
}

#[test]
fn a_message_may_be_escaped_in_any_way() {
    for message in [
        r#""{\"a\":\"\u00e9\u20ac\ud83d\ude00\"}""#,
        r#""\u007b\u0022a\u0022:\"é€😀\"\u007D""#,
        r#""\n\u0020{\"a\":\"é\u20AC\uD83D\uDE00\"}\r\n\t""#,
    ] {
        assert_eq!(composed(&log_event(message)).0, format!("{{{FIELDS},\"a\":\"é€😀\"}}"), "{message}");
    }
    let every = r#""{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"\n\t\r}""#;
    assert_eq!(
        composed(&log_event(every)).0,
        format!("{{{FIELDS},{}", "\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"\n\t\r}")
    );
}

#[test]
fn any_other_message_stands_as_it_came() {
    for message in [
        r#""""#,
        r#""START RequestId: 1 \"quoted\"\n""#,
        r#""\u001b[0m\/é😀""#,
        r#""{not json}""#,
        r#""{\"a\":1} {\"b\":2}""#,
        r#""{\"a\":1,}""#,
        r#""{\"a\":""#,
        r#""[{\"a\":1}]""#,
        r#""\"{}\"""#,
        r#""12""#,
        // Half a surrogate pair is not text, so the object is not taken out of the message.
        r#""{\"a\":\"\ud83d\"}""#,
        r#""\ude00{}""#,
        r#""{\"a\":\"\ud83d\u0041\"}""#,
    ] {
        let expected = format!("{{{FIELDS},\"@message\":{message}}}");
        assert_eq!(composed(&log_event(message)), (expected, Some(TIME_MS)), "{message}");
    }
}

#[test]
fn a_field_of_the_message_replaces_that_of_the_envelope() {
    let without = |name: &str| {
        let fields: Vec<_> =
            FIELDS.split(",\"").enumerate().map(|(n, f)| if n == 0 { f.into() } else { format!("\"{f}") }).collect();
        fields.into_iter().filter(|field| !field.starts_with(&format!("\"{name}\""))).collect::<Vec<_>>().join(",")
    };
    for name in ["@id", "@timestamp", "@owner", "@log_group", "@log_stream"] {
        let text = format!("{{\"{name}\":null,\"b\":2}}");
        assert_eq!(composed(&of_text(&text)).0, format!("{{{},{}", without(name), &text[1..]));
        let escaped = format!("{{\"b\":2,\"\\u0040{}\":null}}", &name[1..]);
        assert_eq!(composed(&of_text(&escaped)).0, format!("{{{},{}", without(name), &escaped[1..]));
    }
    let all = "{\"@id\":1,\"@timestamp\":2,\"@owner\":3,\"@log_group\":4,\"@log_stream\":5,\"@message\":6}";
    assert_eq!(composed(&of_text(all)), (all.into(), Some(TIME_MS)));
    assert_eq!(composed(&of_text("{\"@message\":\"x\"}")).0, format!("{{{FIELDS},\"@message\":\"x\"}}"));
}

#[test]
fn extracted_fields_stand_beside_a_text() {
    let event = |message: &str, extracted: &str| {
        format!(r#"{{"id":"7","timestamp":{TIME_MS},"extractedFields":{extracted},"message":{message}}}"#)
    };
    let text = |extracted: &str| composed(&event("\"GET /\"", extracted)).0;
    let expected = |members: &str| format!("{{{FIELDS},\"@message\":\"GET /\"{members}}}");
    assert_eq!(text("{}"), expected(""));
    assert_eq!(text("null"), expected(""));
    assert_eq!(text(r#"{"status":"200","\u00e9":{"a":[1, 2]}}"#), expected(r#","status":"200","\u00e9":{"a":[1, 2]}"#));
    assert_eq!(text(r#" { "a" : 1 , "b" : null } "#.trim()), expected(r#","a":1,"b":null"#));
    let colliding =
        r#"{"@id":"1","@\u006dessage":"x","a":1,"@log_group":[],"@timestamp":0,"@owner":"","@log_stream":{}}"#;
    assert_eq!(text(colliding), expected(r#","a":1"#));
    // A message that is an object has its own fields, so the extracted fields are not added.
    assert_eq!(composed(&event("\"{\\\"b\\\":2}\"", "{\"a\":1}")).0, format!("{{{FIELDS},\"b\":2}}"));
}

#[test]
fn anything_but_a_log_event_comes_out_unchanged() {
    for (event, time) in [
        ("{}", None),
        ("7", None),
        ("\"text\"", None),
        ("null", None),
        (r#"["7",1,"message",{}]"#, None),
        (r#"{"id":"7","timestamp":5}"#, Some(5)),
        (r#"{"id":"7","timestamp":5,"message":null}"#, Some(5)),
        (r#"{"id":"7","timestamp":5,"message":{"a":1}}"#, Some(5)),
        (r#"{"id":"7","timestamp":5,"message":7}"#, Some(5)),
        (r#"{"id":"7","timestamp":"5","message":"text"}"#, None),
        (r#"{"id":"7","timestamp":-1,"message":"text"}"#, None),
        (r#"{"id":"7","timestamp":253402300800000,"message":"text"}"#, None),
        (r#"{"id":"7","timestamp":1.5,"message":"text"}"#, None),
        (r#"{"id":"7","timestamp":5,"message":"text","message":"twice"}"#, None),
        (r#"{"id":"7","timestamp":5,"message":"text","extractedFields":[]}"#, Some(5)),
        (r#"{"id":"7","timestamp":5,"message":"te\xt"}"#, None),
        (r#"{"id":"7","timestamp":5,"message":"text",}"#, None),
        (r#"{"id":"7" "timestamp":5}"#, None),
    ] {
        assert_eq!(composed(event), (event.to_owned(), time), "{event}");
    }
}

#[test]
fn missing_fields_of_a_log_event_or_its_envelope_are_left_out() {
    assert_eq!(
        composed(r#"{"message":"x"}"#).0,
        format!("{{{},\"@message\":\"x\"}}", &FIELDS[FIELDS.find("\"@owner").unwrap()..])
    );
    assert_eq!(
        read_envelope(
            r#"{"logEvents":[{"message":"{}"},{"message":"{\"a\":1}"},{"message":"x"},{"timestamp":0,"message":"x"}]}"#,
            Format::CloudwatchLogs,
            MIB
        ),
        [
            (record(14, "{}"), None),
            (record(31, "{\"a\":1}"), None),
            (record(55, "{\"@message\":\"x\"}"), None),
            (record(71, "{\"@timestamp\":\"1970-01-01T00:00:00.000Z\",\"@message\":\"x\"}"), Some(0)),
        ]
    );
}

#[test]
fn a_control_message_gives_nothing() {
    let control = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1510254469274,"message":"CWL CONTROL MESSAGE: Checking health of destination Kinesis stream."}]}"#;
    for format in [Format::Auto, Format::CloudwatchLogs] {
        assert_eq!(read_envelope(control, format, MIB), []);
        assert_eq!(read_envelope(control, format, 10), []);
        // It does not affect the envelope after it.
        let both = format!("{control}\n{}\n{control}", envelope(&[of_text("x")]));
        assert_eq!(read_envelope(&both, format, MIB).len(), 1);
    }
}

#[test]
fn an_envelope_is_detected_by_its_header_in_any_order() {
    let keys = [
        r#""messageType" : "DATA_MESSAGE""#,
        r#""owner":"1""#,
        r#""logGroup":"g""#,
        r#""logStream":"s""#,
        r#""subscriptionFilters":["\"logEvents\":[",{}]"#,
    ];
    for first in 0..keys.len() {
        let mut rotated = keys;
        rotated.rotate_left(first);
        let text = format!(
            "\n {{ {} ,\n \"new\":{{}}, \"logEvents\" : [ {} ] , \"more\":[]}} \n",
            rotated.join(",\n"),
            of_text("x")
        );
        let expected = r#"{"@id":"7","@timestamp":"2026-11-22T10:00:00.123Z","@owner":"1","@log_group":"g","@log_stream":"s","@message":"x"}"#;
        for format in [Format::Auto, Format::CloudwatchLogs] {
            let seen = read_envelope(&text, format, MIB);
            assert_eq!(seen, [(record(text.find("{\"id\"").unwrap() as u64, expected), Some(TIME_MS))]);
        }
    }
}

#[test]
fn an_object_much_like_an_envelope_is_an_ordinary_record() {
    for text in [
        r#"{"messageType":"DATA_MESSAGE","logGroup":"g"}"#,
        r#"{"messageType":"DATA_MESSAGE","logEvents":[]}"#,
        r#"{"messageType":"OTHER","logGroup":"g","logEvents":[]}"#,
        r#"{"logGroup":"g","logEvents":[]}"#,
        r#"{"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":{}}"#,
        r#"{"messageType":"DATA_MESSAGE","logGroup":"g","x":"\"logEvents\":["}"#,
        r#"{"messageType":"DATA_MESSAGE","logGroup":"g" "logEvents":[]}"#,
        r#"{"a":1,"messageType":"DATA_MESSAGE","logGroup":"g","logEvents":[]}"#,
        r#"{"owner":"logEvents"}"#,
    ] {
        assert_eq!(read_envelope(text, Format::Auto, MIB), [(record(0, text), None)]);
    }
}

#[test]
fn envelopes_in_an_object_of_s3_are_taken_apart_from_any_of_their_events_on() {
    let one = envelope(&[of_text("x"), of_text("{\"a\":1}"), of_text("y")]);
    let other = one.replace("123456789012", "2");
    for text in [format!("{one}{other}"), format!("{one}\n{{\"b\":2}}\n{other}")] {
        let all = read(text.as_bytes(), Format::Auto, MIB, 100);
        assert_eq!(all.len(), if text.contains("{\"b\":2}") { 7 } else { 6 }, "{all:?}");
        for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
            let mut frames = Frames::new(&bytes[..], Format::Auto, MIB);
            drain(&mut frames);
            for (n, seen) in all.iter().enumerate() {
                let Record(offset, _) = seen else { panic!("{seen:?}") };
                let at = frames.checkpoint(*offset);
                let begin = usize::try_from(at.member.compressed).unwrap();
                let mut resumed = Frames::resume(&bytes[begin..], &at, MIB);
                assert_eq!(resumed.offset(), *offset);
                assert_eq!(drain(&mut resumed), all[n..], "{at:?}");
            }
        }
    }
}

#[test]
fn a_record_that_should_be_an_envelope_and_is_not_is_broken() {
    let long = format!("{{\"owner\":\"{}\",\"logEvents\":[]}}", "x".repeat(70_000));
    for (text, expected) in [
        ("", None),
        (" \n", None),
        ("{\"logEvents\":[]}", None),
        ("{\"a\":1}", Some(Broken(0, "framing_lost"))),
        (" {}", Some(Broken(1, "framing_lost"))),
        ("{\"logEvents\":{}}", Some(Broken(0, "framing_lost"))),
        ("{7:8}", Some(Broken(0, "framing_lost"))),
        ("[{}]", Some(Broken(0, "framing_lost"))),
        ("text", Some(Broken(0, "framing_lost"))),
        (&long, Some(Broken(0, "framing_lost"))),
        ("{\"owner\":\"1", Some(Broken(0, "truncated"))),
        ("{\"logEvents\":[", Some(Broken(14, "truncated"))),
        ("{\"logEvents\":[]", Some(Broken(14, "truncated"))),
        ("{\"logEvents\":[]} x", Some(Broken(17, "framing_lost"))),
    ] {
        let seen = read_envelope(text, Format::CloudwatchLogs, MIB);
        assert_eq!(seen, expected.map(|seen| (seen, None)).into_iter().collect::<Vec<_>>(), "{text:.40}");
    }
    let cut = envelope(&[of_text("x"), of_text("y")]);
    let seen = read_envelope(&cut[..cut.len() - 10], Format::Auto, MIB);
    let second = HEADER.len() + of_text("x").len() + 1;
    assert!(
        matches!(&seen[..], [(Record(..), Some(TIME_MS)), (Broken(at, "truncated"), None)] if *at == second as u64)
    );
}

#[test]
fn only_a_log_event_is_bounded_and_not_its_envelope() {
    let small = of_text("x");
    let mut text = HEADER.to_owned();
    for _ in 0..30_000 {
        write!(text, "{small},").unwrap();
    }
    let large = of_text(&"y".repeat(2000));
    write!(text, "{large},{small}]}}").unwrap();
    let zipped = gzip(text.as_bytes());
    let mut frames = Frames::of_records(Format::Auto, 1024);
    for _ in 0..2 {
        frames.begin_record(&zipped);
        for n in 0..30_000 {
            let offset = (HEADER.len() + n * (small.len() + 1)) as u64;
            assert!(matches!(frames.next(), Ok(Some(Frame::Record { offset: at, .. })) if at == offset));
        }
        let Ok(Some(Frame::TooLarge { length, head, .. })) = frames.next() else { panic!("not too large") };
        assert_eq!((length, head), (large.len() as u64, large.as_bytes()));
        assert!(matches!(frames.next(), Ok(Some(Frame::Record { .. }))));
        assert!(matches!(frames.next(), Ok(None)));
    }
    assert!(text.len() > MIB && frames.buffer_capacity() <= MIB / 4);
    // With the envelope's fields it is over the limit. The rejection then keeps the composed event.
    let event = of_text(&"y".repeat(1024 - of_text("").len()));
    assert_eq!(event.len(), 1024);
    let seen = read_envelope(&envelope(&[event]), Format::Auto, 1024);
    let [(TooLarge(_, length, head), _)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(*length, head.len() as u64);
    assert!(head.starts_with(&format!("{{{FIELDS},\"@message\":\"yyy")));
}

#[test]
fn the_format_has_a_name_of_its_own() {
    assert_eq!(serde_json::to_string(&Format::CloudwatchLogs).unwrap(), "\"cloudwatch-logs\"");
}

/// A message: an object, or text that resembles one.
fn message() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        "[a-z\"\\\\é]{1,4}",
        prop::sample::select(vec!["@id", "@timestamp", "@owner", "@log_group", "@log_stream", "@message"])
            .prop_map(str::to_owned),
    ];
    let text = "[a-z \"\\\\{}\n\té😀\u{1f}]{0,12}";
    prop_oneof![
        prop::collection::btree_map(name, text, 0..5).prop_map(|members| serde_json::to_string(&members).unwrap()),
        text,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_log_event_says_what_its_message_and_its_envelope_say(
        messages in prop::collection::vec((message(), any::<bool>()), 0..8),
    ) {
        let ascii = |text: &str| {
            let mut escaped = String::from("\"");
            for unit in text.encode_utf16() {
                write!(escaped, "\\u{unit:04x}").unwrap();
            }
            escaped + "\""
        };
        let events: Vec<_> = messages
            .iter()
            .map(|(text, escape)| if *escape { log_event(&ascii(text)) } else { of_text(text) })
            .collect();
        let text = envelope(&events);
        let seen = read_envelope(&text, Format::Auto, MIB);
        prop_assert_eq!(seen.len(), messages.len());
        let mut offset = HEADER.len();
        for (((message, _), event), (seen, time)) in messages.iter().zip(&events).zip(&seen) {
            let Record(at, payload) = seen else { panic!("{seen:?}") };
            prop_assert_eq!((*at, *time), (offset as u64, Some(TIME_MS)));
            offset += event.len() + 1;
            let mut expected: Map<String, Value> = serde_json::from_str(&format!("{{{FIELDS}}}")).unwrap();
            match serde_json::from_str::<Map<String, Value>>(message) {
                Ok(members) => expected.extend(members),
                Err(_) => { expected.insert("@message".into(), json!(message)); }
            }
            prop_assert_eq!(serde_json::from_str::<Value>(payload).unwrap(), Value::Object(expected.clone()));
            // No key occurs twice.
            let keys = serde_json::from_str::<Pairs>(payload).unwrap().0;
            prop_assert_eq!(keys, expected.len());
        }
    }
}

/// The number of members of an object, including duplicate keys.
struct Pairs(usize);

impl<'de> serde::Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;
        impl<'de> serde::de::Visitor<'de> for Count {
            type Value = Pairs;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<Pairs, A::Error> {
                let mut count = 0;
                while members.next_entry::<String, &RawValue>()?.is_some() {
                    count += 1;
                }
                Ok(Pairs(count))
            }
        }
        deserializer.deserialize_map(Count)
    }
}

#[test]
fn anything_else_after_an_envelope_is_an_event() {
    let control = envelope(&[of_text("x")]).replace("DATA_MESSAGE", "CONTROL_MESSAGE");
    for (first, events) in [(control, 0), (envelope(&[of_text("x")]), 1)] {
        let (object, line) = (r#"{"message":"hi","level":"info"}"#, "plain text");
        let text = format!("{first}\n{object}\n{line}\n");
        let at = first.len() as u64 + 1;
        let seen = read(text.as_bytes(), Format::Auto, MIB, 100);
        let expected = [record(at, object), record(at + object.len() as u64 + 1, line)];
        assert_eq!(seen[events..], expected, "{text}");
    }
}

#[test]
fn an_envelope_that_is_cut_near_the_end_costs_itself() {
    let whole = envelope(&[of_text("x")]);
    // Inside the filters, whose bracket is not closed.
    let cut = &HEADER[..HEADER.find("\"all\"").unwrap() + 5];
    let text = format!("{whole}\n{cut}\n{whole}\n");
    let seen = read(text.as_bytes(), Format::Auto, MIB, 100);
    let [Record(_, first), torn, Record(at, last)] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(*torn, record(whole.len() as u64 + 1, cut));
    assert_eq!((*at, last), ((whole.len() + cut.len() + 2 + HEADER.len()) as u64, first));
}
