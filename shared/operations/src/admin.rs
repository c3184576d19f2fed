//! What is asked of a domain besides taking events: its version, indices, storage, snapshots, templates and roles.
//!
//! In: a request as JSON. Out: the answer as JSON, after as many attempts as the deadline allows. All requests can be
//! repeated without harm. Deliberately absent: what is decided by the answers (the operations).

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

/// A request that takes longer is given up and repeated. Deleting an index waits for all nodes, 30 s at most.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

/// The administration of one domain.
#[derive(Debug)]
pub struct Admin {
    http: Http,
}

/// The response of a domain, for the caller to judge.
#[derive(Debug, Clone, PartialEq)]
pub struct AdminResponse {
    /// The HTTP status: a success, or a refusal that another attempt would meet again.
    pub status: u16,
    /// The body; null where it is no JSON.
    pub body: Value,
    /// Request, status and the beginning of the body, for a message.
    pub summary: String,
    /// The domain's own clock, in milliseconds since the epoch, where it tells.
    pub date_ms: Option<i64>,
}

impl AdminResponse {
    /// Whether it did what it was asked for.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it did; otherwise an error with the words of the response.
    ///
    /// # Errors
    /// Permanent: another attempt would meet the same.
    pub fn accepted(&self) -> Result<(), BatchError> {
        if self.is_success() {
            return Ok(());
        }
        let (what, reason) = self.summary.split_once(": ").unwrap_or((&self.summary, ""));
        Err(BatchError::Permanent { what: what.to_owned(), reason: reason.to_owned() })
    }
}

impl Admin {
    /// A client of one domain; no request is sent.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(domain: &Domain, aws: &Aws) -> Result<Self, ConfigError> {
        Ok(Self { http: Http::new(&domain.endpoint, &domain.auth, aws)? })
    }

    /// A request that has to succeed, such as `("GET", "/_cat/indices?format=json", None)`.
    ///
    /// # Errors
    /// Permanent where the domain refuses, retryable where it did not answer well until `deadline.stop_sending`.
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

    /// One attempt, without a body, whatever comes of it: also what another attempt might not meet, such as 503, is an answer.
    ///
    /// # Errors
    /// Where no answer came within `timeout`.
    pub async fn once(&self, path: &str, timeout: Duration) -> Result<AdminResponse, BatchError> {
        let body = Bytes::new();
        let sha256 = sha256(&body);
        let content_type = "application/json";
        let request = Request { method: Method::GET, path, content_type, body: &body, gzip: false, sha256: &sha256 };
        self.http.send(&request, timeout).await.map(AdminResponse::from)
    }

    /// A request whose refusal says something too.
    ///
    /// # Errors
    /// Permanent where a redirect is the answer, retryable where the domain did not answer well until `deadline.stop_sending`.
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

    /// The same with a body of another kind.
    ///
    /// # Errors
    /// Retryable where the domain did not answer well until `deadline.stop_sending`.
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

/// A name as one segment of a path.
fn segment(name: &str) -> impl std::fmt::Display {
    const OTHERS: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(name, OTHERS)
}

/// An answer that is worth no other attempt.
fn response(answer: Answer) -> Result<AdminResponse, BatchError> {
    // A caller might take a redirect for a refusal that says something, such as "there is none".
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

/// What the engine says of an error: it is the innermost cause that names the fault.
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
