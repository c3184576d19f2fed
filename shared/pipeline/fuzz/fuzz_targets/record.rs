//! Arbitrary bytes as the records of a stream. Frames do not overlap and lie within their record. No frame is over its
//! limit. A record gives the same frames after any earlier record.
//!
//! The first three bytes choose the format, the limit and the end of the first record. The rest is the second record.
#![no_main]

use pipeline::frame::{Format, Frame, FrameError, Frames};
use libfuzzer_sys::fuzz_target;

const FORMATS: [Format; 6] =
    [Format::Auto, Format::Ndjson, Format::Array, Format::Concatenated, Format::Records, Format::CloudwatchLogs];

#[derive(Debug, PartialEq)]
enum Seen {
    Record(u64, Vec<u8>, Option<i64>),
    TooLarge(u64, u64, Vec<u8>),
    Broken(u64, &'static str),
}

/// All frames of one record.
fn drain<'b>(frames: &mut Frames<&'b [u8]>, record: &'b [u8], limit: usize) -> Vec<Seen> {
    frames.begin_record(record);
    let (mut all, mut last) = (Vec::new(), None);
    loop {
        let seen = match frames.next() {
            Ok(None) => break,
            Ok(Some(Frame::Record { payload, offset, time_ms, .. })) => {
                assert!(!payload.is_empty() && payload.len() <= limit);
                assert!(last.is_none_or(|last| offset > last));
                let payload = payload.to_vec();
                // Acts as if no frame of several values could be decoded, so every such frame is split.
                if frames.split() {
                    continue;
                }
                last = Some(offset);
                Seen::Record(offset, payload, time_ms)
            }
            Ok(Some(Frame::TooLarge { offset, length, head })) => {
                assert!(length > limit as u64 && head.len() as u64 == length.min(64 * 1024));
                assert!(last.is_none_or(|last| offset > last));
                last = Some(offset);
                Seen::TooLarge(offset, length, head.to_vec())
            }
            Err(FrameError::Broken { offset, error_type, .. }) => {
                assert!(last.is_none_or(|last| offset > last));
                Seen::Broken(offset, error_type)
            }
            Err(error) => panic!("a slice does not fail: {error}"),
        };
        all.push(seen);
    }
    assert!(matches!(frames.next(), Ok(None)));
    assert!(frames.bytes_in() <= record.len() as u64);
    let end = frames.bytes_raw();
    assert!(last.is_none_or(|last| last < end));
    all
}

fuzz_target!(|input: &[u8]| {
    let [format, limit, first, rest @ ..] = input else { return };
    let format = FORMATS[usize::from(*format) % FORMATS.len()];
    let limit = usize::from(*limit) * 4 + 1;
    let (first, second) = rest.split_at(usize::from(*first).min(rest.len()));
    let mut kept = Frames::of_records(format, limit);
    for record in [first, second, first] {
        let seen = drain(&mut kept, record, limit);
        assert_eq!(seen, drain(&mut Frames::of_records(format, limit), record, limit));
    }
});
