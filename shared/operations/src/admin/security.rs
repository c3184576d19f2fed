//! Fine-grained access control: the roles of a deployment, and who has them.
//!
//! In: roles. Out: what became of them, read again after it was written. A mapping belongs to the operator as well: it is read and
//! merged, never replaced. What an earlier version mapped under names that all deployments shared goes over to the role of this one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Admin, AdminResponse, segment};
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// OpenSearch's path of the plugin, and the one that it had in Open Distro, which Amazon's Elasticsearch 7 has still.
pub(crate) const PATHS: [&str; 2] = ["/_plugins/_security/api", "/_opendistro/_security/api"];
/// Who has a role, by kind.
const MEMBERS: [&str; 3] = ["backend_roles", "users", "hosts"];
/// Somebody else may write the same mapping at the same time.
const ATTEMPTS: u32 = 3;

/// A role of the domain, and those who are to have it.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// The name that it had when all deployments shared one; the same where this deployment has no name.
    pub former: &'static str,
    /// What it may do, in the plugin's own words.
    pub permissions: Value,
    /// ARNs of IAM roles.
    pub backend_roles: Vec<String>,
    /// Whether the name is no other deployment's for sure, or the caller takes it over.
    pub is_own: bool,
}

/// What became of roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapped {
    /// They are as they should be.
    Done,
    /// The domain has no fine-grained access control: its access policy decides alone.
    NoSecurity,
}

/// Who has a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mapping {
    /// Kind and name.
    members: BTreeSet<(&'static str, String)>,
    /// Whether it says something that cannot be carried over, such as backend roles that count together only.
    has_more: bool,
}

impl Admin {
    /// Makes a role, and gives it to its backend roles besides those that have it, and to those who had its former one by hand.
    ///
    /// # Errors
    /// As [`Self::ask`]; a refusal (403) says that whoever asks is no administrator of the domain's security.
    pub async fn put_role(&self, role: &Role, deadline: Deadline) -> Result<Mapped, BatchError> {
        for path in PATHS {
            let at = format!("{path}/roles/{}", segment(&role.name));
            if !role.is_own {
                self.check_owner(path, role, deadline).await?;
            }
            let response = self.send("PUT", &at, Some(&role.permissions), deadline).await?;
            if is_unknown(&response) {
                continue;
            }
            response.accepted()?;
            self.map_role(path, role, deadline).await?;
            return Ok(Mapped::Done);
        }
        Ok(Mapped::NoSecurity)
    }

    /// Refuses a role that another deployment has under the same name: it is about other indices, and given to other functions.
    async fn check_owner(&self, path: &str, role: &Role, deadline: Deadline) -> Result<(), BatchError> {
        let response = self.send("GET", &format!("{path}/roles/{}", segment(&role.name)), None, deadline).await?;
        let known = response.body[&role.name].clone();
        if !response.is_success() || patterns(&known).is_subset(&patterns(&role.permissions)) {
            return Ok(());
        }
        let mapping = self.mapping(path, &role.name, deadline).await?.unwrap_or_default();
        let is_others = |(kind, name): &&(&str, String)| {
            *kind == "backend_roles" && is_iam_role(name) && !role.backend_roles.contains(name)
        };
        let Some((_, other)) = mapping.members.iter().find(is_others) else { return Ok(()) };
        let reason = format!(
            "is about {} and given to {other}: another deployment without MILLRACE_STACK has it. Give this one a MILLRACE_STACK; or \
             `local setup --take-over`, or {{\"take_over\": true}} to the function `setup`, takes it over",
            patterns(&known).into_iter().collect::<Vec<_>>().join(", ")
        );
        Err(BatchError::Permanent { what: role.name.clone(), reason })
    }

    async fn map_role(&self, path: &str, role: &Role, deadline: Deadline) -> Result<(), BatchError> {
        let wanted = role.backend_roles.iter().map(|arn| ("backend_roles", arn.clone()));
        let mut wanted: BTreeSet<_> = wanted.collect();
        if let Some(former) = self.former_mapping(path, role, deadline).await? {
            wanted.extend(former.by_hand());
        }
        for _ in 0..ATTEMPTS {
            let known = self.mapping(path, &role.name, deadline).await?;
            if known.as_ref().is_some_and(|known| wanted.is_subset(&known.members)) {
                return self.check_role(path, role, deadline).await;
            }
            let at = format!("{path}/rolesmapping/{}", segment(&role.name));
            let (method, body) = match known {
                None => ("PUT", Mapping { members: wanted.clone(), has_more: false }.body()),
                // `add` of a member that is there replaces it, by JSON Patch; what else the mapping says stays.
                Some(known) => {
                    let members = known.members.union(&wanted).cloned().collect();
                    ("PATCH", Mapping { members, has_more: false }.patch())
                }
            };
            self.send(method, &at, Some(&body), deadline).await?.accepted()?;
        }
        let reason =
            format!("the mapping of {} does not keep what is written: does somebody else write it?", role.name);
        Err(BatchError::Permanent { what: format!("{path}/rolesmapping/{}", role.name), reason })
    }

    /// Whether the domain has the role as it was written.
    async fn check_role(&self, path: &str, role: &Role, deadline: Deadline) -> Result<(), BatchError> {
        let response = self.send("GET", &format!("{path}/roles/{}", segment(&role.name)), None, deadline).await?;
        let has = response.object()?.get(&role.name).map(patterns).unwrap_or_default();
        if patterns(&role.permissions).is_subset(&has) {
            return Ok(());
        }
        Err(response.unreadable(&format!("the role {} as it was written", role.name)))
    }

    /// Takes the former role of this deployment away from its backend roles, once they have the new one; deletes it where everybody who
    /// had it has the new one. What is left to do by hand, if anything.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn release_former_role(&self, role: &Role, deadline: Deadline) -> Result<Option<String>, BatchError> {
        for path in PATHS {
            let response = self.send("GET", &format!("{path}/roles/{}", segment(&role.name)), None, deadline).await?;
            if is_unknown(&response) && !response.is_missing() {
                continue;
            }
            let Some(former) = self.former_mapping(path, role, deadline).await? else { return Ok(None) };
            let new = self.mapping(path, &role.name, deadline).await?.unwrap_or_default();
            let left: BTreeSet<_> = former.members.difference(&new.members).cloned().collect();
            if left.is_empty() && !former.has_more {
                self.delete_role(path, role.former, deadline).await?;
                return Ok(Some(format!("{} replaced the role {}", role.name, role.former)));
            }
            let members = former.members.into_iter();
            let members = members.filter(|(_, name)| !role.backend_roles.contains(name)).collect();
            let at = format!("{path}/rolesmapping/{}", segment(role.former));
            let patch = Mapping { members, has_more: false }.patch();
            self.send("PATCH", &at, Some(&patch), deadline).await?.accepted()?;
            let names: Vec<_> = left.into_iter().map(|(_, name)| name).collect();
            return Ok(Some(format!(
                "the role {} stays for {}: another deployment's, which is not upgraded yet, or yours to map to {}",
                role.former,
                if names.is_empty() { "others".into() } else { names.join(", ") },
                role.name
            )));
        }
        Ok(None)
    }

    /// Deletes a role and its mapping, where the domain has them.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn remove_role(&self, name: &str, deadline: Deadline) -> Result<bool, BatchError> {
        for path in PATHS {
            let response = self.send("GET", &format!("{path}/roles/{}", segment(name)), None, deadline).await?;
            if is_absent(&response) {
                return Ok(false);
            }
            if is_unknown(&response) {
                continue;
            }
            response.accepted()?;
            self.delete_role(path, name, deadline).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The mapping of the former role, where that was this deployment's: it was given to a backend role of this one.
    async fn former_mapping(&self, path: &str, role: &Role, deadline: Deadline) -> Result<Option<Mapping>, BatchError> {
        if role.former == role.name {
            return Ok(None);
        }
        let former = self.mapping(path, role.former, deadline).await?;
        let is_own = |(_, name): &(_, String)| role.backend_roles.contains(name);
        Ok(former.filter(|former| former.members.iter().any(is_own)))
    }

    async fn mapping(&self, path: &str, role: &str, deadline: Deadline) -> Result<Option<Mapping>, BatchError> {
        let response = self.send("GET", &format!("{path}/rolesmapping/{}", segment(role)), None, deadline).await?;
        if is_absent(&response) {
            return Ok(None);
        }
        let about =
            response.object()?.get(role).ok_or_else(|| response.unreadable(&format!("the mapping of {role}")))?;
        Ok(Some(Mapping::read(about)))
    }

    async fn delete_role(&self, path: &str, name: &str, deadline: Deadline) -> Result<(), BatchError> {
        for kind in ["rolesmapping", "roles"] {
            let response = self.send("DELETE", &format!("{path}/{kind}/{}", segment(name)), None, deadline).await?;
            if !is_absent(&response) {
                response.accepted()?;
            }
        }
        Ok(())
    }
}

impl Mapping {
    fn read(about: &Value) -> Self {
        let names = |kind: &'static str| {
            let names = about[kind].as_array().into_iter().flatten().filter_map(Value::as_str);
            names.map(move |name| (kind, name.to_owned()))
        };
        let has_more = about["and_backend_roles"].as_array().is_some_and(|roles| !roles.is_empty());
        Self { members: MEMBERS.into_iter().flat_map(names).collect(), has_more }
    }

    /// Those whom an operator has given the role: not the IAM roles of functions, which may be another deployment's.
    fn by_hand(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.members.iter().filter(|(kind, name)| *kind != "backend_roles" || !is_iam_role(name)).cloned()
    }

    fn of_kind(&self, kind: &str) -> Vec<&str> {
        self.members.iter().filter(|(of, _)| *of == kind).map(|(_, name)| name.as_str()).collect()
    }

    fn body(&self) -> Value {
        let kinds = MEMBERS.into_iter().map(|kind| (kind.to_owned(), json!(self.of_kind(kind))));
        Value::Object(kinds.collect())
    }

    fn patch(&self) -> Value {
        let change = |kind| json!({ "op": "add", "path": format!("/{kind}"), "value": self.of_kind(kind) });
        MEMBERS.into_iter().map(change).collect()
    }
}

fn is_iam_role(name: &str) -> bool {
    name.starts_with("arn:") && name.contains(":role/")
}

/// The patterns of the indices that a role is about.
fn patterns(role: &Value) -> BTreeSet<&str> {
    let permissions = role["index_permissions"].as_array().into_iter().flatten();
    let patterns = permissions.flat_map(|one| one["index_patterns"].as_array().into_iter().flatten());
    patterns.filter_map(Value::as_str).collect()
}

/// Whether the plugin itself says that it has no such role or mapping. Another 404 says nothing about it: a mapping taken for missing
/// would be written without the members that it has.
fn is_absent(response: &AdminResponse) -> bool {
    response.status == 404 && response.body["status"] == "NOT_FOUND"
}

/// Whether there is nobody who knows the path. A node without the plugin says 400 `no handler found`, Elasticsearch 405.
fn is_unknown(response: &AdminResponse) -> bool {
    response.status == 404
        || response.status == 405
        || (response.status == 400
            && (response.summary.contains("no handler found") || response.summary.contains("Incorrect HTTP method")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_missing_only_where_the_plugin_says_so() {
        let engine = json!({ "error": { "type": "index_not_found_exception" }, "status": 404 });
        let plugin = json!({ "status": "NOT_FOUND", "message": "Resource 'x' not found." });
        for (status, body, is_missing) in [
            (404, plugin.clone(), true),
            (404, engine, false),
            (404, json!({}), false),
            (404, Value::Null, false),
            (403, plugin, false),
        ] {
            let response = AdminResponse { status, summary: String::new(), body: body.clone(), date_ms: None };
            assert_eq!(is_absent(&response), is_missing, "{status} {body}");
        }
    }

    #[test]
    fn what_an_operator_has_mapped_goes_over_and_another_deployments_role_does_not() {
        let mapping = Mapping::read(&json!({
            "backend_roles": ["arn:aws:iam::1:role/other", "others"], "users": ["somebody"], "hosts": [], "hidden": false,
        }));
        let by_hand: Vec<_> = mapping.by_hand().collect();
        assert_eq!(by_hand, [("backend_roles", "others".to_owned()), ("users", "somebody".to_owned())]);
        assert_eq!(
            mapping.body(),
            json!({ "backend_roles": ["arn:aws:iam::1:role/other", "others"], "users": ["somebody"], "hosts": [] })
        );
        assert!(!mapping.has_more && Mapping::read(&json!({ "and_backend_roles": ["a"] })).has_more);
    }
}
