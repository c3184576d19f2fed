//! What shows that an index was not written since its snapshot was begun.
//!
//! In: an index. Out: a report about its content to compare with an earlier one, or why there is none. Deliberately absent: the
//! block on writes, without which equal reports tell nothing about the next moment.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::admin::{Admin, deletion::Stays, index::IndexState, last_operations::LastOperations};
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// How often the content of an index is read at most, until the writes in progress have ended, and the pause in between.
const MOST_LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// What the engine reports about the content of an index. Equal reports with a write block mean that nothing was written in between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    /// The version of its settings, including the write block.
    pub(super) settings_version: Option<u64>,
    /// The last operation of each shard, if the engine reports no version of the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last_operations: Option<LastOperations>,
}

impl Content {
    /// The content of an index in this state.
    ///
    /// # Errors
    /// As [`Admin::index_state`].
    pub(super) async fn read(
        admin: &Admin,
        index: &str,
        state: &IndexState,
        deadline: Deadline,
    ) -> Result<Self, BatchError> {
        let settings_version = state.settings_version;
        let last_operations =
            if settings_version.is_some() { None } else { admin.last_operations(index, state, deadline).await? };
        Ok(Self { settings_version, last_operations })
    }

    /// Whether the engine reports enough to notice a write.
    pub(super) fn is_known(&self) -> bool {
        self.settings_version.is_some() || self.last_operations.is_some()
    }

    /// The content of an index whose writes were blocked just now. The block does not end the writes that the engine is performing.
    ///
    /// # Errors
    /// As [`Admin::index_state`]. Permanent if the engine does not report enough to notice a write.
    pub(super) async fn blocked(
        admin: &Admin,
        index: &str,
        uuid: &str,
        deadline: Deadline,
    ) -> Result<Self, BatchError> {
        let mut attempts = 0;
        loop {
            let state = state(admin, index, uuid, deadline).await?;
            let content = Self::read(admin, index, &state, deadline).await?;
            attempts += 1;
            if content.is_known() {
                return Ok(content);
            }
            if attempts == MOST_LOOKS {
                return Err(unproven(index, &state));
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// Why no snapshot of an index was begun: nothing would show that the snapshot has all of it.
fn unproven(index: &str, state: &IndexState) -> BatchError {
    let reason = if state.is_closed {
        "the index is closed, and this engine reports nothing about the content of a closed index, nor takes a snapshot of one: \
         open it (POST /INDEX/_open), and the next run takes the snapshot"
    } else {
        "the engine reports neither how often its settings changed nor the last write of each of its shards, so nothing would \
         show that a snapshot holds all of it; the next run tries again"
    };
    BatchError::permanent(index, format!("{reason}; the index stays"))
}

/// The state of the index that was listed. Another index that has its name by now is an error.
///
/// # Errors
/// As [`Admin::index_state`].
pub(super) async fn state(
    admin: &Admin,
    index: &str,
    uuid: &str,
    deadline: Deadline,
) -> Result<IndexState, BatchError> {
    let state = admin.index_state(index, deadline).await?;
    if state.uuid == uuid {
        return Ok(state);
    }
    Err(Stays::IsAnother.error(index))
}
