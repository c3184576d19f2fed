//! The templates of others in a domain.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{super::template::Template, content::Content};
use crate::admin::{
    Admin,
    templates::{Installed, Kind, Owner},
};
use delivery::lambda::Deadline;
use pipeline::outcome::BatchError;

/// The templates of others that may apply to indices of this deployment.
#[derive(Debug)]
pub(crate) struct Others {
    pub(crate) composable: Vec<Installed>,
    pub(crate) legacy: Vec<Installed>,
    /// The contents of all component templates, or why they are unknown. Empty if no template has one.
    pub(crate) components: Result<BTreeMap<String, Value>, String>,
    /// The names of templates of Millrace that make data streams.
    pub(crate) own_for_streams: Vec<String>,
}

impl Others {
    /// None, as in a collection, which does not list its templates.
    pub(crate) fn none() -> Self {
        Self {
            composable: Vec::new(),
            legacy: Vec::new(),
            components: Ok(BTreeMap::new()),
            own_for_streams: Vec::new(),
        }
    }

    /// Those among the composable templates of a domain, and its legacy templates.
    ///
    /// # Errors
    /// As [`Admin::ask`], if the domain does not list its legacy templates. Component templates are only a note.
    pub(crate) async fn among(
        installed: &[Installed],
        templates: &[Template],
        admin: &Admin,
        deadline: Deadline,
    ) -> Result<Self, BatchError> {
        let composable: Vec<Installed> = installed.iter().filter(|one| one.owner == Owner::Unknown).cloned().collect();
        let legacy = admin.templates(Kind::Legacy, None, deadline).await?;
        let is_composed = composable.iter().any(|other| !components_of(&other.body).is_empty())
            || templates.iter().any(|template| !template.composed_of().is_empty());
        let components = if is_composed {
            let unknown = |error: BatchError| format!("the component templates of the domain cannot be read: {error}");
            admin.component_templates(deadline).await.map_err(unknown)
        } else {
            Ok(BTreeMap::new())
        };
        let is_own_for_streams = |one: &&Installed| one.owner != Owner::Unknown && is_for_streams(&one.body);
        let own_for_streams = installed.iter().filter(is_own_for_streams).map(|one| one.name.clone()).collect();
        Ok(Self { composable, legacy, components, own_for_streams })
    }

    /// Whether this template, as it is installed, makes data streams.
    pub(super) fn has_for_streams(&self, template: &Template) -> bool {
        self.own_for_streams.iter().any(|name| *name == template.name || *name == template.former_name())
    }

    /// The content of a template with that of its component templates, as the engine puts them together.
    ///
    /// # Errors
    /// The component templates are unknown.
    pub(super) fn resolved(&self, body: &Value) -> Result<Content, String> {
        let mut content = Content::default();
        for name in components_of(body) {
            // A name without a template is one that the engine may ignore, too.
            if let Some(component) = self.components.as_ref().map_err(Clone::clone)?.get(name) {
                content.add(&Content::read(component));
            }
        }
        // A composable template has its content in `template`, a legacy one in its body.
        content.add(&Content::read(body.get("template").filter(|part| part.is_object()).unwrap_or(body)));
        Ok(content)
    }
}

/// Whether the body of a template makes data streams.
pub(crate) fn is_for_streams(body: &Value) -> bool {
    body.get("data_stream").is_some_and(|stream| !stream.is_null())
}

fn components_of(body: &Value) -> Vec<&str> {
    body["composed_of"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
