//! The lines of an object of dead letters that remain after a retry. They are changed as JSON, so that members of other
//! releases stay.

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The same letter at a later offset of its record. `None` if the line is no dead letter.
pub fn move_to(offset: u64, letter: &[u8]) -> Option<Vec<u8>> {
    let mut letter: Value = serde_json::from_slice(letter).ok()?;
    let position = letter.get_mut("position")?.as_object_mut()?;
    // A position in Kafka has an `offset` of its record too.
    let name = if position.contains_key("byte_offset") { "byte_offset" } else { "offset" };
    position.insert(name.to_owned(), offset.into());
    Some((letter.to_string() + "\n").into_bytes())
}

/// The identity of each letter: its position, and for a rest also its continuation.
pub fn identities(lines: &[u8]) -> Vec<String> {
    let identity = |line: &[u8]| {
        let letter: Value = serde_json::from_slice(line).unwrap_or_default();
        format!("{}{}", letter["position"], letter.get("continuation").map(ToString::to_string).unwrap_or_default())
    };
    lines.split_inclusive(|byte| *byte == b'\n').map(identity).collect()
}

/// The key of a remainder: in the folder of the original object, by the positions and content of its letters. The same
/// remainder has the same key. The content is needed because two objects may each have a letter of the same position:
/// an event that was rejected there, and the rest that begins there.
pub fn remainder_key(key: &str, remainder: &[u8]) -> String {
    let identities = identities(remainder);
    let mut hash = Sha256::new();
    for (identity, line) in identities.iter().zip(remainder.split_inclusive(|byte| *byte == b'\n')) {
        let letter: Value = serde_json::from_slice(line).unwrap_or_default();
        // The reason is left out, since it may contain a duration.
        let held = ["error_type", "payload", "payload_base64", "payload_length"].map(|member| &letter[member]);
        hash.update(format!("{identity} {held:?}\n"));
    }
    let folder = key.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    format!("{folder}left-{}-{}.ndjson", URL_SAFE_NO_PAD.encode_to_string(&hash.finalize()[..12]), identities.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(error_type: &str, reason: &str, more: &str) -> String {
        let position = r#"{"bucket":"b","key":"k","etag":"e","offset":7}"#;
        format!(r#"{{"position":{position},"error_type":"{error_type}","reason":"{reason}"{more}}}"#) + "\n"
    }

    #[test]
    fn a_letter_moves_to_the_byte_of_its_record_that_was_reached() {
        let kinesis = r#"{"position":{"stream":"s","shard":"t","sequence_number":"4","aggregate_index":2,"offset":7},"payload":"{}"}"#;
        let kafka = r#"{"position":{"cluster":"c","topic":"t","partition":0,"offset":7,"timestamp":1,"byte_offset":7},"payload":"{}"}"#;
        for (letter, expected) in [
            (kinesis, kinesis.replace(r#""offset":7"#, r#""offset":90"#)),
            (kafka, kafka.replace(r#""byte_offset":7"#, r#""byte_offset":90"#)),
        ] {
            let moved = move_to(90, letter.as_bytes()).unwrap();
            let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
            assert_eq!(json(std::str::from_utf8(&moved).unwrap()), json(&expected));
            assert!(moved.ends_with(b"}\n"));
            assert_ne!(identities(&moved), identities(letter.as_bytes()), "so it replaces the letter");
        }
    }

    #[test]
    fn remainders_of_the_same_positions_do_not_overwrite_one_another() {
        let key = |remainder: &str| remainder_key("dead/app/X/1-9-3-hash.ndjson", remainder.as_bytes());
        let kinds = [
            letter("strict", "no", r#","payload":"{}""#),
            letter("strict", "no", r#","payload":"{","payload_length":9"#),
            letter("strict", "no", r#","payload_base64":"/w==""#),
            letter("gone", "no", ""),
            letter("position_not_found", "no", ""),
            letter("gone", "no", r#","continuation":{"only":{"at":[7]}}"#),
            letter("gone", "no", r#","continuation":{"only":{"from":7}}"#),
        ];
        let keys: std::collections::BTreeSet<String> = kinds.iter().map(|one| key(one)).collect();
        assert_eq!(keys.len(), kinds.len(), "{keys:?}");
        assert!(keys.iter().all(|key| key.starts_with("dead/app/X/left-") && key.ends_with("-1.ndjson")), "{keys:?}");
        assert_eq!(key(&letter("gone", "after 3 s", "")), key(&letter("gone", "after 4 s", "")));
    }
}
