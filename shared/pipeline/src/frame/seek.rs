//! The search for the array within an object. It is fed piece by piece.
//!
//! In: the bytes of an object from its brace on, or the bytes after the array. Out: where the array begins, and the
//! members of the object that are copied into each event. Deliberately absent: whether the object is broken, which
//! [`Around`] decides.
//!
//! [`Around`]: super::state::Around

use super::records::Records;
use super::scan::Scanner;
use super::white_space::is_white_space;

/// The longest name that is compared. No name in the rules is longer.
const MAX_NAME: usize = 1024;

/// The longest value of a member that is copied into each event. All copies are kept while the array is read.
const MAX_COPIED: usize = 64 * 1024;

/// The state of the search between two pieces of an object.
#[derive(Debug)]
pub(super) struct Seek {
    /// How many names of the path were entered.
    entered: usize,
    state: State,
    /// The name of the current member.
    name: Vec<u8>,
    /// The array was found. From here on, members that would have been copied are only counted.
    is_past: bool,
    /// The copied members: the index of the name in [`Records`], and the value.
    pub(super) copied: Vec<(usize, Vec<u8>)>,
    /// Whether the current value is copied.
    is_copied: bool,
    /// How many members cannot be copied.
    pub(super) left_out: u64,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// Before the brace.
    Start,
    /// Before a name, or after a member.
    Member,
    /// In a name, and whether a backslash precedes.
    Name(bool),
    Colon,
    Value,
    /// In a value that is skipped.
    Other(Scanner),
}

/// The result for one piece of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// Nothing yet.
    More,
    /// The array begins after so many bytes.
    Array(usize),
    /// The object ends after so many bytes.
    End(usize),
    /// After so many bytes, this is not an object.
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

    /// A search that continues after the array.
    pub(super) fn past(records: &Records) -> Self {
        Self { entered: records.path.len().saturating_sub(1), state: State::Member, is_past: true, ..Self::new() }
    }

    /// Begins the value of a member that is not on the path. A member of the outermost object may have to be copied.
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

    /// Keeps a piece of the current value, if the value is copied.
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
