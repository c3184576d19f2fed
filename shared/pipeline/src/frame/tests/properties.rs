//! For all documents, formats, compressions and chunks: every value is returned unchanged, at its offset. A reading
//! that resumes at the checkpoint of a value returns exactly the rest.

use proptest::prelude::*;

use super::*;

/// JSON text with white space between its tokens, any nesting, and difficult strings.
fn value() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[a-z{}\\[\\],: ]{0,12}",
        "[é日😀\u{2028}\u{7f}]{0,4}",
        Just(r#"\"\\\\\"\u2028\n"#.to_owned()),
        "[x]{40,70}",
    ]
    .prop_map(|text| format!("\"{text}\""));
    let leaf = prop_oneof![
        text.clone(),
        Just("true".to_owned()),
        Just("null".to_owned()),
        "-?[1-9][0-9]{0,20}(\\.[0-9]{1,3})?(e[+-]?[0-9])?",
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let space = prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\t \t")];
        prop_oneof![
            (prop::collection::vec(inner.clone(), 0..4), space.clone())
                .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(&format!("{space},{space}")))),
            (prop::collection::vec((text.clone(), inner), 0..4), space).prop_map(|(members, space)| {
                let members: Vec<_> =
                    members.iter().map(|(key, value)| format!("{key}{space}:{space}{value}")).collect();
                format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
            }),
        ]
    })
}

fn object() -> impl Strategy<Value = String> {
    prop::collection::vec(value(), 1..4).prop_map(|values| {
        let members: Vec<_> = values.iter().enumerate().map(|(n, value)| format!("\"k{n}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

/// The documents in one stream, and each document with its offset.
fn layout(documents: &[String], format: Format, bom: bool, space: usize) -> (Vec<u8>, Vec<Seen>) {
    let space = ["", " ", "\n", " \r\n\t"][space];
    let mut stream = String::from(if bom { "\u{feff}" } else { "" });
    let mut expected = Vec::new();
    stream += match format {
        Format::Array => "[",
        Format::Records => "{\"Records\":[",
        _ => space,
    };
    for (n, document) in documents.iter().enumerate() {
        let first = n == 0;
        match format {
            // Start another object now and then.
            Format::Records if n % 3 == 2 => stream += "],\"rest\":{\"]}\":[]}} {\"Records\":[",
            Format::Array | Format::Records if !first => stream += ",",
            Format::Ndjson if !first => stream += "\n",
            _ => {}
        }
        stream += space;
        expected.push(record(stream.len() as u64, document));
        stream += document;
        stream += space;
    }
    stream += match format {
        Format::Array => "]",
        Format::Records => "]}",
        _ => "",
    };
    (stream.into_bytes(), expected)
}

/// Compresses the object in members of `member` bytes.
fn compress(stream: &[u8], compression: Compression, member: usize) -> Vec<u8> {
    match compression {
        Compression::None => stream.to_vec(),
        Compression::Gzip => stream.chunks(member).flat_map(gzip).collect(),
        Compression::Zstd => stream.chunks(member).flat_map(zstd).collect(),
    }
}

fn format() -> impl Strategy<Value = Format> {
    prop::sample::select(vec![Format::Ndjson, Format::Array, Format::Concatenated, Format::Records])
}

fn compression() -> impl Strategy<Value = Compression> {
    prop::sample::select(vec![Compression::None, Compression::Gzip, Compression::Zstd])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_comes_out_and_from_any_checkpoint_the_rest(
        documents in prop::collection::vec(object(), 1..9),
        (format, compression) in (format(), compression()),
        (bom, space, member, chunk) in (any::<bool>(), 0..4_usize, 1..300_usize, 1..100_usize),
        (auto, limit) in (any::<bool>(), prop_oneof![Just(MIB), 5..60_usize]),
    ) {
        // A line counts with the white space that the layout adds, so a small limit would apply to other lengths.
        let limit = if auto || (format == Format::Ndjson && space > 0) { MIB } else { limit };
        let (stream, all) = layout(&documents, format, bom, space);
        let bytes = compress(&stream, compression, member);
        let over = |seen| match seen {
            Record(offset, text) if text.len() > limit => TooLarge(offset, text.len() as u64, text),
            seen => seen,
        };
        let expected: Vec<_> = all.into_iter().map(over).collect();
        let mut frames = Frames::new(chunked(&bytes, chunk), if auto { Format::Auto } else { format }, limit);
        let seen = drain(&mut frames);
        prop_assert_eq!(&seen, &expected);
        prop_assert_eq!(frames.bytes_in(), bytes.len() as u64);
        prop_assert_eq!(frames.bytes_raw(), stream.len() as u64);
        for (n, from) in expected.iter().enumerate() {
            let (Record(offset, _) | TooLarge(offset, ..) | Broken(offset, _)) = from;
            let at = frames.checkpoint(*offset);
            prop_assert!(at.format != Format::Auto);
            let begin = usize::try_from(at.member.compressed).unwrap();
            let mut resumed = Frames::resume(chunked(&bytes[begin..], chunk), &at, limit);
            prop_assert_eq!(&drain(&mut resumed), &expected[n..]);
            prop_assert_eq!(resumed.bytes_raw(), stream.len() as u64 - offset);
        }
    }

    #[test]
    fn reading_can_resume_at_the_offset_between_two_frames(
        documents in prop::collection::vec(object(), 1..6),
        (format, compression) in (format(), compression()),
        (space, member, chunk) in (0..4_usize, 1..300_usize, 1..100_usize),
    ) {
        let (stream, expected) = layout(&documents, format, false, space);
        let bytes = compress(&stream, compression, member);
        for taken in 0..=expected.len() {
            let mut frames = Frames::new(chunked(&bytes, chunk), format, MIB);
            for _ in 0..taken {
                frames.next().unwrap();
            }
            let at = frames.checkpoint(frames.offset());
            let begin = usize::try_from(at.member.compressed).unwrap();
            let mut resumed = Frames::resume(chunked(&bytes[begin..], chunk), &at, MIB);
            prop_assert_eq!(&drain(&mut resumed), &expected[taken..]);
        }
    }

    #[test]
    fn chunks_change_nothing_whatever_the_bytes(
        stream in prop::collection::vec(prop::sample::select(&b"{{{}}}[]\"\"\\,:\n\n\r 1ax\xc3\xa9"[..]), 0..200),
        format in prop_oneof![format(), Just(Format::Auto)],
        compression in compression(),
        (chunk, limit, cut, opened) in (1..40_usize, 1..50_usize, 0..30_usize, any::<bool>()),
    ) {
        let opening: &[u8] = match format {
            Format::Array if opened => b"[",
            Format::Records if opened => b"{\"Records\":[",
            _ => b"",
        };
        let stream = [opening, &stream].concat();
        let bytes = compress(&stream, compression, 64);
        let bytes = &bytes[..bytes.len() - cut.min(bytes.len())];
        let mut frames = Frames::new(chunked(bytes, usize::MAX), format, limit);
        let whole = drain(&mut frames);
        prop_assert_eq!(&read(bytes, format, limit, chunk), &whole);
        // Frames follow one another without overlap, and a broken rest is the last.
        let mut end = 0;
        for (n, seen) in whole.iter().enumerate() {
            let (Record(offset, _) | TooLarge(offset, ..) | Broken(offset, _)) = seen;
            prop_assert!(*offset >= end, "{:?}", whole);
            match seen {
                // An array that is cut between two elements leaves an empty record.
                Record(_, text) => prop_assert!(!text.is_empty() || format != Format::Records),
                TooLarge(_, length, head) => {
                    prop_assert!(*length > limit as u64);
                    end = offset + length;
                    prop_assert!(head.len() as u64 >= *length);
                }
                Broken(..) => {
                    prop_assert_eq!(n + 1, whole.len());
                    continue;
                }
            }
            let at = frames.checkpoint(*offset);
            let begin = usize::try_from(at.member.compressed).unwrap();
            let mut resumed = Frames::resume(chunked(&bytes[begin..], chunk), &at, limit);
            prop_assert_eq!(&drain(&mut resumed), &whole[n..], "{:?}", at);
        }
    }

    #[test]
    fn any_bytes_at_all_are_framed_or_broken(bytes in prop::collection::vec(any::<u8>(), 0..300), magic in 0..3_usize) {
        let magic: &[u8] = [b"".as_slice(), b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd"][magic];
        let input = [magic, &bytes].concat();
        let whole = read(&input, Format::Auto, 100, usize::MAX);
        prop_assert_eq!(read(&input, Format::Auto, 100, 3), whole);
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Breaks a value: cuts it somewhere, inserts a wrong byte, or replaces it by text.
fn broken(document: &str, cut: usize, kind: usize) -> String {
    let mut cut = cut % document.len().max(1);
    while !document.is_char_boundary(cut) {
        cut -= 1;
    }
    match kind {
        0 => document[..cut.max(1)].to_owned(),
        1 => format!("{}\"{}", &document[..cut], &document[cut..]),
        2 => format!("{}]{}", &document[..cut], &document[cut..]),
        _ => format!("plain text {cut} \"of a line"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_broken_value_costs_no_other(
        (before, after) in (prop::collection::vec(object(), 0..5), prop::collection::vec(object(), 0..5)),
        (torn, cut, kind) in (object(), any::<usize>(), 0..4_usize),
        (format, chunk) in (prop::sample::select(vec![Format::Ndjson, Format::Concatenated, Format::Array]), 1..90_usize),
    ) {
        let torn = broken(&torn, cut, kind);
        // Skip the case if the result is still a value, or several values.
        prop_assume!(!is_json(&format!("[{torn}]")));
        prop_assume!(!noise::is_values_and_noise(torn.as_bytes()));
        let mut text = String::from(if format == Format::Array { "[\n" } else { "" });
        let mut good = Vec::new();
        for (n, line) in before.iter().chain([&torn]).chain(&after).enumerate() {
            if n != before.len() {
                good.push(record(text.len() as u64, line));
            }
            text += line;
            text += if format == Format::Array && n < before.len() + after.len() { ",\n" } else { "\n" };
        }
        if format == Format::Array {
            text += "]\n";
        }
        let mut frames = Frames::new(chunked(text.as_bytes(), chunk), format, MIB);
        let seen = drain(&mut frames);
        let (kept, bad): (Vec<_>, Vec<_>) = seen.iter().cloned().partition(|seen| good.contains(seen));
        prop_assert_eq!(kept, good, "{}", text);
        // A value that is not closed may be cut off by the end of the input. In an array, whole values may remain at the start
        // of a broken one, and a bracket in it may close the array. Then the text before it, the text after it, and the array's
        // own bracket are pieces.
        let is_array = format == Format::Array;
        let is_value = |seen: &Seen| is_array && matches!(seen, Record(_, text) if is_json(text));
        let pieces = bad.iter().filter(|seen| !is_value(seen)).count();
        let most = if is_array { 3 } else { 2 };
        prop_assert!(!bad.is_empty() && pieces <= most, "{:?} in {}", bad, text);
        for (n, one) in seen.iter().enumerate() {
            let (Record(offset, _) | TooLarge(offset, ..) | Broken(offset, _)) = one;
            let at = frames.checkpoint(*offset);
            let begin = usize::try_from(at.member.compressed).unwrap();
            let mut resumed = Frames::resume(chunked(&text.as_bytes()[begin..], chunk + 1), &at, MIB);
            prop_assert_eq!(&drain(&mut resumed), &seen[n..], "{:?} in {}", at, text);
        }
    }
}

#[test]
fn a_line_longer_than_the_window_and_broken_values_after_it_cost_themselves() {
    let mut text = format!("{{\"n\":0,\"long\":\"{}\n", "x".repeat(200 << 10));
    let mut good = 0;
    for n in 1..30_000 {
        if n % 1_000 == 0 {
            text.extend(["{\"n\":", &n.to_string(), ",\"cut\":\"\n"]);
        } else {
            text.extend(["{\"n\":", &n.to_string(), "}\n"]);
            good += 1;
        }
    }
    for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
        let seen = read(&bytes, Format::Auto, MIB, 70_000);
        let broken: Vec<_> =
            seen.iter().filter(|seen| matches!(seen, Record(_, text) if !text.ends_with('}'))).collect();
        assert_eq!((seen.len() - broken.len(), broken.len()), (good, 30));
        assert!(matches!(broken[0], Record(0, text) if text.len() > 200 << 10));
    }
}

#[test]
fn a_bracket_that_begins_a_line_at_the_end_of_a_chunk_changes_nothing() {
    for bytes in
        [&b"{}{{{\n[{"[..], b"{\"a\":\n[{\"b\":1}]}\n{\"c\":1}\n", b"{\"a\":1\n[{\"b\":1}]\n", b"{\"a\":[\n[1]]}\n"]
    {
        for (format, limit) in
            [(Format::Array, 4), (Format::Array, MIB), (Format::Concatenated, MIB), (Format::Ndjson, MIB)]
        {
            let whole = read(bytes, format, limit, usize::MAX);
            for chunk in 1..bytes.len() {
                assert_eq!(read(bytes, format, limit, chunk), whole, "{format:?} in pieces of {chunk}");
            }
        }
    }
}
