//! The dead letters in a folder.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    path::Path,
};

use emulator::s3;
use serde::Serialize;
use serde_json::Value;

/// The largest number of dead letters shown.
const SHOWN_LETTERS: usize = 5;

/// One event that could not be indexed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// The object's key.
    pub key: String,
    /// The line with the record, for a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The event's byte offset in the object or record.
    pub offset: u64,
    /// The step that rejected it.
    pub stage: String,
    /// The reason.
    pub reason: String,
}

/// The dead letters in a folder, one line each, sorted by object name.
pub(crate) fn letter_lines(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<String>>> {
    let (mut left, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                left.push(entry.path());
            } else if !entry.file_name().to_string_lossy().starts_with(s3::UPLOAD_PREFIX) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files.into_iter().flat_map(|file| {
        let (lines, failed) = match fs::File::open(file) {
            Ok(file) => (Some(BufReader::new(file).lines()), None),
            Err(error) => (None, Some(Err(error))),
        };
        lines.into_iter().flatten().chain(failed)
    }))
}

/// The number of dead letters in a folder, and the first of them, sorted by object name. `origin` finds the key and
/// line of a position.
pub(super) fn dead_letters(
    folder: &Path,
    origin: impl Fn(&Value) -> (String, Option<u64>),
) -> io::Result<(u64, Vec<DeadLetter>)> {
    let (mut count, mut letters) = (0, Vec::new());
    for line in letter_lines(folder)? {
        let line = line?;
        count += 1;
        if letters.len() == SHOWN_LETTERS {
            continue;
        }
        let letter: Value = serde_json::from_str(&line).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let position = &letter["position"];
        let (key, line) = origin(position);
        // In positions of Kafka, `offset` is the offset of the record.
        let offset = if position["byte_offset"].is_null() { &position["offset"] } else { &position["byte_offset"] };
        letters.push(DeadLetter {
            key,
            line,
            offset: offset.as_u64().unwrap_or_default(),
            stage: text(&letter["stage"]),
            reason: text(&letter["reason"]),
        });
    }
    Ok((count, letters))
}
