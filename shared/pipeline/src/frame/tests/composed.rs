//! Objects that are composed at random of lines, arrays, envelopes, text, noise and broken values. Framing gives the
//! same result for all chunks and from every checkpoint. Every byte belongs to one event or one rejection. Every intact
//! event is returned.
//!
//! `MILLRACE_FRAMING_CASES` is the number of objects of each family.

mod pieces;

use std::ops::Range;

use serde_json::value::RawValue;

use super::*;
use pieces::{Family, Kind, Piece, Source};

const CASES: u64 = 60;

/// One frame: its offset, its bytes, its length in the object, and how many of its bytes were copied into it.
#[derive(Clone, PartialEq, Eq)]
struct Framed {
    offset: u64,
    payload: Vec<u8>,
    length: u64,
    added: usize,
    is_event: bool,
}

impl std::fmt::Debug for Framed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { offset, payload, length, added, is_event } = self;
        let kind = if *is_event { "event" } else { "rejection" };
        write!(f, "{kind} at {offset}, {length} bytes, {added} added: {:?}", String::from_utf8_lossy(payload))
    }
}

/// All frames. Records that do not decode are split, as in the pipeline.
fn frame<R: Read>(frames: &mut Frames<R>) -> Vec<Framed> {
    let mut all = Vec::new();
    loop {
        let one = match frames.next() {
            Ok(None) => return all,
            Ok(Some(Frame::Record { payload, offset, added, .. })) => {
                let is_event = payload.starts_with(b"{") && serde_json::from_slice::<&RawValue>(payload).is_ok();
                let length = (payload.len() - added) as u64;
                Framed { offset, payload: payload.to_vec(), length, added, is_event }
            }
            Ok(Some(Frame::TooLarge { offset, length, head })) => {
                Framed { offset, payload: head.to_vec(), length, added: 0, is_event: false }
            }
            Err(FrameError::Broken { offset, error_type, .. }) => {
                assert!(matches!(error_type, "truncated" | "nul_bytes"), "{error_type}");
                let (bytes, length) = frames.torn();
                Framed { offset, payload: bytes.to_vec(), length, added: 0, is_event: false }
            }
            Err(FrameError::Read(error)) => panic!("the reader does not fail: {error}"),
        };
        if !one.is_event && frames.split() {
            continue;
        }
        all.push(one);
    }
}

struct Case {
    format: Format,
    family: Family,
    records: Records,
    limit: usize,
    text: Vec<u8>,
    pieces: Vec<(Range<u64>, Piece)>,
}

impl Case {
    fn new(seed: u64, family: Family) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut wraps = false;
        let format = match family {
            Family::Lines => Format::Ndjson,
            Family::Values => *random.choice(&[Format::Concatenated, Format::Array]).unwrap_or(&Format::Array),
            Family::Records => {
                wraps = random.bool();
                Format::Records
            }
            Family::CloudWatch => Format::CloudwatchLogs,
        };
        let limit = if random.u8(0..3) == 0 { random.usize(30..250) } else { MIB };
        let count = random.usize(1..10);
        let mut source = Source::new(random, family);
        // As many bytes as are read before the first value. They are in the buffer for every chunk size.
        let (mut text, mut pieces) = (vec![b'\n'; magic::NEEDED], Vec::new());
        for _ in 0..count {
            let piece = source.piece();
            let start = text.len() as u64;
            text.extend_from_slice(&piece.text);
            pieces.push((start..text.len() as u64, piece));
            text.push(b'\n');
        }
        let names = if wraps { vec!["owner".to_owned()] } else { Vec::new() };
        Self { format, family, records: Records::new(["Records"], &names), limit, text, pieces }
    }

    fn read(&self, chunk: usize) -> Vec<Framed> {
        frame(&mut Frames::new(chunked(&self.text, chunk), self.format, self.limit).of(&self.records))
    }

    fn check(&self) {
        let whole = self.read(usize::MAX);
        for chunk in (1..=64).chain([100, 255, 1000]) {
            assert_eq!(self.read(chunk), whole, "in chunks of {chunk}");
        }
        self.check_bytes(&whole);
        self.check_events(&whole);
        let mut frames = Frames::new(&self.text[..], self.format, self.limit).of(&self.records);
        frame(&mut frames);
        for (n, one) in whole.iter().enumerate() {
            let at = frames.checkpoint(one.offset);
            let at: Checkpoint = serde_json::from_str(&serde_json::to_string(&at).unwrap()).unwrap();
            let begin = usize::try_from(at.member.compressed).unwrap();
            let mut resumed = Frames::resume(chunked(&self.text[begin..], 7), &at, self.limit).of(&self.records);
            assert_eq!(frame(&mut resumed), whole[n..], "from {at:?}");
        }
    }

    /// Checks that frames do not overlap, and that all bytes between them separate values or surround an array.
    fn check_bytes(&self, whole: &[Framed]) {
        let mut end = 0;
        let last = Framed { offset: self.text.len() as u64, payload: Vec::new(), length: 0, added: 0, is_event: false };
        for one in whole.iter().chain([&last]) {
            assert!(one.offset >= end, "{one:?} begins before {end}");
            for at in end..one.offset {
                let byte = self.text[usize::try_from(at).unwrap()];
                let separates = matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0 | b',' | b'[' | b']')
                    || matches!(byte, 0xef | 0xbb | 0xbf);
                let is_around = || {
                    let piece = self.pieces.iter().find(|(range, _)| range.contains(&at));
                    let (_, piece) = piece.unwrap_or_else(|| panic!("no piece at {at}"));
                    piece.kind != Kind::Text && matches!(self.family, Family::Records | Family::CloudWatch)
                };
                assert!(separates || is_around(), "byte {at} is in no frame");
            }
            // The length of a composed event does not show where its original ends.
            let at = usize::try_from(one.offset).unwrap();
            let is_composed = self.is_composing() && !self.text[at..].starts_with(&one.payload);
            end = one.offset + if is_composed { 1 } else { one.length };
        }
        for one in whole.iter().filter(|one| one.length <= self.limit as u64) {
            let (from, added) = (usize::try_from(one.offset).unwrap(), one.added);
            let own = match added {
                0 => one.payload.clone(),
                _ => [&one.payload[..1], &one.payload[1 + added..]].concat(),
            };
            let is_composed = self.family == Family::CloudWatch && one.payload.windows(2).any(|part| part == b"\"@");
            assert!(is_composed || self.text[from..].starts_with(&own), "{one:?}");
        }
    }

    fn is_composing(&self) -> bool {
        self.family == Family::CloudWatch || self.records.has_envelope()
    }

    /// Checks that every intact event is returned with its own members, and that all other frames come from broken
    /// pieces.
    fn check_events(&self, whole: &[Framed]) {
        let mut may_be_held = false;
        // An array that was cut contains the lines of text after it.
        let mut is_array_open = false;
        let mut is_after_bad = false;
        let mut expected = Vec::new();
        for (range, piece) in &self.pieces {
            match piece.kind {
                Kind::Whole if !may_be_held => {
                    for event in &piece.events {
                        let offset = range.start + event.at as u64;
                        let one = whole.iter().find(|one| one.offset == offset);
                        let one = one.unwrap_or_else(|| panic!("{} is not there", event.text));
                        self.check_event(event, one);
                        expected.push(offset);
                    }
                }
                Kind::Whole => expected.extend(piece.events.iter().map(|event| range.start + event.at as u64)),
                Kind::Text if !(may_be_held || is_array_open || self.format == Format::Array) => {
                    let one = whole.iter().find(|one| one.offset == range.start);
                    let is_held =
                        || whole.iter().any(|one| (one.offset..one.offset + one.length).contains(&range.start));
                    match one {
                        Some(one) => {
                            assert!(one.length >= piece.text.len() as u64, "{one:?} is a part of a line of text");
                        }
                        None => assert!(is_held(), "a line of text is lost"),
                    }
                }
                Kind::Broken if !may_be_held => {
                    // A missing closing bracket is noticed only where the next array begins, or at the end of the
                    // input.
                    let is_rejected = whole.iter().any(|one| !one.is_event && one.offset + one.length >= range.start);
                    let is_json = serde_json::from_slice::<&RawValue>(&piece.text).is_ok();
                    let is_array = matches!(self.family, Family::Values | Family::Lines);
                    assert!(is_rejected || is_json || is_array, "no rejection of what lies at {range:?}");
                }
                _ => {}
            }
            // After a comma, another value may follow.
            may_be_held = may_hold(piece, may_be_held) || ((is_after_bad || is_array_open) && piece.text == b",");
            if piece.kind != Kind::Noise {
                is_after_bad = piece.kind != Kind::Whole;
            }
            is_array_open |= piece.kind != Kind::Whole && self.family != Family::Lines && piece.text.contains(&b'[');
        }
        for one in whole.iter().filter(|one| !expected.contains(&one.offset)) {
            let bad = |(range, piece): &(Range<u64>, Piece)| {
                (range.contains(&one.offset) || one.offset == range.end)
                    && (piece.kind != Kind::Whole || may_be_held || is_array_open)
            };
            let is_bracket = one.payload.iter().all(|byte| b"[]".contains(byte));
            let is_end = one.offset + 1 >= self.text.len() as u64;
            assert!(self.pieces.iter().any(bad) || is_bracket || is_end, "{one:?} of what is whole");
        }
    }

    fn check_event(&self, event: &pieces::Event, one: &Framed) {
        let text = String::from_utf8_lossy(&one.payload);
        if event.text.len() > self.limit {
            assert!(!one.is_event && one.length == event.text.len() as u64, "{one:?}");
        } else if self.family == Family::CloudWatch
            && let Some(owner) = &event.owner
        {
            let is_long = one.length > self.limit as u64;
            assert!(is_long || text.contains(&format!("\"@owner\":{owner},")), "{text} is not of {owner}");
        } else if let Some(owner) = event.owner.as_ref().filter(|_| self.records.has_envelope()) {
            let composed = format!("{{\"owner\":{owner},{}", &event.text[1..]);
            let is_long = composed.len() > self.limit;
            assert!(is_long || text == composed, "{text} is not {composed}");
        } else {
            assert_eq!(text, event.text);
        }
    }
}

/// Whether the next piece may be part of this one: a value is expected at its end.
fn may_hold(piece: &Piece, before: bool) -> bool {
    if matches!(piece.kind, Kind::Whole) {
        return false;
    }
    let mut seam = seam::Seam::new();
    seam.take(&piece.text);
    let is_open = seam.expects_value();
    is_open || (before && piece.kind != Kind::Broken)
}

#[expect(clippy::disallowed_methods, reason = "it says how long a test runs")]
fn check_family(family: Family) {
    let cases = std::env::var("MILLRACE_FRAMING_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let mut failed = 0;
    for seed in 0..cases {
        let case = Case::new(seed, family);
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case.check())).is_err() {
            let Case { format, limit, text, records, .. } = &case;
            let wraps = records.has_envelope();
            eprintln!(
                "{format:?} case {seed}, {wraps}, limit {limit}:\n{:?}\n",
                String::from_utf8_lossy(text).trim_start()
            );
            failed += 1;
            assert!(failed < 6, "the first {failed} of those that fail");
        }
    }
    assert_eq!(failed, 0);
}

#[test]
fn lines_and_what_is_broken_between_them() {
    check_family(Family::Lines);
}

#[test]
fn values_and_what_is_broken_between_them() {
    check_family(Family::Values);
}

#[test]
fn records_and_what_is_broken_between_them() {
    check_family(Family::Records);
}

#[test]
fn log_events_and_what_is_broken_between_them() {
    check_family(Family::CloudWatch);
}
