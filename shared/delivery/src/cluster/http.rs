//! The HTTP client: one authenticated request and its whole answer.
//!
//! In: method, path, body and its hash. Out: an [`Answer`] of any status, or a [`BatchError`] if there was none.
//! Deliberately absent: retries, except for one renewal of refused credentials. Also absent: following redirects.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{Method, StatusCode, header};

use super::{
    auth::{Authenticator, Used},
    client::{self, Connector},
};
use crate::{
    aws::{Aws, error::chain},
    retry::MOST_ASKED_FOR,
    settings::{Auth, Authority},
};
use pipeline::outcome::{BatchError, ConfigError};

/// The limit of an answer. A larger one is not read: 10,000 items with an error each are about 5 MiB.
const MAX_RESPONSE_BYTES: usize = 32 << 20;

/// A client of one endpoint.
#[derive(Debug)]
pub struct Http {
    connector: Connector,
    endpoint: String,
    auth: Authenticator,
}

/// One request.
#[derive(Debug)]
pub struct Request<'r> {
    /// GET, PUT, POST, HEAD or DELETE.
    pub method: Method,
    /// The path with its query, escaped as the signature's canonical form requires.
    pub path: &'r str,
    /// The content type of the body.
    pub content_type: &'r str,
    /// Further headers.
    pub headers: &'r [(&'static str, &'static str)],
    /// The body as it is sent, compressed if `gzip` is set.
    pub body: &'r Bytes,
    /// Whether the body is compressed.
    pub gzip: bool,
    /// The hash of the body in hexadecimal, if it is known. Otherwise it is computed where a signature needs it, which is
    /// slow for megabytes.
    pub sha256: Option<&'r str>,
}

/// An answer of any status.
#[derive(Debug)]
pub struct Answer {
    /// The request, for messages.
    pub what: String,
    /// Its status.
    pub status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    /// The target of a redirect (3xx): host and port.
    pub(super) redirect: Option<String>,
    /// The code of an error of AWS (`x-amzn-errortype`), such as `ResourceNotFoundException`.
    pub error_type: Option<String>,
    /// The server's clock (`Date`), in milliseconds since the epoch.
    pub date_ms: Option<i64>,
    /// Its whole body.
    pub body: Bytes,
}

impl Http {
    /// A client of one domain. Sends no request.
    ///
    /// # Errors
    /// No HTTP client can be made, for example for lack of root certificates.
    pub fn new(endpoint: &str, auth: &Auth, authority: Option<&Authority>, aws: &Aws) -> Result<Self, ConfigError> {
        let connector = Connector::new(authority, &aws.secrets)?;
        Ok(Self { connector, endpoint: endpoint.to_owned(), auth: Authenticator::new(auth, aws) })
    }

    /// A client of an endpoint of AWS with its authentication. Sends no request.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_aws(endpoint: String, auth: Authenticator) -> Result<Self, ConfigError> {
        Ok(Self { connector: Connector::system()?, endpoint, auth })
    }

    /// Whether requests are signed.
    pub fn signs(&self) -> bool {
        self.auth.signs()
    }

    /// Sends a request. If the signature or password is rejected, renews it and tries a second time.
    ///
    /// # Errors
    /// There was no answer, or it could not be read to its end.
    pub async fn send(&self, request: &Request<'_>, timeout: Duration) -> Result<Answer, BatchError> {
        let (answer, used) = self.once(request, timeout).await?;
        let is_refused = matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if is_refused && self.auth.renew(&used, &answer.body).await {
            return self.once(request, timeout).await.map(|(answer, _)| answer);
        }
        Ok(answer)
    }

    async fn once(&self, request: &Request<'_>, timeout: Duration) -> Result<(Answer, Used), BatchError> {
        let path = request.path.split('?').next().unwrap_or_default();
        let what = format!("{} {}{path}", request.method, self.endpoint);
        let url = format!("{}{}", self.endpoint, request.path);
        let client = self.connector.client().await?;
        let mut built = client
            .request(request.method.clone(), url)
            .timeout(timeout)
            .header(header::CONTENT_TYPE, request.content_type);
        if request.gzip {
            built = built.header(header::CONTENT_ENCODING, "gzip");
        }
        for (name, value) in request.headers {
            built = built.header(*name, *value);
        }
        let mut built = built.build().map_err(|error| BatchError::permanent(what.clone(), chain(&error)))?;
        let used = self.auth.apply(&mut built, request.body, request.sha256).await?;
        *built.body_mut() = Some(request.body.clone().into());
        let sent = client.execute(built).await;
        if sent.as_ref().is_err_and(reqwest::Error::is_connect) {
            self.connector.forget().await;
        }
        read(what, sent).await.map(|answer| (answer, used))
    }
}

impl Answer {
    /// The body of a success.
    ///
    /// # Errors
    /// By the error table: 408, 429 and 5xx are retryable, 413 is too large, all else is permanent.
    pub fn success(self) -> Result<Bytes, BatchError> {
        let reason = self.reason();
        let Self { what, status, retry_after, body, .. } = self;
        match status.as_u16() {
            200..=299 => Ok(body),
            413 => Err(BatchError::TooLarge { what }),
            408 | 429 | 500..=599 => Err(BatchError::Retryable { what, code: String::new(), reason, retry_after }),
            _ => Err(BatchError::permanent(what, reason)),
        }
    }

    /// The answer as text for a message. For a redirect: its target, and why it is not followed.
    pub fn reason(&self) -> String {
        match &self.redirect {
            Some(target) => format!(
                "{} redirects to {target}: redirects are not followed, since events and credentials go only to the \
                 configured endpoint; configure the domain's own address",
                self.status.as_u16()
            ),
            None => reason(self.status, &self.body),
        }
    }
}

/// Puts a JSON document to a URL that carries its own permission, such as the response URL of `CloudFormation`.
///
/// # Errors
/// Any failure. The caller retries a retryable one.
pub async fn put_json(url: &str, body: String, timeout: Duration) -> Result<(), BatchError> {
    // Leave out the query, which holds the permission.
    let what = format!("PUT {}", url.split('?').next().unwrap_or_default());
    let client = client::system().map_err(|error| BatchError::permanent(what.clone(), error.to_string()))?;
    // No content type: the URL's signature would have to include it.
    read(what, client.put(url).timeout(timeout).body(body).send().await).await?.success().map(drop)
}

/// Checks that a URL is answered, with any status: the name, a connection, a certificate and an HTTP server exist.
///
/// # Errors
/// The missing part.
pub async fn answers(url: &str, timeout: Duration) -> Result<(), BatchError> {
    let what = format!("GET {url}");
    let client = client::system().map_err(|error| BatchError::permanent(what.clone(), error.to_string()))?;
    read(what, client.get(url).timeout(timeout).send().await).await.map(drop)
}

/// Encodes a text as one segment of a path, or as a value of a query.
pub fn segment(text: &str) -> impl std::fmt::Display {
    const OTHERS: &percent_encoding::AsciiSet =
        &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encoding::utf8_percent_encode(text, OTHERS)
}

/// Host and port of a URL.
pub fn address(url: &str) -> Option<(String, u16)> {
    let url = reqwest::Url::parse(url).ok()?;
    // The URL has an IPv6 address in brackets.
    Some((url.host_str()?.trim_matches(['[', ']']).to_owned(), url.port_or_known_default()?))
}

/// Reads an answer to its end.
async fn read(what: String, response: reqwest::Result<reqwest::Response>) -> Result<Answer, BatchError> {
    let retryable = |what: &str, error: reqwest::Error| BatchError::retryable(what, chain(&error.without_url()));
    let mut response = response.map_err(|error| retryable(&what, error))?;
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(|seconds| Duration::from_secs(seconds).min(MOST_ASKED_FOR));
    let redirect = response.status().is_redirection().then(|| target(&response));
    let date_ms = response
        .headers()
        .get(header::DATE)
        .and_then(|value| jiff::fmt::rfc2822::parse(value.to_str().ok()?).ok())
        .map(|date| date.timestamp().as_millisecond());
    let error_type = response.headers().get("x-amzn-errortype");
    let error_type = error_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let length = response.content_length().and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
    let mut body = Vec::with_capacity(length.min(1 << 20));
    while let Some(chunk) = response.chunk().await.map_err(|error| retryable(&what, error))? {
        if body.len() + chunk.len() > MAX_RESPONSE_BYTES {
            let reason = format!("the answer is longer than {MAX_RESPONSE_BYTES} bytes");
            return Err(BatchError::permanent(what, reason));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { what, status: response.status(), retry_after, redirect, error_type, date_ms, body: body.into() })
}

/// Host and port of a redirect's target. The path is left out, since it may hold a secret.
fn target(response: &reqwest::Response) -> String {
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let url = location.and_then(|location| response.url().join(location).ok());
    let host = url.as_ref().and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
    host.map_or_else(|| "nowhere".to_owned(), |(host, port)| format!("{host}:{port}"))
}

/// Status and the beginning of the answer: the domain's text, which never holds one of our payloads.
pub(super) fn reason(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(300)]);
    format!("{} {}", status.as_u16(), text.trim()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[tokio::test]
    async fn a_wait_that_a_server_asks_for_is_cut_where_its_answer_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        for (asked_for, wait) in [("3600", MOST_ASKED_FOR), ("5", Duration::from_secs(5))] {
            let serve = async {
                let (mut socket, _) = listener.accept().await.unwrap();
                let received = socket.read(&mut [0; 4096]).await.unwrap();
                let head = format!("HTTP/1.1 429 Busy\r\nRetry-After: {asked_for}\r\nContent-Length: 0\r\n\r\n");
                socket.write_all(head.as_bytes()).await.unwrap();
                received
            };
            let ask = async { read("GET /".into(), client::system().unwrap().get(&url).send().await).await.unwrap() };
            let (received, answer) = tokio::join!(serve, ask);
            assert!(received > 0);
            assert_eq!((answer.status.as_u16(), answer.retry_after), (429, Some(wait)), "{asked_for}");
        }
    }
}
