//! The next frame.

use std::io::Read;

use serde::de::IgnoredAny;

use super::{
    detect,
    error::{FrameError, broken},
    format::Format,
    frames::{Found, Frame, Frames},
    history::Within,
    magic, noise,
    seam::LineStarts,
    state::Line,
    white_space::{BOM, is_blank},
};

impl<R: Read> Frames<R> {
    /// The next frame, or `None` at the end of the object.
    ///
    /// # Errors
    /// [`FrameError::Read`]: the reader failed. The next call continues where it stopped, if the reader can.
    /// [`FrameError::Broken`]: the rest is unreadable. Every later call returns `None`.
    #[expect(
        clippy::should_implement_trait,
        reason = "a frame borrows from the reader, which an Iterator's item cannot"
    )]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        self.last = None;
        self.composer.time_ms = None;
        self.added = 0;
        if self.broken {
            return Ok(None);
        }
        let found = self.find_wanted();
        if !matches!(found, Err(FrameError::Read(_)))
            && let Some(offset) = self.zeros_from.take()
            && matches!(found, Ok(None))
        {
            // Nothing but NUL bytes was read: the content was never written.
            self.broken = true;
            return Err(broken(offset, "nul_bytes", "nothing but NUL bytes".into()));
        }
        match found {
            Ok(None) => Ok(None),
            Ok(Some(found @ (Found::Record { start, end } | Found::Part { start, end }))) => {
                self.last = matches!(found, Found::Record { .. }).then_some((start, end));
                let (payload, offset) = (self.buffer.slice(start, end), self.buffer.offset_of(start));
                Ok(Some(Frame::Record { payload, offset, time_ms: self.composer.time_ms, added: 0 }))
            }
            Ok(Some(Found::Composed { offset })) => {
                let (payload, time_ms) = (self.composer.payload(), self.composer.time_ms);
                Ok(Some(Frame::Record { payload, offset, time_ms, added: self.added }))
            }
            Ok(Some(Found::Missing { offset })) => {
                Ok(Some(Frame::Record { payload: &[], offset, time_ms: None, added: 0 }))
            }
            Ok(Some(Found::TooLarge { offset, length })) => {
                Ok(Some(Frame::TooLarge { offset, length, head: &self.head }))
            }
            Err(error) => {
                self.broken = matches!(error, FrameError::Broken { .. });
                Err(error)
            }
        }
    }

    /// Call this when a record does not decode. It says whether the record may be something other than one broken
    /// value: several values in one line of NDJSON, a line of text that begins like a value, or the rest of an array.
    /// If it returns `true`, forget the record: [`Frames::next`] returns what it really is.
    ///
    /// Only objects and arrays count as several values: `{"a":1}}` is one faulty record, not two.
    pub fn split(&mut self) -> bool {
        let Some((start, end)) = self.last.take() else { return false };
        if self.whole || self.line.endless {
            return false;
        }
        let record = self.buffer.slice(start, end);
        if self.format == Format::Ndjson && self.within == Within::Top {
            if self.line.singles || !noise::is_values_and_noise(record) {
                return false;
            }
            self.line = Line::singly();
        } else {
            if self.within == Within::Top && !matches!(record.first(), Some(b'{')) {
                return false;
            }
            self.doubtful = Some(end - start);
            self.line_starts = LineStarts::default();
        }
        self.buffer.pos = start;
        true
    }

    /// The next frame at or after the offset where this attempt begins.
    fn find_wanted(&mut self) -> Result<Option<Found>, FrameError> {
        loop {
            let found = self.find()?;
            let (offset, end) = match &found {
                None => return Ok(None),
                Some(Found::Record { start, end } | Found::Part { start, end }) => {
                    (self.buffer.offset_of(*start), self.buffer.offset_of(*end))
                }
                Some(Found::Composed { offset } | Found::Missing { offset }) => (*offset, *offset),
                Some(Found::TooLarge { offset, length }) => (*offset, offset + length),
            };
            if offset >= self.wanted_from {
                return Ok(found);
            }
            // If this value was split at the first reading, split it in the same way, so that the frames after it are
            // the same.
            if let Some(Found::Record { start, end: last }) = found
                && (end > self.wanted_from
                    || self.buffer.slice(start, start + 1) != b"{"
                    || serde_json::from_slice::<IgnoredAny>(self.buffer.slice(start, last)).is_err())
            {
                self.last = Some((start, last));
                self.split();
            }
        }
    }

    fn find(&mut self) -> Result<Option<Found>, FrameError> {
        while self.buffer.offset() < self.start {
            let ahead = usize::try_from(self.start - self.buffer.offset()).unwrap_or(usize::MAX);
            self.buffer.pos += ahead.min(self.buffer.unread().len());
            if self.buffer.offset() < self.start && !self.fill()? {
                return Err(broken(self.start, "truncated", "the object ends before the offset to resume at".into()));
            }
        }
        if self.whole {
            return self.next_whole();
        }
        if self.skip.is_some() {
            return self.go_on_skipping().map(Some);
        }
        if let Some(length) = self.doubtful {
            return self.broken_value(length).map(Some);
        }
        if self.buffer.offset() == 0 {
            self.begin()?;
        }
        match self.format {
            Format::Ndjson => self.next_line(),
            Format::Records => self.next_with_envelope(),
            Format::CloudwatchLogs => self.next_log_event(),
            Format::Array | Format::Concatenated | Format::Auto => self.next_value(),
        }
    }

    /// Checks the first bytes of an object: encoding, byte order mark, format.
    fn begin(&mut self) -> Result<(), FrameError> {
        let wanted = if self.format == Format::Auto { detect::WINDOW } else { magic::NEEDED };
        let mut whole = false;
        while self.buffer.unread().len() < wanted && !whole {
            match self.fill() {
                Ok(more) => whole = !more,
                // The next read reports the fault again, after the readable bytes.
                Err(FrameError::Broken { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        let window = &self.buffer.unread()[..self.buffer.unread().len().min(detect::WINDOW)];
        if let Some(reason) = detect::foreign_encoding(window) {
            return Err(broken(0, "not_utf8", reason.into()));
        }
        if let Some(reason) = magic::refused(window, !self.stream) {
            return Err(broken(0, "unsupported_format", reason));
        }
        self.zeros_from = (window.first() == Some(&0)).then_some(0);
        let bom = if window.starts_with(BOM) { BOM.len() } else { 0 };
        if self.format == Format::Auto {
            let whole = whole && window.len() == self.buffer.unread().len();
            let window = &window[bom..];
            let window = &window[window.iter().position(|&byte| !is_blank(byte)).unwrap_or(window.len())..];
            self.format = if !self.stream {
                detect::detect(window, whole)
            } else if let Some(format) = detect::detect_record(window, whole) {
                format
            } else {
                self.line = Line::endless();
                Format::Concatenated
            };
        }
        self.buffer.pos += bom;
        Ok(())
    }
}
