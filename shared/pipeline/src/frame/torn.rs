//! The value within which the input ended: its bytes up to the limit, for the dead letter of it.

use super::scan::trim_end;
use super::{FrameError, Frames, unclosed};

/// A value that was never closed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Torn {
    /// Within the limit: its indices in the buffer.
    Held(usize, usize),
    /// Over it: its length. Its head is kept.
    Long(u64),
}

impl<R> Frames<R> {
    /// The value within which the object ended, once that is the error: its bytes, of a value over the limit its first 64 KiB, and its
    /// length. Nothing where no value was begun, or its rest can't be read.
    pub fn torn(&self) -> (&[u8], u64) {
        match self.torn {
            None => (&[], 0),
            Some(Torn::Held(start, end)) => (self.buffer.slice(start, end), (end - start) as u64),
            Some(Torn::Long(length)) => (&self.head, length),
        }
    }
}

impl<R: std::io::Read> Frames<R> {
    /// The input ends within the value at which the buffer stands.
    pub(super) fn torn_here(&mut self) -> FrameError {
        let start = self.buffer.pos;
        self.torn = Some(Torn::Held(start, start + trim_end(self.buffer.unread()).len()));
        unclosed(self.buffer.offset())
    }

    /// The input ends within a value of which the head is kept, from one offset to another.
    pub(super) fn torn_head(&mut self, begin: u64, end: u64) -> FrameError {
        let length = end - begin;
        self.head.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        self.torn = Some(Torn::Long(length));
        unclosed(begin)
    }
}
