//! The fault matrix: a seeded sample in `make test`, every cell in `make prove`, which writes docs/FAULTS.md.

use tests::faults::sources::Source;
use tests::faults::survey::Survey;
use tests::faults::table::Results;
use tests::faults::{How, run, services};
use tests::place;

/// Which cells the sample has, and which call meets the fault; `MILLRACE_SEED` says otherwise.
const SEED: u64 = 14;
/// Cells at a time. Most of a cell is waiting.
const AT_ONCE: usize = 6;

#[expect(clippy::disallowed_methods, reason = "variables choose the cells of a run")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[test]
fn nothing_is_lost_doubled_or_stalled_whatever_one_call_meets() {
    let Some(services) = services() else { return };
    let seed = variable("MILLRACE_SEED").map_or(SEED, |seed| seed.parse().expect("MILLRACE_SEED is a number"));
    let at_once = variable("MILLRACE_CELLS_AT_ONCE").map_or(AT_ONCE, |count| count.parse().expect("a number"));
    let pattern = variable("MILLRACE_CELL");
    place::run(async {
        let is_meant = |source: &Source| {
            let last = pattern.as_deref().and_then(|pattern| pattern.rsplit('/').next());
            last.is_none_or(|last| last.contains('*') || last == source.name())
        };
        let sources: Vec<Source> = Source::ALL.into_iter().filter(is_meant).collect();
        let survey = Survey::of_sources(services, &sources).await;
        let mut cells = survey.possible();
        let possible = cells.len();
        if let Some(pattern) = &pattern {
            cells.retain(|cell| cell.is_meant_by(pattern));
            assert!(!cells.is_empty(), "no cell is called {pattern}; the rows are {:#?}", survey.rows());
        } else if let Some(count) = crate::FAULT_CELLS {
            fastrand::Rng::with_seed(seed).shuffle(&mut cells);
            cells.truncate(count);
        }
        let is_table = pattern.is_none() && crate::FAULT_CELLS.is_none();
        #[expect(clippy::disallowed_methods, reason = "the table says when it was written")]
        let date = jiff::Zoned::now().date().to_string();
        let write = |results: &Results| {
            if is_table && (results.count().is_multiple_of(50) || results.count() == possible) {
                let text = results.document(&survey, seed, &date);
                std::fs::write(place::root().join("docs/FAULTS.md"), text).expect("the clone is writable");
            }
        };
        // The output of an earlier run, which was ended: cells that held in it are not run again.
        let log =
            variable("MILLRACE_CELLS_DONE").map(|path| std::fs::read_to_string(path).expect("the output of a run"));
        let before = Results::held_before(&log.unwrap_or_default(), &cells);
        let results = run(services, &survey, cells, How { seed, at_once }, before, write).await;
        let broken = results.broken();
        println!("{} cells of {possible}, {} broken", results.count(), broken.len());
        assert!(broken.is_empty(), "of {} cells {} broke a promise: {broken:#?}", results.count(), broken.len());
    });
}
