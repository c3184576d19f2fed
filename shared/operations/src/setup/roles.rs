//! What the functions may do in a domain with fine-grained access control.

use serde_json::json;

use crate::{admin::security::Role, settings::SetupSettings, stack::Stack};
use pipeline::rules::Datasets;

/// The role of those who write events, of a deployment without a name.
const INGEST_ROLE: &str = "millrace_ingest";
/// The role of those who look after the domain, likewise.
const OPERATE_ROLE: &str = "millrace_operate";

/// The role of those who write events.
pub fn ingest_role(stack: &Stack) -> String {
    stack.own(INGEST_ROLE, '_')
}

/// Both roles of a deployment, whether or not it has made them.
pub(super) fn names(stack: &Stack) -> [String; 2] {
    [INGEST_ROLE, OPERATE_ROLE].map(|name| stack.own(name, '_'))
}

/// The roles to be made: one for those who write events, one for those who look after the domain. None where nobody is to have it.
/// `is_own` says whether what has these names is no other deployment's for sure, or taken over.
pub(super) fn roles(settings: &SetupSettings, datasets: &Datasets, is_own: bool) -> Vec<Role> {
    let patterns = datasets.wildcards();
    let stack = &settings.domain.stack;
    let [ingest_name, operate_name] = names(stack);
    let ingest = Role {
        name: ingest_name,
        former: INGEST_ROLE,
        permissions: json!({
            "description": format!("Millrace, stack {stack}: may create events in the indices of its datasets, and nothing else"),
            "cluster_permissions": ["indices:data/write/bulk", "cluster:monitor/main"],
            "index_permissions": [{
                "index_patterns": patterns,
                "allowed_actions": [
                    "indices:data/write/bulk*", "indices:data/write/index", "indices:admin/create", "indices:admin/auto_create",
                    "indices:admin/mapping/put", "indices:admin/mapping/auto_put",
                ],
            }],
        }),
        backend_roles: settings.ingest_roles.clone(),
        is_own,
    };
    let operate = Role {
        name: operate_name,
        former: OPERATE_ROLE,
        permissions: json!({
            "description": format!("Millrace, stack {stack}: may watch the domain, and snapshot and delete the indices of its datasets"),
            "cluster_permissions": [
                "cluster_monitor", "cluster:admin/snapshot/create", "cluster:admin/snapshot/get", "cluster:admin/repository/get",
                "cluster:admin/repository/put", "indices:admin/index_template/put", "indices:admin/index_template/get",
                "indices:admin/template/put", "indices:admin/template/get",
            ],
            "index_permissions": [
                {
                    "index_patterns": ["*"],
                    "allowed_actions": [
                        "indices_monitor", "indices:admin/aliases/get", "indices:admin/data_stream/get", "indices:admin/get",
                        "indices:monitor/settings/get",
                    ],
                },
                {
                    "index_patterns": patterns,
                    "allowed_actions": [
                        "indices:admin/delete", "indices:admin/settings/update", "indices:admin/block/add*",
                        "indices:admin/mapping/put",
                    ],
                },
            ],
        }),
        backend_roles: settings.operate_roles.clone(),
        is_own,
    };
    [ingest, operate].into_iter().filter(|role| !role.backend_roles.is_empty()).collect()
}
