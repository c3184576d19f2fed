//! Removes the templates and roles that `setup` made for a deployment, when the deployment is deleted.
//!
//! In: a deployment. Out: what was removed, and what could not be removed. Deliberately absent: indices, the snapshot
//! repository and its contents. Data outlive their stack.

use serde::Serialize;

use super::{roles, template::Template};
use crate::{
    admin::{
        Admin, Version,
        templates::{Installed, Kind, Owner},
    },
    settings::Domain,
};
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// What was removed.
#[derive(Debug, Default, Serialize)]
pub(super) struct Removed {
    /// Index templates with this deployment's mark.
    templates: Vec<String>,
    /// Roles of this deployment, with their mappings.
    roles: Vec<String>,
    /// Index templates of data streams that exist. The engine removes none of these.
    kept: Vec<String>,
    /// What could not be removed, and why.
    pub(super) failed: Vec<String>,
}

/// Removes the templates with the mark of a deployment, and its roles.
pub(super) async fn remove(admin: &Admin, domain: &Domain, templates: &[Template], deadline: Deadline) -> Removed {
    let mut removed = Removed::default();
    match marked(admin, domain, templates, deadline).await {
        Ok(marked) => {
            for (kind, template) in marked {
                match admin.delete_template(kind, &template, deadline).await {
                    Ok(()) => removed.templates.push(template.name),
                    Err(error) if is_in_use(&error) => removed.kept.push(template.name),
                    Err(error) => removed.failed.push(format!("index template {}: {error}", template.name)),
                }
            }
        }
        Err(error) => removed.failed.push(format!("index templates: {error}")),
    }
    if domain.is_collection() {
        return removed;
    }
    for role in roles::names(&domain.stack) {
        match admin.remove_role(&role, deadline).await {
            Ok(true) => removed.roles.push(role),
            Ok(false) => {}
            Err(error) => removed.failed.push(format!("role {role}: {error}")),
        }
    }
    removed
}

/// Whether the engine refuses to remove a template because of a data stream. It has no type of its own for that.
fn is_in_use(error: &BatchError) -> bool {
    error.to_string().contains("in use by a data stream")
}

/// The templates of a deployment. Their mark identifies them, not their names.
async fn marked(
    admin: &Admin,
    domain: &Domain,
    templates: &[Template],
    deadline: Deadline,
) -> Result<Vec<(Kind, Installed)>, BatchError> {
    let mut installed = Vec::new();
    if domain.is_collection() {
        for template in templates {
            let found = admin.templates(Kind::Composable, Some(&template.name), deadline).await?;
            installed.extend(found.into_iter().map(|one| (Kind::Composable, one)));
        }
    } else {
        let version = admin.version(deadline).await?;
        let kind = if Version::has_composable_templates(version) { Kind::Composable } else { Kind::Legacy };
        installed.extend(admin.templates(kind, None, deadline).await?.into_iter().map(|one| (kind, one)));
    }
    let is_own = |owner: &Owner| matches!(owner, Owner::Stack(mark) if mark == domain.stack.mark());
    Ok(installed.into_iter().filter(|(_, one)| is_own(&one.owner)).collect())
}
