//! Bytes become payloads: decompressed as the magic bytes say, cut into single JSON values, limited in size.
//!
//! In: a blocking reader over the bytes of an object, or the records of a stream, one after another. The reader ends
//! only when all bytes were read. [`kpl`] splits aggregated records. Out: [`Frame`]s, borrowed from one buffer, each
//! with its offset in the decompressed stream, and a [`Checkpoint`] for any of them. Deliberately absent: validation
//! (decode's), retries (the source retries after a [`FrameError::Read`]), and memory that grows with the input.

mod around;
mod buffer;
mod cloudwatch;
mod detect;
mod gap;
mod history;
mod inflate;
pub mod kpl;
mod lines;
mod magic;
mod noise;
mod only;
mod records;
mod scan;
mod seam;
mod seek;
mod stream;
#[cfg(test)]
mod tests;
mod torn;
mod values;

use std::io::Read;

use serde::{Deserialize, Serialize, de::IgnoredAny};

use around::Around;
use buffer::Buffer;
use cloudwatch::Composer;
use gap::Gap;
use history::{History, Within};
pub use inflate::{Compression, Member};
use inflate::{Fault, Twice};
use lines::{Line, Skip};
pub use only::Only;
pub use only::{Awaited, Look};
pub use records::Records;
use seam::LineStarts;
use torn::Torn;

/// Default of `MILLRACE_MAX_EVENT_BYTES`: 1 MiB.
pub const DEFAULT_MAX_EVENT_BYTES: usize = 1 << 20;
/// Default of `MILLRACE_MAX_RECORD_BYTES`: 1 GiB, which takes two or three seconds to inflate.
pub const DEFAULT_MAX_RECORD_BYTES: u64 = 1 << 30;
/// The bytes that are kept of a value over the limit: enough to recognise it, and few enough for a dead letter.
const HEAD: usize = 64 * 1024;

/// How values follow one another in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Detected from the first 64 KiB.
    Auto,
    /// One value per line.
    Ndjson,
    /// The elements of one array.
    Array,
    /// Values one after another, with or without white space.
    Concatenated,
    /// The elements of an array within an object, by default `Records`. [`Records`] names the array.
    Records,
    /// The log events in the envelopes of a CloudWatch Logs subscription. Each event also gets fields of its envelope.
    #[serde(rename = "cloudwatch-logs")]
    CloudwatchLogs,
}

/// The next frame of an object or a record.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame<'f> {
    /// One whole value, not validated.
    Record {
        /// Its bytes, without surrounding white space. Except in NDJSON, they may contain newlines. If members of its
        /// envelope were copied into it: the composed event.
        payload: &'f [u8],
        /// The offset of its first byte in the concatenated decompressed stream. For a composed event: the offset of
        /// the original's opening brace.
        offset: u64,
        /// The time of a CloudWatch Logs log event, in milliseconds since 1970. `None` for every other value.
        time_ms: Option<i64>,
        /// How many bytes after the opening brace were copied from the object around it.
        added: usize,
    },
    /// A value over the limit. Reading continues after it.
    TooLarge {
        /// The offset of its first byte.
        offset: u64,
        /// Its length in bytes.
        length: u64,
        /// Its first 64 KiB.
        head: &'f [u8],
    },
}

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The reader failed. This says nothing about the content: read again, from here or from a checkpoint.
    #[error("cannot read: {0}")]
    Read(#[source] std::io::Error),
    /// The rest of the object can never be read. The caller writes one dead letter for it. Everything before it has
    /// been returned.
    #[error("{error_type} at offset {offset}: {reason}")]
    Broken {
        /// Where the unreadable rest begins.
        offset: u64,
        /// `truncated`, `corrupt`, `record_too_large`, `zstd_window`, `not_utf8`, `nul_bytes`, `unsupported_format` or `framing_lost`.
        error_type: &'static str,
        /// The fault, in words for a person.
        reason: String,
    },
}

/// Where another invocation resumes reading an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The offset in the decompressed stream: the first byte of a value, or the place where the search for the next
    /// value begins.
    pub offset: u64,
    /// [`Format::Auto`] only if nothing was read yet.
    pub format: Format,
    /// Inside the array: a value, `,` or `]` is expected.
    pub inside: bool,
    /// After the bracket that opens the array: an element may follow without a comma.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub opens: bool,
    /// Perhaps inside the array: something broken precedes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// Where framing begins, if not at `offset`. The frames between the two are skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin: Option<u64>,
    /// How the object is compressed.
    pub compression: Compression,
    /// Where the reader begins: a Range request from `member.compressed` on.
    pub member: Member,
}

impl Checkpoint {
    /// The start of an object of which nothing is known yet.
    pub fn start(format: Format) -> Self {
        let member = Member { compressed: 0, raw: 0 };
        let compression = Compression::None;
        Self { offset: 0, format, inside: false, opens: false, unknown: false, begin: None, compression, member }
    }
}

/// The values of one object, one after another.
///
/// Memory: one buffer of at most `max_event_bytes` plus 128 KiB (at least 256 KiB), 64 KiB of compressed input, the
/// decompressor's window (32 KiB for gzip, at most 8 MiB for zstd), 64 KiB for the head of a value over the limit, and
/// 64 KiB for the offsets of gzip members. For CloudWatch Logs also twice the size of a log event, and 128 KiB.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Frames<R> {
    source: Twice<R>,
    buffer: Buffer,
    max: usize,
    /// The format that the caller asked for.
    wanted: Format,
    format: Format,
    /// Whether the bytes are the records of a stream.
    stream: bool,
    /// Whether the whole input is one value that was framed before.
    whole: bool,
    /// Where framing begins. Earlier bytes are decompressed and discarded.
    start: u64,
    /// Where this attempt begins. Earlier frames are skipped.
    wanted_from: u64,
    /// What encloses the next value.
    within: Within,
    history: History,
    /// Which array of an object is read.
    records: Records,
    /// The bytes before or after the array in its object, while they are skipped.
    around: Option<Around>,
    /// What was skipped since the last element of the array.
    gap: Option<Gap>,
    /// Whether the current value is certainly an element of the array, so that it gets the envelope's members.
    is_element: bool,
    /// The members that are copied into each element: the index of the name in [`Records`], and the value.
    copied: Vec<(usize, Vec<u8>)>,
    /// How many members could not be copied.
    left_out: u64,
    /// How many bytes were copied into the current event.
    added: usize,
    /// Where to resume after a read error, if not at the current offset.
    mark: Option<u64>,
    /// Where NUL bytes begin, as long as nothing else was read.
    zeros_from: Option<u64>,
    /// The value that was cut off by the end of the input.
    torn: Option<Torn>,
    /// The length of the value that was just returned and did not decode.
    doubtful: Option<usize>,
    line_starts: LineStarts,
    line: Line,
    skip: Option<Skip>,
    head: Vec<u8>,
    composer: Composer,
    /// The indices of the record that was just returned and may be split.
    last: Option<(usize, usize)>,
    broken: bool,
}

/// A frame as indices into the buffer, so that no borrow of the buffer is held.
enum Found {
    Record {
        start: usize,
        end: usize,
    },
    /// Like `Record`, but [`Frames::split`] does not look at it again if it does not decode.
    Part {
        start: usize,
        end: usize,
    },
    /// The composed event in `composer`.
    Composed {
        offset: u64,
    },
    TooLarge {
        offset: u64,
        length: u64,
    },
    /// Something was cut off here, and none of its bytes are left.
    Missing {
        offset: u64,
    },
}

impl<R: Read> Frames<R> {
    /// Reads an object from its first byte on. A value of more than `max_event_bytes` is [`Frame::TooLarge`].
    pub fn new(reader: R, format: Format, max_event_bytes: usize) -> Self {
        let start = Member { compressed: 0, raw: 0 };
        Self::with(Twice::new(reader), format, start, 0, max_event_bytes)
    }

    /// Resumes at a checkpoint. `reader` begins at byte `at.member.compressed` of the object. The bytes between the
    /// member's first byte and the checkpoint's offset are decompressed and discarded.
    pub fn resume(reader: R, at: &Checkpoint, max_event_bytes: usize) -> Self {
        // At the very start the compression may be unknown still. The magic bytes come next, so detect it.
        let source = if at.offset == 0 && at.member.compressed == 0 {
            Twice::new(reader)
        } else {
            Twice::resume(reader, at.compression, at.member)
        };
        let mut frames = Self::with(source, at.format, at.member, at.begin.unwrap_or(at.offset), max_event_bytes);
        frames.wanted_from = at.offset;
        frames.within = match (at.inside, at.unknown) {
            (_, true) => Within::Unknown,
            (true, false) => Within::Array,
            (false, false) => Within::Top,
        };
        frames.history = History::new(frames.start, frames.within, at.opens);
        frames.gap = (at.opens && at.format == Format::Records).then(|| Gap::opening(frames.start));
        // The element of an array in a line does not begin the line, so do not read it as a line.
        if at.format == Format::Ndjson && at.inside {
            frames.line = Line::singly();
        }
        frames
    }

    fn with(source: Twice<R>, format: Format, member: Member, start: u64, max: usize) -> Self {
        Self {
            source,
            buffer: Buffer::new(member.raw, max),
            max,
            wanted: format,
            format,
            stream: false,
            whole: false,
            start,
            wanted_from: start,
            within: Within::Top,
            history: History::new(start, Within::Top, false),
            records: Records::default(),
            around: None,
            gap: None,
            is_element: false,
            copied: Vec::new(),
            left_out: 0,
            added: 0,
            mark: None,
            zeros_from: None,
            torn: None,
            doubtful: None,
            line_starts: LineStarts::default(),
            line: Line::default(),
            skip: None,
            head: Vec::new(),
            composer: Composer::default(),
            last: None,
            broken: false,
        }
    }

    /// Sets which array of an object is read in the format `records`. The default is `Records`.
    #[must_use]
    pub fn of(mut self, records: &Records) -> Self {
        self.records.clone_from(records);
        self
    }

    /// Returns how many members could not be copied into events, and resets the count.
    pub fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }

    /// The next frame, or `None` at the end of the object.
    ///
    /// # Errors
    /// [`FrameError::Read`]: the reader failed. The next call continues where it stopped, if the reader can.
    /// [`FrameError::Broken`]: the rest is unreadable. Every later call returns `None`.
    #[expect(
        clippy::should_implement_trait,
        reason = "a frame borrows from the reader, which an Iterator's item cannot"
    )]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        self.last = None;
        self.composer.time_ms = None;
        self.added = 0;
        if self.broken {
            return Ok(None);
        }
        let found = self.find_wanted();
        if !matches!(found, Err(FrameError::Read(_)))
            && let Some(offset) = self.zeros_from.take()
            && matches!(found, Ok(None))
        {
            // Nothing but NUL bytes was read: the content was never written.
            self.broken = true;
            return Err(broken(offset, "nul_bytes", "nothing but NUL bytes".into()));
        }
        match found {
            Ok(None) => Ok(None),
            Ok(Some(found @ (Found::Record { start, end } | Found::Part { start, end }))) => {
                self.last = matches!(found, Found::Record { .. }).then_some((start, end));
                let (payload, offset) = (self.buffer.slice(start, end), self.buffer.offset_of(start));
                Ok(Some(Frame::Record { payload, offset, time_ms: self.composer.time_ms, added: 0 }))
            }
            Ok(Some(Found::Composed { offset })) => {
                let (payload, time_ms) = (self.composer.payload(), self.composer.time_ms);
                Ok(Some(Frame::Record { payload, offset, time_ms, added: self.added }))
            }
            Ok(Some(Found::Missing { offset })) => {
                Ok(Some(Frame::Record { payload: &[], offset, time_ms: None, added: 0 }))
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

    /// Call this when a record does not decode. It says whether the record may be something other than one broken
    /// value: several values in one line of NDJSON, a line of text that begins like a value, or the rest of an array.
    /// If it returns `true`, forget the record: [`Frames::next`] returns what it really is.
    ///
    /// Only objects and arrays count as several values: `{"a":1}}` is one faulty record, not two.
    pub fn split(&mut self) -> bool {
        let Some((start, end)) = self.last.take() else { return false };
        if self.whole || self.line.endless {
            return false;
        }
        let record = self.buffer.slice(start, end);
        if self.format == Format::Ndjson && self.within == Within::Top {
            if self.line.singles || !noise::is_values_and_noise(record) {
                return false;
            }
            self.line = Line::singly();
        } else {
            if self.within == Within::Top && !matches!(record.first(), Some(b'{')) {
                return false;
            }
            self.doubtful = Some(end - start);
            self.line_starts = LineStarts::default();
        }
        self.buffer.pos = start;
        true
    }

    /// Where the search for the next value begins. Everything before it has been returned.
    pub fn offset(&self) -> u64 {
        let offset = match &self.skip {
            Some(skip) => skip.offset,
            None => self.mark.or(self.gap.map(|gap| gap.offset)).unwrap_or_else(|| self.buffer.offset()),
        };
        offset.max(self.wanted_from)
    }

    /// Whether the input is compressed.
    pub fn is_compressed(&self) -> bool {
        self.source.compression() != Compression::None
    }

    /// The reader.
    pub fn reader(&self) -> &R {
        self.source.reader()
    }

    /// Frees the buffers and decoders. After this, only the counts and [`Frames::checkpoint`] may be used.
    pub fn release(&mut self) {
        self.source.release();
        self.buffer.release();
        self.head = Vec::new();
        self.composer = Composer::default();
        (self.last, self.torn) = (None, None);
        self.broken = true;
    }

    /// The number of bytes taken from the reader, before decompression.
    pub fn bytes_in(&self) -> u64 {
        self.source.bytes_in()
    }

    /// The number of decompressed bytes, without those that were discarded on the way to a checkpoint.
    pub fn bytes_raw(&self) -> u64 {
        self.buffer.end_offset().saturating_sub(self.start)
    }

    /// The checkpoint for resuming at `offset`: the offset of a value that was returned, or [`Frames::offset`].
    pub fn checkpoint(&self, offset: u64) -> Checkpoint {
        let (begin, within, opens) = self.history.begin_for(offset);
        Checkpoint {
            offset,
            format: self.format,
            inside: within == Within::Array,
            opens,
            unknown: within == Within::Unknown,
            begin: (begin != offset).then_some(begin),
            compression: self.source.compression(),
            member: self.source.member(begin),
        }
    }

    /// The next frame at or after the offset where this attempt begins.
    fn find_wanted(&mut self) -> Result<Option<Found>, FrameError> {
        loop {
            let found = self.find()?;
            let (offset, end) = match &found {
                None => return Ok(None),
                Some(Found::Record { start, end } | Found::Part { start, end }) => {
                    (self.buffer.offset_of(*start), self.buffer.offset_of(*end))
                }
                Some(Found::Composed { offset } | Found::Missing { offset }) => (*offset, *offset),
                Some(Found::TooLarge { offset, length }) => (*offset, offset + length),
            };
            if offset >= self.wanted_from {
                return Ok(found);
            }
            // If this value was split at the first reading, split it in the same way, so that the frames after it are
            // the same.
            if let Some(Found::Record { start, end: last }) = found
                && (end > self.wanted_from
                    || self.buffer.slice(start, start + 1) != b"{"
                    || serde_json::from_slice::<IgnoredAny>(self.buffer.slice(start, last)).is_err())
            {
                self.last = Some((start, last));
                self.split();
            }
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
        if let Some(length) = self.doubtful {
            return self.broken_value(length).map(Some);
        }
        if self.buffer.offset() == 0 {
            self.begin()?;
        }
        match self.format {
            Format::Ndjson => self.next_line(),
            Format::Records => self.next_with_envelope(),
            Format::CloudwatchLogs => self.next_log_event(),
            Format::Array | Format::Concatenated | Format::Auto => self.next_value(),
        }
    }

    /// Checks the first bytes of an object: encoding, byte order mark, format.
    fn begin(&mut self) -> Result<(), FrameError> {
        let wanted = if self.format == Format::Auto { detect::WINDOW } else { magic::NEEDED };
        let mut whole = false;
        while self.buffer.unread().len() < wanted && !whole {
            match self.fill() {
                Ok(more) => whole = !more,
                // The next read reports the fault again, after the readable bytes.
                Err(FrameError::Broken { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        let window = &self.buffer.unread()[..self.buffer.unread().len().min(detect::WINDOW)];
        if let Some(reason) = detect::foreign_encoding(window) {
            return Err(broken(0, "not_utf8", reason.into()));
        }
        if let Some(reason) = magic::refused(window, !self.stream) {
            return Err(broken(0, "unsupported_format", reason));
        }
        self.zeros_from = (window.first() == Some(&0)).then_some(0);
        let bom = if window.starts_with(detect::BOM) { detect::BOM.len() } else { 0 };
        if self.format == Format::Auto {
            let whole = whole && window.len() == self.buffer.unread().len();
            let window = &window[bom..];
            let window = &window[window.iter().position(|&byte| !noise::is_blank(byte)).unwrap_or(window.len())..];
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

    /// Reads more bytes into the buffer. Returns `false` at the end of the input.
    fn fill(&mut self) -> Result<bool, FrameError> {
        let room = self.buffer.room();
        // A reader takes an empty room for the end of the input.
        debug_assert!(!room.is_empty(), "no look-ahead goes beyond the limit of the buffer");
        match self.source.read(room) {
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
