//! A server with a state, of which the other sides of some tests are made: each says what it answers, and keeps what is true.
//!
//! In: a function from a request, read to its end, to an answer. Deliberately absent: what is asked and answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::service::service_fn;
use local::server::{Answer, Closed, Server};

/// A running server.
#[derive(Debug)]
pub struct StatefulServer<S> {
    server: Server,
    state: Arc<Mutex<S>>,
}

impl<S: Send + 'static> StatefulServer<S> {
    /// Starts one; `Err` of what it answers cuts the connection.
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

    /// What is true now.
    pub fn state(&self) -> MutexGuard<'_, S> {
        lock(&self.state)
    }
}

/// The state, also after a test that panicked while it held it.
pub fn lock<S>(state: &Mutex<S>) -> MutexGuard<'_, S> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
