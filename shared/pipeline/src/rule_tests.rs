//! Runs the tests of the rules, as the file has them.
//!
//! In: datasets. Out: for each test that fails, what was expected and what the rules did. The steps are those of the functions
//! ([`events`](crate::events)). Deliberately absent: the domain, and the clock. The time of a test is written in it, or is that
//! of its event.

mod compare;
mod difference;
mod document;
mod result;
mod trial;

use std::{fmt, path::Path};

use serde::Serialize;

use crate::{
    outcome::{ConfigError, Fault},
    rules::{Datasets, RuleTest},
    shape::HashKey,
};
pub use difference::Difference;

/// The key for `hash` in tests, since no test can know the key of a deployment.
pub const HASH_KEY: &str = "the key of local";

/// The result of all tests of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// The number of tests.
    pub tests: usize,
    /// Those that fail.
    pub failures: Vec<Failure>,
}

/// A test that fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The location of the test, `FILE:LINE:COLUMN`.
    pub place: String,
    /// The name of its dataset.
    pub dataset: String,
    /// What differs. At least one.
    pub differences: Vec<Difference>,
}

/// Reads a file with the key of tests.
///
/// # Errors
/// All faults of the file.
pub fn load(path: &Path) -> Result<Datasets, ConfigError> {
    Datasets::load(path, HashKey::new(HASH_KEY.as_bytes()).ok().as_ref())
}

/// Runs all tests. The datasets have to be read with [`HASH_KEY`], as [`load`] does.
pub fn run(datasets: &Datasets) -> Tested {
    let failure = |test: &RuleTest| {
        let differences = differences(datasets, test);
        let (place, dataset) = (test.place.clone(), test.dataset.clone());
        (!differences.is_empty()).then_some(Failure { place, dataset, differences })
    };
    Tested { tests: datasets.tests().len(), failures: datasets.tests().iter().filter_map(failure).collect() }
}

fn differences(datasets: &Datasets, test: &RuleTest) -> Vec<Difference> {
    if let Some(difference) = trial::other_taker(datasets, test) {
        return vec![difference];
    }
    let Some(rules) = trial::rules(datasets, &test.dataset) else { return Vec::new() };
    compare::compare(&test.results, &trial::results(rules, test))
}

impl Tested {
    /// The failures as faults of the file.
    pub fn faults(&self) -> Vec<Fault> {
        self.failures.iter().map(Failure::fault).collect()
    }
}

impl Failure {
    fn fault(&self) -> Fault {
        let differences: Vec<String> = self.differences.iter().map(Difference::to_string).collect();
        let message = format!("a test of `{}` fails: {}", self.dataset, differences.join("; "));
        Fault { place: self.place.clone(), message }
    }
}

/// One line for the test, and one for each difference.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: a test of `{}` fails", self.place, self.dataset)?;
        self.differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
    }
}

#[cfg(test)]
mod tests;
