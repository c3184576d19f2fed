//! The function `retention`: the indices that are too old are deleted, and the oldest where storage runs short.
//!
//! In: any event of a schedule, or `{"dry_run": true}`. Out: a receipt, as one line that is a metric too: what was deleted and
//! why, what could not be, and what it freed. `planned = deleted + failed + left`, where `left` is what the deadline came
//! before; the next run does it.

mod plan;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use plan::{Because, Deletion, nodes_below, plan};

use super::{begin, print};
use crate::{
    cluster::{Admin, admin::snapshots::SnapshotState},
    config::{datasets::Datasets, operations::RetentionSettings, settings::variable},
    lambda::{self, Deadline},
    outcome::{BatchError, ConfigError, Fault},
    telemetry,
};

/// The metrics of its receipt, and their CloudWatch units. Dimension: `function`.
pub const METRICS: [(&str, &str); 4] = [
    ("deleted_indices", "Count"),
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

/// What it can be told; a schedule says other things, which mean nothing here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Request {
    dry_run: bool,
}

/// What a run did.
#[derive(Debug, Default, Serialize)]
struct Receipt {
    dry_run: bool,
    /// What the rules and the storage asked for.
    planned: usize,
    deleted: Vec<Deletion>,
    failed: Vec<Failed>,
    /// What the deadline came before.
    left: usize,
    deleted_indices: usize,
    failed_deletions: usize,
    freed_bytes: u64,
    /// Of the fullest node, before anything was deleted.
    free_storage_bytes: Option<u64>,
}

#[derive(Debug, Serialize)]
struct Failed {
    index: String,
    reason: String,
}

/// What became of one index.
enum Fate {
    Deleted,
    /// The deadline came before its snapshot was done; the next run goes on with it.
    Left,
}

impl Retention {
    /// From the process's environment and the pipeline.yaml it names.
    ///
    /// # Errors
    /// Every fault of both at once. Initialisation fails with it.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let settings = RetentionSettings::read(variable)?;
        let (_, admin, datasets) = begin(&settings.domain).await?;
        let wanting = datasets.iter().find(|dataset| dataset.keep.snapshot && !settings.has_snapshots);
        if let Some(dataset) = wanting {
            let message = format!(
                "is missing, and the dataset `{}` has `snapshot: true`: give s3://bucket/prefix to this function and to `setup`",
                dataset.name
            );
            return Err(ConfigError { faults: vec![Fault { place: "MILLRACE_SNAPSHOTS".into(), message }] });
        }
        Ok(Self { settings, admin, datasets })
    }

    /// One run. What fails does not keep the rest from being done.
    ///
    /// # Errors
    /// Where the domain could not be read, or an index that should go could not: an alarm rings, and the next run tries again.
    pub async fn handle(&self, event: &Value, deadline: Deadline) -> Result<Value, String> {
        let request: Request = match event {
            Value::Object(map) if map.contains_key("dry_run") => {
                serde_json::from_value(json!({ "dry_run": map["dry_run"] }))
                    .map_err(|error| format!("`dry_run` is true or false: {error}"))?
            }
            _ => Request::default(),
        };
        let read = async { Ok((self.admin.indices(deadline).await?, self.admin.storage(deadline).await?)) };
        let (indices, storage) = read.await.map_err(|error: BatchError| error.to_string())?;
        let planned = plan(&self.datasets, &indices, &storage, self.settings.watermark, lambda::now_ms());
        let mut receipt = Receipt {
            dry_run: request.dry_run,
            planned: planned.len(),
            free_storage_bytes: storage.least_free(),
            ..Receipt::default()
        };
        if request.dry_run {
            receipt.left = planned.len();
            let mut document = document(&receipt);
            document["would_delete"] = json!(planned);
            print(&document);
            return Ok(document);
        }
        for deletion in planned {
            match self.delete(&deletion, deadline).await {
                Ok(Fate::Deleted) => {
                    receipt.freed_bytes += deletion.bytes;
                    receipt.deleted.push(deletion);
                }
                Ok(Fate::Left) => receipt.left += 1,
                Err(error) => {
                    tracing::error!(index = deletion.index, %error, "the index stays");
                    receipt.failed.push(Failed { index: deletion.index, reason: error.to_string() });
                }
            }
        }
        (receipt.deleted_indices, receipt.failed_deletions) = (receipt.deleted.len(), receipt.failed.len());
        let document = document(&receipt);
        print(&document);
        match receipt.failed.first() {
            None => Ok(document),
            Some(Failed { index, reason }) => Err(format!(
                "{} of {} indices could not be deleted, such as {index}: {reason}",
                receipt.failed.len(),
                receipt.planned
            )),
        }
    }

    async fn delete(&self, deletion: &Deletion, deadline: Deadline) -> Result<Fate, BatchError> {
        if deadline.reading_is_over() {
            return Ok(Fate::Left);
        }
        if deletion.snapshot && !self.snapshot(&deletion.index, deadline).await? {
            return Ok(Fate::Left);
        }
        self.admin.delete_index(&deletion.index, deadline).await?;
        tracing::info!(index = deletion.index, because = ?deletion.because, bytes = deletion.bytes, "deleted an index");
        Ok(Fate::Deleted)
    }

    /// Whether a snapshot holds all of an index. Writes are blocked before it begins, so that nothing is deleted that came
    /// after it; a run that the deadline ended leaves the block, and the next one finds the snapshot of the blocked index.
    async fn snapshot(&self, index: &str, deadline: Deadline) -> Result<bool, BatchError> {
        let admin = &self.admin;
        let was_blocked = admin.is_write_blocked(index, deadline).await?;
        let known = if was_blocked { admin.snapshots(&format!("{index}-"), deadline).await? } else { Vec::new() };
        let usable = known.into_iter().rev().find(|snapshot| snapshot.state != SnapshotState::Failed);
        let name = if let Some(snapshot) = usable {
            snapshot.name
        } else {
            admin.block_writes(index, true, deadline).await?;
            let name = format!("{index}-{}", lambda::now_ms());
            if let Err(error) = admin.begin_snapshot(&name, index, deadline).await {
                self.unblock(index, was_blocked, deadline).await;
                return Err(error);
            }
            name
        };
        match admin.wait_for_snapshot(&name, deadline).await? {
            SnapshotState::Success => Ok(true),
            SnapshotState::InProgress => Ok(false),
            SnapshotState::Failed => {
                self.unblock(index, was_blocked, deadline).await;
                let reason = "did not end in SUCCESS; the index stays".to_owned();
                Err(BatchError::Permanent { what: format!("snapshot {name}"), reason })
            }
        }
    }

    /// Takes back the block of an index that stays.
    async fn unblock(&self, index: &str, was_blocked: bool, deadline: Deadline) {
        if was_blocked {
            return;
        }
        if let Err(error) = self.admin.block_writes(index, false, deadline).await {
            tracing::error!(index, %error, "the index refuses writes still");
        }
    }
}

fn document(receipt: &Receipt) -> Value {
    let is_whole = receipt.failed.is_empty();
    telemetry::document("retention", is_whole, receipt, &METRICS)
}
