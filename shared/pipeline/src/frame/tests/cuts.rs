//! Objects that are cut before, within or after their array: each cut affects only its own object.

use super::*;

fn framed(text: &str, format: Format, records: &Records, limit: usize) -> Vec<Seen> {
    let whole = drain(&mut Frames::new(text.as_bytes(), format, limit).of(records));
    for chunk in [1, 2, 3, 7, 50, 1000] {
        let mut frames = Frames::new(chunked(text.as_bytes(), chunk), format, limit).of(records);
        assert_eq!(drain(&mut frames), whole, "in chunks of {chunk}: {text}");
    }
    whole
}

/// The expected frames by their text, in order, at the offsets where they are found in the input.
fn expected(text: &str, frames: &[(&str, &str)]) -> Vec<Seen> {
    let mut from = 0;
    let at = |(own, composed): &(&str, &str)| {
        let offset = from + text[from..].find(own).unwrap_or_else(|| panic!("no {own} in {text} after {from}"));
        from = offset + own.len();
        record(offset as u64, composed)
    };
    frames.iter().map(at).collect()
}

fn plain(text: &str, frames: &[&str]) -> Vec<Seen> {
    expected(text, &frames.iter().map(|own| (*own, *own)).collect::<Vec<_>>())
}

/// One intact object in a line, and its event.
fn whole(n: u32) -> (String, String) {
    (format!("{{\"k\":{n},\"Records\":[{{\"n\":{n}}}],\"z\":[]}}\n"), format!("{{\"n\":{n}}}"))
}

#[test]
fn a_cut_before_the_array_costs_its_object_however_much_follows() {
    for limit in [60, MIB] {
        for cut in
            ["{\"k\":{\"y\":1", "{\"k\":\"abc", "{\"k\"", "{\"k\":1,", "{\"k\":{\"Records\":{\"x", "{", "{\"k\":[[1],"]
        {
            let lines: String = (0..20).map(|n| whole(n).0).collect();
            let text = format!("{}{cut}\n{lines}", whole(77).0);
            let own: Vec<String> = (0..20).map(|n| whole(n).1).collect();
            let mut all = vec!["{\"n\":77}", cut];
            all.extend(own.iter().map(String::as_str));
            let seen = framed(&text, Format::Records, &Records::default(), limit);
            if limit == MIB || !cut.ends_with(',') {
                assert_eq!(seen, plain(&text, &all), "{cut}");
            }
        }
    }
    // A cut object over the limit ends at the next line too.
    let cut = format!("{{\"k\":\"{}\",\"y\":{{\"x\":1", "x".repeat(100));
    let text = format!("{cut}\n{}", whole(1).0);
    let seen = framed(&text, Format::Records, &Records::default(), 60);
    assert!(matches!(&seen[..], [TooLarge(0, ..), Record(_, last)] if last == "{\"n\":1}"), "{seen:?}");
}

#[test]
fn a_cut_after_the_array_costs_the_end_of_its_object() {
    for (object, bad) in [
        ("{\"Records\":[{\"n\":1}]", "]"),
        ("{\"Records\":[{\"n\":1}],\"z\":{\"y\"", "],\"z\":{\"y\""),
        ("{\"Records\":[{\"n\":1}],\"z\":\"te", "],\"z\":\"te"),
        ("{\"Records\":[{\"n\":1}] \n ,\"z\":[\n{\"q\":1}]", "] \n ,\"z\":["),
    ] {
        let text = format!("{object}\n{}{}", whole(2).0, whole(3).0);
        let seen = framed(&text, Format::Records, &Records::default(), MIB);
        let mut all = plain(&text, &["{\"n\":1}", bad, "{\"n\":2}", "{\"n\":3}"]);
        if object.contains('q') {
            all.insert(2, record(object.find("{\"q").unwrap() as u64, "{\"q\":1}"));
            all.insert(3, record(object.len() as u64 - 1, "]"));
        }
        assert_eq!(seen, all, "{text}");
    }
    // However long it is, and whichever whole lines it contains.
    let long = "x".repeat(200);
    let text = format!("{{\"Records\":[{{\"n\":1}}],\"z\":[\n{{\"a\":\"{long}\"}}],\"y\":\"{long}\n{}", whole(2).0);
    let seen = framed(&text, Format::Records, &Records::default(), 60);
    assert!(matches!(&seen[..], [Record(..), TooLarge(19, ..), Record(_, last)] if last == "{\"n\":2}"), "{seen:?}");
    // An intact object may have many lines too.
    let text =
        format!("{{\"Records\":[{{\"n\":1}}],\"z\":[\n{{\"a\":\"{long}\"}},\n{{}}],\"y\":\n{{}}}}\n{}", whole(2).0);
    let seen = framed(&text, Format::Records, &Records::default(), 60);
    assert_eq!(seen, plain(&text, &["{\"n\":1}", "{\"n\":2}"]));
}

#[test]
fn a_cut_between_two_elements_is_a_rejection_without_bytes() {
    for cut in ["{\"k\":9,\"Records\":[", "{\"k\":9,\"Records\":[{\"n\":9}", "{\"k\":9,\"Records\":[{\"n\":9},"] {
        let text = format!("{cut}\n{}{}", whole(2).0, whole(3).0);
        let at = if cut.ends_with(',') { cut.len() - 1 } else { cut.len() } as u64;
        let mut all = plain(&text, &["{\"n\":2}", "{\"n\":3}"]);
        all.insert(0, record(at, ""));
        if cut.contains("{\"n\"") {
            all.insert(0, record(cut.find("{\"n\"").unwrap() as u64, "{\"n\":9}"));
        }
        assert_eq!(framed(&text, Format::Records, &Records::default(), MIB), all, "{text}");
    }
    // Elements may have arrays of that name too.
    let text = "{\"Records\":[\n{\"Records\":[1]},\n{\"Records\":[2]}\n]}\n";
    let seen = framed(text, Format::Records, &Records::default(), MIB);
    assert_eq!(seen, plain(text, &["{\"Records\":[1]}", "{\"Records\":[2]}"]));
}

#[test]
fn an_array_that_is_not_closed_costs_no_array_after_it() {
    let after = "[{\"b\":1}]\n[{\"b\":2},\n{\"b\":3}]\n[\n  {\"b\":4}\n]\n[INFO] text\n{\"b\":5}\n";
    let rest = ["{\"b\":1}", "{\"b\":2}", "{\"b\":3}", "{\"b\":4}", "[INFO] text", "{\"b\":5}"];
    for cut in
        ["[{\"a\":1}", "[{\"a\":1},", "[", "[\n", "[{\"a\":1},\0\n \n", "[[{\"c\":1}],{\"a\":1}", "[{\"c\":1},{\"a\":"]
    {
        for next in [after.to_owned(), format!("[\n{}", &after[1..]), format!("\n{after}")] {
            let text = format!("{cut}\n{next}");
            for format in [Format::Concatenated, Format::Array] {
                let seen = framed(&text, format, &Records::default(), MIB);
                let texts: Vec<_> = seen
                    .iter()
                    .filter_map(|seen| match seen {
                        Record(_, text) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect();
                let missing = texts.iter().filter(|text| text.is_empty()).count();
                assert_eq!(missing, usize::from(!cut.ends_with(':')), "{seen:?} of {text}");
                assert_eq!(
                    texts.iter().filter(|text| **text == "{\"a\":1}").count(),
                    usize::from(cut.contains("a\":1"))
                );
                // In explicit arrays a bracket of text is one of an array.
                let rest = if format == Format::Array { &rest[..4] } else { &rest };
                let from = texts.len() - if format == Format::Array { 6 } else { rest.len() };
                assert_eq!(&texts[from..from + rest.len()], rest, "{seen:?} of {text}");
            }
        }
    }
    // Arrays that are elements, with commas between them.
    for text in
        ["[\n[{\"a\":1}],\n[{\"b\":1}]\n]\n", "[[{\"a\":1}]\n,[{\"b\":1}]]", "[1,\n[{\"a\":1}]\n, [{\"b\":1}]]\n"]
    {
        let elements = [&["1"][..], &["[{\"a\":1}]", "[{\"b\":1}]"]].concat();
        let elements = if text.contains('1') && text.starts_with("[1") { &elements[..] } else { &elements[1..] };
        assert_eq!(framed(text, Format::Array, &Records::default(), MIB), plain(text, elements), "{text}");
    }
    // Each costs a look at one line.
    let text = format!("[{{\"a\":1}}\n{}", "[{\"b\":1}\n".repeat(100_000));
    let seen = drain(&mut Frames::new(text.as_bytes(), Format::Array, MIB));
    assert_eq!(seen.iter().filter(|seen| matches!(seen, Record(_, text) if text == "{\"b\":1}")).count(), 100_000);
}

#[test]
fn an_event_has_members_of_its_own_envelope_only() {
    let records = Records::new(["Records"], &["k".to_owned()]);
    for (text, frames) in [
        // Another object, after each kind of cut.
        (
            "{\"k\":1,\"Records\":[{\"n\":1},{\"n\":\"\n{\"n\":2}\n{\"n\":3},\n{\"k\":4,\"Records\":[{\"n\":4}]}\n",
            &[
                ("{\"n\":1}", "{\"k\":1,\"n\":1}"),
                ("{\"n\":\"", "{\"n\":\""),
                ("{\"n\":2}", "{\"n\":2}"),
                ("{\"n\":3}", "{\"n\":3}"),
                ("{\"n\":4}", "{\"k\":4,\"n\":4}"),
            ][..],
        ),
        (
            "{\"k\":1,\"Records\":[{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n",
            &[("{\"n\":1}", "{\"k\":1,\"n\":1}"), ("", ""), ("{\"n\":2}", "{\"n\":2}"), ("{\"n\":3}", "{\"n\":3}")],
        ),
        (
            "{\"k\":1,\"Records\":[{\"n\":1}]\n{\"n\":2}\n",
            &[("{\"n\":1}", "{\"k\":1,\"n\":1}"), ("]", "]"), ("{\"n\":2}", "{\"n\":2}")],
        ),
        // Elements of the same array.
        (
            "{\"k\":1,\"Records\":[\n{\"n\":1},\n{\"n\":\"\n{\"n\":2},\n{\"n\":3}\n]}\n{\"n\":4}\n",
            &[
                ("{\"n\":1}", "{\"k\":1,\"n\":1}"),
                ("{\"n\":\"", "{\"n\":\""),
                ("{\"n\":2}", "{\"k\":1,\"n\":2}"),
                ("{\"n\":3}", "{\"k\":1,\"n\":3}"),
                ("{\"n\":4}", "{\"n\":4}"),
            ],
        ),
    ] {
        assert_eq!(framed(text, Format::Records, &records, MIB), expected(text, frames), "{text}");
    }
}

#[test]
fn a_cut_envelope_of_log_events_costs_itself() {
    let envelope = |owner: &str| {
        let event = format!("{{\"id\":\"{owner}\",\"message\":\"m\"}}");
        format!(
            "{{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"{owner}\",\"logGroup\":\"g\",\"logEvents\":[{event},{event}]}}"
        )
    };
    let composed =
        |owner: &str| format!("{{\"@id\":\"{owner}\",\"@owner\":\"{owner}\",\"@log_group\":\"g\",\"@message\":\"m\"}}");
    let first = envelope("1");
    for cut in 1..first.len() {
        let text = format!("{}\n{}\n{}\n", &first[..cut], envelope("2"), envelope("3"));
        let seen = framed(&text, Format::CloudwatchLogs, &Records::default(), MIB);
        let count =
            |owner: &str| seen.iter().filter(|one| matches!(one, Record(_, text) if *text == composed(owner))).count();
        assert_eq!((count("2"), count("3")), (2, 2), "cut after {cut}: {seen:?}");
        let events = count("1") + count("2") + count("3");
        assert_eq!(seen.len(), events + 1, "cut after {cut}: {seen:?}");
    }
}

#[test]
fn the_value_within_which_an_object_ends_is_kept() {
    let long = format!("{{\"a\":\"{}", "x".repeat(100));
    for (format, text, at, bytes) in [
        (Format::Concatenated, "{\"a\":1} {\"b\":[1, \n", 8, "{\"b\":[1,"),
        (Format::Array, "[{\"a\":1},{\"b\":\"é", 9, "{\"b\":\"é"),
        (Format::Array, "[{\"a\":1}", 8, ""),
        (Format::Records, "{\"Records\":[{\"a\":1}],\"x", 19, "],\"x"),
        (Format::Records, "{\"Records\":[{\"a\":1},{\"b\"", 20, "{\"b\""),
        (Format::Records, "{\"x\":{\"Records\":[]}", 0, "{\"x\":{\"Records\":[]}"),
        (Format::Concatenated, &long, 0, &long),
        (Format::Records, &long, 0, &long),
    ] {
        for chunk in [1, 7, 1000] {
            let mut frames = Frames::new(chunked(text.as_bytes(), chunk), format, 50);
            let seen = drain(&mut frames);
            assert_eq!(seen.last(), Some(&Broken(at, "truncated")), "{text}");
            assert_eq!(frames.torn(), (bytes.as_bytes(), bytes.len() as u64), "{text}");
        }
    }
}
