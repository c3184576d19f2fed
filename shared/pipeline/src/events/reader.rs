//! The one event loop: frame, decode, unfold, split.
//!
//! In: frames. Out: an event, or the reason why there is none, for a [`Sink`]. The functions and a dry run differ only in their
//! sinks, so a dry run cannot disagree with a function. The loop calls the frames through a trait object, whatever their reader:
//! a program with one sink holds one copy of the loop, and in it the one call of the parser. Deliberately absent: the rules
//! ([`Judge`](super::Judge)), and the rest of an input that cannot be read, which the caller handles.

use std::io::Read;

use super::{
    refused::Refused,
    unfold::{Unfolding, decode},
};
use crate::{
    decode::{DecodeError, Decoder, Embedded, Event},
    frame::{Frame, FrameError, Frames, Look},
};

/// The frames of one input, whatever its reader.
pub trait Framing {
    /// The next frame, as [`Frames::next`].
    ///
    /// # Errors
    /// A [`FrameError`], as [`Frames::next`].
    fn next(&mut self) -> Result<Option<Frame<'_>>, FrameError>;

    /// Whether a value that does not decode may be several, as [`Frames::split`].
    fn split(&mut self) -> bool;
}

impl<R: Read> Framing for Frames<R> {
    fn next(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        Frames::next(self)
    }

    fn split(&mut self) -> bool {
        Frames::split(self)
    }
}

/// One whole value.
#[derive(Debug, Clone, Copy)]
pub struct Value<'f> {
    /// Its bytes as framed.
    pub payload: &'f [u8],
    /// The offset of its first byte in the decompressed stream.
    pub offset: u64,
    /// Its own time, in milliseconds since 1970. Only a CloudWatch Logs log event has one.
    pub time_ms: Option<i64>,
}

/// Chooses the values of an input, and takes the events.
pub trait Sink {
    /// Why reading stops before the end.
    type Stop;

    /// Runs before each frame.
    ///
    /// # Errors
    /// Reading stops here.
    fn proceed(&mut self) -> Result<(), Self::Stop> {
        Ok(())
    }

    /// What to do with a value. [`Look::Divide`]: decode it, since the next value begins where decoding ends, and forget it.
    ///
    /// # Errors
    /// Reading stops here.
    fn look(&mut self, offset: u64, length: u64) -> Result<Look, Self::Stop>;

    /// Takes an event.
    ///
    /// # Errors
    /// Reading stops here.
    fn take(&mut self, value: Value<'_>, event: &Event<'_>) -> Result<(), Self::Stop>;

    /// Counts the strings of the last event that hold no JSON, although a rule says so.
    fn count_left_out(&mut self, strings: u64);

    /// Takes a value that is not an event. `payload` is the value, or the head of a value over the limit. `length` is its whole length.
    ///
    /// # Errors
    /// Reading stops here.
    fn refuse(&mut self, offset: u64, payload: &[u8], length: u64, refused: Refused) -> Result<(), Self::Stop>;
}

/// How reading ended.
#[derive(Debug)]
pub enum Ended {
    /// At the end of the input.
    Whole,
    /// At a rest that cannot be read.
    Unreadable(FrameError),
}

/// Reads the events of one input after another, and reuses its buffers.
#[derive(Debug, Default)]
pub struct EventReader {
    decoder: Decoder,
    unfolding: Unfolding,
    /// The value that did not decode.
    undecoded: Vec<u8>,
}

impl EventReader {
    /// Reads all frames.
    ///
    /// # Errors
    /// The sink stopped reading.
    //
    // Never inlined, so that each caller shares the one copy.
    #[inline(never)]
    pub fn read<S: Sink>(
        &mut self,
        frames: &mut dyn Framing,
        embedded: Option<&Embedded>,
        sink: &mut S,
    ) -> Result<Ended, S::Stop> {
        let Self { decoder, unfolding, undecoded } = self;
        let mut refused: Option<(u64, Look, DecodeError)> = None;
        loop {
            // A payload that did not decode may hold several values in one line. The framer then returns them one by one.
            if let Some((offset, look, error)) = refused.take()
                && !frames.split()
                && look == Look::Take
            {
                sink.refuse(offset, undecoded, undecoded.len() as u64, error.into())?;
            }
            sink.proceed()?;
            let (value, added) = match frames.next() {
                Ok(Some(Frame::Record { payload, offset, time_ms, added })) => {
                    (Value { payload, offset, time_ms }, added)
                }
                Ok(Some(Frame::TooLarge { offset, length, head })) => {
                    if sink.look(offset, length)? == Look::Take {
                        sink.refuse(offset, head, length, Refused::too_large(length))?;
                    }
                    continue;
                }
                Ok(None) => return Ok(Ended::Whole),
                Err(error) => return Ok(Ended::Unreadable(error)),
            };
            let Value { payload, offset, .. } = value;
            let look = sink.look(offset, payload.len() as u64)?;
            if look == Look::Skip {
                continue;
            }
            let decoded = decode(decoder, embedded, unfolding, payload, |event| {
                if look == Look::Divide {
                    return Ok(());
                }
                // The bytes that framing added are known only as long as the event is not unfolded.
                let added = if std::ptr::eq(event.source, payload) { added } else { 0 };
                sink.take(value, &event.with_added(added))
            });
            match decoded {
                Ok(taken) => {
                    let strings = std::mem::take(&mut unfolding.left_out);
                    if look == Look::Take {
                        sink.count_left_out(strings);
                    }
                    taken?;
                }
                Err(error) => {
                    undecoded.clear();
                    undecoded.extend_from_slice(payload);
                    refused = Some((offset, look, error));
                }
            }
        }
    }
}
