//! What the domain says of each item.

use serde::Deserialize;

/// Why an item failed, in the domain's words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ItemError {
    /// The exception's type, such as `mapper_parsing_exception`.
    #[serde(rename = "type", default)]
    pub error_type: String,
    /// Its reason.
    #[serde(default)]
    pub reason: String,
    /// What it was caused by.
    #[serde(default)]
    pub caused_by: Option<Box<ItemError>>,
}

impl std::fmt::Display for ItemError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)?;
        match &self.caused_by {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

/// The domain's answer to one item.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ItemResult {
    /// The HTTP status of this item.
    pub status: u16,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<ItemError>,
}

/// What an item's answer means for its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Created now.
    Indexed,
    /// There already.
    Duplicate,
    /// The document can never be indexed as it is.
    Rejected,
    /// The domain's state stands in the way, not the document: send it again.
    Retry,
}

impl ItemResult {
    /// Only what names the document itself as the fault is a rejection. Whoever decides by status alone loses a day of
    /// events to a write block (403), the shard limit (400 `validation_exception`) or a closed index (400).
    pub fn fate(&self) -> Fate {
        match (self.status, &self.error) {
            (200 | 201, _) => Fate::Indexed,
            (409, _) => Fate::Duplicate,
            (400, Some(error)) => match error.error_type.as_str() {
                "mapper_parsing_exception" | "document_parsing_exception" | "strict_dynamic_mapping_exception" => {
                    Fate::Rejected
                }
                "illegal_argument_exception" if is_about_the_document(&error.reason) => Fate::Rejected,
                _ => Fate::Retry,
            },
            _ => Fate::Retry,
        }
    }

    /// Whether the domain has too much to do.
    pub fn is_overload(&self) -> bool {
        self.status == 429
    }
}

/// The same type also names missing aliases and pipelines; those are the domain's. The reasons here are the limits of
/// a mapping (`Limit of total fields [1000] has been exceeded`, also of mapping depth and nested fields) and Lucene's
/// limit of a term (`Document contains at least one immense term in field=…`).
fn is_about_the_document(reason: &str) -> bool {
    (reason.starts_with("Limit of ") && reason.contains("has been exceeded"))
        || reason.contains("contains at least one immense term")
}

/// A response with status 200 that does not say what became of each item: nothing of it may be believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unreadable _bulk response: {0}")]
pub struct UnreadableResponse(String);

#[derive(Deserialize)]
struct Response {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(alias = "index")]
    create: ItemResult,
}

/// Reads the answers to a request of `sent` items, in their order.
///
/// # Errors
/// [`UnreadableResponse`] where it is not JSON of the expected form or counts other than `sent` items; the caller
/// counts them as undelivered.
pub fn read(body: &[u8], sent: usize) -> Result<Vec<ItemResult>, UnreadableResponse> {
    let response: Response = serde_json::from_slice(body).map_err(|error| UnreadableResponse(error.to_string()))?;
    if response.items.len() != sent {
        return Err(UnreadableResponse(format!("{} items sent, {} answered", sent, response.items.len())));
    }
    Ok(response.items.into_iter().map(|item| item.create).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(status: u16, error_type: &str, reason: &str) -> Fate {
        let error = Some(ItemError { error_type: error_type.into(), reason: reason.into(), caused_by: None });
        ItemResult { status, error }.fate()
    }

    #[test]
    fn only_the_documents_own_fault_is_a_rejection() {
        for (status, error_type, reason, expected) in [
            (409, "version_conflict_engine_exception", "", Fate::Duplicate),
            (400, "mapper_parsing_exception", "failed to parse", Fate::Rejected),
            (400, "document_parsing_exception", "failed to parse", Fate::Rejected),
            (400, "strict_dynamic_mapping_exception", "", Fate::Rejected),
            (400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded", Fate::Rejected),
            (
                400,
                "illegal_argument_exception",
                "Limit of mapping depth [20] has been exceeded due to object field [a]",
                Fate::Rejected,
            ),
            (
                400,
                "illegal_argument_exception",
                "Document contains at least one immense term in field=\"a\"",
                Fate::Rejected,
            ),
            (400, "illegal_argument_exception", "pipeline with id [p] does not exist", Fate::Retry),
            (400, "illegal_argument_exception", "mapper [a] cannot be changed from type [long] to [text]", Fate::Retry),
            (400, "validation_exception", "this cluster currently has [1000]/[1000] maximum shards open", Fate::Retry),
            (400, "index_closed_exception", "closed", Fate::Retry),
            (403, "cluster_block_exception", "index write (api)", Fate::Retry),
            (404, "index_not_found_exception", "no such index", Fate::Retry),
            (429, "rejected_execution_exception", "", Fate::Retry),
            (503, "unavailable_shards_exception", "", Fate::Retry),
        ] {
            assert_eq!(fate(status, error_type, reason), expected, "{status} {error_type} {reason}");
        }
    }

    #[test]
    fn a_response_that_counts_other_items_is_unreadable() {
        let body = br#"{"errors":false,"items":[{"create":{"status":201}}]}"#;
        assert_eq!(read(body, 1).unwrap()[0].fate(), Fate::Indexed);
        assert_eq!(read(body, 2), Err(UnreadableResponse("2 items sent, 1 answered".into())));
        assert!(read(b"<html>", 1).is_err());
    }

    #[test]
    fn a_reason_names_its_cause() {
        let body = br#"{"errors":true,"items":[{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse field [n]","caused_by":{"type":"number_format_exception","reason":"For input string: \"x\""}}}}]}"#;
        let results = read(body, 1).unwrap();
        assert_eq!(
            results[0].error.as_ref().unwrap().to_string(),
            "failed to parse field [n]: For input string: \"x\""
        );
    }
}
