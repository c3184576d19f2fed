//! What the functions may do in a domain with fine-grained access control.

use serde_json::json;

use crate::{
    cluster::admin::security::Role,
    config::{datasets::Datasets, operations::SetupSettings},
};

/// The role of those who write events.
pub const INGEST_ROLE: &str = "millrace_ingest";

/// The roles to be made: one for those who write events, one for those who look after the domain. None where nobody is to have it.
pub(super) fn roles(settings: &SetupSettings, datasets: &Datasets) -> Vec<Role> {
    let patterns = datasets.wildcards();
    let ingest = Role {
        name: INGEST_ROLE,
        permissions: json!({
            "description": "Millrace: may create events in the indices of its datasets, and nothing else",
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
    };
    let operate = Role {
        name: "millrace_operate",
        permissions: json!({
            "description": "Millrace: may watch the domain, and snapshot and delete the indices of its datasets",
            "cluster_permissions": [
                "cluster_monitor", "cluster:admin/snapshot/create", "cluster:admin/snapshot/get", "cluster:admin/repository/get",
                "cluster:admin/repository/put", "indices:admin/index_template/put", "indices:admin/index_template/get",
                "indices:admin/template/put",
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
                    "allowed_actions": ["indices:admin/delete", "indices:admin/settings/update", "indices:admin/block/add*"],
                },
            ],
        }),
        backend_roles: settings.operate_roles.clone(),
    };
    [ingest, operate].into_iter().filter(|role| !role.backend_roles.is_empty()).collect()
}
