//! Writes one template into a domain: the best body that the engine accepts.
//!
//! In: bodies, the best first, and the templates that the new one replaces. Out: what an operator should know about the
//! body that was accepted.

use serde_json::Value;

use super::super::{hidden::Body, template::Template};
use crate::admin::{
    Admin,
    templates::{Installed, Kind},
};
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// Writes one template. Returns what the operator should know about the body that was accepted.
pub(super) async fn put(
    admin: &Admin,
    template: &Template,
    kind: Kind,
    bodies: Vec<Body>,
    replaced: &[&Installed],
    deadline: Deadline,
) -> Result<Option<String>, BatchError> {
    if kind == Kind::Legacy && !template.composed_of().is_empty() {
        let reason = "`composed_of` needs component templates, which this engine does not have: Elasticsearch has them from 7.8 on";
        return Err(BatchError::permanent("pipeline.yaml", reason));
    }
    let priority = template.priority();
    // The engine refuses two templates with the same priority for the same indices. The new one has a higher priority
    // until the old one is deleted.
    let stands_above = kind == Kind::Composable && replaced.iter().any(|old| old.priority == priority);
    let Accepted { mut body, note } = offer(admin, template, kind, bodies, i64::from(stands_above), deadline).await?;
    for old in replaced {
        admin.delete_template(kind, old, deadline).await?;
    }
    if stands_above {
        body["priority"] = priority.into();
        admin.put_template(kind, &template.name, &body, deadline).await?;
    }
    Ok(note)
}

/// The body that the engine took.
struct Accepted {
    body: Value,
    note: Option<String>,
}

/// Writes the first body that the engine does not refuse.
async fn offer(
    admin: &Admin,
    template: &Template,
    kind: Kind,
    bodies: Vec<Body>,
    raised: i64,
    deadline: Deadline,
) -> Result<Accepted, BatchError> {
    let mut refusal = None;
    for Body { mut body, note } in bodies {
        if raised > 0 {
            body["priority"] = (template.priority() + raised).into();
        }
        let response = admin.offer_template(kind, &template.name, &body, deadline).await?;
        let Err(error) = response.accepted() else {
            let because = refusal.map(|error| format!(" ({error})")).unwrap_or_default();
            return Ok(Accepted { body, note: note.map(|note| note + &because) });
        };
        if response.status != 400 {
            return Err(error);
        }
        refusal = Some(error);
    }
    Err(refusal.unwrap_or_else(|| BatchError::permanent("index template", "no body")))
}
