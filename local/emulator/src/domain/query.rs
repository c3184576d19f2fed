//! Evaluates a query string on sources. Only this file of the domain uses `select` and `decode` of the library.

use pipeline::{decode::Decoder, select::Select};

use super::error::EngineError;

/// A query.
pub(super) struct Query {
    /// `None` matches every document, decodable or not.
    select: Option<Select>,
    decoder: Decoder,
}

impl Query {
    /// A Lucene query string.
    pub(super) fn parse(text: &str) -> Result<Self, EngineError> {
        let select = match text.trim() {
            "" | "*" | "*:*" => None,
            query => Some(Select::query(query).map_err(|error| {
                let reason = format!("Failed to parse query [{query}]: column {}: {}", error.column, error.message);
                EngineError::new(400, "query_shard_exception", reason)
            })?),
        };
        Ok(Self { select, decoder: Decoder::new() })
    }

    /// Whether a document matches.
    pub(super) fn matches(&mut self, source: &[u8]) -> bool {
        let Some(select) = &self.select else { return true };
        self.decoder.decode(source).is_ok_and(|decoded| select.matches(&decoded.event()).unwrap_or_default())
    }
}
