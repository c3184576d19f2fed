//! Which format is detected from the first bytes of an object.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table of inputs")]
fn formats_are_detected_by_what_is_on_whole_lines() {
    let one_line_inside = "{\n  \"a\": [\n    {\"b\": 1},\n    {\"b\": 2}\n  ],\n  \"c\":\n    {\"d\": 3}\n}\n";
    let pretty_array = "[\n  {\"a\": 1},\n  {\"a\": 2}\n]\n";
    let long = format!("{{\"a\":\"{}\"}}\n{{\"b\":1}}\n", "x".repeat(70_000));
    let within_text = format!("[2026-11-22] request:\n{{\n  \"ids\": [\n{}\n  ]\n}}\n", "    1,\n".repeat(20_000));
    let cases: &[(&str, Format)] = &[
        ("", Format::Concatenated),
        ("{\"a\":1}\n", Format::Ndjson),
        ("{\"a\":1}", Format::Ndjson),
        ("\u{feff}\r\n {\"a\":1}\r\n", Format::Ndjson),
        ("{\"a\":1}{\"b\":1}", Format::Ndjson),
        ("{\"a\":1} {\"b\":1}\n{\"c\":1}\n", Format::Ndjson),
        // The first line alone never decides.
        ("garbage\n{\"a\":1}\n", Format::Ndjson),
        ("\"b\":1}}\n{\"a\":1}\n", Format::Ndjson),
        ("{\"cut\":{\"b\":\n\n{\"a\":1}\n{\"a\":2}\n", Format::Ndjson),
        ("{\"cut\":\"\n{\"a\":1}\n", Format::Ndjson),
        ("[2026-11-22] started\n{\"a\":1}\n", Format::Ndjson),
        ("[1,2]\n{\"a\":1}\n", Format::Ndjson),
        ("[\"x\"]\n{\"cut\n", Format::Ndjson),
        ("[2026-11-22] request:\n{\"a\":1}\n", Format::Ndjson),
        ("[2026-11-22] request:\n{\"a\":1\n{\"b\":[\n1]}\n", Format::Ndjson),
        ("[2026-11-22] a\n{\"cut\":1\n[2026-11-22] b\n", Format::Ndjson),
        // Text before a value over several lines.
        ("[2026-11-22] request:\n{\n  \"id\": 1\n}\n", Format::Concatenated),
        ("2026-11-22 request:\n{\n  \"id\": 1\n}\n", Format::Concatenated),
        ("[2026-11-22] request:\n{ \"id\": 1,\n  \"b\": 2 }\n", Format::Concatenated),
        ("[2026-11-22] request:\n{\"id\":1}\n[2026-11-22] answer:\n{\n\"id\": NaN\n}\n", Format::Concatenated),
        (&within_text, Format::Concatenated),
        // Arrays in every layout.
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
    // The window ends right after something like an object, but the line continues.
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
