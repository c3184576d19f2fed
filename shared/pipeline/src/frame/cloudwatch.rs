//! The envelopes of CloudWatch Logs subscriptions: each log event becomes an event of its own.
//!
//! In: `{"messageType":"DATA_MESSAGE","owner":…,"logGroup":…,"logStream":…,…,"logEvents":[{"id","timestamp","message"},…]}`,
//! its log events last, the other keys in any order. Out: for each log event `@id`, `@timestamp`, `@owner`, `@log_group`
//! and `@log_stream`, as AWS's own function for `OpenSearch` names them, before the members of a message that is a JSON
//! object, or with any other message as `@message` beside its `extractedFields`. What the message itself has stands for
//! the envelope's, since the engine refuses a key that is there twice. A `CONTROL_MESSAGE` gives nothing. Deliberately
//! absent: dropping or mending what is no such log event, which comes out as it is.

mod compose;
mod header;

use std::io::Read;

use super::detect::WINDOW;
use super::history::Within;
use super::{Found, FrameError, Frames, broken, unclosed};
pub(super) use compose::Composer;
pub(super) use header::is_envelope;
use header::{Header, Stop};

impl<R: Read> Frames<R> {
    /// The next log event of the envelope, or of those behind it.
    pub(super) fn next_log_event(&mut self) -> Result<Option<Found>, FrameError> {
        loop {
            let Some(found) = self.next_element()? else { return Ok(None) };
            // What stands in no array is no log event.
            if self.within == Within::Top {
                return Ok(Some(found));
            }
            if self.composer.is_control() {
                continue;
            }
            let Found::Record { start, end } = found else { return Ok(Some(found)) };
            if !self.composer.compose(self.buffer.slice(start, end)) {
                return Ok(Some(found));
            }
            let offset = self.buffer.offset_of(start);
            return Ok(Some(self.composed(offset)));
        }
    }

    /// Reads all before the first log event of the envelope at whose brace the buffer stands; `false` where an object holds another.
    pub(super) fn begin_envelope(&mut self) -> Result<bool, FrameError> {
        let here = self.buffer.offset();
        loop {
            let unread = self.buffer.unread();
            let window = &unread[..unread.len().min(WINDOW)];
            match Header::read(window) {
                Ok(header) => {
                    self.composer.begin(&header);
                    self.buffer.pos += header.length;
                    self.within = Within::Array;
                    self.history.push_whole(here);
                    return Ok(true);
                }
                Err(Stop::Cut) if window.len() < WINDOW => {
                    if !self.fill()? {
                        return if self.stream { Err(unclosed(here)) } else { Ok(false) };
                    }
                }
                Err(_) if !self.stream => return Ok(false),
                Err(Stop::Cut) => return Err(lost(here, r#"no "logEvents" in the first 64 KiB of the envelope"#)),
                Err(Stop::Lost) => return Err(lost(here, r#"expected an envelope {…,"logEvents":[…]}"#)),
            }
        }
    }
}

fn lost(offset: u64, reason: &str) -> FrameError {
    broken(offset, "framing_lost", reason.into())
}
