//! Looking ahead changes nothing: not after a stop at any byte, a failure of the reader, or more blanks than the buffer holds.

use super::*;

/// A reader that fails once, after these bytes.
struct FailsOnce<'b> {
    before: &'b [u8],
    after: &'b [u8],
    has_failed: bool,
}

impl Read for FailsOnce<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.before.is_empty() && !std::mem::replace(&mut self.has_failed, true) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let bytes = if self.before.is_empty() { &mut self.after } else { &mut self.before };
        bytes.read(into)
    }
}

fn with_envelope() -> Records {
    Records::new(["Records"], &["k".into()])
}

/// Objects around which something is cut, with arrays of the same name within elements.
const OBJECTS: [&str; 9] = [
    "{\"k\":1,\"Records\":[\n{\"Records\":[1]},\n{\"Records\":[2]}\n]}\n{\"k\":2,\"Records\":[{\"n\":2}]}\n",
    "{\"k\":1,\"Records\":[{\"n\":1} {\"a\":{\"x\":[\n{\"b\":1}}],\"Records\":[{\"n\":5}]}\n{\"k\":2,\"Records\":[{\"n\":2}]}\n",
    "{\"k\":1,\"Records\":[\n{\"n\":\"\n{\"n\":2},\n{\"n\":3}\n]}\n{\"k\":2,\"Records\":[{\"n\":2}]}\n",
    "{\"k\":1,\"Records\":[{\"n\":1},\n{\"k\":2,\"Records\":[{\"n\":2}]}\n{\"k\":3,\"Records\":[{\"n\":3}]}\n",
    "{\"k\":1,\"Records\":[{\"n\":1}]\n{\"k\":2,\"Records\":[{\"n\":2}],\"z\":{\"y\":[]}}\n",
    "{\"k\":{\"x\":1\n{\"k\":2,\"Records\":[{\"n\":2}]}\n",
    "{\"k\":1,\"Records\":[{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"k\":2,\"Records\":[{\"n\":4}]}\n",
    "{\"0123456789\":x,y\n{\"k\":2,\"Records\":[{\"a\":1}]}\n",
    "{\"a\":1}\n{\"k\":2,\"z\":[{\"Records\":[3]}],\"Records\":[\n[{\"n\":1}],\n{\"Records\":{}}\n],\"Records\":[4]}\n",
];

/// Values and arrays that are cut, and text that begins with a value.
const VALUES: [&str; 8] = [
    "[{\"a\":1}\n[{\"b\":1}]\n[\n{\"b\":2}\n]\n",
    "[{\"a\":1},\n\n[{\"b\":1},{\"b\":2}]\n[{\"c\":1}]\n",
    "[\n[{\"a\":1}],\0\n[{\"b\":1}]\n]\n{\"c\":1}\n",
    "[\n[{\"a\":1}]\n[{\"b\":1}]\n",
    "{} x {\"a\":1}\n{\"a\":1} [INFO] {}\n[{\"b\":1}] x\n{\"c\":1}\n",
    "{\"a\":1} [\n{\"b\":1}]\n{\"a\":\"0123456789012345678901234567890123456789\"} x\n{\"c\":1}}\n",
    "{\"a\":1}\u{feff}{\"b\":1}, \u{ff1a}\n{\n\"a\":1} x\n{\"c\":1},\n{\"d\":1} [1]\n",
    "[{\"a\":\n{\"b\":1},1\n{\"c\":1} x\n{\"d\":1}]\n{\"e\":1}\n",
];

/// Each text with every format, limit and array that matter, and its frames in one run.
fn each(mut check: impl FnMut(&str, Format, &Records, usize, &[Seen])) {
    let objects = OBJECTS.map(|text| (text, Format::Records));
    let values = [Format::Concatenated, Format::Array, Format::Ndjson].map(|format| VALUES.map(|text| (text, format)));
    for (object, format) in objects.into_iter().chain(values.into_iter().flatten()) {
        // The format is not examined again before the failure.
        let text = format!("{}{object}", "\n".repeat(1100));
        let envelopes = if format == Format::Records { 2 } else { 1 };
        for records in [Records::default(), with_envelope()].into_iter().take(envelopes) {
            for limit in [10, 40, MIB] {
                let whole = drain(&mut Frames::new(text.as_bytes(), format, limit).of(&records));
                check(&text, format, &records, limit, &whole);
            }
        }
    }
}

#[test]
fn a_run_that_stops_at_any_byte_is_resumed_as_if_it_had_not() {
    each(|text, format, records, limit, whole| {
        for stop in 1100..text.len() {
            let reader = FailsOnce { before: &text.as_bytes()[..stop], after: &[], has_failed: false };
            let mut frames = Frames::new(reader, format, limit).of(records);
            let (mut seen, failure) = drain_readable(&mut frames);
            assert!(failure.is_some());
            let at = frames.checkpoint(frames.offset());
            let json = serde_json::to_string(&at).unwrap();
            let at: Checkpoint = serde_json::from_str(&json).unwrap();
            let begin = usize::try_from(at.member.compressed).unwrap();
            let mut resumed = Frames::resume(&text.as_bytes()[begin..], &at, limit).of(records);
            seen.extend(drain(&mut resumed));
            assert_eq!(
                seen,
                whole,
                "{format:?} stopped at {stop} of {}, limit {limit}, resumed at {json}",
                &text[1100..]
            );
        }
    });
}

#[test]
fn a_reader_that_fails_at_any_byte_and_is_read_again_gives_the_same_frames() {
    each(|text, format, records, limit, whole| {
        for stop in 1100..text.len() {
            let (before, after) = text.as_bytes().split_at(stop);
            let mut frames = Frames::new(FailsOnce { before, after, has_failed: false }, format, limit).of(records);
            let (mut seen, _) = drain_readable(&mut frames);
            seen.extend(drain(&mut frames));
            assert_eq!(seen, whole, "{format:?} failed at {stop} of {}, limit {limit}", &text[1100..]);
        }
    });
}

#[test]
fn more_blanks_than_the_buffer_holds_end_nothing() {
    for blank in ["\0", " ", "\n"] {
        for cut in ["{\"k\":1,\"Records\":[{\"n\":\"\n{\"n\":2}", "{\"k\":1,\"Records\":[{\"n\":1}\n{\"n\":2}"] {
            let text = format!("{cut}{}\n{{\"k\":3,\"Records\":[{{\"n\":3}}]}}\n", blank.repeat(2 * MIB));
            let last = record(text.len() as u64 - 11, "{\"n\":3,\"k\":3}");
            for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
                let seen = drain(&mut Frames::new(&bytes[..], Format::Records, MIB).of(&with_envelope()));
                assert_eq!(
                    seen.last().map(|seen| format!("{seen:?}").len()),
                    Some(format!("{last:?}").len()),
                    "{cut}: {seen:?}"
                );
                assert!(
                    matches!(seen.last(), Some(Record(_, text)) if text.contains("\"n\":3") && text.contains("\"k\":3")),
                    "{cut}: {seen:?}"
                );
            }
        }
    }
}

#[test]
fn damage_after_an_element_that_is_cut_costs_what_is_damaged() {
    let lines: Vec<_> = (0..1000).map(|n| format!("{{\"n\":{n}}},\n")).collect();
    let text = format!("{{\"Records\":[\n{{\"n\":{{\"x\":1\n{} \n", lines.concat());
    let whole = gzip(text.as_bytes());
    let seen = drain(&mut Frames::new(&whole[..whole.len() - 8], Format::Records, MIB));
    let events =
        seen.iter().filter(|seen| matches!(seen, Record(_, text) if text.ends_with('}') && !text.contains('x')));
    assert_eq!(events.count(), 1000, "{:?} {:?}", &seen[..3], &seen[seen.len() - 3..]);
}
