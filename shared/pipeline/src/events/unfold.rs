//! Decodes a payload, and unfolds JSON in its strings.

use crate::decode::{DecodeError, Decoder, Embedded, Event};

/// The buffers of unfolding.
#[derive(Debug, Default)]
pub(crate) struct Unfolding {
    text: Vec<u8>,
    next: Vec<u8>,
    /// Number of strings so far that hold no JSON.
    pub(crate) left_out: u64,
}

/// Which text is decoded.
#[derive(PartialEq)]
enum Text {
    AsItCame,
    Unfolded,
    /// The payload without unfolding, because the unfolded text cannot be decoded: its numbers or nesting exceed a limit.
    NotToBeUnfolded,
}

/// Decodes a payload and passes the event on. If JSON in the payload was unfolded, the result is decoded a second time.
///
/// # Errors
/// The payload is not JSON, or exceeds a limit of decode.
//
// Inlined into the one event loop. Behind a call, or with a second call site in the same program, the parser takes 30 % longer
// (`Decoder::decode`).
#[inline(always)]
#[expect(clippy::inline_always, reason = "measured, see above")]
pub(crate) fn decode<R>(
    decoder: &mut Decoder,
    embedded: Option<&Embedded>,
    unfolding: &mut Unfolding,
    payload: &[u8],
    then: impl FnOnce(&Event<'_>) -> R,
) -> Result<R, DecodeError> {
    let Unfolding { text: unfolded, next, left_out } = unfolding;
    let mut text = Text::AsItCame;
    loop {
        let bytes = if text == Text::Unfolded { unfolded.as_slice() } else { payload };
        let parsed = match decoder.decode(bytes) {
            Ok(parsed) => parsed,
            Err(_) if text == Text::Unfolded => {
                *left_out += 1;
                text = Text::NotToBeUnfolded;
                continue;
            }
            Err(error) => return Err(error),
        };
        if text == Text::AsItCame
            && let Some(embedded) = embedded
            && embedded.unfold(&parsed.event(), next, left_out)
        {
            drop(parsed);
            std::mem::swap(unfolded, next);
            text = Text::Unfolded;
            continue;
        }
        return Ok(then(&parsed.event()));
    }
}
