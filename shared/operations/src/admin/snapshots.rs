//! Snapshots of single indices.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

use super::{client::Admin, response::AdminResponse};
use delivery::cluster::http::segment;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The polling interval for a snapshot.
const LOOKS_EVERY: Duration = Duration::from_secs(1);

/// The state of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotState {
    /// It is complete.
    Success,
    /// It is being written.
    InProgress,
    /// It failed, or it is partial.
    Failed,
}

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: SnapshotState,
    /// The indices that it lists.
    pub indices: Vec<String>,
    /// Its shards.
    pub shards: u64,
    /// The number of shards that were written.
    pub successful_shards: u64,
    /// The number of failures that it lists.
    pub failures: usize,
}

impl Snapshot {
    fn read(response: &AdminResponse) -> Result<Self, BatchError> {
        let [snapshot] = response.list("snapshots")?.as_slice() else {
            return Err(response.unreadable("one snapshot"));
        };
        let names = snapshot["indices"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(Self {
            name: snapshot["snapshot"].as_str().ok_or_else(|| response.unreadable("one snapshot"))?.to_owned(),
            state: state(snapshot),
            indices: names.map(str::to_owned).collect(),
            shards: snapshot["shards"]["total"].as_u64().unwrap_or(0),
            successful_shards: snapshot["shards"]["successful"].as_u64().unwrap_or(0),
            failures: snapshot["failures"].as_array().map_or(0, Vec::len),
        })
    }

    /// Whether it contains all of an index: it lists the index by its exact name, and every shard was written.
    pub fn holds(&self, index: &str) -> bool {
        self.state == SnapshotState::Success
            && self.indices.iter().any(|name| name == index)
            && self.shards > 0
            && self.successful_shards == self.shards
            && self.failures == 0
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, indices, shards, successful_shards, failures } = self;
        write!(
            f,
            "{name} of {} is {state:?}, {successful_shards} of {shards} shards, {failures} failures",
            indices.join(", ")
        )
    }
}

impl Admin {
    /// Reads a snapshot; `None` if there is none with this name.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the response cannot be read.
    pub async fn snapshot(
        &self,
        repository: &str,
        name: &str,
        deadline: Deadline,
    ) -> Result<Option<Snapshot>, BatchError> {
        let path = format!("/_snapshot/{}/{}", segment(repository), segment(name));
        let response = self.send("GET", &path, None, deadline).await?;
        if response.is_missing() && response.body["error"]["type"] == "snapshot_missing_exception" {
            return Ok(None);
        }
        Snapshot::read(&response).map(Some)
    }

    /// The names of the snapshots that match a pattern.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the response cannot be read.
    pub async fn unfailed_snapshots(
        &self,
        repository: &str,
        pattern: &str,
        deadline: Deadline,
    ) -> Result<Vec<String>, BatchError> {
        let path = format!("/_snapshot/{}/{}", segment(repository), segment(pattern));
        let response = self.send("GET", &path, None, deadline).await?;
        if response.is_missing() && response.body["error"]["type"] == "snapshot_missing_exception" {
            return Ok(Vec::new());
        }
        let is_unfailed = |snapshot: &&Value| !["FAILED", "PARTIAL"].iter().any(|state| snapshot["state"] == *state);
        let unfailed = response.list("snapshots")?.iter().filter(is_unfailed);
        Ok(unfailed.filter_map(|snapshot| snapshot["snapshot"].as_str()).map(str::to_owned).collect())
    }

    /// Begins a snapshot of one index, under a name that was never used before.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn begin_snapshot(
        &self,
        repository: &str,
        name: &str,
        index: &str,
        deadline: Deadline,
    ) -> Result<(), BatchError> {
        let body = json!({ "indices": index, "include_global_state": false, "partial": false });
        let path = format!("/_snapshot/{}/{}?wait_for_completion=false", segment(repository), segment(name));
        let response = self.send("PUT", &path, Some(&body), deadline).await?;
        // This is a retry, and the first attempt had succeeded.
        let is_there = response.body["error"]["type"] == "invalid_snapshot_name_exception"
            && response.summary.contains("already exists");
        if is_there { Ok(()) } else { response.accepted() }
    }

    /// Waits until a snapshot is finished or `deadline.stop_reading` has come. Returns its state then; `None` if it
    /// does not exist.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn wait_for_snapshot(
        &self,
        repository: &str,
        name: &str,
        deadline: Deadline,
    ) -> Result<Option<Snapshot>, BatchError> {
        loop {
            let snapshot = self.snapshot(repository, name, deadline).await?;
            let is_going = snapshot.as_ref().is_some_and(|snapshot| snapshot.state == SnapshotState::InProgress);
            if !is_going || deadline.reading_is_over() {
                return Ok(snapshot);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_holds_an_index_that_it_lists_with_every_shard() {
        let read = |body: &Value| {
            Snapshot::read(&AdminResponse {
                status: 200,
                summary: "GET https://d: 200".into(),
                body: body.clone(),
                date_ms: None,
            })
        };
        let whole = json!({ "snapshots": [{
            "snapshot": "logs-2026.10.01-1", "state": "SUCCESS", "indices": ["logs-2026.10.01"], "failures": [],
            "shards": { "total": 2, "failed": 0, "successful": 2 },
        }] });
        assert!(read(&whole).unwrap().holds("logs-2026.10.01"));
        assert!(!read(&whole).unwrap().holds("logs-2026.10.0"));
        for (pointer, value) in [
            ("/snapshots/0/state", json!("PARTIAL")),
            ("/snapshots/0/state", json!("IN_PROGRESS")),
            ("/snapshots/0/state", Value::Null),
            ("/snapshots/0/indices", json!(["logs-2026.10.01-web"])),
            ("/snapshots/0/indices", Value::Null),
            ("/snapshots/0/shards/successful", json!(1)),
            ("/snapshots/0/shards", json!({ "total": 0, "successful": 0 })),
            ("/snapshots/0/failures", json!([{ "index": "logs-2026.10.01" }])),
        ] {
            let mut other = whole.clone();
            *other.pointer_mut(pointer).unwrap() = value.clone();
            assert!(!read(&other).unwrap().holds("logs-2026.10.01"), "{pointer}: {value}");
        }
        for unreadable in [Value::Null, json!({}), json!({ "snapshots": [] }), json!({ "snapshots": [{}] })] {
            assert!(read(&unreadable).is_err(), "{unreadable}");
        }
    }
}
