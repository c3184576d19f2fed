//! Signed requests to Lambda. Its SDK would be an eighth of what a first build compiles (ADR 21), for six operations.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;
use tokio::sync::OnceCell;

use delivery::{
    aws::{Aws, error::classify},
    cluster::{
        auth::Authenticator,
        http::{Answer, Http, Request},
    },
    retry::retry,
};
use pipeline::outcome::BatchError;

/// The attempts of a request. With their pauses they outlast a moment in which Lambda throttles the account.
const ATTEMPTS: u32 = 5;
/// The time limit of an attempt. Lambda answers these requests within a second.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The time limit of all attempts.
const MOST: Duration = Duration::from_secs(40);

/// A client that connects at its first request.
#[derive(Debug, Clone)]
pub(super) struct Client {
    aws: Aws,
    http: Arc<OnceCell<Http>>,
}

impl Client {
    pub(super) fn new(aws: &Aws) -> Self {
        Self { aws: aws.clone(), http: Arc::default() }
    }

    /// Sends a request, and retries it a few times. Returns the answer of a success; `Null` if it is not JSON.
    ///
    /// # Errors
    /// Any failure. A refusal has Lambda's code, such as `ResourceNotFoundException`.
    pub(super) async fn request(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, BatchError> {
        self.request_with(what, method, path, body, &[]).await
    }

    /// The same with further headers.
    ///
    /// # Errors
    /// As [`Self::request`].
    pub(super) async fn request_with(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&'static str, &'static str)],
    ) -> Result<Value, BatchError> {
        let http = self.http.get_or_try_init(|| self.connect()).await?;
        let body: Bytes = body.map(Value::to_string).unwrap_or_default().into();
        let content_type = "application/json";
        let request = Request { method, path, content_type, headers, body: &body, gzip: false, sha256: None };
        let once = || async { http.send(&request, TIMEOUT).await.and_then(|answer| read(what, &answer)) };
        retry(Instant::now() + MOST, ATTEMPTS, what, once).await
    }

    async fn connect(&self) -> Result<Http, BatchError> {
        let endpoint = self.aws.lambda_endpoint().await?;
        let (credentials, region) = (self.aws.credentials.clone(), self.aws.region.clone());
        let auth = Authenticator::SigV4 { credentials, service: "lambda", region };
        Http::of_aws(endpoint, auth).map_err(|error| BatchError::permanent("Lambda", error.to_string()))
    }
}

/// The body of a success. The error of a refusal has Lambda's code.
fn read(what: &str, answer: &Answer) -> Result<Value, BatchError> {
    let body = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status.is_success() {
        return Ok(body);
    }
    let code = error_code(answer.error_type.as_deref(), &body);
    let reason = match body["Message"].as_str().or(body["message"].as_str()) {
        Some(message) => format!("{code}: {message}"),
        None => answer.reason(),
    };
    Err(classify(what.to_owned(), code, reason, Some(answer.status.as_u16())))
}

/// The code of an error, from the header `x-amzn-errortype`, or from the body, which may name a namespace before `#`, or
/// a URL after `:`.
fn error_code<'a>(header: Option<&'a str>, body: &'a Value) -> &'a str {
    let code = header.or(body["__type"].as_str()).or(body["code"].as_str()).unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_code_of_an_error_is_read_from_the_header_or_else_from_the_body() {
        for (header, body, expected) in [
            (Some("ResourceNotFoundException:http://internal.amazon.com/"), json!({}), "ResourceNotFoundException"),
            (None, json!({ "__type": "com.amazonaws.lambda#ResourceInUseException" }), "ResourceInUseException"),
            (None, json!({ "code": "TooManyRequestsException" }), "TooManyRequestsException"),
            (None, json!({ "Message": "no" }), ""),
            (None, Value::Null, ""),
        ] {
            assert_eq!(error_code(header, &body), expected);
        }
    }
}
