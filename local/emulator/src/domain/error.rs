//! Errors in the format of the engine: for a whole request, or for one item of a `_bulk` response.

use serde_json::{Map, Value, json};

use crate::server::{self, Answer};

/// An error with the engine's type and reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct EngineError {
    pub(super) status: u16,
    pub(super) error_type: &'static str,
    pub(super) reason: String,
    /// Other members of the error, such as `index`.
    pub(super) details: Vec<(&'static str, Value)>,
    /// The first error of an index, if all of them failed.
    root_cause: Option<Value>,
}

impl EngineError {
    pub(super) fn new(status: u16, error_type: &'static str, reason: impl Into<String>) -> Self {
        Self { status, error_type, reason: reason.into(), details: Vec::new(), root_cause: None }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// A request that is not understood.
    pub(super) fn parsing(reason: impl Into<String>) -> Self {
        Self::new(400, "parsing_exception", reason)
    }

    pub(super) fn no_such_index(index: &str) -> Self {
        Self::new(404, "index_not_found_exception", format!("no such index [{index}]"))
            .with("resource.type", "index_or_alias")
            .with("resource.id", index)
            .with("index", index)
            .with("index_uuid", "_na_")
    }

    /// The error of a `create` with an existing id.
    pub(super) fn conflict(index: &str, uuid: &str, id: &str, version: u64) -> Self {
        let reason = format!("[{id}]: version conflict, document already exists (current version [{version}])");
        Self::new(409, "version_conflict_engine_exception", reason)
            .with("index", index)
            .with("shard", "0")
            .with("index_uuid", uuid)
    }

    /// The error for a document that is not a JSON object.
    pub(super) fn unparsable(cause: &str) -> Self {
        Self::new(400, "mapper_parsing_exception", "failed to parse")
            .with("caused_by", json!({"type": "json_parse_exception", "reason": cause}))
    }

    /// The error of a search that fails in all indices. The first of them gives the status.
    pub(super) fn all_shards_failed(failures: &Value, first: &Self) -> Self {
        let error = Self::new(first.status, "search_phase_execution_exception", "all shards failed");
        let cause = failures[0]["reason"].clone();
        let error = error.with("phase", "query").with("grouped", true).with("failed_shards", failures.clone());
        Self { root_cause: Some(cause.clone()), ..error.with("caused_by", cause) }
    }

    /// The `error` of an item.
    pub(super) fn item(&self) -> Value {
        let mut error = Map::new();
        error.insert("type".into(), self.error_type.into());
        error.insert("reason".into(), self.reason.as_str().into());
        error.extend(self.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(error)
    }

    /// The answer to a whole request.
    pub(super) fn answer(&self) -> Answer {
        let mut error = self.item();
        error["root_cause"] = json!([self.root_cause.clone().unwrap_or_else(|| self.item())]);
        server::json(self.status, &json!({"error": error, "status": self.status}))
    }
}
