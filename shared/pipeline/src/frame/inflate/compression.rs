//! How an object is compressed, and where its decompression can restart.

use serde::{Deserialize, Serialize};

/// How an object or a record is compressed. Its first bytes decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not compressed.
    None,
    /// One or more gzip members (RFC 1952).
    Gzip,
    /// One or more zstd frames (RFC 8878).
    Zstd,
}

impl Compression {
    /// Detects the compression from the first four bytes, or from all bytes if there are fewer.
    pub(in crate::frame) fn of(head: &[u8]) -> Self {
        match *head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A zstd frame, or a frame to be skipped.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// A place where decompression can restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its byte offset in the object, where a Range request begins.
    pub compressed: u64,
    /// The offset of its first byte in the decompressed stream.
    pub raw: u64,
}
