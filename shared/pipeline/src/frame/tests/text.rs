//! A line of text is one rejection with the line, whatever it begins with, and whatever is beside it.

use super::*;

fn framed(text: &str, format: Format, limit: usize) -> Vec<Seen> {
    let whole = drain(&mut Frames::new(text.as_bytes(), format, limit));
    for chunk in [1, 2, 3, 7, 50, 1000] {
        assert_eq!(read(text.as_bytes(), format, limit, chunk), whole, "{format:?} in chunks of {chunk}: {text}");
    }
    let mut frames = Frames::new(text.as_bytes(), format, limit);
    drain(&mut frames);
    for (n, one) in whole.iter().enumerate() {
        let (Record(offset, _) | TooLarge(offset, ..) | Broken(offset, _)) = one;
        let at = frames.checkpoint(*offset);
        let begin = usize::try_from(at.member.compressed).unwrap();
        let rest = drain(&mut Frames::resume(chunked(&text.as_bytes()[begin..], 5), &at, limit));
        assert_eq!(rest, whole[n..], "{format:?} from {at:?}: {text}");
    }
    whole
}

/// Lines that are text from their first byte on.
const LINES: [&str; 20] = [
    "[[INFO]] text",
    "[INFO] {\"a\":1}",
    "[[1]] text",
    "[1] [x] {\"a\":1}",
    "[[[x]]] {}",
    "{} 2026-11-22 INFO started",
    "{\"level\":\"info\"} started",
    "{\"a\":1} x {\"b\":1}",
    "{\"a\":1} [x] y",
    "{\"a\":1} [x",
    "{\"a\":1} [2026-11-22 started",
    "{\"a\":1} [12 started] {}",
    "{\"a\":{}}} } x",
    "{\"a\":{\"b\":1}},\"c\":2}",
    "{\"a\":1}, then text",
    "{\"a\":1}: text",
    "{\"a\":1}\t\0 12",
    "{\"a\":1} \u{ff1a} text",
    "{app} b",
    "{\"a\":NaN} x",
];

#[test]
fn a_line_of_text_is_one_rejection() {
    for line in LINES {
        for before in ["", "{\"b\":1}\n", "{\n\"b\":1\n}\n", "text\n"] {
            for after in ["{\"c\":1}\n", "{\n\"c\":1\n}\n", "{} x\n", "[{\"c\":1}]\n", ""] {
                let text = format!("{before}{line}\n{after}");
                let at = before.len() as u64;
                for format in [Format::Concatenated, Format::Auto] {
                    let seen = framed(&text, format, MIB);
                    assert!(seen.contains(&record(at, line)), "{format:?}: {seen:?} of {text}");
                    let count = 1 + [before, after].iter().filter(|beside| !beside.is_empty()).count();
                    assert_eq!(seen.len(), count, "{format:?}: {seen:?} of {text}");
                }
            }
        }
        let text = format!("{{\"b\":1}}\n{line}\n{{\"c\":1}}");
        let at = 8 + line.len() as u64 + 1;
        let expected = [record(0, "{\"b\":1}"), record(8, line), record(at, "{\"c\":1}")];
        for format in [Format::Ndjson, Format::Concatenated, Format::Records, Format::CloudwatchLogs] {
            assert_eq!(framed(&text, format, MIB), expected, "{format:?}: {text}");
        }
    }
}

#[test]
fn values_beside_a_value_are_no_text() {
    for (text, frames) in [
        ("{\"a\":1}{\"b\":1} {\"c\":1}, {\"d\":1}\n", &["{\"a\":1}", "{\"b\":1}", "{\"c\":1}", "{\"d\":1}"][..]),
        ("{\"a\":1} [{\"b\":1}] [\n{\"c\":1}\n]\n", &["{\"a\":1}", "{\"b\":1}", "{\"c\":1}"]),
        ("{\"a\":1} [1,2]\n{\"b\":1}", &["{\"a\":1}", "[1,2]", "{\"b\":1}"]),
        ("{\"a\":1} [\n1,\n2\n]\n{\"b\":1}", &["{\"a\":1}", "1", "2", "{\"b\":1}"]),
        ("{\"a\":1}}\n{\"b\":1}]\n{\"c\":1}}]\n", &["{\"a\":1}", "}", "{\"b\":1}", "]", "{\"c\":1}", "}]"]),
        ("{\"a\":1},\n{\"b\":1}\0\u{feff}\n", &["{\"a\":1}", "{\"b\":1}"]),
        // The last line of a value of several lines is no line of text.
        ("{\n\"a\":1\n} x\n{\"b\":1}", &["{\n\"a\":1\n}", "x", "{\"b\":1}"]),
        // Text belongs to the value before it.
        ("{\"a\":1} {\"b\":1} x\n", &["{\"a\":1}", "{\"b\":1} x"]),
        // Elements after something broken.
        ("[{\"a\":\"\n{\"b\":1},\"x\",2\n{\"c\":1}]\n", &["{\"a\":\"", "{\"b\":1}", "\"x\",2", "{\"c\":1}"]),
    ] {
        let seen: Vec<_> = framed(text, Format::Concatenated, MIB)
            .into_iter()
            .map(|seen| match seen {
                Record(_, text) => text,
                seen => panic!("{seen:?}"),
            })
            .collect();
        assert_eq!(seen, frames, "{text}");
    }
}

#[test]
fn a_line_of_text_over_the_limit_is_one_rejection() {
    let long = "x".repeat(100);
    for line in [
        format!("{{\"a\":\"{long}\"}} started"),
        format!("{{\"a\":\"{long}\"}} [INFO] started"),
        format!("{{}} {long}"),
        format!("{{\"a\":1}} [INFO] {long}"),
        format!("{{\"a\":1}} [INFO {long}"),
        format!("{long} {{}}"),
    ] {
        let text = format!("{{\"b\":1}}\n{line}\n{{\"c\":1}}\n");
        let n = line.len() as u64;
        let expected = [record(0, "{\"b\":1}"), too_large(8, n, &line), record(9 + n, "{\"c\":1}")];
        for format in [Format::Ndjson, Format::Concatenated, Format::Auto, Format::CloudwatchLogs] {
            assert_eq!(framed(&text, format, 40), expected, "{format:?}: {text}");
        }
    }
    // A value over the limit, and another in its line.
    for (between, format) in
        [("", Format::Ndjson), (", ", Format::Ndjson), ("", Format::Concatenated), (" ", Format::Concatenated)]
    {
        let value = format!("{{\"a\":\"{long}\"}}");
        let text = format!("{value}{between}{{\"c\":1}}\n");
        let n = value.len() as u64;
        let expected = [too_large(0, n, &value), record(n + between.len() as u64, "{\"c\":1}")];
        assert_eq!(framed(&text, format, 40), expected, "{format:?}: {text}");
    }
}

#[test]
fn a_value_is_read_though_the_bytes_after_it_are_damaged() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(b"{\"a\":1}{\n\"b\":2}").unwrap();
    let stored = encoder.finish().unwrap();
    let expected = [record(0, "{\"a\":1}"), record(7, "{\n\"b\":2}"), Broken(15, "truncated")];
    check(&stored[..stored.len() - 8], Format::Concatenated, 100, &expected);
}

#[test]
fn looking_after_values_costs_no_more_than_the_line() {
    let line = "{\"a\":1}[1,2]".repeat(400_000);
    let mut frames = Frames::new(line.as_bytes(), Format::Concatenated, MIB);
    // The array is the rest of the line: it is read once.
    assert!(matches!(frames.next(), Ok(Some(Frame::Record { payload: b"{\"a\":1}", .. }))));
    assert!(matches!(frames.next(), Ok(Some(Frame::TooLarge { .. }))));
    assert!(matches!(frames.next(), Ok(None)));
    let line = "{\"a\":1}".repeat(700_000);
    assert_eq!(drain(&mut Frames::new(line.as_bytes(), Format::Concatenated, MIB)).len(), 700_000);
}
