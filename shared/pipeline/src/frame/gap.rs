//! The bytes between two elements of an array: white space, commas and noise.
//!
//! A gap shows whether the next value can be another element. It depends only on the bytes after the previous element.
//! A resumed reading begins there too, so it gets the same result. Deliberately absent: the arrays in lines of NDJSON,
//! which end with their line.

use std::io::Read;

use super::{
    detect::WINDOW,
    error::{FrameError, seen_or},
    frames::{Found, Frames},
    history::Within,
    state::Gap,
    white_space::{BOM, is_blank},
};

impl<R: Read> Frames<R> {
    /// Skips the current gap. Returns `false` at the end of the input.
    pub(super) fn skip_gap(&mut self) -> Result<bool, FrameError> {
        let mut gap = self.gap.unwrap_or(Gap { offset: self.buffer.offset(), ..Gap::default() });
        loop {
            let unread = self.buffer.unread();
            let length = unread.iter().position(|&byte| !is_blank(byte) && byte != b',').unwrap_or(unread.len());
            if let Some(&last) = unread[..length].last() {
                gap.is_separated |= unread[..length].contains(&b',');
                gap.begins_line = last == b'\n';
                self.buffer.pos += length;
            }
            // Saved here, so that nothing is lost if the reader fails.
            self.gap = Some(gap);
            match self.buffer.unread().first().copied() {
                None if self.fill()? => {}
                None => return Ok(false),
                Some(0xef) if self.begins_with(BOM)? => {
                    gap.begins_line = false;
                    self.buffer.pos += BOM.len();
                }
                Some(_) => return Ok(true),
            }
        }
    }

    /// Whether the current bracket opens another array and is no element of the current one: it begins a line, an object
    /// follows, and it is not separated from the elements beside it.
    pub(super) fn begins_another_array(&mut self) -> Result<bool, FrameError> {
        let Gap { is_separated, begins_line, .. } = self.gap.unwrap_or_default();
        if !begins_line || seen_or(self.first_after(1, WINDOW, is_blank), None)? != Some(b'{') {
            return Ok(false);
        }
        self.stands_alone(is_separated)
    }

    /// The array was cut between two elements. This is a fault, although none of its bytes are left.
    pub(super) fn cut_between(&mut self) -> Found {
        let Gap { offset, .. } = self.gap.take().unwrap_or_default();
        self.go_over_to(Within::Top);
        Found::Missing { offset }
    }
}
