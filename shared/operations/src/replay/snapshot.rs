//! The snapshot of a plan's indices before they are deleted: the objects that brought their documents may have expired.

use super::{function::Replay, plan::Plan, progress::Progress};
use crate::admin::snapshots::{Snapshot, SnapshotState};
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The state of the snapshot of a plan's indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// It contains all indices completely.
    Whole,
    /// It is being written.
    InProgress,
    /// It is incomplete, for this reason.
    Failed(String),
}

impl Replay {
    /// Begins the snapshot if it was not begun before, and returns its state.
    pub(super) async fn snapshot(
        &self,
        repository: &str,
        name: &str,
        plan: &Plan,
        deadline: Deadline,
    ) -> Result<Kept, BatchError> {
        if let Some(snapshot) = self.admin.snapshot(repository, name, deadline).await? {
            return Ok(kept(&snapshot, plan));
        }
        let names: Vec<_> = plan.indices.iter().map(|index| index.name.as_str()).collect();
        self.admin.begin_snapshot(repository, name, &names.join(","), deadline).await?;
        Ok(Kept::InProgress)
    }
}

/// The name of a replay's snapshot, in lower case because the engine requires it. It is the stored name, or else
/// follows from the id and the start time of the replay. The start time is needed because an id can occur again: its
/// state may be lost, or the ids may differ only in case. An older snapshot of the same indices has older documents.
pub(super) fn name(progress: &Progress) -> String {
    let new = || format!("recreate-{}-{}", progress.id.to_ascii_lowercase(), progress.started_ms);
    progress.snapshot.clone().unwrap_or_else(new)
}

fn kept(snapshot: &Snapshot, plan: &Plan) -> Kept {
    if snapshot.state == SnapshotState::InProgress {
        return Kept::InProgress;
    }
    match plan.indices.iter().find(|index| !snapshot.holds(&index.name)) {
        Some(index) => Kept::Failed(format!("it does not hold all of {}: {snapshot}", index.name)),
        None => Kept::Whole,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::replay::{plan::PlannedIndex, request::Objects};

    #[test]
    fn no_replay_takes_the_snapshot_of_another_and_each_goes_on_with_its_own() {
        let progress = |id: &str, started_ms: i64| -> Progress {
            let state = json!({
                "id": id, "what": { "dataset": "a", "recreate": true }, "phase": "snapshotting", "started_ms": started_ms, "updated_ms": 1,
                "listed": 0, "sent": 0, "after": null,
            });
            serde_json::from_value(state).unwrap()
        };
        assert_eq!(name(&progress("Nightly", 7)), "recreate-nightly-7");
        assert_ne!(
            name(&progress("Nightly", 7)),
            name(&progress("nightly", 8)),
            "the same id after its state was lost"
        );
        // Begun by a release that used another name.
        let begun = Progress { snapshot: Some("recreate-nightly".into()), ..progress("Nightly", 7) };
        assert_eq!(name(&begun), "recreate-nightly");
    }

    #[test]
    fn only_a_whole_snapshot_of_every_index_counts() {
        let index =
            |name: &str| PlannedIndex { name: name.into(), uuid: None, documents: Some(1), bytes: 1, objects: 1 };
        let plan = Plan {
            id: "1-2".into(),
            request: Objects::default(),
            rules: String::new(),
            made_ms: 0,
            indices: vec![index("a"), index("b")],
            places: Vec::new(),
            objects: 1,
            object_bytes: 1,
            repository: Some("r".into()),
            refusals: Vec::new(),
            notes: Vec::new(),
        };
        let response = |state: SnapshotState, indices: &[&str], successful_shards: u64| {
            let indices = indices.iter().map(ToString::to_string).collect();
            kept(&Snapshot { name: "s".into(), state, indices, shards: 2, successful_shards, failures: 0 }, &plan)
        };
        assert_eq!(response(SnapshotState::Success, &["b", "a", "c"], 2), Kept::Whole);
        assert_eq!(response(SnapshotState::InProgress, &[], 0), Kept::InProgress);
        for failed in [
            response(SnapshotState::Success, &["a"], 2),
            response(SnapshotState::Success, &["a", "b"], 1),
            response(SnapshotState::Failed, &["a", "b"], 2),
        ] {
            assert!(matches!(failed, Kept::Failed(_)), "{failed:?}");
        }
    }
}
