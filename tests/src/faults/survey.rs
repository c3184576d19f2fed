//! A run of each source without a fault: which calls it makes, how often, and in how many invocations.
//!
//! The rows of the matrix, and the cells that cannot exist, follow from it.

use std::collections::{BTreeMap, BTreeSet};

use super::cell::{Baseline, Cell, attempt};
use super::column::Column;
use super::sources::Source;
use super::stage::Services;

/// More invocations than any source needs.
const ANY: usize = 30;

/// The runs of all sources without a fault.
#[derive(Debug, Default)]
pub struct Survey(BTreeMap<Source, Baseline>);

impl Survey {
    /// Runs each of these sources once.
    ///
    /// # Panics
    /// If a source breaks a promise without a fault.
    pub async fn of_sources(services: Services, sources: &[Source]) -> Self {
        let run = async |source: Source| (source, attempt(services, source, None, ANY).await);
        let all = futures_util::future::join_all(sources.iter().map(|source| run(*source))).await;
        let (mut surveyed, mut broken) = (BTreeMap::new(), Vec::new());
        for (source, result) in all {
            match result {
                Ok(stage) => {
                    let mut seen = stage.seen();
                    seen.retain(|row, _| !source.makes_by_chance(row));
                    let baseline = Baseline { seen, invocations: stage.invocations() };
                    surveyed.insert(source, baseline);
                }
                Err(reason) => broken.push(format!("{} without a fault: {reason}", source.name())),
            }
        }
        assert!(broken.is_empty(), "{broken:#?}");
        Self(surveyed)
    }

    /// The run of a source.
    ///
    /// # Panics
    /// If it was not surveyed.
    pub fn of(&self, source: Source) -> &Baseline {
        self.0.get(&source).expect("it was surveyed")
    }

    /// The surveyed sources.
    pub fn sources(&self) -> Vec<Source> {
        self.0.keys().copied().collect()
    }

    /// Every row of any source.
    pub fn rows(&self) -> BTreeSet<String> {
        self.0.values().flat_map(|baseline| baseline.seen.keys().cloned()).collect()
    }

    /// Every combination of row, column and source, with the reason why it cannot exist.
    pub fn cells(&self) -> Vec<(Cell, Option<&'static str>)> {
        let mut cells = Vec::new();
        for (source, baseline) in &self.0 {
            for row in self.rows() {
                for column in Column::ALL {
                    let cell = Cell { source: *source, row: row.clone(), column };
                    let impossible = cell.impossible(baseline.seen.get(&row).copied());
                    cells.push((cell, impossible));
                }
            }
        }
        cells
    }

    /// The cells that can exist.
    pub fn possible(&self) -> Vec<Cell> {
        self.cells().into_iter().filter(|(_, impossible)| impossible.is_none()).map(|(cell, _)| cell).collect()
    }
}
