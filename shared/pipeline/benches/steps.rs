//! The instructions of each step of an event, compared with a committed baseline: `make bench`.
//!
//! In: no arguments; `write`, which replaces the baseline; or `count STEP TIMES`, which runs a step that many times and prints
//! nothing, for callgrind. Out: instructions per event. The exit code is 1 if a step takes over 3 % more than in steps.txt.
//! Each step includes those before it up to the body, so that a step alone is a difference of two lines.
//! Instructions do not depend on the load of the machine. Deliberately absent: SHA-256, since valgrind lacks its instructions.

#![expect(clippy::unwrap_used, reason = "a bench ends where it meets what it does not expect")]

use std::{
    convert::Infallible,
    hint::black_box,
    io::Write,
    path::PathBuf,
    process::{Command, ExitCode},
};

use flate2::{Compression, write::GzEncoder};
use pipeline::{
    bulk::{Body, response},
    decode::Event,
    events::{EventReader, Judge, Refused, Sink, Value, Verdict},
    frame::{Format, Frames, Look},
    record::{ItemPosition, Origin},
    rules::{Dataset, Datasets},
};

#[path = "input/events.rs"]
mod input;

use input::{EVENTS, events};

const STEPS: [&str; 6] =
    ["inflate and frame", "decode", "select, route, shape", "push into a body", "compress", "read the response"];
const MAX_EVENT_BYTES: usize = 1 << 20;
const RULES: &str = "datasets:\n  - name: a\n    from: { key: \"**\" }\n    timestamp: base_dt\n    index: \"a-%{+YYYY.MM.dd}\"\n    \
                     select: event_name:2b_* OR os:Android\n";
/// 2026-11-23, the day after the events.
const RECORD_TIME_MS: i64 = 1_795_392_000_000;
/// The most that a step may take, as a multiple of the baseline, which is of `x86_64` with AVX2.
const MOST: f64 = 1.03;
/// Callgrind counts two runs. The difference leaves out the start of the process.
const FEW: u32 = 2;
const MANY: u32 = 6;

/// Takes events up to the step.
struct Taker<'t> {
    step: usize,
    dataset: &'t Dataset,
    origin: &'t Origin,
    id_prefix: &'t str,
    judge: Judge,
    body: Body,
}

impl Sink for Taker<'_> {
    type Stop = Infallible;

    fn look(&mut self, _: u64, _: u64) -> Result<Look, Infallible> {
        // A value that is skipped is framed, and not decoded.
        Ok(if self.step == 0 { Look::Skip } else { Look::Take })
    }

    fn take(&mut self, value: Value<'_>, event: &Event<'_>) -> Result<(), Infallible> {
        if self.step >= 2 {
            let at = ItemPosition { offset: value.offset, ..ItemPosition::default() };
            let verdict = self.judge.judge(self.dataset, event, self.origin.at(at), self.id_prefix, RECORD_TIME_MS);
            match black_box(verdict) {
                Verdict::Wanted { action, document } if self.step >= 3 => {
                    self.body.push(action, document, None, at).unwrap();
                }
                Verdict::Wanted { .. } | Verdict::Dropped => {}
                other => panic!("{other:?}"),
            }
        }
        Ok(())
    }

    fn count_left_out(&mut self, _: u64) {}

    fn refuse(&mut self, offset: u64, _: &[u8], _: u64, refused: Refused) -> Result<(), Infallible> {
        panic!("the event at {offset} is refused: {refused:?}")
    }
}

/// Runs a step `times` times.
fn run(step: usize, times: u32) {
    let datasets = Datasets::parse("bench", RULES, None).unwrap();
    let origin = Origin::s3("bucket", "key", "etag");
    let mut id_prefix = String::new();
    origin.write_id_prefix(0, 0, &mut id_prefix);
    let dataset = datasets.by_name("a").unwrap();
    let judge = Judge::new(&origin, None, 0);
    let mut taker = Taker { step, dataset, origin: &origin, id_prefix: &id_prefix, judge, body: Body::new(5 << 20) };
    let text = events().join("\n");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let object = gzip.finish().unwrap();
    let items = vec![r#"{"create":{"status":201}}"#; EVENTS as usize].join(",");
    let response = format!(r#"{{"errors":false,"items":[{items}]}}"#);
    let mut reader = EventReader::default();
    for _ in 0..times {
        match step {
            0..=3 => {
                taker.body.clear();
                let mut frames = Frames::new(&object[..], Format::Ndjson, MAX_EVENT_BYTES);
                reader.read(&mut frames, None, &mut taker).unwrap();
            }
            4 => drop(black_box(gzip::compress(std::iter::once(text.as_bytes()), text.len()))),
            _ => drop(black_box(response::read(response.as_bytes(), EVENTS as usize).unwrap())),
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [count, step, times] = arguments.as_slice() {
        assert_eq!(count, "count");
        run(step.parse().unwrap(), times.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    if cfg!(not(target_arch = "x86_64")) || gzip::COMPRESSOR != "igzip" {
        println!("steps.txt is of x86_64 and igzip, so nothing is compared here (nasm: CONTRIBUTING.md)");
        return ExitCode::SUCCESS;
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/steps.txt");
    let counted = STEPS.iter().enumerate().map(|(step, name)| (*name, instructions(step))).collect::<Vec<_>>();
    if arguments == ["write"] {
        let lines: Vec<String> = counted.iter().map(|(name, count)| format!("{name}: {count:.0}\n")).collect();
        std::fs::write(path, lines.concat()).unwrap();
        return ExitCode::SUCCESS;
    }
    let baseline = std::fs::read_to_string(path).unwrap();
    let mut holds = true;
    println!("\n{:24} {:>22} {:>10}\n", "step", "instructions per event", "baseline");
    for (name, count) in counted {
        let before: f64 =
            baseline.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap().parse().unwrap();
        let verdict = if count > before * MOST { "TOO MANY" } else { "" };
        println!("{name:24} {count:22.0} {before:10.0} {:+6.1} % {verdict}", (count / before - 1.0) * 100.0);
        holds &= verdict.is_empty();
    }
    if !holds {
        println!("\nIf the step is worth it: cargo bench -p pipeline --bench steps -- write");
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The instructions of a step per event.
fn instructions(step: usize) -> f64 {
    let (few, many) = (callgrind(step, FEW), callgrind(step, MANY));
    (many - few) / f64::from((MANY - FEW) * EVENTS)
}

/// Runs this program under callgrind.
fn callgrind(step: usize, times: u32) -> f64 {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe().unwrap());
    command.args(["count", &step.to_string(), &times.to_string()]);
    let output = command.output().expect("valgrind is installed (Debian: valgrind)");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    log.lines().find_map(|line| line.split_once("Collected : ")).expect("callgrind counts").1.trim().parse().unwrap()
}
