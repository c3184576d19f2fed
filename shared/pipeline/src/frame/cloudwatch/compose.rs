//! Combines a log event with its envelope into one event.
//!
//! In: the bytes of a log event. Out: the composed event, in a buffer that is reused. Everything is copied unchanged,
//! except for a message that is an object: it is unescaped. Deliberately absent: any check of the event, which is
//! decode's and route's.

use std::{borrow::Cow, fmt, io::Write};

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::header::{Header, Members};

/// The fields that an envelope adds, in this order. The last one is the name of a message that is not an object.
const NAMES: [&str; 6] = ["@id", "@timestamp", "@owner", "@log_group", "@log_stream", "@message"];
const TIMESTAMP: usize = 1;
const OWNER: usize = 2;
const MESSAGE: usize = 5;

/// The last millisecond of the year 9999, the last year in RFC 3339.
const LATEST_MS: i64 = 253_402_300_799_999;

/// Composes the log events of one envelope after another.
#[derive(Default)]
pub(in crate::frame) struct Composer {
    control: bool,
    /// The values of `@owner`, `@log_group` and `@log_stream`, unchanged. Empty if absent.
    of_envelope: [Vec<u8>; 3],
    /// The unescaped message.
    message: String,
    payload: Vec<u8>,
    /// The time of the current log event.
    pub(in crate::frame) time_ms: Option<i64>,
}

/// The members that are used. Other members are skipped.
#[derive(Deserialize)]
struct LogEvent<'e> {
    #[serde(borrow)]
    id: Option<&'e RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'e RawValue>,
    #[serde(borrow)]
    message: Option<&'e RawValue>,
    #[serde(borrow, rename = "extractedFields")]
    extracted: Option<&'e RawValue>,
}

impl Composer {
    /// Starts an envelope.
    pub(in crate::frame) fn begin(&mut self, header: &Header<'_>) {
        self.control = header.is_control();
        for (kept, value) in self.of_envelope.iter_mut().zip([header.owner, header.log_group, header.log_stream]) {
            kept.clear();
            kept.extend_from_slice(value.unwrap_or_default());
        }
    }

    /// Whether the envelope is a control message, whose log events are dropped.
    pub(in crate::frame) fn is_control(&self) -> bool {
        self.control
    }

    /// The event that was composed last.
    pub(in crate::frame) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Adds members of the envelope to an event. Members of the event win over those of the envelope. Returns how many
    /// bytes were added after the opening brace, or `None` if the event is not an object.
    pub(in crate::frame) fn wrap<'m>(
        &mut self,
        event: &[u8],
        envelope: impl Iterator<Item = (&'m [u8], &'m [u8])>,
    ) -> Option<usize> {
        if !event.starts_with(b"{") || serde_json::from_slice::<IgnoredAny>(event).is_err() {
            return None;
        }
        let mut own = Vec::new();
        let mut members = Members::of_object(event);
        while let Some((name, _)) = members.next() {
            // Keep the name as it is written, unless it contains an escape.
            own.push(match serde_json::from_slice::<String>(name) {
                Ok(text) if name.contains(&b'\\') => Cow::Owned(serde_json::to_vec(&text).unwrap_or_default()),
                _ => Cow::Borrowed(name),
            });
        }
        let Self { payload, .. } = self;
        payload.clear();
        payload.push(b'{');
        for (name, value) in envelope {
            if own.iter().all(|own| own.get(1..own.len() - 1) != Some(name)) {
                payload.push(b'"');
                payload.extend_from_slice(name);
                payload.extend_from_slice(b"\":");
                // A line break in JSON stands between tokens, so a space can replace it.
                payload.extend(value.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
                payload.push(b',');
            }
        }
        if own.is_empty() && payload.len() > 1 {
            payload.pop();
        }
        let added = payload.len() - 1;
        payload.extend_from_slice(&event[1..]);
        Some(added)
    }

    /// Composes a log event. Returns `false` if the bytes are not a log event: then they have to be returned unchanged.
    pub(in crate::frame) fn compose(&mut self, bytes: &[u8]) -> bool {
        self.time_ms = None;
        // Serde would accept an array of four for the struct.
        let Some(event) = bytes.starts_with(b"{").then(|| serde_json::from_slice::<LogEvent<'_>>(bytes).ok()).flatten()
        else {
            return false;
        };
        if let Some(time) = event.timestamp {
            self.time_ms = time.get().parse().ok().filter(|time| (0..=LATEST_MS).contains(time));
            if self.time_ms.is_none() {
                return false;
            }
        }
        let id = event.id.map_or("", RawValue::get);
        let Some(message) = event.message.map(RawValue::get).filter(|message| message.starts_with('"')) else {
            return false;
        };
        let extracted = event.extracted.map_or("{}", RawValue::get);
        if let Some((object, keys)) = object_of(message, &mut self.message) {
            write_envelope(&mut self.payload, id, self.time_ms, &self.of_envelope, keys);
            let members = object[1..].trim_ascii_start();
            if members == "}" && self.payload.ends_with(b",") {
                self.payload.pop();
            }
            self.payload.extend_from_slice(members.as_bytes());
        } else if extracted.starts_with('{') {
            write_envelope(&mut self.payload, id, self.time_ms, &self.of_envelope, Keys::default());
            write_member(&mut self.payload, MESSAGE, message.as_bytes());
            write_extracted(&mut self.payload, extracted, &mut self.message);
            self.payload.pop();
            self.payload.push(b'}');
        } else {
            return false;
        }
        true
    }
}

/// Writes the opening brace and the envelope's fields that the message does not have. A comma follows each field.
fn write_envelope(out: &mut Vec<u8>, id: &str, time_ms: Option<i64>, of_envelope: &[Vec<u8>; 3], keys: Keys) {
    out.clear();
    out.push(b'{');
    if !keys.has(0) {
        write_member(out, 0, id.as_bytes());
    }
    if let Some(time) = time_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        && !keys.has(TIMESTAMP)
    {
        // Writing to a vector cannot fail.
        let _ = write!(out, "\"{}\":\"{time:.3}\",", NAMES[TIMESTAMP]);
    }
    for (name, value) in (OWNER..).zip(of_envelope) {
        if !keys.has(name) {
            write_member(out, name, value);
        }
    }
}

/// Writes a member and a comma, unless the value is empty.
fn write_member(out: &mut Vec<u8>, name: usize, value: &[u8]) {
    if !value.is_empty() {
        out.push(b'"');
        out.extend_from_slice(NAMES[name].as_bytes());
        out.extend_from_slice(b"\":");
        out.extend_from_slice(value);
        out.push(b',');
    }
}

/// Writes the extracted fields, except those with a name of the envelope's fields. A comma follows each field.
fn write_extracted(out: &mut Vec<u8>, extracted: &str, scratch: &mut String) {
    let mut members = Members::of_object(extracted.as_bytes());
    while let Some((key, value)) = members.next() {
        let unescaped = match std::str::from_utf8(key) {
            Ok(key) if unescape(key, scratch) => scratch.as_str(),
            _ => "",
        };
        if !NAMES.contains(&unescaped) {
            out.extend_from_slice(key);
            out.push(b':');
            out.extend_from_slice(value);
            out.push(b',');
        }
    }
}

/// The object in a message, from brace to brace, and which of the [`NAMES`] it has. `None` for other text.
fn object_of<'s>(message: &str, scratch: &'s mut String) -> Option<(&'s str, Keys)> {
    // The first character shows most text not to be an object. An escape may hide a brace.
    let first = message[1..].trim_start_matches([' ', '\t']).as_bytes().first();
    if !matches!(first, Some(b'{' | b'\\')) || !unescape(message, scratch) {
        return None;
    }
    let object = scratch.trim_matches([' ', '\t', '\r', '\n']);
    if !object.starts_with('{') {
        return None;
    }
    let mut keys = Keys::default();
    let mut json = serde_json::Deserializer::from_str(object);
    json.deserialize_map(KeysOf(&mut keys)).ok()?;
    json.end().ok()?;
    Some((object, keys))
}

/// Unescapes a JSON string with its quotes. Returns `false` if lone surrogates make it invalid text.
fn unescape(string: &str, out: &mut String) -> bool {
    out.clear();
    let Some(mut rest) = string.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let Some(kind) = rest.as_bytes().get(at + 1) else { return false };
        let mut length = 2;
        out.push(match kind {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let unit = |at: usize| rest.get(at..at + 4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
                let Some(first) = unit(at + 2) else { return false };
                let second = (rest.get(at + 6..at + 8) == Some("\\u")).then(|| unit(at + 8)).flatten();
                let units = [first, second.unwrap_or(0)];
                match char::decode_utf16(units).next() {
                    Some(Ok(char)) => {
                        length = 6 * char.len_utf16();
                        char
                    }
                    _ => return false,
                }
            }
            &other => char::from(other),
        });
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    true
}

/// Which of the [`NAMES`] an object has as keys.
#[derive(Default, Clone, Copy)]
struct Keys(u8);

impl Keys {
    fn has(self, name: usize) -> bool {
        self.0 >> name & 1 == 1
    }
}

/// Validates an object and notes its keys.
struct KeysOf<'k>(&'k mut Keys);

impl<'de> Visitor<'de> for KeysOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_key_seed(Key(self.0))?.is_some() {
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

struct Key<'k>(&'k mut Keys);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<(), E> {
        if let Some(name) = NAMES.iter().position(|&name| name == key) {
            self.0.0 |= 1 << name;
        }
        Ok(())
    }
}
