//! `_search` and `_count`: the documents that match a query, their order, and one page of them.

use std::{cmp::Ordering, collections::HashMap};

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    error::EngineError,
    query::Query,
    store::{Document, Store},
};

/// `index.max_result_window`.
const MAX_RESULT_WINDOW: u64 = 10_000;
/// The number up to which the engine counts hits exactly by default.
const TRACKED_HITS: usize = 10_000;

/// A search, read from the parameters of a request and its body.
pub(super) struct Search {
    query: Query,
    from: u64,
    size: u64,
    /// Pairs of a field and whether its order is descending.
    sort: Vec<(String, bool)>,
    track_total_hits: bool,
}

#[derive(Serialize)]
struct Hit<'s> {
    _index: &'s str,
    _id: &'s str,
    _score: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    _source: Option<&'s RawValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sort: Vec<Value>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the engine's names")]
struct Hits<'s> {
    total: Value,
    max_score: Option<f64>,
    hits: Vec<Hit<'s>>,
}

#[derive(Serialize)]
struct Found<'s> {
    took: u64,
    timed_out: bool,
    _shards: Value,
    hits: Hits<'s>,
}

impl Search {
    /// Reads the parameters `q`, `from`, `size`, `sort`, `track_total_hits`, and a body with the same and `query`.
    pub(super) fn parse(parameters: &HashMap<String, String>, body: &[u8]) -> Result<Self, EngineError> {
        let body: Value = if body.trim_ascii().is_empty() {
            json!({})
        } else {
            serde_json::from_slice(body)
                .map_err(|error| EngineError::new(400, "json_parse_exception", error.to_string()))?
        };
        let number = |name: &str, default: u64| match parameters.get(name) {
            Some(text) => text.parse().map_err(|_| {
                let reason = format!("Failed to parse int parameter [{name}] with value [{text}]");
                EngineError::new(400, "illegal_argument_exception", reason)
            }),
            None => Ok(body[name].as_u64().unwrap_or(default)),
        };
        let query = match parameters.get("q") {
            Some(text) => Query::parse(text)?,
            None => query_of(&body["query"])?,
        };
        let sort = match parameters.get("sort") {
            Some(text) => text
                .split(',')
                .map(|field| match field.rsplit_once(':') {
                    Some((field, order)) => (field.to_owned(), order == "desc"),
                    None => (field.to_owned(), false),
                })
                .collect(),
            None => sort_of(&body["sort"]),
        };
        let (from, size) = (number("from", 0)?, number("size", 10)?);
        if from + size > MAX_RESULT_WINDOW {
            let reason = format!(
                "Result window is too large, from + size must be less than or equal to: [{MAX_RESULT_WINDOW}] but was \
                 [{}]",
                from + size
            );
            return Err(EngineError::new(400, "illegal_argument_exception", reason));
        }
        let track_total_hits =
            parameters.get("track_total_hits").is_some_and(|track| track == "true") || body["track_total_hits"] == true;
        Ok(Self { query, from, size, sort, track_total_hits })
    }

    /// The number of matching documents in these indices.
    pub(super) fn count(&mut self, store: &Store, indices: &[String]) -> Value {
        let count = self.wanted(store, indices).len();
        json!({"count": count, "_shards": shards(indices.len())})
    }

    /// One page of the matching documents in these indices, as JSON.
    pub(super) fn run(&mut self, store: &Store, indices: &[String]) -> Result<Vec<u8>, EngineError> {
        let mut wanted: Vec<_> =
            self.wanted(store, indices).into_iter().map(|found| (self.sort_values(found.2), found)).collect();
        wanted.sort_by(|(left, left_found), (right, right_found)| {
            let by_field = left.iter().zip(right).zip(&self.sort).map(|((left, right), (_, descends))| {
                let order = compare(left, right);
                // A document without the field comes last in both directions.
                if *descends && !left.is_null() && !right.is_null() { order.reverse() } else { order }
            });
            let order = by_field.fold(Ordering::Equal, Ordering::then);
            order.then_with(|| (left_found.0, left_found.2.seq_no).cmp(&(right_found.0, right_found.2.seq_no)))
        });
        let total = if wanted.len() > TRACKED_HITS && !self.track_total_hits {
            json!({"value": TRACKED_HITS, "relation": "gte"})
        } else {
            json!({"value": wanted.len(), "relation": "eq"})
        };
        let same_for_all = self.sort.is_empty().then_some(1.0);
        let page = wanted.into_iter().skip(usize::try_from(self.from).unwrap_or(usize::MAX));
        let hits: Vec<Hit<'_>> = page
            .take(usize::try_from(self.size).unwrap_or(usize::MAX))
            .map(|(sort, (index, id, document))| Hit {
                _index: index,
                _id: id,
                _score: same_for_all,
                _source: document.source.as_deref().and_then(|source| serde_json::from_slice(source).ok()),
                sort,
            })
            .collect();
        let max_score = same_for_all.filter(|_| !hits.is_empty());
        let found =
            Found { took: 0, timed_out: false, _shards: shards(indices.len()), hits: Hits { total, max_score, hits } };
        serde_json::to_vec(&found).map_err(|error| EngineError::new(500, "exception", error.to_string()))
    }

    fn wanted<'s>(&mut self, store: &'s Store, indices: &[String]) -> Vec<(&'s str, &'s str, &'s Document)> {
        let mut wanted = Vec::new();
        for name in indices {
            let Some((name, index)) = store.indices.get_key_value(name) else { continue };
            for (id, document) in &index.documents {
                if self.query.matches(document.source.as_deref().unwrap_or_default()) {
                    wanted.push((name.as_str(), id.as_ref(), document));
                }
            }
        }
        wanted
    }

    fn sort_values(&self, document: &Document) -> Vec<Value> {
        if self.sort.is_empty() {
            return Vec::new();
        }
        let source: Value =
            document.source.as_deref().and_then(|source| serde_json::from_slice(source).ok()).unwrap_or_default();
        self.sort
            .iter()
            .map(|(field, _)| match field.as_str() {
                "_doc" | "_score" => document.seq_no.into(),
                field => {
                    // `name.keyword` is the exact form of a text field in the engine's default mapping.
                    let field = field.strip_suffix(".keyword").unwrap_or(field);
                    let whole = source.get(field);
                    let value = whole.or_else(|| field.split('.').try_fold(&source, |value, part| value.get(part)));
                    value.cloned().unwrap_or_default()
                }
            })
            .collect()
    }
}

fn query_of(query: &Value) -> Result<Query, EngineError> {
    if query.is_null() || query.get("match_all").is_some() {
        return Query::parse("*");
    }
    if let Some(text) = query["query_string"]["query"].as_str() {
        return Query::parse(text);
    }
    let name = query.as_object().and_then(|query| query.keys().next()).map_or("", String::as_str);
    let reason = format!("unknown query [{name}]: this domain knows match_all and query_string");
    Err(EngineError::new(400, "parsing_exception", reason))
}

fn sort_of(sort: &Value) -> Vec<(String, bool)> {
    let fields = match sort {
        Value::Array(fields) => fields.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let mut sort = Vec::new();
    for field in fields {
        match field {
            Value::String(field) => sort.push((field, false)),
            Value::Object(fields) => sort.extend(fields.into_iter().map(|(field, order)| {
                let descends = order == "desc" || order["order"] == "desc";
                (field, descends)
            })),
            _ => {}
        }
    }
    sort
}

/// Numbers by value, texts by their characters. Numbers come before texts, missing values last.
fn compare(left: &Value, right: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Null => 3,
        _ => 2,
    };
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64().partial_cmp(&right.as_f64()),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => Some(rank(left).cmp(&rank(right))),
    }
    .unwrap_or(Ordering::Equal)
}

fn shards(indices: usize) -> Value {
    json!({"total": indices, "successful": indices, "skipped": 0, "failed": 0})
}
