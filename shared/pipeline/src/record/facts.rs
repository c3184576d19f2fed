//! Data that a service provides about a record besides its position: keys and headers.
//!
//! In: the received bytes. Out: the form that a dead letter stores. They are not part of the event: ids, indices and all rules except
//! `metadata` ignore them.

use base64_simd::STANDARD;
use serde::{Deserialize, Serialize};

/// Keys and headers of one record. A dead letter stores them under `record`, with bytes as base64.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The partition key of a Kinesis record. For an aggregated record, the partition key of the user record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_key: Option<String>,
    /// The key of a Kafka record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Bytes>,
    /// The headers of a Kafka record, in their order. A name may occur several times, and a value may be null.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Option<Bytes>)>,
    /// Whether the headers could not be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_bad_headers: bool,
}

/// Bytes, written to JSON as base64.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Bytes(pub Vec<u8>);

impl From<Bytes> for String {
    fn from(Bytes(bytes): Bytes) -> Self {
        STANDARD.encode_to_string(bytes)
    }
}

impl TryFrom<String> for Bytes {
    type Error = base64_simd::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode_to_vec(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &[u8]) -> Bytes {
        Bytes(text.to_vec())
    }

    #[test]
    fn what_a_letter_keeps_is_read_back() {
        let headers = vec![("a".to_owned(), Some(bytes(b"\xff"))), ("a".to_owned(), None)];
        for facts in [
            Facts { key: Some(bytes(b"\x00\xff")), headers, ..Facts::default() },
            Facts { partition_key: Some("é".into()), has_bad_headers: true, ..Facts::default() },
            Facts::default(),
        ] {
            let text = serde_json::to_string(&facts).unwrap();
            assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts, "{text}");
        }
    }
}
