//! Arrays of any name, and the members of their objects that are copied into each event.

use super::*;

fn framed(text: &[u8], records: &Records, max: usize, chunk: usize) -> (Vec<(u64, String, usize)>, u64) {
    let mut frames = Frames::new(chunked(text, chunk), Format::Records, max).of(records);
    let mut seen = Vec::new();
    while let Some(frame) = frames.next().unwrap() {
        match frame {
            Frame::Record { payload, offset, added, .. } => {
                seen.push((offset, String::from_utf8(payload.to_vec()).unwrap(), added));
            }
            Frame::TooLarge { offset, length, .. } => seen.push((offset, format!("{length} bytes"), 0)),
        }
    }
    (seen, frames.take_left_out())
}

fn envelope(path: &str, names: &[&str]) -> Records {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    Records::new(path.split('.'), &names)
}

#[test]
fn the_array_is_found_by_the_names_that_lead_to_it() {
    for (path, text, expected) in [
        (
            "configurationItems",
            r#"{"fileVersion":"1","configurationItems":[{"a":1},{"a":2}],"x":[]}"#,
            &["{\"a\":1}", "{\"a\":2}"][..],
        ),
        (
            "detail.findings",
            r#"{"findings":[1],"detail":{"x":{"findings":[2]},"findings":[{"a":1}],"y":{}},"z":1}"#,
            &["{\"a\":1}"],
        ),
        (
            "a.b.c",
            r#"{"a":{"b":{"x":1}},"a":{"b":{"c":[{"d":1}]}}}{"a":{"b":{"c":[{"d":2}]}}}"#,
            &["{\"d\":1}", "{\"d\":2}"],
        ),
        ("a\"b", r#"{"a\"b":[{}]}"#, &["{}"]),
        // A value of another type or no value at the path: the object is an event, unchanged.
        ("a", r#"{"a":{"b":[]}} {"b":[1]}"#, &["{\"a\":{\"b\":[]}}", "{\"b\":[1]}"]),
        ("a.b", r#"{"a":[{"b":[1]}]}"#, &["{\"a\":[{\"b\":[1]}]}"]),
        ("a", r#"{"a":[]}{}"#, &["{}"]),
    ] {
        for chunk in [1, 3, 1000] {
            let (seen, _) = framed(text.as_bytes(), &envelope(path, &[]), MIB, chunk);
            let seen: Vec<&str> = seen.iter().map(|(_, text, _)| text.as_str()).collect();
            assert_eq!(seen, expected, "{path} in {text}");
        }
    }
}

#[test]
fn members_before_the_array_are_copied_and_an_events_own_win() {
    let records = envelope("detail.findings", &["detail-type", "account", "time"]);
    for (text, expected, left_out) in [
        (
            r#"{"account":"1","x":0,"detail-type":{"a":[1, 2]},"detail":{"account":7,"findings":[{"a":1},{"account":2},{}, 5]},"time":3}"#,
            &[
                r#"{"account":"1","detail-type":{"a":[1, 2]},"a":1}"#,
                r#"{"detail-type":{"a":[1, 2]},"account":2}"#,
                r#"{"account":"1","detail-type":{"a":[1, 2]}}"#,
                "5",
            ][..],
            1,
        ),
        // A member with an escaped name is the same member.
        (r#"{"account":1,"detail":{"findings":[{"\u0061ccount":2}]}}"#, &[r#"{"\u0061ccount":2}"#], 0),
        // Each object has its own members. An object without them copies nothing.
        (
            r#"{"account":1,"detail":{"findings":[{}]}}{"detail":{"findings":[{"b":1}]},"account":2,"time":1}{"c":1}"#,
            &[r#"{"account":1}"#, r#"{"b":1}"#, r#"{"c":1}"#],
            2,
        ),
    ] {
        for chunk in [1, 7, 1000] {
            let (seen, left) = framed(text.as_bytes(), &records, MIB, chunk);
            let texts: Vec<&str> = seen.iter().map(|(_, text, _)| text.as_str()).collect();
            assert_eq!((&texts[..], left), (expected, left_out), "{text}");
            for (offset, composed, added) in &seen {
                // After the copied bytes comes the unchanged event.
                let own = format!("{}{}", &composed[..1], &composed[1 + added..]);
                assert!(text[usize::try_from(*offset).unwrap()..].starts_with(&own), "{composed}");
            }
        }
    }
    let long = format!(r#"{{"account":"{}","time":1,"detail":{{"findings":[{{}}]}}}}"#, "x".repeat(70_000));
    let (seen, left) = framed(long.as_bytes(), &records, 1000, 999);
    assert_eq!((seen[0].1.as_str(), left), (r#"{"time":1}"#, 1), "too long to be kept");
}

#[test]
fn an_array_is_streamed_whatever_is_around_it_and_resumed_anywhere() {
    let long = "x".repeat(3_000);
    let object = |n: usize| {
        let items: Vec<String> = (0..20).map(|item| format!("{{\"n\":{n},\"i\":{item}}}")).collect();
        format!(
            "{{\"a\":{n},\"long\":\"{long}\",\"d\":{{\"items\":[{}],\"more\":\"{long}\"}},\"b\":1}}\n",
            items.join(",")
        )
    };
    let text: String = (0..5).map(object).collect();
    for records in [envelope("d.items", &[]), envelope("d.items", &["a", "b"])] {
        let (all, left_out) = framed(text.as_bytes(), &records, 100, 77);
        assert_eq!((all.len(), left_out), (100, if records == envelope("d.items", &[]) { 0 } else { 5 }));
        for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes())] {
            let mut frames = Frames::new(&bytes[..], Format::Records, 100).of(&records);
            drain(&mut frames);
            for (n, (offset, ..)) in all.iter().enumerate() {
                let at = frames.checkpoint(*offset);
                let at: Checkpoint = serde_json::from_str(&serde_json::to_string(&at).unwrap()).unwrap();
                let begin = usize::try_from(at.member.compressed).unwrap();
                let mut resumed = Frames::resume(chunked(&bytes[begin..], 501), &at, 100).of(&records);
                let seen = drain(&mut resumed);
                let expected: Vec<Seen> = all[n..].iter().map(|(offset, text, _)| record(*offset, text)).collect();
                assert_eq!(seen, expected, "{at:?}");
            }
        }
    }
}

#[test]
fn content_that_is_compressed_twice_is_read_from_any_event_on() {
    let text: String = (0..200).flat_map(|n| ["{\"n\":".to_owned(), n.to_string(), "}\n".to_owned()]).collect();
    let parts: Vec<u8> = text.as_bytes().chunks(300).flat_map(gzip).collect();
    for bytes in [
        gzip(&parts),
        zstd(&gzip(text.as_bytes())),
        gzip(&zstd(text.as_bytes())),
        parts.chunks(200).flat_map(gzip).collect(),
    ] {
        let all = read(&bytes, Format::Auto, MIB, 61);
        assert_eq!(all.len(), 200);
        let mut frames = Frames::new(&bytes[..], Format::Auto, MIB);
        drain(&mut frames);
        for n in [0, 1, 77, 199] {
            let (Record(offset, _) | TooLarge(offset, ..) | Broken(offset, _)) = &all[n];
            let at = frames.checkpoint(*offset);
            assert_eq!(at.member, Member { compressed: 0, raw: 0 });
            assert_eq!(drain(&mut Frames::resume(chunked(&bytes, 41), &at, MIB)), all[n..]);
        }
        // A cut object is read as far as possible.
        let cut = read(&bytes[..bytes.len() - 9], Format::Auto, MIB, 61);
        assert!(matches!(cut.last(), Some(Broken(_, "truncated"))) && cut.len() <= 201, "{:?}", cut.last());
    }
    let thrice = gzip(&gzip(&gzip(text.as_bytes())));
    assert_eq!(read(&thrice, Format::Auto, MIB, 61), [Broken(0, "unsupported_format")]);
    // A record of a stream inflates only up to its limit. The limit also applies to the first of two decompressions.
    let mut frames = Frames::of_records(Format::Ndjson, 100).within(400);
    let twice = gzip(&parts);
    frames.begin_record(&twice);
    assert!(matches!(drain(&mut frames).last(), Some(Broken(_, "record_too_large"))));
    frames.begin_record(b"{\"a\":1}");
    assert_eq!(drain(&mut frames), [record(0, "{\"a\":1}")]);
}

#[test]
fn the_end_of_the_window_says_nothing_about_objects_one_after_another() {
    let object = "{ \"Records\" : [ {\"a\":1}, {} ], \"x\": 1 }";
    for between in ["", "\n", " \n", ",", " ,\n", "\0\0\n", "\u{feff}", "\n\0\u{feff}", ",\u{feff}\n"] {
        let text = [object; 4].join(between) + between;
        let first = object.find("{\"a").unwrap() + 1;
        for length in first..=text.len() {
            for whole in [false, true] {
                let format = detect::detect(&text.as_bytes()[..length], whole);
                assert_eq!(format, Format::Records, "{:?}", &text.as_bytes()[..length]);
            }
        }
        let other = text + "{\"Record";
        for (rest, expected) in [("s\":[", Format::Records), ("s\":[1", Format::Ndjson), ("\":[", Format::Ndjson)] {
            let window = format!("{other}{rest}");
            let detected = detect::detect(window.as_bytes(), false);
            assert_eq!(detected == Format::Records, expected == Format::Records, "{window}");
        }
    }
}

#[test]
fn an_object_over_the_limit_without_the_array_costs_itself() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(100));
    let text = format!("{long}{{\"Records\":[{{\"b\":1}}]}} {{\"c\":1}}\n{long}\n{{\"Records\":[{{\"b\":2}}]}}");
    let n = long.len() as u64;
    let expected = [
        too_large(0, n, &long),
        record(n + 12, "{\"b\":1}"),
        record(n + 22, "{\"c\":1}"),
        too_large(n + 30, n, &long),
        record(2 * n + 31 + 12, "{\"b\":2}"),
    ];
    check(&text, Format::Records, 20, &expected);
}
