//! Where another invocation resumes reading an object.

use serde::{Deserialize, Serialize};

use super::{
    format::Format,
    inflate::{Compression, Member},
};

/// Where another invocation resumes reading an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The offset in the decompressed stream: the first byte of a value, or the place where the search for the next
    /// value begins.
    pub offset: u64,
    /// [`Format::Auto`] only if nothing was read yet.
    pub format: Format,
    /// Inside the array: a value, `,` or `]` is expected.
    pub inside: bool,
    /// After the bracket that opens the array: an element may follow without a comma.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opens: bool,
    /// Perhaps inside the array: something broken precedes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// Where framing begins, if not at `offset`. The frames between the two are skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin: Option<u64>,
    /// How the object is compressed.
    pub compression: Compression,
    /// Where the reader begins: a Range request from `member.compressed` on.
    pub member: Member,
}

impl Checkpoint {
    /// The start of an object of which nothing is known yet.
    pub fn start(format: Format) -> Self {
        let member = Member { compressed: 0, raw: 0 };
        let compression = Compression::None;
        Self { offset: 0, format, inside: false, opens: false, unknown: false, begin: None, compression, member }
    }
}
