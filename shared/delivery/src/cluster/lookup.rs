//! The requests that find out where a document is: the backing indices of a data stream or an alias, and the ids that one of
//! them holds.
//!
//! In: names and ids. Out: answers that are read strictly: an unknown form is an error, never "not found". Deliberately absent: which
//! indices to ask (`rollover`), and retries (`send`).

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Cluster,
    http::{Answer, Request, segment},
};
use pipeline::{bulk::ItemError, outcome::BatchError};

/// One request is answered from memory or by one lookup for each id.
const TIMEOUT: Duration = Duration::from_mins(1);

/// What to do about a refusal.
const MISSING_RIGHT: &str = "ids can't be looked up; run `setup`, which gives this right, and set the template's RolloverLookups=true \
     (docs/OPERATIONS.md)";

/// An index of a data stream or an alias, with its creation in milliseconds since 1970.
pub type Created = (String, Option<i64>);

/// What finds a document: its id, and the routing that it was sent with.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct DocumentKey<'k> {
    /// The id.
    #[serde(rename = "_id")]
    pub id: &'k str,
    /// The routing. `None` if the id decides the shard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routing: Option<&'k str>,
}

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

/// The answer to a request about an index.
enum Found {
    Yes(Bytes),
    /// 404. `is_of_engine`: the engine says that there is no such index. Anything else may be wrong about it.
    No {
        is_of_engine: bool,
        error: BatchError,
    },
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
    /// Asks for the indices of a data stream or an alias, including closed ones. Empty if the engine says that it does not have it.
    ///
    /// # Errors
    /// By the error table. A 403 is permanent: the right to read is missing. Retryable is a 404 of something else than the engine, such as a
    /// proxy, and an answer without an index: a name that exists has one.
    pub async fn backing_indices(&self, name: &str) -> Result<Vec<Created>, BatchError> {
        let path = format!("/{}/_settings/index.creation_date?flat_settings=true", segment(name));
        let answer = match self.ask(Method::GET, &path, Bytes::new()).await? {
            Found::Yes(answer) => answer,
            Found::No { is_of_engine: true, .. } => return Ok(Vec::new()),
            Found::No { error, .. } => return Err(error),
        };
        let read: BTreeMap<String, Settings> = read(&path, &answer)?;
        if read.is_empty() {
            return Err(BatchError::retryable(path, format!("the answer names no index of {name}")));
        }
        let created = |settings: Settings| settings.settings.date.and_then(|date| date.parse().ok());
        Ok(read.into_iter().map(|(index, settings)| (index, created(settings))).collect())
    }

    /// Asks whether one index holds these documents. Finds documents that no search finds yet.
    ///
    /// # Errors
    /// By the error table. A 404 is retryable: the index may be gone, and then its name has other indices.
    pub async fn held(&self, index: &str, documents: &[DocumentKey<'_>]) -> Result<Vec<Held>, BatchError> {
        let path = format!(
            "/{}/_mget?_source=false&filter_path=docs.found%2Cdocs.error.type%2Cdocs.error.reason",
            segment(index)
        );
        let body = sought(documents).to_string();
        let answer = self.ask(Method::POST, &path, body.into()).await?;
        let Documents { docs } = match answer {
            Found::Yes(answer) => read(&path, &answer)?,
            Found::No { error, .. } => return Err(error),
        };
        if docs.len() != documents.len() {
            return Err(unreadable(&path, &format!("{} ids asked for, {} answered", documents.len(), docs.len())));
        }
        if let Some(refusal) =
            docs.iter().filter_map(|document| document.error.as_ref()).find(|error| is_refusal(error))
        {
            self.met.request(Some(403), || refusal.to_string());
            return Err(BatchError::permanent(path, format!("{refusal}: {MISSING_RIGHT}")));
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

    /// Makes one attempt at a request. A refusal counts as one of a request with events: none is sent without the answer.
    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Found, BatchError> {
        let content_type = "application/json";
        let request = Request { method, path, content_type, headers: &[], body: &body, gzip: false, sha256: None };
        let sent = self.http.send(&request, TIMEOUT).await;
        let is_of_engine = sent.as_ref().is_ok_and(is_not_found);
        let answer = if is_of_engine { sent } else { self.noted(sent) }?;
        match answer.status {
            StatusCode::NOT_FOUND => {
                let reason = answer.reason();
                Ok(Found::No { is_of_engine, error: BatchError::retryable(answer.what, reason) })
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let reason = format!("{}: {MISSING_RIGHT}", answer.reason());
                Err(BatchError::permanent(answer.what, reason))
            }
            _ => answer.success().map(Found::Yes),
        }
    }
}

/// Whether the engine itself says that it has no such index, alias or data stream.
fn is_not_found(answer: &Answer) -> bool {
    let is_of_engine =
        || ItemError::of_request(&answer.body).is_some_and(|error| error.error_type == "index_not_found_exception");
    answer.status == StatusCode::NOT_FOUND && is_of_engine()
}

/// The body of the request. The short form has no place for a routing.
fn sought(documents: &[DocumentKey<'_>]) -> Value {
    if documents.iter().any(|document| document.routing.is_some()) {
        return json!({ "docs": documents });
    }
    json!({ "ids": documents.iter().map(|document| document.id).collect::<Vec<_>>() })
}

fn is_refusal(error: &ItemError) -> bool {
    error.error_type == "security_exception"
}

fn read<'a, T: Deserialize<'a>>(path: &str, answer: &'a [u8]) -> Result<T, BatchError> {
    serde_json::from_slice(answer).map_err(|error| unreadable(path, &error.to_string()))
}

fn unreadable(path: &str, reason: &str) -> BatchError {
    BatchError::permanent(path.to_owned(), format!("unreadable answer: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_with_a_routing_is_sought_in_its_shard() {
        let key = |routing| DocumentKey { id: "1", routing };
        for (routing, expected) in
            [(None, json!({ "ids": ["1"] })), (Some("r"), json!({ "docs": [{ "_id": "1", "routing": "r" }] }))]
        {
            assert_eq!(sought(&[key(routing)]), expected);
        }
    }

    #[test]
    fn only_the_engine_itself_says_that_it_has_no_such_name() {
        let of_engine = r#"{"error":{"root_cause":[],"type":"index_not_found_exception","reason":"no such index [a]"},"status":404}"#;
        for (status, body, expected) in [
            (404, of_engine, true),
            (403, of_engine, false),
            (404, r#"{"error":{"type":"security_exception","reason":"index_not_found_exception"}}"#, false),
            (404, r#"{"error":"no handler found for uri [/a/_settings]"}"#, false),
            (404, "<html>index_not_found_exception</html>", false),
            (404, "", false),
            (200, "{}", false),
        ] {
            let answer = Answer {
                what: String::new(),
                status: StatusCode::from_u16(status).unwrap(),
                retry_after: None,
                redirect: None,
                error_type: None,
                date_ms: None,
                body: body.into(),
            };
            assert_eq!(is_not_found(&answer), expected, "{status} {body}");
        }
    }
}
