//! Values that end where their brackets close: one after another, or the elements of arrays.
//!
//! If a value is not closed before a line that begins with another value, only the first one is lost: reading continues
//! at that line ([`Seam`] decides). Text is one record per line. All of this depends only on the bytes from a value on,
//! so a resumed reading gets the same result. [`History`] keeps the one additional fact: whether the place is within an
//! array.
//!
//! [`History`]: super::history::History

use std::io::Read;

use serde::de::IgnoredAny;

use super::{
    error::{FrameError, unclosed},
    format::Format,
    frames::{Found, Frames},
    history::Within,
    scan::Scanner,
    seam::{LineStarts, Seam},
    state::{Gap, Until},
    white_space::{is_blank, significant, trim_end},
};

/// How a value ends.
enum End {
    /// Here: its brackets close.
    Closed(usize),
    /// It was cut before this line. Or its end is unknown, and another value may begin at this line.
    Cut(usize),
    /// It is over the limit.
    TooLarge,
    /// The input ends inside it.
    Unclosed,
}

impl<R: Read> Frames<R> {
    /// The next value of a sequence, or the next element of an array.
    pub(super) fn next_value(&mut self) -> Result<Option<Found>, FrameError> {
        if self.line.endless {
            return if self.skip_white_space()? { self.rest_of_line().map(Some) } else { Ok(None) };
        }
        loop {
            let is_there = match self.within {
                Within::Array => self.skip_gap()?,
                within => self.skip_noise(within == Within::Unknown)?,
            };
            if !is_there {
                return if self.within == Within::Array { Err(unclosed(self.buffer.offset())) } else { Ok(None) };
            }
            let first = self.buffer.unread()[0];
            match (self.within, first) {
                (Within::Array | Within::Unknown, b']') => {
                    self.buffer.pos += 1;
                    self.gap = None;
                    self.go_over_to(Within::Top);
                }
                (Within::Array, b'[') if self.begins_another_array()? => return Ok(Some(self.cut_between())),
                (Within::Array, _) => {
                    let found = self.element(first)?;
                    self.gap = None;
                    return Ok(Some(found));
                }
                (Within::Top | Within::Unknown, b'[') if self.format == Format::Array || self.opens_array(false)? => {
                    self.buffer.pos += 1;
                    self.go_over_to(Within::Array);
                    self.gap = Some(Gap::opening(self.buffer.offset()));
                }
                (Within::Top | Within::Unknown, b'{') => {
                    return self.value(Scanner::at_object()).map(Some);
                }
                _ => return self.rest_of_line().map(Some),
            }
        }
    }

    /// The element of an array at the current position.
    pub(super) fn element(&mut self, first: u8) -> Result<Found, FrameError> {
        match Scanner::for_value(first) {
            Some(scanner) => self.value(scanner),
            None => self.part(),
        }
    }

    /// Sets what encloses the values from here on.
    pub(super) fn go_over_to(&mut self, within: Within) {
        self.within = within;
        self.history.push(self.buffer.offset(), within);
    }

    /// The value at the current position.
    pub(super) fn value(&mut self, scanner: Scanner) -> Result<Found, FrameError> {
        match self.end_of_value(scanner)? {
            End::Closed(length) if self.within != Within::Array && self.text_follows(length)? => {
                Ok(self.rest_of_line()?.into_part())
            }
            End::Closed(length) => {
                let start = self.buffer.pos;
                self.buffer.pos += length;
                Ok(Found::Record { start, end: start + length })
            }
            End::Cut(length) => Ok(self.cut(length)),
            End::TooLarge => self.skip(Until::Closed(scanner, Seam::new())),
            End::Unclosed => Err(self.torn_here()),
        }
    }

    fn end_of_value(&mut self, mut scanner: Scanner) -> Result<End, FrameError> {
        let (mut length, mut judged) = (0, 0);
        let mut seam = Seam::new();
        let mut first_line = None;
        loop {
            let (base, unread) = (self.buffer.offset(), self.buffer.unread());
            let line = self.line_starts.next(unread, base, first_line.map_or(0, |_| judged));
            let held = line.unwrap_or_else(|| known_length(unread));
            if let Some(count) = scanner.scan(&unread[length..held]) {
                length += count;
                return Ok(if length > self.max { End::TooLarge } else { End::Closed(length) });
            }
            length = held;
            if let Some(line) = line.filter(|&line| line <= self.max) {
                seam.take(&unread[judged..line]);
                judged = line;
                let first_line = *first_line.get_or_insert(line);
                if !seam.expects_value() {
                    return Ok(End::Cut(first_line));
                }
                continue;
            }
            if length > self.max {
                return Ok(End::TooLarge);
            }
            let more = self.fill();
            if more.is_err() {
                // The value is read again from its start, and its lines with it.
                self.line_starts = LineStarts::default();
            }
            if !more? {
                return Ok(match first_line {
                    Some(line) => End::Cut(line),
                    None => End::Unclosed,
                });
            }
        }
    }

    /// A broken part of so many bytes. Another value begins in the line after it.
    fn cut(&mut self, length: usize) -> Found {
        let start = self.buffer.pos;
        let kept = trim_end(&self.buffer.unread()[..length]).len();
        self.buffer.pos += length;
        // The lines that were already passed have to be found again.
        self.line_starts = LineStarts::default();
        self.is_cut();
        Found::Part { start, end: start + kept }
    }

    /// Notes that something broken may have hidden the end of the array.
    pub(super) fn is_cut(&mut self) {
        match self.within {
            // The elements need the envelope, so a resumed reading begins at its start.
            Within::Array if self.is_wrapped() => self.within = Within::Unknown,
            Within::Array => self.go_over_to(Within::Unknown),
            Within::Top | Within::Unknown => {}
        }
    }

    /// Whether members around an element become part of its event.
    pub(super) fn is_wrapped(&self) -> bool {
        match self.format {
            Format::CloudwatchLogs => true,
            Format::Records => self.records.has_envelope(),
            _ => false,
        }
    }

    /// Everything up to the next line at which a value may begin.
    pub(super) fn part(&mut self) -> Result<Found, FrameError> {
        loop {
            let (base, unread) = (self.buffer.offset(), self.buffer.unread());
            let line = self.line_starts.next(unread, base, 0);
            let length = line.unwrap_or_else(|| known_length(unread));
            if length > self.max {
                return self.skip(Until::Line);
            }
            if line.is_some() {
                return Ok(self.cut(length));
            }
            if !self.fill()? {
                let length = self.buffer.unread().len();
                return if length > self.max { self.skip(Until::Line) } else { Ok(self.cut(length)) };
            }
        }
    }

    /// The value at the current position did not decode. Decides whether only this value is broken, or whether its
    /// brackets do not show where it ends.
    pub(super) fn broken_value(&mut self, length: usize) -> Result<Found, FrameError> {
        let mut seam = Seam::new();
        seam.take(&self.buffer.unread()[..length]);
        // Decode may refuse valid JSON for another reason, such as its depth. Such a value ends where its brackets
        // close.
        let is_no_json = || serde_json::from_slice::<IgnoredAny>(&self.buffer.unread()[..length]).is_err();
        let is_broken = seam.is_broken() && is_no_json();
        let follows = self.follows(length)?;
        let is_inside = self.within == Within::Array;
        let found = if is_inside && (is_broken || !matches!(follows, Some(b',' | b']'))) {
            // Its apparent end may be the end of the array.
            if self.format == Format::Ndjson { self.broken_line()? } else { self.part()? }
        } else if !is_inside && !matches!(follows, None | Some(b'\n' | b'{' | b'[' | b',' | b']' | 0xef)) {
            self.rest_of_line()?.into_part()
        } else if let Some(line) = self.line_within(length).filter(|_| is_broken) {
            self.cut(line)
        } else {
            let start = self.buffer.pos;
            self.buffer.pos += length;
            Found::Part { start, end: start + length }
        };
        self.doubtful = None;
        Ok(found)
    }

    /// The first line within so many bytes at which another value may begin.
    fn line_within(&self, length: usize) -> Option<usize> {
        let base = self.buffer.offset();
        LineStarts::default().next(&self.buffer.unread()[..length], base, 0)
    }

    /// The first byte after `length` bytes that is not blank. Outside an array, and in NDJSON, a newline counts too.
    fn follows(&mut self, length: usize) -> Result<Option<u8>, FrameError> {
        let is_over_lines = self.within == Within::Array && self.format != Format::Ndjson;
        self.first_after(length, self.max, |byte| is_blank(byte) && (byte != b'\n' || is_over_lines))
    }

    /// The first byte after `length` bytes that is not skipped, if it comes within `most` bytes. These fit into the buffer: a
    /// full one has no room to read into.
    pub(super) fn first_after(
        &mut self,
        length: usize,
        most: usize,
        is_skipped: impl Fn(u8) -> bool,
    ) -> Result<Option<u8>, FrameError> {
        let mut seen = length;
        loop {
            let rest = &self.buffer.unread()[seen..];
            match rest.iter().position(|&byte| !is_skipped(byte)) {
                Some(at) => return Ok(Some(rest[at]).filter(|_| seen + at <= most)),
                None => seen += rest.len(),
            }
            if seen > most || !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Skips white space. Returns `false` at the end of the input.
    pub(super) fn skip_white_space(&mut self) -> Result<bool, FrameError> {
        loop {
            match significant(self.buffer.unread()) {
                Some(at) => {
                    self.buffer.pos += at;
                    return Ok(true);
                }
                None => self.buffer.clear(),
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }
}

/// The length without a trailing bracket that begins a line. The byte after the bracket decides whether another value
/// begins there.
fn known_length(bytes: &[u8]) -> usize {
    bytes.len() - usize::from(bytes.ends_with(b"\n["))
}
