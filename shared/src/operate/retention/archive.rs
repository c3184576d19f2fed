//! The snapshot that an index has to be in before it is deleted.
//!
//! In: an index. Out: whether a snapshot holds all that is in it. A snapshot counts only if it lists this very index, ended in SUCCESS
//! with every shard, and was begun by this deployment after the write block that is in place still. Its name is kept in the mapping of the
//! index with the index's own id and the version of its settings, so that a later run goes on waiting: a block that was lifted
//! meanwhile has changed that version, and then a new snapshot is begun.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    cluster::{
        Admin,
        admin::{indices::IndexState, snapshots::SnapshotState},
    },
    lambda::{self, Deadline},
    outcome::BatchError,
};

/// A snapshot that was begun, as the mapping of its index keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    /// The snapshot's name.
    name: String,
    /// When it was begun, in milliseconds since 1970.
    started_ms: i64,
    /// The index that it is of; a copy of the mapping in another index counts for nothing.
    index_uuid: String,
    /// The version of the index's settings, with the write block among them; none until the block is in place.
    settings_version: Option<u64>,
    /// Whether the block is this deployment's, which takes it back where the index stays.
    is_block_ours: bool,
}

/// Whether an index may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Archived {
    /// A snapshot holds all of it.
    Yes,
    /// Its snapshot is not done yet; the next run goes on.
    NotYet,
}

/// Snapshots of indices in one repository.
#[derive(Debug, Clone, Copy)]
pub(super) struct Archive<'a> {
    pub(super) admin: &'a Admin,
    pub(super) repository: &'a str,
    pub(super) deadline: Deadline,
}

impl Archive<'_> {
    /// Takes a snapshot of an index, or goes on with the one that was begun.
    ///
    /// # Errors
    /// Where it failed, and then the index takes writes again; and where the domain could not be asked.
    pub(super) async fn hold(&self, index: &str, uuid: &str) -> Result<Archived, BatchError> {
        let state = self.state(index, uuid).await?;
        let known = begun(&state);
        let mut name = known.as_ref().filter(|begun| begun.counts(&state)).map(|begun| begun.name.clone());
        // A snapshot that is gone was deleted by somebody, or never begun since the run was killed.
        if let Some(known) = &name
            && self.admin.snapshot(self.repository, known, self.deadline).await?.is_none()
        {
            name = None;
        }
        let name = match name {
            Some(name) => name,
            None => self.begin(index, &state, known.as_ref()).await?,
        };
        self.wait(index, uuid, &name).await
    }

    /// Blocks writes, then begins a snapshot: nothing is deleted that came after it.
    async fn begin(&self, index: &str, state: &IndexState, known: Option<&Begun>) -> Result<String, BatchError> {
        let was_ours = known.is_some_and(|known| known.is_block_ours && known.index_uuid == state.uuid);
        let now_ms = lambda::now_ms();
        let mut begun = Begun {
            name: format!("{index}-{now_ms}-{:08x}", fastrand::u32(..)),
            started_ms: now_ms,
            index_uuid: state.uuid.clone(),
            settings_version: None,
            is_block_ours: !state.is_write_blocked || was_ours,
        };
        // Before the block, so that a run that is killed between the two does not leave a block of nobody's.
        self.keep(index, &state.uuid, Some(&begun)).await?;
        let attempt = async {
            self.admin.block_writes(index, true, self.deadline).await?;
            begun.settings_version = self.state(index, &state.uuid).await?.settings_version;
            self.keep(index, &state.uuid, Some(&begun)).await?;
            self.admin.begin_snapshot(self.repository, &begun.name, index, self.deadline).await
        };
        if let Err(error) = attempt.await {
            self.give_up(index, &begun).await;
            return Err(error);
        }
        Ok(begun.name)
    }

    async fn wait(&self, index: &str, uuid: &str, name: &str) -> Result<Archived, BatchError> {
        let failed = |reason: String| BatchError::Permanent { what: format!("snapshot {name}"), reason };
        let snapshot = self.admin.wait_for_snapshot(self.repository, name, self.deadline).await?;
        let state = self.state(index, uuid).await?;
        let Some(begun) = begun(&state).filter(|begun| begun.name == name && begun.counts(&state)) else {
            tracing::warn!(index, name, "the write block was lifted meanwhile: the next run begins another snapshot");
            return Ok(Archived::NotYet);
        };
        match snapshot {
            Some(snapshot) if snapshot.state == SnapshotState::InProgress => Ok(Archived::NotYet),
            Some(snapshot) if snapshot.holds(index) => Ok(Archived::Yes),
            snapshot => {
                self.give_up(index, &begun).await;
                let said = snapshot.map_or("it is gone".to_owned(), |snapshot| snapshot.to_string());
                Err(failed(format!("does not hold all of {index}: {said}; the index stays")))
            }
        }
    }

    async fn state(&self, index: &str, uuid: &str) -> Result<IndexState, BatchError> {
        let state = self.admin.index_state(index, self.deadline).await?;
        if state.uuid == uuid {
            return Ok(state);
        }
        let reason = "is another index than the one that was listed: it was made anew meanwhile".to_owned();
        Err(BatchError::Permanent { what: index.to_owned(), reason })
    }

    async fn keep(&self, index: &str, uuid: &str, begun: Option<&Begun>) -> Result<(), BatchError> {
        self.admin.write_mark(index, uuid, &json!({ "snapshot": begun }), self.deadline).await
    }

    /// Takes back the block of an index that stays, where it is this deployment's.
    async fn give_up(&self, index: &str, begun: &Begun) {
        let attempt = async {
            if begun.is_block_ours {
                self.admin.block_writes(index, false, self.deadline).await?;
            }
            self.keep(index, &begun.index_uuid, None).await
        };
        if let Err(error) = attempt.await {
            tracing::error!(index, %error, "the index may refuse writes still");
        }
    }
}

impl Begun {
    /// Whether a snapshot of this name is of what is in the index now.
    fn counts(&self, state: &IndexState) -> bool {
        // An engine that does not tell the version of settings (Elasticsearch before 6.5) is none that Millrace works with.
        self.index_uuid == state.uuid
            && state.is_write_blocked
            && self.settings_version.is_some()
            && self.settings_version == state.settings_version
    }
}

fn begun(state: &IndexState) -> Option<Begun> {
    let kept: &Value = &state.millrace["snapshot"];
    serde_json::from_value(kept.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_counts_only_for_the_index_and_the_block_that_it_was_begun_with() {
        let state = |uuid: &str, is_write_blocked, settings_version| IndexState {
            uuid: uuid.into(),
            is_write_blocked,
            settings_version,
            millrace: Value::Null,
        };
        let begun = |settings_version| Begun {
            name: "logs-1".into(),
            started_ms: 1,
            index_uuid: "u".into(),
            settings_version,
            is_block_ours: true,
        };
        for (begun, state, counts, why) in [
            (begun(Some(3)), state("u", true, Some(3)), true, "as it was"),
            (begun(Some(3)), state("v", true, Some(3)), false, "another index of this name"),
            (begun(Some(3)), state("u", false, Some(3)), false, "the block was lifted"),
            (begun(Some(3)), state("u", true, Some(5)), false, "the block was lifted and set again"),
            (begun(None), state("u", true, Some(3)), false, "killed before the block"),
            (begun(None), state("u", true, None), false, "killed before the block, by an engine that tells nothing"),
        ] {
            assert_eq!(begun.counts(&state), counts, "{why}");
        }
    }

    #[test]
    fn what_the_mapping_keeps_is_read_again_and_anything_else_is_nothing() {
        let kept = Begun {
            name: "a".into(),
            started_ms: 1,
            index_uuid: "u".into(),
            settings_version: Some(2),
            is_block_ours: false,
        };
        let state = |millrace: Value| IndexState { millrace, ..IndexState::default() };
        assert_eq!(begun(&state(json!({ "stack": "web", "snapshot": kept }))), Some(kept));
        for other in [Value::Null, json!({}), json!({ "snapshot": "logs-1" }), json!({ "snapshot": { "name": "a" } })] {
            assert_eq!(begun(&state(other.clone())), None, "{other}");
        }
    }
}
