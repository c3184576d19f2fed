//! NDJSON: one value per line, and how lines that are not one value are handled.
//!
//! A line within the limit is returned unchanged. Only its newline is searched for. A longer line is read value by
//! value, since Firehose writes all its records into one line. A line that the caller has [split](super::Frames::split)
//! is read in the same way. Text that follows a value and is not another value belongs to the first one: the rest of
//! the line is then one record, which decode refuses. A line that is an array of objects is read element by element.
//! Anything broken in it is one record up to the newline. All of this depends on the bytes after a value, never on
//! those before, except for whether the value is in an array. A resumed reading therefore gets the same result.

use std::io::Read;

use memchr::memchr;

use super::{
    error::{FrameError, unclosed},
    frames::{Found, Frames},
    history::Within,
    scan::Scanner,
    state::{Line, Until},
    white_space::{BOM, trim_end},
};

impl<R: Read> Frames<R> {
    /// The next line, or the next value of a line that is read value by value.
    pub(super) fn next_line(&mut self) -> Result<Option<Found>, FrameError> {
        loop {
            if self.line.singles {
                if let Some(found) = self.next_in_line()? {
                    return Ok(Some(found));
                }
                self.line = Line::default();
            }
            if !self.skip_white_space()? {
                return Ok(None);
            }
            if self.buffer.unread()[0] != b'{' && self.is_odd()? {
                continue;
            }
            let mut searched = 0;
            let (length, taken) = loop {
                let unread = self.buffer.unread();
                if let Some(at) = memchr(b'\n', &unread[searched..]) {
                    break (searched + at, searched + at + 1);
                }
                searched = unread.len();
                // One more byte may be a carriage return.
                if searched > self.max + 1 || !self.fill()? {
                    break (searched, searched);
                }
            };
            let line = &self.buffer.unread()[..length];
            if self.fits(line) {
                let length = trim_end(line).len();
                let found = Found::Record { start: self.buffer.pos, end: self.buffer.pos + length };
                self.buffer.pos += taken;
                return Ok(Some(found));
            }
            self.line = Line::singly();
        }
    }

    /// Skips bytes that a line may begin with and that belong to no value. If the line is an array, starts to read it
    /// value by value. Returns `false` if the line is neither.
    #[cold]
    fn is_odd(&mut self) -> Result<bool, FrameError> {
        let first = self.buffer.unread()[0];
        match first {
            0 => {
                let unread = self.buffer.unread();
                self.buffer.pos += unread.iter().position(|&byte| byte != 0).unwrap_or(unread.len());
                Ok(true)
            }
            0xef if self.begins_with(BOM)? => {
                self.buffer.pos += BOM.len();
                Ok(true)
            }
            b',' if self.is_lone_comma()? => {
                self.buffer.pos += 1;
                Ok(true)
            }
            b'[' if self.opens_array(true)? => {
                self.line = Line::singly();
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether a line, without its newline, is within the limit.
    fn fits(&self, line: &[u8]) -> bool {
        line.strip_suffix(b"\r").unwrap_or(line).len() <= self.max
    }

    /// The next value of the line, or `None` after its newline.
    fn next_in_line(&mut self) -> Result<Option<Found>, FrameError> {
        if !self.find_value_in_line()? {
            return Ok(None);
        }
        let first = self.buffer.unread()[0];
        if self.within == Within::Array {
            return self.element_in_line(first).map(Some);
        }
        let Some(scanner) = container(self.buffer.unread()) else { return self.rest_of_line().map(Some) };
        let Some(length) = self.end_in_line(scanner)? else { return self.rest_of_line().map(Some) };
        if length > self.max {
            return self.skip(Until::ClosedInLine(scanner)).map(Some);
        }
        if self.text_follows(length)? {
            return self.rest_of_line().map(Some);
        }
        let start = self.buffer.pos;
        self.buffer.pos += length;
        Ok(Some(Found::Record { start, end: start + length }))
    }

    /// Moves to the next value of the line. Returns `false` after its newline.
    fn find_value_in_line(&mut self) -> Result<bool, FrameError> {
        loop {
            let unread = self.buffer.unread();
            let Some(at) = unread.iter().position(|&byte| !matches!(byte, b' ' | b'\t' | b'\r' | 0)) else {
                self.buffer.clear();
                if !self.fill()? {
                    return if self.within == Within::Array { Err(unclosed(self.offset())) } else { Ok(false) };
                }
                continue;
            };
            self.buffer.pos += at;
            let is_inside = self.within == Within::Array;
            let first = self.buffer.unread()[0];
            match first {
                b'\n' if is_inside => return Ok(true),
                b'\n' => {
                    self.buffer.pos += 1;
                    return Ok(false);
                }
                b']' if is_inside => {
                    self.buffer.pos += 1;
                    self.go_over_to(Within::Top);
                }
                b'[' if !is_inside && self.opens_array(true)? => {
                    self.buffer.pos += 1;
                    self.go_over_to(Within::Array);
                }
                b',' if is_inside || self.is_lone_comma()? => self.buffer.pos += 1,
                0xef if self.begins_with(BOM)? => self.buffer.pos += BOM.len(),
                _ => return Ok(true),
            }
        }
    }

    /// An element of an array in the line. If there is none, the rest of the line.
    fn element_in_line(&mut self, first: u8) -> Result<Found, FrameError> {
        if first == b'\n' {
            // The array was cut after an element. This is a fault, although none of its bytes are left.
            let start = self.buffer.pos;
            self.buffer.pos += 1;
            self.go_over_to(Within::Top);
            self.line = Line::default();
            return Ok(Found::Part { start, end: start });
        }
        let Some(scanner) = Scanner::for_value(first) else { return self.broken_line() };
        let Some(length) = self.end_in_line(scanner)? else { return self.broken_line() };
        if length > self.max {
            return self.skip(Until::ElementInLine(scanner));
        }
        let start = self.buffer.pos;
        self.buffer.pos += length;
        Ok(Found::Record { start, end: start + length })
    }

    /// The rest of a line whose array is broken.
    pub(super) fn broken_line(&mut self) -> Result<Found, FrameError> {
        let found = self.rest_of_line()?;
        if self.skip.is_none() {
            self.go_over_to(Within::Top);
        }
        Ok(found.into_part())
    }

    /// The length of the value at the current position, or the number of bytes seen if it is over the limit. `None` if
    /// the line ends first.
    fn end_in_line(&mut self, mut scanner: Scanner) -> Result<Option<usize>, FrameError> {
        let mut length = 0;
        loop {
            let (held, complete) = self.held_of_line();
            if let Some(count) = scanner.scan(&self.buffer.unread()[length..held]) {
                return Ok(Some(length + count));
            }
            length = held;
            // One more byte may be a carriage return.
            if length > self.max + 1 {
                return Ok(Some(length));
            }
            if complete || !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Everything up to the newline, as one record.
    pub(super) fn rest_of_line(&mut self) -> Result<Found, FrameError> {
        loop {
            let (held, complete) = self.held_of_line();
            if complete || held > self.max + 1 || !self.fill()? {
                let line = &self.buffer.unread()[..held];
                if !self.fits(line) {
                    return self.skip(Until::Newline);
                }
                let (start, length) = (self.buffer.pos, trim_end(line).len());
                self.buffer.pos += held;
                return Ok(Found::Record { start, end: start + length });
            }
        }
    }

    /// How many of the unread bytes belong to the line, and whether a newline follows them.
    pub(super) fn held_of_line(&mut self) -> (usize, bool) {
        let (start, unread) = (self.buffer.offset(), self.buffer.unread());
        let index = |offset: u64| usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
        if self.line.endless {
            return (unread.len(), false);
        }
        if let Some(newline) = self.line.newline.filter(|&newline| newline >= start) {
            return (index(newline), true);
        }
        let from = index(self.line.searched);
        if let Some(at) = memchr(b'\n', &unread[from..]) {
            self.line.newline = Some(start + (from + at) as u64);
            return (from + at, true);
        }
        let held = unread.len();
        self.line.searched = self.buffer.end_offset();
        (held, false)
    }
}

/// A scanner for an object or an array. `None` if neither begins here.
fn container(bytes: &[u8]) -> Option<Scanner> {
    bytes.first().filter(|byte| matches!(byte, b'{' | b'[')).and_then(|&first| Scanner::for_value(first))
}
