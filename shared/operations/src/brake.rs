//! The function `brake`, every few minutes: the event sources are paused while the domain can take nothing, and released after.
//!
//! In: any event. Out: what it found and did, one line that is a metric too. It looks at the domain itself and at the marks of the functions that write to it, never at the edges of
//! alarms, which get lost: a run after the domain is well again releases, whatever came between. What is paused loses nothing: the queue keeps
//! ten days, streams seven.

mod deliveries;
mod standstill;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::deliveries::{Deliveries, Marked};
use super::{
    begin, print, replay,
    retention::nodes_below,
    sources::{Released, Sources},
};
use crate::{
    admin::{Admin, storage::Storage},
    settings::BrakeSettings,
};
use delivery::{
    aws::{
        Marks,
        functions::bare_name,
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

/// The metrics of its line, and their CloudWatch units. Dimension: `function`.
pub const METRICS: [(&str, &str); 2] = [("paused", "Count"), ("free_storage_bytes", "Bytes")];
/// Who it is, among those who pause the sources.
const ME: &str = "brake";
/// What it remembers of the last run.
const MEMORY: &str = "refusals";
/// How often a run decides anew where another invocation has written meanwhile.
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

/// What is remembered of refusals from one run to the next. What the release before wrote lacks the second part.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Refusals {
    /// Writes that nodes have refused since they started, by node.
    rejected: BTreeMap<String, u64>,
    #[serde(default)]
    deliveries: Deliveries,
}

/// What nodes and indices say, which a collection does not have.
#[derive(Debug, Default)]
struct Looked {
    rejected: BTreeMap<String, u64>,
    /// Documents written to the indices of all datasets.
    written: Option<u64>,
}

/// What a run found and did.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Why the domain can take nothing; empty where it can.
    reasons: Vec<String>,
    /// 1 while the sources are off, or on their way back.
    paused: u8,
    /// Of the fullest node.
    free_storage_bytes: Option<u64>,
    /// Writes that were refused for load since the last run.
    refused: u64,
}

impl Brake {
    /// From the process's environment and the pipeline.yaml it names.
    ///
    /// # Errors
    /// Every fault of both at once. Initialisation fails with it.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let settings = BrakeSettings::read(variable)?;
        let (aws, admin, datasets) = begin(&settings.domain).await?;
        let marks = Marks::new(aws.objects.clone(), settings.state.clone());
        let states = States::new(aws.objects, settings.state.clone());
        let sources = Sources::new(
            aws.functions,
            states.clone(),
            settings.source_functions.clone(),
            settings.domain.stack.mark().to_owned(),
        );
        Ok(Self { settings, admin, datasets, sources, states, marks })
    }

    /// One run.
    ///
    /// # Errors
    /// Where sources could not be read or set: an alarm rings, and the next run goes on. A domain that does not answer is no error,
    /// but a reason to pause.
    pub async fn handle(&self, deadline: Deadline) -> Result<Value, String> {
        let mut report = Report::default();
        // A domain that answers nothing takes nothing; half of the time is for what has to be done about it.
        let looking = Deadline::after(deadline.end.saturating_duration_since(std::time::Instant::now()) / 2);
        if let Err(error) = self.look(&mut report, looking).await {
            report.reasons.push(format!("it does not answer: {error}"));
        }
        report.paused = self.pause_or_release(report.reasons.is_empty()).await.map_err(|error| error.to_string())?;
        let document = telemetry::document("brake", report.reasons.is_empty(), &report, &METRICS);
        print(&document);
        Ok(document)
    }

    /// Does what has to be done about the sources; 1 while they are off, or on their way back.
    async fn pause_or_release(&self, is_well: bool) -> Result<u8, NotWritten> {
        for _ in 1..ATTEMPTS {
            match self.pause_or_release_once(is_well).await {
                // A replay, or a run at the same time: what it wrote is read and decided by.
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

    /// The replays that hold the sources and will not come back by themselves.
    async fn abandoned_holders(&self) -> Result<BTreeSet<String>, BatchError> {
        let mut abandoned = BTreeSet::new();
        for holder in self.sources.holders().await? {
            if holder != ME && !replay::holds_sources(&self.states, &holder).await? {
                tracing::warn!(holder, "no live run holds the sources for it: they are released");
                abandoned.insert(holder);
            }
        }
        Ok(abandoned)
    }

    /// What the domain says of itself, and what the functions say that write to it.
    async fn look(&self, report: &mut Report, deadline: Deadline) -> Result<(), BatchError> {
        let is_collection = self.settings.domain.is_collection();
        let looked = if is_collection { Looked::default() } else { self.look_at_nodes(report, deadline).await? };
        let marked = self.marked().await;
        self.compare(report, looked, &marked).await;
        Ok(())
    }

    async fn look_at_nodes(&self, report: &mut Report, deadline: Deadline) -> Result<Looked, BatchError> {
        let storage = self.admin.storage(deadline).await?;
        report.free_storage_bytes = storage.least_free();
        report.reasons.extend(self.full(&storage));
        report.reasons.extend(self.admin.write_blocks(&self.datasets.wildcards(), deadline).await?);
        let indices = self.admin.index_states(deadline).await?;
        let room = self.admin.shard_room(&indices, deadline).await?;
        report.reasons.extend(standstill::reasons(&self.datasets, &indices, room, lambda::now_ms()));
        let is_ours = |name: &str| self.datasets.iter().any(|dataset| dataset.router.index().could_be(name));
        let written = indices.iter().filter(|index| is_ours(&index.name)).map(|index| index.written).sum();
        Ok(Looked { rejected: self.admin.rejected_writes(deadline).await?, written: Some(written) })
    }

    /// The marks of the functions. One that cannot be read says nothing: it is no reason to pause.
    async fn marked(&self) -> Marked {
        let mut marked = Marked::new();
        for function in self.settings.source_functions.iter().map(|name| bare_name(name)) {
            match self.marks.read(function).await {
                Ok(mark) => {
                    marked.insert(function.to_owned(), mark);
                }
                Err(error) => tracing::warn!(function, %error, "its mark cannot be read"),
            }
        }
        marked
    }

    /// Compares with what was at the last run, and remembers what is now. A node that was restarted counts from 0 again.
    /// Without a memory there is nothing to compare with, and no reason to pause: it would be the same one in every run.
    async fn compare(&self, report: &mut Report, looked: Looked, marked: &Marked) {
        let lost = Refusals { rejected: looked.rejected.clone(), ..Refusals::default() };
        let mut memory = match self.states.read_or(MEMORY, lost).await {
            Ok(memory) => memory,
            Err(error) => {
                tracing::warn!(%error, "what the run before saw cannot be read");
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
            Err(NotWritten::Failed(error)) => tracing::warn!(%error, "what this run saw cannot be remembered"),
        }
    }

    fn full(&self, storage: &Storage) -> Option<String> {
        let below = nodes_below(storage, self.settings.free_storage?);
        (!below.is_empty())
            .then(|| format!("less free storage than wanted on {}", below.into_iter().collect::<Vec<_>>().join(", ")))
    }
}
