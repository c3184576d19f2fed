//! The dead letters of a run, each with its reason and the bytes of its event.

use std::{io, path::Path};

use base64_simd::STANDARD;
use serde_json::{Value, json};

use crate::report::letter_lines;

/// The largest number of dead letters shown.
const MAX_LETTERS: usize = 100;
/// The largest number of bytes of an event shown.
const MAX_BYTES: usize = 2 << 10;

/// The number of dead letters in a folder, and the first of them.
pub(super) fn letters(folder: &Path) -> io::Result<(u64, Vec<Value>)> {
    let (mut count, mut letters) = (0, Vec::new());
    for line in letter_lines(folder)? {
        let line = line?;
        count += 1;
        if letters.len() < MAX_LETTERS
            && let Ok(letter) = serde_json::from_str::<Value>(&line)
        {
            letters.push(shown(&letter));
        }
    }
    Ok((count, letters))
}

fn shown(letter: &Value) -> Value {
    let position = &letter["position"];
    let place = match (position["key"].as_str(), &position["offset"]) {
        (Some(key), offset) => format!("{key} @{offset}"),
        (None, _) => position.to_string(),
    };
    let decoded = letter["payload_base64"].as_str().and_then(|text| STANDARD.decode_to_vec(text).ok());
    let text = letter["payload"].as_str();
    let length = text.map(str::len).or(decoded.as_ref().map(Vec::len)).unwrap_or_default();
    // Bytes that are no text are shown with their escapes.
    let bytes = match (text, &decoded) {
        (Some(text), _) => beginning(text, MAX_BYTES).to_owned(),
        (None, Some(bytes)) => bytes[..bytes.len().min(MAX_BYTES)].escape_ascii().to_string(),
        (None, None) => String::new(),
    };
    json!({
        "place": place,
        "stage": letter["stage"],
        "error_type": letter["error_type"],
        "reason": letter["reason"],
        "bytes": bytes,
        "escaped": text.is_none() && decoded.is_some(),
        "length": letter["payload_length"].as_u64().unwrap_or(length as u64),
    })
}

/// The beginning of a text, at most so many bytes.
pub(super) fn beginning(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
