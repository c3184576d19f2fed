//! The bytes between two elements of an array within an object: white space, commas and noise.
//!
//! A gap shows whether the next value can be another element. It depends only on the bytes after the previous element.
//! A resumed reading begins there too, so it gets the same result. Deliberately absent: the arrays of other formats.
//! Each of their values is an event, regardless of the bytes before it.

use std::io::Read;

use super::{
    error::FrameError,
    frames::Frames,
    state::Gap,
    white_space::{BOM, is_blank},
};

impl<R: Read> Frames<R> {
    /// Skips the current gap. Returns `false` at the end of the input.
    pub(super) fn skip_gap(&mut self) -> Result<bool, FrameError> {
        let mut gap = self.gap.unwrap_or(Gap { offset: self.buffer.offset(), ..Gap::default() });
        loop {
            // Saved here, so that nothing is lost if the reader fails.
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
