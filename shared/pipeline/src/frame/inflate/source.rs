//! Decompresses a source, and remembers where its members begin.

use super::{
    compression::{Compression, Member},
    gzip::Gzip,
    input::{Fault, Input, Source},
    zstd::Zstd,
};

/// The largest number of known members. Beyond it, every second one is removed, and a restart decompresses a little
/// more.
const MAX_MEMBERS: usize = 4096;

/// Decompresses a source.
pub(super) struct Inflate<R> {
    pub(super) input: Input<R>,
    /// `None` until the first bytes are seen.
    compression: Option<Compression>,
    /// Each decoder is created at its first use.
    gzip: Option<Gzip>,
    zstd: Option<Zstd>,
    /// The position of the reader's first byte.
    start: Member,
    /// How many decompressed bytes were returned.
    produced: u64,
    members: Vec<Member>,
    broken: Option<(&'static str, String)>,
    /// The largest number of decompressed bytes.
    limit: u64,
}

impl<R: Source> Inflate<R> {
    /// Starts at the first byte of an object.
    pub(super) fn new(reader: R) -> Self {
        Self::with(reader, None, Member { compressed: 0, raw: 0 })
    }

    /// Starts at a member.
    pub(super) fn resume(reader: R, compression: Compression, member: Member) -> Self {
        Self::with(reader, Some(compression), member)
    }

    /// Starts at the first byte of other content, which the reader already has, and keeps the memory of the decoders.
    /// `None` detects the compression from the first bytes.
    #[inline]
    pub(super) fn restart(&mut self, compression: Option<Compression>) {
        self.input.restart();
        self.compression = compression;
        self.produced = 0;
        self.members.truncate(1);
        self.broken = None;
        if compression != Some(Compression::None) {
            self.gzip.iter_mut().for_each(Gzip::reset);
            // A decoder that cannot be reset is created again.
            self.zstd = self.zstd.take().and_then(Zstd::reset);
        }
    }

    fn with(reader: R, compression: Option<Compression>, start: Member) -> Self {
        Self {
            input: Input::new(reader),
            compression,
            gzip: None,
            zstd: None,
            start,
            produced: 0,
            members: vec![start],
            broken: None,
            limit: u64::MAX,
        }
    }

    /// From now on, content that decompresses to more than `bytes` is broken.
    pub(super) fn limit(&mut self, bytes: u64) {
        self.limit = bytes;
    }

    /// Writes the next bytes to `out`. Returns how many, and 0 only at the end.
    ///
    /// # Errors
    /// [`Fault::Read`]: nothing was lost, and the next call tries again. [`Fault::Broken`]: there are no more bytes.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        if let Some((error_type, reason)) = &self.broken {
            return Err(Fault::Broken(error_type, reason.clone()));
        }
        let compression = match self.compression {
            Some(compression) => compression,
            None => *self.compression.insert(self.input.sniff()?),
        };
        // One byte more than the limit shows that there is more.
        let limit = if compression == Compression::None { u64::MAX } else { self.limit };
        let room = usize::try_from(limit.saturating_add(1) - self.produced).unwrap_or(usize::MAX);
        let room = room.min(out.len());
        let out = &mut out[..room];
        let mut written = 0;
        let result = match compression {
            Compression::None => self.input.read(out).map(|count| written = count),
            Compression::Gzip => {
                let gzip = self.gzip.get_or_insert_with(Gzip::new);
                gzip.read(&mut self.input, out, &mut written, |consumed, written| {
                    let member = Member {
                        compressed: self.start.compressed + consumed,
                        raw: self.start.raw + self.produced + written as u64,
                    };
                    remember(&mut self.members, member);
                })
            }
            Compression::Zstd => match &mut self.zstd {
                Some(zstd) => zstd.read(&mut self.input, out, &mut written),
                empty => match Zstd::new() {
                    Ok(zstd) => empty.insert(zstd).read(&mut self.input, out, &mut written),
                    Err(error) => Err(Fault::Broken("corrupt", format!("zstd: {error}"))),
                },
            },
        };
        self.produced += written as u64;
        match result {
            Ok(()) => {}
            // Nothing was written in this case: written bytes are returned before the reader is asked again.
            Err(Fault::Read(error)) => return Err(Fault::Read(error)),
            Err(Fault::Broken(error_type, reason)) => self.broken = Some((error_type, reason)),
        }
        if self.broken.is_none() && self.produced > limit {
            // Remove the extra byte.
            self.produced -= 1;
            written -= 1;
            let reason = format!("the record inflates to more than {limit} bytes, MILLRACE_MAX_RECORD_BYTES");
            self.broken = Some(("record_too_large", reason));
        }
        // Return the readable bytes first, and the fault with the next call.
        if written == 0 && self.broken.is_some() { self.read(out) } else { Ok(written) }
    }

    /// Frees the decoders and the chunk. The counts and members stay.
    pub(super) fn release(&mut self) {
        (self.gzip, self.zstd) = (None, None);
        self.input.chunk = Box::default();
        (self.input.pos, self.input.end) = (0, 0);
    }

    /// The number of compressed bytes taken from the reader.
    pub(super) fn bytes_in(&self) -> u64 {
        self.input.bytes_in
    }

    /// The compression, if it is known already.
    pub(super) fn compression(&self) -> Compression {
        self.compression.unwrap_or(Compression::None)
    }

    /// The last place at or before this offset of the decompressed stream where decompression can restart.
    pub(super) fn member(&self, offset: u64) -> Member {
        match self.compression {
            None | Some(Compression::Zstd) => self.members[0],
            Some(Compression::None) => Member { compressed: offset, raw: offset },
            Some(Compression::Gzip) => {
                let after = self.members.partition_point(|member| member.raw <= offset);
                self.members[after.saturating_sub(1)]
            }
        }
    }
}

impl<S: Source> Source for Inflate<S> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Fault> {
        Self::read(self, into)
    }
}

/// Adds a member. Of several members without content only the last is kept. If there are too many members, every second
/// one is removed.
fn remember(members: &mut Vec<Member>, member: Member) {
    if members.last().is_some_and(|last| last.raw == member.raw) {
        members.pop();
    }
    if members.len() == MAX_MEMBERS {
        let mut kept = false;
        members.retain(|_| {
            kept = !kept;
            kept
        });
    }
    members.push(member);
}
