//! Content that is compressed once, or twice: Firehose compresses what CloudWatch Logs compressed already.
//!
//! Deliberately absent: a third time.

use std::io::Read;

use super::{Compression, Fault, Inflate, Member, Plain};

/// A decompressor of what another decompresses, which passes on what is not compressed again.
pub(in crate::frame) struct Twice<R> {
    inner: Inflate<Inflate<Plain<R>>>,
}

impl<R: Read> Twice<R> {
    /// From the first byte of an object on.
    pub(in crate::frame) fn new(reader: R) -> Self {
        Self { inner: Inflate::new(Inflate::new(Plain(reader))) }
    }

    /// From a member on. Only its first bytes say whether it is compressed a second time.
    pub(in crate::frame) fn resume(reader: R, compression: Compression, member: Member) -> Self {
        let outer = Inflate::resume(Plain(reader), compression, member);
        let start = Member { compressed: 0, raw: 0 };
        let inner = if compression != Compression::None && member.raw == 0 {
            Inflate::new(outer)
        } else {
            Inflate::resume(outer, Compression::None, start)
        };
        Self { inner }
    }

    fn outer(&self) -> &Inflate<Plain<R>> {
        &self.inner.input.reader
    }

    /// From the first byte of another reader on, with the memory of the decoders.
    #[inline]
    pub(in crate::frame) fn begin(&mut self, reader: R, compression: Compression) {
        let outer = &mut self.inner.input.reader;
        outer.input.reader = Plain(reader);
        outer.restart(Some(compression));
        self.inner.restart((compression == Compression::None).then_some(Compression::None));
    }

    /// Each reader from now on is broken behind so many inflated bytes.
    pub(in crate::frame) fn limit(&mut self, bytes: u64) {
        self.inner.limit(bytes);
        self.inner.input.reader.limit(bytes);
    }

    /// As [`Inflate::read`].
    pub(in crate::frame) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        self.inner.read(out)
    }

    pub(in crate::frame) fn reader(&self) -> &R {
        &self.outer().input.reader.0
    }

    /// Gives back the decoders and the chunks; the counts and members stay.
    pub(in crate::frame) fn release(&mut self) {
        self.inner.release();
        self.inner.input.reader.release();
    }

    /// Compressed bytes taken from the reader.
    pub(in crate::frame) fn bytes_in(&self) -> u64 {
        self.outer().bytes_in()
    }

    /// How the object is compressed, as far as it is known.
    pub(in crate::frame) fn compression(&self) -> Compression {
        self.outer().compression()
    }

    /// The last place at or before this offset where decompressing can start again: the very first of what is compressed twice.
    pub(in crate::frame) fn member(&self, offset: u64) -> Member {
        self.outer().member(if self.inner.compression() == Compression::None { offset } else { 0 })
    }
}
