//! The frames of one input: what is kept of it, where reading begins, and how far it came.

use std::io::Read;

use super::{
    buffer::Buffer,
    checkpoint::Checkpoint,
    cloudwatch::Composer,
    error::{FrameError, broken},
    format::Format,
    history::{History, Within},
    inflate::{Compression, Fault, Member, Twice},
    records::Records,
    seam::LineStarts,
    state::{Around, Gap, Line, Skip, Torn},
};

/// The bytes that are kept of a value over the limit: enough to recognise it, and few enough for a dead letter.
pub(super) const HEAD: usize = 64 * 1024;

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

/// The values of one object, one after another.
///
/// Memory: one buffer of at most `max_event_bytes` plus 128 KiB (at least 256 KiB), 64 KiB of compressed input, the
/// decompressor's window (32 KiB for gzip, at most 8 MiB for zstd), 64 KiB for the head of a value over the limit, and
/// 64 KiB for the offsets of gzip members. For CloudWatch Logs also twice the size of a log event, and 128 KiB.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Frames<R> {
    pub(super) source: Twice<R>,
    pub(super) buffer: Buffer,
    pub(super) max: usize,
    /// The format that the caller asked for.
    pub(super) wanted: Format,
    pub(super) format: Format,
    /// Whether the bytes are the records of a stream.
    pub(super) stream: bool,
    /// Whether the whole input is one value that was framed before.
    pub(super) whole: bool,
    /// Where framing begins. Earlier bytes are decompressed and discarded.
    pub(super) start: u64,
    /// Where this attempt begins. Earlier frames are skipped.
    pub(super) wanted_from: u64,
    /// What encloses the next value.
    pub(super) within: Within,
    pub(super) history: History,
    /// Which array of an object is read.
    pub(super) records: Records,
    /// The bytes before or after the array in its object, while they are skipped.
    pub(super) around: Option<Around>,
    /// What was skipped since the last element of the array.
    pub(super) gap: Option<Gap>,
    /// Whether the current value is certainly an element of the array, so that it gets the envelope's members.
    pub(super) is_element: bool,
    /// The members that are copied into each element: the index of the name in [`Records`], and the value.
    pub(super) copied: Vec<(usize, Vec<u8>)>,
    /// How many members could not be copied.
    pub(super) left_out: u64,
    /// How many bytes were copied into the current event.
    pub(super) added: usize,
    /// Where to resume after a read error, if not at the current offset.
    pub(super) mark: Option<u64>,
    /// Where NUL bytes begin, as long as nothing else was read.
    pub(super) zeros_from: Option<u64>,
    /// The value that was cut off by the end of the input.
    pub(super) torn: Option<Torn>,
    /// The length of the value that was just returned and did not decode.
    pub(super) doubtful: Option<usize>,
    pub(super) line_starts: LineStarts,
    pub(super) line: Line,
    pub(super) skip: Option<Skip>,
    pub(super) head: Vec<u8>,
    pub(super) composer: Composer,
    /// The indices of the record that was just returned and may be split.
    pub(super) last: Option<(usize, usize)>,
    pub(super) broken: bool,
}

/// A frame as indices into the buffer, so that no borrow of the buffer is held.
pub(super) enum Found {
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

impl Found {
    /// Turns a record into a part that is not examined again if it does not decode.
    pub(super) fn into_part(self) -> Self {
        match self {
            Self::Record { start, end } => Self::Part { start, end },
            other => other,
        }
    }
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
        frames.gap = (at.opens && at.format != Format::Ndjson).then(|| Gap::opening(frames.start));
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

    /// Reads more bytes into the buffer. Returns `false` at the end of the input.
    pub(super) fn fill(&mut self) -> Result<bool, FrameError> {
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
    pub(super) fn buffer_capacity(&self) -> usize {
        self.buffer.capacity()
    }
}
