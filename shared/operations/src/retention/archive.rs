//! The snapshot that an index has to be in before it is deleted.
//!
//! In: an index. Out: whether a snapshot holds all that is in it. A snapshot counts only if it lists this very index, ended in SUCCESS
//! with every shard, and was begun by this deployment after the write block that is in place still. Its name is kept in the mapping of the
//! index with the index's own id and the version of its settings, so that a later run goes on waiting: a block that was lifted
//! meanwhile has changed that version, and then a new snapshot is begun.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin::{Admin, indices::IndexState, snapshots::SnapshotState};
use delivery::lambda::{self, Deadline};
use pipeline::outcome::BatchError;

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
    /// Whether the index allowed only its deletion before, which is set again where the index stays.
    #[serde(default)]
    allowed_only_deletion: bool,
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
        let mut begun = Begun::new(index, state, known, lambda::now_ms());
        // Before the block, so that a run that is killed between the two does not leave a block of nobody's.
        self.keep(index, &state.uuid, Some(&begun)).await?;
        let attempt = async {
            // On a full disk the engine lets an index be deleted and refuses the write block. It leaves what has a write block alone.
            if state.allows_only_deletion {
                self.admin.allow_only_deletion(index, false, self.deadline).await?;
            }
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
                let response = snapshot.map_or("it is gone".to_owned(), |snapshot| snapshot.to_string());
                Err(failed(format!("does not hold all of {index}: {response}; the index stays")))
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

    /// Takes back the block of an index that stays, where it is this deployment's, and sets the one that was lifted for it.
    async fn give_up(&self, index: &str, begun: &Begun) {
        let attempt = async {
            if begun.is_block_ours {
                self.admin.block_writes(index, false, self.deadline).await?;
            }
            self.keep(index, &begun.index_uuid, None).await?;
            if begun.allowed_only_deletion {
                self.admin.allow_only_deletion(index, true, self.deadline).await?;
            }
            Ok::<_, BatchError>(())
        };
        if let Err(error) = attempt.await {
            tracing::error!(index, %error, "the index may refuse writes still");
        }
    }
}

impl Begun {
    /// What is begun of an index that stands like this; `known` is what the mapping says of an earlier attempt.
    fn new(index: &str, state: &IndexState, known: Option<&Self>, now_ms: i64) -> Self {
        let known = known.filter(|known| known.index_uuid == state.uuid);
        Self {
            name: format!("{index}-{now_ms}-{:08x}", fastrand::u32(..)),
            started_ms: now_ms,
            index_uuid: state.uuid.clone(),
            settings_version: None,
            is_block_ours: !state.is_write_blocked || known.is_some_and(|known| known.is_block_ours),
            allowed_only_deletion: state.allows_only_deletion || known.is_some_and(|known| known.allowed_only_deletion),
        }
    }

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
            ..IndexState::default()
        };
        let begun = |settings_version| Begun {
            name: "logs-1".into(),
            started_ms: 1,
            index_uuid: "u".into(),
            settings_version,
            is_block_ours: true,
            allowed_only_deletion: false,
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
    fn an_attempt_after_a_failed_one_knows_how_the_index_stood_before_both() {
        let state = |allows_only_deletion, is_write_blocked| IndexState {
            uuid: "u".into(),
            is_write_blocked,
            allows_only_deletion,
            ..IndexState::default()
        };
        let blocks = |begun: &Begun| (begun.is_block_ours, begun.allowed_only_deletion);
        let full = Begun::new("logs-1", &state(true, false), None, 1);
        assert_eq!(blocks(&full), (true, true));
        // The run was killed after it had lifted one block and set the other.
        assert_eq!(blocks(&Begun::new("logs-1", &state(false, true), Some(&full), 2)), (true, true));
        let of_another = Begun { index_uuid: "v".into(), ..full };
        assert_eq!(blocks(&Begun::new("logs-1", &state(false, true), Some(&of_another), 2)), (false, false));
        // What a release before has kept.
        let kept =
            json!({ "name": "a", "started_ms": 1, "index_uuid": "u", "settings_version": 2, "is_block_ours": true });
        let before = begun(&IndexState { millrace: json!({ "snapshot": kept }), ..IndexState::default() });
        assert_eq!(before.as_ref().map(blocks), Some((true, false)));
    }

    #[test]
    fn what_the_mapping_keeps_is_read_again_and_anything_else_is_nothing() {
        let kept = Begun {
            name: "a".into(),
            started_ms: 1,
            index_uuid: "u".into(),
            settings_version: Some(2),
            is_block_ours: false,
            allowed_only_deletion: true,
        };
        let state = |millrace: Value| IndexState { millrace, ..IndexState::default() };
        assert_eq!(begun(&state(json!({ "stack": "web", "snapshot": kept }))), Some(kept));
        for other in [Value::Null, json!({}), json!({ "snapshot": "logs-1" }), json!({ "snapshot": { "name": "a" } })] {
            assert_eq!(begun(&state(other.clone())), None, "{other}");
        }
    }
}
