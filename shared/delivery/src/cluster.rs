//! Requests to the domain: authenticated, one attempt at a time, with an adaptive limit on requests in flight.
//!
//! In: an encoded body. Out: the answer's bytes, or a [`BatchError`] that says whether a retry makes sense.
//! Works with Elasticsearch 6.8 to 9 and OpenSearch 1 to 3 (`form`): no `_type` in items, no product check.
//! Deliberately absent: the meaning of the body (`bulk`), and the retry loop (`send`), since only that loop knows
//! which items are left. The requests of administration are `operations::admin`.

pub mod auth;
pub mod client;
pub mod encode;
pub mod form;
pub mod http;
pub mod limit;
pub mod lookup;
pub mod met;
pub mod taken;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{Method, StatusCode};

use crate::{aws::Aws, settings::Settings};
pub use encode::{Part, Payload};
pub use form::Form;
use form::{Forms, OfForm};
use http::{Answer, Http, Request};
pub use http::{address, answers, put_json};
pub use limit::{AdaptiveLimit, Permit};
pub use met::Met;
use pipeline::{
    bulk::ItemError,
    outcome::{BatchError, ConfigError},
};
pub use taken::Taken;

/// One domain.
#[derive(Debug)]
pub struct Cluster {
    http: Http,
    /// The limit on requests in flight.
    pub limit: AdaptiveLimit,
    asks_for_details: AtomicBool,
    /// The form of requests that the domain accepts.
    pub forms: Forms,
    taken: Taken,
    /// The outcomes of an invocation's requests.
    pub met: Met,
}

impl Cluster {
    /// A client of the settings' domain. Sends no request.
    ///
    /// # Errors
    /// No HTTP client can be made, for example for lack of root certificates.
    pub fn new(settings: &Settings, aws: &Aws) -> Result<Self, ConfigError> {
        Ok(Self {
            http: Http::new(&settings.domain_endpoint, &settings.domain_auth, settings.domain_authority.as_ref(), aws)?,
            limit: AdaptiveLimit::new(settings.max_in_flight),
            asks_for_details: AtomicBool::new(false),
            forms: Forms::default(),
            taken: Taken::default(),
            met: Met::default(),
        })
    }

    /// From now on each answer includes the item's id and result. They show which answer belongs to which item, and what a
    /// status of 200 means. Answers are twice as long with them, and most domains
    /// never need them.
    pub fn ask_for_details(&self) {
        self.asks_for_details.store(true, Ordering::Relaxed);
    }

    /// Whether requests are signed.
    pub fn signs(&self) -> bool {
        self.http.signs()
    }

    /// The requests that this domain has taken in this process.
    pub fn taken(&self) -> &Taken {
        &self.taken
    }

    /// Makes one attempt at a `_bulk` request. If the signature or password is rejected, renews it and tries a second
    /// time.
    ///
    /// # Errors
    /// By the error table: connect, timeout, cut, 429 and 5xx are retryable, 413 is too large, 400 is a bad request,
    /// all else is permanent.
    pub async fn bulk(&self, payload: &Payload, timeout: Duration) -> Result<Bytes, Unanswered> {
        let Payload { bytes, gzip, sha256, form, .. } = payload;
        let request = Request {
            method: Method::POST,
            path: form.path(self.asks_for_details.load(Ordering::Relaxed)),
            content_type: "application/x-ndjson",
            headers: &[],
            body: bytes,
            gzip: *gzip,
            sha256: sha256.as_deref(),
        };
        let sent = self.noted(self.http.send(&request, timeout).await);
        let status = sent.as_ref().ok().map(|answer| answer.status);
        let of_form = match &sent {
            Ok(answer) if !answer.status.is_success() => {
                self.forms.refused(*form, answer.status.as_u16(), &answer.body)
            }
            _ => OfForm::Nothing,
        };
        let is_refusal =
            status.is_some_and(|status| status == 503 || status.is_client_error() || status.is_redirection());
        let bytes = sent.and_then(|answer| match of_form {
            OfForm::Later => Err(BatchError::retryable(answer.what.clone(), answer.reason())),
            _ if answer.status == StatusCode::BAD_REQUEST => Err(bad_request(answer)),
            _ => answer.success(),
        });
        bytes.map_err(|error| Unanswered { error, is_refusal, wants_other_form: of_form == OfForm::Again })
    }

    /// Notes for the brake that a request failed.
    fn noted(&self, sent: Result<Answer, BatchError>) -> Result<Answer, BatchError> {
        let status = sent.as_ref().ok().map(|answer| answer.status);
        if status.is_none_or(|status| !status.is_success()) {
            let words = || sent.as_ref().map(Answer::reason).unwrap_or_default();
            self.met.request(status.map(|status| status.as_u16()), words);
        }
        sent
    }
}

/// Why a `_bulk` request has no answers to its items.
#[derive(Debug)]
pub struct Unanswered {
    /// The error.
    pub error: BatchError,
    /// Whether the domain refused the request. Otherwise it may have stored the items.
    pub is_refusal: bool,
    /// Whether the domain wants the same items in another form. They are to be sent again at once.
    pub wants_other_form: bool,
}

/// A 400 of the whole request, with the engine's error if the answer holds one.
fn bad_request(answer: Answer) -> BatchError {
    let (error_type, reason) = match ItemError::of_request(&answer.body) {
        Some(error) if !error.error_type.is_empty() => (error.error_type.clone(), error.to_string()),
        _ => (String::new(), http::reason(answer.status, &answer.body)),
    };
    BatchError::BadRequest { what: answer.what, error_type, reason }
}
