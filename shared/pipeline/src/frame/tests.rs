//! Every rule of framing, one table each; then properties over random documents, formats, compressions and chunks.

mod cloudwatch;
mod properties;
mod records;
mod stream;

use std::io::{self, Read, Write};

use super::*;

/// A reader that gives so many bytes at once, and is interrupted now and then.
struct Chunked<'b> {
    bytes: &'b [u8],
    chunk: usize,
    calls: usize,
}

impl Read for Chunked<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = self.chunk.min(into.len()).min(self.bytes.len());
        into[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

fn chunked(bytes: &[u8], chunk: usize) -> Chunked<'_> {
    Chunked { bytes, chunk, calls: 0 }
}

/// A frame with its own bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Record(u64, String),
    TooLarge(u64, u64, String),
    Broken(u64, &'static str),
}
use Seen::{Broken, Record, TooLarge};

fn record(offset: u64, payload: &str) -> Seen {
    Record(offset, payload.into())
}

fn too_large(offset: u64, length: u64, head: &str) -> Seen {
    TooLarge(offset, length, head.into())
}

/// All frames; lines that do not decode are split, as `delivery::produce` does.
fn drain<R: Read>(frames: &mut Frames<R>) -> Vec<Seen> {
    let mut seen = Vec::new();
    loop {
        let next = match frames.next() {
            Ok(None) => return seen,
            Ok(Some(Frame::Record { payload, offset, .. })) => Record(offset, String::from_utf8_lossy(payload).into()),
            Ok(Some(Frame::TooLarge { offset, length, head })) => {
                TooLarge(offset, length, String::from_utf8_lossy(head).into())
            }
            Err(FrameError::Broken { offset, error_type, reason }) => {
                assert!(!reason.is_empty());
                Broken(offset, error_type)
            }
            Err(FrameError::Read(error)) => panic!("the reader does not fail: {error}"),
        };
        if let Record(_, payload) = &next
            && serde_json::from_str::<&serde_json::value::RawValue>(payload).is_err()
            && frames.split()
        {
            continue;
        }
        seen.push(next);
    }
}

fn read(bytes: &[u8], format: Format, max: usize, chunk: usize) -> Vec<Seen> {
    drain(&mut Frames::new(chunked(bytes, chunk), format, max))
}

/// Reads in chunks of every small size, which put a border before every byte.
#[track_caller]
fn check(input: impl AsRef<[u8]>, format: Format, max: usize, expected: &[Seen]) {
    let bytes = input.as_ref();
    for chunk in [1, 2, 3, 5, 7, 64, 1 << 20] {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]);
        assert_eq!(read(bytes, format, max, chunk), expected, "{format:?} in chunks of {chunk}: {text}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

const MIB: usize = 1 << 20;

#[test]
fn lines_are_records_without_their_white_space() {
    let cases: &[(&str, &[Seen])] = &[
        ("", &[]),
        (" \r\n\t\n", &[]),
        ("{\"a\":1}\n{\"b\":2}\n", &[record(0, "{\"a\":1}"), record(8, "{\"b\":2}")]),
        ("{\"a\":1}\r\n  {\"b\":2} \t\r\n", &[record(0, "{\"a\":1}"), record(11, "{\"b\":2}")]),
        ("\n\n{\"a\":1}\n \n{\"b\":2}", &[record(2, "{\"a\":1}"), record(12, "{\"b\":2}")]),
        ("{\"a\":\"\u{2028}\u{85}é\"}\n7", &[record(0, "{\"a\":\"\u{2028}\u{85}é\"}"), record(16, "7")]),
        ("no json\n{}\n{\"cut", &[record(0, "no json"), record(8, "{}"), record(11, "{\"cut")]),
        ("\u{feff}{\"a\":1}\n", &[record(3, "{\"a\":1}")]),
        ("\u{feff}", &[]),
    ];
    for (text, expected) in cases {
        check(text, Format::Ndjson, 100, expected);
        check(gzip(text.as_bytes()), Format::Ndjson, 100, expected);
        check(zstd(text.as_bytes()), Format::Ndjson, 100, expected);
    }
}

#[test]
fn a_line_over_the_limit_is_passed_over_to_its_newline() {
    let cases: &[(&str, &[Seen])] = &[
        ("0123456789\n1\n", &[record(0, "0123456789"), record(11, "1")]),
        ("0123456789\r\n1\n", &[record(0, "0123456789"), record(12, "1")]),
        ("0123456789a\n1\n", &[too_large(0, 11, "0123456789a"), record(12, "1")]),
        ("  0123456789a \r\n1", &[too_large(2, 11, "0123456789a"), record(16, "1")]),
        ("0123456789a", &[too_large(0, 11, "0123456789a")]),
        ("{\"a\":12345}\n1", &[too_large(0, 11, "{\"a\":12345}"), record(12, "1")]),
        ("{\"a\":123456\n1", &[too_large(0, 11, "{\"a\":123456"), record(12, "1")]),
        ("{\"a\":\"}}}}}{1}\n1", &[too_large(0, 14, "{\"a\":\"}}}}}{1}"), record(15, "1")]),
        ("\"a\n           \n1", &[record(0, "\"a"), record(15, "1")]),
    ];
    for (text, expected) in cases {
        check(text, Format::Ndjson, 10, expected);
    }
}

#[test]
fn a_line_over_the_limit_that_holds_several_values_is_taken_value_by_value() {
    let cases: &[(&str, &[Seen])] = &[
        (
            "{\"a\":1}{\"b\":2} {\"c\":3}\n{\"d\":4}\n",
            &[record(0, "{\"a\":1}"), record(7, "{\"b\":2}"), record(15, "{\"c\":3}"), record(23, "{\"d\":4}")],
        ),
        ("{\"a\":1}{\"b\":2}", &[record(0, "{\"a\":1}"), record(7, "{\"b\":2}")]),
        ("{\"a\":1}   [1]   \r\n3\n", &[record(0, "{\"a\":1}"), record(10, "[1]"), record(18, "3")]),
        // One of them over the limit.
        (
            "{\"a\":1}{\"long\":12345}{\"c\":3}\n5",
            &[record(0, "{\"a\":1}"), too_large(7, 14, "{\"long\":12345}"), record(21, "{\"c\":3}"), record(29, "5")],
        ),
        (
            "{\"long\":12345}{\"c\":3}\n5",
            &[too_large(0, 14, "{\"long\":12345}"), record(14, "{\"c\":3}"), record(22, "5")],
        ),
        // Garbage belongs to the value before it.
        ("{\"a\":1}{\"b\":2}x\n5", &[record(0, "{\"a\":1}"), record(7, "{\"b\":2}x"), record(16, "5")]),
        ("{\"a\":1}garbage\n5", &[too_large(0, 14, "{\"a\":1}garbage"), record(15, "5")]),
        ("{\"long\":12345} x\n5", &[too_large(0, 16, "{\"long\":12345} x"), record(17, "5")]),
        ("{\"a\":1}{\"b\":\n}\n", &[record(0, "{\"a\":1}"), record(7, "{\"b\":"), record(13, "}")]),
        ("{\"a\":1}             \n5", &[record(0, "{\"a\":1}"), record(21, "5")]),
        // Unless so much white space is between that both could not be kept.
        ("{\"a\":1}  x\n5", &[record(0, "{\"a\":1}  x"), record(11, "5")]),
        ("{\"a\":1}    x\n5", &[too_large(0, 12, "{\"a\":1}    x"), record(13, "5")]),
        ("{\"a\":1}     x\n5", &[record(0, "{\"a\":1}"), record(12, "x"), record(14, "5")]),
        ("{\"a\":1}             x\n5", &[record(0, "{\"a\":1}"), record(20, "x"), record(22, "5")]),
        // A carriage return does not count, wherever reading began.
        ("{\"a\":1}{\"b\":12345\r", &[record(0, "{\"a\":1}"), record(7, "{\"b\":12345")]),
        ("{\"a\":1}{\"b\":12345\r\n5", &[record(0, "{\"a\":1}"), record(7, "{\"b\":12345"), record(19, "5")]),
    ];
    for (text, expected) in cases {
        check(text, Format::Ndjson, 10, expected);
    }
}

#[test]
fn a_line_within_the_limit_is_split_when_asked() {
    let cases: &[(&str, &[Seen])] = &[
        (
            "{\"a\":1}{\"b\":2}[3]\n{\"c\":3}",
            &[record(0, "{\"a\":1}"), record(7, "{\"b\":2}"), record(14, "[3]"), record(18, "{\"c\":3}")],
        ),
        ("{\"a\":\"}{\"} {\"b\":2} x\n5", &[record(0, "{\"a\":\"}{\"}"), record(11, "{\"b\":2} x"), record(21, "5")]),
        ("{\"a\":1}{\"cut\n5\n", &[record(0, "{\"a\":1}"), record(7, "{\"cut"), record(13, "5")]),
        // One faulty record each.
        ("{\"a\":1}}\n", &[record(0, "{\"a\":1}}")]),
        ("{\"a\":1} garbage\n", &[record(0, "{\"a\":1} garbage")]),
        // With what means nothing between.
        ("{\"a\":1},{\"b\":2}\n", &[record(0, "{\"a\":1}"), record(8, "{\"b\":2}")]),
        ("{\"a\":1},\n{\"b\":2}\0\0\n", &[record(0, "{\"a\":1}"), record(9, "{\"b\":2}")]),
        ("{\"a\":1},,{\"b\":2}\n", &[record(0, "{\"a\":1},,{\"b\":2}")]),
        ("1 2\n", &[record(0, "1 2")]),
        ("garbage {\"a\":1}\n", &[record(0, "garbage {\"a\":1}")]),
        ("{\"a\n", &[record(0, "{\"a")]),
    ];
    for (text, expected) in cases {
        check(text, Format::Ndjson, 100, expected);
    }
}

#[test]
fn nothing_is_split_twice() {
    let mut frames = Frames::new(&b"{}{}"[..], Format::Ndjson, 10);
    assert!(!frames.split());
    assert!(matches!(frames.next(), Ok(Some(Frame::Record { payload: b"{}{}", .. }))));
    assert!(frames.split());
    assert!(!frames.split());
    assert!(matches!(frames.next(), Ok(Some(Frame::Record { payload: b"{}", offset: 0, .. }))));
    assert!(!frames.split());
    let mut frames = Frames::new(&b"[[{}{}]]"[..], Format::Array, 10);
    assert!(matches!(frames.next(), Ok(Some(Frame::Record { payload: b"[{}{}]", .. }))));
    // It is looked at again, and is what it was.
    assert!(frames.split());
    assert!(matches!(frames.next(), Ok(Some(Frame::Record { payload: b"[{}{}]", .. }))));
    assert!(!frames.split());
}

#[test]
fn elements_of_an_array_are_records() {
    let cases: &[(&str, &[Seen])] = &[
        ("", &[]),
        (" \n", &[]),
        ("[]", &[]),
        (" [ ] \r\n", &[]),
        ("[{\"a\":[1,2]},{}]", &[record(1, "{\"a\":[1,2]}"), record(13, "{}")]),
        ("\u{feff}[\n  {\n    \"a\": 1\n  }\n]\n", &[record(7, "{\n    \"a\": 1\n  }")]),
        ("[1 , \"a,]\" ,null,[[]]]", &[record(1, "1"), record(5, "\"a,]\""), record(12, "null"), record(17, "[[]]")]),
        // Values over the limit are passed over.
        ("[\"0123456789\",1]", &[too_large(1, 12, "\"0123456789\""), record(14, "1")]),
        ("[01234567890,1]", &[too_large(1, 11, "01234567890"), record(13, "1")]),
        ("[0123456789]", &[record(1, "0123456789")]),
        // Several, and commas or none.
        ("[{}]x\n{}", &[record(1, "{}"), record(4, "x"), record(6, "{}")]),
        ("[{}][1]\n[]{}", &[record(1, "{}"), record(5, "1"), record(10, "{}")]),
        ("[{} {}]", &[record(1, "{}"), record(4, "{}")]),
        ("[{},,{},]", &[record(1, "{}"), record(5, "{}")]),
        ("[,{}]", &[record(2, "{}")]),
        ("{}", &[record(0, "{}")]),
        // Something broken, up to the next line at which a value may begin.
        ("[{}garbage,{}]", &[record(1, "{}"), record(3, "garbage,{}]")]),
        ("[garbage]", &[record(1, "garbage]")]),
        ("[{}: 1,\n{}\n]", &[record(1, "{}"), record(3, ": 1,"), record(8, "{}")]),
        ("[NaN]\n[{}]", &[record(1, "NaN]"), record(7, "{}")]),
        ("[nix]\n[{}]", &[record(1, "nix"), record(7, "{}")]),
        ("[{\"a\":{},{}]\n[{}]", &[record(1, "{\"a\":{},{}]"), record(14, "{}")]),
        // Its brackets say where it ends.
        ("[{\"a\":NaN},{}]", &[record(1, "{\"a\":NaN}"), record(11, "{}")]),
        // Cut off.
        ("[", &[Broken(1, "truncated")]),
        ("[{}", &[record(1, "{}"), Broken(3, "truncated")]),
        ("[{},", &[record(1, "{}"), Broken(4, "truncated")]),
        ("[{},{\"a\":", &[record(1, "{}"), Broken(4, "truncated")]),
        ("[{},{\"a\":\"0123456789", &[record(1, "{}"), Broken(4, "truncated")]),
        ("[12", &[Broken(1, "truncated")]),
        ("[01234567890123", &[Broken(1, "truncated")]),
    ];
    for (text, expected) in cases {
        check(text, Format::Array, if text.contains("0123") { 10 } else { 100 }, expected);
    }
}

#[test]
fn elements_of_records_objects_are_records() {
    let cases: &[(&str, &[Seen])] = &[
        ("", &[]),
        ("{\"Records\":[]}", &[]),
        (" { \"Records\" : [ {} , {\"a\":1} ] } ", &[record(17, "{}"), record(22, "{\"a\":1}")]),
        ("{\"Records\":[{}],\"x\":[\"}\",{}]}\n{\"Records\":[1]}", &[record(12, "{}"), record(42, "1")]),
        ("{\"Records\":[\"0123456789\",1]}", &[too_large(12, 12, "\"0123456789\""), record(25, "1")]),
        ("{\"x\":{\"Records\":[1]},\"Records\":[{}]}", &[record(32, "{}")]),
        // Without such an array it is an event.
        ("{\"Record\":[]}", &[record(0, "{\"Record\":[]}")]),
        ("{\"Records\":{}}", &[record(0, "{\"Records\":{}}")]),
        ("{}\n{\"Records\":[{}]}", &[record(0, "{}"), record(15, "{}")]),
        ("{\"Records\" []}", &[record(0, "{\"Records\" []}")]),
        ("[]", &[record(0, "[]")]),
        ("{\"Records\":[{}]} x", &[record(12, "{}"), record(17, "x")]),
        ("{\"Records\":[{}{}]}", &[record(12, "{}"), record(14, "{}")]),
        ("{\"Records\":[{}x]}\n{\"Records\":[{}]}", &[record(12, "{}"), record(14, "x]}"), record(30, "{}")]),
        ("{\"Rec", &[Broken(0, "truncated")]),
        ("{\"Records\":", &[Broken(0, "truncated")]),
        ("{\"Records\":[{}", &[record(12, "{}"), Broken(14, "truncated")]),
        ("{\"Records\":[{}],\"a\":", &[record(12, "{}"), Broken(14, "truncated")]),
    ];
    for (text, expected) in cases {
        check(text, Format::Records, if text.contains("0123") { 10 } else { 100 }, expected);
    }
}

#[test]
fn values_one_after_another_are_records() {
    let cases: &[(&str, &[Seen])] = &[
        ("", &[]),
        (
            "{\n \"a\": 1\n}{}[1]\n\"x\"12 true",
            &[record(0, "{\n \"a\": 1\n}"), record(11, "{}"), record(13, "[1]"), record(17, "\"x\"12 true")],
        ),
        ("{} garbage {}\r\n{\"a\":1}", &[record(0, "{}"), record(3, "garbage {}"), record(15, "{\"a\":1}")]),
        ("{},{},\n{}", &[record(0, "{}"), record(3, "{}"), record(7, "{}")]),
        ("{},,{}\n{}", &[record(0, "{}"), record(2, ",,{}"), record(7, "{}")]),
        ("{}\0\0\u{feff}{}\n\0\n{}", &[record(0, "{}"), record(7, "{}"), record(12, "{}")]),
        ("[{},1]\n[[{}]] [2]\n", &[record(1, "{}"), record(4, "1"), record(8, "[{}]"), record(14, "[2]")]),
        // Text, line by line.
        (
            "2026-11-27T10:00 {\"a\":1}\n12\n{}",
            &[record(0, "2026-11-27T10:00 {\"a\":1}"), record(25, "12"), record(28, "{}")],
        ),
        ("[INFO] a {}\n{app} b\n{}", &[record(0, "[INFO] a {}"), record(12, "{app} b"), record(20, "{}")]),
        // A value that is not closed before the next line that begins with one.
        ("{\"a\":\n{\"b\":2}\n{\"c\":3}", &[record(0, "{\"a\":"), record(6, "{\"b\":2}"), record(14, "{\"c\":3}")]),
        ("{\"a\":\"x\n{\"b\":2}\n", &[record(0, "{\"a\":\"x"), record(8, "{\"b\":2}")]),
        ("{\"a\":[\n{\"b\":2}", &[record(0, "{\"a\":["), record(7, "{\"b\":2}")]),
        ("{\"a\":[\n{\"b\":2}\n]}{}", &[record(0, "{\"a\":[\n{\"b\":2}\n]}"), record(17, "{}")]),
        ("{\"a\":1}}\n{}", &[record(0, "{\"a\":1}"), record(7, "}"), record(9, "{}")]),
        ("}\n{}x", &[record(0, "}"), record(2, "{}"), record(4, "x")]),
        ("{\"0123456789\":\n1}{}", &[too_large(0, 17, "{\"0123456789\":\n1}"), record(17, "{}")]),
        ("x0123456789\n{}", &[too_large(0, 11, "x0123456789"), record(12, "{}")]),
        ("{}{\"a\":[}", &[record(0, "{}"), Broken(2, "truncated")]),
        ("{}{\"a\":\"0123456789", &[record(0, "{}"), Broken(2, "truncated")]),
        ("{}\"a", &[record(0, "{}"), record(2, "\"a")]),
    ];
    for (text, expected) in cases {
        check(text, Format::Concatenated, if text.contains("0123") { 10 } else { 100 }, expected);
    }
}

#[test]
fn a_value_that_is_json_and_was_refused_costs_itself() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(1_100), "]".repeat(1_100));
    for (text, format) in [
        (format!("[{deep},{{\"b\":1}},{{\"b\":2}}]"), Format::Array),
        (format!("{{\"Records\":[{deep},{{\"b\":1}},{{\"b\":2}}]}}"), Format::Records),
        (format!("[{deep},{{\"b\":1}},{{\"b\":2}}]\n"), Format::Ndjson),
    ] {
        let mut frames = Frames::new(text.as_bytes(), format, MIB);
        let mut seen = Vec::new();
        while let Some(frame) = frames.next().unwrap() {
            let Frame::Record { payload, .. } = frame else { panic!("none is over the limit") };
            let payload = String::from_utf8(payload.to_vec()).unwrap();
            // As `delivery::produce` does when decode refuses it.
            if payload != deep || !frames.split() {
                seen.push(payload);
            }
        }
        assert_eq!(seen, [deep.as_str(), "{\"b\":1}", "{\"b\":2}"], "{format:?}");
    }
}

#[test]
fn a_line_that_begins_with_an_array_is_told_wherever_reading_ends() {
    // Behind what is read before the first value is looked for.
    let before = "{}\n".repeat(1_000);
    let at = before.len() as u64;
    let seen = |text: &str, max| {
        let whole = format!("{before}{text}");
        let all = read(whole.as_bytes(), Format::Concatenated, max, MIB);
        for chunk in [1, 2, 3] {
            assert_eq!(read(whole.as_bytes(), Format::Concatenated, max, chunk), all, "{text}");
        }
        all[1_000..].to_vec()
    };
    for max in [7, 100] {
        let expected = [record(at, "{\"a\":1"), record(at + 8, "{\"b\":2}")];
        assert_eq!(seen("{\"a\":1\n[{\"b\":2}]", max), expected);
    }
}

#[test]
fn nul_bytes_mean_nothing_unless_there_is_nothing_else() {
    for zeros in [1, 5, 5_000] {
        let padding = "\0".repeat(zeros);
        for format in [Format::Auto, Format::Ndjson, Format::Concatenated] {
            let n = zeros as u64;
            check(&padding, format, MIB, &[Broken(0, "nul_bytes")]);
            check(gzip(format!("{padding}\n").as_bytes()), format, MIB, &[Broken(0, "nul_bytes")]);
            let text = format!("{padding}{{\"a\":1}}{padding}\n{padding}{{\"b\":2}}\n{padding}");
            check(&text, format, MIB, &[record(n, "{\"a\":1}"), record(3 * n + 8, "{\"b\":2}")]);
        }
    }
}

#[test]
fn what_is_not_utf8_is_broken_at_its_start() {
    let utf16 = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    let utf32 = |text: &str, bytes: fn(u32) -> [u8; 4]| text.chars().flat_map(|c| bytes(c.into())).collect::<Vec<_>>();
    for text in ["\u{feff}{\"a\":1}\n", "{\"a\":1}\n"] {
        for input in [
            utf16(text, u16::to_le_bytes),
            utf16(text, u16::to_be_bytes),
            utf32(text, u32::to_le_bytes),
            utf32(text, u32::to_be_bytes),
        ] {
            for format in [Format::Auto, Format::Ndjson, Format::Array, Format::Concatenated, Format::Records] {
                check(&input, format, 100, &[Broken(0, "not_utf8")]);
                check(gzip(&input), format, 100, &[Broken(0, "not_utf8")]);
            }
        }
    }
}

#[test]
fn formats_are_told_apart_by_what_is_on_whole_lines() {
    let one_line_inside = "{\n  \"a\": [\n    {\"b\": 1},\n    {\"b\": 2}\n  ],\n  \"c\":\n    {\"d\": 3}\n}\n";
    let pretty_array = "[\n  {\"a\": 1},\n  {\"a\": 2}\n]\n";
    let long = format!("{{\"a\":\"{}\"}}\n{{\"b\":1}}\n", "x".repeat(70_000));
    let cases: &[(&str, Format)] = &[
        ("", Format::Concatenated),
        ("{\"a\":1}\n", Format::Ndjson),
        ("{\"a\":1}", Format::Ndjson),
        ("\u{feff}\r\n {\"a\":1}\r\n", Format::Ndjson),
        ("{\"a\":1}{\"b\":1}", Format::Ndjson),
        ("{\"a\":1} {\"b\":1}\n{\"c\":1}\n", Format::Ndjson),
        // Never from a first line alone.
        ("garbage\n{\"a\":1}\n", Format::Ndjson),
        ("\"b\":1}}\n{\"a\":1}\n", Format::Ndjson),
        ("{\"cut\":{\"b\":\n\n{\"a\":1}\n{\"a\":2}\n", Format::Ndjson),
        ("{\"cut\":\"\n{\"a\":1}\n", Format::Ndjson),
        ("[2026-11-22] started\n{\"a\":1}\n", Format::Ndjson),
        ("[1,2]\n{\"a\":1}\n", Format::Ndjson),
        ("[\"x\"]\n{\"cut\n", Format::Ndjson),
        // Arrays, printed in all ways.
        ("[]", Format::Array),
        ("[{\"a\":1},{\"a\":2}]", Format::Array),
        ("[{\"a\":1},\n{\"a\":2}]", Format::Array),
        ("[\n{\"a\":1}\n,\n{\"a\":2}\n]", Format::Array),
        ("[\n{\"a\":1}\n,{\"a\":2}\n]", Format::Array),
        (pretty_array, Format::Array),
        ("[\n  {\n    \"a\": 1\n  },\n  {\n    \"b\": {}\n  }\n]", Format::Array),
        ("[\n  {\n    \"a\": [\n {\"b\": 1}\n ]\n  }\n]", Format::Array),
        ("[[1],[2]]", Format::Array),
        ("[1,2,{}]", Format::Array),
        ("[1,2,3]", Format::Concatenated),
        ("[INFO] started", Format::Concatenated),
        ("[12] {started}", Format::Concatenated),
        // Records.
        ("{\"Records\":[{\"a\":1}]}", Format::Records),
        ("{\"Records\":[]}\n", Format::Records),
        ("{\n  \"Records\" : [\n    {\"a\":1}\n  ]\n}", Format::Records),
        ("{\"Records\":[1]}\n", Format::Ndjson),
        ("{\"Records\":\"x\"}\n", Format::Ndjson),
        ("{\"x\":1,\"Records\":[{}]}\n", Format::Records),
        ("{\"x\":1,\"Records\":[{}]}\n{}\n{\"a\":1}", Format::Ndjson),
        ("{\"x\":{\"Records\":[{}]}}\n", Format::Ndjson),
        ("{\"Records\":[{}]}\n{\"Records\":[{}]}", Format::Records),
        ("{\"Records\":[{}]}\n{\"a\":1}", Format::Ndjson),
        ("{\"Records\":[{}]}\n{\n\"a\":1}", Format::Ndjson),
        // Pretty-printed.
        ("{\n  \"a\": 1\n}\n{\n  \"b\": 2\n}\n", Format::Concatenated),
        ("{\n  \"a\": 1\n}\n{}\n{\n  \"b\": {}\n}\n", Format::Concatenated),
        (one_line_inside, Format::Concatenated),
        ("{\n  \"a\": 1\n}\n{\"b\":2}\n", Format::Concatenated),
        ("{\"b\":2}\r\n{\r\n  \"a\": {\"c\":2}\r\n}\r\n", Format::Concatenated),
        ("{\n{\"a\":1}\n{\"a\":2}\n", Format::Ndjson),
        ("}\n{\"a\":1}\n{\"a\":2}\n", Format::Ndjson),
        ("{\"a\":\n1}{\"b\":2}", Format::Concatenated),
        // No whole line in the window.
        (&long, Format::Concatenated),
    ];
    for (text, expected) in cases {
        for (what, bytes) in [("plain", text.as_bytes().to_vec()), ("gzip", gzip(text.as_bytes()))] {
            for chunk in [1, 1000, MIB] {
                let mut frames = Frames::new(chunked(&bytes, chunk), Format::Auto, MIB);
                frames.next().unwrap();
                assert_eq!(
                    frames.checkpoint(frames.offset()).format,
                    *expected,
                    "{what} in chunks of {chunk}: {text:.80}"
                );
            }
        }
    }
}

#[test]
fn the_end_of_the_window_ends_no_line() {
    // The window ends exactly behind what would be an object; the line goes on.
    let mut text = "x".repeat(detect::WINDOW - 8);
    text.push_str("\n{\"a\":1}");
    assert_eq!(text.len(), detect::WINDOW);
    assert_eq!(detect::detect(text.as_bytes(), true), Format::Ndjson);
    assert_eq!(detect::detect(text.as_bytes(), false), Format::Concatenated);
    text.push_str(",\n");
    let mut frames = Frames::new(text.as_bytes(), Format::Auto, MIB);
    frames.next().unwrap();
    assert_eq!(frames.format, Format::Concatenated);
}

#[test]
fn members_and_frames_follow_one_another() {
    let skippable = [b"\x52\x2a\x4d\x18\x03\0\0\0abc".as_slice(), &zstd(b"{\"a\":1}\n")].concat();
    let expected = &[record(0, "{\"a\":1}"), record(8, "{\"b\":2}")];
    check([gzip(b"{\"a\":1}\n{\"b"), gzip(b""), gzip(b"\":2}\n")].concat(), Format::Auto, 100, expected);
    check([gzip(b"{\"a\":1}\n{\"b\":2}\n"), vec![0; 1000]].concat(), Format::Auto, 100, expected);
    check([zstd(b"{\"a\":1}\n{\"b"), zstd(b"\":2}\n")].concat(), Format::Auto, 100, expected);
    check([skippable, zstd(b""), zstd(b"{\"b\":2}\n")].concat(), Format::Auto, 100, expected);
}

#[test]
fn what_was_readable_of_broken_compression_comes_first() {
    let (first, second) = (gzip(b"{\"a\":1}\n"), gzip(b"{\"b\":2}\n"));
    let mut wrong_sum = first.clone();
    wrong_sum[first.len() - 8] ^= 1;
    let one = &[record(0, "{\"a\":1}")];
    let then = |fault: Seen| [one.as_slice(), &[fault]].concat();
    check([&first[..], b"garbage"].concat(), Format::Ndjson, 100, &then(Broken(8, "corrupt")));
    check([&first[..], b"\0\0\0x"].concat(), Format::Ndjson, 100, &then(Broken(8, "corrupt")));
    check([&first[..], b"\x1f"].concat(), Format::Ndjson, 100, &then(Broken(8, "truncated")));
    check(&first[..first.len() - 1], Format::Ndjson, 100, &then(Broken(8, "truncated")));
    check(&wrong_sum, Format::Ndjson, 100, &then(Broken(8, "corrupt")));
    check(b"\x1f\x8b\x07garbage", Format::Auto, 100, &[Broken(0, "corrupt")]);
    check(b"\x1f\x8b", Format::Auto, 100, &[Broken(0, "truncated")]);
    let mut wholes = 0;
    for cut in 1..second.len() {
        let input = [&first[..], &second[..cut]].concat();
        // A line is whole once its newline is readable, which it is before the checksum came.
        let two = [record(0, "{\"a\":1}"), record(8, "{\"b\":2}"), Broken(16, "truncated")];
        let mut inflate = flate2::Decompress::new_gzip(15);
        let mut readable = Vec::with_capacity(100);
        inflate.decompress_vec(&second[..cut], &mut readable, flate2::FlushDecompress::None).unwrap();
        let whole = readable.ends_with(b"\n");
        wholes += usize::from(whole);
        check(input, Format::Auto, 100, if whole { two.to_vec() } else { then(Broken(8, "truncated")) }.as_slice());
    }
    assert!(wholes >= 8 && wholes < second.len() / 2);
    let (first, second) = (zstd(b"{\"a\":1}\n"), zstd(b"{\"b\":2}\n"));
    for cut in 1..second.len() {
        check([&first[..], &second[..cut]].concat(), Format::Auto, 100, &then(Broken(8, "truncated")));
    }
    check([&first[..], b"garbage"].concat(), Format::Ndjson, 100, &then(Broken(8, "corrupt")));
}

#[test]
fn a_line_cut_by_broken_compression_is_no_record() {
    // Stored blocks, so that every byte before the cut is readable.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(b"{\"a\":1}\n{\"b\":2}\n").unwrap();
    let stored = encoder.finish().unwrap();
    let cut = stored.len() - 8 - 3;
    for format in [Format::Ndjson, Format::Concatenated, Format::Auto] {
        check(&stored[..cut], format, 100, &[record(0, "{\"a\":1}"), Broken(8, "truncated")]);
    }
    // A value over the limit that is cut is broken too.
    check(&stored[..cut], Format::Ndjson, 3, &[too_large(0, 7, "{\"a\":1}"), Broken(8, "truncated")]);
}

#[test]
fn a_failing_reader_is_no_broken_object() {
    /// Fails before every byte.
    struct Failing<'b>(&'b [u8], bool);
    impl Read for Failing<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            chunked(self.0, 1).read(into).inspect(|&count| self.0 = &self.0[count..])
        }
    }
    let text =
        "{\"a\":1} {\"0123456789\":1}\n[1,2,3]\n{\"Records\":[1,{\"0123456789\":[]},2],\"x\":1}  {\"Records\":[3]}";
    let array = "[1,{\"0123456789\":[]},2] ";
    let records = "{\"Records\":[1,{\"0123456789\":[]},2],\"x\":1}  {\"Records\":[3]}";
    for (text, format) in [
        (text, Format::Ndjson),
        (text, Format::Concatenated),
        (text, Format::Auto),
        (array, Format::Array),
        (records, Format::Records),
    ] {
        for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes()), zstd(text.as_bytes())] {
            let mut frames = Frames::new(Failing(&bytes, false), format, 10);
            let mut seen = Vec::new();
            loop {
                let before = frames.offset();
                match frames.next() {
                    Err(FrameError::Read(error)) => {
                        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                        // Another invocation could go on here.
                        assert!(frames.offset() >= before, "{format:?}");
                    }
                    Ok(None) => break,
                    Ok(Some(Frame::Record { payload, offset, .. })) => {
                        seen.push(record(offset, std::str::from_utf8(payload).unwrap()));
                    }
                    Ok(Some(Frame::TooLarge { offset, length, head })) => {
                        seen.push(too_large(offset, length, std::str::from_utf8(head).unwrap()));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            let mut calm = Frames::new(&bytes[..], format, 10);
            let mut expected = Vec::new();
            while let Some(frame) = calm.next().unwrap() {
                expected.push(match frame {
                    Frame::Record { payload, offset, .. } => record(offset, std::str::from_utf8(payload).unwrap()),
                    Frame::TooLarge { offset, length, head } => {
                        too_large(offset, length, std::str::from_utf8(head).unwrap())
                    }
                });
            }
            assert!(expected.len() > 2);
            assert_eq!(seen, expected, "{format:?}");
        }
    }
}

#[test]
fn a_zstd_window_over_eight_mebibytes_is_refused() {
    let compress = |window_log: u32| {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(window_log).unwrap();
        encoder.write_all(b"{\"a\":1}\n").unwrap();
        encoder.finish().unwrap()
    };
    check(compress(23), Format::Ndjson, 100, &[record(0, "{\"a\":1}")]);
    check(compress(24), Format::Ndjson, 100, &[Broken(0, "zstd_window")]);
    check(compress(27), Format::Ndjson, 100, &[Broken(0, "zstd_window")]);
}

#[test]
fn an_object_is_read_however_well_it_is_compressed() {
    // Blank lines as of a bomb: 1,000 times (gzip) and 8,000 times (zstd) their compressed size.
    let blank = vec![b' '; MIB];
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&blank).unwrap();
    let member = encoder.finish().unwrap();
    for bytes in [member.repeat(300), zstd(&blank).repeat(300)] {
        assert_eq!(read(&bytes, Format::Ndjson, MIB, MIB), []);
    }
    // Lines much like each other.
    let line = |number: usize| format!("{{\"n\":\"{number:07}{number:0>80}\",\"x\":\"{:927}\"}}\n", " ");
    let lines = (0..1 << 10).map(line).collect::<String>();
    let large = gzip(lines.as_bytes()).repeat(300);
    let mut frames = Frames::new(&large[..], Format::Ndjson, MIB);
    let mut count = 0;
    while frames.next().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 300 << 10);
    assert!(frames.bytes_raw() > 300 << 20 && frames.bytes_raw() > 40 * frames.bytes_in());
    assert_eq!(frames.bytes_in(), large.len() as u64);
}

/// A reader over `count` copies of one byte.
fn repeat(byte: u8, count: u64) -> impl Read {
    io::repeat(byte).take(count)
}

#[test]
fn memory_is_bounded_by_the_limit_and_not_by_a_line() {
    let size = 64 << 20;
    for (format, prefix, suffix) in [
        (Format::Ndjson, "", "\n{\"a\":1}\n"),
        (Format::Ndjson, "{\"x\":\"", "\"}\n{\"a\":1}\n"),
        (Format::Auto, "{\"x\":\"", "\"}\n{\"a\":1}\n"),
        (Format::Array, "[\"", "\",{\"a\":1}]"),
        (Format::Concatenated, "{\"x\":\"", "\"}{\"a\":1}"),
        (Format::Records, "{\"Records\":[\"", "\",{\"a\":1}]}"),
    ] {
        let reader = prefix.as_bytes().chain(repeat(b'x', size)).chain(suffix.as_bytes());
        let mut frames = Frames::new(reader, format, MIB);
        match frames.next().unwrap() {
            Some(Frame::TooLarge { length, head, .. }) => {
                assert!(length >= size);
                assert_eq!(head.len(), HEAD);
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(frames.next(), Ok(Some(Frame::Record { payload: b"{\"a\":1}", .. }))), "{format:?}");
        assert!(matches!(frames.next(), Ok(None)));
        assert!(frames.buffer_capacity() < 5 * MIB / 4, "{format:?}: {}", frames.buffer_capacity());
        assert!(frames.head.capacity() <= 2 * HEAD);
        assert_eq!(frames.bytes_raw(), size + (prefix.len() + suffix.len()) as u64);
    }
    // White space alone is not kept either, nor is what is skipped behind an array of records.
    for (format, prefix, fill, suffix) in [
        (Format::Ndjson, "", b' ', "{\"a\":1}"),
        (Format::Ndjson, "{}", b' ', "\n{\"a\":1}"),
        (Format::Array, "[", b'\n', "{\"a\":1}]"),
        (Format::Records, "{\"Records\":[],\"x\":\"", b'x', "\"}{\"Records\":[{\"a\":1}]}"),
    ] {
        let reader = prefix.as_bytes().chain(repeat(fill, size)).chain(suffix.as_bytes());
        let mut frames = Frames::new(reader, format, MIB);
        let mut last = Vec::new();
        while let Some(Frame::Record { payload, .. }) = frames.next().unwrap() {
            last = payload.to_vec();
        }
        assert_eq!(last, b"{\"a\":1}");
        assert!(frames.buffer_capacity() < 5 * MIB / 4);
    }
}

#[test]
fn a_checkpoint_begins_at_the_last_member_before_it() {
    let (first, second) = (gzip(b"{\"a\":1}\n{\"b"), gzip(b"\":2}\n{\"c\":3}\n"));
    let object = [&first[..], &second].concat();
    let mut frames = Frames::new(&object[..], Format::Auto, 100);
    let seen = drain(&mut frames);
    assert_eq!(seen.len(), 3);
    let second_member = Member { compressed: first.len() as u64, raw: 11 };
    for (offset, member) in
        [(0, Member { compressed: 0, raw: 0 }), (8, Member { compressed: 0, raw: 0 }), (16, second_member)]
    {
        let at = frames.checkpoint(offset);
        assert_eq!(
            at,
            Checkpoint { offset, compression: Compression::Gzip, member, ..Checkpoint::start(Format::Ndjson) }
        );
        // It travels as JSON.
        let at: Checkpoint = serde_json::from_str(&serde_json::to_string(&at).unwrap()).unwrap();
        let range = usize::try_from(at.member.compressed).unwrap()..;
        let mut resumed = Frames::resume(&object[range.clone()], &at, 100);
        assert_eq!(resumed.offset(), offset);
        let rest: Vec<_> = seen.iter().filter(|seen| matches!(seen, Record(at, _) if *at >= offset)).cloned().collect();
        assert_eq!(drain(&mut resumed), rest);
        assert_eq!(resumed.bytes_raw(), 24 - offset);
        assert_eq!(resumed.bytes_in(), object[range].len() as u64);
        // And on from there.
        assert_eq!(resumed.checkpoint(16), frames.checkpoint(16));
    }
}

#[test]
fn members_known_are_bounded() {
    let mut object = Vec::new();
    let mut starts = Vec::new();
    for number in 0..10_000 {
        starts.push((object.len() as u64, number * 8));
        object.extend(gzip(format!("{number:07}\n").as_bytes()));
    }
    let mut frames = Frames::new(&object[..], Format::Ndjson, 100);
    while frames.next().unwrap().is_some() {}
    for offset in [0, 8, 79_992] {
        let member = frames.checkpoint(offset).member;
        assert!(starts.contains(&(member.compressed, member.raw)));
        assert!(member.raw <= offset && offset - member.raw < 8 * 8, "{member:?} for {offset}");
    }
}

#[test]
fn a_checkpoint_before_anything_was_returned_begins_anew() {
    for (text, format) in
        [(" \n [1,2]", Format::Array), (" \n{\"Records\":[1,2]}", Format::Records), ("\n1\n2", Format::Ndjson)]
    {
        let mut frames = Frames::new(text.as_bytes(), format, 100);
        let before = frames.offset();
        frames.next().unwrap();
        // The caller's own lower bound is older than the first value.
        let at = frames.checkpoint(before);
        assert!(!at.inside);
        let begin = usize::try_from(at.member.compressed).unwrap();
        assert_eq!(drain(&mut Frames::resume(&text.as_bytes()[begin..], &at, 100)).len(), 2, "{format:?}");
    }
}

#[test]
fn a_checkpoint_at_the_end_finds_nothing_more() {
    for (text, format) in [
        ("[1,2] ", Format::Array),
        ("{\"Records\":[1,2]} ", Format::Records),
        ("1\n2\n", Format::Ndjson),
        ("{}{}", Format::Concatenated),
    ] {
        let mut frames = Frames::new(text.as_bytes(), format, 100);
        drain(&mut frames);
        let at = frames.checkpoint(frames.offset());
        let begin = usize::try_from(at.member.compressed).unwrap();
        let mut resumed = Frames::resume(&text.as_bytes()[begin..], &at, 100);
        assert_eq!(drain(&mut resumed), [], "{format:?}");
        assert_eq!(resumed.checkpoint(resumed.offset()), at);
    }
}

#[test]
fn an_object_that_ends_before_a_checkpoint_is_truncated() {
    let at = Checkpoint { offset: 100, compression: Compression::Gzip, ..Checkpoint::start(Format::Ndjson) };
    assert_eq!(drain(&mut Frames::resume(&gzip(b"1\n")[..], &at, 100)), [Broken(100, "truncated")]);
}

#[test]
fn an_array_without_objects_that_has_several_lines_is_no_text() {
    for (text, values) in [("[1\n]", 1), ("[1,\n\"a\"\n]\n", 2)] {
        let seen = read(text.as_bytes(), Format::Auto, MIB, usize::MAX);
        assert_eq!(seen.len(), values, "{seen:?}");
        assert_eq!(read(text.as_bytes(), Format::Auto, MIB, 1), seen, "{text:?}");
    }
}
