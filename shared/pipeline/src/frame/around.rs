//! The bytes of an object around its array: everything up to the opening bracket, and everything after the closing one.
//!
//! They are skipped in pieces, so their number is unlimited. A line that begins with `{` where no value is allowed ends
//! them: the object was cut, and reading continues at that line ([`Seam`] decides). The skipped bytes are then one
//! rejection, which keeps them up to the limit. Deliberately absent: the elements of the array. They are framed like
//! other values (`values`).

use std::io::Read;

use super::{
    error::FrameError,
    frames::{Found, Frames},
    history::Within,
    scan::Scanner,
    seam::{LineStarts, Seam},
    seek::{Seek, Sought},
    state::{Around, Side, Until},
    white_space::trim_end,
};

impl<R: Read> Frames<R> {
    /// Starts the search for the array, at the opening brace of its object.
    pub(super) fn begin_before_array(&mut self) {
        self.begin_around(Side::Before(Seek::new()), Seam::new(), 0);
    }

    /// Starts to skip the rest of an object, at the bracket that closes its array.
    pub(super) fn begin_after_array(&mut self, depth: u64) {
        let later = self.records.has_envelope().then(|| Seek::past(&self.records));
        self.begin_around(Side::After(Scanner::inside_objects(depth), later), Seam::after_array(depth), 1);
    }

    fn begin_around(&mut self, side: Side, seam: Seam, seen: usize) {
        let begin = self.buffer.offset();
        self.around = Some(Around { begin, side, seam, seen, first_line: None, is_long: false });
    }

    /// Continues to skip the bytes around an array, if any. Returns an event or a rejection if they turn out to be one.
    pub(super) fn go_on_around(&mut self) -> Result<Option<Found>, FrameError> {
        let Some(mut around) = self.around.take() else { return Ok(None) };
        let passed = self.pass_around(&mut around);
        match passed {
            Ok(Passed::Over) => {
                self.mark = None;
                Ok(None)
            }
            Ok(Passed::Event) => {
                if around.first_line.is_some() {
                    // The lines that were already passed have to be found again.
                    self.line_starts = LineStarts::default();
                }
                self.value(Scanner::at_object()).map(Some)
            }
            Ok(Passed::Found(found)) => {
                self.mark = None;
                Ok(Some(found))
            }
            Err(error) => {
                // A part that is skipped resumes by itself.
                if self.skip.is_none() {
                    self.around = Some(around);
                }
                Err(error)
            }
        }
    }

    fn pass_around(&mut self, around: &mut Around) -> Result<Passed, FrameError> {
        loop {
            let (base, unread) = (self.buffer.offset(), self.buffer.unread());
            let line = self.line_starts.next(unread, base, around.seen);
            // The last two bytes may begin such a line: only the bytes after them decide.
            let mut held = line.unwrap_or(unread.len().saturating_sub(2)).max(around.seen);
            if !around.is_long {
                held = held.min(self.max.saturating_add(1));
            }
            if held == around.seen {
                if self.fill()? {
                    continue;
                }
                held = self.buffer.unread().len();
                if held == around.seen {
                    return self.end_around(around);
                }
                if !around.is_long {
                    held = held.min(self.max.saturating_add(1));
                }
            }
            let piece = &self.buffer.unread()[around.seen..held];
            let sought = around.side.take(piece, &self.records);
            if let Side::After(_, Some(later)) = &mut around.side {
                self.left_out += std::mem::take(&mut later.left_out);
            }
            match sought {
                Sought::More => around.seam.take(piece),
                _ => return self.leave_around(around, sought),
            }
            around.seen = held;
            let is_at_line = line == Some(held);
            if around.seen > self.max && !around.is_long {
                around.is_long = true;
                self.head.clear();
                self.mark = Some(around.begin);
            }
            if around.is_long {
                self.keep(held);
                self.buffer.pos += held;
                around.seen = 0;
            }
            if is_at_line {
                around.first_line = around.first_line.or(Some(held));
                if !around.seam.expects_value() {
                    return Ok(self.cut_around(around));
                }
            }
        }
    }

    /// Handles the array, the end of the object, or a fault that was found in the current piece.
    fn leave_around(&mut self, around: &mut Around, sought: Sought) -> Result<Passed, FrameError> {
        let begin = around.begin;
        if around.first_line.is_some() && !around.is_long && self.is_torn(around, sought) {
            return Ok(self.cut_around(around));
        }
        match (&mut around.side, sought) {
            (Side::Before(seek), Sought::Array(length)) => {
                let seek = std::mem::replace(seek, Seek::new());
                self.buffer.pos += around.seen + length;
                self.enter_array(begin, seek);
            }
            (Side::Before(_), _) if !around.is_long => return Ok(Passed::Event),
            (Side::Before(_), Sought::End(length) | Sought::Nothing(length)) => {
                self.keep(length);
                self.buffer.pos += length;
                if matches!(sought, Sought::Nothing(_)) {
                    self.mark = None;
                    return self.skip_on(begin, Until::Line).map(Passed::Found);
                }
                return Ok(Passed::Found(self.long_around(begin)));
            }
            (_, Sought::End(length) | Sought::Nothing(length) | Sought::Array(length)) => {
                self.buffer.pos += around.seen + length;
                self.go_over_to(Within::Top);
            }
            (_, Sought::More) => {}
        }
        Ok(Passed::Over)
    }

    /// Whether these brackets cannot belong to one object, so that a line among them may be another value.
    fn is_torn(&self, around: &Around, sought: Sought) -> bool {
        let (Sought::Array(length) | Sought::End(length) | Sought::Nothing(length)) = sought else { return false };
        let mut seam = around.seam;
        seam.take(&self.buffer.unread()[around.seen..around.seen + length]);
        seam.is_broken()
    }

    /// The object was cut before the current line.
    fn cut_around(&mut self, around: &Around) -> Passed {
        let found = match &around.side {
            Side::Before(_) if !around.is_long => return Passed::Event,
            _ if around.is_long => self.long_around(around.begin),
            _ => {
                let length = around.first_line.unwrap_or(around.seen);
                let start = self.buffer.pos;
                let kept = trim_end(&self.buffer.unread()[..length]).len();
                self.buffer.pos += length;
                self.line_starts = LineStarts::default();
                Found::Part { start, end: start + kept }
            }
        };
        if matches!(around.side, Side::After(..)) {
            self.go_over_to(Within::Top);
        }
        Passed::Found(found)
    }

    /// The input ends before or after an array.
    fn end_around(&mut self, around: &Around) -> Result<Passed, FrameError> {
        match around.side {
            Side::Before(_) if !around.is_long => Ok(Passed::Event),
            _ if around.is_long => Err(self.torn_head(around.begin, self.buffer.offset())),
            _ if around.first_line.is_some() => Ok(self.cut_around(around)),
            _ => Err(self.torn_here()),
        }
    }

    /// All bytes since `begin`, as one value over the limit.
    fn long_around(&self, begin: u64) -> Found {
        Found::TooLarge { offset: begin, length: self.buffer.offset() - begin }
    }
}

/// The result of skipping the bytes around an array.
enum Passed {
    /// They were skipped.
    Over,
    /// They are still in the buffer, and are framed like any other value.
    Event,
    Found(Found),
}
