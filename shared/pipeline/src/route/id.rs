//! The document id: from the position, from the content, from a field, or none.

use base64_simd::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::error::RouteError;
use crate::decode::{Event, Path, Scalar, TooLong, push_decimal};
use crate::json;

/// The longest document id that the engine accepts, in bytes.
pub const MAX_ID_BYTES: usize = 512;

/// The source of a document's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdRule {
    /// From the position only. A second delivery is a duplicate, and two equal events stay two documents.
    Position,
    /// From the bytes of the event: equal events become one document.
    Content,
    /// A field of the event. Events with the same value in it become one document.
    Field(Path),
    /// The engine creates the id. A second delivery is indexed twice.
    None,
}

impl IdRule {
    /// The field, if the id comes from a field.
    pub fn field(&self) -> Option<&Path> {
        if let Self::Field(path) = self { Some(path) } else { None }
    }

    /// Appends `,"_id":"…"`, or nothing.
    #[inline]
    pub(super) fn write(
        &self,
        event: &Event<'_>,
        prefix: &str,
        offset: u64,
        out: &mut Vec<u8>,
    ) -> Result<(), RouteError> {
        match self {
            Self::None => return Ok(()),
            Self::Position => {
                out.extend_from_slice(br#","_id":""#);
                out.extend_from_slice(prefix.as_bytes());
                out.push(b'-');
                push_decimal(out, offset);
            }
            Self::Content => {
                out.extend_from_slice(br#","_id":""#);
                // 128 bits: with fewer, a person who writes events could produce a collision.
                let hash = match event.source.get(1 + event.added..) {
                    Some(own) if event.added > 0 => Sha256::new().chain_update(b"{").chain_update(own).finalize(),
                    _ => Sha256::digest(event.source),
                };
                URL_SAFE_NO_PAD.encode_append(&hash[..16], out);
            }
            Self::Field(path) => {
                out.extend_from_slice(br#","_id":""#);
                write_field(path, event, out)?;
            }
        }
        out.push(b'"');
        Ok(())
    }
}

fn write_field(path: &Path, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), RouteError> {
    let invalid = |what: &str| RouteError {
        error_type: "invalid_id",
        reason: format!("the id's field `{path}` {what}; an id is a string or number of 1 to {MAX_ID_BYTES} bytes"),
    };
    let value = event.get(path).ok_or_else(|| invalid("is missing"))?;
    match value.scalar() {
        Some(Scalar::String("")) => Err(invalid("is empty")),
        Some(Scalar::String(text)) if text.len() > MAX_ID_BYTES => Err(invalid(&format!("has {} bytes", text.len()))),
        Some(Scalar::String(text)) if event.is_repaired(value, text) => {
            Err(invalid("holds half of a surrogate pair, so different values could get the same id"))
        }
        Some(Scalar::String(text)) => {
            json::push_escaped(out, text);
            Ok(())
        }
        // The exact value, in plain digits. As doubles, different long numbers could get the same id.
        Some(Scalar::Number(number)) => event
            .push_exact(value, number, MAX_ID_BYTES, out)
            .map_err(|TooLong { bytes }| invalid(&format!("has {bytes} bytes in plain digits"))),
        Some(Scalar::Null) => Err(invalid("is null")),
        Some(Scalar::Bool(_)) => Err(invalid("is true or false")),
        None => Err(invalid("is an array or object")),
    }
}
