//! The records of a stream, one after another, with one set of buffers.
//!
//! An invocation brings up to ten thousand records of some hundred bytes each: what a new [`Frames`] costs would be more
//! than the framing. Deliberately absent: checkpoints, since a record is read again as a whole.

use super::history::Within;
use super::inflate::Compression;
use super::lines::Line;
use super::seam::LineStarts;
use super::{Format, Found, FrameError, Frames};

impl<'b> Frames<&'b [u8]> {
    /// For the records of a stream, each begun by [`Frames::begin_record`]; there is no frame before the first.
    ///
    /// [`Format::Auto`] is told anew for each record: an envelope of CloudWatch Logs by its header, one line that begins
    /// with `{` is NDJSON, text that is no JSON is one frame, all else is told as for an object.
    pub fn of_records(format: Format, max_event_bytes: usize) -> Self {
        Self { stream: true, ..Self::new(&[], format, max_event_bytes) }
    }

    /// What inflates to more than so many bytes is broken behind them. A record is read as a whole, so one that inflates without end
    /// would hold its shard for ever; an object goes on in other invocations.
    #[must_use]
    pub fn within(mut self, max_record_bytes: u64) -> Self {
        self.source.limit(max_record_bytes);
        self
    }

    /// Goes over to the next record, whatever is left of the one before. Offsets, and the bytes counted, begin at 0
    /// again.
    #[inline]
    pub fn begin_record(&mut self, record: &'b [u8]) {
        self.begin_bytes(record, Compression::of(record));
        self.whole = false;
    }

    /// Goes over to one value that was framed before, such as that of a dead letter: it is returned as it is.
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
    /// All there is, once. Its length is for the caller to know.
    pub(super) fn next_whole(&mut self) -> Result<Option<Found>, FrameError> {
        while self.fill()? {}
        let (start, end) = (self.buffer.pos, self.buffer.pos + self.buffer.unread().len());
        self.buffer.clear();
        Ok((start < end).then_some(Found::Record { start, end }))
    }
}
