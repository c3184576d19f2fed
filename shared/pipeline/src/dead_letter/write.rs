//! Writes dead letters: one line of NDJSON for each event, and the key of their object.
//!
//! The key follows from the positions, so writing the same letters again does not create a second object.

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::{
    outcome::{Rejection, Stage},
    record::{Facts, ItemPosition, Origin, Position},
};

/// Precedes the number of replays in a key. A hash never contains a point.
const REPLAYS: &str = ".r";

/// A regular expression for the keys of dead letters below a prefix: dataset, origin and file. The prefix ends in a slash or is empty.
pub fn keys_below(prefix: &str) -> String {
    let escaped = regex_syntax::escape(prefix);
    // Letters of 0.1.0 had no hash in the name of the file.
    format!(r"^{escaped}[a-z0-9_-]*/[A-Za-z0-9_-]{{16}}/[^/]+\.ndjson$")
}

/// Dead letters of one origin, encoded.
#[derive(Debug, Default, Clone)]
pub struct Letters {
    ndjson: Vec<u8>,
    positions: Vec<ItemPosition>,
    /// The position to resume reading from for each letter, in case it cannot be stored.
    restarts: Vec<ItemPosition>,
    /// The part of the key that identifies each letter, with its position.
    names: Vec<(ItemPosition, Name)>,
    prefix: String,
    replays: u32,
}

/// The part of the key that identifies one letter. An event that was never read has no bytes. It gets a different name than an
/// event that was read at the same position: the object can be deleted after its first event was rejected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    position: String,
    length: u64,
    /// The whole continuation, because several continuations may begin at one position.
    continuation: String,
}

/// What the payload of a letter is, if it is not the event itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayloadOf {
    /// The record that contains the event.
    Record,
}

#[derive(Serialize)]
struct Letter<'a> {
    position: Position<'a>,
    stage: Stage,
    error_type: &'a str,
    reason: &'a str,
    dataset: &'a str,
    /// The fallback for the event's time, in milliseconds since 1970: the time of its object or record.
    #[serde(skip_serializing_if = "Option::is_none")]
    record_time_ms: Option<i64>,
    /// Keys and headers, if the rules ask for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'a Facts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    /// Set if the payload is cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_length: Option<u64>,
    /// Set if the payload of one event is the whole record.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_of: Option<PayloadOf>,
    /// The message to read the rest of an object. Set if reading that rest has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation: Option<&'a RawValue>,
}

impl Letters {
    /// Adds one event. `payload` may be only its head; `length` is its whole length. An event that was never read has no payload.
    pub fn push(&mut self, origin: &Origin, dataset: &str, rejection: &Rejection, payload: &[u8], length: u64) {
        self.add(origin, dataset, rejection, payload, length, None, None);
    }

    /// Adds one event by the whole record that contains it. A record of a stream exists nowhere else.
    pub fn push_record(&mut self, origin: &Origin, dataset: &str, rejection: &Rejection, record: &[u8]) {
        self.add(origin, dataset, rejection, record, record.len() as u64, Some(PayloadOf::Record), None);
    }

    /// Adds the rest of an object. `replay` sends the message to read it.
    pub fn push_continuation(&mut self, origin: &Origin, dataset: &str, rejection: &Rejection, message: &RawValue) {
        self.add(origin, dataset, rejection, &[], 0, None, Some(message));
    }

    #[expect(clippy::too_many_arguments, reason = "a letter is made of exactly these")]
    fn add(
        &mut self,
        origin: &Origin,
        dataset: &str,
        rejection: &Rejection,
        payload: &[u8],
        length: u64,
        payload_of: Option<PayloadOf>,
        continuation: Option<&RawValue>,
    ) {
        let text = std::str::from_utf8(payload).ok();
        let letter = Letter {
            position: origin.at(rejection.at),
            stage: rejection.stage,
            error_type: &rejection.error_type,
            reason: &rejection.reason,
            dataset,
            record_time_ms: origin.time_ms(rejection.at.record),
            record: origin.facts(rejection.at),
            payload: text.filter(|text| !text.is_empty()),
            payload_base64: text.is_none().then(|| STANDARD.encode_to_string(payload)),
            payload_length: (length != payload.len() as u64).then_some(length),
            payload_of,
            continuation,
        };
        if let Err(error) = serde_json::to_writer(&mut self.ndjson, &letter) {
            unreachable!("strings and numbers serialise into memory: {error}");
        }
        self.ndjson.push(b'\n');
        let at = rejection.at;
        if self.positions.is_empty() {
            self.prefix = format!("{dataset}/{}", origin.id_prefix());
            self.replays = origin.replays();
        }
        let continuation = continuation.map(|message| message.get().to_owned()).unwrap_or_default();
        self.names.push((at, Name { position: origin.at(at).key(), length, continuation }));
        self.positions.push(at);
        self.restarts.push(rejection.restart.unwrap_or(at));
    }

    /// Number of events.
    pub fn count(&self) -> u64 {
        self.positions.len() as u64
    }

    /// The positions of the events.
    pub fn positions(&self) -> &[ItemPosition] {
        &self.positions
    }

    /// Where to resume reading if these letters could not be written. A letter may name a position at which no read can start.
    pub fn restarts(&self) -> &[ItemPosition] {
        &self.restarts
    }

    /// Number of encoded bytes.
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

    /// The key below the dead-letter prefix: dataset, origin, first and last position, count, and a hash of all positions. The same
    /// letters get the same key. Different letters get different keys, so letters never overwrite other letters.
    pub fn key(&self) -> String {
        let mut names: Vec<&(ItemPosition, Name)> = self.names.iter().collect();
        names.sort_unstable();
        let mut hash = Sha256::new();
        for (_, Name { position, length, continuation }) in &names {
            hash.update(format!("{position} {length}{continuation}\n"));
        }
        let position = |name: Option<&&(ItemPosition, Name)>| name.map_or("", |(_, name)| &name.position).to_owned();
        let (first, last) = (position(names.first()), position(names.last()));
        // 96 bits, as for ids: a person who writes objects chooses the positions.
        let hash = URL_SAFE_NO_PAD.encode_to_string(&hash.finalize()[..12]);
        // A replay by the source may write these letters again before it deletes the object that contained them.
        let replays = if self.replays == 0 { String::new() } else { format!("{REPLAYS}{}", self.replays) };
        format!("{}/{first}-{last}-{}-{hash}{replays}.ndjson", self.prefix, self.count())
    }

    /// How many times the source replayed the letters under a key.
    pub fn replays(key: &str) -> u32 {
        let replays = key.strip_suffix(".ndjson").and_then(|key| key.rsplit_once(REPLAYS)).map(|(_, replays)| replays);
        replays.and_then(|replays| replays.parse().ok()).unwrap_or_default()
    }

    /// Clears everything but keeps the allocation.
    pub fn clear(&mut self) {
        self.ndjson.clear();
        self.positions.clear();
        self.restarts.clear();
        self.names.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(offset: u64) -> Rejection {
        let at = ItemPosition::in_object(offset);
        Rejection { at, restart: None, stage: Stage::Decode, error_type: "invalid_json".into(), reason: "no".into() }
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
        assert!(letters.key().contains("/00000000000000000007-00000000000000000014-3-"), "{}", letters.key());
    }

    fn key_of(origin: &Origin, letters: &[(ItemPosition, u64)]) -> String {
        let mut encoded = Letters::default();
        for (at, length) in letters {
            encoded.push(origin, "app", &Rejection { at: *at, ..rejection(0) }, &[], *length);
        }
        encoded.key()
    }

    #[test]
    fn the_key_never_changes_between_releases() {
        // If the key changed with an upgrade, letters that are written again would be stored twice.
        let origin = Origin::s3("logs", "a.json", "e");
        let positions = [1, 5, 9].map(|offset| (ItemPosition::in_object(offset), 4));
        assert_eq!(
            key_of(&origin, &positions),
            "app/7wWFgb970_P-yXDr/00000000000000000001-00000000000000000009-3-X281PTFI4tbCcAHc.ndjson"
        );
    }

    #[test]
    fn every_key_has_the_form_that_rules_are_compared_with() {
        let record = crate::record::KafkaRecord { partition: -1, offset: 7, timestamp: -1 };
        for origin in [
            Origin::s3("logs", "a.json", "e"),
            Origin::kinesis(
                "arn:aws:kinesis:eu-west-1:1:stream/app",
                "shardId-0",
                vec!["49590338271490256608559692538".into()],
            ),
            Origin::kafka("c", "t", vec![record]),
            Origin::firehose("app", vec!["4959.1".into()]),
        ] {
            for replays in [0, 12] {
                let key = format!(
                    "dead-letters/{}",
                    key_of(&origin.clone().replayed(replays), &[(ItemPosition::default(), 4)])
                );
                for (prefix, expected) in [("dead-letters/", true), ("dead", false), ("dead.letters/", false)] {
                    let form = regex_automata::meta::Regex::new(&keys_below(prefix)).unwrap();
                    assert_eq!(form.is_match(&key), expected, "{key} below {prefix}");
                }
            }
        }
    }

    #[test]
    fn the_first_the_last_and_the_count_are_not_all_of_the_key() {
        let origin = Origin::s3("logs", "a.json", "e");
        let key = |offsets: &[u64]| {
            key_of(&origin, &offsets.iter().map(|offset| (ItemPosition::in_object(*offset), 4)).collect::<Vec<_>>())
        };
        assert_eq!(key(&[1, 2, 9]), key(&[9, 2, 1]), "the order does not count");
        assert_ne!(key(&[1, 2, 9]), key(&[1, 3, 9]));
        assert_ne!(key(&[1, 2]), key(&[1]));
        let kafka = |offsets: &[i64]| {
            let record = |offset: &i64| crate::record::KafkaRecord { partition: 0, offset: *offset, timestamp: 5 };
            let origin = Origin::kafka("c", "t", offsets.iter().map(record).collect());
            let at = |(_, record): (_, u32)| (ItemPosition { record, ..ItemPosition::default() }, 4);
            key_of(&origin, &offsets.iter().zip(0..).map(at).collect::<Vec<_>>())
        };
        assert_ne!(kafka(&[7, 8, 10]), kafka(&[7, 9, 10]), "records that only one batch holds between the same two");
    }

    #[test]
    fn an_object_that_is_gone_does_not_overwrite_its_first_event() {
        let origin = Origin::s3("logs", "a.json", "e");
        let at = ItemPosition::in_object(0);
        assert_ne!(key_of(&origin, &[(at, 20)]), key_of(&origin, &[(at, 0)]));
    }

    proptest::proptest! {
        #[test]
        fn letters_of_other_positions_lie_under_another_key(
            one in proptest::collection::btree_set(0_u64..12, 1..6), other in proptest::collection::btree_set(0_u64..12, 1..6),
        ) {
            let origin = Origin::s3("logs", "a.json", "e");
            let key = |offsets: &std::collections::BTreeSet<u64>| {
                key_of(&origin, &offsets.iter().map(|offset| (ItemPosition::in_object(*offset), 4)).collect::<Vec<_>>())
            };
            proptest::prop_assert_eq!(one == other, key(&one) == key(&other));
        }
    }
}
