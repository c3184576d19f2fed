//! What this identity may do in the domain, and whether the functions' roles are mapped.
//!
//! The check relies on the identity that the engine reports (`authinfo`), and on two `_bulk` requests that cannot
//! create a document. The first requires an alias with an unused name (`require_alias`), which shows whether `_bulk`
//! may be sent at all. The second asks the newest index of each dataset to change a document that does not exist, at a
//! version that it never had (`if_seq_no`). It gets 409 if the identity may write, and 403 if it may not. If a dataset
//! has no index yet, only the first event shows whether one may be created.

use serde_json::{Value, json};

use super::{
    context::{Connected, Context, soon},
    finding::{Finding, some},
    refusal,
};
use crate::{
    admin::{AdminResponse, Distribution, Version, security::PATHS},
    setup::ingest_role,
};
use delivery::cluster::Form;
use pipeline::outcome::BatchError;

const CHECK: &str = "permission";
/// The document id that the probes use.
const ID: &str = "millrace-doctor";

/// Whether this identity and the functions' roles may write events.
pub(super) async fn permission(context: &Context, it: &Connected) -> Vec<Finding> {
    if it.domain.is_collection() {
        return vec![Finding::skipped(CHECK, "a collection's data access policies cannot be read from here")];
    }
    let mut findings = vec![who(it).await];
    match privileges(context, it).await {
        Some(finding) => findings.push(finding),
        None => match probe(context, it).await {
            Ok(finding) => findings.push(finding),
            Err(error) => findings.push(Finding::unseen(CHECK, &error)),
        },
    }
    findings.push(roles(context, it).await);
    findings
}

/// The user name and roles of the caller in the engine.
async fn who(it: &Connected) -> Finding {
    let open_search = PATHS.map(|path| format!("{}/authinfo", path.trim_end_matches("/api")));
    for path in open_search.iter().map(String::as_str).chain(["/_security/_authenticate"]) {
        let Ok(response) = it.admin.send("GET", path, None, soon()).await else { continue };
        if !response.is_success() {
            continue;
        }
        let names = |list: &Value| {
            let names: Vec<&str> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        let name = response.body["user_name"].as_str().or(response.body["username"].as_str()).unwrap_or("?");
        return Finding::ok(
            CHECK,
            format!("the domain knows this identity as {name}, with the roles: {}", names(&response.body["roles"])),
        );
    }
    Finding::skipped(CHECK, "no fine-grained access control: the access policy decides alone")
}

/// The privileges that Elasticsearch's own security reports exactly.
async fn privileges(context: &Context, it: &Connected) -> Option<Finding> {
    it.version.filter(|version| version.distribution == Distribution::Elasticsearch)?;
    let asked = json!({ "index": [{ "names": context.permitted(), "privileges": ["create_doc", "auto_configure"] }] });
    let response = it.admin.send("POST", "/_security/user/_has_privileges", Some(&asked), soon()).await.ok()?;
    let has_all = response.body["has_all_requested"].as_bool()?;
    if has_all {
        return Some(Finding::ok(CHECK, "may create documents and indices of every dataset (_has_privileges)"));
    }
    let lacking: Vec<String> = response.body["index"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, has)| has.as_object().is_some_and(|has| has.values().any(|has| has == false)))
        .map(|(name, _)| name.clone())
        .collect();
    Some(Finding::fault(
        CHECK,
        format!("may not create documents in {}", some(&lacking)),
        "give the user's role the privileges `create_doc` and `auto_configure` on these indices",
    ))
}

async fn probe(context: &Context, it: &Connected) -> Result<Finding, BatchError> {
    let patterns = context.patterns();
    let Some(pattern) = patterns.first() else {
        return Ok(Finding::skipped(CHECK, "no dataset writes into the domain"));
    };
    // Do not use the pattern itself as the name: an alias with that name would get the document.
    let name = if pattern.contains('*') { pattern.replace('*', ID) } else { format!("{pattern}-{ID}") };
    let response = bulk(it, "?require_alias=true", &[json!({ "create": { "_index": name, "_id": ID } })]).await?;
    if let Some(fault) = refused(it, &response) {
        return Ok(fault);
    }
    if response.summary.contains("explicit index") {
        let fix = "set rest.action.multi.allow_explicit_index to true, among the advanced options of the domain";
        return Ok(Finding::fault(CHECK, format!("_bulk may not name indices: {}", response.summary), fix));
    }
    // The newest existing index of each dataset.
    let (mut indices, mut is_seen) = (Vec::new(), true);
    for pattern in &patterns {
        let path = format!("/_cat/indices/{}?format=json&h=index%2Cstatus", pattern.replace('*', "%2A"));
        let Ok(listed) = it.admin.ask("GET", &path, None, soon()).await else {
            is_seen = false;
            continue;
        };
        let open = listed.as_array().into_iter().flatten().filter(|index| index["status"] == "open");
        let names = open.filter_map(|index| index["index"].as_str());
        indices.extend(names.max().map(str::to_owned));
    }
    if indices.is_empty() {
        let found = if is_seen {
            "may send _bulk; no dataset has an index yet, so the first event shows whether it may create one"
        } else {
            "may send _bulk; it may not list the indices, so events show whether it may write to them"
        };
        return Ok(Finding::ok(CHECK, found));
    }
    let never = i64::MAX / 2;
    let items: Vec<Value> = indices
        .iter()
        .map(|index| json!({ "index": { "_index": index, "_id": ID, "if_seq_no": never, "if_primary_term": 1 } }))
        .collect();
    let response = bulk(it, "", &items).await?;
    if let Some(fault) = refused(it, &response) {
        return Ok(fault);
    }
    for (index, item) in indices.iter().zip(response.body["items"].as_array().into_iter().flatten()) {
        let error = &item["index"]["error"];
        if item["index"]["status"] == 403 && error["type"] != "cluster_block_exception" {
            let reason = error["reason"].as_str().unwrap_or_default();
            let fix = refusal::fix(&it.domain.auth, 403, reason);
            return Ok(Finding::fault(CHECK, format!("may not write to {index}: {reason}"), fix));
        }
    }
    Ok(Finding::ok(CHECK, format!("may write to {} (_bulk)", some(&indices))))
}

async fn bulk(it: &Connected, query: &str, actions: &[Value]) -> Result<AdminResponse, BatchError> {
    let lines = actions.iter().flat_map(|action| [action.to_string(), "{}".to_owned()]);
    let body = lines.chain([String::new()]).collect::<Vec<_>>().join("\n");
    // The functions send the same path.
    let has_type = it.version.is_some_and(Version::has_types);
    let path = Form { has_type, ..Form::default() }.path(false);
    let path = format!("{}{query}", path.split('?').next().unwrap_or_default());
    it.admin.send_bytes("POST", &path, "application/x-ndjson", body.into(), soon()).await
}

fn refused(it: &Connected, response: &AdminResponse) -> Option<Finding> {
    let fix = || refusal::fix(&it.domain.auth, response.status, &response.summary);
    matches!(response.status, 401 | 403)
        .then(|| Finding::fault(CHECK, format!("may not send _bulk: {}", response.summary), fix()))
}

/// Whether the roles of the functions are mapped to the role that `setup` makes.
async fn roles(context: &Context, it: &Connected) -> Finding {
    const CHECK: &str = "roles";
    let wanted = &context.deployment.ingest_roles;
    if wanted.is_empty() {
        return Finding::skipped(CHECK, "MILLRACE_INGEST_ROLES is empty");
    }
    let role = ingest_role(&it.domain.stack);
    for path in PATHS {
        let Ok(response) = it.admin.send("GET", &format!("{path}/rolesmapping/{role}"), None, soon()).await else {
            continue;
        };
        let fix =
            "run `millrace setup` with the credentials of the domain's master user: it creates the role and maps it";
        match response.status {
            200 => {
                let has = response.body[&role]["backend_roles"].as_array();
                let has: Vec<&str> = has.into_iter().flatten().filter_map(Value::as_str).collect();
                let lacking: Vec<String> =
                    wanted.iter().filter(|role| !has.contains(&role.as_str())).cloned().collect();
                return if lacking.is_empty() {
                    Finding::ok(CHECK, format!("{role} is mapped to every role of MILLRACE_INGEST_ROLES"))
                } else {
                    Finding::fault(CHECK, format!("{role} is not mapped to {}", some(&lacking)), fix)
                };
            }
            401 | 403 => {
                let found = "this identity may not see role mappings; the domain's master user may";
                return Finding::skipped(CHECK, found);
            }
            // The plugin exists, but the mapping does not.
            404 if response.body["status"] == "NOT_FOUND" => {
                return Finding::fault(CHECK, format!("{role} is not mapped to any role or user"), fix);
            }
            _ => {}
        }
    }
    Finding::skipped(CHECK, "no fine-grained access control, so nothing to map")
}
