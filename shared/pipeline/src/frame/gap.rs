//! What stands between two elements of an array within an object: white space, commas, and what means nothing.
//!
//! It says whether the next value can be another element. All of it follows from the bytes after the element before, where a
//! continuation begins too. Deliberately absent: the arrays of other formats, of which each value is an event wherever it stands.

use std::io::Read;

use super::detect::BOM;
use super::noise::is_blank;
use super::{FrameError, Frames};

/// What was met since the last element, or since the bracket that opens the array.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gap {
    /// Where it begins.
    pub(super) offset: u64,
    /// Whether an element may follow: a comma was met, or none stands before.
    pub(super) is_separated: bool,
    /// Whether the next byte begins a line.
    pub(super) begins_line: bool,
}

impl Gap {
    /// After the bracket that opens an array.
    pub(super) fn opening(offset: u64) -> Self {
        Self { offset, is_separated: true, begins_line: false }
    }
}

impl<R: Read> Frames<R> {
    /// Passes over the gap at hand; `false` at the end.
    pub(super) fn skip_gap(&mut self) -> Result<bool, FrameError> {
        let mut gap = self.gap.unwrap_or(Gap { offset: self.buffer.offset(), ..Gap::default() });
        loop {
            // Kept for a reader that fails.
            self.gap = Some(gap);
            let Some(&first) = self.buffer.unread().first() else {
                if self.fill()? {
                    continue;
                }
                return Ok(false);
            };
            match first {
                b',' => gap.is_separated = true,
                0xef if self.begins_with(BOM)? => self.buffer.pos += BOM.len() - 1,
                _ if is_blank(first) => {}
                _ => return Ok(true),
            }
            gap.begins_line = first == b'\n';
            self.buffer.pos += 1;
        }
    }
}
