//! Requests to the domain: authenticated, one attempt at a time, within an adaptive number in flight.
//!
//! In: an encoded body. Out: the answer's bytes, or a [`BatchError`] that says whether another attempt makes sense.
//! Works with Elasticsearch 7 and 8 and OpenSearch 1 to 3: no `_type`, no product check. Deliberately absent: what the
//! body means (`bulk`), and the loop that repeats it (`pipeline::send`), since only that knows which items are left.
//! Besides events there is what [`admin`] asks.

pub mod admin;
pub mod auth;
pub mod encode;
mod http;
pub mod limit;

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;

use crate::{
    aws::Aws,
    config::settings::Settings,
    outcome::{BatchError, ConfigError},
};
pub use admin::Admin;
pub use encode::Payload;
use http::{Http, Request};
pub use http::{address, put_json};
pub use limit::{AdaptiveLimit, Permit};

/// Only what is read is asked for. Escaped as the signature's canonical form wants it.
const BULK: &str = "/_bulk?filter_path=errors%2Citems.%2A.status%2Citems.%2A.error";

/// One domain.
#[derive(Debug)]
pub struct Cluster {
    http: Http,
    /// How many requests may be in flight.
    pub limit: AdaptiveLimit,
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
        })
    }

    /// One attempt at a `_bulk` request; a rejected signature or password is renewed and tried once more.
    ///
    /// # Errors
    /// As the error table says: connect, timeout, cut, 429 and 5xx are retryable, 413 is too large, all else permanent.
    pub async fn bulk(&self, payload: &Payload, timeout: Duration) -> Result<Bytes, BatchError> {
        let Payload { bytes, gzip, sha256 } = payload;
        let request = Request {
            method: Method::POST,
            path: BULK,
            content_type: "application/x-ndjson",
            body: bytes,
            gzip: *gzip,
            sha256,
        };
        self.http.send(&request, timeout).await?.success()
    }
}
