//! The types for `tests` of a dataset.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

/// An event, and what becomes of it: `document` with `index`, `id` or `partition_keys`; or `dropped`, `expired` or `rejected`; or, for a
/// `line` with several events, `results`.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    extend(
        "oneOf" = [{ "required": ["event"] }, { "required": ["line"] }],
        "dependentRequired" = { "bucket": ["key"] },
    )
)]
pub(super) struct RuleTest {
    /// The event, as `format` cuts it out of an object or record.
    event: Option<BTreeMap<String, Value>>,
    /// The raw text of an object or record, which `format` divides into events.
    line: Option<String>,
    /// The key of the object with the event. The dataset has to be the first one that takes it.
    key: Option<String>,
    /// The bucket of that object. Without it, any bucket.
    bucket: Option<String>,
    /// The time at which the event is read, such as `2026-11-22T10:00:00Z`. Without it, the event's own time.
    #[schemars(regex(pattern = "^[0-9]{4}"))]
    at: Option<String>,
    /// What becomes of each event of `line`.
    results: Option<Vec<RuleResult>>,
    #[schemars(flatten)]
    result: RuleResult,
}

/// What becomes of an event. What is not given is not compared.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RuleResult {
    /// The whole document as it is stored or delivered. The order of its members has no meaning.
    document: Option<BTreeMap<String, Value>>,
    /// The index of the document.
    index: Option<String>,
    /// The id of the document, with `id: content` or `id: { field: FIELD }`.
    id: Option<String>,
    /// For `delivery_stream` only: the partition keys of the record.
    #[schemars(extend("minProperties" = 1))]
    partition_keys: Option<BTreeMap<String, Value>>,
    /// `select` does not want the event.
    #[schemars(extend("const" = true))]
    dropped: Option<bool>,
    /// The event is older than `retention`.
    #[schemars(extend("const" = true))]
    expired: Option<bool>,
    /// The event becomes a dead letter with this `error_type`, such as `invalid_timestamp`.
    #[schemars(regex(pattern = "^[a-z0-9_]+$"))]
    rejected: Option<String>,
}
