//! docs/FAULTS.md: the matrix with the results of a run.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::cell::{Cell, MORE_INVOCATIONS, Outcome};
use super::column::Column;
use super::open::OPEN;
use super::survey::Survey;

/// The results of a run.
#[derive(Debug, Default)]
pub struct Results {
    outcomes: BTreeMap<Cell, Outcome>,
}

impl Results {
    /// Notes the result of a cell.
    pub fn add(&mut self, cell: Cell, outcome: Outcome) {
        self.outcomes.insert(cell, outcome);
    }

    /// Whether a cell was run.
    pub fn has(&self, cell: &Cell) -> bool {
        self.outcomes.contains_key(cell)
    }

    /// Reads from the log of an earlier run the cells that held or failed as known. So an interrupted run can be
    /// resumed.
    pub fn held_before(log: &str, cells: &[Cell]) -> Self {
        let settled = log.lines().filter_map(|line| match line.split_once(": held, ") {
            Some((cell, rest)) => Some((cell, Outcome::Held(rest.split(' ').next()?.parse().ok()?))),
            None => Some((line.strip_suffix(": open")?, Outcome::Open)),
        });
        let settled: BTreeMap<&str, Outcome> = settled.collect();
        let outcome = |cell: &Cell| settled.get(cell.to_string().as_str()).cloned();
        Self { outcomes: cells.iter().filter_map(|cell| Some((cell.clone(), outcome(cell)?))).collect() }
    }

    /// The cells that broke a promise, with their messages.
    pub fn broken(&self) -> Vec<(&Cell, &String)> {
        let mut broken = Vec::new();
        for (cell, outcome) in &self.outcomes {
            if let Outcome::Broken(reason) = outcome {
                broken.push((cell, reason));
            }
        }
        broken
    }

    /// The number of cells that were run.
    pub fn count(&self) -> usize {
        self.outcomes.len()
    }

    fn count_of(&self, is_meant: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.values().filter(|outcome| is_meant(outcome)).count()
    }

    /// The document.
    pub fn document(&self, survey: &Survey, seed: u64, date: &str) -> String {
        let mut text = String::from(HEAD);
        let possible = survey.possible().len();
        let is =
            |word: &'static str| move |outcome: &Outcome| matches!(outcome, Outcome::Broken(why) if why.contains(word));
        let (lost, stalled) = (self.count_of(is("lost")), self.count_of(is("stalled")));
        let broken = self.count_of(|outcome| matches!(outcome, Outcome::Broken(_)));
        let open = self.count_of(|outcome| *outcome == Outcome::Open);
        let _ = write!(
            text,
            "## The run of {date}\n\n| | |\n|---|---|\n| seed | {seed} |\n| combinations of row, column and source | {} |\n| \
             of them possible | {possible} |\n| cells that ran | {} |\n| every promise held | {} |\n| events lost or doubled | {lost} |\n| stalled | {stalled} |\n\
             | any broken promise | {broken} |\n| known and open | {open} |\n\n",
            survey.cells().len(),
            self.count(),
            self.count_of(|outcome| matches!(outcome, Outcome::Held(_))),
        );
        let reasons = reasons(survey);
        text += "A number is the invocations that it took. A letter is why the combination cannot exist:\n\n";
        for (letter, reason) in ('a'..).zip(&reasons) {
            let _ = writeln!(text, "- `{letter}` {reason}");
        }
        text += "\nThe rows of other sources are not shown: their reason is the one of calls that a source never makes.\n`open` is a cell that fails as the last section says, `FAILED` one that broke a promise, `-` one that did not run.\n";
        for source in survey.sources() {
            let base = survey.of(source).invocations;
            let _ = write!(
                text,
                "\n### {}\nWithout a fault {base} invocations, with one {} at the most.\n\n| |",
                source.name(),
                base + MORE_INVOCATIONS
            );
            for column in Column::ALL {
                let _ = write!(text, " {} |", column.name());
            }
            text += "\n|---|";
            text += &"---|".repeat(Column::ALL.len());
            text += "\n";
            for row in survey.of(source).seen.keys() {
                let _ = write!(text, "| `{row}` |");
                for column in Column::ALL {
                    let cell = Cell { source, row: row.clone(), column };
                    let _ = write!(text, " {} |", self.entry(&cell, survey, &reasons));
                }
                text += "\n";
            }
        }
        text += "\n## Open\n";
        if OPEN.is_empty() {
            text += "None.\n";
        }
        for open in OPEN {
            let _ = writeln!(text, "- `{}`: {}", open.cell, open.why);
        }
        text
    }

    fn entry(&self, cell: &Cell, survey: &Survey, reasons: &[&str]) -> String {
        let seen = survey.of(cell.source).seen.get(&cell.row).copied();
        if let Some(reason) = cell.impossible(seen) {
            let at = reasons.iter().position(|known| *known == reason);
            return at.and_then(|at| ('a'..).nth(at)).map(String::from).unwrap_or_default();
        }
        match self.outcomes.get(cell) {
            None => "-".to_owned(),
            Some(Outcome::Held(invocations)) => invocations.to_string(),
            Some(Outcome::Open) => "open".to_owned(),
            Some(Outcome::Broken(_)) => "FAILED".to_owned(),
        }
    }
}

/// The text of a cell and its result.
pub fn line(cell: &Cell, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Held(invocations) => format!("{cell}: held, {invocations} invocations"),
        Outcome::Open => format!("{cell}: open"),
        Outcome::Broken(reason) => format!("{cell}: BROKEN {reason}"),
    }
}

fn reasons(survey: &Survey) -> Vec<&'static str> {
    let mut reasons: Vec<_> = survey.cells().into_iter().filter_map(|(_, reason)| reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    reasons
}

const HEAD: &str = "# The fault matrix

Written by `make prove`; changes by hand are overwritten. `make prove CELL=ROW/COLUMN/SOURCE` runs chosen cells, with `*` for any text in each part, such as
`CELL='s3-put-state/*/recreate'`.

A cell is one call (row) that meets one fault (column) while one source is at work, between the functions' binaries, the real OpenSearch and an emulated AWS.
One proxy stands between the function and all services; it injects the fault at the n-th call of the row, and the seed says which one. The rows of a source are the calls
that it was seen to make in a run without a fault, so a combination that cannot exist is found and not listed by hand. The driver then invokes as Lambda does, until all is acknowledged.

`continued` is an object of S3 whose rest is sent as a message, `letters` a replay of dead letters, `roles` the function `setup` in a domain with users and roles.

After each cell: every good event is indexed exactly once, every bad one lies in the dead letters, all receipts balance, the sources are on as they were, what others made is untouched, and
it took no more invocations than stated. An answer that says that an object is gone or replaced (404, 412) makes a dead letter, and one replay of the dead letters brings it.

| column | what the call meets |
|---|---|
| `killed-before`, `-during`, `-after` | SIGKILL when the call begins, when half of the request has arrived, when it took effect and before the reply |
| `refused` | connections to that service are refused for half a second |
| `reset-before`, `-in-request`, `-in-reply` | the connection is reset there |
| `lost-reply` | the call takes effect, then the connection is reset |
| `timeout` | no reply ever comes |
| numbers | that status, in the form of the service, without effect; 403 is an expired token; `429-retry-after` has `Retry-After: 1` |
| `truncated`, `empty`, `garbage` | the call takes effect, and the reply's body is cut, empty, or noise |
| `slow` | the reply comes byte by byte |
| `twice` | the call, or the invocation, is delivered twice |
| `out-of-order` | the connection is reset, and the call takes effect after the calls that follow it; batches come in reverse order |

";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::sources::Source;

    #[test]
    fn a_run_resumes_from_the_results_of_an_earlier_one() {
        let cell = |row: &str| Cell { source: Source::S3, row: row.into(), column: Column::Twice };
        let (held, broken, other, open) = (cell("s3-get"), cell("s3-head"), cell("s3-list"), cell("s3-put"));
        let log = format!(
            "noise\n{}\n{}\n{}\n",
            line(&held, &Outcome::Held(3)),
            line(&broken, &Outcome::Broken("lost: 1".into())),
            line(&open, &Outcome::Open)
        );
        let before = Results::held_before(&log, &[held.clone(), broken.clone(), other.clone(), open.clone()]);
        assert_eq!((before.count(), before.has(&held), before.has(&broken)), (2, true, false));
        assert_eq!((&before.outcomes[&held], &before.outcomes[&open]), (&Outcome::Held(3), &Outcome::Open));
    }
}
