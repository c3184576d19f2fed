//! An event: the bytes of one JSON value and its tape.

use simd_json::Node;

use super::{path::Path, value::Value};

/// One JSON value.
#[derive(Debug, Clone, Copy)]
pub struct Event<'e> {
    /// The bytes of the value as received.
    pub source: &'e [u8],
    /// simd-json's tape over a scratch copy.
    pub tape: &'e [Node<'e>],
    /// The byte offset in `source` of every structural character, in the order of the tape.
    pub structurals: &'e [u32],
    /// Number of bytes in `source`, after the opening brace, that were copied from the object around the event.
    pub added: usize,
}

impl<'e> Event<'e> {
    /// Whether the value is a JSON object. Nothing else can be a document.
    pub fn is_object(&self) -> bool {
        matches!(self.tape.first(), Some(Node::Object { .. }))
    }

    /// Sets the number of bytes after the brace that are not the event's own. For an unfolded event this number is unknown.
    #[inline]
    #[must_use]
    pub fn with_added(self, added: usize) -> Self {
        Self { added, ..self }
    }

    /// The whole value.
    pub fn value(&self) -> Value<'e> {
        Value::new(self.tape)
    }

    /// The first value at `path`, in the order of the bytes.
    pub fn get(&self, path: &Path) -> Option<Value<'e>> {
        let mut found = None;
        path.any(self.value(), |value| {
            found = Some(value);
            true
        });
        found
    }
}
