//! A server with a state. Several fakes of this package are built on it: each has its own answers and its own state.
//!
//! In: a function from a complete request to an answer. Deliberately absent: the meaning of requests and answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use emulator::server::{Answer, Closed, Server};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::service::service_fn;

/// A running server.
#[derive(Debug)]
pub struct StatefulServer<S> {
    server: Server,
    state: Arc<Mutex<S>>,
}

impl<S: Send + 'static> StatefulServer<S> {
    /// Starts a server. An `Err` from `respond` cuts the connection.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(state: S, respond: fn(&Mutex<S>, &Parts, &Bytes) -> Result<Answer, Closed>) -> Self {
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let service = service_fn(move |request: Request<Incoming>| {
            let state = Arc::clone(&shared);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
                respond(&state, &head, &body)
            }
        });
        Self { server: Server::start(service).await.expect("a free port"), state }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The current state.
    pub fn state(&self) -> MutexGuard<'_, S> {
        lock(&self.state)
    }
}

/// The state, even after a panic of a test that held the lock.
pub fn lock<S>(state: &Mutex<S>) -> MutexGuard<'_, S> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
