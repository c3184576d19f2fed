//! Tells an object's encoding and format by its first bytes.
//!
//! In: the first 64 KiB of the decompressed stream. Out: the [`Format`]; docs/adr/0001-telling-formats-apart.md says
//! why in this order. Deliberately absent: file names, and any decision by the first of several lines, since the first
//! line of a log may be garbage.

use super::Format;
use super::cloudwatch::is_envelope;
use super::scan::{Scanner, significant, trim_end, trim_start};

/// How much is looked at.
pub(super) const WINDOW: usize = 64 * 1024;

/// The byte order mark of UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Why the first bytes cannot be UTF-8, if so: a byte order mark, or a NUL where JSON has none.
pub(super) fn foreign_encoding(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("a byte order mark of UTF-16 or UTF-32: send UTF-8"),
        _ if head.iter().take(4).any(|&byte| byte == 0) => {
            Some("a NUL among the first bytes, as UTF-16 has: send UTF-8")
        }
        _ => None,
    }
}

/// The format of a stream that begins with `window`, behind byte order mark and white space; `whole` where nothing
/// follows.
pub(super) fn detect(window: &[u8], whole: bool) -> Format {
    if begins_records(window) {
        Format::Records
    } else if has_object_line(window, whole) {
        Format::Ndjson
    } else if window.first() == Some(&b'[') {
        let element = significant(&window[1..]).map(|at| window[1 + at]);
        let object_on_a_line = window.windows(2).any(|pair| pair == b"\n{");
        if matches!(element, Some(b'{' | b'[' | b']')) || !object_on_a_line { Format::Array } else { Format::Ndjson }
    } else {
        Format::Concatenated
    }
}

/// The format of a stream's record that begins with `window`, as [`detect`] takes it; `None` for text that is none.
///
/// Nearly every record is one event in one line, which costs no scanning: that it is an object, or several, decode
/// finds out. Text is not cut, since whoever looks at it wants all of it.
pub(super) fn detect_record(window: &[u8], whole: bool) -> Option<Format> {
    if begins_records(window) {
        return Some(Format::Records);
    }
    if is_envelope(window) {
        return Some(Format::CloudwatchLogs);
    }
    if window.first() == Some(&b'{') && is_one_line(window, whole) {
        return Some(Format::Ndjson);
    }
    let format = detect(window, whole);
    let values = match format {
        Format::Array => significant(&window[1..]).is_some_and(|at| matches!(window[1 + at], b'{' | b'[' | b']')),
        Format::Concatenated => matches!(window.first(), Some(b'{') | None),
        _ => true,
    };
    values.then_some(format)
}

/// Whether no newline but at its end divides the stream, as far as it is seen.
fn is_one_line(window: &[u8], whole: bool) -> bool {
    memchr::memchr(b'\n', window).is_none_or(|at| whole && significant(&window[at..]).is_none())
}

/// `{"Records":[{` or `{"Records":[]`, with white space anywhere between.
fn begins_records(mut window: &[u8]) -> bool {
    for token in [b"{".as_slice(), br#""Records""#, b":", b"["] {
        window = &window[significant(window).unwrap_or(window.len())..];
        let Some(rest) = window.strip_prefix(token) else { return false };
        window = rest;
    }
    significant(window).is_some_and(|at| matches!(window[at], b'{' | b']'))
}

/// Whether some whole line is objects and nothing else, and is no part of what was before it.
///
/// In a pretty-printed value an object that fills a line follows `[`, `,` or `:`. `{}` says nothing: pretty-printers
/// write it in one line too. Nor does any line where another value opens with a line `{` and closes with a line `}`.
fn has_object_line(window: &[u8], whole: bool) -> bool {
    let (mut found, mut opened) = (false, false);
    let mut before = None;
    let mut start = 0;
    while start < window.len() {
        let end = match memchr::memchr(b'\n', &window[start..]) {
            Some(at) => start + at,
            None if whole => window.len(),
            None => break,
        };
        let indented = trim_end(&window[start..end]);
        match indented {
            b"{" => opened = true,
            b"}" if opened => return false,
            _ => {}
        }
        let line = trim_start(indented);
        if let Some(&last) = line.last() {
            found = found || !matches!(before, Some(b'[' | b',' | b':')) && is_objects(line);
            before = Some(last);
        }
        start = end + 1;
    }
    found
}

/// Whether a line is one or more objects, at least one of them with content.
fn is_objects(mut line: &[u8]) -> bool {
    let mut content = false;
    while let [b'{', rest @ ..] = line {
        content |= significant(rest).is_some_and(|at| rest[at] != b'}');
        let mut scanner = Scanner::inside_object();
        let Some(end) = scanner.scan(rest) else { return false };
        line = trim_start(&rest[end..]);
    }
    line.is_empty() && content
}
