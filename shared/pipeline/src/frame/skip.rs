//! Skips a value over the limit, and keeps only its head.

use std::io::Read;

use memchr::memchr;

use super::{
    error::{FrameError, broken},
    frames::{Found, Frames, HEAD},
    history::Within,
    state::{Skip, Until},
    white_space::is_white_space,
};

impl<R: Read> Frames<R> {
    /// Starts to skip the value at the current position.
    pub(super) fn skip(&mut self, until: Until) -> Result<Found, FrameError> {
        self.head.clear();
        self.skip_on(self.buffer.offset(), until)
    }

    /// Continues to skip the value that began at `offset`. Its head is kept already.
    pub(super) fn skip_on(&mut self, offset: u64, until: Until) -> Result<Found, FrameError> {
        (self.doubtful, self.gap) = (None, None);
        self.skip = Some(Skip { offset, until, significant: self.buffer.offset(), has_lines: false });
        self.go_on_skipping()
    }

    /// Skips a value to its end and keeps only its head.
    pub(super) fn go_on_skipping(&mut self) -> Result<Found, FrameError> {
        let Some(mut skip) = self.skip.take() else { unreachable!("called while something is passed over") };
        let result = self.skip_to_end(&mut skip);
        match result {
            Ok(()) => {
                let length = skip.significant - skip.offset;
                // If only the white space exceeds the limit, count the white space.
                let length = if length > self.max as u64 { length } else { self.buffer.offset() - skip.offset };
                self.head.truncate(usize::try_from(length).unwrap_or(HEAD));
                match skip.until {
                    Until::Cut => self.is_cut(),
                    Until::Newline if self.within == Within::Array => self.go_over_to(Within::Top),
                    _ => {}
                }
                Ok(Found::TooLarge { offset: skip.offset, length })
            }
            // The unreadable rest begins at the start of the value.
            Err(FrameError::Broken { error_type, reason, .. }) => Err(broken(skip.offset, error_type, reason)),
            Err(error) => {
                self.skip = Some(skip);
                Err(error)
            }
        }
    }

    fn skip_to_end(&mut self, skip: &mut Skip) -> Result<(), FrameError> {
        loop {
            if matches!(skip.until, Until::Closed(..) | Until::Line) {
                if self.skip_over_lines(skip)? {
                    return Ok(());
                }
                continue;
            }
            if matches!(skip.until, Until::Followed) {
                if !self.text_follows(0)? {
                    return Ok(());
                }
                skip.until = Until::Newline;
            }
            let (held, complete) = self.held_of_line();
            let piece = &self.buffer.unread()[..held];
            let step = match &mut skip.until {
                Until::ClosedInLine(scanner) => match scanner.scan(piece) {
                    Some(end) => {
                        skip.until = Until::Followed;
                        Step::Again(end)
                    }
                    None => Step::More,
                },
                Until::ElementInLine(scanner) => match scanner.scan(piece) {
                    Some(end) => Step::Done(end),
                    None => Step::More,
                },
                _ => Step::More,
            };
            match step {
                Step::Done(count) => {
                    self.pass(skip, count);
                    return Ok(());
                }
                Step::Again(count) => self.pass(skip, count),
                Step::More => {
                    self.pass(skip, held);
                    if complete || !self.fill()? {
                        if matches!(skip.until, Until::ElementInLine(_)) {
                            // The line ended before the brackets closed.
                            skip.until = Until::Newline;
                        }
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Skips the next bytes of a value that may have many lines. Returns whether the value ended.
    fn skip_over_lines(&mut self, skip: &mut Skip) -> Result<bool, FrameError> {
        let (base, unread) = (self.buffer.offset(), self.buffer.unread());
        let line = self.line_starts.next(unread, base, 0);
        // The last two bytes may begin such a line: only the bytes after them decide.
        let mut held = line.unwrap_or(unread.len().saturating_sub(2));
        if held == 0 && !self.fill()? {
            held = self.buffer.unread().len();
            if held == 0 {
                if matches!(skip.until, Until::Line) {
                    skip.until = Until::Cut;
                    return Ok(true);
                }
                return Err(self.torn_head(skip.offset, skip.significant));
            }
        }
        let piece = &self.buffer.unread()[..held];
        let mut is_cut = line.is_some();
        if let Until::Closed(scanner, seam) = &mut skip.until {
            let end = scanner.scan(piece);
            skip.has_lines = skip.has_lines || memchr(b'\n', &piece[..end.unwrap_or(held)]).is_some();
            if let Some(end) = end {
                self.pass(skip, end);
                let may_be_text = !skip.has_lines && self.within != Within::Array;
                if may_be_text {
                    skip.until = Until::Followed;
                }
                return Ok(!may_be_text);
            }
            seam.take(piece);
            is_cut &= !seam.expects_value();
        }
        self.pass(skip, held);
        if is_cut {
            skip.until = Until::Cut;
        }
        Ok(is_cut)
    }

    /// Skips bytes of a value over the limit.
    fn pass(&mut self, skip: &mut Skip, count: usize) {
        self.keep(count);
        let piece = &self.buffer.unread()[..count];
        if let Some(last) = piece.iter().rposition(|&byte| !is_white_space(byte)) {
            skip.significant = self.buffer.offset() + last as u64 + 1;
        }
        self.buffer.pos += count;
    }

    /// Copies the next bytes into the head of a value over the limit, as far as there is room.
    pub(super) fn keep(&mut self, count: usize) {
        let wanted = (HEAD - self.head.len()).min(count);
        self.head.extend_from_slice(&self.buffer.unread()[..wanted]);
    }
}

/// The result for one piece of a value over the limit.
enum Step {
    /// The value ends after so many bytes.
    Done(usize),
    /// So many bytes belong to it. The others have to be examined again.
    Again(usize),
    /// All bytes belong to it.
    More,
}
