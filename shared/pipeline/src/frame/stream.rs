//! The records of a stream, one after another, with one set of buffers.
//!
//! An invocation receives up to ten thousand records of some hundred bytes each. A new [`Frames`] per record would cost
//! more than the framing. Deliberately absent: checkpoints, since a record is always read again as a whole.

use super::{
    error::FrameError,
    format::Format,
    frames::{Found, Frames},
    history::Within,
    inflate::Compression,
    seam::LineStarts,
    state::Line,
};

impl<'b> Frames<&'b [u8]> {
    /// For the records of a stream. Each starts with [`Frames::begin_record`]; there is no frame before the first.
    ///
    /// [`Format::Auto`] is detected for each record. An envelope of CloudWatch Logs is recognised by its header. One
    /// line that begins with `{` is NDJSON. Text that is not JSON is one frame. Everything else is detected as for an
    /// object.
    pub fn of_records(format: Format, max_event_bytes: usize) -> Self {
        Self { stream: true, ..Self::new(&[], format, max_event_bytes) }
    }

    /// Limits how far a record may inflate: more than this is broken. A record is read as a whole, so a record that
    /// inflates without end would block its shard. An object needs no such limit, since other invocations resume it.
    #[must_use]
    pub fn within(mut self, max_record_bytes: u64) -> Self {
        self.source.limit(max_record_bytes);
        self
    }

    /// Starts the next record and drops the rest of the previous one. Offsets and byte counts start at 0 again.
    #[inline]
    pub fn begin_record(&mut self, record: &'b [u8]) {
        self.begin_bytes(record, Compression::of(record));
        self.whole = false;
    }

    /// Starts one value that was framed before, such as the value of a dead letter. It is returned unchanged.
    pub fn begin_value(&mut self, value: &'b [u8]) {
        self.begin_bytes(value, Compression::None);
        self.whole = true;
    }

    #[inline]
    fn begin_bytes(&mut self, bytes: &'b [u8], compression: Compression) {
        self.source.begin(bytes, compression);
        self.buffer.restart();
        self.format = self.wanted;
        self.within = Within::Top;
        self.history.restart();
        (self.around, self.gap, self.mark, self.doubtful, self.torn) = (None, None, None, None, None);
        self.is_element = false;
        self.line_starts = LineStarts::default();
        self.zeros_from = None;
        self.line = Line::default();
        self.skip = None;
        self.last = None;
        self.composer.time_ms = None;
        self.broken = false;
    }
}

impl<R: std::io::Read> Frames<R> {
    /// The whole input as one frame. The caller checks its length.
    pub(super) fn next_whole(&mut self) -> Result<Option<Found>, FrameError> {
        while self.fill()? {}
        let (start, end) = (self.buffer.pos, self.buffer.pos + self.buffer.unread().len());
        self.buffer.clear();
        Ok((start < end).then_some(Found::Record { start, end }))
    }
}
