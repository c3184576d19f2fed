//! The indices: documents by id, in memory, with the exact bytes that were received.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde_json::Value;

use super::{
    error::EngineError,
    glob::glob,
    mapping::Mapping,
    row::Row,
    rows::{Part, Rows},
};

/// Shards that each index counts for in `cluster.max_shards_per_node`: one primary and one replica, on one node.
const SHARDS_OF_AN_INDEX: usize = 2;

/// The state of the domain.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) indices: BTreeMap<String, Index>,
    pub(super) templates: BTreeMap<String, Value>,
    pub(super) keep_sources: bool,
    /// Whether `action.auto_create_index` is false.
    pub(super) auto_create_off: bool,
    /// `cluster.max_shards_per_node`.
    pub(super) max_shards: Option<usize>,
    created: u64,
}

/// One index.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) uuid: String,
    pub(super) documents: HashMap<Arc<str>, Document>,
    pub(super) rows: Rows,
    /// What the template says that covered the index when it was created.
    pub(super) declared: Arc<Mapping>,
    pub(super) closed: bool,
    pub(super) write_block: bool,
    next_seq_no: u64,
}

/// The documents of an index at one moment, for a search without the lock.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) name: String,
    pub(super) uuid: String,
    pub(super) declared: Arc<Mapping>,
    pub(super) parts: Vec<Part>,
}

/// One document. Its row holds the source.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) seq_no: u64,
    pub(super) version: u64,
}

/// The effect of an operation on a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) status: u16,
    pub(super) result: &'static str,
    pub(super) version: u64,
    pub(super) seq_no: u64,
}

impl Store {
    pub(super) fn new(keep_sources: bool) -> Self {
        Self { keep_sources, ..Self::default() }
    }

    /// The index with this name, for writing. A missing index is created if that is allowed.
    pub(super) fn writable(&mut self, name: &str) -> Result<&mut Index, EngineError> {
        if !self.indices.contains_key(name) {
            if self.auto_create_off {
                return Err(auto_create_is_off(name));
            }
            self.create(name)?;
        }
        let Some(index) = self.indices.get_mut(name) else { return Err(EngineError::no_such_index(name)) };
        if index.closed {
            return Err(is_closed(name, &index.uuid));
        }
        if index.write_block {
            return Err(is_blocked(name));
        }
        Ok(index)
    }

    /// Creates an index.
    pub(super) fn create(&mut self, name: &str) -> Result<(), EngineError> {
        if let Some(index) = self.indices.get(name) {
            let reason = format!("index [{name}/{}] already exists", index.uuid);
            return Err(EngineError::new(400, "resource_already_exists_exception", reason).with("index", name));
        }
        if let Some(complaint) = complaint_about_name(name) {
            let reason = format!("Invalid index name [{name}], {complaint}");
            return Err(EngineError::new(400, "invalid_index_name_exception", reason).with("index", name));
        }
        let open = self.indices.len() * SHARDS_OF_AN_INDEX;
        if let Some(max) = self.max_shards.filter(|max| open + SHARDS_OF_AN_INDEX > *max) {
            return Err(too_many_shards(open, max));
        }
        self.created += 1;
        let uuid = format!("local-{:016}", self.created);
        let declared = Arc::new(Mapping::declared(name, self.templates.values()));
        self.indices.insert(name.to_owned(), Index { uuid, declared, ..Index::default() });
        Ok(())
    }

    /// The names of the indices that match an expression such as `logs-*,-logs-2026*,other`. A name without `*` has to
    /// exist.
    pub(super) fn resolve(&self, expression: &str) -> Result<Vec<String>, EngineError> {
        self.resolve_known(expression, false)
    }

    /// The same. With `ignore_unavailable`, a name that does not exist is left out.
    fn resolve_known(&self, expression: &str, ignore_unavailable: bool) -> Result<Vec<String>, EngineError> {
        let mut names: Vec<String> = Vec::new();
        for part in expression.split(',') {
            let part = if part == "_all" || part.is_empty() { "*" } else { part };
            if let Some(excluded) = part.strip_prefix('-').filter(|_| !names.is_empty()) {
                names.retain(|name| !glob(excluded, name));
            } else if part.contains('*') {
                names.extend(self.indices.keys().filter(|name| glob(part, name)).cloned());
            } else if self.indices.contains_key(part) {
                names.push(part.to_owned());
            } else if !ignore_unavailable {
                return Err(EngineError::no_such_index(part));
            }
        }
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The documents of the indices that match an expression.
    pub(super) fn snapshots(&self, expression: &str, ignore_unavailable: bool) -> Result<Vec<Snapshot>, EngineError> {
        let names = self.resolve_known(expression, ignore_unavailable)?.into_iter();
        let snapshots = names.filter_map(|name| {
            let Index { uuid, declared, rows, .. } = self.indices.get(&name)?;
            Some(Snapshot { name, uuid: uuid.clone(), declared: Arc::clone(declared), parts: rows.parts() })
        });
        Ok(snapshots.collect())
    }
}

impl Index {
    /// `create`: an existing id is a conflict. The error is the existing version.
    pub(super) fn create(&mut self, id: &str, source: Option<Arc<[u8]>>) -> Result<Applied, u64> {
        if let Some(present) = self.documents.get(id) {
            return Err(present.version);
        }
        Ok(self.index(id, source))
    }

    /// `index`: an existing id is overwritten.
    pub(super) fn index(&mut self, id: &str, source: Option<Arc<[u8]>>) -> Applied {
        let seq_no = self.seq_no();
        let id: Arc<str> = id.into();
        self.rows.push(Row { id: Arc::clone(&id), seq_no, source });
        let document = self.documents.entry(id).or_insert(Document { seq_no, version: 0 });
        let former = std::mem::replace(&mut document.seq_no, seq_no);
        document.version += 1;
        let version = document.version;
        if version > 1 {
            self.rows.remove(former);
        }
        let (status, result) = if version == 1 { (201, "created") } else { (200, "updated") };
        Applied { status, result, version, seq_no }
    }

    /// `delete`: a missing id gives 404, which is not an error.
    pub(super) fn delete(&mut self, id: &str) -> Applied {
        let seq_no = self.seq_no();
        let Some(present) = self.documents.remove(id) else {
            return Applied { status: 404, result: "not_found", version: 1, seq_no };
        };
        self.rows.remove(present.seq_no);
        Applied { status: 200, result: "deleted", version: present.version + 1, seq_no }
    }

    /// The bytes of a document.
    pub(super) fn source(&self, id: &str) -> Option<&[u8]> {
        self.rows.get(self.documents.get(id)?.seq_no)?.source.as_deref()
    }

    fn seq_no(&mut self) -> u64 {
        self.next_seq_no += 1;
        self.next_seq_no - 1
    }
}

/// 403: `index.blocks.write`.
pub(super) fn is_blocked(index: &str) -> EngineError {
    let reason = format!("index [{index}] blocked by: [FORBIDDEN/8/index write (api)];");
    EngineError::new(403, "cluster_block_exception", reason)
}

/// 400: the index is closed.
pub(super) fn is_closed(index: &str, uuid: &str) -> EngineError {
    EngineError::new(400, "index_closed_exception", "closed").with("index", index).with("index_uuid", uuid)
}

/// 400: the cluster has reached its limit of shards.
pub(super) fn too_many_shards(open: usize, max: usize) -> EngineError {
    let reason = format!(
        "Validation Failed: 1: this action would add [{SHARDS_OF_AN_INDEX}] total shards, but this cluster currently \
         has [{open}]/[{max}] maximum shards open;"
    );
    EngineError::new(400, "validation_exception", reason)
}

/// 404: `action.auto_create_index` forbids the new index.
pub(super) fn auto_create_is_off(index: &str) -> EngineError {
    let reason = format!("no such index [{index}] and [action.auto_create_index] is [false]");
    EngineError::new(404, "index_not_found_exception", reason).with("index", index).with("index_uuid", "_na_")
}

fn complaint_about_name(name: &str) -> Option<&'static str> {
    if name.chars().any(char::is_uppercase) {
        return Some("must be lowercase");
    }
    if name.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',']) {
        return Some("must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?]");
    }
    if name.contains(['#', ':']) {
        return Some("must not contain '#' or ':'");
    }
    if name.starts_with(['_', '-', '+']) {
        return Some("must not start with '_', '-', or '+'");
    }
    if name.len() > 255 {
        return Some("index name is too long");
    }
    matches!(name, "" | "." | "..").then_some("must not be empty, '.' or '..'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_resolved_with_exclusions_and_a_missing_one_is_404() {
        let mut store = Store::default();
        for name in ["logs-1", "logs-2", "other"] {
            store.create(name).unwrap();
        }
        assert_eq!(store.resolve("logs-*,-logs-2,other").unwrap(), ["logs-1", "other"]);
        assert_eq!(store.resolve("_all").unwrap().len(), 3);
        assert!(store.resolve("none-*").unwrap().is_empty());
        assert_eq!(store.resolve("none").unwrap_err().status, 404);
        assert_eq!(store.resolve_known("other,none", true).unwrap(), ["other"]);
    }

    #[test]
    fn an_index_name_is_refused_as_by_the_engine() {
        for name in ["Logs", "_logs", "lo gs", "lo*gs", "..", "lo#gs"] {
            let error = Store::default().writable(name).map(|_| ()).unwrap_err();
            assert_eq!((error.status, error.error_type), (400, "invalid_index_name_exception"), "{name}");
        }
    }
}
