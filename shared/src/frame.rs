//! Bytes become payloads: decompressed by magic bytes, cut into single JSON values, capped.

use serde::{Deserialize, Serialize};

/// How values follow one another in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Told apart by the first 64 KiB.
    Auto,
    /// One value a line.
    Ndjson,
    /// The elements of one array.
    Array,
    /// Values one after another, with or without white space.
    Concatenated,
    /// The elements of the array under the first key, `Records`.
    Records,
}

/// What the reader of an object meets next.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'f> {
    /// One value, whole, not validated.
    Record {
        /// Its bytes, without surrounding white space; inside may be newlines where the format is not NDJSON.
        payload: &'f [u8],
        /// The offset of its first byte in the concatenated decompressed stream.
        offset: u64,
    },
    /// A value over the limit. Reading goes on behind it.
    TooLarge {
        /// The offset of its first byte.
        offset: u64,
        /// Its length in bytes.
        length: u64,
        /// Its first 64 KiB.
        head: &'f [u8],
    },
}
