//! Values that end where their brackets do: elements of an array or of `{"Records":[…]}`, and values one after another.
//!
//! An array that is no array is framing lost: what follows cannot be trusted to be values. Between concatenated values
//! there is no frame to lose: what begins no value is one record up to the newline, for decode to refuse.

use std::io::Read;

use super::lines::Until;
use super::scan::{Scanner, significant};
use super::{Format, Found, FrameError, Frames, broken, unclosed};

/// What an array or a records object goes on with.
#[derive(Debug, Clone, Copy)]
pub(super) enum Expect {
    /// The value as a whole: `[`, or `{` of a records object.
    Start,
    /// `"Records"`, behind the brace at this offset.
    Key(u64),
    /// `:`
    Colon(u64),
    /// `[`
    Open(u64),
    /// A value or `]`.
    First,
    /// `,` or `]`.
    Separator,
    /// A value, behind a comma.
    Value,
    /// Any of them: reading went on inside the array.
    Any,
    /// The rest of a records object, behind the `]` at this offset.
    Rest(u64, Scanner),
    /// Nothing: the array is closed.
    End,
}

impl Expect {
    /// Whether a value, `,` or `]` is expected.
    pub(super) fn inside(self) -> bool {
        matches!(self, Self::First | Self::Separator | Self::Value | Self::Any)
    }

    /// Where to go on if nothing more can be read now, unless it is right here.
    pub(super) fn mark(self) -> Option<u64> {
        match self {
            Self::Key(offset) | Self::Colon(offset) | Self::Open(offset) | Self::Rest(offset, _) => Some(offset),
            _ => None,
        }
    }
}

impl<R: Read> Frames<R> {
    /// The next of the values one after another.
    pub(super) fn next_concatenated(&mut self) -> Result<Option<Found>, FrameError> {
        if !self.skip_white_space()? {
            return Ok(None);
        }
        match Scanner::for_value(self.buffer.unread()[0]) {
            Some(scanner) if !self.line.endless => self.value(scanner).map(Some),
            _ => self.rest_of_line().map(Some),
        }
    }

    /// The next element of the array, or of the arrays of the records objects or envelopes.
    pub(super) fn next_element(&mut self, records: bool) -> Result<Option<Found>, FrameError> {
        loop {
            if let Expect::Rest(_, scanner) = &mut self.expect {
                if let Some(end) = scanner.scan(self.buffer.unread()) {
                    self.buffer.pos += end;
                    self.expect = Expect::Start;
                } else {
                    self.buffer.clear();
                    self.more()?;
                }
                continue;
            }
            if !self.skip_white_space()? {
                return match self.expect {
                    Expect::Start | Expect::End => Ok(None),
                    _ => Err(unclosed(self.offset())),
                };
            }
            let here = self.buffer.offset();
            let first = self.buffer.unread()[0];
            self.expect = match (self.expect, first) {
                (Expect::Start, b'{') if self.format == Format::CloudwatchLogs => {
                    self.begin_envelope()?;
                    continue;
                }
                (Expect::Start, b'{') if records => Expect::Key(here),
                (Expect::Start, b'[') if !records => Expect::First,
                (Expect::Key(start), b'"') => {
                    const KEY: &[u8] = br#""Records""#;
                    while self.buffer.unread().len() < KEY.len() {
                        self.more()?;
                    }
                    if !self.buffer.unread().starts_with(KEY) {
                        return Err(lost(here, r#"expected "Records" as the first key"#));
                    }
                    self.buffer.pos += KEY.len();
                    self.expect = Expect::Colon(start);
                    continue;
                }
                (Expect::Colon(start), b':') => Expect::Open(start),
                (Expect::Open(_), b'[') => Expect::First,
                (Expect::First | Expect::Separator | Expect::Any, b']') if records => {
                    Expect::Rest(here, Scanner::inside_object())
                }
                (Expect::First | Expect::Separator | Expect::Any, b']') => Expect::End,
                (Expect::Separator | Expect::Any, b',') => Expect::Value,
                (Expect::First | Expect::Value | Expect::Any, _) => {
                    let Some(scanner) = Scanner::for_value(first) else {
                        return Err(lost(here, "expected a value"));
                    };
                    let found = self.value(scanner)?;
                    self.expect = Expect::Separator;
                    return Ok(Some(found));
                }
                (expected, _) => return Err(lost(here, expected.words(self.format))),
            };
            self.buffer.pos += 1;
            if matches!(self.expect, Expect::First) && self.opened.is_none() {
                self.opened = Some(self.buffer.offset());
            }
        }
    }

    /// The value at which the buffer stands.
    fn value(&mut self, mut scanner: Scanner) -> Result<Found, FrameError> {
        let from_start = scanner;
        let mut length = 0;
        loop {
            let unread = self.buffer.unread();
            if let Some(count) = scanner.scan(&unread[length..]) {
                length += count;
                break;
            }
            length = unread.len();
            if length > self.max {
                break;
            }
            if !self.fill()? {
                if self.ends_with_input(&scanner) {
                    break;
                }
                return Err(unclosed(self.buffer.offset()));
            }
        }
        if length > self.max {
            // Whatever becomes of it, a separator is next.
            self.expect = Expect::Separator;
            return self.skip(Until::Closed(from_start));
        }
        let start = self.buffer.pos;
        self.buffer.pos += length;
        Ok(Found::Record { start, end: start + length })
    }

    /// Whether the end of the input ends a value. In an array it does not: a number may have been cut.
    pub(super) fn ends_with_input(&self, scanner: &Scanner) -> bool {
        self.format == Format::Concatenated && scanner.ends_with_input()
    }

    /// Bytes that have to be there.
    fn more(&mut self) -> Result<(), FrameError> {
        if self.fill()? { Ok(()) } else { Err(unclosed(self.offset())) }
    }

    /// Passes over white space; `false` at the end.
    pub(super) fn skip_white_space(&mut self) -> Result<bool, FrameError> {
        loop {
            match significant(self.buffer.unread()) {
                Some(at) => {
                    self.buffer.pos += at;
                    return Ok(true);
                }
                None => self.buffer.clear(),
            }
            if !self.fill()? {
                return Ok(false);
            }
        }
    }
}

impl Expect {
    fn words(self, format: Format) -> &'static str {
        match self {
            Self::Start if format == Format::Records => r#"expected `{` of {"Records":[…]}"#,
            Self::Start if format == Format::CloudwatchLogs => r#"expected `{` of {…,"logEvents":[…]}"#,
            Self::Start => "expected `[`",
            Self::Key(_) => r#"expected "Records" as the first key"#,
            Self::Colon(_) => r#"expected `:` behind "Records""#,
            Self::Open(_) => r#"expected `[` behind "Records":"#,
            Self::Separator => "expected `,` or `]`",
            Self::End => "expected nothing behind the array",
            Self::First | Self::Value | Self::Any | Self::Rest(..) => "expected a value",
        }
    }
}

pub(super) fn lost(offset: u64, reason: &str) -> FrameError {
    broken(offset, "framing_lost", reason.into())
}
