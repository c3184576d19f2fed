//! The snapshot repository of a deployment: its name and its location.
//!
//! In: a location. Out: the name of the only repository for it. Two repositories with the same location corrupt it,
//! like two writers that do not know of each other. So an existing repository for the location keeps its name,
//! also if another deployment made it. And a repository that exists is never pointed at another location, unless it is
//! taken over: the snapshots of its owner would be out of reach.

use serde_json::{Map, Value, json};

use super::{client::Admin, response::AdminResponse};
use crate::{
    settings::Repository,
    stack::{Stack, hash},
};
use delivery::cluster::http::segment;
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The repository name of a deployment without a name, and of every deployment before deployments had names.
pub const REPOSITORY: &str = "millrace";

impl Stack {
    /// The name of this deployment's own repository.
    pub fn repository(&self) -> String {
        self.own_lowercase(REPOSITORY, '-')
    }

    /// The names under which this deployment may have made the repository for a location, its own first.
    fn repositories(&self, repository: &Repository) -> [String; 4] {
        let own = self.repository();
        let beside = format!("{own}-{}", hash(&repository.to_string()));
        [own, beside, self.former_lowercase(REPOSITORY, '-'), REPOSITORY.to_owned()]
    }
}

impl Admin {
    /// Registers the repository in the domain, or changes its settings. Returns its name. `takes_over` allows it to point
    /// a repository with this deployment's name at this location. `role` is the role that the domain assumes to write
    /// into S3. `region` is the region of the bucket.
    ///
    /// # Errors
    /// As [`Self::ask`]: the domain tests whether it can write there. Permanent if the repository for the location is
    /// read-only.
    pub async fn put_repository(
        &self,
        stack: &Stack,
        takes_over: bool,
        repository: &Repository,
        role: Option<&str>,
        region: &str,
        deadline: Deadline,
    ) -> Result<String, BatchError> {
        let known = self.repositories(deadline).await?;
        let name = name(known.object()?, repository, stack, takes_over);
        let about = known.object()?.get(&name);
        if about.is_some_and(|about| !is_of(about, repository)) && !takes_over {
            let reason = "is for another place, perhaps of another deployment. Give this deployment a MILLRACE_STACK, \
                          or take the repository over with `millrace setup --take-over` or with {\"take_over\": true} \
                          to the function `setup`";
            return Err(BatchError::permanent(format!("the repository {name}"), reason));
        }
        if about.is_some_and(is_read_only) {
            let reason = format!("{name} is read only: give a place that this domain may write to");
            return Err(BatchError::permanent(format!("snapshot repository {name}"), reason));
        }
        if !stack.repositories(repository).contains(&name) {
            // Another owner made it for the same location. Its settings are not ours to change.
            return Ok(name);
        }
        let mut body = body(repository, role, region);
        if let Some(about) = about.filter(|about| is_of(about, repository)) {
            body["settings"] = with(&about["settings"], &body["settings"]);
        }
        self.ask("PUT", &format!("/_snapshot/{}", segment(&name)), Some(&body), deadline).await?;
        Ok(name)
    }

    /// The name of the repository that takes snapshots into a location; `None` if the domain has none.
    ///
    /// # Errors
    /// As [`Self::ask`]. Permanent if the response cannot be read.
    pub async fn repository_at(
        &self,
        stack: &Stack,
        repository: &Repository,
        deadline: Deadline,
    ) -> Result<Option<String>, BatchError> {
        let known = self.repositories(deadline).await?;
        Ok(that_takes_snapshots(known.object()?, repository, stack))
    }

    async fn repositories(&self, deadline: Deadline) -> Result<AdminResponse, BatchError> {
        self.send("GET", "/_snapshot", None, deadline).await
    }
}

/// The name of the repository to write: of the one for the location, else the deployment's own. If that one is for
/// another location, perhaps another deployment's, a named deployment takes another name beside it.
fn name(known: &Map<String, Value>, repository: &Repository, stack: &Stack, takes_over: bool) -> String {
    if let Some(name) = of_place(known, repository, stack) {
        return name;
    }
    let [own, beside, ..] = stack.repositories(repository);
    if known.contains_key(&own) && stack.is_named() && !takes_over { beside } else { own }
}

/// The repository for a location. If there are several, the deployment's own.
fn of_place(known: &Map<String, Value>, repository: &Repository, stack: &Stack) -> Option<String> {
    let own = stack.repositories(repository);
    let names = known.iter().filter(|(_, about)| is_of(about, repository)).map(|(name, _)| name);
    let rank = |name: &&String| own.iter().position(|own| own == *name).unwrap_or(own.len());
    names.min_by_key(rank).cloned()
}

/// The repository for a location, if it is writable. `setup` refuses a read-only one with an error.
fn that_takes_snapshots(known: &Map<String, Value>, repository: &Repository, stack: &Stack) -> Option<String> {
    of_place(known, repository, stack).filter(|name| known.get(name).is_some_and(|about| !is_read_only(about)))
}

fn is_read_only(about: &Value) -> bool {
    about["settings"]["readonly"] == "true"
}

fn is_of(about: &Value, repository: &Repository) -> bool {
    let text = |name: &str| about["settings"][name].as_str().unwrap_or_default();
    match repository {
        Repository::S3(at) => {
            about["type"] == "s3" && text("bucket") == at.bucket && text("base_path").trim_matches('/') == at.prefix
        }
        Repository::Fs(location) => {
            about["type"] == "fs" && text("location").trim_end_matches('/') == location.trim_end_matches('/')
        }
    }
}

fn body(repository: &Repository, role: Option<&str>, region: &str) -> Value {
    match repository {
        Repository::S3(at) => {
            let mut settings = json!({ "bucket": at.bucket, "base_path": at.prefix, "region": region });
            if let Some(role) = role {
                settings["role_arn"] = role.into();
            }
            json!({ "type": "s3", "settings": settings })
        }
        Repository::Fs(location) => json!({ "type": "fs", "settings": { "location": location } }),
    }
}

/// The existing settings, overlaid with the wanted ones.
fn with(known: &Value, wanted: &Value) -> Value {
    let mut settings = known.as_object().cloned().unwrap_or_default();
    settings.extend(wanted.as_object().cloned().unwrap_or_default());
    settings.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use delivery::settings::S3Prefix;

    #[test]
    fn a_place_has_one_repository_whatever_its_name() {
        let at = Repository::S3(S3Prefix { bucket: "snapshots".into(), prefix: "a".into() });
        let s3 =
            |bucket: &str, path: &str| json!({ "type": "s3", "settings": { "bucket": bucket, "base_path": path } });
        let web = Stack::named("Web");
        for (known, expected) in [
            (json!({}), None),
            (json!({ "millrace": s3("snapshots", "b") }), None),
            (json!({ "millrace": s3("snapshots", "a/") }), Some("millrace")),
            (json!({ "theirs": s3("snapshots", "/a") }), Some("theirs")),
            (json!({ "a": s3("snapshots", "a"), "millrace": s3("snapshots", "a") }), Some("millrace")),
            (json!({ "a": s3("snapshots", "a"), "millrace-web": s3("snapshots", "a") }), Some("millrace-web")),
            (json!({ "millrace": { "type": "fs", "settings": { "location": "a" } } }), None),
        ] {
            assert_eq!(of_place(known.as_object().unwrap(), &at, &web).as_deref(), expected, "{known}");
        }
        let folder = Repository::Fs("/srv/a/".into());
        let known = json!({ "old": { "type": "fs", "settings": { "location": "/srv/a" } } });
        assert_eq!(of_place(known.as_object().unwrap(), &folder, &web).as_deref(), Some("old"));
        let read_only = json!({ "old": { "type": "fs", "settings": { "location": "/srv/a", "readonly": "true" } } });
        assert_eq!(of_place(read_only.as_object().unwrap(), &folder, &web).as_deref(), Some("old"));
        assert_eq!(that_takes_snapshots(read_only.as_object().unwrap(), &folder, &web), None);
        assert_eq!(that_takes_snapshots(known.as_object().unwrap(), &folder, &web).as_deref(), Some("old"));
        assert_eq!(Stack::default().repository(), "millrace");
    }

    #[test]
    fn no_stack_takes_the_repository_of_another_whose_name_differs_in_capitals() {
        let place = |path: &str| Repository::S3(S3Prefix { bucket: "snapshots".into(), prefix: path.into() });
        let s3 = |path: &str| json!({ "type": "s3", "settings": { "bucket": "snapshots", "base_path": path } });
        let (lower, upper) = (Stack::named("web"), Stack::named("Web"));
        let named = |known: &Value, path: &str, stack: &Stack, takes_over: bool| {
            name(known.as_object().unwrap(), &place(path), stack, takes_over)
        };
        let none = json!({});
        assert_eq!(named(&none, "a", &lower, false), "millrace-web", "as it ever was");
        assert_ne!(named(&none, "b", &upper, false), "millrace-web");
        // A former release gave `Web` this name. It keeps it, and `web` takes another.
        let former = json!({ "millrace-web": s3("b") });
        assert_eq!(named(&former, "b", &upper, false), "millrace-web");
        let beside = named(&former, "a", &lower, false);
        assert!(beside.starts_with("millrace-web-"), "{beside}");
        let both = json!({ "millrace-web": s3("b"), &beside: s3("a") });
        assert_eq!(named(&both, "a", &lower, false), beside);
        assert_ne!(named(&both, "c", &lower, false), beside, "another location, another repository");
        assert_eq!(named(&former, "a", &lower, true), "millrace-web", "the caller says so");
        // Without a name there is only one.
        assert_eq!(named(&json!({ "millrace": s3("b") }), "a", &Stack::default(), false), "millrace");
    }
}
