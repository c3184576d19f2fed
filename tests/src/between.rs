//! A server in front of a domain that changes some of its answers: the date, the version, or a password that is
//! required.

use std::sync::Arc;

use base64_simd::STANDARD;
use bytes::Bytes;
use emulator::server::{Closed, Server};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use serde_json::Value;

use crate::engine;

/// The changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes {
    /// The header `date`.
    pub date: Option<&'static str>,
    /// The password that the user `ingest` has to give.
    pub password: Option<&'static str>,
    /// Answer as Elasticsearch of this version.
    pub elasticsearch: Option<&'static str>,
}

/// A running server.
#[derive(Debug)]
pub struct Between {
    /// Its URL.
    pub url: String,
    _server: Server,
}

impl Between {
    /// Starts a server in front of a domain.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(domain: &str, changes: Changes) -> Self {
        let (http, domain) = (engine::http(), Arc::<str>::from(domain));
        let server = Server::start(service_fn(move |request: Request<Incoming>| {
            let (http, domain) = (http.clone(), Arc::clone(&domain));
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
                let mut answer = Response::builder();
                if let Some(date) = changes.date {
                    answer = answer.header("date", date);
                }
                let password = changes.password;
                let right = password
                    .map(|password| format!("Basic {}", STANDARD.encode_to_string(format!("ingest:{password}"))));
                let given = head.headers.get("authorization").and_then(|given| given.to_str().ok());
                if right.is_some() && given != right.as_deref() {
                    return answer.status(401).body(Full::new(Bytes::from("Unauthorized"))).map_err(|_| Closed);
                }
                let is_version = head.uri.path() == "/";
                let mut path = head.uri.to_string();
                if changes.elasticsearch.is_some() {
                    // Elasticsearch 7 takes this parameter, and the engine behind this server refuses it.
                    path = path.replace("?include_type_name=false", "");
                }
                let request = http.request(head.method, format!("{domain}{path}")).body(body);
                let request = request.header("content-type", head.headers["content-type"].clone());
                let said = request.send().await.map_err(|_| Closed)?;
                let answer = answer.status(said.status());
                let mut said = said.bytes().await.map_err(|_| Closed)?;
                if let (Some(version), true) = (changes.elasticsearch, is_version) {
                    said = disguised(&said, version).into();
                }
                answer.body(Full::new(said)).map_err(|_| Closed)
            }
        }));
        let server = server.await.expect("a free port");
        Self { url: server.url(), _server: server }
    }
}

/// Removes the distribution, which Elasticsearch 7 does not name.
fn disguised(said: &[u8], version: &str) -> String {
    let mut said: Value = serde_json::from_slice(said).expect("the engine says what it is");
    said["version"]["number"] = version.into();
    said["version"].as_object_mut().expect("an object").remove("distribution");
    said.to_string()
}
