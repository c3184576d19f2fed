//! What can never be indexed, kept with its reason.
//!
//! In: rejections with the bytes of their events. Out: NDJSON, one line an event, and the key it is stored under, which
//! follows from the positions, so that writing it again makes no second object. Deliberately absent: S3 (`aws`).

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use crate::{
    outcome::{Rejection, Stage},
    record::{ItemPosition, Origin, Position},
};

/// Dead letters of one origin, encoded.
#[derive(Debug, Default)]
pub struct Letters {
    ndjson: Vec<u8>,
    positions: Vec<ItemPosition>,
    /// The first and the last of them, with their names in the key.
    first: (ItemPosition, String),
    last: (ItemPosition, String),
    prefix: String,
}

#[derive(Serialize)]
struct Letter<'a> {
    position: Position<'a>,
    stage: Stage,
    error_type: &'a str,
    reason: &'a str,
    dataset: &'a str,
    /// What stands in for the event's own time, in milliseconds since 1970: that of its object or record.
    #[serde(skip_serializing_if = "Option::is_none")]
    record_time_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    /// Given where the payload is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_length: Option<u64>,
}

impl Letters {
    /// Adds one event. `payload` may be its head only, `length` is its whole length; an event that was never read has none.
    pub fn push(&mut self, origin: &Origin, dataset: &str, rejection: &Rejection, payload: &[u8], length: u64) {
        let text = std::str::from_utf8(payload).ok();
        let letter = Letter {
            position: origin.at(rejection.at),
            stage: rejection.stage,
            error_type: &rejection.error_type,
            reason: &rejection.reason,
            dataset,
            record_time_ms: origin.time_ms(rejection.at.record),
            payload: text.filter(|text| !text.is_empty()),
            payload_base64: text.is_none().then(|| STANDARD.encode(payload)),
            payload_length: (length != payload.len() as u64).then_some(length),
        };
        if let Err(error) = serde_json::to_writer(&mut self.ndjson, &letter) {
            unreachable!("strings and numbers serialise into memory: {error}");
        }
        self.ndjson.push(b'\n');
        let at = rejection.at;
        if self.positions.is_empty() {
            self.prefix = format!("{dataset}/{}", origin.id_prefix());
        }
        if self.positions.is_empty() || at < self.first.0 {
            self.first = (at, origin.at(at).key());
        }
        if self.positions.is_empty() || at > self.last.0 {
            self.last = (at, origin.at(at).key());
        }
        self.positions.push(at);
    }

    /// How many events.
    pub fn count(&self) -> u64 {
        self.positions.len() as u64
    }

    /// Where their events lie.
    pub fn positions(&self) -> &[ItemPosition] {
        &self.positions
    }

    /// Encoded bytes.
    pub fn len(&self) -> usize {
        self.ndjson.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The NDJSON.
    pub fn ndjson(&self) -> &[u8] {
        &self.ndjson
    }

    /// The key below the dead-letter prefix: dataset, origin, first and last position, count. The same letters get the
    /// same key; others of the same origin get another one, so none is ever overwritten by fewer.
    pub fn key(&self) -> String {
        format!("{}/{}-{}-{}.ndjson", self.prefix, self.first.1, self.last.1, self.count())
    }

    /// Forgets everything but the allocation.
    pub fn clear(&mut self) {
        self.ndjson.clear();
        self.positions.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(offset: u64) -> Rejection {
        let at = ItemPosition::in_object(offset);
        Rejection { at, stage: Stage::Decode, error_type: "invalid_json".into(), reason: "no".into() }
    }

    #[test]
    fn a_letter_carries_the_original_bytes_as_text_or_base64() {
        let origin = Origin::s3("logs", "a.json", "e");
        let mut letters = Letters::default();
        letters.push(&origin, "app", &rejection(7), b"{bad", 4);
        letters.push(&origin, "app", &rejection(12), b"\xff", 1);
        letters.push(&origin, "app", &rejection(14), b"{lo", 3_000_000);
        let lines: Vec<serde_json::Value> = letters
            .ndjson()
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect();
        assert_eq!(
            lines[0]["position"],
            serde_json::json!({"bucket": "logs", "key": "a.json", "etag": "e", "offset": 7})
        );
        assert_eq!((&lines[0]["payload"], &lines[0]["stage"]), (&"{bad".into(), &"decode".into()));
        assert_eq!(lines[1]["payload_base64"], "/w==");
        assert_eq!(lines[2]["payload_length"], 3_000_000);
        assert!(letters.key().ends_with("/00000000000000000007-00000000000000000014-3.ndjson"), "{}", letters.key());
    }

    #[test]
    fn the_key_follows_from_the_positions() {
        let origin = Origin::s3("logs", "a.json", "e");
        let key = |offsets: &[u64]| {
            let mut letters = Letters::default();
            for offset in offsets {
                letters.push(&origin, "app", &rejection(*offset), b"", 0);
            }
            letters.key()
        };
        assert_eq!(key(&[1, 2]), key(&[2, 1]));
        assert_ne!(key(&[1, 2]), key(&[1]));
    }
}
