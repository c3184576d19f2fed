//! A server in front of another one. Faults of many kinds happen at random, by a seed: failures, lost replies, cut
//! bodies, slow answers, and `_bulk` requests of which only a part is carried out.
//!
//! In: a seed, and another server. Out: the other server's answers, with faults in between until [`Storm::calm`].
//! Unlike [`crate::intercept`] it chooses faults at random, to find combinations that no other test has.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use emulator::server::{Closed, Server};
use futures_util::stream::{self, Iter};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use serde_json::{Value, json};

use crate::{engine, stateful_server::lock};

type Body = StreamBody<Iter<std::vec::IntoIter<Result<Frame<Bytes>, io::Error>>>>;

/// The fault of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Blow {
    /// The request is relayed.
    None,
    /// The reply is this status. Nothing is carried out.
    Refused(u16),
    /// The request is carried out. There is no reply.
    Lost,
    /// The request is carried out. The reply ends after this many bytes.
    Cut(usize),
    /// The request is delayed.
    Slow(Duration),
    /// Only the first items of a `_bulk` request are carried out, this many. There is no reply.
    Part(usize),
    /// These items of a `_bulk` request fail with a state of the domain.
    Items(Vec<(usize, u16)>),
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    is_calm: bool,
    blows: u64,
}

/// A running server. Dropping it stops the server.
#[derive(Debug)]
pub struct Storm {
    server: Server,
    state: Arc<Mutex<State>>,
}

/// The server's answer, or its replacement.
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Storm {
    /// Starts a server in front of the server at `target`.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(target: &str, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let state = Arc::new(Mutex::new(State { random, is_calm: false, blows: 0 }));
        let (http, target, shared) = (engine::http(), Arc::<str>::from(target), Arc::clone(&state));
        let service = service_fn(move |request: Request<Incoming>| {
            let (http, target, state) = (http.clone(), Arc::clone(&target), Arc::clone(&shared));
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
                let blow = lock(&state).blow(&head, &body);
                pass_on(&http, &target, head, body, blow).await
            }
        });
        Self { server: Server::start(service).await.expect("a free port"), state }
    }

    /// The URL to use instead of the other server's.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// From now on, all requests are relayed.
    pub fn calm(&self) {
        lock(&self.state).is_calm = true;
    }

    /// The number of requests that met a fault.
    pub fn blows(&self) -> u64 {
        lock(&self.state).blows
    }
}

impl State {
    fn blow(&mut self, head: &Parts, body: &Bytes) -> Blow {
        if self.is_calm {
            return Blow::None;
        }
        let blow = if head.uri.path().ends_with("_bulk") { self.bulk(head, body) } else { self.aws(head) };
        self.blows += u64::from(blow != Blow::None);
        blow
    }

    /// The fault of a request to S3 or SQS.
    fn aws(&mut self, head: &Parts) -> Blow {
        let is_get = head.method == Method::GET;
        match self.random.u8(0..100) {
            0..5 => Blow::Refused(if self.random.bool() { 500 } else { 503 }),
            5..9 => Blow::Lost,
            9..25 if is_get => Blow::Cut(self.random.usize(1..100_000)),
            // Only reads are delayed. A delayed change of the queue would take effect after the message was
            // redelivered.
            25..28 if is_get => Blow::Slow(Duration::from_millis(self.random.u64(1..1_500))),
            _ => Blow::None,
        }
    }

    fn bulk(&mut self, head: &Parts, body: &Bytes) -> Blow {
        let items = items(head, body).len();
        match self.random.u8(0..100) {
            0..4 => Blow::Refused(*self.random.choice(&[429, 500, 502, 503]).unwrap_or(&503)),
            4..10 => Blow::Lost,
            10..15 => Blow::Part(self.random.usize(0..=items)),
            15..18 => Blow::Slow(Duration::from_millis(self.random.u64(1..1_500))),
            18..22 if items > 100 => Blow::Refused(413),
            22..25 => Blow::Cut(self.random.usize(0..400)),
            25..45 => {
                let at: BTreeSet<usize> = (0..self.random.usize(1..4)).map(|_| self.random.usize(0..items)).collect();
                let status = |random: &mut fastrand::Rng| *random.choice(&[429, 503, 403]).unwrap_or(&503);
                Blow::Items(at.into_iter().map(|at| (at, status(&mut self.random))).collect())
            }
            _ => Blow::None,
        }
    }
}

async fn pass_on(
    http: &reqwest::Client,
    target: &str,
    head: Parts,
    body: Bytes,
    blow: Blow,
) -> Result<Response<Body>, Closed> {
    let (mut is_lost, mut cut) = (false, None);
    let mut passed = without_delay(&head, &body);
    match &blow {
        Blow::Refused(status) => return answer(&head, refusal(&head, *status), None),
        Blow::Lost => is_lost = true,
        Blow::Cut(at) => cut = Some(*at),
        Blow::Slow(time) => tokio::time::sleep(*time).await,
        Blow::Part(count) => {
            is_lost = true;
            passed = items(&head, &body)[..*count].concat().into();
        }
        Blow::Items(states) => {
            let all = items(&head, &body);
            let is_passed = |at: &usize| !states.iter().any(|(state, _)| state == at);
            passed = (0..all.len()).filter(is_passed).flat_map(|at| all[at].iter().copied()).collect();
        }
        Blow::None => {}
    }
    let is_other_body = passed != body;
    let mut reply = if passed.is_empty() && !body.is_empty() {
        Reply { status: 200, headers: HeaderMap::new(), body: Bytes::from_static(br#"{"items":[]}"#) }
    } else {
        let mut headers = head.headers.clone();
        if is_other_body {
            // The items are plain, and the other requests had no encoding.
            headers.remove("content-encoding");
            headers.remove("content-length");
        }
        let request = http.request(head.method.clone(), format!("{target}{}", head.uri)).headers(headers).body(passed);
        let reply = request.send().await.map_err(|_| Closed)?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        Reply { status, headers, body: reply.bytes().await.map_err(|_| Closed)? }
    };
    if is_lost {
        return Err(Closed);
    }
    if let Blow::Items(states) = &blow {
        reply.body = with_states(&reply.body, states).into();
        reply.headers.remove("content-length");
    }
    answer(&head, reply, cut)
}

/// Removes the delay of an SQS message. Otherwise the test would wait a minute for a message that yields to others.
fn without_delay(head: &Parts, body: &Bytes) -> Bytes {
    let is_message = head.headers.get("x-amz-target").is_some_and(|target| target == "AmazonSQS.SendMessage");
    match serde_json::from_slice::<Value>(body) {
        Ok(mut message) if is_message && message.get("DelaySeconds").is_some() => {
            message["DelaySeconds"] = json!(0);
            message.to_string().into()
        }
        _ => body.clone(),
    }
}

/// The items of a `_bulk` request, each two lines.
fn items(head: &Parts, body: &Bytes) -> Vec<Vec<u8>> {
    let mut plain = Vec::new();
    if head.headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        flate2::read::MultiGzDecoder::new(body.as_ref()).read_to_end(&mut plain).expect("gzip");
    } else {
        plain.extend_from_slice(body);
    }
    let lines: Vec<&[u8]> = plain.split_inclusive(|byte| *byte == b'\n').collect();
    lines.chunks(2).map(<[&[u8]]>::concat).collect()
}

/// Inserts the answers to items that were not relayed into their positions.
fn with_states(body: &[u8], states: &[(usize, u16)]) -> String {
    let Ok(mut reply) = serde_json::from_slice::<Value>(body) else {
        return String::from_utf8_lossy(body).into_owned();
    };
    let Some(items) = reply["items"].as_array_mut() else { return reply.to_string() };
    for (at, status) in states {
        let error = json!({ "type": "storm_exception", "reason": "as the seed says" });
        items.insert(*at, json!({ "create": { "status": status, "error": error } }));
    }
    reply["errors"] = true.into();
    reply.to_string()
}

fn refusal(head: &Parts, status: u16) -> Reply {
    let body = if head.uri.path().ends_with("_bulk") {
        r#"{"error":{"type":"storm_exception","reason":"as the seed says"}}"#
    } else {
        "<Error><Code>InternalError</Code><Message>as the seed says</Message></Error>"
    };
    Reply { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
}

/// The answer, or its first bytes before the connection ends.
fn answer(head: &Parts, reply: Reply, cut: Option<usize>) -> Result<Response<Body>, Closed> {
    let Reply { status, headers, body } = reply;
    let mut answer = Response::builder().status(status);
    for (name, value) in
        headers.iter().filter(|(name, _)| !["transfer-encoding", "connection"].contains(&name.as_str()))
    {
        answer = answer.header(name, value);
    }
    let may_have_body = head.method != Method::HEAD && status != 204 && status != 304;
    if may_have_body && !headers.contains_key("content-length") {
        answer = answer.header("content-length", body.len());
    }
    let mut frames = Vec::new();
    match cut.filter(|at| *at < body.len()) {
        Some(at) => {
            frames.push(Ok(Frame::data(body.slice(..at))));
            frames.push(Err(io::Error::other("cut on purpose")));
        }
        None if may_have_body => frames.push(Ok(Frame::data(body))),
        None => {}
    }
    answer.body(StreamBody::new(stream::iter(frames))).map_err(|_| Closed)
}
