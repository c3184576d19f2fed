//! One index, and what its settings tell.

use std::collections::BTreeMap;

use serde_json::Value;

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::struct_excessive_bools, reason = "properties of their own, any of which may hold")]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its size on disk, including replicas.
    pub bytes: u64,
    /// Whether a data stream or an alias writes into it. Then it must not be deleted, however old it looks.
    pub is_in_use: bool,
    /// The engine's id of it. An index created again with the same name has another id.
    pub uuid: Option<String>,
    /// The stack that its mark names; none if it has no mark, or only the mark of the index that it was copied from.
    pub stack: Option<String>,
    /// Whether it is a copy of another index and has not been adopted.
    pub is_copy: bool,
    /// When it was created, in milliseconds since 1970, if the engine reports it.
    pub created_ms: Option<i64>,
    /// Whether nothing was ever written to it, as far as the engine reports. No rollover replaces such an index.
    pub is_empty: bool,
    /// Whether it is one of the numbered indices of a declared data stream or alias. Its name alone does not tell: `app-20261130` can
    /// also be an index of a day.
    pub is_rolled: bool,
    /// When the next index of its data stream or alias was created, which ended the writes to it, in milliseconds since 1970. None if
    /// it still takes events, or belongs to neither.
    pub ended_ms: Option<i64>,
    /// Whether a run of `retention` may have blocked its writes: writes are blocked, or its mapping names a snapshot of
    /// it that was begun.
    pub may_be_held: bool,
}

/// The state of one index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IndexState {
    /// The engine's id of it.
    pub uuid: String,
    /// Whether it has its own block on writes.
    pub is_write_blocked: bool,
    /// Whether it allows only its deletion. The engine sets this block on the indices of a full disk.
    pub allows_only_deletion: bool,
    /// Whether it is closed.
    pub is_closed: bool,
    /// How often its settings were changed. Lifting a block and setting it again are two changes. None up to Elasticsearch 7.7.
    pub settings_version: Option<u64>,
    /// The terms of its primaries, by shard. A new primary has a new term.
    pub primary_terms: BTreeMap<String, u64>,
    /// `_meta.millrace` of its mapping.
    pub millrace: Value,
}

impl Index {
    /// An index without a mark and without a writer.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            name,
            bytes: 0,
            is_in_use: false,
            uuid: None,
            stack: None,
            is_copy: false,
            created_ms: None,
            is_empty: false,
            is_rolled: false,
            ended_ms: None,
            may_be_held: false,
        }
    }
}

/// Whether the settings of an index allow only its deletion.
pub(super) fn allows_only_deletion(settings: &Value) -> bool {
    settings["blocks"]["read_only_allow_delete"] == "true"
}
