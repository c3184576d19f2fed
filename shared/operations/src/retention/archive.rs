//! The snapshot of an index that must exist before the index is deleted.
//!
//! In: an index. Out: whether a snapshot contains all of it. A snapshot counts only if it lists this very index, ended
//! in SUCCESS with every shard, and was begun by this deployment after the write block that is still in place. The
//! mapping of the index stores the snapshot's name with the index's own id and the version of its settings, so that a
//! later run can continue to wait. If the block was lifted meanwhile, that version has changed, and a new snapshot is
//! begun. An engine that reports no such version reports the last operation of each shard, which is stored in its place.

mod content;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admin::{Admin, index::IndexState, snapshots::SnapshotState};
use content::{Content, state};
use delivery::lambda::{self, Deadline};
use pipeline::outcome::BatchError;

/// A snapshot that was begun, as stored in the mapping of its index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Begun {
    /// The snapshot's name.
    name: String,
    /// When it was begun, in milliseconds since 1970.
    started_ms: i64,
    /// The index of the snapshot. A copy of the mapping in another index does not count.
    index_uuid: String,
    /// The state of the index with the write block; unknown until the block is in place.
    #[serde(flatten)]
    content: Content,
    /// Whether this deployment set the block. Then it lifts the block if the index stays.
    is_block_ours: bool,
    /// Whether the index had the block that allows only deletion. That block is set again if the index stays.
    #[serde(default)]
    allowed_only_deletion: bool,
}

/// Whether an index may be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Archived {
    /// A snapshot contains all of it.
    Yes,
    /// Its snapshot is not finished. The next run continues.
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
    /// Takes a snapshot of an index, or continues with the one that was begun.
    ///
    /// # Errors
    /// The snapshot failed, or a request to the domain failed. The block may be in place ([`Holds::release`]).
    pub(super) async fn hold(&self, index: &str, uuid: &str) -> Result<Archived, BatchError> {
        let state = state(self.admin, index, uuid, self.deadline).await?;
        let known = begun(&state);
        let mut name = None;
        if let Some(known) = &known {
            let content = Content::read(self.admin, index, &state, self.deadline).await?;
            name = known.counts(&state, &content).then(|| known.name.clone());
        }
        // A missing snapshot was deleted by another party, or never begun because the run was killed.
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

    /// Blocks writes, then begins a snapshot, so the snapshot contains every document that a later deletion removes.
    async fn begin(&self, index: &str, state: &IndexState, known: Option<&Begun>) -> Result<String, BatchError> {
        let mut begun = Begun::new(index, state, known, lambda::now_ms());
        if !begun.is_block_ours && !is_former_block_lifted(state) {
            begun.is_block_ours = by_former_run(self.admin, self.repository, index, self.deadline).await?;
        }
        // Store this before the block. Otherwise a run killed between the two would leave a block without a known
        // owner.
        self.write_mark(index, &state.uuid, &begun).await?;
        // On a full disk the engine allows deletion of an index but refuses the write block. It does not touch an
        // index that has a write block.
        if state.allows_only_deletion {
            self.admin.allow_only_deletion(index, false, self.deadline).await?;
        }
        self.admin.block_writes(index, true, self.deadline).await?;
        begun.content = Content::blocked(self.admin, index, &state.uuid, self.deadline).await?;
        self.write_mark(index, &state.uuid, &begun).await?;
        self.admin.begin_snapshot(self.repository, &begun.name, index, self.deadline).await?;
        Ok(begun.name)
    }

    async fn wait(&self, index: &str, uuid: &str, name: &str) -> Result<Archived, BatchError> {
        let failed = |reason: String| BatchError::permanent(format!("snapshot {name}"), reason);
        let snapshot = self.admin.wait_for_snapshot(self.repository, name, self.deadline).await?;
        let is_in_progress = snapshot.as_ref().is_some_and(|snapshot| snapshot.state == SnapshotState::InProgress);
        // What made a snapshot fail can also hide the content of the index. The failure comes first: it lifts the block.
        if !is_in_progress && !snapshot.as_ref().is_some_and(|snapshot| snapshot.holds(index)) {
            let response = snapshot.map_or("it is gone".to_owned(), |snapshot| snapshot.to_string());
            return Err(failed(format!("does not hold all of {index}: {response}; the index stays")));
        }
        let state = state(self.admin, index, uuid, self.deadline).await?;
        let content = Content::read(self.admin, index, &state, self.deadline).await?;
        if begun(&state).is_none_or(|begun| begun.name != name || !begun.counts(&state, &content)) {
            tracing::warn!(
                index,
                name,
                "the index may have been written meanwhile: the next run begins another snapshot"
            );
            return Ok(Archived::NotYet);
        }
        Ok(if is_in_progress { Archived::NotYet } else { Archived::Yes })
    }

    async fn write_mark(&self, index: &str, uuid: &str, begun: &Begun) -> Result<(), BatchError> {
        self.admin.write_mark(index, uuid, &json!({ "snapshot": begun }), self.deadline).await
    }
}

/// The blocks that runs of `retention` have set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holds<'a> {
    pub(super) admin: &'a Admin,
    /// The repository of the deployment; none if it has no snapshots.
    pub(super) repository: Option<&'a str>,
    pub(super) deadline: Deadline,
}

impl Holds<'_> {
    /// Lifts the write block of an index that stays, if this deployment set it, and removes the record of the snapshot.
    /// Returns whether the index takes writes again. If this run has blocked it (`is_just_blocked`), the block of a full
    /// disk, which was lifted for that, is set again. After an earlier run the engine decides about that block.
    ///
    /// # Errors
    /// A request to the domain failed. The next run tries again.
    pub(super) async fn release(&self, index: &str, uuid: &str, is_just_blocked: bool) -> Result<bool, BatchError> {
        let state = state(self.admin, index, uuid, self.deadline).await?;
        let known = begun(&state).filter(|known| known.index_uuid == state.uuid);
        let is_ours = match (&known, self.repository) {
            (Some(known), _) => known.is_block_ours,
            (None, Some(repository)) if state.is_write_blocked && !is_former_block_lifted(&state) => {
                by_former_run(self.admin, repository, index, self.deadline).await?
            }
            (None, _) => false,
        };
        let is_lifted = is_ours && state.is_write_blocked;
        if is_lifted {
            self.admin.block_writes(index, false, self.deadline).await?;
        }
        if let Some(known) = known {
            // Last, so that a run that is killed before is not forgotten.
            let nothing = json!({ "snapshot": Value::Null });
            self.admin.write_mark(index, uuid, &nothing, self.deadline).await?;
            if known.allowed_only_deletion && is_just_blocked {
                self.admin.allow_only_deletion(index, true, self.deadline).await?;
            }
        } else if is_lifted {
            self.admin.write_mark(index, uuid, &json!({ FORMER_BLOCK_LIFTED: true }), self.deadline).await?;
        }
        Ok(is_lifted)
    }
}

/// The member of the mark that says that the block of 0.1.0 was lifted once. A later block is an operator's.
const FORMER_BLOCK_LIFTED: &str = "former_block_lifted";

fn is_former_block_lifted(state: &IndexState) -> bool {
    state.millrace[FORMER_BLOCK_LIFTED] == true
}

/// Whether 0.1.0 began a snapshot of an index, and so blocked its writes. It stored nothing in the mapping, but the name
/// of its snapshots tells them. It lifted the block itself if the snapshot failed.
async fn by_former_run(admin: &Admin, repository: &str, index: &str, deadline: Deadline) -> Result<bool, BatchError> {
    let names = admin.unfailed_snapshots(repository, &format!("{index}-*"), deadline).await?;
    Ok(names.iter().any(|name| is_of_former_run(name, index)))
}

/// Whether 0.1.0 named a snapshot of an index so: `INDEX-TIME`, in milliseconds.
fn is_of_former_run(name: &str, index: &str) -> bool {
    let time = name.strip_prefix(index).and_then(|rest| rest.strip_prefix('-'));
    time.is_some_and(|time| time.len() == 13 && time.bytes().all(|byte| byte.is_ascii_digit()))
}

impl Begun {
    /// The record for a new snapshot of an index in this state. `known` is the record of an earlier attempt from the
    /// mapping.
    fn new(index: &str, state: &IndexState, known: Option<&Self>, now_ms: i64) -> Self {
        let known = known.filter(|known| known.index_uuid == state.uuid);
        Self {
            name: format!("{index}-{now_ms}-{:08x}", fastrand::u32(..)),
            started_ms: now_ms,
            index_uuid: state.uuid.clone(),
            content: Content::default(),
            is_block_ours: !state.is_write_blocked || known.is_some_and(|known| known.is_block_ours),
            allowed_only_deletion: state.allows_only_deletion || known.is_some_and(|known| known.allowed_only_deletion),
        }
    }

    /// Whether this snapshot has the current content of the index.
    fn counts(&self, state: &IndexState, content: &Content) -> bool {
        self.index_uuid == state.uuid && state.is_write_blocked && self.content.is_known() && self.content == *content
    }
}

fn begun(state: &IndexState) -> Option<Begun> {
    let kept: &Value = &state.millrace["snapshot"];
    serde_json::from_value(kept.clone()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fake_domain::FakeDomain;

    /// The index `logs-1` with a snapshot that was begun at version 3 of its settings.
    fn begun_index(settings_version: u64) -> Value {
        let begun =
            json!({ "name": "s", "started_ms": 1, "index_uuid": "u", "settings_version": 3, "is_block_ours": true });
        let about = json!({
            "settings": { "index": { "uuid": "u", "blocks": { "write": "true" } } },
            "settings_version": settings_version,
            "mappings": { "_doc": { "_meta": { "millrace": { "snapshot": begun } } } },
        });
        json!({ "metadata": { "indices": { "logs-1": about } } })
    }

    #[tokio::test]
    async fn a_block_that_is_lifted_while_the_snapshot_is_taken_makes_the_next_run_begin_another() {
        let snapshot = json!({ "snapshots": [{
            "snapshot": "s", "state": "SUCCESS", "indices": ["logs-1"], "failures": [], "shards": { "total": 1, "successful": 1 },
        }] });
        for (version_after, archived, begun) in [(3, Archived::Yes, 0), (5, Archived::NotYet, 1)] {
            let (mut version, snapshot) = (3, snapshot.clone());
            let domain = FakeDomain::start(move |request| {
                if request.starts_with("GET /_snapshot/") {
                    // Meanwhile others lift the block and set it again, or nothing happens.
                    version = version_after;
                    return (200, snapshot.clone());
                }
                if request.starts_with("GET /_cluster/state/") {
                    return (200, begun_index(version));
                }
                (200, json!({ "logs-1": { "settings": { "index": { "uuid": "u" } } } }))
            });
            let (domain, deadline) = (domain.await, Deadline::after(Duration::from_secs(30)));
            let archive = Archive { admin: &domain.admin, repository: "millrace", deadline };
            assert_eq!(archive.hold("logs-1", "u").await.unwrap(), archived, "{version_after}");
            archive.hold("logs-1", "u").await.unwrap();
            let changes = domain.requests.changes();
            let snapshots = changes.iter().filter(|request| request.starts_with("PUT /_snapshot/")).count();
            assert_eq!(snapshots, begun, "{version_after}: {changes:?}");
        }
    }

    /// The answers of an engine that reports no version of the settings about `logs-1` with a snapshot that was begun after
    /// operation 7 of term 1.
    fn old_engine(request: &str, (term, last): (u64, i64), knows_stats: bool) -> (u16, Value) {
        let begun = json!({
            "name": "s", "started_ms": 1, "index_uuid": "u", "settings_version": null, "last_operations": { "0": [1, 7] },
            "is_block_ours": true,
        });
        let settings = json!({ "index": { "uuid": "u", "blocks": { "write": "true" } } });
        if request.starts_with("GET /_cluster/state/") {
            let mappings = json!({ "_doc": { "_meta": { "millrace": { "snapshot": begun } } } });
            let about = json!({ "settings": settings, "mappings": mappings, "primary_terms": { "0": term } });
            return (200, json!({ "metadata": { "indices": { "logs-1": about } } }));
        }
        if request.starts_with("GET /logs-1/_stats") {
            let numbers = json!({ "max_seq_no": last, "local_checkpoint": last });
            let primary = json!({ "routing": { "primary": true, "state": "STARTED" }, "seq_no": numbers });
            let status = if knows_stats { 200 } else { 400 };
            return (status, json!({ "indices": { "logs-1": { "shards": { "0": [primary] } } } }));
        }
        (200, json!({ "logs-1": { "settings": settings } }))
    }

    #[tokio::test]
    async fn an_old_engine_shows_by_the_last_operation_of_each_shard_that_nothing_was_written() {
        let snapshot = json!({ "snapshots": [{
            "snapshot": "s", "state": "SUCCESS", "indices": ["logs-1"], "failures": [], "shards": { "total": 1, "successful": 1 },
        }] });
        for (after, archived) in [((1, 7), Archived::Yes), ((1, 8), Archived::NotYet), ((2, 7), Archived::NotYet)] {
            let (mut now, snapshot) = ((1, 7), snapshot.clone());
            let domain = FakeDomain::start(move |request| {
                if request.starts_with("GET /_snapshot/") {
                    now = after;
                    return (200, snapshot.clone());
                }
                old_engine(request, now, true)
            });
            let (domain, deadline) = (domain.await, Deadline::after(Duration::from_secs(30)));
            let archive = Archive { admin: &domain.admin, repository: "millrace", deadline };
            assert_eq!(archive.hold("logs-1", "u").await.unwrap(), archived, "{after:?}");
        }
    }

    #[tokio::test]
    async fn an_index_whose_writes_nothing_shows_stays() {
        let domain = FakeDomain::start(|request| old_engine(request, (1, 7), false)).await;
        let deadline = Deadline::after(Duration::from_secs(30));
        let archive = Archive { admin: &domain.admin, repository: "millrace", deadline };
        let error = archive.hold("logs-1", "u").await.unwrap_err().to_string();
        assert!(error.contains("the index stays"), "{error}");
        let changes = domain.requests.changes();
        assert!(!changes.iter().any(|request| request.starts_with("PUT /_snapshot/")), "{changes:?}");
    }

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
            content: Content { settings_version, last_operations: None },
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
            let content = Content { settings_version: state.settings_version, last_operations: None };
            assert_eq!(begun.counts(&state, &content), counts, "{why}");
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
        // The record that an earlier release stored.
        let kept =
            json!({ "name": "a", "started_ms": 1, "index_uuid": "u", "settings_version": 2, "is_block_ours": true });
        let before = begun(&IndexState { millrace: json!({ "snapshot": kept }), ..IndexState::default() });
        assert_eq!(before.as_ref().map(blocks), Some((true, false)));
    }

    #[test]
    fn the_snapshots_of_the_release_that_stored_nothing_are_known_by_their_names() {
        for (name, is_of_former_run) in [
            ("logs-1-1795824000000", true),
            ("logs-1-1795824000000-0a1b2c3d", false),
            ("logs-1-begun", false),
            ("logs-1-2-1795824000000", false),
            ("logs-11795824000000", false),
        ] {
            assert_eq!(super::is_of_former_run(name, "logs-1"), is_of_former_run, "{name}");
        }
    }

    #[test]
    fn a_snapshot_mark_in_the_mapping_is_read_back_and_anything_else_is_ignored() {
        let kept = Begun {
            name: "a".into(),
            started_ms: 1,
            index_uuid: "u".into(),
            content: Content { settings_version: Some(2), last_operations: None },
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
