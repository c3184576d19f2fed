//! Text that goes on after a value in its line, such as `{} 2026-11-22 started`. The line is text then, and the value is
//! no event.
//!
//! Only bytes after the value decide, and never more than one record may hold. Deliberately absent: text before a value,
//! which needs no look ahead, and the last line of a value of several lines. Such a value is an event, whatever follows.

use std::io::Read;
use std::ops::Range;

use super::{
    error::{FrameError, seen_or},
    format::Format,
    frames::Frames,
    history::Within,
    noise::{is_closed_text, opens_array},
    white_space::{BOM, is_blank},
};

/// What a byte after a value says.
enum After {
    /// Nothing: this many bytes are skipped.
    Skipped(usize),
    /// Whether text follows.
    Known(bool),
    /// More bytes are needed.
    More,
}

impl<R: Read> Frames<R> {
    /// Whether text follows a value of this length in its line: anything but noise, an object or an array. Closing
    /// brackets too many are not text, except in a line of NDJSON, where they belong to the value.
    ///
    /// The search covers the bytes that would fit into one record with the value. After more white space, the value
    /// stands alone.
    pub(super) fn text_follows(&mut self, length: usize) -> Result<bool, FrameError> {
        let follows = self.look_after(length);
        if self.format == Format::Ndjson { follows } else { seen_or(follows, false) }
    }

    fn look_after(&mut self, mut length: usize) -> Result<bool, FrameError> {
        let most = self.max.saturating_add(2);
        let (mut commas, mut has_ended) = (0, false);
        loop {
            let (held, complete) = self.held_of_line();
            let end = held.min(most);
            // A value of several lines ends after the first newline.
            let Some(after) = self.buffer.unread().get(length..end) else { return Ok(false) };
            let is_whole = complete || end == most || has_ended;
            match after.iter().position(|&byte| !is_blank(byte)) {
                Some(at) => match self.after_value(length + at..end, commas, is_whole, has_ended) {
                    After::Known(follows) => return Ok(follows),
                    After::Skipped(count) => {
                        commas += usize::from(after[at] == b',');
                        length += at + count;
                        continue;
                    }
                    After::More => {}
                },
                None if is_whole => return Ok(false),
                None => length = end,
            }
            has_ended = !self.fill()?;
        }
    }

    /// What the bytes of the line in this range say. The first is not blank.
    fn after_value(&self, line: Range<usize>, commas: usize, is_whole: bool, has_ended: bool) -> After {
        let is_line = self.format == Format::Ndjson;
        let rest = &self.buffer.unread()[line.clone()];
        match rest[0] {
            b'{' => After::Known(false),
            b'[' if self.format == Format::Array => After::Known(false),
            b'[' if is_line => after_bracket(rest, opens_array(rest, true), is_whole, is_whole),
            b'[' => {
                let ahead = &self.buffer.unread()[line.start..];
                let most = self.max.saturating_add(2) - line.start;
                let opens = opens_array(&ahead[..ahead.len().min(most)], false);
                after_bracket(rest, opens, has_ended || ahead.len() >= most, is_whole)
            }
            b',' if !is_line && self.within == Within::Unknown => After::Known(false),
            b',' if !is_line || commas == 0 => After::Skipped(1),
            b']' if !is_line => After::Known(false),
            b'}' if !is_line => After::Skipped(1),
            0xef if rest.starts_with(BOM) => After::Skipped(BOM.len()),
            0xef if rest.len() < BOM.len() && !is_whole => After::More,
            _ => After::Known(true),
        }
    }
}

/// What a bracket says that begins the rest of a line. `opens`: whether it opens an array. `is_all`: no more bytes can
/// answer that, so it may.
fn after_bracket(rest: &[u8], opens: Option<bool>, is_all: bool, is_whole: bool) -> After {
    match opens {
        None if !is_all => After::More,
        None | Some(true) => After::Known(false),
        Some(false) => match is_closed_text(rest) {
            Some(is_text) => After::Known(is_text),
            None if !is_whole => After::More,
            None => After::Known(true),
        },
    }
}
