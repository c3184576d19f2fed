//! The log events in the envelopes of CloudWatch Logs, one after another.

use std::io::Read;

use super::{
    cloudwatch::{Header, Stop},
    detect::WINDOW,
    error::{FrameError, broken},
    frames::{Found, Frames},
    history::Within,
    seam::holds_cut,
    state::Gap,
};

impl<R: Read> Frames<R> {
    /// The next log event of this envelope or of a later one.
    pub(super) fn next_log_event(&mut self) -> Result<Option<Found>, FrameError> {
        loop {
            let Some(found) = self.next_element()? else { return Ok(None) };
            let is_control = self.is_element && self.composer.is_control();
            let (start, end) = match found {
                Found::Record { .. } | Found::TooLarge { .. } if is_control => continue,
                // A value outside an array is not a log event.
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

    /// Reads everything before the first log event, at the opening brace of an envelope. Returns `false` if an S3
    /// object has another value here.
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

    /// The length of the header at the current position.
    pub(super) fn find_header(&mut self) -> Result<Result<usize, Stop>, FrameError> {
        loop {
            let unread = self.buffer.unread();
            let window = &unread[..unread.len().min(WINDOW)];
            match Header::read(window) {
                // Another value begins inside the header.
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
