//! A domain and a dead-letter bucket that follow a script: it decides the result of each item, each request and each
//! letter.
//!
//! In: `POST …/_bulk` with documents that have a number `seq`, and `PUT` of dead letters. Out: the answers of the
//! engine and of S3. At the end, the truth: which document was created under which ids, and which letters are durable.
//! Deliberately absent: anything random, which [`emulator::domain`] has.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::io::{self, Read};
use std::sync::Mutex;

use bytes::Bytes;
use emulator::server::{Answer, Closed};
use http_body_util::Full;
use hyper::http::request::Parts;
use hyper::{Method, Response};
use serde_json::{Value, json};

use crate::stateful_server::{StatefulServer, lock};

/// The result of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// 201.
    Created,
    /// 409: the document exists already.
    There,
    /// 400 `mapper_parsing_exception`: the document is invalid.
    Unmappable,
    /// 429 `rejected_execution_exception`.
    Busy,
    /// 503 `unavailable_shards_exception`.
    Unavailable,
    /// 403 `cluster_block_exception`.
    Blocked,
    /// 400 `validation_exception`, which means a state of the domain and not an invalid document.
    NoShards,
    /// 409 without a version conflict: a state of the domain.
    Snapshotted,
}

/// The result of one `_bulk` request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Its items get their steps.
    Items,
    /// This status. No item is carried out.
    Status(u16),
    /// No answer. The items may have been carried out.
    Cut {
        /// Whether the items were carried out before.
        applied: bool,
    },
    /// An answer without its last item. All items are carried out.
    Short,
    /// An answer that ends in the middle. All items are carried out.
    Garbled,
}

/// The future results. At the end of a list, every result is a success, but the last step of an item stays in force.
#[derive(Debug, Default, Clone)]
pub struct Script {
    /// The steps, by the `seq` of a document.
    pub items: HashMap<u64, Vec<Step>>,
    /// The results of the next requests.
    pub turns: VecDeque<Turn>,
    /// The statuses of the next letters.
    pub letters: VecDeque<u16>,
    /// The status of every request that holds a document, by the document's `seq`.
    pub refused: HashMap<u64, u16>,
    /// The status of every request, and its header `Retry-After`.
    pub all_refused: Option<(u16, Option<&'static str>)>,
}

/// The state of the domain and of the bucket.
#[derive(Debug, Default, Clone)]
pub struct Truth {
    /// The ids of the stored documents, by `seq`.
    pub created: BTreeMap<u64, BTreeSet<String>>,
    /// Every line of every durable letter.
    pub letters: Vec<Value>,
    /// The number of requests.
    pub requests: u64,
}

#[derive(Debug, Default)]
struct State {
    script: Script,
    truth: Truth,
    ids: HashSet<String>,
}

/// A running server.
#[derive(Debug)]
pub struct Scripted(StatefulServer<State>);

impl Scripted {
    /// Starts a server without a script.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Self {
        Self(StatefulServer::start(State::default(), respond).await)
    }

    /// The URL, for both endpoints.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// From now on, follows this script.
    pub fn follow(&self, script: Script) {
        self.0.state().script = script;
    }

    /// The current state.
    pub fn truth(&self) -> Truth {
        self.0.state().truth.clone()
    }
}

fn respond(state: &Mutex<State>, head: &Parts, body: &Bytes) -> Result<Answer, Closed> {
    let gzip = head.headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip");
    let body = if gzip { inflated(body).expect("gzip") } else { body.to_vec() };
    if head.method == Method::PUT { Ok(put(state, &body)) } else { bulk(state, &body) }
}

fn inflated(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(body).read_to_end(&mut plain)?;
    Ok(plain)
}

fn answer(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(Full::new(body.into())).expect("a status and a type")
}

fn put(state: &Mutex<State>, body: &[u8]) -> Response<Full<Bytes>> {
    let mut state = lock(state);
    let status = state.script.letters.pop_front().unwrap_or(200);
    if status == 200 {
        let text = std::str::from_utf8(body).expect("a letter is text");
        let lines =
            text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}: {line}")));
        state.truth.letters.extend(lines);
        return answer(200, "");
    }
    let code = match status {
        403 => "AccessDenied",
        503 => "SlowDown",
        _ => "InternalError",
    };
    answer(status, format!("<Error><Code>{code}</Code><Message>as the script says</Message></Error>"))
}

fn bulk(state: &Mutex<State>, body: &[u8]) -> Result<Response<Full<Bytes>>, Closed> {
    let mut state = lock(state);
    state.truth.requests += 1;
    if let Some((status, retry_after)) = state.script.all_refused {
        let mut refusal = refusal(status);
        if let Some(retry_after) = retry_after {
            refusal.headers_mut().insert("retry-after", retry_after.parse().expect("a header"));
        }
        return Ok(refusal);
    }
    let turn = state.script.turns.pop_front().unwrap_or(Turn::Items);
    match turn {
        Turn::Status(status) => {
            return Ok(refusal(status));
        }
        Turn::Cut { applied: false } => return Err(Closed),
        _ => {}
    }
    if is_impossible(body) {
        let error = json!({ "type": "invalid_index_name_exception", "reason": "Invalid index name" });
        let item = json!({ "create": { "status": 400, "error": error } });
        return Ok(answer(200, json!({ "errors": true, "items": [item] }).to_string()));
    }
    let documents = documents(body);
    if let Some(status) = documents.iter().find_map(|(_, seq)| state.script.refused.get(seq)) {
        return Ok(refusal(*status));
    }
    let mut items: Vec<Value> = documents.into_iter().map(|(id, seq)| item(&mut state, id, seq)).collect();
    if turn == Turn::Short {
        items.pop();
    }
    let errors = items.iter().any(|item| item["create"]["status"] != 201);
    let text = json!({ "errors": errors, "items": items }).to_string();
    match turn {
        Turn::Cut { .. } => Err(Closed),
        Turn::Garbled => Ok(answer(200, text[..text.len() / 2].to_owned())),
        _ => Ok(answer(200, text)),
    }
}

fn refusal(status: u16) -> Response<Full<Bytes>> {
    answer(status, r#"{"error":{"type":"scripted","reason":"as the script says"}}"#)
}

/// Whether a request has one document, which no engine stores for the name of its index.
fn is_impossible(body: &[u8]) -> bool {
    let mut lines = body.split(|byte| *byte == b'\n');
    let action: Value = lines.next().and_then(|line| serde_json::from_slice(line).ok()).unwrap_or_default();
    action["create"]["_index"].as_str().is_some_and(|index| index.ends_with('#'))
}

/// Id and `seq` of each document.
fn documents(body: &[u8]) -> Vec<(String, u64)> {
    let mut documents = Vec::new();
    let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    while let (Some(action), Some(document)) = (lines.next(), lines.next()) {
        let action: Value = serde_json::from_slice(action).expect("an action");
        let document: Value = serde_json::from_slice(document).expect("a document");
        let id = action["create"]["_id"].as_str().expect("an id").to_owned();
        documents.push((id, document["seq"].as_u64().expect("a number")));
    }
    documents
}

fn item(state: &mut State, id: String, seq: u64) -> Value {
    let failed =
        |status: u16, name: &str| json!({ "create": { "status": status, "error": { "type": name, "reason": name } } });
    if state.ids.contains(&id) {
        return failed(409, "version_conflict_engine_exception");
    }
    let steps = state.script.items.get_mut(&seq);
    let step = match steps {
        Some(steps) if steps.len() > 1 => steps.remove(0),
        Some(steps) => steps[0],
        None => Step::Created,
    };
    match step {
        Step::Created | Step::There => {
            state.truth.created.entry(seq).or_default().insert(id.clone());
            state.ids.insert(id);
            if step == Step::Created {
                json!({ "create": { "status": 201 } })
            } else {
                failed(409, "version_conflict_engine_exception")
            }
        }
        Step::Unmappable => failed(400, "mapper_parsing_exception"),
        Step::Busy => failed(429, "rejected_execution_exception"),
        Step::Unavailable => failed(503, "unavailable_shards_exception"),
        Step::Blocked => failed(403, "cluster_block_exception"),
        Step::NoShards => failed(400, "validation_exception"),
        Step::Snapshotted => failed(409, "snapshot_in_progress_exception"),
    }
}
