//! Arbitrary text as a query. The lines after the first are an event. The query compiles, or is refused with a column
//! within it. A value of 64 KiB is decided without delay, with any regular expressions.
#![no_main]

use pipeline::{decode::Decoder, select::Select};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (query, event) = text.split_once('\n').unwrap_or((text, "{}"));
    let select = match Select::query(query) {
        Ok(select) => select,
        Err(error) => return assert!((1..=query.chars().count() + 1).contains(&error.column), "{error}"),
    };
    let hostile = format!("{{\"a\":\"{}\",\"b\":[[{{\"c\":1}}],\"{}\"]}}", "ab".repeat(1 << 15), "a".repeat(1 << 16));
    let mut decoder = Decoder::new();
    for event in [event, &hostile] {
        if let Ok(parsed) = decoder.decode(event.as_bytes()) {
            assert!(select.matches(&parsed.event()).is_ok(), "a query is always decided");
        }
    }
    assert!(select.conditions().len() <= 1024);
});
