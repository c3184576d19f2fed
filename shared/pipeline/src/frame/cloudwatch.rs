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
use super::gap::Gap;
use super::history::Within;
use super::seam::holds_cut;
use super::{Found, FrameError, Frames, broken};
pub(super) use compose::Composer;
use header::Header;
pub(super) use header::Stop;
pub(super) use header::is_envelope;

impl<R: Read> Frames<R> {
    /// The next log event of the envelope, or of those behind it.
    pub(super) fn next_log_event(&mut self) -> Result<Option<Found>, FrameError> {
        loop {
            let Some(found) = self.next_element()? else { return Ok(None) };
            let is_control = self.is_element && self.composer.is_control();
            let (start, end) = match found {
                Found::Record { .. } | Found::TooLarge { .. } if is_control => continue,
                // What stands in no array is no log event.
                Found::Record { start, end } if self.is_element => (start, end),
                _ => return Ok(Some(found)),
            };
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
        let length = match self.find_header()? {
            Ok(length) => length,
            Err(Stop::Cut) if self.stream && self.buffer.unread().len() < WINDOW => return Err(self.torn_here()),
            Err(_) if !self.stream => return Ok(false),
            Err(Stop::Cut) => return Err(lost(here, r#"no "logEvents" in the first 64 KiB of the envelope"#)),
            Err(Stop::Lost) => return Err(lost(here, r#"expected an envelope {…,"logEvents":[…]}"#)),
        };
        if let Ok(header) = Header::read(&self.buffer.unread()[..length]) {
            self.composer.begin(&header);
        }
        self.buffer.pos += length;
        self.within = Within::Array;
        self.history.push_whole(here);
        self.gap = Some(Gap::opening(self.buffer.offset()));
        Ok(true)
    }

    /// The length of the header at which the buffer stands.
    pub(super) fn find_header(&mut self) -> Result<Result<usize, Stop>, FrameError> {
        loop {
            let unread = self.buffer.unread();
            let window = &unread[..unread.len().min(WINDOW)];
            match Header::read(window) {
                // Another value begins within it.
                Ok(header) if holds_cut(&window[..header.length]) => return Ok(Err(Stop::Lost)),
                Ok(header) => return Ok(Ok(header.length)),
                Err(Stop::Cut) if window.len() < WINDOW => {
                    if !self.fill()? {
                        return Ok(Err(Stop::Cut));
                    }
                }
                Err(stop) => return Ok(Err(stop)),
            }
        }
    }
}

fn lost(offset: u64, reason: &str) -> FrameError {
    broken(offset, "framing_lost", reason.into())
}
