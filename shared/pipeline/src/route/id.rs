//! The document id: from the position, from the content, from a field, or none.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use super::{MAX_ID_BYTES, RouteError};
use crate::decode::{Event, Path, Scalar, TooLong, push_decimal};
use crate::json;

/// How a document's id follows from its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdRule {
    /// From the position alone: a second delivery is a duplicate, two equal events stay two.
    Position,
    /// From the bytes of the event: equal events become one document.
    Content,
    /// A field of the event: events with an equal field become one document.
    Field(Path),
    /// The engine's own: a second delivery is indexed twice.
    None,
}

impl IdRule {
    /// The field that it is, where it is one.
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
                // 128 bits: whoever writes events could make two collide in fewer.
                let mut text = [0; 22];
                let hash = match event.source.get(1 + event.added..) {
                    Some(own) if event.added > 0 => Sha256::new().chain_update(b"{").chain_update(own).finalize(),
                    _ => Sha256::digest(event.source),
                };
                if let Ok(length) = URL_SAFE_NO_PAD.encode_slice(&hash[..16], &mut text) {
                    out.extend_from_slice(&text[..length]);
                }
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
        Some(Scalar::String(text)) => {
            json::push_escaped(out, text);
            Ok(())
        }
        // Its exact value, in plain digits: as a double, long numbers that differ would be one id.
        Some(Scalar::Number(number)) => event
            .push_exact(value, number, MAX_ID_BYTES, out)
            .map_err(|TooLong { bytes }| invalid(&format!("has {bytes} bytes in plain digits"))),
        Some(Scalar::Null) => Err(invalid("is null")),
        Some(Scalar::Bool(_)) => Err(invalid("is true or false")),
        None => Err(invalid("is an array or object")),
    }
}
