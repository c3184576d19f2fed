//! Requests to the domain: authenticated, one attempt at a time, within an adaptive number in flight.
//!
//! In: an encoded body. Out: the answer's bytes, or a [`BatchError`] that says whether another attempt makes sense.
//! Works with Elasticsearch 7 and 8 and OpenSearch 1 to 3: no `_type`, no product check. Deliberately absent: what the
//! body means (`bulk`), and the loop that repeats it (`pipeline::send`), since only that knows which items are left.

pub mod auth;
pub mod encode;
pub mod limit;

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Client, StatusCode, header};

use crate::{
    aws::Aws,
    config::settings::Settings,
    outcome::{BatchError, ConfigError, Fault},
};
use auth::Authenticator;
pub use encode::Payload;
pub use limit::{AdaptiveLimit, Permit};

/// Only what is read is asked for. Escaped as the signature's canonical form wants it.
const BULK: &str = "/_bulk?filter_path=errors%2Citems.%2A.status%2Citems.%2A.error";
/// No connection takes longer than this within one region.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An answer over this size is unreadable: 10,000 items with an error each are about 5 MiB.
const MAX_RESPONSE_BYTES: usize = 32 << 20;

/// One domain.
#[derive(Debug)]
pub struct Cluster {
    http: Client,
    endpoint: String,
    auth: Authenticator,
    /// How many requests may be in flight.
    pub limit: AdaptiveLimit,
}

impl Cluster {
    /// A client of the settings' domain; no request is sent.
    ///
    /// # Errors
    /// Where no HTTP client can be made, such as for lack of root certificates.
    pub fn new(settings: &Settings, aws: &Aws) -> Result<Self, ConfigError> {
        // Another part of the process may have installed it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http =
            Client::builder().connect_timeout(CONNECT_TIMEOUT).http1_only().build().map_err(|error| ConfigError {
                faults: vec![Fault {
                    place: "MILLRACE_DOMAIN_ENDPOINT".into(),
                    message: format!("no HTTP client: {error}"),
                }],
            })?;
        Ok(Self {
            http,
            endpoint: settings.domain_endpoint.clone(),
            auth: Authenticator::new(&settings.domain_auth, aws),
            limit: AdaptiveLimit::new(settings.max_in_flight),
        })
    }

    /// One attempt at a `_bulk` request; a rejected signature or password is renewed and tried once more.
    ///
    /// # Errors
    /// As the error table says: connect, timeout, cut, 429 and 5xx are retryable, 413 is too large, all else permanent.
    pub async fn bulk(&self, payload: &Payload, timeout: Duration) -> Result<Bytes, BatchError> {
        let url = format!("{}{BULK}", self.endpoint);
        let (status, retry_after, body) = match self.post(&url, payload, timeout).await? {
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _, body) if self.auth.renew(&body).await => {
                self.post(&url, payload, timeout).await?
            }
            answer => answer,
        };
        let what = format!("POST {}/_bulk", self.endpoint);
        match status.as_u16() {
            200..=299 => Ok(body),
            413 => Err(BatchError::TooLarge { what }),
            408 | 429 | 500..=599 => Err(BatchError::Retryable { what, reason: reason(status, &body), retry_after }),
            _ => Err(BatchError::Permanent { what, reason: reason(status, &body) }),
        }
    }

    async fn post(
        &self,
        url: &str,
        payload: &Payload,
        timeout: Duration,
    ) -> Result<(StatusCode, Option<Duration>, Bytes), BatchError> {
        let retryable = |error: reqwest::Error| BatchError::Retryable {
            what: format!("POST {}/_bulk", self.endpoint),
            reason: chain(&error.without_url()),
            retry_after: None,
        };
        let mut request = self.http.post(url).timeout(timeout).header(header::CONTENT_TYPE, "application/x-ndjson");
        if payload.gzip {
            request = request.header(header::CONTENT_ENCODING, "gzip");
        }
        let mut request = request.build().map_err(|error| BatchError::Permanent {
            what: format!("POST {}/_bulk", self.endpoint),
            reason: chain(&error),
        })?;
        self.auth.apply(&mut request, &payload.sha256).await?;
        *request.body_mut() = Some(payload.bytes.clone().into());
        let mut response = self.http.execute(request).await.map_err(retryable)?;
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let mut body = Vec::with_capacity(
            response.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or_default().min(1 << 20),
        );
        while let Some(chunk) = response.chunk().await.map_err(retryable)? {
            if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
                return Err(BatchError::Permanent {
                    what: format!("POST {}/_bulk", self.endpoint),
                    reason: format!("the answer is longer than {MAX_RESPONSE_BYTES} bytes"),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), retry_after, body.into()))
    }
}

/// Status and the beginning of the answer: the domain's words, which never hold a payload of ours.
fn reason(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(300)]);
    format!("{} {}", status.as_u16(), text.trim()).trim_end().to_owned()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
