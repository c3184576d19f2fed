//! Snapshots of single indices, and the repository that they lie in.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Admin, segment};
use crate::{config::operations::Repository, lambda::Deadline, outcome::BatchError};

/// The repository's name in the domain.
pub const REPOSITORY: &str = "millrace";
/// Between two looks at a snapshot.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// How a snapshot stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotState {
    /// It holds everything.
    Success,
    /// It is being written.
    InProgress,
    /// It failed, or holds a part only.
    Failed,
}

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: SnapshotState,
}

impl Admin {
    /// Makes the repository known to the domain, or changes what it knows. `role` is the role that the domain takes to write into
    /// S3, and `region` the bucket's.
    ///
    /// # Errors
    /// As [`Self::ask`]: the domain tries whether it can write there.
    pub async fn put_repository(
        &self,
        repository: &Repository,
        role: Option<&str>,
        region: &str,
        deadline: Deadline,
    ) -> Result<(), BatchError> {
        let body = match repository {
            Repository::S3(at) => {
                let mut settings = json!({ "bucket": at.bucket, "base_path": at.prefix, "region": region });
                if let Some(role) = role {
                    settings["role_arn"] = role.into();
                }
                json!({ "type": "s3", "settings": settings })
            }
            Repository::Fs(location) => json!({ "type": "fs", "settings": { "location": location } }),
        };
        self.ask("PUT", &format!("/_snapshot/{REPOSITORY}"), Some(&body), deadline).await.map(drop)
    }

    /// The snapshots whose name begins with `prefix`, the oldest first.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn snapshots(&self, prefix: &str, deadline: Deadline) -> Result<Vec<Snapshot>, BatchError> {
        let path = format!("/_snapshot/{REPOSITORY}/{}%2A?ignore_unavailable=true", segment(prefix));
        let answer = self.ask("GET", &path, None, deadline).await?;
        let snapshots = answer["snapshots"].as_array().into_iter().flatten();
        Ok(snapshots
            .filter_map(|snapshot| {
                Some(Snapshot { name: snapshot["snapshot"].as_str()?.into(), state: state(snapshot) })
            })
            .collect())
    }

    /// Begins a snapshot of one index.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn begin_snapshot(&self, name: &str, index: &str, deadline: Deadline) -> Result<(), BatchError> {
        let body = json!({ "indices": index, "include_global_state": false });
        let path = format!("/_snapshot/{REPOSITORY}/{}?wait_for_completion=false", segment(name));
        let said = self.send("PUT", &path, Some(&body), deadline).await?;
        // A repetition, whose first attempt arrived.
        let is_there =
            said.body["error"]["type"] == "invalid_snapshot_name_exception" && said.summary.contains("already exists");
        if is_there { Ok(()) } else { said.accepted() }
    }

    /// Waits until a snapshot is done or `deadline.stop_reading` has come; how it stands then.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn wait_for_snapshot(&self, name: &str, deadline: Deadline) -> Result<SnapshotState, BatchError> {
        loop {
            let answer = self.ask("GET", &format!("/_snapshot/{REPOSITORY}/{}", segment(name)), None, deadline).await?;
            let state = state(&answer["snapshots"][0]);
            if state != SnapshotState::InProgress || deadline.reading_is_over() {
                return Ok(state);
            }
            tokio::time::sleep(LOOKS_EVERY).await;
        }
    }
}

fn state(snapshot: &Value) -> SnapshotState {
    match snapshot["state"].as_str() {
        Some("SUCCESS") => SnapshotState::Success,
        Some("IN_PROGRESS" | "STARTED") => SnapshotState::InProgress,
        _ => SnapshotState::Failed,
    }
}
