//! The one buffer between the decompressor and the frames.
//!
//! In: decompressed bytes, written into [`Buffer::room`]. Out: the bytes not yet taken, as one slice. It compacts only
//! when the room runs out, and grows only when what is not yet taken fills it: to a limit that settings give, never
//! the input. Deliberately absent: any idea of what the bytes mean.

/// What one read asks for, and what the buffer has beyond the largest event.
pub(super) const CHUNK: usize = 128 * 1024;

/// A new buffer: room for two chunks, so that the rest of a line is seldom moved and all stays in a core's cache.
const INITIAL: usize = 2 * CHUNK;

/// Bytes at `pos..end` are not yet taken; `bytes[0]` lies at offset `base` of the decompressed stream.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    pub(super) pos: usize,
    end: usize,
    base: u64,
    limit: usize,
}

impl Buffer {
    /// An empty buffer whose first byte lies at `base`, for events of at most `max_event_bytes`.
    pub(super) fn new(base: u64, max_event_bytes: usize) -> Self {
        let limit = max_event_bytes.saturating_add(CHUNK).max(INITIAL);
        Self { bytes: Vec::new(), pos: 0, end: 0, base, limit }
    }

    /// Begins at offset 0 again, with the memory there is.
    #[inline]
    pub(super) fn restart(&mut self) {
        (self.pos, self.end, self.base) = (0, 0, 0);
    }

    /// All bytes not yet taken.
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.pos..self.end]
    }

    /// The bytes at these indices, which hold until [`Buffer::room`] is called.
    pub(super) fn slice(&self, start: usize, end: usize) -> &[u8] {
        &self.bytes[start..end]
    }

    /// The offset of the first byte not yet taken.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.pos as u64
    }

    /// The offset behind the last byte held.
    pub(super) fn end_offset(&self) -> u64 {
        self.base + self.end as u64
    }

    /// The offset of the byte at an index.
    pub(super) fn offset_of(&self, index: usize) -> u64 {
        self.base + index as u64
    }

    /// Takes everything.
    pub(super) fn clear(&mut self) {
        self.pos = self.end;
    }

    /// Free space behind the last byte: half a chunk at least, as long as at most `max_event_bytes` and half a chunk
    /// are not yet taken. Indices change; `unread` does not.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.pos == self.end {
            self.rebase();
        }
        if self.bytes.len() - self.end < CHUNK / 2 {
            self.rebase();
            if self.bytes.len() - self.end < CHUNK / 2 && self.bytes.len() < self.limit {
                let length = (2 * self.bytes.len()).clamp(INITIAL, self.limit);
                // Exactly, or the vector would double what the limit allows.
                self.bytes.reserve_exact(length - self.bytes.len());
                self.bytes.resize(length, 0);
            }
        }
        &mut self.bytes[self.end..]
    }

    /// `count` bytes were written to the room.
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// Gives back the memory; the offsets stay.
    pub(super) fn release(&mut self) {
        self.bytes = Vec::new();
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    fn rebase(&mut self) {
        if self.pos == 0 {
            return;
        }
        self.bytes.copy_within(self.pos..self.end, 0);
        self.base += self.pos as u64;
        self.end -= self.pos;
        self.pos = 0;
    }
}
