//! NDJSON: one value a line, and what is made of lines that are not.
//!
//! A line within the limit is returned as it is, found by its newline alone. A longer line, and one that the caller has
//! [split](super::Frames::split), is taken value by value: Firehose writes all its records into one line. What follows
//! a value and is neither another nor the end belongs to it: then the rest of the line is one record, for decode to
//! refuse. All this follows from what comes behind a value, never before: a continuation finds the same.

use std::io::Read;

use memchr::memchr;

use super::scan::{Scanner, is_white_space, significant, trim_end};
use super::{Found, FrameError, Frames, HEAD, broken, unclosed};

/// What is known about the line that is taken value by value.
#[derive(Default)]
pub(super) struct Line {
    /// Whether a line is taken value by value at present.
    pub(super) singles: bool,
    /// Whether no newline ends it: a record of a stream that is other text.
    pub(super) endless: bool,
    /// Before this offset there is no newline.
    searched: u64,
    /// The offset of the newline.
    newline: Option<u64>,
}

impl Line {
    /// A line from its start on, value by value.
    pub(super) fn singly() -> Self {
        Self { singles: true, ..Self::default() }
    }

    /// All that comes, as one line.
    pub(super) fn endless() -> Self {
        Self { endless: true, ..Self::default() }
    }
}

/// A value over the limit, while it is passed over. Kept in [`Frames`], so that a reader that fails loses nothing.
pub(super) struct Skip {
    /// The offset of its first byte.
    pub(super) offset: u64,
    /// What is looked for.
    pub(super) until: Until,
    /// The offset behind the last byte that is not white space.
    significant: u64,
}

/// Where a value over the limit ends.
pub(super) enum Until {
    /// Where its brackets are closed.
    Closed(Scanner),
    /// There, or at the newline.
    ClosedInLine(Scanner),
    /// It was closed: here, unless garbage follows in the line.
    Followed,
    /// At the newline.
    Newline,
}

impl<R: Read> Frames<R> {
    /// The next line, or the next value of a line that is taken value by value.
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
            let mut searched = 0;
            let (length, taken) = loop {
                let unread = self.buffer.unread();
                if let Some(at) = memchr(b'\n', &unread[searched..]) {
                    break (searched + at, searched + at + 1);
                }
                searched = unread.len();
                // One more may be a carriage return.
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

    /// Whether a line, without its newline, is within the limit.
    fn fits(&self, line: &[u8]) -> bool {
        line.strip_suffix(b"\r").unwrap_or(line).len() <= self.max
    }

    /// Whether the line that was just returned holds several objects or arrays, one after another.
    pub(super) fn holds_several(line: &[u8]) -> bool {
        let Some(mut scanner) = container(line) else { return false };
        let Some(end) = scanner.scan(line) else { return false };
        significant(&line[end..]).is_some_and(|at| matches!(line[end + at], b'{' | b'['))
    }

    /// The next value of the line, or `None` behind its newline.
    fn next_in_line(&mut self) -> Result<Option<Found>, FrameError> {
        loop {
            let unread = self.buffer.unread();
            match unread.iter().position(|&byte| !matches!(byte, b' ' | b'\t' | b'\r')) {
                Some(at) => {
                    let newline = unread[at] == b'\n';
                    self.buffer.pos += at + usize::from(newline);
                    if newline {
                        return Ok(None);
                    }
                    break;
                }
                None => self.buffer.clear(),
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
        let Some(mut scanner) = container(self.buffer.unread()) else { return self.rest_of_line().map(Some) };
        let mut length = 0;
        loop {
            let (held, complete) = self.held_of_line();
            if let Some(count) = scanner.scan(&self.buffer.unread()[length..held]) {
                length += count;
                break;
            }
            length = held;
            // One more may be a carriage return.
            if length > self.max + 1 {
                break;
            }
            if complete || !self.fill()? {
                return self.rest_of_line().map(Some);
            }
        }
        if length > self.max {
            let Some(scanner) = container(self.buffer.unread()) else { return self.rest_of_line().map(Some) };
            return self.skip(Until::ClosedInLine(scanner)).map(Some);
        }
        if self.garbage_follows(length)? {
            return self.rest_of_line().map(Some);
        }
        let start = self.buffer.pos;
        self.buffer.pos += length;
        Ok(Some(Found::Record { start, end: start + length }))
    }

    /// Whether something that begins no object or array stands in the line behind a value of this length.
    ///
    /// Looked for as far as the value could be kept with it: behind more white space the value stands for itself.
    fn garbage_follows(&mut self, mut length: usize) -> Result<bool, FrameError> {
        let most = self.max.saturating_add(2);
        loop {
            let (held, complete) = self.held_of_line();
            let end = held.min(most);
            let behind = &self.buffer.unread()[length..end];
            if let Some(at) = significant(behind) {
                return Ok(!matches!(behind[at], b'{' | b'['));
            }
            length = end;
            if length == most || complete || !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// All up to the newline, as one record.
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

    /// How many of the unread bytes belong to the line, and whether its newline follows them.
    fn held_of_line(&mut self) -> (usize, bool) {
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

    /// Begins to pass over the value at which the buffer stands.
    pub(super) fn skip(&mut self, until: Until) -> Result<Found, FrameError> {
        let offset = self.buffer.offset();
        self.head.clear();
        self.skip = Some(Skip { offset, until, significant: offset });
        self.go_on_skipping()
    }

    /// Passes over a value to its end, keeping no more than its head.
    pub(super) fn go_on_skipping(&mut self) -> Result<Found, FrameError> {
        let Some(mut skip) = self.skip.take() else { unreachable!("called while something is passed over") };
        let result = self.skip_to_end(&mut skip);
        match result {
            Ok(()) => {
                let length = skip.significant - skip.offset;
                // White space alone brought it over the limit: then it counts.
                let length = if length > self.max as u64 { length } else { self.buffer.offset() - skip.offset };
                self.head.truncate(usize::try_from(length).unwrap_or(HEAD));
                Ok(Found::TooLarge { offset: skip.offset, length })
            }
            // The rest that cannot be read begins where the value does.
            Err(FrameError::Broken { error_type, reason, .. }) => Err(broken(skip.offset, error_type, reason)),
            Err(error) => {
                self.skip = Some(skip);
                Err(error)
            }
        }
    }

    fn skip_to_end(&mut self, skip: &mut Skip) -> Result<(), FrameError> {
        loop {
            let (held, complete) = match skip.until {
                Until::Closed(_) => (self.buffer.unread().len(), false),
                _ => self.held_of_line(),
            };
            let piece = &self.buffer.unread()[..held];
            let step = match &mut skip.until {
                Until::Closed(scanner) => scanner.scan(piece).map_or(Step::More, Step::Done),
                Until::ClosedInLine(scanner) => match scanner.scan(piece) {
                    Some(end) => {
                        skip.until = Until::Followed;
                        Step::Again(end)
                    }
                    None => Step::More,
                },
                Until::Followed => match significant(piece) {
                    Some(at) if matches!(piece[at], b'{' | b'[') => Step::Done(at),
                    Some(_) => {
                        skip.until = Until::Newline;
                        continue;
                    }
                    None => Step::More,
                },
                Until::Newline => Step::More,
            };
            match step {
                Step::Done(count) => {
                    self.pass(skip, count);
                    return Ok(());
                }
                Step::Again(count) => self.pass(skip, count),
                Step::More => {
                    self.pass(skip, held);
                    if complete {
                        return Ok(());
                    }
                    if !self.fill()? {
                        return match &skip.until {
                            Until::Closed(scanner) if !self.ends_with_input(scanner) => Err(unclosed(skip.offset)),
                            _ => Ok(()),
                        };
                    }
                }
            }
        }
    }

    /// Passes over bytes of a value over the limit.
    fn pass(&mut self, skip: &mut Skip, count: usize) {
        let piece = &self.buffer.unread()[..count];
        let wanted = (HEAD - self.head.len()).min(count);
        self.head.extend_from_slice(&piece[..wanted]);
        if let Some(last) = piece.iter().rposition(|&byte| !is_white_space(byte)) {
            skip.significant = self.buffer.offset() + last as u64 + 1;
        }
        self.buffer.pos += count;
    }
}

/// What a piece of a value over the limit brought.
enum Step {
    /// Its end, behind so many bytes.
    Done(usize),
    /// So many bytes; the others have another meaning.
    Again(usize),
    /// Nothing but bytes of it.
    More,
}

/// A scanner for an object or array; `None` where neither begins.
fn container(bytes: &[u8]) -> Option<Scanner> {
    bytes.first().filter(|byte| matches!(byte, b'{' | b'[')).and_then(|&first| Scanner::for_value(first))
}
