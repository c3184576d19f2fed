//! The one buffer between the decompressor and the frames.
//!
//! In: decompressed bytes, written into [`Buffer::room`]. Out: the unread bytes as one slice. It moves bytes only when
//! the free space runs out, and grows only when the unread bytes fill it. The settings limit its size; the length of
//! the input does not matter. Deliberately absent: any knowledge of what the bytes mean.

/// The size of one read, and how much larger the buffer is than the largest event.
pub(super) const CHUNK: usize = 128 * 1024;

/// The size of a new buffer: two chunks. The rest of a line is then seldom moved, and the buffer stays in the core's
/// cache.
const INITIAL: usize = 2 * CHUNK;

/// Bytes at `pos..end` are unread. `bytes[0]` is at offset `base` of the decompressed stream.
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

    /// Starts again at offset 0 and keeps the memory.
    #[inline]
    pub(super) fn restart(&mut self) {
        (self.pos, self.end, self.base) = (0, 0, 0);
    }

    /// All unread bytes.
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.pos..self.end]
    }

    /// The bytes at these indices. The indices are valid until [`Buffer::room`] is called.
    pub(super) fn slice(&self, start: usize, end: usize) -> &[u8] {
        &self.bytes[start..end]
    }

    /// The offset of the first unread byte.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.pos as u64
    }

    /// The offset after the last byte in the buffer.
    pub(super) fn end_offset(&self) -> u64 {
        self.base + self.end as u64
    }

    /// The offset of the byte at an index.
    pub(super) fn offset_of(&self, index: usize) -> u64 {
        self.base + index as u64
    }

    /// Marks all bytes as read.
    pub(super) fn clear(&mut self) {
        self.pos = self.end;
    }

    /// Free space after the last byte: at least half a chunk, as long as the unread bytes are at most `max_event_bytes`
    /// plus half a chunk. Indices change. The unread bytes do not.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.pos == self.end {
            self.rebase();
        }
        if self.bytes.len() - self.end < CHUNK / 2 {
            self.rebase();
            if self.bytes.len() - self.end < CHUNK / 2 && self.bytes.len() < self.limit {
                let length = (2 * self.bytes.len()).clamp(INITIAL, self.limit);
                // The allocator has zeroed memory, so most of it is not written before it is used. Growing in place would
                // write all of it.
                let mut longer = vec![0; length];
                longer[..self.end].copy_from_slice(&self.bytes[..self.end]);
                self.bytes = longer;
            }
        }
        &mut self.bytes[self.end..]
    }

    /// Notes that `count` bytes were written into [`Buffer::room`].
    pub(super) fn filled(&mut self, count: usize) {
        self.end += count;
    }

    /// Frees the memory. The offsets stay.
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
