//! Fine-grained access control: the roles of Millrace, and who has them.
//!
//! A mapping belongs to the operator as well: it is patched, never replaced.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Admin, Said};
use crate::{lambda::Deadline, outcome::BatchError};

/// OpenSearch's path of the plugin, and the one that it had in Open Distro, which Amazon's Elasticsearch 7 has still.
pub(crate) const PATHS: [&str; 2] = ["/_plugins/_security/api", "/_opendistro/_security/api"];

/// A role of the domain, and those who are to have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: &'static str,
    /// What it may do, in the plugin's own words.
    pub permissions: Value,
    /// ARNs of IAM roles.
    pub backend_roles: Vec<String>,
}

/// What became of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapped {
    /// They are as they should be.
    Done,
    /// The domain has no fine-grained access control: its access policy decides alone.
    NoSecurity,
}

impl Admin {
    /// Makes a role, and gives it to its backend roles besides those that have it.
    ///
    /// # Errors
    /// As [`Self::ask`]; a refusal (403) says that whoever asks is no administrator of the domain's security.
    pub async fn put_role(&self, role: &Role, deadline: Deadline) -> Result<Mapped, BatchError> {
        for path in PATHS {
            let at = format!("{path}/roles/{}", role.name);
            let said = self.send("PUT", &at, Some(&role.permissions), deadline).await?;
            if is_unknown(&said) {
                continue;
            }
            said.accepted()?;
            self.map_role(path, role, deadline).await?;
            return Ok(Mapped::Done);
        }
        Ok(Mapped::NoSecurity)
    }

    async fn map_role(&self, path: &str, role: &Role, deadline: Deadline) -> Result<(), BatchError> {
        let at = format!("{path}/rolesmapping/{}", role.name);
        let known = self.send("GET", &at, None, deadline).await?;
        if known.status == 404 {
            let mapping = json!({ "backend_roles": role.backend_roles });
            return self.send("PUT", &at, Some(&mapping), deadline).await?.accepted();
        }
        known.accepted()?;
        let has = known.body[role.name]["backend_roles"].as_array().into_iter().flatten();
        let has: BTreeSet<&str> = has.filter_map(Value::as_str).collect();
        let all: BTreeSet<&str> = has.iter().copied().chain(role.backend_roles.iter().map(String::as_str)).collect();
        if all == has {
            return Ok(());
        }
        // `add` of a member that is there replaces it, by JSON Patch; users and hosts of the mapping stay as they are.
        let changes = json!([{ "op": "add", "path": "/backend_roles", "value": all }]);
        self.send("PATCH", &at, Some(&changes), deadline).await?.accepted()
    }
}

/// Whether there is nobody who knows the path. A node without the plugin says 400 `no handler found`, Elasticsearch 405.
fn is_unknown(said: &Said) -> bool {
    said.status == 404
        || said.status == 405
        || (said.status == 400
            && (said.summary.contains("no handler found") || said.summary.contains("Incorrect HTTP method")))
}
