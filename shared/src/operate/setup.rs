//! The function `setup`: the domain is made ready for what pipeline.yaml says, at every deployment and by hand.
//!
//! In: an event of `CloudFormation`'s custom resource, or anything else by hand. Out: what was done, as one JSON document;
//! `CloudFormation` is always answered, also where the configuration is at fault, a step panics or the time is up. All of it can be
//! done again. What others have made of the domain is left alone: roles are patched, other templates and data untouched.

mod dashboards;
mod dates;
mod roles;
mod saved_objects;
mod stack;
pub mod template;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::begin;
use crate::{
    aws::Aws,
    cluster::{
        Admin,
        admin::{Version, security::Mapped},
    },
    config::{
        datasets::Datasets,
        operations::{Domain, Repository, SetupSettings},
        settings::{Auth, variable},
    },
    lambda::Deadline,
    outcome::{BatchError, ConfigError, Fault},
    telemetry,
};
pub use roles::INGEST_ROLE;
use saved_objects::Maps;
use template::Template;

/// The function `setup`.
#[derive(Debug, Clone)]
pub struct Setup {
    ready: Result<Arc<Ready>, ConfigError>,
}

/// What a sound configuration comes to.
#[derive(Debug)]
struct Ready {
    settings: SetupSettings,
    aws: Aws,
    admin: Admin,
    datasets: Datasets,
    templates: Vec<Template>,
    /// OpenSearch Dashboards or Kibana.
    dashboards: Option<Admin>,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
struct Done {
    /// What the domain runs; nothing of a serverless collection, which does not tell.
    engine: Option<String>,
    /// The index templates by name.
    templates: Vec<String>,
    /// The roles that were made and mapped.
    roles: Vec<&'static str>,
    /// The snapshot repository.
    repository: Option<&'static str>,
    /// How many saved objects were imported into the dashboards.
    saved_objects: Option<usize>,
    /// What was left out, and why.
    notes: Vec<String>,
    /// What failed. The other steps are done nevertheless.
    failed: Vec<String>,
}

impl Setup {
    /// From the process's environment and the pipeline.yaml it names. Faults are kept for the answer: a function that does
    /// not start would leave `CloudFormation` waiting for an hour.
    pub async fn from_env() -> Self {
        Self { ready: Ready::from_env().await.map(Arc::new) }
    }

    /// One invocation.
    ///
    /// # Errors
    /// By hand: what failed. Of `CloudFormation`'s events only where the answer could not be put.
    pub async fn handle(&self, event: &Value, deadline: Deadline) -> Result<Value, String> {
        let Some(request) = stack::Request::read(event) else { return self.run(deadline).await };
        let result = if request.is_for_the_answer_alone() { Ok(Value::Null) } else { self.run(deadline).await };
        request.answer(&result, deadline).await?;
        Ok(result.unwrap_or_else(Value::String))
    }

    async fn run(&self, deadline: Deadline) -> Result<Value, String> {
        let ready = Arc::clone(self.ready.as_ref().map_err(ToString::to_string)?);
        let mut steps = tokio::spawn(async move { ready.run(deadline).await });
        match tokio::time::timeout_at(deadline.stop_sending.into(), &mut steps).await {
            Ok(Ok(done)) if done.failed.is_empty() => Ok(telemetry::document("setup", true, &done, &[])),
            Ok(Ok(done)) => Err(done.failed.join("; ")),
            Ok(Err(panic)) => Err(format!("setup panicked: {panic}")),
            Err(_) => {
                steps.abort();
                Err("the time is up before all steps were done: is the domain reachable from the function?".into())
            }
        }
    }
}

impl Ready {
    async fn from_env() -> Result<Self, ConfigError> {
        let settings = SetupSettings::read(variable)?;
        let (aws, admin, datasets) = begin(&settings.domain).await?;
        let templates = template::beside(&datasets, &settings.domain.pipeline)?;
        let has_auth = settings.domain.auth != Auth::None;
        if has_auth && matches!(settings.snapshots, Some(Repository::S3(_))) && settings.snapshot_role.is_none() {
            tracing::warn!(
                "MILLRACE_SNAPSHOT_ROLE_ARN is missing: a domain of Amazon's takes no repository without it"
            );
        }
        let dashboards = settings.dashboards.as_ref().map(|url| {
            // The same users and roles, at another URL.
            Admin::new(&Domain { endpoint: url.clone(), ..settings.domain.clone() }, &aws)
        });
        let dashboards = dashboards.transpose()?;
        Ok(Self { settings, aws, admin, datasets, templates, dashboards })
    }

    async fn run(&self, deadline: Deadline) -> Done {
        let mut done = Done::default();
        // Permission before everything else; templates before the first event.
        let version = match self.version(&mut done, deadline).await {
            Ok(version) => version,
            Err(error) => {
                done.failed.push(error.to_string());
                return done;
            }
        };
        let composable = version.is_none_or(Version::has_composable_templates);
        for role in roles::roles(&self.settings, &self.datasets) {
            match self.admin.put_role(&role, deadline).await {
                Ok(Mapped::Done) => done.roles.push(role.name),
                Ok(Mapped::NoSecurity) => {
                    done.notes.push(format!("no fine-grained access control: {} is not mapped", role.name));
                }
                Err(error) => done.failed.push(format!("role {}: {error}", role.name)),
            }
        }
        for template in &self.templates {
            match template.put(&self.admin, composable, deadline).await {
                Ok(()) => done.templates.push(template.name.clone()),
                Err(error) => done.failed.push(format!("index template {}: {error}", template.name)),
            }
        }
        done.notes.extend(self.templates.iter().flat_map(|template| template.notes.iter().cloned()));
        if let Some(repository) = &self.settings.snapshots {
            let role = self.settings.snapshot_role.as_deref();
            match self.admin.put_repository(repository, role, &self.aws.region, deadline).await {
                Ok(()) => done.repository = Some(crate::cluster::admin::snapshots::REPOSITORY),
                Err(error) => done.failed.push(format!("snapshot repository: {error}")),
            }
        }
        if let Some(dashboards) = &self.dashboards {
            self.import(dashboards, version, &mut done, deadline).await;
        }
        done
    }

    /// What can be seen of the indices, in the dashboards. Last: it asks for fields that the templates map.
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

    /// What the domain runs; `None` of a serverless collection, which is an OpenSearch that does not tell.
    async fn version(&self, done: &mut Done, deadline: Deadline) -> Result<Option<Version>, BatchError> {
        if self.settings.domain.is_collection() {
            return Ok(None);
        }
        let version = self.admin.version(deadline).await?;
        done.engine = Some(version.to_string());
        Ok(Some(version))
    }
}

/// A fault of a file that pipeline.yaml names.
fn fault(place: &str, message: impl Into<String>) -> Fault {
    Fault { place: place.to_owned(), message: message.into() }
}
