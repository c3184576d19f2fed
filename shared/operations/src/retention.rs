//! The function `retention`: deletes the indices that are too old, and the oldest ones if storage runs short.
//!
//! In: any event of a schedule, or `{"dry_run": true}`. Out: a receipt, as one line that is also a metric: which
//! indices were deleted and why, which could not be deleted, and how much storage was freed.
//! `planned = deleted + failed + left`, where `left` is the work that the deadline cut off; the next run does it. The
//! receipt also names the indices that the rules would delete but that this stack does not own. A block of writes that
//! an earlier run set for a snapshot is lifted from every index that is not to be deleted any more. Before it deletes, a run begins
//! the next index of each data stream and alias whose rules ask for it.

mod archive;
mod plan;
mod rollover;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use plan::{Because, Deletion, Plan, nodes_below, plan};

use plan::held;

use archive::{Archive, Archived, Holds};
use rollover::{FailedRollover, RolledOver, Rollovers};

use super::startup::begin;
use crate::{
    admin::{Admin, deletion::Deleted, index::Index},
    error::{Error, Refused},
    settings::RetentionSettings,
};
use delivery::{
    lambda::{self, Deadline},
    settings::variable,
    telemetry,
};
use pipeline::{
    outcome::{BatchError, ConfigError, Fault},
    rules::Datasets,
};

/// The metrics of its receipt, with their CloudWatch units. Dimension: `function`.
pub const METRICS: [(&str, &str); 5] = [
    ("deleted_indices", "Count"),
    ("unowned", "Count"),
    ("freed_bytes", "Bytes"),
    ("failed_deletions", "Count"),
    ("free_storage_bytes", "Bytes"),
];

/// The function `retention`.
#[derive(Debug)]
pub struct Retention {
    settings: RetentionSettings,
    admin: Admin,
    datasets: Datasets,
}

/// The accepted options. The events of a schedule have other members, which are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    dry_run: bool,
}

/// The result of a run.
#[derive(Debug, Default, Serialize)]
struct Receipt {
    dry_run: bool,
    /// Deletions that the rules and the free storage require.
    planned: usize,
    deleted: Vec<Deletion>,
    failed: Vec<FailedDeletion>,
    /// Deletions that the deadline cut off.
    left: usize,
    /// Indices without a mark, so their owner is unknown. The rules would delete them or roll them over. `adopt` marks them.
    unowned_indices: Vec<String>,
    /// Indices with another stack's mark. The rules would delete them or roll them over.
    of_other_stacks: Vec<String>,
    /// Indices that an alias or a data stream writes into. The rules would delete them.
    in_use: Vec<String>,
    /// Data streams and aliases that got a new write index.
    rolled_over: Vec<RolledOver>,
    /// Data streams and aliases that could not be rolled over.
    not_rolled_over: Vec<FailedRollover>,
    /// Indices that an earlier run had blocked, and that take writes again because they are not to be deleted any more.
    unblocked: Vec<String>,
    /// Indices that could not be unblocked.
    blocked: Vec<FailedDeletion>,
    deleted_indices: usize,
    failed_deletions: usize,
    /// The number of `unowned_indices`.
    unowned: usize,
    freed_bytes: u64,
    /// The free storage of the fullest node before any deletion.
    free_storage_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct FailedDeletion {
    index: String,
    reason: String,
}

impl Receipt {
    /// Why the run has to be repeated; `None` if it is whole.
    fn fault(&self) -> Option<String> {
        if let Some(FailedDeletion { index, reason }) = self.failed.first() {
            return Some(format!(
                "{} of {} indices could not be deleted, such as {index}: {reason}",
                self.failed.len(),
                self.planned
            ));
        }
        if let Some(FailedDeletion { index, reason }) = self.blocked.first() {
            return Some(format!("{index} still refuses writes: {reason}"));
        }
        let FailedRollover { name, reason } = self.not_rolled_over.first()?;
        Some(format!("{name} could not be rolled over: {reason}"))
    }
}

/// The outcome of one index.
enum DeletionResult {
    Deleted,
    /// The deadline came before its snapshot was finished. The next run continues.
    Left,
}

impl Retention {
    /// Reads the environment of the process and the pipeline.yaml that it names.
    ///
    /// # Errors
    /// All faults of both at once. The initialisation fails with them.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let settings = RetentionSettings::read(variable)?;
        let (_, admin, datasets) = begin(&settings.domain).await?;
        let wanting = datasets.iter().find(|dataset| dataset.keep.snapshot && settings.snapshots.is_none());
        if let Some(dataset) = wanting {
            let message = format!(
                "is missing, and the dataset `{}` has `snapshot: true`: give s3://bucket/prefix to this function and to `setup`",
                dataset.name
            );
            return Err(ConfigError { faults: vec![Fault { place: "MILLRACE_SNAPSHOTS".into(), message }] });
        }
        Ok(Self { settings, admin, datasets })
    }

    /// Runs once. A failure does not stop the rest of the run.
    ///
    /// # Errors
    /// The domain could not be read, or an index could not be deleted. An alarm fires, and the next run tries again.
    pub async fn handle(&self, event: &Value, deadline: Deadline) -> Result<Value, Error> {
        let options: Options = match event {
            Value::Object(map) if map.contains_key("dry_run") => {
                serde_json::from_value(json!({ "dry_run": map["dry_run"] }))
                    .map_err(|error| Refused(format!("`dry_run` is true or false: {error}")))?
            }
            _ => Options::default(),
        };
        let (mut indices, storage) = (self.admin.indices(deadline).await?, self.admin.storage(deadline).await?);
        let stack = &self.settings.domain.stack;
        let names = rollover::names(&self.admin, &self.datasets, deadline).await;
        rollover::note_members(&mut indices, &names);
        let rollovers = if options.dry_run {
            Rollovers::default()
        } else {
            rollover::roll_over(&self.admin, &self.datasets, stack, &names, &indices, deadline).await
        };
        let plan = plan(&self.datasets, stack, &indices, &storage, self.settings.watermark, lambda::now_ms());
        let planned = plan.deletions;
        let (unowned, of_other_stacks) =
            ([plan.unowned, rollovers.unowned].concat(), [plan.of_other_stacks, rollovers.of_other_stacks].concat());
        let mut receipt = Receipt {
            dry_run: options.dry_run,
            planned: planned.len(),
            free_storage_bytes: storage.least_free(),
            unowned: unowned.len(),
            unowned_indices: unowned,
            of_other_stacks,
            in_use: plan.in_use,
            rolled_over: rollovers.rolled_over,
            not_rolled_over: rollovers.failed,
            ..Receipt::default()
        };
        if let Some(index) = receipt.unowned_indices.first() {
            tracing::warn!(
                index,
                unowned = receipt.unowned,
                "indices without a mark are neither deleted nor rolled over: `millrace adopt` marks them, and a copy if you name it"
            );
        }
        if options.dry_run {
            receipt.left = planned.len();
            let mut document = document(&receipt);
            document["would_delete"] = json!(planned);
            telemetry::print(&document.to_string());
            return Ok(document);
        }
        (receipt.unblocked, receipt.blocked) = self.release(&indices, &planned, deadline).await;
        self.delete_all(planned, &mut receipt, deadline).await;
        (receipt.deleted_indices, receipt.failed_deletions) = (receipt.deleted.len(), receipt.failed.len());
        let document = document(&receipt);
        telemetry::print(&document.to_string());
        match receipt.fault() {
            None => Ok(document),
            Some(reason) => Err(Error::Unfinished(reason)),
        }
    }

    /// Lifts the blocks that earlier runs set, from indices that are not to be deleted any more. Returns these indices,
    /// and those that could not be unblocked.
    async fn release(
        &self,
        indices: &[Index],
        planned: &[Deletion],
        deadline: Deadline,
    ) -> (Vec<String>, Vec<FailedDeletion>) {
        let held = held(&self.datasets, &self.settings.domain.stack, indices, planned);
        if held.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let failed =
            |name: &str, error: &BatchError| FailedDeletion { index: name.to_owned(), reason: error.to_string() };
        let repository = match self.known_repository(deadline).await {
            Ok(repository) => repository,
            Err(error) => return (Vec::new(), held.iter().map(|(name, _)| failed(name, &error)).collect()),
        };
        let holds = Holds { admin: &self.admin, repository: repository.as_deref(), deadline };
        let (mut unblocked, mut blocked) = (Vec::new(), Vec::new());
        for (name, uuid) in held {
            if deadline.reading_is_over() {
                break;
            }
            match holds.release(name, uuid, false).await {
                Ok(true) => {
                    tracing::info!(index = name, "the index is no longer to be deleted, and takes writes again");
                    unblocked.push(name.to_owned());
                }
                Ok(false) => {}
                Err(error) => blocked.push(failed(name, &error)),
            }
        }
        (unblocked, blocked)
    }

    /// Lifts the block from an index whose deletion failed. A failure is only logged: the next run finds the block.
    async fn give_up(&self, deletion: &Deletion, deadline: Deadline) {
        let released = async {
            let repository = self.known_repository(deadline).await?;
            let holds = Holds { admin: &self.admin, repository: repository.as_deref(), deadline };
            holds.release(&deletion.index, &deletion.uuid, true).await
        };
        if let Err(error) = released.await {
            tracing::error!(index = deletion.index, %error, "the index may still refuse writes");
        }
    }

    /// Deletes the indices, and records the fate of each.
    async fn delete_all(&self, planned: Vec<Deletion>, receipt: &mut Receipt, deadline: Deadline) {
        for deletion in planned {
            match self.delete(&deletion, deadline).await {
                Ok(DeletionResult::Deleted) => {
                    receipt.freed_bytes += deletion.bytes;
                    receipt.deleted.push(deletion);
                }
                Ok(DeletionResult::Left) => receipt.left += 1,
                Err(error) => {
                    tracing::error!(index = deletion.index, %error, "the index stays");
                    self.give_up(&deletion, deadline).await;
                    receipt.failed.push(FailedDeletion { index: deletion.index, reason: error.to_string() });
                }
            }
        }
    }

    async fn delete(&self, deletion: &Deletion, deadline: Deadline) -> Result<DeletionResult, BatchError> {
        if deadline.reading_is_over() {
            return Ok(DeletionResult::Left);
        }
        if deletion.snapshot {
            let repository = &self.repository(deadline).await?;
            let archive = Archive { admin: &self.admin, repository, deadline };
            if archive.hold(&deletion.index, &deletion.uuid).await? == Archived::NotYet {
                return Ok(DeletionResult::Left);
            }
        }
        // Others may have changed it while earlier indices were deleted, or while its snapshot was written.
        let (stack, uuid) = (&self.settings.domain.stack, Some(deletion.uuid.as_str()));
        match self.admin.delete_chosen(stack, &deletion.index, uuid, deadline).await? {
            Deleted::Gone => {
                let Deletion { index, because, bytes, .. } = deletion;
                tracing::info!(index, ?because, bytes, "deleted an index");
                Ok(DeletionResult::Deleted)
            }
            Deleted::Stays(why) => Err(why.error(&deletion.index)),
        }
    }

    /// The name of the repository that `setup` made.
    async fn repository(&self, deadline: Deadline) -> Result<String, BatchError> {
        let missing = || {
            BatchError::permanent(
                "snapshot repository",
                "the domain has no repository for the place in MILLRACE_SNAPSHOTS: run `setup`",
            )
        };
        self.known_repository(deadline).await?.ok_or_else(missing)
    }

    /// As [`Self::repository`]; none if there is none.
    async fn known_repository(&self, deadline: Deadline) -> Result<Option<String>, BatchError> {
        let Some(place) = self.settings.snapshots.as_ref() else { return Ok(None) };
        self.admin.repository_at(&self.settings.domain.stack, place, deadline).await
    }
}

fn document(receipt: &Receipt) -> Value {
    telemetry::document("retention", receipt.fault().is_none(), receipt, &METRICS)
}
