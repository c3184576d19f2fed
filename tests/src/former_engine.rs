//! Elasticsearch 6 as far as `_bulk` is concerned, in front of a real engine, until it is upgraded to that engine.
//!
//! In: requests. Out: the refusals of Elasticsearch 6.8, word for word, or the real engine's answers. The engines of
//! scripts/engines are real; this one shows the upgrade, which they cannot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use emulator::server::{Closed, Server};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::engine;

/// A running server.
#[derive(Debug)]
pub struct FormerEngine {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    is_upgraded: AtomicBool,
    refused: AtomicU64,
}

impl FormerEngine {
    /// Starts a server in front of an engine.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(target: &str) -> Self {
        let state = Arc::<State>::default();
        let (http, target, shared) = (engine::http(), Arc::<str>::from(target), Arc::clone(&state));
        let service = service_fn(move |request: Request<Incoming>| {
            let (http, target, state) = (http.clone(), Arc::clone(&target), Arc::clone(&shared));
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
                let mut uri = head.uri.to_string();
                if !state.is_upgraded.load(Ordering::Relaxed) {
                    if let Some(fault) = fault(&uri, &body) {
                        state.refused.fetch_add(1, Ordering::Relaxed);
                        return refusal(fault);
                    }
                    uri = uri.replace("/MILLRACE/_doc/_bulk", "/_bulk");
                }
                let request = http.request(head.method, format!("{target}{uri}")).headers(head.headers).body(body);
                let answer = request.send().await.map_err(|_| Closed)?;
                let status = answer.status();
                let body = answer.bytes().await.map_err(|_| Closed)?;
                Response::builder().status(status).body(Full::new(body)).map_err(|_| Closed)
            }
        });
        Self { server: Server::start(service).await.expect("a free port"), state }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// From now on it is the engine behind it.
    pub fn upgrade(&self) {
        self.state.is_upgraded.store(true, Ordering::Relaxed);
    }

    /// The number of requests that were refused for their form.
    pub fn refused(&self) -> u64 {
        self.state.refused.load(Ordering::Relaxed)
    }
}

/// The first fault of a request in the eyes of Elasticsearch 6.8. It reads only requests that are not compressed.
fn fault(uri: &str, body: &[u8]) -> Option<&'static str> {
    if uri.starts_with("/_bulk") {
        return Some("type is missing");
    }
    let creates_without_id =
        |line: &[u8]| line.starts_with(br#"{"create":{"#) && !line.windows(6).any(|six| six == br#""_id":"#);
    let lacks_id = body.split(|byte| *byte == b'\n').step_by(2).any(creates_without_id);
    lacks_id.then_some("an id must be provided if version type or value are set")
}

fn refusal(fault: &str) -> Result<Response<Full<Bytes>>, Closed> {
    let error = format!(
        r#"{{"type":"action_request_validation_exception","reason":"Validation Failed: 1: {fault};2: {fault};"}}"#
    );
    let body = format!(r#"{{"error":{error},"status":400}}"#);
    Response::builder().status(400).body(Full::new(body.into())).map_err(|_| Closed)
}
