//! Decompresses the bytes of an object.
//!
//! In: a blocking reader that ends only when all bytes of the object were read. Out: decompressed bytes, written
//! straight into the caller's buffer, and where each gzip member begins, for a restart by a Range request. Deliberately
//! absent: file names and content types, which are often wrong. Only the magic bytes count.

mod twice;

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};
use serde::{Deserialize, Serialize};
pub(super) use twice::Twice;
use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

/// How many compressed bytes one read asks for.
const CHUNK: usize = 64 * 1024;

/// The largest zstd window, as a power of two: 8 MiB. `zstd` itself needs no more without `--long` or `--ultra`. RFC
/// 8878 recommends that decoders support this much and refuse more.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// The largest number of known members. Beyond it, every second one is removed, and a restart decompresses a little
/// more.
const MAX_MEMBERS: usize = 4096;

/// How an object or a record is compressed. Its first bytes decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not compressed.
    None,
    /// One or more gzip members (RFC 1952).
    Gzip,
    /// One or more zstd frames (RFC 8878).
    Zstd,
}

impl Compression {
    /// Detects the compression from the first four bytes, or from all bytes if there are fewer.
    pub(super) fn of(head: &[u8]) -> Self {
        match *head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            // A zstd frame, or a frame to be skipped.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// A place where decompression can restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its byte offset in the object, where a Range request begins.
    pub compressed: u64,
    /// The offset of its first byte in the decompressed stream.
    pub raw: u64,
}

/// Why there are no more bytes.
pub(super) enum Fault {
    /// The reader failed. The next call tries again.
    Read(io::Error),
    /// The content is broken. Every later call returns the same fault.
    Broken(&'static str, String),
}

/// A source of decompressed bytes.
pub(super) trait Source {
    /// Like [`Read::read`], with another error type. Returns 0 only at the end.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Fault>;
}

/// Passes the bytes through unchanged.
pub(super) struct Plain<R>(R);

impl<R: Read> Source for Plain<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Fault> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(Fault::Read),
            }
        }
    }
}

impl<S: Source> Source for Inflate<S> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Fault> {
        Self::read(self, into)
    }
}

/// Decompresses a source.
pub(super) struct Inflate<R> {
    input: Input<R>,
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
    fn resume(reader: R, compression: Compression, member: Member) -> Self {
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

/// The reader and one chunk of its bytes.
struct Input<R> {
    reader: R,
    chunk: Box<[u8]>,
    pos: usize,
    end: usize,
    ended: bool,
    bytes_in: u64,
}

impl<R: Source> Input<R> {
    fn new(reader: R) -> Self {
        Self { reader, chunk: vec![0; CHUNK].into(), pos: 0, end: 0, ended: false, bytes_in: 0 }
    }

    fn restart(&mut self) {
        (self.pos, self.end, self.ended, self.bytes_in) = (0, 0, false, 0);
    }

    fn held(&self) -> &[u8] {
        &self.chunk[self.pos..self.end]
    }

    /// How many bytes the decoder has taken.
    fn consumed(&self) -> u64 {
        self.bytes_in - self.held().len() as u64
    }

    /// Whether the chunk holds a byte. Reads more if it is empty.
    fn available(&mut self) -> Result<bool, Fault> {
        if self.pos == self.end {
            self.pos = 0;
            self.end = 0;
            self.read_more()?;
        }
        Ok(self.pos < self.end)
    }

    /// Reads more bytes into the chunk. Does nothing at the end.
    fn read_more(&mut self) -> Result<(), Fault> {
        if !self.ended {
            let count = self.reader.read(&mut self.chunk[self.end..])?;
            self.ended = count == 0;
            self.end += count;
            self.bytes_in += count as u64;
        }
        Ok(())
    }

    /// Returns the bytes of the chunk first. After that, the reader writes straight into `out`.
    fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        if self.pos < self.end {
            let count = out.len().min(self.end - self.pos);
            out[..count].copy_from_slice(&self.chunk[self.pos..self.pos + count]);
            self.pos += count;
            return Ok(count);
        }
        if self.ended {
            return Ok(0);
        }
        let count = self.reader.read(out)?;
        self.ended = count == 0;
        self.bytes_in += count as u64;
        Ok(count)
    }

    /// Detects the compression from the first four bytes, without taking them.
    fn sniff(&mut self) -> Result<Compression, Fault> {
        while self.end < 4 && !self.ended {
            match self.read_more() {
                // The next read reports the fault again, after the readable bytes.
                Err(Fault::Broken(..)) if self.end > 0 => break,
                other => other?,
            }
        }
        Ok(Compression::of(self.held()))
    }
}

/// Members one after another. Zeros may follow them (tape blocks), as gzip(1) allows.
struct Gzip {
    inflate: Decompress,
    place: Place,
    /// The last call filled its output: there may be more output without more input.
    full: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Member,
    Between,
    Padding,
}

impl Gzip {
    fn new() -> Self {
        Self { inflate: Decompress::new_gzip(15), place: Place::First, full: false }
    }

    fn reset(&mut self) {
        self.inflate.reset(true);
        (self.place, self.full) = (Place::First, false);
    }

    fn read<R: Source>(
        &mut self,
        input: &mut Input<R>,
        out: &mut [u8],
        written: &mut usize,
        mut begins: impl FnMut(u64, usize),
    ) -> Result<(), Fault> {
        while *written < out.len() {
            if input.held().is_empty() && !self.full {
                if *written > 0 {
                    return Ok(());
                }
                if !input.available()? {
                    return match self.place {
                        Place::Between | Place::Padding => Ok(()),
                        Place::First | Place::Member => Err(truncated("a gzip member")),
                    };
                }
            }
            match self.place {
                Place::Member => self.member(input, out, written)?,
                Place::First => self.place = Place::Member,
                Place::Between if input.held()[0] == 0x1f => {
                    begins(input.consumed(), *written);
                    self.inflate.reset(true);
                    self.place = Place::Member;
                }
                Place::Between if input.held()[0] == 0 => self.place = Place::Padding,
                Place::Padding if input.held().iter().all(|&byte| byte == 0) => input.pos = input.end,
                Place::Between | Place::Padding => {
                    return Err(Fault::Broken("corrupt", "garbage behind the last gzip member".into()));
                }
            }
        }
        Ok(())
    }

    /// One step inside a member.
    fn member<R>(&mut self, input: &mut Input<R>, out: &mut [u8], written: &mut usize) -> Result<(), Fault> {
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status =
            self.inflate.decompress(&input.chunk[input.pos..input.end], &mut out[*written..], FlushDecompress::None);
        // Both differences are less than the lengths of the slices.
        let step = |after: u64, before: u64| usize::try_from(after - before).unwrap_or(usize::MAX);
        let taken = step(self.inflate.total_in(), before_in);
        let made = step(self.inflate.total_out(), before_out);
        input.pos += taken;
        *written += made;
        self.full = *written == out.len();
        match status {
            Ok(Status::StreamEnd) => {
                self.place = Place::Between;
                self.full = false;
            }
            Ok(_) if taken == 0 && made == 0 && input.pos < input.end => {
                return Err(Fault::Broken("corrupt", "gzip: no progress".into()));
            }
            Ok(_) => {}
            Err(error) => return Err(Fault::Broken("corrupt", format!("gzip: {error}"))),
        }
        Ok(())
    }
}

/// Frames one after another, including frames to be skipped.
struct Zstd {
    decoder: zstd::stream::raw::Decoder<'static>,
    /// How many bytes the decoder wants. This is never more than one block, so a corrupt block does not affect the
    /// bytes before it.
    wants: usize,
    inside: bool,
    full: bool,
}

impl Zstd {
    /// The length of a frame's magic number and of the descriptor after it.
    const HEADER: usize = 5;

    fn new() -> io::Result<Self> {
        let mut decoder = zstd::stream::raw::Decoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
        Ok(Self { decoder, wants: Self::HEADER, inside: false, full: false })
    }

    /// Resets the decoder. Its parameters stay.
    fn reset(mut self) -> Option<Self> {
        self.decoder.reinit().ok()?;
        (self.wants, self.inside, self.full) = (Self::HEADER, false, false);
        Some(self)
    }

    fn read<R: Source>(&mut self, input: &mut Input<R>, out: &mut [u8], written: &mut usize) -> Result<(), Fault> {
        while *written < out.len() {
            if input.held().is_empty() && !self.full {
                if *written > 0 {
                    return Ok(());
                }
                if !input.available()? {
                    return if self.inside { Err(truncated("a zstd frame")) } else { Ok(()) };
                }
            }
            let piece = &input.held()[..self.wants.min(input.held().len())];
            let mut source = InBuffer::around(piece);
            let mut target = OutBuffer::around(&mut out[*written..]);
            let result = self.decoder.run(&mut source, &mut target);
            let (taken, made) = (source.pos(), target.pos());
            input.pos += taken;
            *written += made;
            self.full = *written == out.len();
            let wants = result.map_err(|error| {
                let reason = error.to_string();
                if reason.contains("too much memory") {
                    let reason = "the zstd window is larger than 8 MiB: compress without --long and --ultra";
                    Fault::Broken("zstd_window", reason.into())
                } else {
                    Fault::Broken("corrupt", format!("zstd: {reason}"))
                }
            })?;
            self.inside = wants > 0;
            self.wants = if wants > 0 { wants } else { Self::HEADER };
            if wants == 0 {
                self.full = false;
            } else if taken == 0 && made == 0 && input.pos < input.end {
                return Err(Fault::Broken("corrupt", "zstd: no progress".into()));
            }
        }
        Ok(())
    }
}

fn truncated(what: &str) -> Fault {
    Fault::Broken("truncated", format!("the object ends inside {what}"))
}
