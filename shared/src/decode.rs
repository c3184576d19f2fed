//! A payload becomes an event: one JSON value, validated whole, with a tape to look fields up in.
//!
//! Parsing unescapes in place, so it happens in a scratch copy; the payload stays pristine and goes on as it is.

use simd_json::Node;

/// One JSON value.
#[derive(Debug)]
pub struct Event<'e> {
    /// The very bytes it came in.
    pub source: &'e [u8],
    /// simd-json's tape over a scratch copy.
    pub tape: &'e [Node<'e>],
    /// The byte offset in `source` of every structural character, in the order of the tape.
    pub structurals: &'e [u32],
}
