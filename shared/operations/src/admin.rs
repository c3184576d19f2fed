//! The administrative requests to a domain: its version, indices, storage, snapshots, templates and roles.
//!
//! In: a request as JSON. Out: the response as JSON, after as many attempts as the deadline allows. Every request can
//! be repeated without harm. Deliberately absent: decisions based on the responses (the operations).

pub mod answers;
pub mod indices;
pub mod load;
pub mod ownership;
pub mod repositories;
pub mod security;
pub mod snapshots;
pub mod storage;
pub mod templates;
pub mod version;

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;

use crate::settings::Domain;
use delivery::cluster::{
    encode::sha256,
    http::{Answer, Http, Request},
};
use delivery::{aws::Aws, lambda::Deadline, retry::Backoff};
use pipeline::outcome::{BatchError, ConfigError};
pub use version::{Distribution, Version};

/// A request that takes longer is cancelled and retried. Deleting an index waits for all nodes, 30 s at most.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

/// The client for the administration of one domain.
#[derive(Debug)]
pub struct Admin {
    http: Http,
}

/// The response of a domain, for the caller to judge.
#[derive(Debug, Clone, PartialEq)]
pub struct AdminResponse {
    /// The HTTP status: a success, or a refusal that a retry would get again.
    pub status: u16,
    /// The body; null if it is not JSON.
    pub body: Value,
    /// Request, status and the beginning of the body, for an error message.
    pub summary: String,
    /// The domain's own clock, in milliseconds since the epoch, if the response has a date.
    pub date_ms: Option<i64>,
}

impl AdminResponse {
    /// Whether the request succeeded.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns an error with the text of the response unless the request succeeded.
    ///
    /// # Errors
    /// Permanent: a retry would have the same result.
    pub fn accepted(&self) -> Result<(), BatchError> {
        if self.is_success() {
            return Ok(());
        }
        let (what, reason) = self.summary.split_once(": ").unwrap_or((&self.summary, ""));
        Err(BatchError::Permanent { what: what.to_owned(), reason: reason.to_owned() })
    }
}

impl Admin {
    /// A client for one domain. No request is sent.
    ///
    /// # Errors
    /// No HTTP client can be created.
    pub fn new(domain: &Domain, aws: &Aws) -> Result<Self, ConfigError> {
        Ok(Self { http: Http::new(&domain.endpoint, &domain.auth, aws)? })
    }

    /// Sends a request that has to succeed, such as `("GET", "/_cat/indices?format=json", None)`.
    ///
    /// # Errors
    /// Permanent if the domain refuses. Retryable if it gave no usable response until `deadline.stop_sending`.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        deadline: Deadline,
    ) -> Result<Value, BatchError> {
        let response = self.send(method, path, body, deadline).await?;
        response.accepted()?;
        Ok(response.body)
    }

    /// Sends a request without a body, in a single attempt. Any response is returned, even one that a retry might not
    /// get, such as 503.
    ///
    /// # Errors
    /// No response came within `timeout`.
    pub async fn once(&self, path: &str, timeout: Duration) -> Result<AdminResponse, BatchError> {
        let body = Bytes::new();
        let sha256 = sha256(&body);
        let content_type = "application/json";
        let request = Request { method: Method::GET, path, content_type, body: &body, gzip: false, sha256: &sha256 };
        self.http.send(&request, timeout).await.map(AdminResponse::from)
    }

    /// Sends a request whose refusal is also a result.
    ///
    /// # Errors
    /// Permanent if the response is a redirect. Retryable if the domain gave no usable response until
    /// `deadline.stop_sending`.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        deadline: Deadline,
    ) -> Result<AdminResponse, BatchError> {
        let bytes = body.map(Value::to_string).unwrap_or_default().into();
        self.send_bytes(method, path, "application/json", bytes, deadline).await
    }

    /// As [`Self::send`], with a body of another content type.
    ///
    /// # Errors
    /// Retryable if the domain gave no usable response until `deadline.stop_sending`.
    pub async fn send_bytes(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Bytes,
        deadline: Deadline,
    ) -> Result<AdminResponse, BatchError> {
        let invalid = |_| BatchError::Permanent { what: format!("{method} {path}"), reason: "no such method".into() };
        let method = Method::from_bytes(method.as_bytes()).map_err(invalid)?;
        let sha256 = sha256(&body);
        let request = Request { method, path, content_type, body: &body, gzip: false, sha256: &sha256 };
        let mut backoff = Backoff::new(fastrand::u64(..));
        loop {
            let attempt = self.http.send(&request, REQUEST_TIMEOUT);
            let error = match tokio::time::timeout_at(deadline.stop_sending.into(), attempt).await {
                Ok(Ok(answer)) => match response(answer) {
                    Ok(response) => return Ok(response),
                    Err(error @ BatchError::Retryable { .. }) => error,
                    Err(error) => return Err(error),
                },
                Ok(Err(error @ BatchError::Retryable { .. })) => error,
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    let (what, reason) = (format!("{} {path}", request.method), "no answer before the deadline".into());
                    return Err(BatchError::Retryable { what, reason, retry_after: None });
                }
            };
            let retry_after = if let BatchError::Retryable { retry_after, .. } = &error { *retry_after } else { None };
            let pause = backoff.next_pause(retry_after);
            if tokio::time::Instant::now() + pause >= deadline.stop_sending.into() {
                return Err(error);
            }
            tracing::warn!(%error, "asking again");
            tokio::time::sleep(pause).await;
        }
    }
}

/// Encodes a name as one path segment.
fn segment(name: &str) -> impl std::fmt::Display {
    const OTHERS: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(name, OTHERS)
}

/// Converts a response that no retry would change.
fn response(answer: Answer) -> Result<AdminResponse, BatchError> {
    // A caller might mistake a redirect for a meaningful refusal, such as "it does not exist".
    if let 300..=399 | 408 | 429 | 500..=599 = answer.status.as_u16() {
        return Err(answer.success().err().unwrap_or_else(|| unreachable!("it is no success")));
    }
    Ok(answer.into())
}

impl From<Answer> for AdminResponse {
    fn from(answer: Answer) -> Self {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let status = answer.status.as_u16();
        let reason = told(&body).map_or_else(|| answer.reason(), |told| format!("{status} {told}"));
        Self { status, summary: format!("{}: {reason}", answer.what), body, date_ms: answer.date_ms }
    }
}

/// The engine's error message with all causes: the innermost cause names the fault.
fn told(body: &Value) -> Option<String> {
    let error = &body["error"];
    let mut told = format!("{}: {}", error["type"].as_str()?, error["reason"].as_str()?);
    let mut cause = &error["caused_by"];
    while let Some(reason) = cause["reason"].as_str() {
        told = format!("{told}: {reason}");
        cause = &cause["caused_by"];
    }
    Some(told)
}
