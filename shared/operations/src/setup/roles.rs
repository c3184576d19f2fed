//! The permissions of the functions in a domain with fine-grained access control.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{admin::security::Role, settings::SetupSettings, stack::Stack};
use pipeline::rules::{Dataset, Datasets};

/// The role for writing events, of a deployment without a name.
const INGEST_ROLE: &str = "millrace_ingest";
/// The role for operating the domain, of a deployment without a name.
const OPERATE_ROLE: &str = "millrace_operate";

/// The role for writing events.
pub fn ingest_role(stack: &Stack) -> String {
    stack.own(INGEST_ROLE, '_')
}

/// Both roles of a deployment, whether or not it has created them.
pub(super) fn names(stack: &Stack) -> [String; 2] {
    [INGEST_ROLE, OPERATE_ROLE].map(|name| stack.own(name, '_'))
}

/// The roles to create: one for writing events, one for operating the domain. A role without members is not created.
/// `is_own` says whether resources with these names certainly belong to no other deployment, or are taken over.
pub(super) fn roles(settings: &SetupSettings, datasets: &Datasets, is_own: bool) -> Vec<Role> {
    let patterns: BTreeSet<String> = datasets.iter().flat_map(|dataset| dataset.permitted()).collect();
    [ingest(settings, datasets, &patterns, is_own), operate(settings, datasets, &patterns, is_own)]
        .into_iter()
        .filter(|role| !role.backend_roles.is_empty())
        .collect()
}

fn ingest(settings: &SetupSettings, datasets: &Datasets, patterns: &BTreeSet<String>, is_own: bool) -> Role {
    let stack = &settings.domain.stack;
    let [name, _] = names(stack);
    let mut index_permissions = vec![json!({
        "index_patterns": patterns,
        "allowed_actions": [
            "indices:data/write/bulk*", "indices:data/write/index", "indices:admin/create", "indices:admin/auto_create",
            "indices:admin/mapping/put", "indices:admin/mapping/auto_put",
        ],
    })];
    let mut cluster_permissions = vec!["indices:data/write/bulk", "cluster:monitor/main"];
    let mut also = "";
    if let Some(look_up) = look_up(datasets) {
        also = ", look up ids in those that roll over";
        index_permissions.push(look_up);
        // The security plugin takes `_mget` as a whole for an action of the cluster, as `_bulk`. Which indices it reads is in the other permission.
        cluster_permissions.push("indices:data/read/mget");
    }
    Role {
        name,
        former: INGEST_ROLE,
        permissions: json!({
            "description": format!("Millrace, stack {stack}: may create events in the indices of its datasets{also}, and nothing else"),
            "cluster_permissions": cluster_permissions,
            "index_permissions": index_permissions,
        }),
        backend_roles: settings.ingest_roles.clone(),
        is_own,
    }
}

fn operate(settings: &SetupSettings, datasets: &Datasets, patterns: &BTreeSet<String>, is_own: bool) -> Role {
    let stack = &settings.domain.stack;
    let [_, name] = names(stack);
    let mut index_permissions = vec![
        json!({
            "index_patterns": ["*"],
            "allowed_actions": [
                "indices_monitor", "indices:admin/aliases/get", "indices:admin/data_stream/get", "indices:admin/get",
                "indices:monitor/settings/get",
            ],
        }),
        json!({
            "index_patterns": patterns,
            "allowed_actions": [
                "indices:admin/delete", "indices:admin/settings/update", "indices:admin/block/add*",
                "indices:admin/mapping/put",
            ],
        }),
    ];
    index_permissions.extend(rollover(datasets));
    Role {
        name,
        former: OPERATE_ROLE,
        permissions: json!({
            "description": format!("Millrace, stack {stack}: may watch the domain, and roll over, snapshot and delete the indices of its datasets"),
            "cluster_permissions": [
                "cluster_monitor", "cluster:admin/snapshot/create", "cluster:admin/snapshot/get", "cluster:admin/repository/get",
                "cluster:admin/repository/put", "indices:admin/index_template/put", "indices:admin/index_template/get",
                "indices:admin/template/put", "indices:admin/template/get", "cluster:admin/component_template/get",
            ],
            "index_permissions": index_permissions,
        }),
        backend_roles: settings.operate_roles.clone(),
        is_own,
    }
}

/// The permission to find the indices of each name that rolls over, and the ids that they hold; none if there is no such name.
fn look_up(datasets: &Datasets) -> Option<Value> {
    permission(datasets, Dataset::rolls_over, &["indices:monitor/settings/get", "indices:data/read/mget*"])
}

/// The permission to begin the next index of each name that `retention` rolls over; none if there is no such name.
fn rollover(datasets: &Datasets) -> Option<Value> {
    permission(datasets, |dataset| dataset.layout.rollover().is_some(), &["indices:admin/rollover"])
}

/// The permission for some datasets; none if there is no such dataset.
fn permission(datasets: &Datasets, is_meant: impl Fn(&Dataset) -> bool, actions: &[&str]) -> Option<Value> {
    let meant = datasets.iter().filter(|dataset| is_meant(dataset));
    let patterns: BTreeSet<String> = meant.flat_map(|dataset| dataset.permitted()).collect();
    (!patterns.is_empty()).then(|| json!({ "index_patterns": patterns, "allowed_actions": actions }))
}
