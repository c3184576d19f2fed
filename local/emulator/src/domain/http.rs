//! Checks the signature of each request, and turns the request into a call of the store.

use std::{collections::HashMap, fmt::Write as _, io::Read, sync::Arc, time::Instant};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::{
    Method, Request,
    body::Incoming,
    header::{CONTENT_ENCODING, HeaderValue, RETRY_AFTER},
};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{
    DomainStats, State, bulk,
    error::EngineError,
    faults::{After, Instead, rejected},
    search::Search,
    signature::{Signed, verify},
    store::Store,
};
use crate::server::{self, Answer, Closed};

/// A request that passed the check of its signature.
struct Asked {
    method: Method,
    segments: Vec<String>,
    parameters: HashMap<String, String>,
    body: Vec<u8>,
}

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
        answer(&mut state.store(), &Asked { body, ..asked })
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
            let reason = format!("told to answer {code}");
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

/// Answers every request except `_bulk`.
fn answer(store: &mut Store, asked: &Asked) -> Result<Answer, EngineError> {
    let segments: Vec<&str> = asked.segments.iter().map(String::as_str).collect();
    let (get, post, put, delete) = (&Method::GET, &Method::POST, &Method::PUT, &Method::DELETE);
    let method = if asked.method == Method::HEAD { get } else { &asked.method };
    let acknowledged = || server::json(200, &json!({"acknowledged": true}));
    let settings = || serde_json::from_slice::<Value>(&asked.body).unwrap_or_default();
    let is = |methods: &[&Method]| methods.contains(&method);
    match &segments[..] {
        [] if is(&[get]) => Ok(server::json(200, &version())),
        ["_cluster", "health"] if is(&[get]) => Ok(server::json(
            200,
            &json!({"cluster_name": "local", "status": "green", "timed_out": false, "number_of_nodes": 1,
                "number_of_data_nodes": 1, "active_shards": store.indices.len()}),
        )),
        ["_cluster", "settings"] if is(&[put]) => {
            cluster_settings(store, &settings());
            Ok(acknowledged())
        }
        ["_cat", "indices"] if is(&[get]) => cat_indices(store, "*", asked),
        ["_cat", "indices", names] if is(&[get]) => cat_indices(store, names, asked),
        ["_index_template", name] => template(store, method, name, &asked.body),
        ["_search"] if is(&[get, post]) => search(store, "*", asked),
        [names, "_search"] if is(&[get, post]) => search(store, names, asked),
        ["_count"] if is(&[get, post]) => count(store, "*", asked),
        [names, "_count"] if is(&[get, post]) => count(store, names, asked),
        ["_refresh"] if is(&[get, post]) => Ok(server::json(200, &json!({"_shards": {"failed": 0}}))),
        [names, "_refresh"] if is(&[get, post]) => {
            let indices = store.resolve(names)?.len();
            Ok(server::json(200, &json!({"_shards": {"total": indices, "successful": indices, "failed": 0}})))
        }
        [index, "_doc", id] if is(&[get]) => document(store, index, id),
        [names, action @ ("_close" | "_open")] if is(&[post]) => {
            for name in store.resolve(names)? {
                if let Some(index) = store.indices.get_mut(&name) {
                    index.closed = *action == "_close";
                }
            }
            Ok(acknowledged())
        }
        [names, "_settings"] if is(&[put]) => {
            let blocked = flag(&settings(), "index.blocks.write").or_else(|| flag(&settings(), "blocks.write"));
            for name in store.resolve(names)? {
                if let (Some(index), Some(blocked)) = (store.indices.get_mut(&name), blocked) {
                    index.write_block = blocked;
                }
            }
            Ok(acknowledged())
        }
        [name] if is(&[put]) => {
            store.create(name)?;
            Ok(server::json(200, &json!({"acknowledged": true, "shards_acknowledged": true, "index": name})))
        }
        [names] if is(&[delete]) => {
            for name in store.resolve(names)? {
                store.indices.remove(&name);
            }
            Ok(acknowledged())
        }
        [names] if is(&[get]) => {
            let found: serde_json::Map<_, _> =
                store.resolve(names)?.into_iter().map(|name| (name, json!({}))).collect();
            Ok(server::json(200, &Value::Object(found)))
        }
        _ => {
            let (path, method) = (format!("/{}", segments.join("/")), &asked.method);
            let reason = format!("no handler found for uri [{path}] and method [{method}]");
            Ok(server::json(400, &json!({"error": reason})))
        }
    }
}

fn version() -> Value {
    json!({
        "name": "local", "cluster_name": "local", "cluster_uuid": "local",
        "version": {
            "distribution": "opensearch", "number": "2.19.6", "build_type": "millrace", "build_snapshot": false,
            "minimum_wire_compatibility_version": "7.10.0", "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "The OpenSearch Project: https://opensearch.org/",
    })
}

/// A setting by its full name, written flat or nested.
fn setting<'v>(settings: &'v Value, name: &str) -> Option<&'v Value> {
    settings.get(name).or_else(|| name.split('.').try_fold(settings, |value, part| value.get(part)))
}

fn flag(settings: &Value, name: &str) -> Option<bool> {
    setting(settings, name).and_then(|value| value.as_bool().or_else(|| Some(value.as_str()? == "true")))
}

fn cluster_settings(store: &mut Store, settings: &Value) {
    for scope in ["persistent", "transient"] {
        let Some(settings) = settings.get(scope) else { continue };
        if let Some(value) = setting(settings, "action.auto_create_index") {
            store.auto_create_off = *value == false || *value == "false";
        }
        if let Some(value) = setting(settings, "cluster.max_shards_per_node") {
            let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
            store.max_shards = number.and_then(|number| usize::try_from(number).ok());
        }
    }
}

fn search(store: &Store, names: &str, asked: &Asked) -> Result<Answer, EngineError> {
    let mut search = Search::parse(&asked.parameters, &asked.body)?;
    let indices = store.resolve(names)?;
    Ok(server::answer(200, "application/json; charset=UTF-8", search.run(store, &indices)?))
}

fn count(store: &Store, names: &str, asked: &Asked) -> Result<Answer, EngineError> {
    let mut search = Search::parse(&asked.parameters, &asked.body)?;
    let indices = store.resolve(names)?;
    Ok(server::json(200, &search.count(store, &indices)))
}

fn document(store: &Store, index: &str, id: &str) -> Result<Answer, EngineError> {
    let present = store.indices.get(index).ok_or_else(|| EngineError::no_such_index(index))?;
    let Some(document) = present.documents.get(id) else {
        return Ok(server::json(404, &json!({"_index": index, "_id": id, "found": false})));
    };
    let mut text = json!({"_index": index, "_id": id, "_version": document.version, "_seq_no": document.seq_no,
        "_primary_term": 1, "found": true})
    .to_string()
    .into_bytes();
    if let Some(source) = &document.source {
        text.pop();
        text.extend_from_slice(b",\"_source\":");
        text.extend_from_slice(source);
        text.push(b'}');
    }
    Ok(server::answer(200, "application/json; charset=UTF-8", text))
}

fn cat_indices(store: &Store, names: &str, asked: &Asked) -> Result<Answer, EngineError> {
    let rows: Vec<(String, u64, usize, &str, &str)> = store
        .resolve(names)?
        .into_iter()
        .filter_map(|name| {
            let index = store.indices.get(&name)?;
            let status = if index.closed { "close" } else { "open" };
            Some((name, index.documents.len() as u64, index.bytes(), index.uuid.as_str(), status))
        })
        .collect();
    if asked.parameters.get("format").is_some_and(|format| format == "json") {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(name, documents, bytes, uuid, status)| {
                json!({"health": "green", "status": status, "index": name, "uuid": uuid, "pri": "1", "rep": "0",
                    "docs.count": documents.to_string(), "docs.deleted": "0",
                    "store.size": format!("{bytes}b"), "pri.store.size": format!("{bytes}b")})
            })
            .collect();
        return Ok(server::json(200, &Value::Array(rows)));
    }
    let mut text = String::new();
    for (name, documents, bytes, uuid, status) in rows {
        let _ = writeln!(text, "green {status} {name} {uuid} 1 0 {documents} 0 {bytes}b {bytes}b");
    }
    Ok(server::answer(200, "text/plain; charset=UTF-8", text))
}

fn template(store: &mut Store, method: &Method, name: &str, body: &[u8]) -> Result<Answer, EngineError> {
    let missing =
        || EngineError::new(404, "resource_not_found_exception", format!("index template matching [{name}] not found"));
    if method == Method::PUT {
        let template = serde_json::from_slice(body)
            .map_err(|error| EngineError::new(400, "json_parse_exception", error.to_string()))?;
        store.templates.insert(name.to_owned(), template);
    } else if method == Method::GET {
        let template = store.templates.get(name).ok_or_else(missing)?;
        let templates = json!([{"name": name, "index_template": template}]);
        return Ok(server::json(200, &json!({"index_templates": templates})));
    } else if store.templates.remove(name).is_none() {
        return Err(missing());
    }
    Ok(server::json(200, &json!({"acknowledged": true})))
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

/// `filter_path`: the parts of an answer on one of the comma-separated paths. `*` matches any one name.
fn filter(value: &Value, paths: &str) -> Option<Value> {
    let paths: Vec<Vec<&str>> = paths.split(',').map(|path| path.trim().split('.').collect()).collect();
    let paths: Vec<&[&str]> = paths.iter().map(Vec::as_slice).collect();
    on_paths(value, &paths)
}

fn on_paths(value: &Value, paths: &[&[&str]]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value.clone());
    }
    match value {
        Value::Object(fields) => {
            let kept: serde_json::Map<String, Value> = fields
                .iter()
                .filter_map(|(name, field)| {
                    let below: Vec<&[&str]> =
                        paths.iter().filter(|path| super::store::glob(path[0], name)).map(|path| &path[1..]).collect();
                    (!below.is_empty()).then(|| on_paths(field, &below))?.map(|field| (name.clone(), field))
                })
                .collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        // A list adds no level to the path.
        Value::Array(elements) => {
            let kept: Vec<Value> = elements.iter().filter_map(|element| on_paths(element, paths)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_path_keeps_what_is_asked_for() {
        let answer = json!({"took": 1, "errors": false, "items": [{"create": {"_id": "1", "status": 201}}]});
        let filtered = filter(&answer, "errors,items.*.status,items.*.error").unwrap();
        assert_eq!(filtered, json!({"errors": false, "items": [{"create": {"status": 201}}]}));
        assert_eq!(filter(&answer, "none"), None);
    }
}
