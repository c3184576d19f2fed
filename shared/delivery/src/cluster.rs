//! Requests to the domain: authenticated, one attempt at a time, within an adaptive number in flight.
//!
//! In: an encoded body. Out: the answer's bytes, or a [`BatchError`] that says whether another attempt makes sense.
//! Works with Elasticsearch 7 and 8 and OpenSearch 1 to 3: no `_type`, no product check. Deliberately absent: what the
//! body means (`bulk`), and the loop that repeats it (`send`), since only that knows which items are left.
//! The requests of administration are `operations::admin`.

pub mod auth;
pub mod encode;
pub mod http;
pub mod limit;
pub mod met;
pub mod taken;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{Method, StatusCode};

use crate::{aws::Aws, settings::Settings};
pub use encode::Payload;
use http::{Answer, Http, Request};
pub use http::{address, answers, put_json};
pub use limit::{AdaptiveLimit, Permit};
pub use met::Met;
use pipeline::{
    bulk::ItemError,
    outcome::{BatchError, ConfigError},
};
pub use taken::Taken;

/// Only what is read is asked for. Escaped as the signature's canonical form wants it.
const BULK: &str = "/_bulk?filter_path=errors%2Citems.%2A.status%2Citems.%2A.error";
/// The same with the id of each item and what was done to it: which answer is whose, and what a status of 200 means.
const BULK_WITH_DETAILS: &str =
    "/_bulk?filter_path=errors%2Citems.%2A.status%2Citems.%2A.error%2Citems.%2A.result%2Citems.%2A._id";

/// One domain.
#[derive(Debug)]
pub struct Cluster {
    http: Http,
    /// How many requests may be in flight.
    pub limit: AdaptiveLimit,
    asks_for_details: AtomicBool,
    taken: Taken,
    /// What the requests of an invocation met.
    pub met: Met,
}

impl Cluster {
    /// A client of the settings' domain; no request is sent.
    ///
    /// # Errors
    /// Where no HTTP client can be made, such as for lack of root certificates.
    pub fn new(settings: &Settings, aws: &Aws) -> Result<Self, ConfigError> {
        Ok(Self {
            http: Http::new(&settings.domain_endpoint, &settings.domain_auth, aws)?,
            limit: AdaptiveLimit::new(settings.max_in_flight),
            asks_for_details: AtomicBool::new(false),
            taken: Taken::default(),
            met: Met::default(),
        })
    }

    /// From now on each answer names its item and says what was done to it. Most domains never answer anything that needs it, and
    /// answers are twice as long with it.
    pub fn ask_for_details(&self) {
        self.asks_for_details.store(true, Ordering::Relaxed);
    }

    /// What requests this domain has taken in this process.
    pub fn taken(&self) -> &Taken {
        &self.taken
    }

    /// One attempt at a `_bulk` request; a rejected signature or password is renewed and tried once more.
    ///
    /// # Errors
    /// As the error table says: connect, timeout, cut, 429 and 5xx are retryable, 413 is too large, 400 is a bad request, all
    /// else permanent.
    pub async fn bulk(&self, payload: &Payload, timeout: Duration) -> Result<Bytes, BatchError> {
        let Payload { bytes, gzip, sha256, .. } = payload;
        let request = Request {
            method: Method::POST,
            path: if self.asks_for_details.load(Ordering::Relaxed) { BULK_WITH_DETAILS } else { BULK },
            content_type: "application/x-ndjson",
            body: bytes,
            gzip: *gzip,
            sha256,
        };
        let sent = self.http.send(&request, timeout).await;
        let status = sent.as_ref().ok().map(|answer| answer.status);
        if status.is_none_or(|status| !status.is_success()) {
            let words = || sent.as_ref().map(Answer::reason).unwrap_or_default();
            self.met.request(status.map(|status| status.as_u16()), words);
        }
        let answer = sent?;
        if answer.status == StatusCode::BAD_REQUEST { Err(bad_request(answer)) } else { answer.success() }
    }
}

/// A 400 of the whole request, with the engine's words where they are an engine's.
fn bad_request(answer: Answer) -> BatchError {
    #[derive(serde::Deserialize)]
    struct Refused {
        error: ItemError,
    }
    let (error_type, reason) = match serde_json::from_slice::<Refused>(&answer.body) {
        Ok(Refused { error }) if !error.error_type.is_empty() => (error.error_type.clone(), error.to_string()),
        _ => (String::new(), http::reason(answer.status, &answer.body)),
    };
    BatchError::BadRequest { what: answer.what, error_type, reason }
}
