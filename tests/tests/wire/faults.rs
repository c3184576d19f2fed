//! The fault matrix: a seeded sample in `make test`, every cell in `make prove`, which writes docs/FAULTS.md.

use tests::faults::cell::Cell;
use tests::faults::sources::Source;
use tests::faults::survey::Survey;
use tests::faults::table::Results;
use tests::faults::{How, run, services};
use tests::place;

/// Selects the cells of the sample, and the call that meets the fault, unless `MILLRACE_SEED` is set.
const SEED: u64 = 14;
/// Cells that once broke a promise. Every sample includes them.
const ONCE_BROKEN: [&str; 2] = ["domain-delete-x/killed-after/recreate", "domain-delete-x/404/*"];
/// The number of cells at the same time. A cell mostly waits.
const AT_ONCE: usize = 6;

#[expect(clippy::disallowed_methods, reason = "variables choose the cells of a run")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a source has any of the requested cells. Without a request, all sources that run.
fn is_meant(source: Source, patterns: &[&str]) -> bool {
    let mut last = patterns.iter().filter_map(|pattern| pattern.rsplit('/').next());
    if patterns.is_empty() {
        // Another engine would cost too much in every run of the tests. `wire::operate::security` makes the same calls
        // without faults.
        return crate::FAULT_CELLS.is_none() || !source.needs_users();
    }
    last.any(|last| last.contains('*') || last == source.name())
}

#[test]
fn nothing_is_lost_doubled_or_stalled_whatever_one_call_meets() {
    let Some(services) = services() else { return };
    let seed = variable("MILLRACE_SEED").map_or(SEED, |seed| seed.parse().expect("MILLRACE_SEED is a number"));
    let at_once = variable("MILLRACE_CELLS_AT_ONCE").map_or(AT_ONCE, |count| count.parse().expect("a number"));
    let patterns = variable("MILLRACE_CELL");
    let patterns: Vec<&str> = patterns.iter().flat_map(|patterns| patterns.split(',')).collect();
    place::run(async {
        let sources: Vec<Source> = Source::ALL.into_iter().filter(|source| is_meant(*source, &patterns)).collect();
        let needs_users = sources.iter().any(|source| source.needs_users());
        let services = if needs_users { services.with_users().await } else { services };
        let survey = Survey::of_sources(services, &sources).await;
        let mut cells = survey.possible();
        let possible = cells.len();
        // The cells of one source, run at the same time, would all wait for the same resource.
        fastrand::Rng::with_seed(seed).shuffle(&mut cells);
        let pattern_means = |cell: &Cell| patterns.iter().any(|pattern| cell.is_meant_by(pattern));
        if !patterns.is_empty() {
            cells.retain(pattern_means);
            assert!(!cells.is_empty(), "no cell is called {patterns:?}; the rows are {:#?}", survey.rows());
        } else if let Some(count) = crate::FAULT_CELLS {
            let once_broken = |cell: &Cell| ONCE_BROKEN.iter().any(|pattern| cell.is_meant_by(pattern));
            cells.sort_by_key(|cell| !once_broken(cell));
            cells.truncate(count);
        }
        let is_table = patterns.is_empty() && crate::FAULT_CELLS.is_none();
        #[expect(clippy::disallowed_methods, reason = "the table says when it was written")]
        let date = jiff::Zoned::now().date().to_string();
        let write = |results: &Results| {
            if is_table {
                let text = results.document(&survey, seed, &date);
                std::fs::write(place::root().join("docs/FAULTS.md"), text).expect("the clone is writable");
            }
        };
        // The output of an interrupted run: cells that held in it are skipped.
        let log =
            variable("MILLRACE_CELLS_DONE").map(|path| std::fs::read_to_string(path).expect("the output of a run"));
        let before = Results::held_before(&log.unwrap_or_default(), &cells);
        if before.count() > 0 {
            write(&before);
        }
        // With `MILLRACE_CELLS_AT_ONCE=0` no cell runs. The table is written from the output of the earlier run.
        let left = if at_once == 0 { Vec::new() } else { cells };
        let how = How { seed, at_once: at_once.max(1) };
        let results = run(services, &survey, left, how, before, |results| {
            if results.count().is_multiple_of(50) {
                write(results);
            }
        });
        let results = results.await;
        write(&results);
        let broken = results.broken();
        println!("{} cells of {possible}, {} broken", results.count(), broken.len());
        assert!(broken.is_empty(), "of {} cells {} broke a promise: {broken:#?}", results.count(), broken.len());
    });
}
