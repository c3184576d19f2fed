//! The limit of `make compare`: the cost of the libraries alone on the path of an event, on one thread, without a network.
//!
//! In: gzip files of lines of JSON. Each step runs as Millrace runs it: inflate in parts, split and parse, check two
//! fields and take the day, copy an action line and the line into a body of 5 MiB, SHA-256 of the body; or gzip of
//! level 1 and SHA-256 of that; and gzip of level 1 by zlib-rs alone, for comparison. Out: one line of JSON with the CPU
//! nanoseconds of each step per event, and bytes.
//!
//! It can't be slow by accident: `make compare` runs the program `parse` in the same rounds, which only splits and
//! parses by the fastest way known, and fails if the step `parse` here takes more than 10 % longer. It is a program of
//! its own because a second call of the parser in one program slows down both (`Decoder::decode`).

#![expect(clippy::unwrap_used, reason = "a bench ends where it meets what it does not expect")]

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};
use simd_json::{Buffers, INPUT_PADDING, Node, Tape};

const PART: usize = 256 << 10;
const BODY: usize = 5 << 20;
const DAY: usize = "2023-11-14".len();
/// The part of an action line after the index, with an id of the length of Millrace's. The offset replaces the zeros.
const ID: &[u8] = b"\",\"_id\":\"0123456789abcdef-000000000000\"}}\n";
const OFFSET_AT: usize = 26;
const NAMES: [&str; 10] = [
    "2b_screen_view",
    "app_open",
    "purchase",
    "2b_click",
    "session_start",
    "session_end",
    "add_to_cart",
    "search",
    "push_open",
    "login",
];

/// An event that passed the check: its place in the part, and its day.
struct Event {
    start: usize,
    end: usize,
    day: [u8; DAY],
}

/// The steps, each with its CPU time in nanoseconds, and what they produced.
#[derive(Default)]
struct Spent {
    inflate: f64,
    parse: f64,
    body: f64,
    sha: f64,
    deflate: f64,
    deflate_by_zlib: f64,
    sha_of_gzip: f64,
    events: u64,
    bytes: u64,
    bytes_gzip: u64,
    bytes_gzip_by_zlib: u64,
}

/// The buffers that are used for all parts and bodies.
struct Limit {
    part: Vec<u8>,
    scratch: Vec<u8>,
    buffers: Buffers,
    /// Always empty. Only its allocation is kept.
    tape: Tape<'static>,
    events: Vec<Event>,
    body: Vec<u8>,
    spent: Spent,
}

fn main() {
    let files = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let objects: Vec<Vec<u8>> = files.map(|file| std::fs::read(file).unwrap()).collect();
    let mut limit = Limit {
        part: vec![0; PART],
        scratch: Vec::new(),
        buffers: Buffers::new(4096),
        tape: Tape(Vec::with_capacity(256)),
        events: Vec::new(),
        body: Vec::with_capacity(BODY + PART),
        spent: Spent::default(),
    };
    for object in &objects {
        limit.object(object);
    }
    limit.send();
    let spent = limit.spent;
    let figures = [
        ("inflate", spent.inflate),
        ("parse", spent.parse),
        ("body", spent.body),
        ("sha", spent.sha),
        ("deflate", spent.deflate),
        ("deflate_by_zlib", spent.deflate_by_zlib),
        ("sha_of_gzip", spent.sha_of_gzip),
        ("bytes", spent.bytes as f64),
        ("bytes_gzip", spent.bytes_gzip as f64),
        ("bytes_gzip_by_zlib", spent.bytes_gzip_by_zlib as f64),
    ];
    let members = figures.map(|(name, sum)| format!("\"{name}\":{:.1}", sum / spent.events as f64));
    println!("{{\"events\":{},\"compressor\":\"{}\",{}}}", spent.events, gzip::COMPRESSOR, members.join(","));
}

impl Limit {
    fn object(&mut self, object: &[u8]) {
        let mut inflate = MultiGzDecoder::new(object);
        let mut held = 0;
        loop {
            let started = nanoseconds();
            let before = held;
            while held < PART {
                match inflate.read(&mut self.part[held..]).unwrap() {
                    0 => break,
                    read => held += read,
                }
            }
            let inflated = nanoseconds();
            self.spent.inflate += inflated - started;
            if held == before {
                assert_eq!(held, 0, "the last line has a newline");
                return;
            }
            let rest = self.parse(held);
            let parsed = nanoseconds();
            self.spent.parse += parsed - inflated;
            self.copy();
            self.part.copy_within(rest..held, 0);
            held -= rest;
            self.spent.body += nanoseconds() - parsed;
            if self.body.len() >= BODY {
                self.send();
            }
        }
    }

    /// Parses every whole line of the part, with the one call of the parser, and checks it. Returns where the rest begins.
    fn parse(&mut self, held: usize) -> usize {
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &self.part[..held]) {
            let line = &self.part[start..end];
            self.scratch.clear();
            self.scratch.extend_from_slice(line);
            self.scratch.resize(line.len() + INPUT_PADDING, b' ');
            let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
            simd_json::fill_tape_padded(&mut self.scratch, line.len(), &mut self.buffers, &mut tape).unwrap();
            let day = check(&tape.0).unwrap();
            self.tape = tape.reset();
            self.events.push(Event { start, end, day });
            start = end + 1;
        }
        start
    }

    /// Copies the events of the part into the body.
    fn copy(&mut self) {
        for Event { start, end, day } in self.events.drain(..) {
            self.spent.events += 1;
            self.body.extend_from_slice(b"{\"create\":{\"_index\":\"compare-");
            self.body.extend_from_slice(&day);
            let id = self.body.len();
            self.body.extend_from_slice(ID);
            let mut offset = self.spent.events;
            for digit in self.body[id + OFFSET_AT..id + OFFSET_AT + 12].iter_mut().rev() {
                *digit = b"0123456789abcdef"[usize::try_from(offset & 15).unwrap()];
                offset >>= 4;
            }
            self.body.extend_from_slice(&self.part[start..=end]);
        }
    }

    /// Signs the body, plain and compressed.
    fn send(&mut self) {
        let started = nanoseconds();
        std::hint::black_box(Sha256::digest(&self.body));
        let hashed = nanoseconds();
        let compressed = gzip::compress(std::iter::once(&self.body[..]), self.body.len());
        let deflated = nanoseconds();
        std::hint::black_box(Sha256::digest(&compressed));
        let signed = nanoseconds();
        let by_zlib = gzip::compress_by_zlib(std::iter::once(&self.body[..]), self.body.len());
        self.spent.deflate_by_zlib += nanoseconds() - signed;
        self.spent.sha += hashed - started;
        self.spent.deflate += deflated - hashed;
        self.spent.sha_of_gzip += signed - deflated;
        self.spent.bytes += self.body.len() as u64;
        self.spent.bytes_gzip += compressed.len() as u64;
        self.spent.bytes_gzip_by_zlib += by_zlib.len() as u64;
        self.body.clear();
    }
}

/// The day of an event with a known name and a country of two letters.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as in `Decoder::decode`, no call in the loop of the parser")]
fn check(tape: &[Node<'_>]) -> Option<[u8; DAY]> {
    let Some(Node::Object { len, .. }) = tape.first() else { return None };
    let (mut day, mut passed, mut at) = (None, 0, 1);
    for _ in 0..*len {
        let (Some(Node::String(key)), Some(value)) = (tape.get(at), tape.get(at + 1)) else { return None };
        match (*key, value) {
            ("base_dt", Node::String(text)) => {
                let mut text: [u8; DAY] = text.as_bytes().get(..DAY)?.try_into().ok()?;
                text[4] = b'.';
                text[7] = b'.';
                day = Some(text);
            }
            ("event_name", Node::String(name)) => passed += u32::from(NAMES.contains(name)),
            ("country", Node::String(country)) => passed += u32::from(country.len() == 2),
            _ => {}
        }
        at += match value {
            Node::Object { count, .. } | Node::Array { count, .. } => 2 + count,
            Node::String(_) | Node::Static(_) => 2,
        };
    }
    if passed == 2 { day } else { None }
}

/// The CPU time of this thread.
fn nanoseconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
