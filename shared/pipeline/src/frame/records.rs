//! The elements of an array that lies within an object: `{"Records":[…]}`, or any other names on the way to it.
//!
//! All of it streams: what stands before the array, its elements, and what follows it. An object without such an array is
//! an event like any other. Deliberately absent: several arrays of one object.

use std::io::Read;

use crate::json;

use super::history::Within;
use super::lines::Until;
use super::scan::{Scanner, is_white_space};
use super::{Format, Found, FrameError, Frames, HEAD, broken, unclosed};

/// The longest name that is compared: none that is looked for is longer.
const MAX_NAME: usize = 1024;

/// The longest value of a member that is copied into each event: all of them are held while the array is read.
const MAX_COPIED: usize = 64 * 1024;

/// Which array of an object holds the events, and what of the object is copied into each. Names are as they stand between quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    path: Vec<Vec<u8>>,
    envelope: Vec<Vec<u8>>,
}

impl Default for Records {
    fn default() -> Self {
        Self::new(["Records"], &[])
    }
}

impl Records {
    /// The array at a path of names, and members of the object around it.
    pub fn new<'n>(path: impl IntoIterator<Item = &'n str>, envelope: &[String]) -> Self {
        let name = |text: &str| {
            let mut name = Vec::new();
            json::push_escaped(&mut name, text);
            name
        };
        Self { path: path.into_iter().map(name).collect(), envelope: envelope.iter().map(|text| name(text)).collect() }
    }

    /// Whether anything is copied.
    pub(super) fn has_envelope(&self) -> bool {
        !self.envelope.is_empty()
    }

    /// How many objects are open around the elements.
    pub(super) fn depth(&self) -> u64 {
        self.path.len() as u64
    }
}

/// Where the search for the array stands, from one piece of an object to the next.
#[derive(Debug)]
pub(super) struct Seek {
    /// How many names of the path were entered.
    entered: usize,
    state: State,
    /// The name of the member at hand.
    name: Vec<u8>,
    /// The array was found: members that would have been copied are counted.
    is_past: bool,
    /// What is copied: the place of its name, and its value.
    copied: Vec<(usize, Vec<u8>)>,
    /// Whether the value at hand is.
    is_copied: bool,
    /// Members that can't be copied.
    left_out: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Before the brace.
    Start,
    /// Before a name, or behind a member.
    Member,
    /// In a name, and whether a backslash precedes.
    Name(bool),
    Colon,
    Value,
    /// In a value that is passed over.
    Other(Scanner),
}

/// What a piece of an object brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// Nothing yet.
    More,
    /// The array, behind so many bytes.
    Array(usize),
    /// The end of the object, behind so many bytes.
    End(usize),
    /// What is no object, after so many bytes.
    Nothing(usize),
}

impl Seek {
    pub(super) fn new() -> Self {
        Self {
            entered: 0,
            state: State::Start,
            name: Vec::new(),
            is_past: false,
            copied: Vec::new(),
            is_copied: false,
            left_out: 0,
        }
    }

    /// Behind the array.
    fn past(records: &Records) -> Self {
        Self { entered: records.path.len().saturating_sub(1), state: State::Member, is_past: true, ..Self::new() }
    }

    /// Begins the value of a member that is not on the path: of the object itself it may have to be copied.
    fn begin_other(&mut self, records: &Records) {
        self.is_copied = false;
        let Some(place) = records.envelope.iter().position(|name| self.entered == 0 && *name == self.name) else {
            return;
        };
        if self.is_past {
            self.left_out += 1;
        } else if self.copied.iter().all(|(earlier, _)| *earlier != place) {
            self.copied.push((place, Vec::new()));
            self.is_copied = true;
        }
    }

    /// Keeps a piece of a value that is copied, if it is one.
    fn copy(&mut self, piece: &[u8]) {
        if !self.is_copied {
            return;
        }
        if let Some((_, value)) = self.copied.last_mut()
            && value.len() + piece.len() <= MAX_COPIED
        {
            value.extend_from_slice(piece);
            return;
        }
        self.copied.pop();
        self.is_copied = false;
        self.left_out += 1;
    }

    /// Takes the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8], records: &Records) -> Sought {
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            if let State::Other(scanner) = &mut self.state {
                let end = scanner.scan(&bytes[at..]);
                self.copy(&bytes[at..end.map_or(bytes.len(), |end| at + end)]);
                let Some(end) = end else { return Sought::More };
                at += end;
                self.state = State::Member;
                continue;
            }
            if let State::Name(is_escaped) = self.state {
                at += 1;
                self.state = match byte {
                    b'"' if !is_escaped => State::Colon,
                    _ => {
                        if self.name.len() < MAX_NAME {
                            self.name.push(byte);
                        }
                        State::Name(byte == b'\\' && !is_escaped)
                    }
                };
                continue;
            }
            if is_white_space(byte) {
                at += 1;
                continue;
            }
            match (self.state, byte) {
                (State::Start, b'{') => self.state = State::Member,
                (State::Member, b',') => {}
                (State::Member, b'"') => {
                    self.name.clear();
                    self.state = State::Name(false);
                }
                (State::Member, b'}') if self.entered > 0 => self.entered -= 1,
                (State::Member, b'}') => return Sought::End(at + 1),
                (State::Colon, b':') => self.state = State::Value,
                (State::Value, _) => {
                    let is_on_path =
                        !self.is_past && records.path.get(self.entered).is_some_and(|name| *name == self.name);
                    let is_last = self.entered + 1 == records.path.len();
                    if is_on_path && is_last && byte == b'[' {
                        return Sought::Array(at + 1);
                    } else if is_on_path && !is_last && byte == b'{' {
                        self.entered += 1;
                        self.state = State::Member;
                    } else {
                        let Some(scanner) = Scanner::for_value(byte) else { return Sought::Nothing(at) };
                        self.begin_other(records);
                        self.state = State::Other(scanner);
                        continue;
                    }
                }
                _ => return Sought::Nothing(at),
            }
            at += 1;
        }
        Sought::More
    }
}

impl<R: Read> Frames<R> {
    /// The next element of the arrays of the objects, or of the envelopes.
    pub(super) fn next_element(&mut self) -> Result<Option<Found>, FrameError> {
        loop {
            self.go_on_behind_array()?;
            if self.seek.is_some() {
                if let Some(found) = self.go_on_seeking()? {
                    return Ok(Some(found));
                }
                continue;
            }
            if !self.skip_noise(self.within != Within::Top)? {
                return if self.within == Within::Array { Err(unclosed(self.offset())) } else { Ok(None) };
            }
            let first = self.buffer.unread()[0];
            match (self.within, first) {
                (Within::Array | Within::Unknown, b']') => {
                    self.mark = Some(self.buffer.offset());
                    self.buffer.pos += 1;
                    self.later = self.records.has_envelope().then(|| Seek::past(&self.records));
                    self.rest = Some(Scanner::inside_objects(self.records_depth()));
                }
                (Within::Array, _) => return self.element(first).map(Some),
                (_, b'{') if self.format == Format::CloudwatchLogs => {
                    if !self.begin_envelope()? {
                        return self.value(Scanner::at_object()).map(Some);
                    }
                }
                (_, b'{') => {
                    if !self.begin_records()? {
                        return self.value(Scanner::at_object()).map(Some);
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

    fn records_depth(&self) -> u64 {
        if self.format == Format::CloudwatchLogs { 1 } else { self.records.depth() }
    }

    /// Passes over what follows an array in its object.
    fn go_on_behind_array(&mut self) -> Result<(), FrameError> {
        while let Some(scanner) = &mut self.rest {
            let piece = self.buffer.unread();
            let end = scanner.scan(piece);
            if let Some(later) = &mut self.later {
                later.take(&piece[..end.unwrap_or(piece.len())], &self.records);
                self.left_out += std::mem::take(&mut later.left_out);
            }
            if let Some(end) = end {
                self.buffer.pos += end;
                (self.rest, self.mark, self.later) = (None, None, None);
                self.go_over_to(Within::Top);
            } else {
                self.buffer.clear();
                self.more()?;
            }
        }
        Ok(())
    }

    /// Looks for the array of the object at hand as far as an event could reach: whether it was found, or has to lie further on.
    fn begin_records(&mut self) -> Result<bool, FrameError> {
        let mut seek = Seek::new();
        let mut looked_at = 0;
        loop {
            let unread = self.buffer.unread();
            let held = unread.len().min(self.max.saturating_add(1));
            match seek.take(&unread[looked_at..held], &self.records) {
                Sought::Array(length) => {
                    let here = self.buffer.offset();
                    self.buffer.pos += looked_at + length;
                    self.enter_array(here, seek);
                    return Ok(true);
                }
                Sought::End(_) | Sought::Nothing(_) => return Ok(false),
                Sought::More => looked_at = held,
            }
            if looked_at > self.max {
                self.mark = Some(self.buffer.offset());
                self.head.clear();
                self.keep(looked_at);
                self.buffer.pos += looked_at;
                self.seek = Some(seek);
                return Ok(true);
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }

    /// The array of the object that begins at an offset was found.
    fn enter_array(&mut self, begin: u64, seek: Seek) {
        self.left_out += seek.left_out;
        self.copied = seek.copied;
        if self.records.has_envelope() {
            // What is copied has to be known: one goes on at the beginning of the object.
            self.within = Within::Array;
            self.history.push_whole(begin);
        } else {
            self.go_over_to(Within::Array);
        }
    }

    /// The next element, with what is copied into it.
    pub(super) fn next_with_envelope(&mut self) -> Result<Option<Found>, FrameError> {
        let found = self.next_element()?;
        let Some(Found::Record { start, end }) = found else { return Ok(found) };
        if self.within == Within::Top || self.copied.is_empty() {
            return Ok(found);
        }
        let element = self.buffer.slice(start, end);
        let members = self.copied.iter().map(|(place, value)| (&self.records.envelope[*place][..], &value[..]));
        let Some(added) = self.composer.wrap(element, members) else { return Ok(found) };
        self.added = added;
        let offset = self.buffer.offset_of(start);
        Ok(Some(self.composed(offset)))
    }

    /// What the composer holds, of the event at an offset.
    pub(super) fn composed(&mut self, offset: u64) -> Found {
        let payload = self.composer.payload();
        if payload.len() <= self.max {
            return Found::Composed { offset };
        }
        self.head.clear();
        self.head.extend_from_slice(&payload[..payload.len().min(HEAD)]);
        Found::TooLarge { offset, length: payload.len() as u64 }
    }

    /// Goes on to look for an array that has too much before it for an event. Without one all of it is over the limit.
    fn go_on_seeking(&mut self) -> Result<Option<Found>, FrameError> {
        let Some(mut seek) = self.seek.take() else { return Ok(None) };
        match seek.take(self.buffer.unread(), &self.records) {
            Sought::Array(length) => {
                self.buffer.pos += length;
                let begin = self.mark.take().unwrap_or_default();
                self.enter_array(begin, seek);
            }
            sought @ (Sought::End(length) | Sought::Nothing(length)) => {
                self.keep(length);
                self.buffer.pos += length;
                let offset = self.mark.take().unwrap_or_default();
                if matches!(sought, Sought::Nothing(_)) {
                    return self.skip_on(offset, Until::Line).map(Some);
                }
                return Ok(Some(Found::TooLarge { offset, length: self.buffer.offset() - offset }));
            }
            Sought::More => {
                self.keep(self.buffer.unread().len());
                self.buffer.clear();
                self.seek = Some(seek);
                self.more()?;
            }
        }
        Ok(None)
    }
}
