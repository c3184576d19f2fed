//! Fine-grained access control: the roles of a deployment and their members.
//!
//! In: roles. Out: the result for each, verified by reading it after the write. A mapping also belongs to the operator:
//! it is read and merged, never replaced. Members that an earlier version mapped to names shared by all deployments
//! move to this deployment's role.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::client::Admin;
use delivery::cluster::http::segment;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The plugin's path in OpenSearch, and its path in Open Distro, which Amazon's Elasticsearch 7 still uses.
pub(crate) const PATHS: [&str; 2] = ["/_plugins/_security/api", "/_opendistro/_security/api"];
/// The kinds of members of a role.
const MEMBERS: [&str; 3] = ["backend_roles", "users", "hosts"];
/// The maximum number of attempts. Another client may write the same mapping at the same time.
const ATTEMPTS: u32 = 3;

/// A role of the domain with the members that it should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// The name from when all deployments shared one role; the same as `name` if this deployment has no name.
    pub former: &'static str,
    /// Its permissions, in the plugin's format.
    pub permissions: Value,
    /// ARNs of IAM roles.
    pub backend_roles: Vec<String>,
    /// Whether the name certainly belongs to no other deployment, or the caller takes it over.
    pub is_own: bool,
}

/// The result for the roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mapped {
    /// They are in the wanted state.
    Done,
    /// The domain has no fine-grained access control. Only its access policy decides.
    NoSecurity,
}

/// The members of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mapping {
    /// Kind and name.
    members: BTreeSet<(&'static str, String)>,
    /// Whether it has content that cannot be transferred, such as backend roles that only count together.
    has_more: bool,
}

impl Admin {
    /// Creates a role. Its members are its backend roles, the existing members, and the members of the former role that
    /// an operator added.
    ///
    /// # Errors
    /// As [`Self::ask`]. A refusal (403) means that the caller is not an administrator of the domain's security.
    pub async fn put_role(&self, role: &Role, deadline: Deadline) -> Result<Mapped, BatchError> {
        for path in PATHS {
            let at = format!("{path}/roles/{}", segment(&role.name));
            if !role.is_own {
                self.check_owner(path, role, deadline).await?;
            }
            let response = self.send("PUT", &at, Some(&role.permissions), deadline).await?;
            if response.is_unknown_path() {
                continue;
            }
            response.accepted()?;
            self.map_role(path, role, deadline).await?;
            return Ok(Mapped::Done);
        }
        Ok(Mapped::NoSecurity)
    }

    /// Refuses a role if another deployment has one with the same name: that role covers other indices and has other
    /// functions as members.
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
            "covers {} and is mapped to {other}: another deployment without MILLRACE_STACK uses it. Give this \
             deployment a MILLRACE_STACK, or take the role over with `millrace setup --take-over` or with \
             {{\"take_over\": true}} to the function `setup`",
            patterns(&known).into_iter().collect::<Vec<_>>().join(", ")
        );
        Err(BatchError::permanent(role.name.clone(), reason))
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
                // In JSON Patch, `add` replaces an existing member. The rest of the mapping stays.
                Some(known) => {
                    let members = known.members.union(&wanted).cloned().collect();
                    ("PATCH", Mapping { members, has_more: false }.patch())
                }
            };
            self.send(method, &at, Some(&body), deadline).await?.accepted()?;
        }
        let reason = format!("the mapping of {} does not keep what setup writes: check who else changes it", role.name);
        Err(BatchError::permanent(format!("{path}/rolesmapping/{}", role.name), reason))
    }

    /// Verifies that the domain stored the role as it was written.
    async fn check_role(&self, path: &str, role: &Role, deadline: Deadline) -> Result<(), BatchError> {
        let response = self.send("GET", &format!("{path}/roles/{}", segment(&role.name)), None, deadline).await?;
        let has = response.object()?.get(&role.name).map(patterns).unwrap_or_default();
        if patterns(&role.permissions).is_subset(&has) {
            return Ok(());
        }
        Err(response.unreadable(&format!("the role {} as it was written", role.name)))
    }

    /// Removes this deployment's backend roles from its former role once they have the new one. Deletes the former role
    /// if all its members have the new one. Returns what is left to do manually, if anything.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn release_former_role(&self, role: &Role, deadline: Deadline) -> Result<Option<String>, BatchError> {
        for path in PATHS {
            let response = self.send("GET", &format!("{path}/roles/{}", segment(&role.name)), None, deadline).await?;
            if response.is_unknown_path() && !response.is_missing() {
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
                "the role {} stays for {}: they belong to a deployment that is not upgraded yet, or you have to map \
                 them to {}",
                role.former,
                if names.is_empty() { "others".into() } else { names.join(", ") },
                role.name
            )));
        }
        Ok(None)
    }

    /// Deletes a role and its mapping, if the domain has them.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn remove_role(&self, name: &str, deadline: Deadline) -> Result<bool, BatchError> {
        for path in PATHS {
            let response = self.send("GET", &format!("{path}/roles/{}", segment(name)), None, deadline).await?;
            if response.is_missing_entry() {
                return Ok(false);
            }
            if response.is_unknown_path() {
                continue;
            }
            response.accepted()?;
            self.delete_role(path, name, deadline).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// The mapping of the former role, if the role was this deployment's: one of this deployment's backend roles is a
    /// member.
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
        if response.is_missing_entry() {
            return Ok(None);
        }
        let about =
            response.object()?.get(role).ok_or_else(|| response.unreadable(&format!("the mapping of {role}")))?;
        Ok(Some(Mapping::read(about)))
    }

    async fn delete_role(&self, path: &str, name: &str, deadline: Deadline) -> Result<(), BatchError> {
        for kind in ["rolesmapping", "roles"] {
            let response = self.send("DELETE", &format!("{path}/{kind}/{}", segment(name)), None, deadline).await?;
            if !response.is_missing_entry() {
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

    /// The members that an operator added. IAM roles of functions are left out: they may belong to another deployment.
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

/// The index patterns of a role.
fn patterns(role: &Value) -> BTreeSet<&str> {
    let permissions = role["index_permissions"].as_array().into_iter().flatten();
    let patterns = permissions.flat_map(|one| one["index_patterns"].as_array().into_iter().flatten());
    patterns.filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::fake_domain::FakeDomain;

    #[tokio::test]
    async fn a_role_that_the_domain_stores_otherwise_than_it_was_written_is_an_error() {
        let (name, arn) = ("millrace_ingest", "arn:aws:iam::1:role/ingest");
        let role = Role {
            name: name.into(),
            former: name,
            permissions: json!({ "index_permissions": [{ "index_patterns": ["logs-*", "web-*"] }] }),
            backend_roles: vec![arn.into()],
            is_own: true,
        };
        for (stored, is_stored) in [(["logs-*", "web-*"], true), (["logs-*", "logs-*"], false)] {
            let domain = FakeDomain::start(move |request| {
                let is_mapping = request.contains("/rolesmapping/");
                let mapping = json!({ "backend_roles": [arn] });
                let role = json!({ "index_permissions": [{ "index_patterns": stored }] });
                (200, json!({ name: if is_mapping { mapping } else { role } }))
            });
            let domain = domain.await;
            let result = domain.admin.put_role(&role, Deadline::after(Duration::from_secs(30))).await;
            assert_eq!(result.is_ok(), is_stored, "{stored:?}: {result:?}");
            assert_eq!(domain.requests.changes(), [format!("PUT {}/roles/{name}", PATHS[0])]);
        }
    }

    #[test]
    fn members_that_an_operator_mapped_are_taken_over_and_roles_of_deployments_are_not() {
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
