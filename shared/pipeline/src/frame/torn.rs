//! The value that was cut off by the end of the input. Its dead letter keeps its bytes up to the limit.

use super::{
    error::{FrameError, unclosed},
    frames::Frames,
    state::Torn,
    white_space::trim_end,
};

impl<R> Frames<R> {
    /// The value that was cut off by the end of the object, after [`Frames::next`] returned that error: its bytes and
    /// its length. Of a value over the limit, the bytes are the first 64 KiB. Empty if no value had begun, or if the
    /// rest can't be read.
    pub fn torn(&self) -> (&[u8], u64) {
        match self.torn {
            None => (&[], 0),
            Some(Torn::Held(start, end)) => (self.buffer.slice(start, end), (end - start) as u64),
            Some(Torn::Long(length)) => (&self.head, length),
        }
    }
}

impl<R: std::io::Read> Frames<R> {
    /// The error for an input that ends inside the value at the current position.
    pub(super) fn torn_here(&mut self) -> FrameError {
        let start = self.buffer.pos;
        self.torn = Some(Torn::Held(start, start + trim_end(self.buffer.unread()).len()));
        unclosed(self.buffer.offset())
    }

    /// The error for an input that ends inside a value of which only the head is kept. The value reaches from `begin`
    /// to `end`.
    pub(super) fn torn_head(&mut self, begin: u64, end: u64) -> FrameError {
        let length = end - begin;
        self.head.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        self.torn = Some(Torn::Long(length));
        unclosed(begin)
    }
}
