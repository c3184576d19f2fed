//! A query string decides on sources: the one place where the domain uses the library's own `select` and `decode`.

use super::error::EngineError;

/// A query.
pub(super) enum Query {
    /// Every document.
    All,
}

impl Query {
    /// A Lucene query string.
    pub(super) fn parse(text: &str) -> Result<Self, EngineError> {
        match text.trim() {
            "" | "*" | "*:*" => Ok(Self::All),
            other => Err(EngineError::new(400, "query_shard_exception", format!("Failed to parse query [{other}]"))),
        }
    }

    /// Whether a document is wanted.
    pub(super) fn matches(&mut self, _source: &[u8]) -> bool {
        match self {
            Self::All => true,
        }
    }
}
