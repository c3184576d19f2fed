//! Writes the templates of a deployment into a domain, and takes over those from before the deployment had a name.
//!
//! In: templates, and the installed templates. Out: what was written, what was skipped and why. A template of another
//! stack or another owner is never changed unless the caller requests it; the refusal names the owner. The new template
//! of a pattern is written before the old one is deleted, so that no index is created without a template.

mod put;

use super::{
    hidden::{Combined, Others, combine},
    template::Template,
};
use crate::{
    admin::{
        Admin, Version,
        templates::{Installed, Kind, Owner},
    },
    stack,
};
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The command that takes over another owner's template.
const TAKE_OVER: &str =
    "take it over with `millrace setup --take-over`, or with {\"take_over\": true} to the function `setup`";

/// Which existing templates may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacing {
    /// Only this deployment's own, under the same name.
    Nothing,
    /// Also its own under other names, and those that this pipeline had before it had a name.
    Unnamed,
    /// Any template for the same indices or with the same name.
    Everything,
}

/// The result for the templates.
#[derive(Debug, Default)]
pub struct Put {
    /// The names of the templates that were written.
    pub names: Vec<String>,
    /// The steps that failed, and the names that were taken over.
    pub notes: Vec<String>,
    /// The templates that were skipped, and why.
    pub failed: Vec<String>,
}

impl Put {
    /// Returns an error if a template was skipped.
    ///
    /// # Errors
    /// Permanent: a retry would have the same result.
    pub fn whole(self) -> Result<(), BatchError> {
        if self.failed.is_empty() {
            return Ok(());
        }
        Err(BatchError::permanent("index templates", self.failed.join("; ")))
    }
}

/// The action for one template.
#[derive(Debug, PartialEq)]
enum TemplateAction<'i> {
    /// Write it, then delete these.
    Put(Vec<&'i Installed>),
    /// Skip it, for this reason.
    Leave(String),
}

/// Writes all templates.
///
/// # Errors
/// As [`Admin::ask`], if the domain does not list its templates.
pub async fn install(
    admin: &Admin,
    templates: &[Template],
    version: Option<Version>,
    replacing: Replacing,
    deadline: Deadline,
) -> Result<Put, BatchError> {
    let kind = if version.is_none_or(Version::has_composable_templates) { Kind::Composable } else { Kind::Legacy };
    let mut put = Put::default();
    if templates.is_empty() {
        return Ok(put);
    }
    let installed = installed(admin, templates, kind, deadline).await?;
    for (template, mut combined) in combined(admin, templates, &installed, kind, deadline).await? {
        let replaced = match step(template, kind, &installed, replacing) {
            TemplateAction::Put(replaced) => replaced,
            TemplateAction::Leave(reason) => {
                put.failed.push(format!("index template {}: {reason}", template.name));
                continue;
            }
        };
        put.notes.extend(template.notes.iter().cloned());
        let bodies = std::mem::take(&mut combined.bodies);
        put.notes.extend(combined.into_notes());
        match put::put(admin, template, kind, bodies, &replaced, deadline).await {
            Ok(notes) => {
                put.names.push(template.name.clone());
                put.notes.extend(notes);
            }
            Err(error) => put.failed.push(format!("index template {}: {error}", template.name)),
        }
        put.notes
            .extend(replaced.iter().map(|old| format!("{} replaced the index template {}", template.name, old.name)));
    }
    put.names.sort();
    Ok(put)
}

/// The bodies of all templates, in the order in which they have to be written.
async fn combined<'t>(
    admin: &Admin,
    templates: &'t [Template],
    installed: &[Installed],
    kind: Kind,
    deadline: Deadline,
) -> Result<Vec<(&'t Template, Combined)>, BatchError> {
    let is_collection = templates.iter().any(|template| template.owner().is_collection);
    match kind {
        // The engine merges legacy templates itself.
        Kind::Legacy => {
            let alone = |template: &'t Template| (template, Combined::alone(template.body(kind)));
            Ok(templates.iter().map(alone).collect())
        }
        Kind::Composable if is_collection => Ok(combine(templates, &Others::none())),
        Kind::Composable => Ok(combine(templates, &Others::among(installed, templates, admin, deadline).await?)),
    }
}

/// All installed templates. A collection lists none, so there it asks for the names of these templates.
async fn installed(
    admin: &Admin,
    templates: &[Template],
    kind: Kind,
    deadline: Deadline,
) -> Result<Vec<Installed>, BatchError> {
    if !templates.iter().any(|template| template.owner().is_collection) {
        return admin.templates(kind, None, deadline).await;
    }
    let mut installed: Vec<Installed> = Vec::new();
    for template in templates {
        for name in [template.name.clone(), template.former_name()] {
            if installed.iter().all(|known| known.name != name) {
                installed.extend(admin.templates(kind, Some(&name), deadline).await?);
            }
        }
    }
    Ok(installed)
}

fn step<'i>(template: &Template, kind: Kind, installed: &'i [Installed], replacing: Replacing) -> TemplateAction<'i> {
    let mark = template.owner().stack.mark();
    let mut replaced = Vec::new();
    for other in installed {
        let has_name = other.name == template.name;
        let is_former = other.name == template.former_name();
        let is_for_the_same = other.patterns == [template.pattern.as_str()];
        let is_mine = matches!(&other.owner, Owner::Stack(stack) if stack == mark);
        // A legacy template from commit e0357a9 does not record its owner, but its name does.
        let is_unnamed =
            other.owner == Owner::Unnamed || (kind == Kind::Legacy && is_former && other.owner == Owner::Unknown);
        let concerns = has_name || (is_for_the_same && (other.owner != Owner::Unknown || is_unnamed));
        if !concerns || (has_name && is_mine) {
            continue;
        }
        let may = match replacing {
            // `recreate` may delete no template.
            Replacing::Nothing => false,
            Replacing::Unnamed => is_mine || is_unnamed,
            Replacing::Everything => true,
        };
        if !may {
            return TemplateAction::Leave(refusal(other, is_mine || is_unnamed));
        }
        if !has_name {
            replaced.push(other);
        }
    }
    TemplateAction::Put(replaced)
}

fn refusal(other: &Installed, is_of_earlier_version: bool) -> String {
    let patterns = other.patterns.join(", ");
    match &other.owner {
        _ if is_of_earlier_version => {
            format!("{} is still that of an earlier version: run `millrace setup`", other.name)
        }
        Owner::Stack(mark) => {
            let owner = stack::shown(mark);
            format!("the stack {owner} has the template {} for {patterns}; {TAKE_OVER}", other.name)
        }
        _ => format!("{} for {patterns} was made by others, not by a stack of Millrace; {TAKE_OVER}", other.name),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        fake_domain::FakeDomain,
        setup::template::{TemplateOwner, templates},
        stack::Stack,
    };
    use pipeline::rules::Datasets;

    fn template(stack: &Stack) -> Template {
        let yaml = "datasets:\n  - { name: a, from: { key: a }, index: \"logs-%{+YYYY.MM.dd}\", shards: 1 }\n";
        let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap();
        let owner = TemplateOwner { stack: stack.clone(), is_collection: false };
        templates(&datasets, &owner, |_| Err(std::io::Error::other("no file"))).unwrap().remove(0)
    }

    fn installed(name: &str, pattern: &str, owner: Owner) -> Installed {
        Installed { name: name.into(), patterns: vec![pattern.into()], priority: 307, owner, body: Value::Null }
    }

    fn of(stack: &str) -> Owner {
        Owner::Stack(stack.into())
    }

    #[test]
    fn only_templates_of_this_pipeline_are_replaced_unless_the_caller_takes_over() {
        use Kind::{Composable, Legacy};
        use Replacing::{Everything, Nothing, Unnamed};
        let (web, pattern) = (template(&Stack::named("web")), "logs-*.*.*");
        let (name, former) = ("millrace.web.logs-x.x.x", "millrace-logs-x.x.x");
        let replacing_one = |name: &str| Ok(vec![name.to_owned()]);
        for (kind, other, replacing, expected) in [
            (Composable, installed(name, pattern, of("web")), Nothing, Ok(vec![])),
            (Composable, installed(former, pattern, Owner::Unnamed), Unnamed, replacing_one(former)),
            (Composable, installed(former, pattern, Owner::Unnamed), Nothing, Err("run `millrace setup`")),
            (Composable, installed("moved", pattern, of("web")), Nothing, Err("run `millrace setup`")),
            (Composable, installed("moved", pattern, of("web")), Unnamed, replacing_one("moved")),
            (
                Composable,
                installed("theirs", pattern, of("pay")),
                Unnamed,
                Err("the stack pay has the template theirs for logs-*.*.*"),
            ),
            (Composable, installed("theirs", pattern, of("pay")), Everything, replacing_one("theirs")),
            (Composable, installed("theirs", "logs-b-*", of("pay")), Unnamed, Ok(vec![])),
            (Composable, installed("users", pattern, Owner::Unknown), Unnamed, Ok(vec![])),
            (Composable, installed(name, "x-*", Owner::Unknown), Unnamed, Err("was made by others")),
            (Composable, installed(name, pattern, of("WEB")), Unnamed, Err("the stack WEB has the template")),
            (Composable, installed(name, pattern, of("WEB")), Everything, Ok(vec![])),
            (Legacy, installed(former, pattern, Owner::Unknown), Unnamed, replacing_one(former)),
            (Legacy, installed("users", pattern, Owner::Unknown), Everything, Ok(vec![])),
            (Legacy, installed(former, pattern, of("pay")), Unnamed, Err("the stack pay")),
        ] {
            let done = match step(&web, kind, std::slice::from_ref(&other), replacing) {
                TemplateAction::Put(replaced) => {
                    Ok(replaced.into_iter().map(|old| old.name.clone()).collect::<Vec<_>>())
                }
                TemplateAction::Leave(reason) => Err(reason),
            };
            match (&done, &expected) {
                (Ok(done), Ok(expected)) => assert_eq!(done, expected, "{other:?} {replacing:?}"),
                (Err(reason), Err(words)) => assert!(reason.contains(words), "{reason}"),
                _ => panic!("{other:?} {replacing:?}: {done:?}"),
            }
        }
    }

    #[tokio::test]
    async fn the_new_template_is_written_before_the_old_one_is_deleted() {
        let web = template(&Stack::named("web"));
        let meta = json!({ "managed_by": "millrace" });
        let body = json!({ "index_patterns": [web.pattern], "priority": web.priority(), "_meta": meta });
        let domain = FakeDomain::start(move |request| match request {
            "GET /_index_template" | "GET /_index_template/former" => {
                (200, json!({ "index_templates": [{ "name": "former", "index_template": body }] }))
            }
            _ => (200, json!({})),
        });
        let (domain, deadline) = (domain.await, Deadline::after(Duration::from_secs(30)));
        let put = format!("PUT /_index_template/{}", web.name);
        let done = install(&domain.admin, &[web], None, Replacing::Unnamed, deadline).await.unwrap();
        assert!(done.failed.is_empty(), "{done:?}");
        // The second one lowers the priority.
        let expected = [put.as_str(), "DELETE /_index_template/former", put.as_str()];
        assert_eq!(domain.requests.changes(), expected, "an index that is created in between has a template");
    }

    #[test]
    fn a_deployment_without_a_name_changes_its_template_in_place() {
        let unnamed = template(&Stack::default());
        let before = installed(&unnamed.name, "logs-*.*.*", Owner::Unnamed);
        assert_eq!(
            step(&unnamed, Kind::Composable, std::slice::from_ref(&before), Replacing::Unnamed),
            TemplateAction::Put(vec![])
        );
        let theirs = installed("theirs", "logs-*.*.*", of("web"));
        let step = step(&unnamed, Kind::Composable, std::slice::from_ref(&theirs), Replacing::Unnamed);
        assert!(matches!(step, TemplateAction::Leave(_)));
    }
}
