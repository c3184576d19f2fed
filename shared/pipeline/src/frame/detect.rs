//! Detects an object's encoding and format from its first bytes.
//!
//! In: the first 64 KiB of the decompressed stream. Out: the [`Format`]. docs/adr/0001-telling-formats-apart.md
//! explains the order of the checks. Deliberately absent: file names, and a decision by the first line alone, since the
//! first line of a log may be garbage.

use super::{
    cloudwatch::is_envelope,
    format::Format,
    noise::opens_array,
    records::Records,
    scan::Scanner,
    seam::{Seam, holds_cut},
    seek::{Seek, Sought},
    white_space::{BOM, is_blank, significant, trim_end, trim_start},
};

/// How many bytes are examined.
pub(super) const WINDOW: usize = 64 * 1024;

/// Why the first bytes cannot be UTF-8: a byte order mark of another encoding, or NUL bytes between others as in UTF-16
/// and UTF-32. NUL bytes alone do not count: a crash leaves them.
pub(super) fn foreign_encoding(head: &[u8]) -> Option<&'static str> {
    match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 0, 0xfe, 0xff, ..] => {
            Some("a byte order mark of UTF-16 or UTF-32: send UTF-8")
        }
        [(1..), 0, (1..), 0, ..]
        | [0, (1..), 0, (1..), ..]
        | [(1..), 0, 0, 0, (1..), 0, 0, 0, ..]
        | [0, 0, 0, (1..), 0, 0, 0, (1..), ..] => {
            Some("NUL bytes between the first characters, as UTF-16 and UTF-32 have them: send UTF-8")
        }
        _ => None,
    }
}

/// The format of a stream that begins with `window`, after byte order mark and white space. `whole`: nothing follows
/// the window.
pub(super) fn detect(window: &[u8], whole: bool) -> Format {
    if is_records(window, whole) {
        Format::Records
    } else if is_envelope(window) {
        Format::CloudwatchLogs
    } else {
        detect_values(window, whole)
    }
}

/// The format of values that are not in an object around them.
fn detect_values(window: &[u8], whole: bool) -> Format {
    if has_object_line(window, whole) {
        Format::Ndjson
    } else if window.first() == Some(&b'[') {
        match opens_array(window, false) {
            Some(true) | None => Format::Array,
            Some(false) if has_object_at_line_start(window) && !has_object_over_lines(window, whole) => Format::Ndjson,
            Some(false) => Format::Concatenated,
        }
    } else {
        Format::Concatenated
    }
}

/// Whether the stream is an object with an array of objects `Records`, or several such objects with `Records` as their
/// first name.
///
/// If the array comes later in the object, the object has to be the whole stream, as far as the window shows: a line of
/// a log may contain such an array too.
fn is_records(window: &[u8], whole: bool) -> bool {
    if begins_records(window) == Some(true) {
        return are_records(window);
    }
    if window.first() != Some(&b'{') {
        return false;
    }
    let Sought::Array(length) = Seek::new().take(window, &Records::default()) else { return false };
    if !is_of_objects(&window[length..]) {
        return false;
    }
    match Scanner::inside_object().scan(&window[1..]) {
        Some(end) => significant(&window[1 + end..]).is_none(),
        None => !whole,
    }
}

/// Whether only such objects follow the first one.
fn are_records(mut window: &[u8]) -> bool {
    while let Some(end) = window.get(1..).and_then(|rest| Scanner::inside_object().scan(rest)) {
        window = trim_noise(&window[1 + end..]);
        window = window.strip_prefix(b",").map_or(window, trim_noise);
        // A value that is cut by the end of the window may still be such an object.
        if !BOM.starts_with(window) && begins_records(window) == Some(false) {
            return false;
        }
    }
    true
}

/// Whether an array holds objects or nothing. `rest` begins after its opening bracket.
fn is_of_objects(rest: &[u8]) -> bool {
    begins_with_object(rest) == Some(true)
}

/// Like [`is_of_objects`], but `None` if more bytes are needed.
fn begins_with_object(rest: &[u8]) -> Option<bool> {
    significant(rest).map(|at| matches!(rest[at], b'{' | b']'))
}

/// The format of a stream's record that begins with `window`, with the arguments of [`detect`]. `None` for text that is
/// not JSON.
///
/// Nearly every record is one event in one line. It is not scanned here: decode finds out whether it is an object or
/// several. So an array `Records` that is a later member of an object belongs to the event, in one line or in many.
/// Text is not split, since a reader of the dead letter needs all of it.
pub(super) fn detect_record(window: &[u8], whole: bool) -> Option<Format> {
    if begins_records(window) == Some(true) {
        return Some(Format::Records);
    }
    if is_envelope(window) {
        return Some(Format::CloudwatchLogs);
    }
    if window.first() == Some(&b'{') && is_one_line(window, whole) {
        return Some(Format::Ndjson);
    }
    let format = detect_values(window, whole);
    let values = match format {
        // Nothing follows the closing bracket of an empty array.
        Format::Array => opens_array(window, false).unwrap_or_else(|| trim_end(window).ends_with(b"]")),
        Format::Concatenated => matches!(window.first(), Some(b'{') | None),
        _ => true,
    };
    values.then_some(format)
}

/// Whether the stream is one line, as far as the window shows. A newline at its end does not count.
fn is_one_line(window: &[u8], whole: bool) -> bool {
    memchr::memchr(b'\n', window).is_none_or(|at| whole && significant(&window[at..]).is_none())
}

/// Whether this is `{"Records":[{` or `{"Records":[]`, with white space allowed between the tokens. `None` if more
/// bytes are needed.
fn begins_records(mut window: &[u8]) -> Option<bool> {
    for token in [b"{".as_slice(), br#""Records""#, b":", b"["] {
        window = &window[significant(window).unwrap_or(window.len())..];
        let Some(rest) = window.strip_prefix(token) else {
            return if token.starts_with(window) { None } else { Some(false) };
        };
        window = rest;
    }
    begins_with_object(window)
}

/// Whether at least one whole line consists of objects only and is not part of the value before it.
///
/// In a pretty-printed value, an object that fills a line follows `[`, `,` or `:`. `{}` proves nothing, since
/// pretty-printers write it in one line too. If another value opens with a line `{` and closes with a line `}`, no line
/// proves anything.
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
        let line = trim_noise(indented);
        if let Some(&last) = line.last() {
            found = found || !matches!(before, Some(b'[' | b',' | b':')) && is_objects(line);
            before = Some(last);
        }
        start = end + 1;
    }
    found
}

fn has_object_at_line_start(window: &[u8]) -> bool {
    memchr::memmem::find(window, b"\n{").is_some()
}

/// Whether the first object that begins a line and is not closed in it goes on in other lines, and is not cut.
fn has_object_over_lines(window: &[u8], whole: bool) -> bool {
    let mut at = 0;
    while let Some(line) = memchr::memmem::find(&window[at..], b"\n{") {
        at += line + 1;
        let end = Scanner::at_object().scan(&window[at..]);
        let object = &window[at..end.map_or(window.len(), |end| at + end)];
        if object.contains(&b'\n') {
            let mut seam = Seam::new();
            seam.take(object);
            return !(seam.is_broken() || holds_cut(object) || (whole && end.is_none()));
        }
        at += object.len();
    }
    false
}

/// Removes white space, NUL bytes and byte order marks from the start.
fn trim_noise(mut line: &[u8]) -> &[u8] {
    loop {
        line = &line[line.iter().position(|&byte| !is_blank(byte)).unwrap_or(line.len())..];
        match line.strip_prefix(BOM) {
            Some(rest) => line = rest,
            None => return line,
        }
    }
}

/// Whether a line is one or more objects, at least one of them not empty.
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
