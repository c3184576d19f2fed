//! The searches of the page. Each goes to the same indices, and has the limits of this file.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    io,
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use delivery::lambda::Deadline;
use operations::admin::Admin;
use pipeline::{outcome::BatchError, rule_tests};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::Semaphore;

use super::view::BadView;
use crate::{
    machine::Machine,
    picture::{Data, Fields, Filter, Indices},
};

/// The time limit of one answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The largest number of searches at a time. More wait.
const AT_A_TIME: usize = 2;
/// The rows of one answer.
pub(super) const ROWS: u32 = 50;
/// The largest number of bytes of a document in a row. Of a longer one, only the beginning is shown.
const MAX_SOURCE: usize = 64 << 10;
/// The largest number of fields with top values.
const MAX_TOP: usize = 6;
/// While events arrive, the fields are chosen again after this time, since new events may bring new ones.
const FIELDS_FOR: Duration = Duration::from_secs(10);
/// A domain shows an event up to a second after it took it. The fields that are chosen later than this after the last event stay.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

/// The domain of a machine, and the indices of its rules.
#[derive(Debug)]
pub(super) struct Domain {
    admin: Admin,
    pattern: String,
    /// The fields with the events' own time, by the rules, the most frequent first.
    times: Vec<String>,
    /// Whether a query can name a subfield such as `name.keyword`. The embedded domain compares values of documents.
    has_subfields: bool,
    searching: Semaphore,
    fields: Mutex<Option<(Instant, Fields)>>,
}

/// Why there are no data.
#[derive(Debug)]
pub(super) enum NoData {
    /// The browser wants what cannot be shown.
    Refused(BadView),
    /// The domain refuses or fails.
    Failed(BatchError),
}

impl From<BatchError> for NoData {
    fn from(error: BatchError) -> Self {
        Self::Failed(error)
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_source", borrow)]
    source: Option<&'a RawValue>,
    #[serde(default)]
    sort: Vec<Value>,
}

impl Domain {
    pub(super) async fn of(machine: &Machine, pipeline: &Path) -> io::Result<Self> {
        let datasets = rule_tests::load(pipeline).map_err(io::Error::other)?;
        let pattern = datasets.wildcards().into_iter().collect::<Vec<_>>().join(",");
        if pattern.is_empty() {
            // To the engine, no name is every index.
            let message =
                format!("{}: no dataset has an index, so there are no events for --keep to show", pipeline.display());
            return Err(io::Error::other(message));
        }
        let mut counted: BTreeMap<String, usize> = BTreeMap::new();
        datasets
            .iter()
            .filter_map(|dataset| dataset.stored_time())
            .for_each(|time| *counted.entry(time).or_default() += 1);
        let mut times: Vec<_> = counted.into_iter().collect();
        times.sort_by_key(|(_, count)| Reverse(*count));
        let times = times.into_iter().map(|(time, _)| time).collect();
        Ok(Self::new(machine.admin().await?, pattern, times, machine.domain.is_none()))
    }

    pub(super) fn new(admin: Admin, pattern: String, times: Vec<String>, has_subfields: bool) -> Self {
        Self { admin, pattern, times, has_subfields, searching: Semaphore::new(AT_A_TIME), fields: Mutex::default() }
    }

    pub(super) fn pattern(&self) -> &str {
        &self.pattern
    }

    pub(super) fn has_subfields(&self) -> bool {
        self.has_subfields
    }

    /// Events over time, on a map, and by value. `ended`: when the last event arrived, unless more may arrive.
    pub(super) async fn data(&self, filter: &Filter, ended: Option<Instant>) -> Result<Value, NoData> {
        let _turn = self.searching.acquire().await;
        let deadline = Deadline::after(PATIENCE);
        let fields = self.fields(ended, filter, deadline).await?;
        // Boxed, since the compiler has a limit for the depth of nested futures.
        Ok(json!(Box::pin(Data::ask(&self.admin, self.indices(), &fields, filter, deadline)).await?))
    }

    /// The latest events, after some.
    pub(super) async fn rows(&self, filter: &Filter, after: u32, ended: Option<Instant>) -> Result<Value, NoData> {
        let _turn = self.searching.acquire().await;
        let deadline = Deadline::after(PATIENCE);
        let fields = self.fields(ended, filter, deadline).await?;
        let mut body = json!({ "size": ROWS, "from": after, "query": filter.query(fields.time.as_deref()) });
        if let Some(field) = &fields.time {
            body["sort"] = json!([{ field: { "order": "desc", "unmapped_type": "date" } }]);
        }
        let path = self.indices().path("_search");
        let bytes = self.admin.ask_bytes("POST", &path, &body, deadline).await?;
        let answer: Answer<'_> = serde_json::from_slice(&bytes)
            .map_err(|error| BatchError::permanent(format!("POST {path}"), format!("unreadable: {error}")))?;
        let rows: Vec<Value> = answer.hits.hits.iter().map(row).collect();
        Ok(json!({ "time": fields.time, "rows": rows }))
    }

    fn indices(&self) -> Indices<'_> {
        Indices { pattern: &self.pattern, may_be_missing: true }
    }

    /// The fields to show. They are kept for a while, since counting the values of fields is dear.
    async fn fields(&self, ended: Option<Instant>, filter: &Filter, deadline: Deadline) -> Result<Fields, NoData> {
        let lock = || self.fields.lock().unwrap_or_else(PoisonError::into_inner);
        let is_good = |since: &Instant| match ended {
            Some(ended) => *since >= ended + SETTLED_AFTER,
            None => since.elapsed() < FIELDS_FOR,
        };
        let kept = lock().clone();
        let fields = match kept {
            Some((since, fields)) if is_good(&since) => fields,
            _ => {
                let chosen = Fields::default().choose(&self.admin, self.indices(), &self.times, MAX_TOP, deadline);
                let fields = Box::pin(chosen).await?;
                // Without a field there is no event yet, or none that has one: look again at the next request.
                *lock() = Some((Instant::now(), fields.clone())).filter(|_| fields != Fields::default());
                fields
            }
        };
        if fields.time.is_none() && filter.from_ms.or(filter.to_ms).is_some() {
            let message = "no field of these events has a time".into();
            return Err(NoData::Refused(BadView { column: None, message }));
        }
        Ok(fields)
    }
}

/// A row. The document stays text: a number in it may have more digits than JavaScript keeps.
fn row(hit: &Hit<'_>) -> Value {
    let source = hit.source.map_or("", RawValue::get);
    json!({
        "index": hit.index,
        "id": hit.id,
        "at": hit.sort.first(),
        "source": super::letters::beginning(source, MAX_SOURCE),
        "bytes": source.len(),
    })
}
