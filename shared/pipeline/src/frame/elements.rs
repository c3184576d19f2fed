//! The elements of an array within an object: `{"Records":[…]}`, or an array at any other path of names.
//!
//! Everything streams: the bytes before the array, its elements, and the bytes after it. An object without such an
//! array is an event like any other. Deliberately absent: several arrays in one object.

use std::io::Read;

use super::{
    detect::WINDOW,
    error::{FrameError, broken, seen_or, unclosed},
    format::Format,
    frames::{Found, Frames, HEAD},
    history::Within,
    scan::Scanner,
    seam::LineStarts,
    seek::{Seek, Sought},
    state::Gap,
    white_space::is_blank,
};

impl<R: Read> Frames<R> {
    /// The next element of the arrays, or of the CloudWatch Logs envelopes.
    pub(super) fn next_element(&mut self) -> Result<Option<Found>, FrameError> {
        loop {
            if let Some(found) = self.go_on_around()? {
                self.is_element = false;
                return self.judged(found).map(Some);
            }
            if self.within == Within::Array {
                if let Some(found) = self.next_in_array()? {
                    return Ok(Some(found));
                }
                continue;
            }
            if !self.skip_noise(self.within == Within::Unknown)? {
                return Ok(None);
            }
            let first = self.buffer.unread()[0];
            self.is_element = false;
            match (self.within, first) {
                (Within::Unknown, b']') => self.begin_after_array(self.records_depth()),
                (_, b'{') if self.format == Format::CloudwatchLogs => {
                    if !self.begin_envelope()? {
                        let found = self.value(Scanner::at_object())?;
                        return self.judged(found).map(Some);
                    }
                }
                (_, b'{') => {
                    self.begin_before_array();
                    if let Some(found) = self.go_on_around()? {
                        return self.judged(found).map(Some);
                    }
                }
                _ if self.format == Format::CloudwatchLogs && self.stream => {
                    let reason = r#"expected `{` of {…,"logEvents":[…]}"#.to_owned();
                    return Err(broken(self.buffer.offset(), "framing_lost", reason));
                }
                _ => return self.rest_of_line().map(Some),
            }
        }
    }

    /// The next element of the current array. `None` where the array ends.
    fn next_in_array(&mut self) -> Result<Option<Found>, FrameError> {
        if !self.skip_gap()? {
            return Err(unclosed(self.buffer.offset()));
        }
        let Gap { offset, is_separated, begins_line } = self.gap.unwrap_or_default();
        let first = self.buffer.unread()[0];
        if first == b']' {
            self.gap = None;
            self.begin_after_array(self.records_depth());
            return Ok(None);
        }
        if first == b'{' && begins_line && self.begins_another(is_separated)? {
            return Ok(Some(self.cut_between()));
        }
        let found = self.element(first)?;
        self.is_element = is_separated;
        let found = if is_separated { found } else { self.judged(found)? };
        self.gap = None;
        if let Found::Record { start, .. } = found
            && !self.is_element
            && self.is_wrapped()
            && offset < self.buffer.offset_of(start)
        {
            // The value is not an element: the array was cut before it.
            self.buffer.pos = start;
            self.line_starts = LineStarts::default();
            self.go_over_to(Within::Top);
            return Ok(Some(Found::Missing { offset }));
        }
        Ok(Some(found))
    }

    pub(super) fn records_depth(&self) -> u64 {
        if self.format == Format::CloudwatchLogs { 1 } else { self.records.depth() }
    }

    /// Decides whether a value after a fault is an element of the array that was open last, if elements get members of
    /// their envelope. It is one if a comma or the end of the array follows. If it is not, no later value is one
    /// either.
    fn judged(&mut self, found: Found) -> Result<Found, FrameError> {
        let Found::Record { start, end } = found else { return Ok(found) };
        if self.within == Within::Top || !self.is_wrapped() {
            return Ok(found);
        }
        let length = end - start;
        self.buffer.pos = start;
        self.is_element = matches!(self.byte_after(length)?, Some(b',' | b']'));
        let start = self.buffer.pos;
        self.buffer.pos += length;
        if !self.is_element && self.within == Within::Unknown {
            self.go_over_to(Within::Top);
        }
        Ok(Found::Record { start, end: start + length })
    }

    /// Whether the current object, which begins a line within an array, is not an element of the array. This is so if
    /// it contains such an array itself and is not separated on one side.
    fn begins_another(&mut self, is_separated: bool) -> Result<bool, FrameError> {
        if !self.has_array()? {
            return Ok(false);
        }
        // A log event does not contain log events.
        self.stands_alone(is_separated && self.format != Format::CloudwatchLogs)
    }

    /// Whether the current object or array is not separated on one side: there is no comma before it, or neither a comma
    /// nor the end of the array after it. One that is longer than [`WINDOW`] is separated after it.
    pub(super) fn stands_alone(&mut self, is_separated: bool) -> Result<bool, FrameError> {
        if !is_separated {
            return Ok(true);
        }
        let Some(length) = self.length_of_value()? else { return Ok(false) };
        Ok(!matches!(self.byte_after(length)?, Some(b',' | b']')))
    }

    /// Whether the current object has an array of records that begins within [`WINDOW`]. More is not examined: objects
    /// that never end would cost that much for each array that is opened.
    fn has_array(&mut self) -> Result<bool, FrameError> {
        if self.format == Format::CloudwatchLogs {
            return seen_or(self.find_header().map(|header| header.is_ok()), false);
        }
        let mut seek = Seek::new();
        let mut looked_at = 0;
        loop {
            let unread = self.buffer.unread();
            let held = unread.len().min(WINDOW + 1);
            match seek.take(&unread[looked_at..held], &self.records) {
                Sought::Array(_) => return Ok(true),
                Sought::End(_) | Sought::Nothing(_) => return Ok(false),
                Sought::More => looked_at = held,
            }
            if looked_at > WINDOW || !seen_or(self.fill(), false)? {
                return Ok(false);
            }
        }
    }

    /// The length of the current object or array, if it ends within [`WINDOW`].
    fn length_of_value(&mut self) -> Result<Option<usize>, FrameError> {
        let mut scanner = Scanner::at_object();
        let mut seen = 0;
        loop {
            let unread = self.buffer.unread();
            if let Some(more) = scanner.scan(&unread[seen..]) {
                return Ok(Some(seen + more).filter(|length| *length <= WINDOW));
            }
            seen = unread.len();
            if seen > WINDOW || !seen_or(self.fill(), false)? {
                return Ok(None);
            }
        }
    }

    /// The first byte after `length` bytes that is not blank, if it comes within the longest event, or [`WINDOW`].
    fn byte_after(&mut self, length: usize) -> Result<Option<u8>, FrameError> {
        seen_or(self.first_after(length, self.max.max(WINDOW), is_blank), None)
    }

    /// Notes that the array of the object at `begin` was found, and enters it.
    pub(super) fn enter_array(&mut self, begin: u64, seek: Seek) {
        self.left_out += seek.left_out;
        self.copied = seek.copied;
        if self.records.has_envelope() {
            // The elements need the copied members, so a resumed reading begins at the start of the object.
            self.within = Within::Array;
            self.history.push_whole(begin);
        } else {
            self.go_over_to(Within::Array);
        }
        self.gap = Some(Gap::opening(self.buffer.offset()));
    }

    /// The next element, with the copied members.
    pub(super) fn next_with_envelope(&mut self) -> Result<Option<Found>, FrameError> {
        let found = self.next_element()?;
        let Some(Found::Record { start, end }) = found else { return Ok(found) };
        if !self.is_element || self.copied.is_empty() {
            return Ok(found);
        }
        let element = self.buffer.slice(start, end);
        let members = self.copied.iter().map(|(place, value)| (&self.records.envelope[*place][..], &value[..]));
        let Some(added) = self.composer.wrap(element, members) else { return Ok(found) };
        self.added = added;
        let offset = self.buffer.offset_of(start);
        Ok(Some(self.composed(offset)))
    }

    /// The composed event for the value at `offset`, or [`Found::TooLarge`] if it is over the limit.
    pub(super) fn composed(&mut self, offset: u64) -> Found {
        let payload = self.composer.payload();
        if payload.len() <= self.max {
            return Found::Composed { offset };
        }
        self.head.clear();
        self.head.extend_from_slice(&payload[..payload.len().min(HEAD)]);
        Found::TooLarge { offset, length: payload.len() as u64 }
    }
}
