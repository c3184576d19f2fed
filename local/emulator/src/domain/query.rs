//! The queries of a search: `match_all`, `query_string`, `range`, and `bool` of these. Query strings are evaluated on the
//! sources by `select` of the library, ranges on columns.

mod condition;
mod range;

use std::sync::Arc;

use pipeline::select::Select;
use serde_json::Value;

pub(super) use self::condition::Condition;
use self::range::Range;
use super::{error::EngineError, mapping::Mapping};

/// A query.
#[derive(Debug)]
pub(super) enum Query {
    All,
    Text(Arc<Select>),
    Range(Range),
    /// All of these. A filter adds nothing to the score.
    Bool {
        must: Vec<Query>,
        filter: Vec<Query>,
    },
}

impl Query {
    /// A Lucene query string.
    pub(super) fn text(text: &str) -> Result<Self, EngineError> {
        match text.trim() {
            "" | "*" | "*:*" => Ok(Self::All),
            query => Select::query(query).map(|select| Self::Text(Arc::new(select))).map_err(|error| {
                let reason = format!("Failed to parse query [{query}]: column {}: {}", error.column, error.message);
                EngineError::new(400, "query_shard_exception", reason)
            }),
        }
    }

    /// The `query` of a body.
    pub(super) fn parse(query: &Value) -> Result<Self, EngineError> {
        let Some(query) = query.as_object() else {
            return Err(EngineError::parsing("query malformed, must be an object"));
        };
        let mut members = query.iter();
        let Some((name, settings)) = members.next() else {
            return Err(EngineError::new(400, "illegal_argument_exception", "query malformed, empty clause found"));
        };
        if members.next().is_some() {
            return Err(EngineError::parsing(format!(
                "[{name}] malformed query, expected [END_OBJECT] but found [FIELD_NAME]"
            )));
        }
        let of_object = settings.as_object();
        let object = || {
            let malformed =
                || EngineError::parsing(format!("[{name}] query malformed, no start_object after query name"));
            of_object.ok_or_else(malformed)
        };
        let only = |known: &[&str]| match object()?.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(unknown) => {
                let reason =
                    format!("[{name}] query does not support [{unknown}]: this domain knows {}", known.join(", "));
                Err(EngineError::parsing(reason))
            }
        };
        match name.as_str() {
            "match_all" => object().and_then(|settings| match settings.keys().next() {
                None => Ok(Self::All),
                Some(unknown) => Err(EngineError::parsing(format!("[match_all] unknown field [{unknown}]"))),
            }),
            "query_string" => {
                only(&["query"])?;
                let text = settings["query"].as_str();
                text.map_or_else(
                    || Err(EngineError::parsing("[query_string] must be provided with a [query]")),
                    Self::text,
                )
            }
            "range" => Range::parse(object()?).map(Self::Range),
            "bool" => {
                only(&["filter", "must"])?;
                Ok(Self::Bool { must: clauses(&settings["must"])?, filter: clauses(&settings["filter"])? })
            }
            _ => {
                let known = "this domain knows match_all, query_string, range, and bool with filter and must";
                Err(EngineError::parsing(format!("unknown query [{name}]: {known}")))
            }
        }
    }

    /// The condition in an index.
    ///
    /// # Errors
    /// A range of a field whose type has none, or of a value that the type does not have.
    pub(super) fn on(&self, mapping: &Mapping) -> Result<Condition, EngineError> {
        match self {
            Self::All => Ok(Condition::All),
            Self::Text(select) => Ok(Condition::Text(Arc::clone(select))),
            Self::Range(range) => range.on(mapping),
            Self::Bool { must, filter } => {
                let conditions = must.iter().chain(filter).map(|query| query.on(mapping));
                conditions.collect::<Result<_, _>>().map(Condition::Every)
            }
        }
    }

    /// Whether it needs the types of fields.
    pub(super) fn has_range(&self) -> bool {
        match self {
            Self::All | Self::Text(_) => false,
            Self::Range(_) => true,
            Self::Bool { must, filter } => must.iter().chain(filter).any(Self::has_range),
        }
    }

    /// The score of each document. That of a query string is always 1 here.
    pub(super) fn score(&self) -> f64 {
        match self {
            Self::All | Self::Text(_) | Self::Range(_) => 1.0,
            Self::Bool { must, filter } if must.is_empty() && filter.is_empty() => 1.0,
            Self::Bool { must, .. } => must.iter().map(Self::score).fold(0.0, |sum, score| sum + score),
        }
    }
}

/// One query, or a list of them.
fn clauses(clauses: &Value) -> Result<Vec<Query>, EngineError> {
    match clauses {
        Value::Null => Ok(Vec::new()),
        Value::Array(clauses) => clauses.iter().map(Query::parse).collect(),
        one => Query::parse(one).map(|query| vec![query]),
    }
}
