//! Records of a stream: the format of each is detected on its own, regardless of the records before it.

use proptest::prelude::*;

use super::*;

/// All frames of one record, in a reader that has read other records before.
fn of_record<'b>(frames: &mut Frames<&'b [u8]>, record: &'b [u8]) -> Vec<Seen> {
    frames.begin_record(record);
    let seen = drain(frames);
    assert!(matches!(frames.next(), Ok(None)));
    seen
}

/// Reads the record plain, as gzip and as zstd: each in a new stream, and one after another in the same stream.
#[track_caller]
fn check_record(record: impl AsRef<[u8]>, format: Format, max: usize, expected: &[Seen]) {
    let plain = record.as_ref();
    let all = [plain.to_vec(), gzip(plain), zstd(plain), plain.to_vec()];
    let mut kept = Frames::of_records(format, max);
    for bytes in &all {
        let text = String::from_utf8_lossy(&plain[..plain.len().min(300)]);
        assert_eq!(of_record(&mut kept, bytes), expected, "{format:?}: {text}");
        assert_eq!((kept.bytes_in(), kept.bytes_raw()), (bytes.len() as u64, plain.len() as u64));
        assert_eq!(
            of_record(&mut Frames::of_records(format, max), bytes),
            expected,
            "{format:?} with a new framer: {text}"
        );
    }
}

#[test]
fn the_format_of_a_record_is_detected_from_the_record_alone() {
    let long = format!("{{\"a\":\"{}\",\"b\":x", "x".repeat(70_000));
    let cases: &[(&str, &[Seen])] = &[
        ("", &[]),
        (" \r\n\t\n ", &[]),
        ("\u{feff}", &[]),
        // One line is one event.
        ("{\"a\":1}", &[record(0, "{\"a\":1}")]),
        ("{\"a\":1}\n", &[record(0, "{\"a\":1}")]),
        ("\u{feff}\n {\"a\":1} \r\n\n", &[record(5, "{\"a\":1}")]),
        ("{}", &[record(0, "{}")]),
        // A malformed line is rejected as a whole.
        ("{\"a\":", &[record(0, "{\"a\":")]),
        ("{\"a\":1", &[record(0, "{\"a\":1")]),
        ("{\"a\":1}}\n", &[record(0, "{\"a\":1}}")]),
        ("{\"a\":1} garbage", &[record(0, "{\"a\":1} garbage")]),
        ("{a", &[record(0, "{a")]),
        ("{", &[record(0, "{")]),
        (&long, &[record(0, &long)]),
        // Several events in one line.
        ("{\"a\":1}{\"b\":2}[3]", &[record(0, "{\"a\":1}"), record(7, "{\"b\":2}"), record(14, "[3]")]),
        ("{\"a\":1} {\"b\":\n", &[record(0, "{\"a\":1}"), record(8, "{\"b\":")]),
        // Several lines, and values over several lines.
        ("{\"a\":1}\n{\"b\n{\"c\":3}", &[record(0, "{\"a\":1}"), record(8, "{\"b"), record(12, "{\"c\":3}")]),
        ("garbage\n{\"a\":1}\n", &[record(0, "garbage"), record(8, "{\"a\":1}")]),
        ("{\n\"a\":1\n}\n{\n}", &[record(0, "{\n\"a\":1\n}"), record(10, "{\n}")]),
        ("{\"a\":\n1}{\"b\":2}", &[record(0, "{\"a\":\n1}"), record(8, "{\"b\":2}")]),
        ("{\"a\":\n1", &[Broken(0, "truncated")]),
        // Arrays and records objects.
        ("[]", &[]),
        ("[{\"a\":1},{}]\n", &[record(1, "{\"a\":1}"), record(9, "{}")]),
        ("[\n{\"a\":1}\n]", &[record(2, "{\"a\":1}")]),
        ("[[1],2]", &[record(1, "[1]"), record(5, "2")]),
        ("{\"Records\":[{\"a\":1},2]}", &[record(12, "{\"a\":1}"), record(20, "2")]),
        ("{ \"Records\": [] }\n", &[]),
        ("{\"Records\":[1]}", &[record(0, "{\"Records\":[1]}")]),
        ("{\"a\":1,\"Records\":[{}]}", &[record(0, "{\"a\":1,\"Records\":[{}]}")]),
        ("{\n\"a\":1,\n\"Records\":[{}]}", &[record(0, "{\n\"a\":1,\n\"Records\":[{}]}")]),
        ("{\n\"Records\":[{}]}", &[record(13, "{}")]),
        // Text is not split.
        ("Hello, this is a test.", &[record(0, "Hello, this is a test.")]),
        (" true story \n of two lines\n", &[record(1, "true story \n of two lines")]),
        ("\n12 34", &[record(1, "12 34")]),
        ("\"quoted\" \"twice\"", &[record(0, "\"quoted\" \"twice\"")]),
        ("[INFO] [main] Hello", &[record(0, "[INFO] [main] Hello")]),
        ("[2026-11-22] started\nand went on", &[record(0, "[2026-11-22] started\nand went on")]),
        ("[2026-11-22] request:\n{\n\"id\":1\n}", &[record(0, "[2026-11-22] request:\n{\n\"id\":1\n}")]),
        ("[2026-11-22] request:\n{\"id\":1}", &[record(0, "[2026-11-22] request:"), record(22, "{\"id\":1}")]),
        ("{} 2026-11-22 a\n{} 2026-11-22 b\n", &[record(0, "{} 2026-11-22 a"), record(16, "{} 2026-11-22 b")]),
        ("[1,2]", &[record(0, "[1,2]")]),
        ("[", &[record(0, "[")]),
        ("null", &[record(0, "null")]),
        ("}\n}", &[record(0, "}\n}")]),
        ("<a>\n{\n</a>", &[record(0, "<a>\n{\n</a>")]),
    ];
    for (text, expected) in cases {
        check_record(text, Format::Auto, MIB, expected);
    }
}

#[test]
fn a_value_over_the_limit_is_skipped_in_a_record_too() {
    let cases: &[(&str, &[Seen])] = &[
        ("{\"a\":12345}", &[too_large(0, 11, "{\"a\":12345}")]),
        ("{\"a\":1}{\"b\":2}", &[record(0, "{\"a\":1}"), record(7, "{\"b\":2}")]),
        ("{\"a\":12345}{\"b\":2}", &[too_large(0, 11, "{\"a\":12345}"), record(11, "{\"b\":2}")]),
        ("[{\"a\":12345},{}]", &[too_large(1, 11, "{\"a\":12345}"), record(13, "{}")]),
        ("some text\nof two lines", &[too_large(0, 22, "some text\nof two lines")]),
        ("[some text]", &[too_large(0, 11, "[some text]")]),
        ("some text   \n\n  ", &[too_large(0, 16, "some text   \n\n  ")]),
    ];
    for (text, expected) in cases {
        check_record(text, Format::Auto, 10, expected);
    }
}

#[test]
fn a_format_that_is_given_is_not_detected() {
    let cases: &[(Format, &str, &[Seen])] = &[
        (Format::Ndjson, "a\n\nb", &[record(0, "a"), record(3, "b")]),
        (Format::Concatenated, "{}{\n} 1", &[record(0, "{}"), record(2, "{\n}"), record(6, "1")]),
        (Format::Array, "[1]", &[record(1, "1")]),
        (Format::Array, "{}", &[record(0, "{}")]),
        (Format::Records, "{\"Records\":[1]}", &[record(12, "1")]),
    ];
    for (format, text, expected) in cases {
        let mut frames = Frames::of_records(*format, 100);
        for _ in 0..3 {
            assert_eq!(of_record(&mut frames, text.as_bytes()), *expected);
        }
    }
}

#[test]
fn a_broken_record_says_nothing_about_the_next() {
    let whole = b"{\"a\":1}\n{\"b\":2}\n";
    let zipped = gzip(whole);
    let good = [record(0, "{\"a\":1}"), record(8, "{\"b\":2}")];
    let utf16: Vec<u8> = "{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases = [
        (b"\x1f\x8b\x07garbage".to_vec(), vec![Broken(0, "corrupt")]),
        (zipped[..zipped.len() - 1].to_vec(), [&good[..], &[Broken(16, "truncated")]].concat()),
        (zstd(whole)[..9].to_vec(), vec![Broken(0, "truncated")]),
        (b"\x28\xb5\x2f\xfdgarbage".to_vec(), vec![Broken(0, "corrupt")]),
        (utf16, vec![Broken(0, "not_utf8")]),
        (b"[{\"a\":1}".to_vec(), vec![record(1, "{\"a\":1}"), Broken(8, "truncated")]),
    ];
    let next = [whole.to_vec(), zipped.clone(), zstd(whole)];
    let mut frames = Frames::of_records(Format::Auto, 100);
    for (broken, expected) in &cases {
        for next in &next {
            assert_eq!(of_record(&mut frames, broken), *expected);
            assert_eq!(of_record(&mut frames, next), good);
        }
    }
}

#[test]
fn the_next_record_may_begin_before_the_last_is_read() {
    let mut frames = Frames::of_records(Format::Auto, 10);
    assert!(matches!(frames.next(), Ok(None)));
    let over = gzip(b"[{\"a\":1},{\"a\":\"0123456789\"},{}]");
    for taken in 0..3 {
        frames.begin_record(&over);
        for _ in 0..taken {
            assert!(frames.next().unwrap().is_some());
        }
        assert_eq!(of_record(&mut frames, b"{\"b\":1}"), [record(0, "{\"b\":1}")]);
    }
}

#[test]
fn memory_stays_and_is_bounded_over_many_records() {
    let large = gzip(format!("{{\"a\":\"{}\"}}", "x".repeat(4 * MIB)).as_bytes());
    let small = b"{\"a\":1}";
    let mut frames = Frames::of_records(Format::Auto, MIB);
    for _ in 0..3 {
        assert!(matches!(&of_record(&mut frames, &large)[..], [TooLarge(0, ..)]));
        let capacity = frames.buffer_capacity();
        assert!(capacity < 5 * MIB / 4);
        assert_eq!(of_record(&mut frames, small), [record(0, "{\"a\":1}")]);
        assert_eq!(frames.buffer_capacity(), capacity);
    }
}

/// Any record, intact or not, compressed or not.
fn any_record() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        prop::collection::vec(prop::sample::select(&b"{{{}}}[]\"\"\\,:\n\n\r 1ax\xc3\xa9"[..]), 0..80),
        Just(b"{\"Records\":[{\"a\":1},{\"b\":2}]}".to_vec()),
        Just(b"[{\"a\":1},{\"b\":[]}]".to_vec()),
        Just(b"{\"a\":1}\n{\"b\":2}\n".to_vec()),
        Just(b"{\"a\":\"0123456789012345678901234567890123456789\"}{}".to_vec()),
        Just(b"{\n\"a\":1\n}\n{}".to_vec()),
        Just(b"some text".to_vec()),
    ];
    (text, 0..4_u8, 0..12_usize).prop_map(|(text, kind, cut)| {
        let bytes = match kind {
            0 => gzip(&text),
            1 => zstd(&text),
            _ => return text,
        };
        // The record is seldom cut.
        bytes[..bytes.len() - cut.saturating_sub(6)].to_vec()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_came_before_a_record_changes_nothing(
        records in prop::collection::vec((any_record(), 0..5_usize), 1..12),
        format in prop::sample::select(vec![
            Format::Auto, Format::Auto, Format::Ndjson, Format::Array, Format::Concatenated, Format::Records,
        ]),
        limit in 5..60_usize,
    ) {
        let mut kept = Frames::of_records(format, limit);
        for (record, left) in &records {
            // Now and then a record is begun and not read to its end.
            kept.begin_record(record);
            for _ in 2..*left {
                let _ = kept.next();
            }
            let seen = of_record(&mut kept, record);
            prop_assert_eq!(&seen, &of_record(&mut Frames::of_records(format, limit), record));
            prop_assert_eq!(kept.bytes_in(), record.len() as u64);
            if format != Format::Auto {
                prop_assert_eq!(&seen, &drain(&mut Frames::new(&record[..], format, limit)));
            }
        }
    }
}

#[test]
fn a_record_that_inflates_beyond_the_limit_is_read_up_to_the_limit() {
    let text = "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n";
    let expected = [record(0, "{\"a\":1}"), record(8, "{\"b\":2}"), record(16, "{\"c\":3}")];
    for bytes in [
        gzip(text.as_bytes()),
        zstd(text.as_bytes()),
        [gzip(&text.as_bytes()[..8]), gzip(&text.as_bytes()[8..])].concat(),
    ] {
        for limit in 0..=text.len() + 2 {
            let mut frames = Frames::of_records(Format::Ndjson, 100).within(limit as u64);
            let seen = of_record(&mut frames, &bytes);
            if limit >= text.len() {
                assert_eq!(seen, expected, "{limit}");
                continue;
            }
            let (last, before) = seen.split_last().unwrap();
            assert_eq!(before, &expected[..limit / 8], "{limit}");
            assert_eq!(*last, Broken(8 * (limit as u64 / 8), "record_too_large"), "{limit}");
            // The limit starts again with the next record. A record that is not compressed has no limit.
            assert_eq!(of_record(&mut frames, text.as_bytes()), expected);
        }
    }
}

proptest! {
    #[test]
    fn the_limit_of_a_record_does_not_depend_on_how_it_is_read(
        lines in proptest::collection::vec("[a-z]{0,40}", 1..40), limit in 0_u64..900, max in 20_usize..60,
    ) {
        let text: Vec<String> = lines.iter().map(|line| format!("{{\"a\":\"{line}\"}}\n")).collect();
        let text = text.concat();
        let bytes = gzip(text.as_bytes());
        let seen = of_record(&mut Frames::of_records(Format::Ndjson, max).within(limit), &bytes);
        let whole = of_record(&mut Frames::of_records(Format::Ndjson, max), &bytes);
        let is_cut = limit < text.len() as u64;
        prop_assert_eq!(matches!(seen.last(), Some(Broken(_, "record_too_large"))), is_cut);
        let kept = seen.len() - usize::from(is_cut);
        prop_assert_eq!(&seen[..kept], &whole[..kept]);
    }
}
