//! The function `brake`, which runs every few minutes: it pauses the event sources while the domain cannot take writes,
//! and releases them afterwards.
//!
//! In: any event. Out: what it found and did, as one line that is also a metric. It checks the domain itself and the
//! marks of the functions that write to it. It does not use the edges of alarms, which can get lost: the first run
//! after the domain has recovered releases the sources, whatever happened in between. Paused sources lose no event: the
//! queue keeps messages for ten days, a new stream keeps records for seven (an existing one for one by default).

mod deliveries;
mod standstill;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::deliveries::{Deliveries, Marked};
use super::{
    replay,
    retention::nodes_below,
    sources::{Released, Sources},
    startup::begin,
};
use crate::{
    admin::{Admin, load::with_targets, storage::Storage},
    error::Error,
    functions::{Functions, bare_name},
    settings::BrakeSettings,
};
use delivery::{
    aws::{
        Marks,
        state::{NotWritten, States},
    },
    lambda::{self, Deadline},
    settings::variable,
    telemetry,
};
use pipeline::{
    outcome::{BatchError, ConfigError},
    rules::Datasets,
};

/// The metrics of its line, with their CloudWatch units. Dimension: `function`.
pub const METRICS: [(&str, &str); 2] = [("paused", "Count"), ("free_storage_bytes", "Bytes")];
/// Its name as a holder of the sources.
const ME: &str = "brake";
/// The name of the document that stores the result of the last run.
const MEMORY: &str = "refusals";
/// The maximum number of attempts if another invocation writes at the same time.
const ATTEMPTS: u32 = 5;

/// The function `brake`.
#[derive(Debug)]
pub struct Brake {
    settings: BrakeSettings,
    admin: Admin,
    datasets: Datasets,
    sources: Sources,
    states: States,
    marks: Marks,
}

/// The refusal counts that one run stores for the next. A document from the previous release lacks the second part.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Refusals {
    /// Writes that nodes have refused since their start, by node.
    rejected: BTreeMap<String, u64>,
    #[serde(default)]
    deliveries: Deliveries,
}

/// Data from nodes and indices. A collection does not report them.
#[derive(Debug, Default)]
struct Looked {
    rejected: BTreeMap<String, u64>,
    /// Documents written to the indices of all datasets.
    written: Option<u64>,
}

/// The result of a run.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// The reasons why the domain cannot take writes. Empty if it can.
    reasons: Vec<String>,
    /// 1 while the sources are off or are being turned on.
    paused: u8,
    /// The free storage of the fullest node.
    free_storage_bytes: Option<u64>,
    /// Writes refused because of load since the last run.
    refused: u64,
    /// Looks that the domain refused to this function. They say nothing about the functions that write.
    unseen: Vec<String>,
}

impl Report {
    /// The result of a look; none if the domain refused it.
    ///
    /// # Errors
    /// The domain does not answer.
    fn seen<T>(&mut self, look: Result<T, BatchError>) -> Result<Option<T>, BatchError> {
        match look {
            Err(error @ BatchError::Permanent { .. }) => {
                tracing::error!(%error, "the brake is not allowed to examine the domain");
                self.unseen.push(error.to_string());
                Ok(None)
            }
            result => result.map(Some),
        }
    }
}

impl Brake {
    /// Reads the environment of the process and the pipeline.yaml that it names.
    ///
    /// # Errors
    /// All faults of both at once. The initialisation fails with them.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let settings = BrakeSettings::read(variable)?;
        let (aws, admin, datasets) = begin(&settings.domain).await?;
        let marks = Marks::new(aws.objects.clone(), settings.state.clone());
        let states = States::new(aws.objects.clone(), settings.state.clone());
        let sources = Sources::new(
            Functions::new(&aws),
            states.clone(),
            settings.source_functions.clone(),
            settings.domain.stack.mark().to_owned(),
        );
        Ok(Self { settings, admin, datasets, sources, states, marks })
    }

    /// Runs once.
    ///
    /// # Errors
    /// Sources could not be read or set, or the domain refused a look. An alarm fires, and the next run continues. A
    /// domain that does not answer is not an error but a reason to pause. A refused look is no reason: it concerns the
    /// role of this function.
    pub async fn handle(&self, deadline: Deadline) -> Result<Value, Error> {
        let mut report = Report::default();
        // A domain that does not answer takes no writes. Half of the time is reserved for pausing the sources.
        let looking = Deadline::after(deadline.end.saturating_duration_since(std::time::Instant::now()) / 2);
        if let Err(error) = self.look(&mut report, looking).await {
            report.reasons.push(format!("the domain does not answer: {error}"));
        }
        report.paused = self.pause_or_release(report.reasons.is_empty()).await?;
        let is_well = report.reasons.is_empty() && report.unseen.is_empty();
        let document = telemetry::document("brake", is_well, &report, &METRICS);
        telemetry::print(&document.to_string());
        match report.unseen.first() {
            None => Ok(document),
            Some(error) => {
                let refused = report.unseen.len();
                Err(Error::Unfinished(format!("the domain refused {refused} requests of the brake, such as {error}")))
            }
        }
    }

    /// Pauses or releases the sources. Returns 1 while they are off or are being turned on.
    async fn pause_or_release(&self, is_well: bool) -> Result<u8, NotWritten> {
        for _ in 1..ATTEMPTS {
            match self.pause_or_release_once(is_well).await {
                // A replay or another run wrote at the same time. The next attempt reads what it wrote, and decides
                // from that.
                Err(NotWritten::Conflict(_)) => {}
                result => return result,
            }
        }
        self.pause_or_release_once(is_well).await
    }

    async fn pause_or_release_once(&self, is_well: bool) -> Result<u8, NotWritten> {
        if !is_well {
            return self.sources.pause(ME).await.map(|()| 1);
        }
        let mut let_go = self.abandoned_holders().await?;
        let_go.insert(ME.to_owned());
        Ok(u8::from(self.sources.release(&let_go).await? != Released::Done))
    }

    /// The replays that hold the sources and will not resume by themselves.
    async fn abandoned_holders(&self) -> Result<BTreeSet<String>, BatchError> {
        let mut abandoned = BTreeSet::new();
        for holder in self.sources.holders().await? {
            if holder != ME && !replay::holds_sources(&self.states, &holder).await? {
                tracing::warn!(holder, "no running replay holds the sources under this name: releasing them");
                abandoned.insert(holder);
            }
        }
        Ok(abandoned)
    }

    /// Checks the state of the domain and the marks of the functions that write to it.
    async fn look(&self, report: &mut Report, deadline: Deadline) -> Result<(), BatchError> {
        let is_collection = self.settings.domain.is_collection();
        let looked = if is_collection { Looked::default() } else { self.look_at_nodes(report, deadline).await? };
        let marked = self.marked().await;
        self.compare(report, looked, &marked).await;
        Ok(())
    }

    async fn look_at_nodes(&self, report: &mut Report, deadline: Deadline) -> Result<Looked, BatchError> {
        let (admin, now_ms) = (&self.admin, lambda::now_ms());
        if let Some(storage) = report.seen(admin.storage(deadline).await)? {
            report.free_storage_bytes = storage.least_free();
            report.reasons.extend(self.full(&storage));
        }
        let mut looked = Looked::default();
        let targets = report.seen(admin.write_targets(deadline).await)?;
        let of_names = targets.clone().unwrap_or_default();
        let takes_events = |name: &str| standstill::takes_events(&self.datasets, &of_names, name, now_ms);
        let blocks = admin.write_blocks(&self.datasets.wildcards(), takes_events, deadline).await;
        let blocks = report.seen(blocks)?.unwrap_or_default();
        report.reasons.extend(blocks);
        // Without the targets, an alias would count as a missing index.
        if let Some(targets) = targets
            && let Some(indices) = report.seen(admin.index_states(deadline).await)?
        {
            let room = report.seen(admin.shard_room(&indices, deadline).await)?.flatten();
            let indices = with_targets(indices, &targets);
            report.reasons.extend(standstill::reasons(&self.datasets, &indices, room, now_ms));
            let is_ours = |name: &str| self.datasets.iter().any(|dataset| dataset.router.index().could_be(name));
            let written = indices.iter().filter(|index| is_ours(&index.name)).map(|index| index.written);
            looked.written = Some(written.sum());
        }
        looked.rejected = report.seen(admin.rejected_writes(deadline).await)?.unwrap_or_default();
        Ok(looked)
    }

    /// The marks of the functions. A mark that cannot be read is no reason to pause.
    async fn marked(&self) -> Marked {
        let mut marked = Marked::new();
        for function in self.settings.source_functions.iter().map(|name| bare_name(name)) {
            match self.marks.read(function).await {
                Ok(mark) => {
                    marked.insert(function.to_owned(), mark);
                }
                Err(error) => tracing::warn!(function, %error, "the mark of a function cannot be read"),
            }
        }
        marked
    }

    /// Compares the counts with those of the last run, and stores the current ones. A restarted node counts from 0
    /// again. Without a stored count there is no comparison, and no reason to pause: that reason would repeat in every
    /// run.
    async fn compare(&self, report: &mut Report, looked: Looked, marked: &Marked) {
        let lost = Refusals { rejected: looked.rejected.clone(), ..Refusals::default() };
        let mut memory = match self.states.read_or(MEMORY, lost).await {
            Ok(memory) => memory,
            Err(error) => {
                tracing::warn!(%error, "the counts of the last run cannot be read");
                return;
            }
        };
        let mut reasons = Vec::new();
        let Refusals { rejected, deliveries } = &mut memory.value;
        let more = |(node, now): (&String, &u64)| {
            rejected.get(node).map_or(0, |before| if now < before { *now } else { now - before })
        };
        report.refused = looked.rejected.iter().map(more).sum();
        if report.refused >= self.settings.refusals {
            reasons.push(format!("{} bulk requests were refused for load since the last look", report.refused));
        }
        reasons.extend(deliveries.look(marked, self.settings.source_functions.len(), looked.written));
        *rejected = looked.rejected;
        match self.states.write(&mut memory).await {
            Ok(()) | Err(NotWritten::Conflict(_)) => report.reasons.extend(reasons),
            Err(NotWritten::Failed(error)) => tracing::warn!(%error, "the counts of this run cannot be stored"),
        }
    }

    fn full(&self, storage: &Storage) -> Option<String> {
        let below = nodes_below(storage, self.settings.free_storage?);
        (!below.is_empty()).then(|| {
            format!(
                "free storage is below MILLRACE_FREE_STORAGE_BRAKE on {}",
                below.into_iter().collect::<Vec<_>>().join(", ")
            )
        })
    }
}
