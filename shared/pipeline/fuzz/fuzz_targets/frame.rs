//! Arbitrary bytes as an object. Frames do not overlap and lie within the object. No frame is over its limit.
//! The size of the chunks changes nothing. Resuming at the checkpoint of any frame returns exactly the rest.
//!
//! The first three bytes choose the format, the limit and the chunk size. The rest is the object.
#![no_main]

use std::io::{self, Read};

use pipeline::frame::{Checkpoint, Format, Frame, FrameError, Frames};
use libfuzzer_sys::fuzz_target;

struct Chunked<'b>(&'b [u8], usize);

impl Read for Chunked<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(into.len()).min(self.0.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Seen {
    Record(u64, Vec<u8>),
    TooLarge(u64, u64),
    Broken(u64, &'static str),
}

impl Seen {
    fn offset(&self) -> u64 {
        let (Self::Record(offset, _) | Self::TooLarge(offset, _) | Self::Broken(offset, _)) = self;
        *offset
    }
}

/// All frames, each with its checkpoint.
fn drain(mut frames: Frames<Chunked<'_>>, limit: usize) -> (Vec<Seen>, Vec<Checkpoint>) {
    let (mut all, mut checkpoints, mut end) = (Vec::new(), Vec::new(), 0);
    loop {
        let seen = match frames.next() {
            Ok(None) => break,
            Ok(Some(Frame::Record { payload, offset, .. })) => {
                // An array that is cut between two elements leaves an empty record.
                assert!(payload.len() <= limit);
                assert!(offset >= end);
                let (payload, behind) = (payload.to_vec(), offset + payload.len() as u64);
                // Acts as if no frame of several values could be decoded, so every such frame is split.
                if frames.split() {
                    continue;
                }
                end = behind;
                Seen::Record(offset, payload)
            }
            Ok(Some(Frame::TooLarge { offset, length, head })) => {
                assert!(length > limit as u64 && head.len() as u64 == length.min(64 * 1024));
                assert!(offset >= end);
                end = offset + length;
                Seen::TooLarge(offset, length)
            }
            Err(FrameError::Broken { offset, error_type, .. }) => {
                assert!(offset >= end || error_type == "not_utf8");
                Seen::Broken(offset, error_type)
            }
            Err(error) => panic!("the reader does not fail: {error}"),
        };
        checkpoints.push(frames.checkpoint(seen.offset()));
        all.push(seen);
    }
    assert!(matches!(frames.next(), Ok(None)));
    (all, checkpoints)
}

fuzz_target!(|input: &[u8]| {
    let [format, limit, chunk, object @ ..] = input else { return };
    let format =
        [Format::Auto, Format::Ndjson, Format::Array, Format::Concatenated, Format::Records][usize::from(*format) % 5];
    let limit = usize::from(*limit) + 1;
    let chunk = usize::from(*chunk) + 1;
    let (all, checkpoints) = drain(Frames::new(Chunked(object, usize::MAX), format, limit), limit);
    assert_eq!(drain(Frames::new(Chunked(object, chunk), format, limit), limit).0, all);
    // Resuming at a returned value returns that value and everything after it.
    for (n, at) in checkpoints.iter().enumerate().take(20) {
        if matches!(all[n], Seen::Broken(..)) {
            continue;
        }
        let begin = usize::try_from(at.member.compressed).expect("within the object");
        let resumed = drain(Frames::resume(Chunked(&object[begin..], chunk), at, limit), limit).0;
        assert_eq!(resumed, all[n..], "from {at:?}");
    }
});
