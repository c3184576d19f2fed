//! Data that a service provides about a record besides its position, as JSON for a field: its time, keys and headers.

use std::collections::BTreeMap;

use base64_simd::STANDARD;

use crate::{
    json,
    record::{Bytes, Facts, Position},
    time::rfc3339,
};

/// The result for one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// The record does not have it.
    Missing,
    /// The record has it, but it is not text.
    Invalid,
    /// It was written, except for some headers whose values are not text.
    Written {
        /// The number of these headers.
        left_out: u64,
    },
}

const WRITTEN: Fact = Fact::Written { left_out: 0 };

/// Writes a member that is not part of the position, such as `last_modified` or `headers`.
pub(super) fn write(position: Position<'_>, member: &str, out: &mut Vec<u8>) -> Fact {
    if !matches!(member, "last_modified" | "arrival") {
        return position.facts().map_or(Fact::Missing, |facts| write_fact(facts, member, out));
    }
    let Some(time_ms) = position.time_ms() else { return Fact::Missing };
    match rfc3339(time_ms) {
        Some(text) => {
            json::push_string(out, &text);
            WRITTEN
        }
        None => Fact::Invalid,
    }
}

/// Writes one member as JSON.
fn write_fact(facts: &Facts, member: &str, out: &mut Vec<u8>) -> Fact {
    match (member, &facts.partition_key, &facts.key) {
        ("partition_key", Some(key), _) => {
            json::push_string(out, key);
            WRITTEN
        }
        ("key", _, Some(Bytes(key))) => match std::str::from_utf8(key) {
            Ok(key) => {
                json::push_string(out, key);
                WRITTEN
            }
            Err(_) => Fact::Invalid,
        },
        ("key_base64", _, Some(Bytes(key))) => {
            json::push_string(out, &STANDARD.encode_to_string(key));
            WRITTEN
        }
        ("headers", _, _) => write_headers(facts, out),
        _ => Fact::Missing,
    }
}

/// Writes the headers as an object. A header that occurs several times is an array.
fn write_headers(facts: &Facts, out: &mut Vec<u8>) -> Fact {
    let mut left_out = u64::from(facts.has_bad_headers);
    // There may be as many headers as an invocation can hold.
    let mut named: BTreeMap<&str, Vec<Option<&str>>> = BTreeMap::new();
    for (name, value) in &facts.headers {
        let value = value.as_ref().map(|Bytes(value)| std::str::from_utf8(value));
        // The engine does not accept an empty name.
        let Some(value) = value.transpose().ok().filter(|_| !name.is_empty()) else {
            left_out += 1;
            continue;
        };
        named.entry(name).or_default().push(value);
    }
    if named.is_empty() {
        return if left_out == 0 { Fact::Missing } else { Fact::Invalid };
    }
    let object: serde_json::Map<String, serde_json::Value> = named
        .into_iter()
        .map(|(name, values)| {
            let value = if let [value] = values.as_slice() { (*value).into() } else { values.into() };
            (name.to_owned(), value)
        })
        .collect();
    match serde_json::to_writer(out, &object) {
        Ok(()) => Fact::Written { left_out },
        Err(_) => Fact::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ItemPosition, KINESIS_FACTS, Origin};

    fn bytes(text: &[u8]) -> Bytes {
        Bytes(text.to_vec())
    }

    fn written(facts: &Facts, member: &str) -> (String, Fact) {
        let mut out = Vec::new();
        let fact = write_fact(facts, member, &mut out);
        (String::from_utf8(out).unwrap(), fact)
    }

    #[test]
    fn keys_and_headers_are_texts_or_left_out() {
        let headers = [
            ("a", Some("1".as_bytes())),
            ("b", None),
            ("a", Some("é\"".as_bytes())),
            ("c", Some(b"\xff")),
            ("", Some(b"x")),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.map(bytes))).to_vec();
        let kafka = Facts { key: Some(bytes(b"k\n")), headers, ..Facts::default() };
        let kinesis = Facts { partition_key: Some("p".into()), ..Facts::default() };
        let binary = Facts { key: Some(bytes(b"\x00\xff")), has_bad_headers: true, ..Facts::default() };
        for (facts, member, text, fact) in [
            (&kafka, "key", r#""k\u000a""#, WRITTEN),
            (&kafka, "key_base64", r#""awo=""#, WRITTEN),
            (&kafka, "headers", r#"{"a":["1","é\""],"b":null}"#, Fact::Written { left_out: 2 }),
            (&kafka, "partition_key", "", Fact::Missing),
            (&kinesis, "partition_key", r#""p""#, WRITTEN),
            (&kinesis, "key", "", Fact::Missing),
            (&kinesis, "headers", "", Fact::Missing),
            (&binary, "key", "", Fact::Invalid),
            (&binary, "key_base64", r#""AP8=""#, WRITTEN),
            (&binary, "headers", "", Fact::Invalid),
        ] {
            assert_eq!(written(facts, member), (text.to_owned(), fact), "{member} of {facts:?}");
        }
    }

    #[test]
    fn optional_facts_are_there_only_if_the_record_has_them() {
        let facts = Facts { partition_key: Some("p".into()), ..Facts::default() };
        let origin = Origin::kinesis("arn", "s", vec!["1".into(), "2".into()]);
        let fact_of = |origin: &Origin, record, member| {
            let mut out = Vec::new();
            let fact = write(origin.at(ItemPosition { record, ..ItemPosition::default() }), member, &mut out);
            (String::from_utf8(out).unwrap(), fact)
        };
        let written = |text: &str| (text.to_owned(), WRITTEN);
        let missing = (String::new(), Fact::Missing);
        for member in KINESIS_FACTS {
            assert_eq!(fact_of(&origin, 0, member), missing, "{member}");
        }
        let origin = origin
            .with_known_times_ms(vec![Some(1_795_343_400_500), None])
            .with_facts(BTreeMap::from([((1, 0), facts)]));
        assert_eq!(fact_of(&origin, 0, "arrival"), written("\"2026-11-22T10:30:00.500Z\""));
        assert_eq!((fact_of(&origin, 1, "arrival"), fact_of(&origin, 0, "partition_key")), (missing.clone(), missing));
        assert_eq!(fact_of(&origin, 1, "partition_key"), written("\"p\""));
    }
}
