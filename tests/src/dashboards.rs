//! The part of OpenSearch Dashboards that imports saved objects. It checks the request as strictly as the real one,
//! and gives the same answers.
//!
//! In: `POST /_dashboards/api/saved_objects/_import`. Out: the bytes of each import, and the objects that exist now.
//! Deliberately absent: migrations and the user interface.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use bytes::Bytes;
use emulator::server::{Answer, Closed};
use http_body_util::Full;
use hyper::{Method, Response, http::request::Parts};
use serde_json::{Value, json};

use crate::stateful_server::{StatefulServer, lock};

/// The path of Dashboards on a domain of Amazon OpenSearch Service.
const BASE: &str = "/_dashboards";

/// A type and an id.
pub type Key = (String, String);

#[derive(Debug, Default)]
struct State {
    imports: Vec<Bytes>,
    tenants: BTreeSet<String>,
    objects: BTreeMap<Key, Value>,
    unsupported: BTreeSet<String>,
}

/// A running server.
#[derive(Debug)]
pub struct Dashboards(StatefulServer<State>);

impl Dashboards {
    /// Starts a server without objects.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        Self(StatefulServer::start(State::default(), respond).await)
    }

    /// Its URL, for `MILLRACE_DASHBOARDS`.
    pub fn url(&self) -> String {
        self.0.url() + BASE
    }

    /// From now on, refuses this type of objects as unknown.
    pub fn refuse(&self, kind: &str) {
        self.0.state().unsupported.insert(kind.to_owned());
    }

    /// The bodies of all imports so far.
    pub fn imports(&self) -> Vec<Bytes> {
        self.0.state().imports.clone()
    }

    /// The tenants that requests named.
    pub fn tenants(&self) -> BTreeSet<String> {
        self.0.state().tenants.clone()
    }

    /// All objects.
    pub fn objects(&self) -> BTreeMap<Key, Value> {
        self.0.state().objects.clone()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "no connection is cut here")]
fn respond(state: &Mutex<State>, head: &Parts, body: &Bytes) -> Result<Answer, Closed> {
    let (status, answer) = match import(state, head, body) {
        Ok(answer) => (200, answer),
        Err((status, message)) => (status, json!({ "statusCode": status, "message": message })),
    };
    let response = Response::builder().status(status).header("content-type", "application/json");
    Ok(response.body(Full::new(Bytes::from(answer.to_string()))).expect("a status and a type"))
}

fn import(state: &Mutex<State>, head: &Parts, body: &Bytes) -> Result<Value, (u16, String)> {
    let refused = |message: &str| Err((400, message.to_owned()));
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    if head.uri.path() != format!("{BASE}/api/saved_objects/_import") || head.method != Method::POST {
        return Err((404, "Not Found".into()));
    }
    if header("osd-xsrf").or_else(|| header("kbn-xsrf")).is_none() {
        return refused("Request must contain a osd-xsrf header.");
    }
    let boundary = header("content-type").and_then(|kind| kind.strip_prefix("multipart/form-data; boundary="));
    let Some(boundary) = boundary else { return Err((415, "Unsupported Media Type".into())) };
    let text = std::str::from_utf8(body).map_err(|error| (400, error.to_string()))?;
    let part = text
        .strip_prefix(&format!("--{boundary}\r\n"))
        .and_then(|rest| rest.strip_suffix(&format!("\r\n--{boundary}--\r\n")))
        .filter(|part| !part.contains(boundary));
    let Some((headers, file)) = part.and_then(|part| part.split_once("\r\n\r\n")) else {
        return refused("Invalid multipart payload format");
    };
    if !headers.contains("form-data; name=\"file\"; filename=\"") || !headers.contains(".ndjson\"") {
        return refused("Invalid file extension");
    }
    let overwrites = head.uri.query() == Some("overwrite=true");
    let mut state = lock(state);
    state.imports.push(body.clone());
    state.tenants.extend(header("securitytenant").map(str::to_owned));
    let (mut done, mut errors) = (Vec::new(), Vec::new());
    let lines: Vec<Value> = file
        .lines()
        .map(|line| serde_json::from_str(line).map_err(|error| (400, format!("{error}: {line}"))))
        .collect::<Result<_, _>>()?;
    let key = |object: &Value| {
        let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
        (text("type"), text("id"))
    };
    let all: BTreeSet<Key> = lines.iter().map(key).chain(state.objects.keys().cloned()).collect();
    for object in lines {
        let at = key(&object);
        // The real one also checks only these two types.
        let references = object["references"].as_array().into_iter().flatten();
        let looked_at = references.filter(|to| to["type"] == "index-pattern" || to["type"] == "search");
        let missing: Vec<&Value> = looked_at.filter(|to| !all.contains(&key(to))).collect();
        let error = if !object["attributes"].is_object() || at.1.is_empty() {
            json!({ "type": "unknown", "message": "no object", "statusCode": 400 })
        } else if state.unsupported.contains(&at.0) {
            json!({ "type": "unsupported_type" })
        } else if !missing.is_empty() {
            json!({ "type": "missing_references", "references": missing })
        } else if !overwrites && state.objects.contains_key(&at) {
            json!({ "type": "conflict" })
        } else {
            done.push(json!({ "type": at.0, "id": at.1, "meta": {} }));
            state.objects.insert(at, object);
            continue;
        };
        errors.push(json!({ "type": at.0, "id": at.1, "meta": {}, "error": error }));
    }
    let mut answer = json!({ "successCount": done.len(), "success": errors.is_empty(), "successResults": done });
    if !errors.is_empty() {
        answer["errors"] = json!(errors);
    }
    Ok(answer)
}
