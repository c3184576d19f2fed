//! What the browser wants to see: a query, a part of time, and how many rows to pass over. Nothing else is accepted.

use pipeline::select::Select;
use serde::Deserialize;

use crate::picture::Filter;

/// The longest query, in characters.
const MAX_QUERY: usize = 4096;
/// The rows that can be passed over. An engine returns 10,000 by default, with those shown.
pub(super) const MAX_AFTER: u32 = 9_000;

/// A request for data or rows.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct View {
    query: String,
    from: Option<i64>,
    to: Option<i64>,
    /// The rows to pass over.
    pub(super) after: u32,
}

/// Why a view is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadView {
    /// The position in the query, in characters from 1.
    pub(super) column: Option<usize>,
    pub(super) message: String,
}

impl View {
    pub(super) fn parse(body: &[u8]) -> Result<Self, BadView> {
        let view: Self = serde_json::from_slice(body)
            .map_err(|error| BadView { column: None, message: format!("the request is not a view: {error}") })?;
        if view.after > MAX_AFTER {
            let message = format!("only the latest {MAX_AFTER} rows can be paged: narrow the query or the time");
            return Err(BadView { column: None, message });
        }
        Ok(view)
    }

    /// The filter, whose query has the same meaning in pipeline.yaml.
    pub(super) fn filter(&self) -> Result<Filter, BadView> {
        let query = self.query.trim();
        if self.query.chars().count() > MAX_QUERY {
            return Err(BadView {
                column: Some(MAX_QUERY + 1),
                message: format!("the query has more than {MAX_QUERY} characters"),
            });
        }
        if self.from.zip(self.to).is_some_and(|(from, to)| from >= to) {
            return Err(BadView { column: None, message: "the time ends before it begins".into() });
        }
        let query = match query {
            "" | "*" | "*:*" => None,
            // Parsed with the spaces before it, so that the column is the one in the browser.
            query => match Select::query(&self.query) {
                Ok(_) => Some(query.to_owned()),
                Err(error) => return Err(BadView { column: Some(error.column), message: error.message }),
            },
        };
        Ok(Filter { query, from_ms: self.from, to_ms: self.to })
    }
}
