//! Content that is compressed once or twice. Firehose compresses data that CloudWatch Logs has already compressed.
//!
//! Deliberately absent: a third compression.

use std::io::Read;

use super::{
    compression::{Compression, Member},
    input::{Fault, Plain},
    source::Inflate,
};

/// Decompresses content, and decompresses the result again if it is compressed too.
pub(in crate::frame) struct Twice<R> {
    inner: Inflate<Inflate<Plain<R>>>,
}

impl<R: Read> Twice<R> {
    /// Starts at the first byte of an object.
    pub(in crate::frame) fn new(reader: R) -> Self {
        Self { inner: Inflate::new(Inflate::new(Plain(reader))) }
    }

    /// Starts at a member. Only the first bytes of the object show whether it is compressed a second time.
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

    /// Starts at the first byte of another reader, and keeps the memory of the decoders.
    #[inline]
    pub(in crate::frame) fn begin(&mut self, reader: R, compression: Compression) {
        let outer = &mut self.inner.input.reader;
        outer.input.reader = Plain(reader);
        outer.restart(Some(compression));
        self.inner.restart((compression == Compression::None).then_some(Compression::None));
    }

    /// From now on, content that decompresses to more than `bytes` is broken.
    pub(in crate::frame) fn limit(&mut self, bytes: u64) {
        self.inner.limit(bytes);
        self.inner.input.reader.limit(bytes);
    }

    /// Like [`Inflate::read`].
    pub(in crate::frame) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        self.inner.read(out)
    }

    pub(in crate::frame) fn reader(&self) -> &R {
        &self.outer().input.reader.0
    }

    /// Frees the decoders and the chunks. The counts and members stay.
    pub(in crate::frame) fn release(&mut self) {
        self.inner.release();
        self.inner.input.reader.release();
    }

    /// The number of compressed bytes taken from the reader.
    pub(in crate::frame) fn bytes_in(&self) -> u64 {
        self.outer().bytes_in()
    }

    /// The compression, if it is known already.
    pub(in crate::frame) fn compression(&self) -> Compression {
        self.outer().compression()
    }

    /// The last place at or before this offset where decompression can restart. For content that is compressed twice:
    /// always the start.
    pub(in crate::frame) fn member(&self, offset: u64) -> Member {
        self.outer().member(if self.inner.compression() == Compression::None { offset } else { 0 })
    }
}
