//! A bucket with any number of objects, a queue that counts its messages, and a store for state. moto would need
//! minutes for a hundred thousand objects. The same test also runs against moto, with fewer objects.
//!
//! In: `ListObjectsV2`, `SendMessageBatch`, `GET` and conditional `PUT` of state, `Invoke`. Out: the answers of S3, SQS
//! and Lambda, and at the end how often each object was notified. Deliberately absent: the objects themselves.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Mutex;

use bytes::Bytes;
use emulator::server::{Answer, Closed};
use http_body_util::Full;
use hyper::{Method, Response, http::request::Parts};
use serde_json::{Value, json};

use crate::stateful_server::{StatefulServer, lock};

/// The number of objects on a page, as in S3.
const PAGE: usize = 1_000;

#[derive(Debug, Default)]
struct State {
    objects: usize,
    /// The state and its entity tag, by path.
    states: BTreeMap<String, (u64, Bytes)>,
    puts: u64,
    notified: HashMap<String, u64>,
}

/// A running server.
#[derive(Debug)]
pub struct LargeBucket(StatefulServer<State>);

/// The key of an object by its number. Keys ascend with the number.
pub fn key(number: usize) -> String {
    format!("source/{number:09}.json")
}

impl LargeBucket {
    /// Starts a server that has this many objects in every bucket.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start(objects: usize) -> Self {
        Self(StatefulServer::start(State { objects, ..State::default() }, respond).await)
    }

    /// The URL, for `AWS_ENDPOINT_URL`. The queue's URL is below it.
    pub fn url(&self) -> String {
        self.0.url()
    }

    /// The number of notifications for each object, by its key as the notification writes it.
    pub fn notified(&self) -> HashMap<String, u64> {
        self.0.state().notified.clone()
    }

    /// The only state, such as the progress of a replay; null if there is none yet.
    pub fn progress(&self) -> Value {
        let state = self.0.state();
        state
            .states
            .values()
            .next()
            .map_or(Value::Null, |(_, body)| serde_json::from_slice(body).expect("a whole state"))
    }
}

fn respond(state: &Mutex<State>, head: &Parts, body: &Bytes) -> Result<Answer, Closed> {
    let mut state = lock(state);
    let (path, query) = (head.uri.path().to_owned(), head.uri.query().unwrap_or_default());
    if head.headers.get("x-amz-target").is_some_and(|target| target == "AmazonSQS.SendMessageBatch") {
        return Ok(answer(200, send(&mut state, body).to_string()));
    }
    Ok(match head.method {
        Method::GET if query.contains("list-type=2") => answer(200, list(state.objects, query)),
        Method::GET => match state.states.get(&path) {
            Some((etag, body)) => tagged(200, *etag, body.clone()),
            None => answer(404, "<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>"),
        },
        Method::PUT => {
            let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
            let known = state.states.get(&path).map(|(etag, _)| format!("\"{etag}\""));
            let may = match (header("if-match"), header("if-none-match")) {
                (Some(etag), _) => known.as_deref() == Some(etag),
                (None, Some(_)) => known.is_none(),
                (None, None) => true,
            };
            if !may {
                return Ok(answer(
                    412,
                    "<Error><Code>PreconditionFailed</Code><Message>another one is there</Message></Error>",
                ));
            }
            state.puts += 1;
            let etag = state.puts;
            state.states.insert(path, (etag, body.clone()));
            tagged(200, etag, Bytes::new())
        }
        // An asynchronous invocation: it returns no result.
        Method::POST if path.ends_with("/invocations") => answer(202, ""),
        _ => answer(501, format!("{} {path} is not known here", head.method)),
    })
}

fn send(state: &mut State, body: &[u8]) -> Value {
    let request: Value = serde_json::from_slice(body).expect("SQS's JSON");
    let entries = request["Entries"].as_array().expect("entries");
    assert!((1..=10).contains(&entries.len()), "a batch has up to ten messages");
    let sent = entries.iter().map(|entry| {
        let message: Value =
            serde_json::from_str(entry["MessageBody"].as_str().expect("a body")).expect("a notification");
        let key = message["Records"][0]["s3"]["object"]["key"].as_str().expect("a key").to_owned();
        *state.notified.entry(key).or_default() += 1;
        json!({ "Id": entry["Id"], "MessageId": "m", "MD5OfMessageBody": "" })
    });
    json!({ "Successful": sent.collect::<Vec<_>>(), "Failed": [] })
}

fn list(objects: usize, query: &str) -> String {
    let after = query.split('&').find_map(|part| part.strip_prefix("start-after="));
    let first = after.map_or(0, |after| {
        let digits: String =
            after.trim_end_matches(".json").chars().rev().take(9).collect::<Vec<_>>().into_iter().rev().collect();
        digits.parse::<usize>().expect("one of these keys") + 1
    });
    let end = objects.min(first + PAGE);
    let mut xml = format!("<ListBucketResult><IsTruncated>{}</IsTruncated>", end < objects);
    for number in first..end {
        write!(
            xml,
            "<Contents><Key>{}</Key><ETag>\"e{number}\"</ETag><Size>3</Size><LastModified>2026-11-22T00:00:00.000Z</LastModified></Contents>",
            key(number)
        )
        .expect("a String takes everything");
    }
    xml + "</ListBucketResult>"
}

fn answer(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(body.into())).expect("a status")
}

fn tagged(status: u16, etag: u64, body: Bytes) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("etag", format!("\"{etag}\""))
        .body(Full::new(body))
        .expect("a status and a tag")
}
