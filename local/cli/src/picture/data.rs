//! The requests to the domain, and their results.

use delivery::lambda::Deadline;
use operations::admin::Admin;
use pipeline::outcome::BatchError;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    filter::Filter,
    grid::{Cell, bounds, cell, precision},
    times::{MAX_BARS, Times},
};

const TOP_VALUES: u32 = 10;
/// The largest number of values of a field for which top values make sense.
const MAX_VALUES: u64 = 50;
/// The largest number of fields whose values are counted when one is chosen.
const MAX_CANDIDATES: usize = 40;

/// The fields to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// The field with the time.
    pub time: Option<String>,
    /// The field with the points.
    pub points: Option<String>,
    /// The fields whose values are counted.
    pub top: Vec<String>,
}

/// The data of a picture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Data {
    /// The index pattern.
    pub index: String,
    /// The number of all events.
    pub total: u64,
    /// Events over time.
    pub times: Option<Times>,
    /// The positions of events.
    pub points: Option<Points>,
    /// The most frequent values of each field.
    pub values: Vec<Values>,
}

/// The positions of events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Points {
    /// The field.
    pub field: String,
    /// The length of the cells' geohashes.
    pub precision: u32,
    /// The cells with events.
    pub cells: Vec<Cell>,
}

/// The most frequent values of a field.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Values {
    /// The field.
    pub field: String,
    /// The values, each with the number of its events, the most frequent first.
    pub top: Vec<(String, u64)>,
    /// The number of events with other values.
    pub other: u64,
}

/// The indices to query.
#[derive(Debug, Clone, Copy)]
pub struct Indices<'a> {
    /// The pattern, such as `logs-*`.
    pub pattern: &'a str,
    /// Whether an index that the pattern names in full may be missing. Then it counts as empty.
    pub may_be_missing: bool,
}

impl Indices<'_> {
    /// The path of a request to one of the engine's APIs, such as `_search`.
    pub fn path(&self, api: &str) -> String {
        const OTHERS: &percent_encoding::AsciiSet =
            &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
        let segment = percent_encoding::utf8_percent_encode(self.pattern, OTHERS);
        format!("/{segment}/{api}{}", if self.may_be_missing { "?ignore_unavailable=true" } else { "" })
    }
}

impl Data {
    /// Queries a domain for the events that pass a filter.
    ///
    /// # Errors
    /// The domain refuses, does not answer until the deadline, or some of its shards fail: an incomplete picture would
    /// mislead.
    pub async fn ask(
        admin: &Admin,
        indices: Indices<'_>,
        fields: &Fields,
        filter: &Filter,
        deadline: Deadline,
    ) -> Result<Self, BatchError> {
        let query = filter.query(fields.time.as_deref());
        let asker = Asker { admin, indices, query: &query, deadline };
        let mut aggs = json!({});
        if let Some(field) = &fields.time {
            aggs["times"] = json!({ "auto_date_histogram": { "field": field, "buckets": MAX_BARS } });
        }
        if let Some(field) = &fields.points {
            aggs["bounds"] = json!({ "geo_bounds": { "field": field, "wrap_longitude": false } });
        }
        for (number, field) in fields.top.iter().enumerate() {
            aggs[number.to_string()] = json!({ "terms": { "field": field, "size": TOP_VALUES } });
        }
        let answer = asker.search(&aggs).await?;
        let said = &answer["aggregations"];
        let points = asker.points(fields.points.as_deref(), &said["bounds"]["bounds"]).await?;
        let times = fields.time.clone().map(|field| Times::of(field, &said["times"]));
        let values = |(number, field): (usize, &String)| {
            let said = &said[number.to_string()];
            Values {
                field: field.clone(),
                other: said["sum_other_doc_count"].as_u64().unwrap_or_default(),
                top: buckets(said).map(|bucket| (text(bucket), count(bucket))).collect(),
            }
        };
        let values = fields.top.iter().enumerate().map(values).collect();
        let total = answer["hits"]["total"]["value"].as_u64().unwrap_or_default();
        Ok(Self { index: indices.pattern.to_owned(), total, times, points, values })
    }
}

impl Fields {
    /// Chooses fields from the mappings in place of those that are not given: the time from `times` if one of them has dates, and at
    /// most `top` fields for top values.
    ///
    /// # Errors
    /// As with [`Data::ask`].
    pub async fn choose(
        self,
        admin: &Admin,
        indices: Indices<'_>,
        times: &[String],
        top: usize,
        deadline: Deadline,
    ) -> Result<Self, BatchError> {
        Asker { admin, indices, query: &json!({ "match_all": {} }), deadline }.complete(self, times, top).await
    }
}

/// The connection, the indices, the query and the deadline of the requests.
struct Asker<'a> {
    admin: &'a Admin,
    indices: Indices<'a>,
    query: &'a Value,
    deadline: Deadline,
}

impl Asker<'_> {
    async fn search(&self, aggs: &Value) -> Result<Value, BatchError> {
        let path = self.indices.path("_search");
        let body = json!({ "size": 0, "track_total_hits": true, "query": self.query, "aggs": aggs });
        let answer = self.admin.ask("POST", &path, Some(&body), self.deadline).await?;
        match answer["_shards"]["failed"].as_u64() {
            Some(0) => Ok(answer),
            // The shard of an index that was created a moment ago answers soon.
            failed => Err(BatchError::retryable(
                format!("POST {path}"),
                format!("{} shards failed: {}", failed.unwrap_or_default(), answer["_shards"]["failures"][0]["reason"]),
            )),
        }
    }

    /// The grid of the events within these bounds.
    async fn points(&self, field: Option<&str>, within: &Value) -> Result<Option<Points>, BatchError> {
        let Some((field, bounds)) = field.zip(bounds(within)) else { return Ok(None) };
        let precision = precision(bounds);
        let grid = json!({ "grid": { "geohash_grid": { "field": field, "precision": precision, "size": 10_000 } } });
        let answer = self.search(&grid).await?;
        let cell = |bucket: &Value| cell(bucket["key"].as_str()?, bucket["doc_count"].as_u64()?);
        let cells = buckets(&answer["aggregations"]["grid"]).filter_map(cell).collect();
        Ok(Some(Points { field: field.to_owned(), precision, cells }))
    }

    async fn complete(&self, chosen: Fields, times: &[String], top: usize) -> Result<Fields, BatchError> {
        let path = self.indices.path("_field_caps");
        let path = format!("{path}{}fields=%2A", if path.contains('?') { '&' } else { '?' });
        let answer = self.admin.ask("GET", &path, None, self.deadline).await?;
        let of_kind = |kinds: &[&str]| -> Vec<String> {
            let fields = answer["fields"].as_object().into_iter().flatten();
            let is_of_kind = |capabilities: &Value| {
                // The field has to have the same type in all indices.
                let mut types = capabilities.as_object().into_iter().flatten();
                let (first, other) = (types.next(), types.next());
                first.is_some_and(|(kind, can)| kinds.contains(&kind.as_str()) && can["aggregatable"] == true)
                    && other.is_none()
            };
            let own = fields.filter(|(name, can)| !name.starts_with('_') && is_of_kind(can));
            own.map(|(name, _)| name.clone()).collect()
        };
        let dates = of_kind(&["date", "date_nanos"]);
        let known = times.iter().find(|name| dates.contains(name));
        let date = known.or_else(|| dates.iter().find(|name| *name == "@timestamp")).or(dates.first()).cloned();
        let top =
            if chosen.top.is_empty() { self.of_few_values(of_kind(&["keyword"]), top).await? } else { chosen.top };
        Ok(Fields {
            time: chosen.time.or(date),
            points: chosen.points.or_else(|| of_kind(&["geo_point"]).into_iter().next()),
            top,
        })
    }

    /// The fields with the most values, among those with few enough values for a useful top list.
    async fn of_few_values(&self, mut fields: Vec<String>, most: usize) -> Result<Vec<String>, BatchError> {
        fields.truncate(MAX_CANDIDATES);
        if fields.is_empty() {
            return Ok(fields);
        }
        let aggs: serde_json::Map<String, Value> = fields
            .iter()
            .enumerate()
            .map(|(number, field)| (number.to_string(), json!({ "cardinality": { "field": field } })))
            .collect();
        let answer = self.search(&aggs.into()).await?;
        let values = |number: usize| answer["aggregations"][number.to_string()]["value"].as_u64().unwrap_or_default();
        let counted = fields.into_iter().enumerate().map(|(number, field)| (values(number), field));
        let mut few: Vec<_> = counted.filter(|(values, _)| (2..=MAX_VALUES).contains(values)).collect();
        // The sort is stable: of two fields with the same number of values, the first by name is taken.
        few.sort_by_key(|(values, _)| std::cmp::Reverse(*values));
        Ok(few.into_iter().take(most).map(|(_, field)| field).collect())
    }
}

fn buckets(aggregation: &Value) -> impl Iterator<Item = &Value> {
    aggregation["buckets"].as_array().into_iter().flatten()
}

fn count(bucket: &Value) -> u64 {
    bucket["doc_count"].as_u64().unwrap_or_default()
}

fn text(bucket: &Value) -> String {
    let key = bucket.get("key_as_string").unwrap_or(&bucket["key"]);
    key.as_str().map_or_else(|| key.to_string(), str::to_owned)
}
