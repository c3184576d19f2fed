//! The part of an envelope before its log events.
//!
//! In: the first bytes of an object. Out: the values of its keys up to `"logEvents":[`, unchanged. Deliberately absent:
//! validation of these values. A value that is not JSON makes events that decode refuses.

use memchr::memmem;

use crate::frame::{scan::Scanner, white_space::significant};

/// The keys that an envelope may begin with. Any keys may follow the first one.
const FIRST_KEYS: [&[u8]; 5] =
    [br#""messageType""#, br#""owner""#, br#""logGroup""#, br#""logStream""#, br#""subscriptionFilters""#];

const LOG_EVENTS: &[u8] = br#""logEvents""#;

/// The values before the log events.
#[derive(Default)]
pub(in crate::frame) struct Header<'b> {
    pub(super) message_type: Option<&'b [u8]>,
    pub(super) owner: Option<&'b [u8]>,
    pub(super) log_group: Option<&'b [u8]>,
    pub(super) log_stream: Option<&'b [u8]>,
    /// The number of bytes up to and including the bracket of the log events.
    pub(in crate::frame) length: usize,
}

/// Why there is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::frame) enum Stop {
    /// The bytes end before the header does.
    Cut,
    /// The bytes are not a header.
    Lost,
}

/// Whether these are the first bytes of an envelope. The check is cheap if they begin with another key.
pub(in crate::frame) fn is_envelope(window: &[u8]) -> bool {
    let Some(window) = window.strip_prefix(b"{") else { return false };
    let first = &window[significant(window).unwrap_or(window.len())..];
    FIRST_KEYS.iter().any(|key| first.starts_with(key))
        && memmem::find(first, LOG_EVENTS).is_some()
        && Header::members(window).is_ok_and(|header| {
            matches!(header.message_type, Some(br#""DATA_MESSAGE""# | CONTROL_MESSAGE)) && header.log_group.is_some()
        })
}

const CONTROL_MESSAGE: &[u8] = br#""CONTROL_MESSAGE""#;

impl<'b> Header<'b> {
    /// Reads the header of an envelope from its brace on.
    pub(in crate::frame) fn read(bytes: &'b [u8]) -> Result<Self, Stop> {
        let mut header = Self::members(bytes.strip_prefix(b"{").ok_or(Stop::Lost)?)?;
        header.length += 1;
        Ok(header)
    }

    /// Whether `CloudWatch` only tests that the destination can be reached.
    pub(super) fn is_control(&self) -> bool {
        self.message_type == Some(CONTROL_MESSAGE)
    }

    fn members(bytes: &'b [u8]) -> Result<Self, Stop> {
        let mut header = Self::default();
        let mut members = Members { bytes, at: 0 };
        loop {
            let key = members.key()?;
            if key == LOG_EVENTS {
                members.token(b'[')?;
                header.length = members.at;
                return Ok(header);
            }
            let value = members.value()?;
            match key {
                br#""messageType""# => header.message_type = Some(value),
                br#""owner""# => header.owner = Some(value),
                br#""logGroup""# => header.log_group = Some(value),
                br#""logStream""# => header.log_stream = Some(value),
                _ => {}
            }
            members.token(b',')?;
        }
    }
}

/// The members of an object, as slices of its text.
pub(super) struct Members<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Members<'b> {
    /// Starts after the brace of a valid object.
    pub(super) fn of_object(object: &'b [u8]) -> Self {
        Self { bytes: object.get(1..).unwrap_or_default(), at: 0 }
    }

    /// The next member of a valid object.
    pub(super) fn next(&mut self) -> Option<(&'b [u8], &'b [u8])> {
        // A comma, or nothing before the first member.
        let _ = self.token(b',');
        Some((self.key().ok()?, self.value().ok()?))
    }

    /// The next key with its quotes. Also skips the colon after it.
    fn key(&mut self) -> Result<&'b [u8], Stop> {
        if self.significant()? != b'"' {
            return Err(Stop::Lost);
        }
        let key = self.value()?;
        self.token(b':')?;
        Ok(key)
    }

    fn value(&mut self) -> Result<&'b [u8], Stop> {
        let mut scanner = Scanner::for_value(self.significant()?).ok_or(Stop::Lost)?;
        let rest = &self.bytes[self.at..];
        let length = scanner.scan(rest).ok_or(Stop::Cut)?;
        self.at += length;
        Ok(&rest[..length])
    }

    fn token(&mut self, token: u8) -> Result<(), Stop> {
        if self.significant()? != token {
            return Err(Stop::Lost);
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is not white space.
    fn significant(&mut self) -> Result<u8, Stop> {
        self.at += significant(&self.bytes[self.at..]).ok_or(Stop::Cut)?;
        Ok(self.bytes[self.at])
    }
}
