//! Millrace beside other programs and beside the limit of its libraries: `make compare` names this binary, and
//! `cargo test` skips it.
//!
//! All programs take the same events from the same S3 into the same sink, one after another, in rounds. The sink counts:
//! a program that loses, doubles or does not sign fails the run. The smallest CPU time of all rounds counts, because
//! other processes on the same cores only make the work slower. The table goes into docs/PERFORMANCE.md.

#[path = "compare/dollars.rs"]
mod dollars;
#[path = "compare/input.rs"]
mod input;
#[path = "compare/limit.rs"]
mod limit;
#[path = "compare/program.rs"]
mod program;
#[path = "compare/sink.rs"]
mod sink;
#[path = "compare/table.rs"]
mod table;

use tests::{moto::Moto, place, scene::Scene};

use self::{
    input::Input,
    limit::Limit,
    program::Program,
    sink::Sink,
    table::{Row, cpu_of},
};

/// The events of a round, unless `MILLRACE_EVENTS` is set.
const EVENTS: u64 = 100_000;
const ROUNDS: u32 = 5;

#[test]
fn millrace_beside_other_programs() {
    // Without S3 nothing can be measured. That is a failure here, where a test would be skipped.
    let moto = Moto::shared().expect("moto runs");
    place::run(async {
        let count = place::event_count(EVENTS);
        let scene = Scene::new(moto, "compare").await;
        let input = Input::new(&scene, count).await;
        let sink = Sink::start(count);
        let mut limit = Limit::build();
        let mut rows: Vec<Row> = program::all().into_iter().map(Row::new).collect();
        for round in 1..=ROUNDS {
            limit.measure(&input);
            for row in &mut rows {
                let run = row.program.run(&scene, &sink, &input).await;
                println!("round {round}: {}: {:.2} CPU-s", row.program.name(), run.cpu_seconds);
                row.add(&run);
            }
        }
        limit.assert_parses_as_fast_as_the_parser_alone();
        table::print(&rows, &limit, &sink, &input, ROUNDS);
        dollars::print(cpu_of(&rows, Program::Millrace { gzip: true }), input.bytes as f64 / count as f64);
    });
}
