//! The routing of a document: the value of a field, which decides the shard.
//!
//! Ids are unique within a shard only. The routing follows from the event alone, as its id does, so a second delivery
//! meets the first document.

use super::{error::RouteError, id::MAX_ID_BYTES};
use crate::decode::{Event, Path, Scalar, TooLong};
use crate::json;

/// Appends `,"routing":"…"`.
pub(super) fn write(path: &Path, event: &Event<'_>, out: &mut Vec<u8>) -> Result<(), RouteError> {
    let invalid = |what: &str| RouteError {
        error_type: "invalid_routing",
        reason: format!(
            "the field `{path}` of `routing` {what}; a routing is a string, number or boolean of 1 to {MAX_ID_BYTES} bytes"
        ),
    };
    let value = event.get(path).ok_or_else(|| invalid("is missing"))?;
    out.extend_from_slice(br#","routing":""#);
    match value.scalar() {
        Some(Scalar::String("")) => return Err(invalid("is empty")),
        Some(Scalar::String(text)) if text.len() > MAX_ID_BYTES => {
            return Err(invalid(&format!("has {} bytes", text.len())));
        }
        Some(Scalar::String(text)) => json::push_escaped(out, text),
        // The exact value, as in an id: one number has one routing, however it is written.
        Some(Scalar::Number(number)) => event
            .push_exact(value, number, MAX_ID_BYTES, out)
            .map_err(|TooLong { bytes }| invalid(&format!("has {bytes} bytes in plain digits")))?,
        Some(Scalar::Bool(value)) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Some(Scalar::Null) => return Err(invalid("is null")),
        None => return Err(invalid("is an array or object")),
    }
    out.push(b'"');
    Ok(())
}
