//! Checks the signature of each request, carries out `_bulk`, and leaves all other requests to [`super::route`].

use std::{collections::HashMap, io::Read, sync::Arc, time::Instant};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::{
    Request,
    body::Incoming,
    header::{CONTENT_ENCODING, HeaderValue, RETRY_AFTER},
};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::{
    bulk,
    error::EngineError,
    faults::{After, Instead, rejected},
    filter_path::filter,
    route::{Asked, answer},
    signature::{Signed, verify},
    state::{DomainStats, State},
};
use crate::server::{self, Answer, Closed};

pub(super) async fn handle(state: Arc<State>, request: Request<Incoming>) -> Result<Answer, Closed> {
    let (parts, body) = request.into_parts();
    let received = body.collect().await.map_err(|_| Closed)?.to_bytes();
    if let Some(credentials) = &state.credentials {
        let signed = Signed { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body: &received };
        #[expect(clippy::disallowed_methods, reason = "a signature is good for five minutes")]
        let now = Timestamp::now();
        if let Err(refusal) = verify(&signed, credentials, now) {
            state.count(|stats| stats.refused += 1);
            return Ok(refusal.answer());
        }
    }
    let gzip = parts.headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding == "gzip");
    let segments: Vec<String> = parts
        .uri
        .path()
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let asked = Asked { method: parts.method, segments, parameters: parameters(parts.uri.query()), body: Vec::new() };
    if asked.segments.last().is_some_and(|last| last == "_bulk") {
        return bulk(&state, asked, &received, gzip).await;
    }
    let answered = tokio::task::spawn_blocking(move || {
        let body = decompressed(&received, gzip)?;
        answer(&state, &Asked { body, ..asked })
    });
    Ok(answered.await.map_err(|_| Closed)?.unwrap_or_else(|error| error.answer()))
}

async fn bulk(state: &Arc<State>, asked: Asked, received: &Bytes, gzip: bool) -> Result<Answer, Closed> {
    let trouble = state.faults().next_request();
    state.count(|stats| {
        stats.requests += 1;
        stats.bytes += received.len() as u64;
    });
    if let Some(wait) = trouble.wait {
        tokio::time::sleep(wait).await;
    }
    let body = match decompressed(received, gzip) {
        Ok(body) => body,
        Err(error) => return Ok(error.answer()),
    };
    if trouble.max_body_bytes.is_some_and(|max| body.len() > max) {
        return Ok(server::answer(413, "text/plain; charset=UTF-8", Bytes::new()));
    }
    match trouble.instead {
        Some(Instead::Cut) => return Err(Closed),
        Some(Instead::Status(code)) => {
            let reason = format!("set to answer {code}");
            return Ok(EngineError::new(code, "cluster_manager_not_discovered_exception", reason).answer());
        }
        Some(Instead::Rejected(retry_after)) => {
            let mut answer = rejected().answer();
            if let Some(seconds) = retry_after {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.as_secs()));
            }
            return Ok(answer);
        }
        None => {}
    }
    let state = Arc::clone(state);
    let carried_out = tokio::task::spawn_blocking(move || carry_out(&state, &asked, &body));
    let answer = carried_out.await.map_err(|_| Closed)?;
    match (trouble.after, answer) {
        (Some(After::Cut), _) => Err(Closed),
        (Some(After::Unreadable), Ok(mut text)) => {
            text.truncate(text.len() / 2);
            Ok(server::answer(200, "application/json; charset=UTF-8", text))
        }
        (_, Ok(text)) => Ok(server::answer(200, "application/json; charset=UTF-8", text)),
        (_, Err(error)) => Ok(error.answer()),
    }
}

fn carry_out(state: &State, asked: &Asked, body: &[u8]) -> Result<String, EngineError> {
    let started = Instant::now();
    let default_index = match &asked.segments[..] {
        [index, _] => Some(index.as_str()),
        _ => None,
    };
    let operations = bulk::parse(body, default_index)?;
    let mut items = Vec::with_capacity(operations.len());
    {
        let (mut store, mut faults) = (state.store(), state.faults());
        for operation in operations {
            let refused = faults.next_item(&operation.index, &store);
            items.push(bulk::apply(&mut store, operation, refused));
        }
    }
    let mut seen = DomainStats { items: items.len() as u64, bytes_raw: body.len() as u64, ..DomainStats::default() };
    for item in &items {
        match &item.fate {
            Ok(applied) if applied.result == "created" => seen.created += 1,
            Ok(_) => {}
            Err(error) if error.status == 409 => seen.conflicts += 1,
            Err(_) => seen.errors += 1,
        }
    }
    state.count(|stats| {
        stats.items += seen.items;
        stats.bytes_raw += seen.bytes_raw;
        stats.created += seen.created;
        stats.conflicts += seen.conflicts;
        stats.errors += seen.errors;
    });
    let answer = bulk::answer(&items, started.elapsed().as_millis());
    let filtered = match asked.parameters.get("filter_path") {
        Some(paths) => filter(&answer, paths).unwrap_or_else(|| json!({})),
        None => answer,
    };
    Ok(filtered.to_string())
}

fn decompressed(received: &Bytes, gzip: bool) -> Result<Vec<u8>, EngineError> {
    if !gzip {
        return Ok(received.to_vec());
    }
    let mut body = Vec::with_capacity(received.len() * 4);
    MultiGzDecoder::new(&received[..])
        .read_to_end(&mut body)
        .map_err(|error| EngineError::new(400, "illegal_argument_exception", format!("body is not gzip: {error}")))?;
    Ok(body)
}

fn parameters(query: Option<&str>) -> HashMap<String, String> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}
