//! The cost of the user's rules compared with decoding: `make bench`.
//!
//! In: no arguments, or `count CASE EVENTS`, which runs one case that many times and prints nothing, for callgrind.
//! Out: nanoseconds of this thread's CPU time per event, the best of many interleaved rounds.
//! It also checks the bounds that docs/PERFORMANCE.md promises, and exits with 1 if one does not hold.
//! Deliberately absent: a second call of the parser, which would slow down both (`Decoder::decode`).

#![expect(clippy::unwrap_used, reason = "a bench ends where it meets what it does not expect")]

use std::{hint::black_box, process::ExitCode};

use pipeline::{
    decode::Decoder,
    record::{ItemPosition, Origin},
    rules::Datasets,
    select::Select,
    shape::{HashKey, Shape, ShapeScratch},
};
use rustix::time::{ClockId, clock_gettime};

#[path = "input/events.rs"]
mod input;

use input::{EVENTS, events};

const ROUNDS: u32 = 60;

/// A case: the rules that run on each event after decoding.
struct Case {
    name: &'static str,
    select: Option<Select>,
    shape: Option<Shape>,
}

/// The most that one case may cost, relative to another case.
struct Bound {
    case: &'static str,
    of: &'static str,
    most: Most,
}

enum Most {
    /// At most this many times the cost.
    Times(f64),
    /// At most this many nanoseconds more, for this many more conditions.
    NanosecondsMore(f64, u32),
}

const BOUNDS: [Bound; 4] = [
    Bound { case: "select: two conditions", of: "decode", most: Most::Times(1.15) },
    Bound { case: "select: ten conditions", of: "select: two conditions", most: Most::NanosecondsMore(100.0, 8) },
    Bound { case: "pattern: two fields", of: "decode", most: Most::Times(1.15) },
    Bound { case: "drop: two fields", of: "no change", most: Most::Times(1.25) },
];

fn cases() -> Vec<Case> {
    let rules = |name, rules: &str| {
        let yaml = format!("datasets:\n  - name: a\n    from: {{ key: \"**\" }}\n    index: a\n{rules}");
        let datasets = Datasets::parse("bench", &yaml, HashKey::new(&[7; 32]).ok().as_ref()).unwrap();
        let dataset = datasets.by_name("a").unwrap();
        let (select, shape) = (dataset.select.clone(), dataset.shape.clone());
        Case { name, shape: if select.is_some() { None } else { Some(shape) }, select }
    };
    vec![
        Case { name: "decode", select: None, shape: None },
        rules("select: two conditions", "    select: event_name:2b_screen_view AND NOT os:test\n"),
        rules(
            "select: ten conditions",
            "    select: event_name:2b_* AND NOT os:test AND lat:[33 TO 40] AND lon:>=120 AND _exists_:adid AND \
             base_dt:>=2026-11-01 AND device.width:1080 AND params.screen:(home OR detail) AND NOT params.note:x\n",
        ),
        rules("select: a regular expression", "    select: event_name:/2b_(screen|click).*/\n"),
        rules("select: an absent field", "    select: nowhere.to.be.found:x\n"),
        rules("pattern: two fields", "    select: { event_name: [2b_screen_view], os: [{ anything-but: test }] }\n"),
        // A number with a fraction is also compared by its digits, which must be found first.
        rules(
            "pattern: a prefix and a number",
            "    select: { event_name: [{ prefix: 2b_ }], lat: [{ numeric: [\">\", 33] }] }\n",
        ),
        rules("no change", ""),
        rules("drop: two fields", "    fields: { drop: [os, params.title] }\n"),
        rules("keep: five fields", "    fields: { keep: [base_dt, event_name, adid, lat, lon] }\n"),
        rules("rename: one field", "    fields: { rename: { adid: user } }\n"),
        rules("add: a text of two fields", "    fields: { add: { source: \"%{os}/%{device.model}\" } }\n"),
        rules("hash: one field", "    fields: { hash: [adid] }\n"),
        rules("geo_point: one", "    fields: { geo_point: { location: { lat: lat, lon: lon } } }\n"),
        rules("date: one", "    fields: { date: { \"@timestamp\": base_dt } }\n"),
        rules("metadata: all", "    fields: { metadata: source }\n"),
    ]
}

/// Runs one case on every event.
#[inline(never)]
fn run(case: &Case, events: &[String], decoder: &mut Decoder, body: &mut Vec<u8>, shaped: &mut ShapeScratch) -> u64 {
    let origin = Origin::s3("bucket", "key", "etag");
    let mut wanted = 0;
    for (offset, event) in (0..).zip(events) {
        body.clear();
        let parsed = decoder.decode(event.as_bytes()).unwrap();
        let event = parsed.event();
        if let Some(select) = &case.select {
            wanted += u64::from(select.matches(&event).unwrap());
        }
        if let Some(shape) = &case.shape {
            body.extend_from_slice(
                shape
                    .apply(&event, origin.at(ItemPosition { offset, ..ItemPosition::default() }), shaped)
                    .unwrap_or(event.source),
            );
        }
        black_box((&event, &*body));
    }
    wanted
}

fn main() -> ExitCode {
    let (cases, events) = (cases(), events());
    let (mut decoder, mut body, mut shaped) = (Decoder::new(), Vec::new(), ShapeScratch::default());
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [count, name, times] = arguments.as_slice() {
        assert_eq!(count, "count");
        let case = cases.iter().find(|case| case.name == name).unwrap();
        for _ in 0..times.parse::<u32>().unwrap() / EVENTS {
            black_box(run(case, &events, &mut decoder, &mut body, &mut shaped));
        }
        return ExitCode::SUCCESS;
    }
    let mut best = vec![f64::INFINITY; cases.len()];
    let mut wanted = vec![0; cases.len()];
    for _ in 0..ROUNDS {
        for (ordinal, case) in cases.iter().enumerate() {
            let before = nanoseconds();
            wanted[ordinal] = run(case, &events, &mut decoder, &mut body, &mut shaped);
            best[ordinal] = best[ordinal].min((nanoseconds() - before) / f64::from(EVENTS));
        }
    }
    let of = |name: &str| best[cases.iter().position(|case| case.name == name).unwrap()];
    let bytes: usize = events.iter().map(String::len).sum();
    println!("{EVENTS} events of {} bytes, best of {ROUNDS} rounds\n", bytes / events.len());
    println!("{:32} {:>8} {:>12} {:>8}", "case", "ns/event", "over decode", "wanted");
    for ((case, best), wanted) in cases.iter().zip(&best).zip(&wanted) {
        println!("{:32} {best:8.0} {:11.1} % {wanted:8}", case.name, (best / of("decode") - 1.0) * 100.0);
    }
    println!();
    let mut holds = true;
    for Bound { case, of: other, most } in &BOUNDS {
        let (measured, most, unit) = match most {
            Most::Times(most) => (of(case) / of(other), *most, "times"),
            Most::NanosecondsMore(most, conditions) => {
                ((of(case) - of(other)) / f64::from(*conditions), *most, "ns for each further condition, over")
            }
        };
        let verdict = if measured <= most { "ok" } else { "TOO MUCH" };
        println!("{case}: {measured:.2} {unit} {other} (at most {most}): {verdict}");
        holds &= measured <= most;
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn nanoseconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}
