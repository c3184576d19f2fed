//! The rules of framing, with one table each. The properties test random documents, formats, compressions and chunks.

mod ahead;
mod checkpoints;
mod cloudwatch;
mod composed;
mod compressed;
mod cuts;
mod formats;
mod properties;
mod records;
mod stream;
mod text;

use std::io::{self, Read, Write};

use super::{frames::HEAD, *};

/// A reader that returns at most `chunk` bytes at once, and is interrupted now and then.
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

/// All frames. Lines that do not decode are split, as in `delivery::produce`.
fn drain<R: Read>(frames: &mut Frames<R>) -> Vec<Seen> {
    let (seen, failure) = drain_readable(frames);
    assert!(failure.is_none(), "the reader does not fail: {failure:?}");
    seen
}

/// The frames up to the end, or up to a failure of the reader.
fn drain_readable<R: Read>(frames: &mut Frames<R>) -> (Vec<Seen>, Option<io::Error>) {
    let mut seen = Vec::new();
    loop {
        let next = match frames.next() {
            Ok(None) => return (seen, None),
            Ok(Some(Frame::Record { payload, offset, .. })) => Record(offset, String::from_utf8_lossy(payload).into()),
            Ok(Some(Frame::TooLarge { offset, length, head })) => {
                TooLarge(offset, length, String::from_utf8_lossy(head).into())
            }
            Err(FrameError::Broken { offset, error_type, reason }) => {
                assert!(!reason.is_empty());
                Broken(offset, error_type)
            }
            Err(FrameError::Read(error)) => return (seen, Some(error)),
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

/// Reads in chunks of several small sizes, so that every byte is once the first of a chunk.
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
        // One value over the limit.
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
        // Not if so much white space separates the two that they would not fit into one record.
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
        // Noise between the values.
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
    // It is examined again, and the result is the same.
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
        // Values over the limit are skipped.
        ("[\"0123456789\",1]", &[too_large(1, 12, "\"0123456789\""), record(14, "1")]),
        ("[01234567890,1]", &[too_large(1, 11, "01234567890"), record(13, "1")]),
        ("[0123456789]", &[record(1, "0123456789")]),
        // Several arrays, with and without commas.
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
        // The brackets show where it ends.
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
        ("{} garbage {}\r\n{\"a\":1}", &[record(0, "{} garbage {}"), record(15, "{\"a\":1}")]),
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
        // A value that is not closed before a line that begins with another value.
        ("{\"a\":\n{\"b\":2}\n{\"c\":3}", &[record(0, "{\"a\":"), record(6, "{\"b\":2}"), record(14, "{\"c\":3}")]),
        ("{\"a\":\"x\n{\"b\":2}\n", &[record(0, "{\"a\":\"x"), record(8, "{\"b\":2}")]),
        ("{\"a\":[\n{\"b\":2}", &[record(0, "{\"a\":["), record(7, "{\"b\":2}")]),
        ("{\"a\":[\n{\"b\":2}\n]}{}", &[record(0, "{\"a\":[\n{\"b\":2}\n]}"), record(17, "{}")]),
        ("{\"a\":1}}\n{}", &[record(0, "{\"a\":1}"), record(7, "}"), record(9, "{}")]),
        ("}\n{}x", &[record(0, "}"), record(2, "{}x")]),
        ("{\n}x\n{}", &[record(0, "{\n}"), record(3, "x"), record(5, "{}")]),
        ("{\"0123456789\":\n1}{}", &[too_large(0, 17, "{\"0123456789\":\n1}"), record(17, "{}")]),
        ("x0123456789\n{}", &[too_large(0, 11, "x0123456789"), record(12, "{}")]),
        ("{}{\"a\":[}", &[record(0, "{}"), Broken(2, "truncated")]),
        ("{}{\"a\":\"0123456789", &[record(0, "{}"), Broken(2, "truncated")]),
        ("{}\"a", &[record(0, "{}\"a")]),
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
            // Like `delivery::produce` when decode refuses it.
            if payload != deep || !frames.split() {
                seen.push(payload);
            }
        }
        assert_eq!(seen, [deep.as_str(), "{\"b\":1}", "{\"b\":2}"], "{format:?}");
    }
}

#[test]
fn a_line_that_begins_with_an_array_is_detected_wherever_reading_ends() {
    // More bytes than are read before the search for the first value.
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
fn members_and_frames_follow_one_another() {
    let skippable = [b"\x52\x2a\x4d\x18\x03\0\0\0abc".as_slice(), &zstd(b"{\"a\":1}\n")].concat();
    let expected = &[record(0, "{\"a\":1}"), record(8, "{\"b\":2}")];
    check([gzip(b"{\"a\":1}\n{\"b"), gzip(b""), gzip(b"\":2}\n")].concat(), Format::Auto, 100, expected);
    check([gzip(b"{\"a\":1}\n{\"b\":2}\n"), vec![0; 1000]].concat(), Format::Auto, 100, expected);
    check([zstd(b"{\"a\":1}\n{\"b"), zstd(b"\":2}\n")].concat(), Format::Auto, 100, expected);
    check([skippable, zstd(b""), zstd(b"{\"b\":2}\n")].concat(), Format::Auto, 100, expected);
}

#[test]
fn a_failing_reader_is_no_broken_object() {
    /// A reader that fails before every byte.
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
                        // Another invocation could resume here.
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

/// A reader that returns `count` copies of one byte.
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
    // White space alone is not kept either. Nor are the bytes after an array of records.
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
fn an_array_without_objects_that_has_several_lines_is_no_text() {
    for (text, values) in [("[1\n]", 1), ("[1,\n\"a\"\n]\n", 2)] {
        let seen = read(text.as_bytes(), Format::Auto, MIB, usize::MAX);
        assert_eq!(seen.len(), values, "{seen:?}");
        assert_eq!(read(text.as_bytes(), Format::Auto, MIB, 1), seen, "{text:?}");
    }
}
