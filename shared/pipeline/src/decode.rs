//! Turns a payload into an event: one JSON value, fully validated, with a tape to look up fields.
//!
//! In: the bytes of one value. Out: an [`Event`], or a [`DecodeError`] with the reason why the bytes are not an event. Parsing
//! unescapes in place, so it runs on a scratch copy; the payload passes on unchanged. Deliberately absent: the check that the
//! value is an object, which the pipeline does, and any tree of owned values.

mod decimal;
mod embedded;
mod event;
mod foreign;
mod location;
mod names;
mod path;
mod surrogates;
mod value;

pub(crate) use decimal::{TooLong, is_same_number, push_decimal};
pub use embedded::Embedded;
pub use event::Event;
pub(crate) use location::structurals;
pub(crate) use names::Names;
pub use path::{Path, PathError};
pub(crate) use value::span;
pub use value::{Number, Scalar, Value};

use serde::de::IgnoredAny;
use simd_json::{Buffers, INPUT_PADDING, Tape};

/// Why a payload is not an event. A retry would fail the same way, so the payload goes to the dead letters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct DecodeError {
    /// `invalid_json`, `invalid_utf8`, `number_out_of_range` or `too_deep`.
    pub error_type: &'static str,
    /// A description of the fault and its place in the payload, for a person.
    pub reason: String,
}

/// Parses payloads, and reuses its buffers.
pub struct Decoder {
    /// The padded copy that is parsed, and unescaped in place.
    scratch: Vec<u8>,
    /// The copy for the second try at a payload with lone surrogates. Empty until it is needed.
    repaired: Vec<u8>,
    buffers: Buffers,
    /// Always empty. Only its allocation is kept.
    tape: Tape<'static>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("scratch", &self.scratch.capacity()).finish_non_exhaustive()
    }
}

impl Decoder {
    /// A decoder whose buffers grow on demand.
    pub fn new() -> Self {
        Self {
            scratch: Vec::new(),
            repaired: Vec::new(),
            buffers: Buffers::new(4096),
            tape: Tape(Vec::with_capacity(256)),
        }
    }

    /// Parses one JSON value of any type. The result borrows the decoder until it is dropped.
    ///
    /// Lone surrogates (`"\ud83d"`, the rest of a cut emoji) are accepted, because `OpenSearch` accepts them. The tape shows
    /// U+FFFD in their place. Integers may have any length. The limits are 1024 levels, and numbers within an `f64`.
    ///
    /// # Errors
    /// A [`DecodeError`] if the payload is not exactly one JSON value in UTF-8. The caller rejects the event.
    //
    // Inlined, with one call of `fill_tape_padded`. Behind a call, or with a second call anywhere in the crate, the parser's jump
    // table is merged and parsing takes 30 % longer (measured). The loop over two scratch copies has the same reason.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "measured, see above")]
    pub fn decode<'d>(&'d mut self, payload: &'d [u8]) -> Result<Decoded<'d>, DecodeError> {
        let Self { scratch, repaired, buffers, tape: home } = self;
        let mut spare = Some(repaired);
        let mut next = Some(scratch);
        let mut last_error = None;
        while let Some(scratch) = next.take() {
            scratch.clear();
            scratch.reserve(payload.len() + INPUT_PADDING);
            scratch.extend_from_slice(payload);
            if last_error.is_some() && !surrogates::replace_lone(scratch) {
                break;
            }
            scratch.resize(payload.len() + INPUT_PADDING, b' ');
            let mut tape = std::mem::replace(home, Tape(Vec::new())).reset();
            match simd_json::fill_tape_padded(scratch, payload.len(), buffers, &mut tape) {
                Ok(()) => {
                    return Ok(Decoded { source: payload, tape, structurals: buffers.structural_indexes(), home });
                }
                Err(error) => {
                    *home = tape.reset();
                    next = spare.take();
                    last_error = Some(error);
                }
            }
        }
        Err(explain(payload, last_error.as_ref()))
    }
}

/// The result of [`Decoder::decode`]. It returns its memory to the decoder when it is dropped.
pub struct Decoded<'d> {
    source: &'d [u8],
    tape: Tape<'d>,
    structurals: &'d [u32],
    home: &'d mut Tape<'static>,
}

impl Decoded<'_> {
    /// The event, for the next steps.
    #[inline]
    pub fn event(&self) -> Event<'_> {
        Event { source: self.source, tape: &self.tape.0, structurals: self.structurals, added: 0 }
    }
}

impl Drop for Decoded<'_> {
    #[inline]
    fn drop(&mut self) {
        *self.home = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
    }
}

impl std::fmt::Debug for Decoded<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.event().fmt(f)
    }
}

/// Describes in words why simd-json refused the payload. `serde_json` only provides a better description of the place.
#[cold]
#[inline(never)]
fn explain(payload: &[u8], error: Option<&simd_json::Error>) -> DecodeError {
    use simd_json::ErrorType;
    if let Err(error) = std::str::from_utf8(payload) {
        let reason = format!("not UTF-8 from byte {} on", error.valid_up_to());
        return DecodeError { error_type: "invalid_utf8", reason };
    }
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(payload) {
        let reason = match foreign::token(payload) {
            Some(token) => format!("not JSON: `{token}` is not a JSON value, {error}"),
            None => format!("not JSON: {error}"),
        };
        return DecodeError { error_type: "invalid_json", reason };
    }
    // The JSON is well-formed, but exceeds a limit of the parser.
    match error.map(simd_json::Error::error) {
        Some(ErrorType::InvalidNumber | ErrorType::Overflow) => {
            DecodeError { error_type: "number_out_of_range", reason: "a number is beyond the range of a double".into() }
        }
        Some(ErrorType::DepthLimitExceeded) => DecodeError {
            error_type: "too_deep",
            reason: format!("nested more than {} levels deep", simd_json::DEFAULT_MAX_DEPTH),
        },
        Some(_) | None => {
            let reason = error.map_or_else(|| "not JSON".into(), |error| format!("not JSON: {error}"));
            DecodeError { error_type: "invalid_json", reason }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
