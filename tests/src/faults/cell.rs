//! One cell: a row, a column and a source. The cell runs, or a rule says why it cannot exist.

use std::any::Any;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::column::Column;
use super::open::{OPEN, Open};
use super::row::{ANSWER, INVOCATION};
use super::sources::Source;
use super::stage::{Services, Stage};
use super::traffic::{Plan, Seen};
use crate::policy::pattern::matches;

/// The invocations that a fault may add to those of a run without a fault.
pub const MORE_INVOCATIONS: usize = 5;
/// The longest time of one run, also on a slow machine.
const LIMIT: Duration = Duration::from_mins(12);

/// A cell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cell {
    /// Its source.
    pub source: Source,
    /// Its row.
    pub row: String,
    /// Its column.
    pub column: Column,
}

/// The run of a source without a fault.
#[derive(Debug, Default)]
pub struct Baseline {
    /// Its rows.
    pub seen: BTreeMap<String, Seen>,
    /// Its invocations.
    pub invocations: usize,
}

/// The result of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Every promise held, after this many invocations.
    Held(usize),
    /// A promise was broken, and the list of open cells expects it.
    Open,
    /// A promise was broken.
    Broken(String),
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.row, self.column.name(), self.source.name())
    }
}

impl Cell {
    /// Whether a pattern `ROW/COLUMN/SOURCE` matches the cell. `*` stands for any text.
    pub fn is_meant_by(&self, pattern: &str) -> bool {
        let parts: Vec<&str> = pattern.split('/').collect();
        let [row, column, source] = parts.as_slice() else { return false };
        matches(row, &self.row) && matches(column, &self.column.name()) && matches(source, self.source.name())
    }

    /// The reason why the cell cannot exist, from the calls of the source without a fault.
    pub fn impossible(&self, seen: Option<Seen>) -> Option<&'static str> {
        let Some(seen) = seen.filter(|seen| seen.calls > 0) else { return Some("the source never makes this call") };
        let column = self.column;
        let has_order = matches!(self.source, Source::S3 | Source::Kinesis | Source::Kafka);
        let is_told = matches!(column, Column::Status(_) | Column::RetryAfter);
        match self.row.as_str() {
            INVOCATION if column == Column::OutOfOrder && !has_order => Some("its invocations have no order"),
            INVOCATION if matches!(column, Column::Twice | Column::OutOfOrder) => None,
            INVOCATION => Some("Lambda delivers it, and nothing is called"),
            ANSWER if is_told && !matches!(column, Column::Status(400 | 403 | 413 | 500)) => {
                Some("the runtime API answers 202, 400, 403, 413 or 500 only")
            }
            _ => match column {
                Column::Status(413) if !seen.has_body => Some("the request has no body"),
                Column::Status(412) if !seen.has_condition => Some("the request has no condition"),
                Column::Truncated | Column::Empty | Column::Garbage if !seen.is_answered => {
                    Some("the reply has no body")
                }
                _ => None,
            },
        }
    }

    /// The known failure that the cell belongs to.
    fn open(&self) -> Option<&'static Open> {
        OPEN.iter().find(|open| self.is_meant_by(open.cell))
    }

    /// Runs the cell. `baseline` is the run of its source without a fault. The seed selects which call of the row meets
    /// the fault.
    pub async fn run(&self, services: Services, baseline: &Baseline, seed: u64) -> Outcome {
        let calls = baseline.seen.get(&self.row).map_or(1, |seen| seen.calls);
        let number = 1 + self.hash_with(seed) % calls;
        let mut outcome = self.run_at(services, number, baseline.invocations).await;
        // The number of calls of a row can vary: some calls poll, and a slow machine sends more objects on as messages.
        for _ in 0..2 {
            if outcome.is_err() {
                outcome = self.run_at(services, 1, baseline.invocations).await;
            }
        }
        let outcome = outcome.unwrap_or_else(|NotStruck| Outcome::Broken("the fault did not strike".into()));
        match (self.open(), outcome) {
            (Some(open), Outcome::Broken(reason)) if reason.contains(open.expected) => Outcome::Open,
            (Some(open), Outcome::Held(_)) if open.is_certain => {
                Outcome::Broken(format!("it holds by now: delete its line `{}` of the open cells", open.cell))
            }
            (_, outcome) => outcome,
        }
    }

    async fn run_at(&self, services: Services, number: u64, base: usize) -> Result<Outcome, NotStruck> {
        let plan = Plan { row: self.row.clone(), column: self.column, number };
        let bound = base * if self.row == INVOCATION { 2 } else { 1 } + MORE_INVOCATIONS;
        match attempt(services, self.source, Some(plan), bound).await {
            Ok(stage) if stage.has_struck() => Ok(Outcome::Held(stage.invocations())),
            Ok(_) => Err(NotStruck),
            Err(reason) => Ok(Outcome::Broken(format!("call {number}: {reason}"))),
        }
    }

    fn hash_with(&self, seed: u64) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self, seed).hash(&mut hasher);
        hasher.finish()
    }
}

/// The call that should meet the fault was not made.
struct NotStruck;

/// Runs a source once, with names that only this run uses.
///
/// # Errors
/// The broken promise.
pub async fn attempt(services: Services, source: Source, plan: Option<Plan>, bound: usize) -> Result<Stage, Panicked> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let name = format!("mx{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let services = source.services(services);
    let work = tokio::spawn(async move {
        let mut stage = Stage::new(services, &name, plan, bound).await;
        // The cell's indices are removed even after a panic: by the cell's name, in a task that survives the panic.
        let cleared = Cleared { services, name };
        let result = tokio::time::timeout(LIMIT, source.run(&mut stage)).await;
        assert!(result.is_ok(), "stalled: not done in {LIMIT:?}");
        drop(cleared);
        stage
    });
    work.await.map_err(|error| Panicked::of(error.try_into_panic().ok().as_deref()))
}

/// Removes the cell's data from the engine, also after a panic.
struct Cleared {
    services: Services,
    name: String,
}

impl Drop for Cleared {
    fn drop(&mut self) {
        let (services, name) = (self.services, std::mem::take(&mut self.name));
        tokio::spawn(async move {
            // Whole names, not a bare prefix: `mx1` is a prefix of other names.
            for path in [
                format!("/{name}-*"),
                format!("/foreign-{name}"),
                format!("/_index_template/millrace.{name}.*"),
                format!("/_index_template/foreign-{name}"),
                format!("/_snapshot/millrace-{name}"),
            ] {
                services.engine.send("DELETE", &path, "").await;
            }
        });
    }
}

/// The message of a cell's panic.
#[derive(Debug)]
pub struct Panicked(String);

impl Panicked {
    fn of(panic: Option<&(dyn Any + Send)>) -> Self {
        let text = panic.and_then(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        });
        Self(text.unwrap_or_else(|| "a panic without a text".to_owned()))
    }
}

impl std::fmt::Display for Panicked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_the_cells_whose_parts_it_names() {
        let cell = Cell { source: Source::S3, row: "s3-put-letters".into(), column: Column::Status(503) };
        for (pattern, is_meant) in [
            ("*/*/*", true),
            ("s3-*/503/s3", true),
            ("s3-put-letters/5*/s3", true),
            ("s3-get/*/*", false),
            ("*letters/*/kafka", false),
            ("*", false),
        ] {
            assert_eq!(cell.is_meant_by(pattern), is_meant, "{pattern}");
        }
    }

    #[test]
    fn a_cell_that_cannot_exist_says_why() {
        let cell = |row: &str, column| Cell { source: Source::Retention, row: row.into(), column };
        let seen = Seen { calls: 1, ..Seen::default() };
        for (cell, seen, why) in [
            (cell("sqs-sendmessage", Column::Timeout), None, Some("the source never makes this call")),
            (cell("domain-get", Column::Status(413)), Some(seen), Some("the request has no body")),
            (cell("domain-get", Column::Garbage), Some(seen), Some("the reply has no body")),
            (cell("domain-get", Column::Garbage), Some(Seen { is_answered: true, ..seen }), None),
            (cell(INVOCATION, Column::Twice), Some(seen), None),
            (cell(INVOCATION, Column::Refused), Some(seen), Some("Lambda delivers it, and nothing is called")),
            (cell(ANSWER, Column::Status(500)), Some(seen), None),
        ] {
            assert_eq!(cell.impossible(seen), why, "{cell}");
        }
    }
}
