//! The fastest known way to split lines and parse each of them: `fill_tape_padded` on a padded scratch copy, with reused
//! buffers, and nothing else in the loop. `make compare` compares the step `parse` of the program `limit` with it.
//!
//! In: gzip files of lines of JSON. Out: CPU nanoseconds per event.

#![expect(clippy::unwrap_used, reason = "a bench ends where it meets what it does not expect")]

use std::io::Read;

use rustix::time::{ClockId, clock_gettime};
use simd_json::{Buffers, INPUT_PADDING, Tape};

const PART: usize = 256 << 10;

fn main() {
    let files = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut spent, mut events) = (0.0, 0_u64);
    let mut part = vec![0; PART];
    let (mut scratch, mut buffers) = (Vec::new(), Buffers::new(4096));
    let mut home = Tape(Vec::with_capacity(256));
    for file in files {
        let object = std::fs::read(file).unwrap();
        let mut inflate = flate2::bufread::MultiGzDecoder::new(&object[..]);
        let mut held = 0;
        loop {
            let before = held;
            while held < PART {
                match inflate.read(&mut part[held..]).unwrap() {
                    0 => break,
                    read => held += read,
                }
            }
            if held == before {
                break;
            }
            let started = nanoseconds();
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', &part[..held]) {
                let line = &part[start..end];
                scratch.clear();
                scratch.extend_from_slice(line);
                scratch.resize(line.len() + INPUT_PADDING, b' ');
                let mut tape = home.reset();
                simd_json::fill_tape_padded(&mut scratch, line.len(), &mut buffers, &mut tape).unwrap();
                std::hint::black_box(&tape);
                home = tape.reset();
                events += 1;
                start = end + 1;
            }
            spent += nanoseconds() - started;
            part.copy_within(start..held, 0);
            held -= start;
        }
    }
    println!("{:.1}", spent / events as f64);
}

/// The CPU time of this thread.
fn nanoseconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
