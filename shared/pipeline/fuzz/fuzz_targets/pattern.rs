//! Arbitrary text as an event pattern. The lines after the first are an event. The pattern compiles, or is refused with
//! a line and a column. Large arrays, in which several conditions must hold for the same element, are decided or left
//! undecided without delay.
#![no_main]

use pipeline::{decode::Decoder, select::Select};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (pattern, event) = text.split_once('\n').unwrap_or((text, "{}"));
    let select = match Select::pattern(pattern) {
        Ok(select) => select,
        Err(errors) => return assert!(errors.iter().all(|error| error.line >= 1 && error.column >= 1), "{errors:?}"),
    };
    let element = "{\"a\":1,\"b\":{\"a\":\"x\"},\"c\":[{\"a\":2},{\"b\":3}]}";
    let many = vec![element; 300].join(",");
    let hostile = format!("{{\"a\":[{many}],\"b\":[{many}],\"c\":[[{many}]]}}");
    let mut decoder = Decoder::new();
    for event in [event, &hostile] {
        if let Ok(parsed) = decoder.decode(event.as_bytes()) {
            // Undecided is a valid result too.
            let _ = select.matches(&parsed.event());
        }
    }
});
