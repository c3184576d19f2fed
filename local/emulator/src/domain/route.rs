//! Every request except `_bulk`, as a call of the store.

use std::{collections::HashMap, fmt::Write as _};

use hyper::Method;
use serde_json::{Value, json};

use super::{
    error::EngineError,
    field_caps::field_caps,
    search::{Search, check_count},
    state::State,
    store::{Index, Snapshot, Store},
};
use crate::server::{self, Answer};

/// A request that passed the check of its signature.
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) segments: Vec<String>,
    pub(super) parameters: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// Answers every request except `_bulk`. A search takes what it reads under the lock, and runs without it.
pub(super) fn answer(state: &State, asked: &Asked) -> Result<Answer, EngineError> {
    let segments: Vec<&str> = asked.segments.iter().map(String::as_str).collect();
    let (names, action) = match &segments[..] {
        [action] => ("*", *action),
        [names, action] => (*names, *action),
        _ => ("", ""),
    };
    let reads = matches!(asked.method, Method::GET | Method::POST | Method::HEAD);
    let ignores = asked.parameters.get("ignore_unavailable").is_some_and(|ignores| ignores == "true");
    let snapshots = || state.store().snapshots(names, ignores);
    match action {
        "_search" if reads => search(asked, snapshots),
        "_count" if reads => count(asked, snapshots),
        "_field_caps" if reads => Ok(server::json(200, &field_caps(&asked.parameters, &snapshots()?)?)),
        _ => administer(&mut state.store(), asked, &segments),
    }
}

fn administer(store: &mut Store, asked: &Asked, segments: &[&str]) -> Result<Answer, EngineError> {
    let (get, post, put, delete) = (&Method::GET, &Method::POST, &Method::PUT, &Method::DELETE);
    let method = if asked.method == Method::HEAD { get } else { &asked.method };
    let acknowledged = || server::json(200, &json!({"acknowledged": true}));
    let settings = || serde_json::from_slice::<Value>(&asked.body).unwrap_or_default();
    let is = |methods: &[&Method]| methods.contains(&method);
    match segments {
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
        ["_refresh"] if is(&[get, post]) => Ok(server::json(200, &json!({"_shards": {"failed": 0}}))),
        [names, "_refresh"] if is(&[get, post]) => {
            let indices = store.resolve(names)?.len();
            Ok(server::json(200, &json!({"_shards": {"total": indices, "successful": indices, "failed": 0}})))
        }
        [index, "_doc", id] if is(&[get]) => document(store, index, id),
        [index, "_mget"] if is(&[get, post]) => held(store, index, &settings()),
        [names, "_settings", _] if is(&[get]) => unset(store, names),
        [names, action @ ("_close" | "_open")] if is(&[post]) => {
            change(store, names, |index| index.closed = *action == "_close")?;
            Ok(acknowledged())
        }
        [names, "_settings"] if is(&[put]) => {
            if let Some(blocked) = flag(&settings(), "index.blocks.write").or_else(|| flag(&settings(), "blocks.write"))
            {
                change(store, names, |index| index.write_block = blocked)?;
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
        _ => Ok(no_handler(segments, &asked.method)),
    }
}

fn change(store: &mut Store, names: &str, change: impl Fn(&mut Index)) -> Result<(), EngineError> {
    for name in store.resolve(names)? {
        store.indices.get_mut(&name).map(&change);
    }
    Ok(())
}

fn no_handler(segments: &[&str], method: &Method) -> Answer {
    let reason = format!("no handler found for uri [/{}] and method [{method}]", segments.join("/"));
    server::json(400, &json!({"error": reason}))
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

fn search(
    asked: &Asked,
    snapshots: impl FnOnce() -> Result<Vec<Snapshot>, EngineError>,
) -> Result<Answer, EngineError> {
    let search = Search::parse(&asked.parameters, &asked.body)?;
    Ok(server::answer(200, "application/json; charset=UTF-8", search.run(&snapshots()?)?))
}

fn count(asked: &Asked, snapshots: impl FnOnce() -> Result<Vec<Snapshot>, EngineError>) -> Result<Answer, EngineError> {
    check_count(&asked.body)?;
    let search = Search::parse(&asked.parameters, &asked.body)?;
    Ok(server::json(200, &search.count(&snapshots()?)?))
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
    if let Some(source) = present.source(id) {
        text.pop();
        text.extend_from_slice(b",\"_source\":");
        text.extend_from_slice(source);
        text.push(b'}');
    }
    Ok(server::answer(200, "application/json; charset=UTF-8", text))
}

/// The indices without the setting that was asked for. None of them rolls over.
fn unset(store: &Store, names: &str) -> Result<Answer, EngineError> {
    let indices = store.resolve(names)?.into_iter().map(|name| (name, json!({"settings": {}})));
    Ok(server::json(200, &Value::Object(indices.collect())))
}

/// Which of these ids an index holds, without the documents.
fn held(store: &Store, index: &str, sought: &Value) -> Result<Answer, EngineError> {
    let present = store.indices.get(index).ok_or_else(|| EngineError::no_such_index(index))?;
    // Each document has one place here, whatever its routing.
    let documents = sought["docs"].as_array().into_iter().flatten().map(|document| &document["_id"]);
    let ids = sought["ids"].as_array().into_iter().flatten().chain(documents).filter_map(Value::as_str);
    let documents: Vec<Value> = ids.map(|id| json!({"_id": id, "found": present.documents.contains_key(id)})).collect();
    Ok(server::json(200, &json!({ "docs": documents })))
}

fn cat_indices(store: &Store, names: &str, asked: &Asked) -> Result<Answer, EngineError> {
    let rows: Vec<(String, u64, usize, &str, &str)> = store
        .resolve(names)?
        .into_iter()
        .filter_map(|name| {
            let index = store.indices.get(&name)?;
            let status = if index.closed { "close" } else { "open" };
            Some((name, index.documents.len() as u64, index.rows.bytes(), index.uuid.as_str(), status))
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
