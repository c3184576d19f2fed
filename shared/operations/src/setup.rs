//! The function `setup`: prepares the domain for pipeline.yaml, at every deployment and on manual invocation.
//!
//! In: an event of `CloudFormation`'s custom resource, or any other event from a manual invocation. Out: what was done,
//! as one JSON document. `CloudFormation` always gets a response, even if the configuration has a fault, a step panics
//! or the time is up. Every step can be repeated. The changes of other parties to the domain stay: role mappings are
//! merged, and other templates and data are not touched. Deployments that share a domain differ by their names
//! (`MILLRACE_STACK`).

mod adopt;
pub(crate) mod collisions;
mod dashboards;
mod dates;
pub(crate) mod hidden;
pub mod install;
mod layouts;
pub(crate) mod patterns;
mod remove;
mod request;
mod roles;
mod saved_objects;
mod stack;
pub mod template;

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::Value;

use super::startup::begin;
use crate::{
    admin::{
        Admin, Version,
        security::{Mapped, Role},
        templates::Kind,
    },
    error::{Error, Refused},
    settings::{Domain, Repository, SetupSettings},
};
use delivery::{
    aws::Aws,
    lambda::Deadline,
    settings::{Auth, variable},
    telemetry,
};
use install::Replacing;
use layouts::Layouts;
use pipeline::{
    outcome::{BatchError, ConfigError, Fault},
    rule_tests,
    rules::Datasets,
};
use request::Request;
pub use roles::ingest_role;
use saved_objects::Maps;
use template::Template;

/// The maximum time that the deletion of a stack waits for its domain.
const REMOVAL: Duration = Duration::from_secs(30);

/// The maximum time for a list that only notes need.
const NOTES: Duration = Duration::from_secs(10);

/// The function `setup`.
#[derive(Debug, Clone)]
pub struct Setup {
    ready: Result<Arc<Ready>, ConfigError>,
}

/// The result of a valid configuration.
#[derive(Debug)]
struct Ready {
    settings: SetupSettings,
    aws: Aws,
    admin: Admin,
    datasets: Datasets,
    /// The tests of the rules that fail.
    failed_tests: Vec<Fault>,
    templates: Vec<Template>,
    /// OpenSearch Dashboards or Kibana.
    dashboards: Option<Admin>,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Done {
    /// The engine of the domain; none for a serverless collection, which does not report it.
    engine: Option<String>,
    /// The names of the index templates.
    templates: Vec<String>,
    /// The first indices of aliases that were created.
    indices: Vec<String>,
    /// The roles that were created and mapped.
    roles: Vec<String>,
    /// The snapshot repository.
    repository: Option<String>,
    /// How many saved objects were imported into the dashboards.
    saved_objects: Option<usize>,
    /// What was skipped, and why.
    notes: Vec<String>,
    /// The failed steps. The other steps are done nevertheless.
    failed: Vec<String>,
}

impl Setup {
    /// Reads the environment of the process and the pipeline.yaml that it names. Faults are kept for the response: a
    /// function that does not start would make `CloudFormation` wait for an hour.
    pub async fn from_env() -> Self {
        Self { ready: Ready::from_env().await.map(Arc::new) }
    }

    /// Runs one invocation.
    ///
    /// # Errors
    /// Manual invocation: what failed. An event of `CloudFormation`: only if the response could not be sent.
    pub async fn handle(&self, event: &Value, deadline: Deadline) -> Result<Value, Error> {
        let Some(stack_event) = stack::StackEvent::read(event) else {
            return self.run(Request::read(event)?, deadline).await;
        };
        let result = match stack_event.action() {
            stack::Action::Answer => Ok(Value::Null),
            stack::Action::Run => self.run(Request::Run { take_over: false }, deadline).await,
            stack::Action::Remove => Ok(self.remove(deadline).await),
        };
        stack_event.answer(&result, deadline).await?;
        Ok(result.unwrap_or_else(|error| Value::String(error.to_string())))
    }

    /// Removes what a stack had in the domain. A stack must be deletable whatever happened to its domain, so a failure
    /// is only logged.
    async fn remove(&self, deadline: Deadline) -> Value {
        let brief = Deadline::after(REMOVAL);
        let stop_sending = deadline.stop_sending.min(brief.stop_sending);
        let deadline = Deadline { stop_sending, stop_reading: stop_sending, ..deadline };
        self.run(Request::Remove, deadline).await.unwrap_or_else(|error| {
            let reason = error.to_string();
            tracing::error!(
                reason,
                "templates and roles of this stack may remain: remove them with `millrace setup --remove`"
            );
            Value::String(reason)
        })
    }

    async fn run(&self, request: Request, deadline: Deadline) -> Result<Value, Error> {
        let ready = Arc::clone(self.ready.as_ref().map_err(Clone::clone)?);
        let mut steps = tokio::spawn(async move { ready.answer(&request, deadline).await });
        match tokio::time::timeout_at(deadline.stop_sending.into(), &mut steps).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(Error::Unfinished(format!("setup panicked: {panic}"))),
            Err(_) => {
                steps.abort();
                let reason =
                    "the deadline came before all steps were done: check that the function can reach the domain";
                Err(Error::Unfinished(reason.into()))
            }
        }
    }
}

impl Ready {
    async fn from_env() -> Result<Self, ConfigError> {
        let settings = SetupSettings::read(variable)?;
        let (aws, admin, datasets) = begin(&settings.domain).await?;
        // Read again: tests have a key of their own.
        let failed_tests = rule_tests::run(&rule_tests::load(&settings.domain.pipeline)?).faults();
        let templates = template::beside(&datasets, &(&settings.domain).into(), &settings.domain.pipeline)?;
        let has_auth = settings.domain.auth != Auth::None;
        if has_auth && matches!(settings.snapshots, Some(Repository::S3(_))) && settings.snapshot_role.is_none() {
            tracing::warn!("MILLRACE_SNAPSHOT_ROLE_ARN is missing: an Amazon domain takes no repository without it");
        }
        let dashboards = settings.dashboards.as_ref().map(|url| {
            // The same users and roles, at another URL.
            Admin::new(&Domain { endpoint: url.clone(), ..settings.domain.clone() }, &aws)
        });
        let dashboards = dashboards.transpose()?;
        Ok(Self { settings, aws, admin, datasets, failed_tests, templates, dashboards })
    }

    async fn answer(&self, request: &Request, deadline: Deadline) -> Result<Value, Error> {
        match request {
            // Functions that ingest do not run the tests: a wrong test must not stop delivery.
            Request::Run { .. } if !self.failed_tests.is_empty() => {
                Err(ConfigError { faults: self.failed_tests.clone() }.into())
            }
            Request::Run { take_over } => {
                let replacing = if *take_over { Replacing::Everything } else { Replacing::Unnamed };
                let done = self.run(replacing, deadline).await;
                whole("setup", &done, &done.failed)
            }
            Request::Remove => {
                let done = remove::remove(&self.admin, &self.settings.domain, &self.templates, deadline).await;
                whole("removed", &done, &done.failed)
            }
            Request::Adopt(_) if self.settings.domain.is_collection() => {
                let reason = "a collection of OpenSearch Serverless has no indices to adopt: nothing there is deleted by Millrace";
                Err(Refused::from(reason).into())
            }
            Request::Adopt(request) => {
                let stack = &self.settings.domain.stack;
                let done = adopt::adopt(&self.admin, &self.datasets, stack, request, deadline).await;
                let done = done?;
                whole("adopted", &done, &done.failed)
            }
        }
    }

    async fn run(&self, replacing: Replacing, deadline: Deadline) -> Done {
        let mut done = Done::default();
        // Check the permission before everything else. Write the templates before the first event.
        let version = match self.version(&mut done, deadline).await {
            Ok(version) => version,
            Err(error) => {
                done.failed.push(error.to_string());
                return done;
            }
        };
        // Without its own name, a deployment may find resources of another one.
        let is_own = self.settings.domain.stack.is_named() || replacing == Replacing::Everything;
        let roles = roles::roles(&self.settings, &self.datasets, is_own);
        for role in &roles {
            match self.admin.put_role(role, deadline).await {
                Ok(Mapped::Done) => done.roles.push(role.name.clone()),
                Ok(Mapped::NoSecurity) => {
                    done.notes.push(format!("no fine-grained access control: {} is not mapped", role.name));
                }
                Err(error) => done.failed.push(format!("role {}: {error}", role.name)),
            }
        }
        self.prepare_indices(version, replacing, &mut done, deadline).await;
        self.note_collisions(version, &mut done, deadline).await;
        // Not before the new ones exist: events arrive all the time.
        if done.failed.is_empty() {
            self.release_former(&roles, &mut done, deadline).await;
        }
        if let Some(repository) = &self.settings.snapshots {
            let (stack, role) = (&self.settings.domain.stack, self.settings.snapshot_role.as_deref());
            let takes_over = replacing == Replacing::Everything;
            match self.admin.put_repository(stack, takes_over, repository, role, &self.aws.region, deadline).await {
                Ok(name) => done.repository = Some(name),
                Err(error) => done.failed.push(format!("snapshot repository: {error}")),
            }
        }
        if let Some(dashboards) = &self.dashboards {
            self.import(dashboards, version, &mut done, deadline).await;
        }
        done
    }

    /// Writes the templates, and then creates the first index of each alias.
    async fn prepare_indices(
        &self,
        version: Option<Version>,
        replacing: Replacing,
        done: &mut Done,
        deadline: Deadline,
    ) {
        let layouts = Layouts::check(&self.admin, &self.datasets, version, deadline).await;
        done.failed.extend(layouts.failed.iter().cloned());
        let templates = layouts.without_faults(&self.templates);
        match install::install(&self.admin, &templates, version, replacing, deadline).await {
            Ok(put) => {
                done.templates = put.names;
                done.notes.extend(put.notes);
                // An index that is created without its template has no mark and no mapping.
                if put.failed.is_empty() {
                    let (created, failed) = layouts.create(&self.admin, &self.datasets, version, deadline).await;
                    done.indices = created;
                    done.failed.extend(failed);
                }
                done.failed.extend(put.failed);
            }
            Err(error) => done.failed.push(format!("index templates: {error}")),
        }
    }

    /// Notes the datasets whose events would go into data streams. An unreadable list is no failure: the doctor shows it.
    async fn note_collisions(&self, version: Option<Version>, done: &mut Done, deadline: Deadline) {
        if !version.is_some_and(Version::has_composable_templates) {
            return;
        }
        let brief = Deadline::after(NOTES);
        let stop_sending = deadline.stop_sending.min(brief.stop_sending);
        let brief = Deadline { stop_sending, ..deadline };
        let installed = self.admin.templates(Kind::Composable, None, brief).await.unwrap_or_default();
        let found = collisions::collisions(&self.datasets, &installed);
        done.notes.extend(found.into_iter().map(|one| format!("{}: {}", one.found, one.fix)));
    }

    /// Gives up the roles that all deployments shared before deployments had names.
    async fn release_former(&self, roles: &[Role], done: &mut Done, deadline: Deadline) {
        for role in roles.iter().filter(|role| done.roles.contains(&role.name)) {
            match self.admin.release_former_role(role, deadline).await {
                Ok(note) => done.notes.extend(note),
                Err(error) => done.failed.push(format!("role {}: {error}", role.former)),
            }
        }
    }

    /// Imports the saved objects into the dashboards. This is the last step: it asks for fields that the templates map.
    async fn import(&self, dashboards: &Admin, version: Option<Version>, done: &mut Done, deadline: Deadline) {
        let Some(maps) = version.map_or(Some(Maps::Coordinate), Maps::of) else {
            done.notes.push("no saved objects: Kibana takes them from 7.10 on".into());
            return;
        };
        let objects = saved_objects::saved_objects(&self.datasets, &self.templates, maps);
        if objects.is_empty() {
            return;
        }
        match dashboards::import(dashboards, &saved_objects::ndjson(&objects), objects.len(), deadline).await {
            Ok(()) => done.saved_objects = Some(objects.len()),
            Err(error) => done.failed.push(format!("dashboards: {error}")),
        }
    }

    /// The engine of the domain; `None` for a serverless collection, which is an OpenSearch that does not report its
    /// version.
    async fn version(&self, done: &mut Done, deadline: Deadline) -> Result<Option<Version>, BatchError> {
        if self.settings.domain.is_collection() {
            return Ok(None);
        }
        let version = self.admin.version(deadline).await?;
        done.engine = Some(version.to_string());
        Ok(Some(version))
    }
}

/// The result as one document, or the failures.
fn whole(message: &str, done: &impl Serialize, failed: &[String]) -> Result<Value, Error> {
    if failed.is_empty() {
        Ok(telemetry::document(message, true, done, &[]))
    } else {
        Err(Error::Unfinished(failed.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake_domain::FakeDomain;

    const INGEST: &str = "arn:aws:iam::123456789012:role/ingest";

    async fn ready(admin: Admin) -> Ready {
        let settings = SetupSettings::read(|name| match name {
            "MILLRACE_DOMAIN_ENDPOINT" => Some("http://127.0.0.1:9".to_owned()),
            "MILLRACE_DOMAIN_AUTH" => Some("none".to_owned()),
            "MILLRACE_STACK" => Some("web".to_owned()),
            "MILLRACE_INGEST_ROLES" => Some(INGEST.to_owned()),
            _ => None,
        });
        let settings = settings.unwrap();
        let yaml = "datasets:\n  - { name: a, from: { key: a }, index: \"logs-%{+YYYY.MM.dd}\", shards: 1 }\n";
        let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap();
        let no_file = |_: &str| Err(std::io::Error::other("no file"));
        let templates = template::templates(&datasets, &(&settings.domain).into(), no_file).unwrap();
        let aws = Aws::load_in("eu-west-1".into()).await;
        let failed_tests = Vec::new();
        Ready { settings, aws, admin, datasets, failed_tests, templates, dashboards: None }
    }

    /// The answers of a domain with the former and the new role of this deployment. Every new template gets `status`.
    fn answer(request: &str, status: u16) -> (u16, Value) {
        let name = request.rsplit('/').next().unwrap_or_default();
        let permissions = json!([{ "index_patterns": ["logs-*.*.*"] }]);
        match request {
            "GET /" => (200, json!({ "version": { "number": "2.19.0", "distribution": "opensearch" } })),
            "GET /_index_template" => (200, json!({ "index_templates": [] })),
            _ if request.starts_with("PUT /_index_template/") => (status, json!({})),
            _ if request.contains("/rolesmapping/") => (200, json!({ name: { "backend_roles": [INGEST] } })),
            _ if request.contains("/roles/") => (200, json!({ name: { "index_permissions": permissions } })),
            _ => (200, json!({})),
        }
    }

    #[tokio::test]
    async fn a_former_role_is_given_up_only_if_every_step_before_succeeded() {
        let former =
            ["rolesmapping", "roles"].map(|kind| format!("DELETE /_plugins/_security/api/{kind}/millrace_ingest"));
        for (status, deleted) in [(200, &former[..]), (400, &[])] {
            let FakeDomain { admin, requests, .. } = FakeDomain::start(move |request| answer(request, status)).await;
            let deadline = Deadline::after(Duration::from_secs(30));
            let done = ready(admin).await.run(Replacing::Unnamed, deadline).await;
            assert_eq!(done.roles, ["millrace_ingest_web"], "{done:?}");
            assert_eq!(done.failed.is_empty(), status == 200, "{done:?}");
            let mut changes = requests.changes();
            changes.retain(|request| request.starts_with("DELETE "));
            assert_eq!(changes, deleted, "{status}");
        }
    }

    #[tokio::test]
    async fn a_file_whose_tests_fail_changes_nothing_and_can_be_removed() {
        let FakeDomain { admin, requests, .. } = FakeDomain::start(|request| answer(request, 200)).await;
        let mut ready = ready(admin).await;
        ready.failed_tests = vec![Fault { place: "pipeline.yaml:9:9".into(), message: "a test of `a` fails".into() }];
        let deadline = Deadline::after(Duration::from_secs(10));
        let error = ready.answer(&Request::Run { take_over: true }, deadline).await.unwrap_err().to_string();
        assert!(error.contains("pipeline.yaml:9:9: a test of `a` fails"), "{error}");
        assert_eq!(requests.changes(), [] as [&str; 0]);
        ready.answer(&Request::Remove, deadline).await.unwrap();
        assert!(!requests.changes().is_empty());
    }
}
