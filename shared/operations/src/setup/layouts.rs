//! The step of `setup` for data streams and aliases: refuses names that stand for something else, before anything is changed, and creates
//! the first index of an alias after its template is in place.
//!
//! Deliberately absent: the creation of a data stream. Its first event makes it, under the template.

use super::template::Template;
use crate::{
    admin::{Admin, Version},
    layouts::{Checked, State, check},
};
use delivery::lambda::Deadline;
use pipeline::{
    outcome::BatchError,
    rules::{Datasets, FIRST_OF_ALIAS},
};

/// The declared names, before the templates are written.
#[derive(Debug, Default)]
pub(super) struct Layouts<'d> {
    names: Vec<Checked<'d>>,
    /// The names that stand for something else, and why.
    pub(super) failed: Vec<String>,
}

impl<'d> Layouts<'d> {
    /// Checks every name.
    pub(super) async fn check(
        admin: &Admin,
        datasets: &'d Datasets,
        version: Option<Version>,
        deadline: Deadline,
    ) -> Self {
        match check(admin, datasets, version, deadline).await {
            Ok(names) => {
                let fault = |one: &Checked<'_>| match &one.state {
                    State::Fault { found, fix } => Some(format!("{found}: {fix}; nothing was changed")),
                    _ => None,
                };
                let failed = names.iter().filter_map(fault).collect();
                Self { names, failed }
            }
            Err(error) => Self { names: Vec::new(), failed: vec![format!("data streams and aliases: {error}")] },
        }
    }

    /// The templates without those of names that stand for something else.
    pub(super) fn without_faults(&self, templates: &[Template]) -> Vec<Template> {
        let is_at_fault = |template: &&Template| {
            let of_name =
                |one: &Checked<'_>| one.pattern == template.pattern && matches!(one.state, State::Fault { .. });
            self.names.iter().any(of_name)
        };
        templates.iter().filter(|template| !is_at_fault(template)).cloned().collect()
    }

    /// Creates the first index of each alias that has none. Another run of `setup` may do so at the same time.
    pub(super) async fn create(
        &self,
        admin: &Admin,
        datasets: &Datasets,
        version: Option<Version>,
        deadline: Deadline,
    ) -> (Vec<String>, Vec<String>) {
        let (mut created, mut failed) = (Vec::new(), Vec::new());
        for one in &self.names {
            let State::WithoutIndex(index) = &one.state else { continue };
            let Err(error) = admin.create_write_index(one.name, index, deadline).await else {
                created.push(index.clone());
                continue;
            };
            // The answer to an earlier attempt may be lost, or another run was first.
            if !is_ready(admin, datasets, version, one.name, deadline).await.unwrap_or_default() {
                let form = format!(
                    "the first index of an alias is {}{FIRST_OF_ALIAS}: if it exists without the alias, add the alias to it \
                     with `is_write_index`, or delete it",
                    one.name
                );
                failed.push(format!("alias: {}: {error}; {form}", one.name));
            }
        }
        (created, failed)
    }
}

async fn is_ready(
    admin: &Admin,
    datasets: &Datasets,
    version: Option<Version>,
    name: &str,
    deadline: Deadline,
) -> Result<bool, BatchError> {
    let now = check(admin, datasets, version, deadline).await?;
    Ok(now.iter().any(|one| one.name == name && one.state == State::Ready))
}
