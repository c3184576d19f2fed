//! `_search` and `_count`: the documents that match a query, their order, one page of them, and aggregations.

mod key;
mod sort;

use std::{collections::HashMap, time::Instant};

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};

use self::sort::{Order, Place};
use super::{
    aggregations::{self, Aggregation},
    error::EngineError,
    query::Query,
    shard::{Shard, mapping},
    store::Snapshot,
};

/// `index.max_result_window`.
const MAX_RESULT_WINDOW: u64 = 10_000;
/// The number up to which the engine counts hits exactly by default.
const TRACKED_HITS: usize = 10_000;
/// The keys of a body.
const KEYS: [&str; 7] = ["aggregations", "aggs", "from", "query", "size", "sort", "track_total_hits"];

/// A search, read from the parameters of a request and its body.
#[derive(Debug)]
pub(super) struct Search {
    query: Query,
    from: usize,
    size: usize,
    sort: Vec<Order>,
    /// The number up to which hits are counted exactly; 0 for no count.
    tracked: usize,
    aggregations: Vec<Aggregation>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<Value>,
    max_score: Option<f64>,
    hits: Vec<Hit<'s>>,
}

#[derive(Serialize)]
struct Found<'s> {
    took: u64,
    timed_out: bool,
    _shards: Value,
    hits: Hits<'s>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    aggregations: Map<String, Value>,
}

/// The indices that could be searched, and the errors of the others.
struct Searched<'s> {
    shards: Vec<Shard<'s>>,
    failures: Vec<(&'s Snapshot, EngineError)>,
}

impl Search {
    /// Reads the parameters `q`, `from`, `size`, `sort`, `track_total_hits`, and a body with the same, `query` and `aggs`.
    pub(super) fn parse(parameters: &HashMap<String, String>, body: &[u8]) -> Result<Self, EngineError> {
        let body = object(body)?;
        if let Some(unknown) = body.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let reason = format!("Unknown key for a value in [{unknown}]: this domain knows {}", KEYS.join(", "));
            return Err(EngineError::new(400, "parsing_exception", reason));
        }
        let query = match (parameters.get("q"), body.get("query")) {
            (Some(text), _) => Query::text(text)?,
            (None, Some(query)) => Query::parse(query)?,
            (None, None) => Query::All,
        };
        let sort = match (parameters.get("sort"), body.get("sort")) {
            (Some(text), _) => text.split(',').map(Order::of_parameter).collect(),
            (None, Some(sort)) => Order::parse(sort)?,
            (None, None) => Vec::new(),
        };
        let number = |name: &str, default: u64| number(name, parameters.get(name), body.get(name), default);
        let (from, size) = (number("from", 0)?, number("size", 10)?);
        if from.saturating_add(size) > MAX_RESULT_WINDOW {
            let reason = format!(
                "Result window is too large, from + size must be less than or equal to: [{MAX_RESULT_WINDOW}] but was \
                 [{}]",
                from.saturating_add(size)
            );
            return Err(EngineError::new(400, "illegal_argument_exception", reason));
        }
        let parameter = parameters.get("track_total_hits").map(|text| Value::from(text.as_str()));
        let tracked = tracked(parameter.as_ref().or_else(|| body.get("track_total_hits")))?;
        // The engine takes the last of both.
        let aggregations =
            body.get("aggregations").or_else(|| body.get("aggs")).map(aggregations::parse).transpose()?;
        let (from, size) = (usize::try_from(from).unwrap_or_default(), usize::try_from(size).unwrap_or_default());
        Ok(Self { query, from, size, sort, tracked, aggregations: aggregations.unwrap_or_default() })
    }

    /// The number of matching documents in these indices.
    pub(super) fn count(&self, indices: &[Snapshot]) -> Result<Value, EngineError> {
        let searched = self.shards(indices)?;
        Ok(json!({"count": searched.count(), "_shards": searched.report()}))
    }

    /// One page of the matching documents in these indices, and the aggregations, as JSON.
    pub(super) fn run(&self, indices: &[Snapshot]) -> Result<Vec<u8>, EngineError> {
        let started = Instant::now();
        let searched = self.shards(indices)?;
        let mut aggregations = Map::new();
        // The engine gives none if there are no indices.
        for aggregation in self.aggregations.iter().filter(|_| !indices.is_empty()) {
            aggregations.insert(aggregation.name.clone(), aggregation.run(&searched.shards)?);
        }
        let count = searched.count();
        let total = match self.tracked {
            0 => None,
            tracked if count > tracked => Some(json!({"value": tracked, "relation": "gte"})),
            _ => Some(json!({"value": count, "relation": "eq"})),
        };
        let score = self.sort.is_empty().then(|| self.query.score());
        let page = if self.sort.is_empty() {
            sort::unsorted(&searched.shards, self.from, self.size)
        } else {
            sort::sorted(&searched.shards, &self.sort, self.from, self.size)?
        };
        let hits: Vec<Hit<'_>> = page.iter().map(|place| hit(place, score)).collect();
        let max_score = match score {
            _ if indices.is_empty() => Some(0.0),
            score => score.filter(|_| count > 0 && self.size > 0),
        };
        let found = Found {
            took: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            timed_out: false,
            _shards: searched.report(),
            hits: Hits { total, max_score, hits },
            aggregations,
        };
        serde_json::to_vec(&found).map_err(|error| EngineError::new(500, "exception", error.to_string()))
    }

    /// Finds the documents in each index.
    ///
    /// # Errors
    /// No index could be searched.
    fn shards<'s>(&self, indices: &'s [Snapshot]) -> Result<Searched<'s>, EngineError> {
        let has_fields = !self.aggregations.is_empty() || !self.sort.is_empty() || self.query.has_range();
        let mut searched = Searched { shards: Vec::new(), failures: Vec::new() };
        for index in indices {
            match self.shard(index, has_fields) {
                Ok(shard) => searched.shards.push(shard),
                Err(error) => searched.failures.push((index, error)),
            }
        }
        if searched.shards.is_empty() && !searched.failures.is_empty() {
            return Err(EngineError::all_shards_failed(&failures(&searched.failures), &searched.failures[0].1));
        }
        Ok(searched)
    }

    fn shard<'s>(&self, index: &'s Snapshot, has_fields: bool) -> Result<Shard<'s>, EngineError> {
        let mapping = if has_fields { mapping(index) } else { (*index.declared).clone() };
        let condition = self.query.on(&mapping)?;
        let mut fields = Vec::new();
        condition.fields(&mut fields);
        for order in &self.sort {
            fields.extend(order.field(&mapping)?.cloned());
        }
        for aggregation in &self.aggregations {
            fields.extend(aggregation.field(&mapping)?.cloned());
        }
        Ok(Shard::find(index, mapping, &condition, &fields))
    }
}

impl Searched<'_> {
    fn count(&self) -> usize {
        self.shards.iter().map(Shard::count).sum()
    }

    /// `_shards`
    fn report(&self) -> Value {
        let (successful, failed) = (self.shards.len(), self.failures.len());
        let mut report =
            json!({"total": successful + failed, "successful": successful, "skipped": 0, "failed": failed});
        if failed > 0 {
            report["failures"] = failures(&self.failures);
        }
        report
    }
}

fn failures(failures: &[(&Snapshot, EngineError)]) -> Value {
    let failure = |(index, error): &(&Snapshot, EngineError)| {
        let mut reason = error.item();
        if error.error_type == "query_shard_exception" {
            reason["index"] = index.name.as_str().into();
            reason["index_uuid"] = index.uuid.as_str().into();
        }
        json!({"shard": 0, "index": index.name, "node": "local", "reason": reason})
    };
    failures.iter().map(failure).collect()
}

fn hit<'p>(place: &'p Place<'_>, score: Option<f64>) -> Hit<'p> {
    Hit {
        _index: place.index,
        _id: &place.row.id,
        _score: score,
        _source: place.row.source.as_deref().and_then(|source| serde_json::from_slice(source).ok()),
        sort: place.values(),
    }
}

/// The body of a count, which has a query only.
pub(super) fn check_count(body: &[u8]) -> Result<(), EngineError> {
    match object(body)?.keys().find(|key| *key != "query") {
        None => Ok(()),
        Some(other) => Err(EngineError::new(400, "parsing_exception", format!("request does not support [{other}]"))),
    }
}

fn object(body: &[u8]) -> Result<Map<String, Value>, EngineError> {
    if body.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(EngineError::new(400, "parsing_exception", "Expected [START_OBJECT]")),
        Err(error) => Err(EngineError::new(400, "json_parse_exception", error.to_string())),
    }
}

fn number(name: &str, parameter: Option<&String>, member: Option<&Value>, default: u64) -> Result<u64, EngineError> {
    if let Some(text) = parameter {
        return text.parse().map_err(|_| {
            let reason = format!("Failed to parse int parameter [{name}] with value [{text}]");
            EngineError::new(400, "illegal_argument_exception", reason)
        });
    }
    match member {
        None => Ok(default),
        Some(Value::Number(number)) => number.as_u64().ok_or_else(|| {
            let reason = format!("[{name}] parameter cannot be negative, found [{number}]");
            EngineError::new(400, "illegal_argument_exception", reason)
        }),
        Some(_) => Err(EngineError::new(400, "parsing_exception", format!("Unknown key for a value in [{name}]."))),
    }
}

fn tracked(value: Option<&Value>) -> Result<usize, EngineError> {
    let text = match value {
        None => return Ok(TRACKED_HITS),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    match text.as_str() {
        "true" => Ok(usize::MAX),
        "false" => Ok(0),
        number => number
            .parse()
            .map_err(|_| EngineError::new(400, "number_format_exception", format!("For input string: \"{number}\""))),
    }
}
