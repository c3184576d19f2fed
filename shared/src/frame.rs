//! Bytes become payloads: decompressed by magic bytes, cut into single JSON values, capped.
//!
//! In: a blocking reader over the bytes of an object, which ends only when all of them came, or the records of a stream,
//! one after another; [`kpl`] takes apart those that are several. Out: [`Frame`]s, borrowed from one buffer, each with
//! its offset in the decompressed stream, and a [`Checkpoint`] for any of them. Deliberately
//! absent: validation (decode's), retrying (a [`FrameError::Read`] is the source's to repair), and memory that grows
//! with the input.

mod buffer;
mod cloudwatch;
mod detect;
mod inflate;
pub mod kpl;
mod lines;
mod only;
mod scan;
mod stream;
#[cfg(test)]
mod tests;
mod values;

use std::io::Read;

use serde::{Deserialize, Serialize};

use buffer::Buffer;
use cloudwatch::Composer;
pub use inflate::{Compression, Member};
use inflate::{Fault, Inflate};
use lines::{Line, Skip};
pub use only::Only;
pub(crate) use only::{Awaited, Look};
use values::Expect;

/// Bytes of a value over the limit that are kept: enough to recognise it by, little enough for a dead letter.
const HEAD: usize = 64 * 1024;

/// How values follow one another in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Told apart by the first 64 KiB.
    Auto,
    /// One value a line.
    Ndjson,
    /// The elements of one array.
    Array,
    /// Values one after another, with or without white space.
    Concatenated,
    /// The elements of the array under the first key, `Records`.
    Records,
    /// The log events of the envelope of a CloudWatch Logs subscription, each composed with what the envelope says; for
    /// the records of a stream only, since it has no checkpoints.
    #[serde(rename = "cloudwatch-logs")]
    CloudwatchLogs,
}

/// What the reader of an object meets next.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'f> {
    /// One value, whole, not validated.
    Record {
        /// Its bytes, without surrounding white space; inside may be newlines where the format is not NDJSON. Of a log
        /// event, what was composed.
        payload: &'f [u8],
        /// The offset of its first byte in the concatenated decompressed stream; of a log event, that of its brace.
        offset: u64,
        /// The time of a log event of CloudWatch Logs, in milliseconds since 1970; all else has none of its own.
        time_ms: Option<i64>,
    },
    /// A value over the limit. Reading goes on behind it.
    TooLarge {
        /// The offset of its first byte.
        offset: u64,
        /// Its length in bytes.
        length: u64,
        /// Its first 64 KiB.
        head: &'f [u8],
    },
}

/// Why no frame came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The reader failed. Nothing is said about the content: read again, from here or from a checkpoint.
    #[error("cannot read: {0}")]
    Read(#[source] std::io::Error),
    /// The rest of the object can never be read: a dead letter names it. Everything before it has been returned.
    #[error("{error_type} at offset {offset}: {reason}")]
    Broken {
        /// Where the unreadable rest begins.
        offset: u64,
        /// `truncated`, `corrupt`, `record_too_large`, `zstd_window`, `not_utf8` or `framing_lost`.
        error_type: &'static str,
        /// What is wrong, for a person.
        reason: String,
    },
}

/// Where to go on in an object, in another invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The offset in the decompressed stream: the first byte of a value, or where the next is looked for.
    pub offset: u64,
    /// Never [`Format::Auto`], unless nothing was read yet.
    pub format: Format,
    /// Inside the array: a value, `,` or `]` is expected.
    pub inside: bool,
    /// How the object is compressed.
    pub compression: Compression,
    /// Where the reader has to begin: a Range request from `member.compressed` on.
    pub member: Member,
}

impl Checkpoint {
    /// The very beginning of an object, of which nothing is known.
    pub fn start(format: Format) -> Self {
        let member = Member { compressed: 0, raw: 0 };
        Self { offset: 0, format, inside: false, compression: Compression::None, member }
    }
}

/// The values of one object, one after another.
///
/// Memory: one buffer of at most `max_event_bytes` and 128 KiB (256 KiB at least), 64 KiB of compressed input, the
/// decompressor's window (32 KiB for gzip, at most 8 MiB for zstd), 64 KiB for the head of a value over the limit, and
/// 64 KiB for where gzip members begin; for CloudWatch Logs also a log event twice and 128 KiB.
pub struct Frames<R> {
    source: Inflate<R>,
    buffer: Buffer,
    max: usize,
    /// What was asked for, before anything was read.
    wanted: Format,
    format: Format,
    /// Whether the bytes are the records of a stream.
    stream: bool,
    /// Whether all that was begun is one value, as it is.
    whole: bool,
    /// Where this attempt begins; what is inflated before it is discarded.
    start: u64,
    expect: Expect,
    /// Where the first array was opened.
    opened: Option<u64>,
    line: Line,
    skip: Option<Skip>,
    head: Vec<u8>,
    composer: Composer,
    /// The indices of the NDJSON line that was just returned.
    last: Option<(usize, usize)>,
    broken: bool,
}

/// A frame as indices into the buffer, which can be handed on while the buffer is borrowed mutably.
enum Found {
    Record {
        start: usize,
        end: usize,
    },
    /// What the composer holds.
    Composed {
        offset: u64,
    },
    TooLarge {
        offset: u64,
        length: u64,
    },
}

impl<R: Read> Frames<R> {
    /// Reads an object from its first byte on. A value of more than `max_event_bytes` is [`Frame::TooLarge`].
    pub fn new(reader: R, format: Format, max_event_bytes: usize) -> Self {
        let start = Member { compressed: 0, raw: 0 };
        Self::with(Inflate::new(reader), format, start, 0, max_event_bytes)
    }

    /// Goes on at a checkpoint. `reader` begins at byte `at.member.compressed` of the object; what lies between the
    /// member's first byte and the checkpoint's offset is inflated and discarded.
    pub fn resume(reader: R, at: &Checkpoint, max_event_bytes: usize) -> Self {
        // At the very start nothing may have been read yet, and the magic bytes are here to be seen.
        let source = if at.offset == 0 && at.member.compressed == 0 {
            Inflate::new(reader)
        } else {
            Inflate::resume(reader, at.compression, at.member)
        };
        let mut frames = Self::with(source, at.format, at.member, at.offset, max_event_bytes);
        let behind = at.format == Format::Array && at.offset > 0;
        if at.inside || behind {
            frames.expect = if at.inside { Expect::Any } else { Expect::End };
            frames.opened = Some(at.offset);
        }
        frames
    }

    fn with(source: Inflate<R>, format: Format, member: Member, start: u64, max: usize) -> Self {
        Self {
            source,
            buffer: Buffer::new(member.raw, max),
            max,
            wanted: format,
            format,
            stream: false,
            whole: false,
            start,
            expect: Expect::Start,
            opened: None,
            line: Line::default(),
            skip: None,
            head: Vec::new(),
            composer: Composer::default(),
            last: None,
            broken: false,
        }
    }

    /// The next frame, or `None` at the end of the object.
    ///
    /// # Errors
    /// [`FrameError::Read`]: the reader failed; calling again goes on where it stopped, if the reader can.
    /// [`FrameError::Broken`]: the rest is unreadable; every later call returns `None`.
    #[expect(
        clippy::should_implement_trait,
        reason = "a frame borrows from the reader, which an Iterator's item cannot"
    )]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        self.last = None;
        self.composer.time_ms = None;
        if self.broken {
            return Ok(None);
        }
        match self.find() {
            Ok(None) => Ok(None),
            Ok(Some(Found::Record { start, end })) => {
                self.last = Some((start, end));
                let (payload, offset) = (self.buffer.slice(start, end), self.buffer.offset_of(start));
                Ok(Some(Frame::Record { payload, offset, time_ms: self.composer.time_ms }))
            }
            Ok(Some(Found::Composed { offset })) => {
                let (payload, time_ms) = (self.composer.payload(), self.composer.time_ms);
                Ok(Some(Frame::Record { payload, offset, time_ms }))
            }
            Ok(Some(Found::TooLarge { offset, length })) => {
                Ok(Some(Frame::TooLarge { offset, length, head: &self.head }))
            }
            Err(error) => {
                self.broken = matches!(error, FrameError::Broken { .. });
                Err(error)
            }
        }
    }

    /// To be asked when a record does not decode: does it, as a line of NDJSON, hold several values one after another?
    /// If so, [`Frames::next`] returns them singly, and the record just returned must be forgotten.
    ///
    /// Only objects and arrays count: `{"a":1}}` is one faulty record, not two.
    pub fn split(&mut self) -> bool {
        let Some((start, end)) = self.last.take() else { return false };
        if self.whole
            || self.format != Format::Ndjson
            || self.line.singles
            || !Self::holds_several(self.buffer.slice(start, end))
        {
            return false;
        }
        self.buffer.pos = start;
        self.line = Line::singly();
        true
    }

    /// Where the next value would be looked for: all before it has been returned.
    pub fn offset(&self) -> u64 {
        let offset = match &self.skip {
            Some(skip) => skip.offset,
            None => self.expect.mark().unwrap_or_else(|| self.buffer.offset()),
        };
        offset.max(self.start)
    }

    /// Whether what is read has to be inflated.
    pub fn is_compressed(&self) -> bool {
        self.source.compression() != Compression::None
    }

    /// The reader.
    pub fn reader(&self) -> &R {
        self.source.reader()
    }

    /// Gives back the buffers and decoders: only the counts and [`Frames::checkpoint`] may be asked for from now on.
    pub fn release(&mut self) {
        self.source.release();
        self.buffer.release();
        self.head = Vec::new();
        self.composer = Composer::default();
        self.last = None;
        self.broken = true;
    }

    /// Bytes taken from the reader, compressed as they are.
    pub fn bytes_in(&self) -> u64 {
        self.source.bytes_in()
    }

    /// Decompressed bytes, without those that were discarded to get to a checkpoint.
    pub fn bytes_raw(&self) -> u64 {
        self.buffer.end_offset().saturating_sub(self.start)
    }

    /// To go on at `offset` another time: the offset of a value that was returned, or [`Frames::offset`].
    pub fn checkpoint(&self, offset: u64) -> Checkpoint {
        let inside = self.opened.is_some_and(|opened| offset >= opened)
            && (offset != self.offset() || self.expect.inside() || matches!(self.expect, Expect::Rest(..)));
        // Before an array is opened nothing was returned, and behind it nothing may follow: 0 tells the two apart.
        let unopened = self.format == Format::Array && self.opened.is_none_or(|opened| offset < opened);
        let offset = if unopened { 0 } else { offset };
        Checkpoint {
            offset,
            format: self.format,
            inside,
            compression: self.source.compression(),
            member: self.source.member(offset),
        }
    }

    fn find(&mut self) -> Result<Option<Found>, FrameError> {
        while self.buffer.offset() < self.start {
            let ahead = usize::try_from(self.start - self.buffer.offset()).unwrap_or(usize::MAX);
            self.buffer.pos += ahead.min(self.buffer.unread().len());
            if self.buffer.offset() < self.start && !self.fill()? {
                return Err(broken(self.start, "truncated", "the object ends before the offset to go on at".into()));
            }
        }
        if self.whole {
            return self.next_whole();
        }
        if self.skip.is_some() {
            return self.go_on_skipping().map(Some);
        }
        if self.buffer.offset() == 0 {
            self.begin()?;
        }
        match self.format {
            Format::Ndjson => self.next_line(),
            Format::Array => self.next_element(false),
            Format::Records => self.next_element(true),
            Format::CloudwatchLogs => self.next_log_event(),
            Format::Concatenated | Format::Auto => self.next_concatenated(),
        }
    }

    /// Looks at the first bytes of an object: encoding, byte order mark, format.
    fn begin(&mut self) -> Result<(), FrameError> {
        let wanted = if self.format == Format::Auto { detect::WINDOW } else { detect::BOM.len() + 1 };
        let mut whole = false;
        while self.buffer.unread().len() < wanted && !whole {
            match self.fill() {
                Ok(more) => whole = !more,
                // It is met again behind what was readable.
                Err(FrameError::Broken { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        let window = &self.buffer.unread()[..self.buffer.unread().len().min(detect::WINDOW)];
        if let Some(reason) = detect::foreign_encoding(window) {
            return Err(broken(0, "not_utf8", reason.into()));
        }
        let bom = if window.starts_with(detect::BOM) { detect::BOM.len() } else { 0 };
        if self.format == Format::Auto {
            let whole = whole && window.len() == self.buffer.unread().len();
            let window = scan::trim_start(&window[bom..]);
            self.format = if !self.stream {
                detect::detect(window, whole)
            } else if let Some(format) = detect::detect_record(window, whole) {
                format
            } else {
                self.line = Line::endless();
                Format::Concatenated
            };
        }
        self.buffer.pos += bom;
        Ok(())
    }

    /// Reads more behind what is held; `false` at the end.
    fn fill(&mut self) -> Result<bool, FrameError> {
        match self.source.read(self.buffer.room()) {
            Ok(count) => {
                self.buffer.filled(count);
                Ok(count > 0)
            }
            Err(Fault::Read(error)) => Err(FrameError::Read(error)),
            Err(Fault::Broken(error_type, reason)) => Err(broken(self.offset(), error_type, reason)),
        }
    }

    #[cfg(test)]
    fn buffer_capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

fn broken(offset: u64, error_type: &'static str, reason: String) -> FrameError {
    FrameError::Broken { offset, error_type, reason }
}

fn unclosed(offset: u64) -> FrameError {
    broken(offset, "truncated", "the object ends inside a value".into())
}
