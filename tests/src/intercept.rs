//! A server in front of another one. It relays requests, refuses some, and loses the replies to others.
//!
//! In: a rule from a request to a [`Fault`], and an edit of the replies. Out: the other server's answers, or the fault's. Unlike
//! [`crate::proxy`] it reads the requests.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use emulator::server::{Answer, Closed, Server};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::{engine, stateful_server::lock};

/// The fault that a request meets.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The request is relayed.
    None,
    /// The request is answered with this status and not relayed.
    Refused(u16),
    /// The request is relayed and takes effect. The reply is this status instead.
    Lost(u16),
    /// The request is answered like this and not relayed.
    Answered {
        /// The status.
        status: u16,
        /// One header, with its value.
        header: Option<(&'static str, &'static str)>,
        /// The body.
        body: &'static str,
    },
    /// The request is relayed, and its reply is edited.
    Edited(fn(&str) -> String),
}

type Rule = Box<dyn FnMut(&Parts, &Bytes) -> Fault + Send>;

/// A running server.
pub struct Intercept {
    server: Server,
    rule: Arc<Mutex<Rule>>,
}

impl std::fmt::Debug for Intercept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.server)
    }
}

impl Intercept {
    /// Starts a server in front of the server at `target`, without a fault.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(target: &str) -> Self {
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(|_, _| Fault::None)));
        let (http, target) = (engine::http(), Arc::<str>::from(target));
        let shared = Arc::clone(&rule);
        let service = service_fn(move |request: Request<Incoming>| {
            let (http, target, rule) = (http.clone(), Arc::clone(&target), Arc::clone(&shared));
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
                let fault = (lock(&rule))(&head, &body);
                match fault {
                    Fault::Refused(status) => return failure(status),
                    Fault::Answered { status, header, body } => return answered(status, header, body),
                    Fault::None | Fault::Lost(_) | Fault::Edited(_) => {}
                }
                let request = http.request(head.method, format!("{target}{}", head.uri)).headers(head.headers);
                let said = request.body(body).send().await.map_err(|_| Closed)?;
                let mut answer = Response::builder().status(said.status());
                for (name, value) in said.headers().iter().filter(|(name, _)| !is_of_length(name.as_str())) {
                    answer = answer.header(name, value);
                }
                let mut body = said.bytes().await.map_err(|_| Closed)?;
                match fault {
                    Fault::Lost(status) => return failure(status),
                    Fault::Edited(edit) => body = edit(&String::from_utf8_lossy(&body)).into(),
                    Fault::None | Fault::Refused(_) | Fault::Answered { .. } => {}
                }
                answer.body(Full::new(body)).map_err(|_| Closed)
            }
        });
        Self { server: Server::start(service).await.expect("a free port"), rule }
    }

    /// The URL to use instead of the other server's.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// From now on, this rule chooses the fault of each request.
    pub fn set(&self, rule: impl FnMut(&Parts, &Bytes) -> Fault + Send + 'static) {
        *lock(&self.rule) = Box::new(rule);
    }

    /// From now on, the `number`th request (from 1) that matches `is_meant` meets a fault. Its retries do not.
    pub fn set_nth(&self, number: u64, fault: Fault, is_meant: impl Fn(&Parts) -> bool + Send + 'static) {
        let mut seen = 0;
        self.set(move |head, _| {
            seen += u64::from(is_meant(head));
            if seen == number && is_meant(head) { fault } else { Fault::None }
        });
    }
}

fn answered(status: u16, header: Option<(&str, &str)>, body: &'static str) -> Result<Answer, Closed> {
    let mut answer = Response::builder().status(status);
    if let Some((name, value)) = header {
        answer = answer.header(name, value);
    }
    answer.body(Full::new(body.into())).map_err(|_| Closed)
}

/// Whether a header tells the length of a reply, which an edit may change.
fn is_of_length(header: &str) -> bool {
    matches!(header, "transfer-encoding" | "content-length")
}

/// A failure in XML, as AWS services write it. Services that use JSON read only the status.
fn failure(status: u16) -> Result<Answer, Closed> {
    let code = match status {
        403 => "AccessDeniedException",
        429 => "ThrottlingException",
        _ => "InternalError",
    };
    let body = format!("<Error><Code>{code}</Code><Message>as the test says</Message></Error>");
    Response::builder().status(status).body(Full::new(body.into())).map_err(|_| Closed)
}
