//! The progress of a replay, as it is stored.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    places::Place,
    plan::Plan,
    request::{What, is_id},
};
use delivery::{aws::state::States, lambda};
use pipeline::outcome::BatchError;

/// An invocation that has not written its progress for this long counts as dead. The longest write takes a fraction of
/// it.
pub(super) const LEASE_MS: i64 = 15_000;
/// Lambda retries a failed asynchronous invocation after one and two minutes. A replay that has written nothing for
/// longer does not resume by itself: the brake releases the sources that it holds. If it is continued later, it pauses
/// them again.
const ABANDONED_MS: i64 = 10 * 60_000;
/// The prefix of a replay's name as a holder of the sources. The id follows it.
const HOLDER: &str = "replay ";

/// How many archived objects the progress names.
const ARCHIVED_NAMED: usize = 100;

/// The progress of a replay: the stored state, and the source of the response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Its id. A request for its progress names it.
    pub id: String,
    /// What is replayed.
    pub what: What,
    /// The current phase.
    pub phase: Phase,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// When this progress was written, in milliseconds since 1970.
    pub updated_ms: i64,
    /// Objects that were listed.
    pub listed: u64,
    /// Objects among them that were notified. After a kill some were notified twice; each counts once.
    pub sent: u64,
    /// Objects among them that are archived, and so were not notified.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub archived: u64,
    /// The first hundred of these. The log names all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archived_objects: Vec<String>,
    /// The last key that these numbers include.
    pub after: Option<String>,
    /// Since when all sources are off for it, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) off_since_ms: Option<i64>,
    /// The places of the objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// How many of these places are finished.
    #[serde(default)]
    pub places_done: usize,
    /// The plan that `recreate` carries out. Releases before this one had no plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The snapshot that was taken before the deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// Indices that `recreate` has deleted or is about to delete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<String>,
    /// Indices of the plan that stay, because others took them over after the plan was checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// Why it ended without deleting anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The invocation that is working on it, and until when.
    #[serde(default)]
    pub(super) lease: Option<Lease>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) owner: String,
    pub(super) until_ms: i64,
}

/// The phase of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// The sources are turned off, for `recreate`.
    Pausing,
    /// A snapshot of the indices is being taken.
    Snapshotting,
    /// Templates are applied and indices deleted.
    Recreating,
    /// The sources are turned on.
    Releasing,
    /// Objects are listed and notified.
    Sending,
    /// Finished.
    Done,
    /// Stopped on request.
    Stopped,
}

impl Phase {
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Stopped)
    }

    /// Whether this phase needs the sources off.
    pub(super) fn holds_sources(self) -> bool {
        matches!(self, Self::Pausing | Self::Snapshotting | Self::Recreating | Self::Releasing)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Progress {
    /// Adds objects that are not notified because they are archived.
    pub(super) fn skip_archived(&mut self, objects: Vec<String>) {
        self.archived += objects.len() as u64;
        let room = ARCHIVED_NAMED.saturating_sub(self.archived_objects.len());
        self.archived_objects.extend(objects.into_iter().take(room));
    }

    /// Moves an index from the deleted ones to those that stay.
    pub(super) fn keep(&mut self, index: &str) {
        self.deleted.retain(|deleted| deleted != index);
        if !self.kept.iter().any(|kept| kept == index) {
            self.kept.push(index.to_owned());
        }
    }
}

/// Whether a replay that holds the sources still needs them off: its run is live, or Lambda will retry it.
///
/// # Errors
/// Those of an AWS call. An unreadable state is not an error: no run can continue from it.
pub(in super::super) async fn holds_sources(states: &States, holder: &str) -> Result<bool, BatchError> {
    let Some(id) = holder.strip_prefix(HOLDER).filter(|id| is_id(id)) else { return Ok(false) };
    match states.read::<Progress>(&name(id)).await {
        Ok(state) => Ok(state.is_some_and(|state| {
            let is_fresh = lambda::now_ms() - state.value.updated_ms < ABANDONED_MS;
            state.value.phase.holds_sources() && is_fresh
        })),
        Err(error @ BatchError::Permanent { .. }) => {
            tracing::error!(holder, %error, "the state of a replay cannot be read");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

pub(super) fn holder(id: &str) -> String {
    format!("{HOLDER}{id}")
}

pub(super) fn name(id: &str) -> String {
    format!("replays/{id}")
}

/// The given id, or a new one.
pub(super) fn id_or_new(id: Option<String>, now_ms: i64) -> String {
    id.filter(|id| is_id(id)).unwrap_or_else(|| format!("{now_ms}-{:08x}", fastrand::u32(..)))
}

/// Why a stopped replay does not continue, and how to bring again what it has deleted.
pub(super) fn stopped(progress: &Progress) -> String {
    let Progress { id, refused, deleted, sent, snapshot, .. } = progress;
    let stopped = format!("the replay `{id}` was stopped and does not continue");
    if let Some(refused) = refused {
        return format!("{stopped}: {refused}");
    }
    let begin = format!("{stopped}; it had notified {sent} objects. Begin another one");
    if deleted.is_empty() {
        return begin;
    }
    let from = progress.places.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let kept = snapshot.as_ref().map(|snapshot| format!(". The snapshot {snapshot} holds them")).unwrap_or_default();
    let deleted = deleted.join(", ");
    format!(
        "{begin}, without `recreate` and with `from` set to {from}. These indices are deleted, all or in part: \
         {deleted}{kept}"
    )
}

/// The response: the stored progress without what only a run needs.
pub(super) fn answer(progress: &Progress) -> Value {
    let mut answer = json!(progress);
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("lease");
        answer.remove("off_since_ms");
        answer.remove("plan");
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_replay_says_what_is_missing_and_how_to_restore_it() {
        let progress = |more: Value| -> Progress {
            let mut state = json!({
                "id": "1-2", "what": { "dataset": "a", "recreate": true }, "phase": "stopped", "started_ms": 1, "updated_ms": 1,
                "listed": 9, "sent": 7, "after": null, "places": [{ "bucket": "logs", "prefix": "in/" }],
            });
            state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(state).unwrap()
        };
        let nothing = stopped(&progress(json!({})));
        assert!(nothing.contains("had notified 7 objects") && !nothing.contains("deleted"), "{nothing}");
        let deleted = stopped(&progress(json!({ "deleted": ["a-1", "a-2"], "snapshot": "recreate-1-2-1" })));
        for says in ["without `recreate`", "s3://logs/in/", "a-1, a-2", "The snapshot recreate-1-2-1"] {
            assert!(deleted.contains(says), "{says}: {deleted}");
        }
        let refused = stopped(&progress(json!({ "refused": "an index came" })));
        assert!(refused.ends_with("does not continue: an index came"), "{refused}");
    }
}
