//! The client for the administration of one domain: a request, with retries until a response comes that no retry would
//! change.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;

use super::response::{AdminResponse, usable};
use crate::settings::Domain;
use delivery::cluster::http::{Answer, Http, Request};
use delivery::{
    aws::Aws,
    lambda::Deadline,
    retry::{UNLIMITED, retry},
};
use pipeline::outcome::{BatchError, ConfigError};

/// A request that takes longer is cancelled and retried. Deleting an index waits for all nodes, 30 s at most.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(40);

/// Headers of requests to Dashboards and Kibana, which require one of the first two. With tenants, a request without a
/// tenant would import into the user's private one, which other users do not see.
const SAVED_OBJECTS: [(&str, &str); 3] = [("osd-xsrf", "true"), ("kbn-xsrf", "true"), ("securitytenant", "global")];

/// The client for the administration of one domain.
#[derive(Debug)]
pub struct Admin {
    http: Http,
}

impl Admin {
    /// A client for one domain. No request is sent.
    ///
    /// # Errors
    /// No HTTP client can be created.
    pub fn new(domain: &Domain, aws: &Aws) -> Result<Self, ConfigError> {
        Ok(Self { http: Http::new(&domain.endpoint, &domain.auth, domain.authority.as_ref(), aws)? })
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

    /// As [`Self::ask`], with the bytes of the response, for a caller that shows parts of them unchanged.
    ///
    /// # Errors
    /// As with [`Self::ask`].
    pub async fn ask_bytes(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        deadline: Deadline,
    ) -> Result<Bytes, BatchError> {
        let answer = self.answer(method, path, "application/json", body.to_string().into(), deadline).await?;
        let bytes = answer.body.clone();
        AdminResponse::from(answer).accepted()?;
        Ok(bytes)
    }

    /// Sends a request without a body, in a single attempt. Any response is returned, even one that a retry might not
    /// get, such as 503.
    ///
    /// # Errors
    /// No response came within `timeout`.
    pub async fn once(&self, path: &str, timeout: Duration) -> Result<AdminResponse, BatchError> {
        let body = Bytes::new();
        let content_type = "application/json";
        let (method, headers) = (Method::GET, &[]);
        let request = Request { method, path, content_type, headers, body: &body, gzip: false, sha256: None };
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
        self.answer(method, path, content_type, body, deadline).await.map(AdminResponse::from)
    }

    async fn answer(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Bytes,
        deadline: Deadline,
    ) -> Result<Answer, BatchError> {
        let invalid = |_| BatchError::permanent(format!("{method} {path}"), "no such method");
        let method = Method::from_bytes(method.as_bytes()).map_err(invalid)?;
        let headers = if path.contains("/api/saved_objects/") { &SAVED_OBJECTS[..] } else { &[] };
        let request = Request { method, path, content_type, headers, body: &body, gzip: false, sha256: None };
        let what = format!("{} {path}", request.method);
        let once = || async { self.http.send(&request, REQUEST_TIMEOUT).await.and_then(usable) };
        retry(deadline.stop_sending, UNLIMITED, &what, once).await
    }
}
