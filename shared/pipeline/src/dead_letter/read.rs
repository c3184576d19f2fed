//! Reads dead letters of all releases: members that older releases lack have defaults.

use base64_simd::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::write::PayloadOf;
use crate::{outcome::POSITION_NOT_FOUND, record::Facts};

/// One dead letter: the members that a retry needs.
#[derive(Debug, Deserialize)]
pub struct DeadLetter {
    /// The position of the event.
    pub position: StoredPosition,
    /// The step that rejected the event. A later release may have steps that this one does not know.
    #[serde(default)]
    pub stage: String,
    /// The stable word for the reason.
    pub error_type: String,
    /// The dataset that took the event when it was rejected.
    pub dataset: String,
    /// The fallback for the event's time, in milliseconds since 1970.
    pub record_time_ms: Option<i64>,
    /// Keys and headers of the record.
    pub record: Option<Facts>,
    payload: Option<String>,
    payload_base64: Option<String>,
    payload_length: Option<u64>,
    /// Set if the payload of one event is the whole record.
    pub payload_of: Option<PayloadOf>,
    /// The message to read the rest of an object.
    pub continuation: Option<Box<RawValue>>,
}

/// The position of an event in a dead letter. Kafka comes first, since its positions also have an `offset`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "`record::Position` documents the members")]
pub enum StoredPosition {
    Kafka { cluster: String, topic: String, partition: i64, offset: i64, timestamp: i64, byte_offset: u64 },
    Kinesis { stream: String, shard: String, sequence_number: String, aggregate_index: u32, offset: u64 },
    S3 { bucket: String, key: String, etag: String, offset: u64 },
}

/// The payload of a letter cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum UnreadablePayload {
    /// It is not base64.
    #[error("the payload is not base64: {0}")]
    NotBase64(#[from] base64_simd::Error),
    /// Which of the two is the event's is not known.
    #[error("the letter has both `payload` and `payload_base64`")]
    Two,
}

impl DeadLetter {
    /// The bytes of the event or record. `None` if the letter has none, or only the head of them.
    ///
    /// # Errors
    /// The payload is not base64, or the letter has two.
    pub fn take_payload(&mut self) -> Result<Option<Vec<u8>>, UnreadablePayload> {
        let payload = match (self.payload.take(), self.payload_base64.take()) {
            (Some(text), None) => Some(text.into_bytes()),
            (None, Some(base64)) => Some(STANDARD.decode_to_vec(base64)?),
            (None, None) => None,
            (Some(_), Some(_)) => return Err(UnreadablePayload::Two),
        };
        Ok(payload.filter(|_| self.payload_length.is_none()))
    }

    /// Whether the letter stands for everything after its position: data that could not be framed, or an object that was
    /// gone.
    pub fn is_rest(&self) -> bool {
        match self.stage.as_str() {
            "frame" => !matches!(self.error_type.as_str(), "event_too_large" | POSITION_NOT_FOUND),
            "source" => self.error_type != "invalid_base64",
            _ => false,
        }
    }
}
