//! The requests that find out where a document is: the backing indices of a data stream or an alias, and the ids that one of
//! them holds.
//!
//! In: names and ids. Out: answers that are read strictly: an unknown form is an error, never "not found". Deliberately absent: which
//! indices to ask (`rollover`), and retries (`send`).

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::{
    Cluster,
    http::{Request, segment},
};
use pipeline::{bulk::ItemError, outcome::BatchError};

/// One request is answered from memory or by one lookup for each id.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What to do about a refusal.
const MISSING_RIGHT: &str = "ids can't be looked up; run `setup`, which gives this right, and set the template's RolloverLookups=true \
     (docs/OPERATIONS.md)";

/// An index of a data stream or an alias, with its creation in milliseconds since 1970.
pub type Created = (String, Option<i64>);

/// Whether an index holds a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It does.
    Yes,
    /// It does not, including documents that are not yet visible to a search.
    No,
    /// The index cannot be read.
    Unknown(ItemError),
}

#[derive(Deserialize)]
struct Settings {
    settings: Creation,
}

#[derive(Deserialize)]
struct Creation {
    #[serde(rename = "index.creation_date")]
    date: Option<String>,
}

#[derive(Deserialize)]
struct Documents {
    docs: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    found: Option<bool>,
    error: Option<ItemError>,
}

impl Cluster {
    /// Asks for the indices of a data stream or an alias, including closed ones. Empty if the domain does not have it.
    ///
    /// # Errors
    /// By the error table. A 403 is permanent: the right to read is missing.
    pub async fn backing_indices(&self, name: &str) -> Result<Vec<Created>, BatchError> {
        let path = format!("/{}/_settings/index.creation_date?flat_settings=true", segment(name));
        let Some(answer) = self.ask(Method::GET, &path, Bytes::new()).await? else { return Ok(Vec::new()) };
        let read: BTreeMap<String, Settings> = read(&path, &answer)?;
        let created = |settings: Settings| settings.settings.date.and_then(|date| date.parse().ok());
        Ok(read.into_iter().map(|(index, settings)| (index, created(settings))).collect())
    }

    /// Asks whether one index holds these ids. Finds documents that no search finds yet.
    ///
    /// # Errors
    /// By the error table. A 404 is retryable: the index may be gone, and then its name has other indices.
    pub async fn held(&self, index: &str, ids: &[String]) -> Result<Vec<Held>, BatchError> {
        let path = format!(
            "/{}/_mget?_source=false&filter_path=docs.found%2Cdocs.error.type%2Cdocs.error.reason",
            segment(index)
        );
        let body = serde_json::json!({ "ids": ids }).to_string();
        let answer = self.ask(Method::POST, &path, body.into()).await?;
        let gone = || BatchError::retryable(path.clone(), "404".to_owned());
        let Documents { docs } = read(&path, &answer.ok_or_else(gone)?)?;
        if docs.len() != ids.len() {
            return Err(unreadable(&path, &format!("{} ids asked for, {} answered", ids.len(), docs.len())));
        }
        docs.into_iter()
            .map(|document| match (document.found, document.error) {
                (Some(true), None) => Ok(Held::Yes),
                (Some(false), None) => Ok(Held::No),
                (_, Some(error)) => Ok(Held::Unknown(error)),
                (None, None) => Err(unreadable(&path, "an id without `found`")),
            })
            .collect()
    }

    /// Makes one attempt at a request. `None`: 404.
    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Option<Bytes>, BatchError> {
        let content_type = "application/json";
        let request = Request { method, path, content_type, headers: &[], body: &body, gzip: false, sha256: None };
        let answer = self.http.send(&request, TIMEOUT).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let reason = format!("{}: {MISSING_RIGHT}", answer.reason());
                Err(BatchError::permanent(answer.what, reason))
            }
            _ => answer.success().map(Some),
        }
    }
}

fn read<'a, T: Deserialize<'a>>(path: &str, answer: &'a [u8]) -> Result<T, BatchError> {
    serde_json::from_slice(answer).map_err(|error| unreadable(path, &error.to_string()))
}

fn unreadable(path: &str, reason: &str) -> BatchError {
    BatchError::permanent(path.to_owned(), format!("unreadable answer: {reason}"))
}
