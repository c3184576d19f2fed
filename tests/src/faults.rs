//! The fault matrix: every call that a function makes, every fault that the call can meet, every source.
//!
//! In: services. Out: cells, the result of each, and docs/FAULTS.md. Cells are generated as row x column x source. A
//! run without a fault shows which of them can exist. Deliberately absent: a list of cells.

mod call;
pub mod cell;
pub mod column;
pub mod inject;
pub mod open;
pub mod refusal;
pub mod request;
pub mod row;
pub mod sources;
pub mod stage;
pub mod survey;
pub mod table;
pub mod traffic;
pub mod verify;

use std::sync::OnceLock;

use futures_util::StreamExt;

use crate::engine::Engine;
use crate::moto::Moto;
use crate::place;
use cell::Cell;
use stage::Services;
use survey::Survey;
use table::Results;

/// The services that all cells of this process share; `None` after [`place::missing`] has reported it.
///
/// # Panics
/// If the scratch folder cannot be made.
pub fn services() -> Option<Services> {
    static SHARED: OnceLock<Option<(Engine, String)>> = OnceLock::new();
    let start = || {
        let folder = place::scratch().keep().display().to_string();
        Engine::with_settings(&[("path.repo", &folder)]).map(|engine| (engine, folder))
    };
    let (engine, snapshots) = SHARED.get_or_init(start).as_ref()?;
    Some(Services { moto: Moto::shared()?, engine, secured: None, snapshots })
}

/// Runs cells, several at the same time, and prints the result of each. Skips cells that already have a result.
pub async fn run(
    services: Services,
    survey: &Survey,
    cells: Vec<Cell>,
    how: How,
    mut results: Results,
    mut told: impl FnMut(&Results),
) -> Results {
    let run = async |cell: Cell| {
        let outcome = cell.run(services, survey.of(cell.source), how.seed).await;
        (cell, outcome)
    };
    let left = cells.into_iter().filter(|cell| !results.has(cell)).collect::<Vec<_>>();
    // All roles of a domain are one document, so two deployments at the same moment conflict. Cells with roles run one
    // after another.
    let (roles, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|cell| cell.source.needs_users());
    let roles = futures_util::stream::iter(roles.into_iter().map(run)).buffer_unordered(1);
    let others = futures_util::stream::iter(others.into_iter().map(run)).buffer_unordered(how.at_once);
    let mut outcomes = std::pin::pin!(futures_util::stream::select(roles, others));
    while let Some((cell, outcome)) = outcomes.next().await {
        println!("{}", table::line(&cell, &outcome));
        results.add(cell, outcome);
        told(&results);
    }
    results
}

/// The settings of a run.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Selects which call of a row meets the fault.
    pub seed: u64,
    /// The number of cells that run at the same time.
    pub at_once: usize,
}
