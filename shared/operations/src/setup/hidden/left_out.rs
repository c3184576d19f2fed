//! What of the content of others is left out of our templates, and what of our own component templates should be.
//!
//! In: the content of the templates that ours would hide. Out: the same content without everything that would break a
//! promise about the indices of a dataset, and a note for each thing that is left out.

use serde_json::{Map, Value};

use super::{super::template::Template, content::Content, others::Others};
use pipeline::rules::settings::broken_promise;

const SOURCE: &str =
    "the domain would not store the events: no search could show them, and nothing could index them again from there";

/// The note about one thing that is left out.
pub(super) fn note(template: &Template, what: &str, reason: &str) -> String {
    format!("{what} of the hidden template is not merged into {}: {reason}", template.name)
}

/// Removes everything that would break a promise. Returns a note for each.
pub(super) fn leave_out(template: &Template, theirs: &mut Content) -> Vec<String> {
    let mut notes = Vec::new();
    let mut remember = |what: &str, reason: &str| notes.push(note(template, what, reason));
    theirs.settings.retain(|name, value| {
        let policy = || policy(template).filter(|_| is_policy(name));
        let source = || (name == "index.mapping.source.mode" && value == "disabled").then_some(SOURCE);
        let reason = broken_promise(name, value).or_else(policy).or_else(source);
        if let Some(reason) = reason {
            remember(&format!("the setting {name}"), reason);
        }
        reason.is_none()
    });
    of_mappings(template, &mut theirs.mappings, &mut remember);
    for name in template.aliases() {
        if theirs.aliases.remove(name).is_some() {
            remember(&format!("the alias {name}"), "it is the `alias` of a dataset, and `setup` makes its write index");
        }
    }
    for (name, alias) in &mut theirs.aliases {
        if alias.as_object_mut().and_then(|alias| alias.remove("is_write_index")).is_some() {
            let reason = "an alias has one write index, and each new index would be one";
            remember(&format!("`is_write_index` of the alias {name}"), reason);
        }
    }
    notes
}

/// Why a policy of the domain is not merged. A template that exists only for the mark leaves the indices as they were.
pub(super) fn policy(template: &Template) -> Option<&'static str> {
    if template.has_rollover() {
        return Some("pipeline.yaml has a `rollover`, and a policy of the domain would roll over and delete, too");
    }
    let reason = "a policy of the domain may delete an index before `keep_at_least` is over and before its `snapshot`; \
                  if you need it, give it in `template: { settings }`";
    (!template.is_for_the_mark()).then_some(reason)
}

/// Whether a setting gives an index to a policy, of Elasticsearch or of OpenSearch.
fn is_policy(name: &str) -> bool {
    name.split('.').any(|part| part == "lifecycle" || part == "index_state_management")
}

fn of_mappings(template: &Template, mappings: &mut Map<String, Value>, remember: &mut impl FnMut(&str, &str)) {
    let requires = mappings.get("_routing").is_some_and(|routing| is(&routing["required"], "true"));
    if let Some(dataset) = template.without_routing().first().filter(|_| requires) {
        mappings.remove("_routing");
        let reason = format!("the domain would refuse each event of the dataset `{dataset}`, which has no `routing`");
        remember("`_routing`", &reason);
    }
    if let Some(Value::Object(source)) = mappings.get_mut("_source") {
        let before = source.len();
        source.retain(|name, value| {
            !((name == "enabled" && is(value, "false")) || (name == "mode" && value == "disabled"))
        });
        if source.len() < before {
            remember("`_source` without content", SOURCE);
        }
        if source.is_empty() {
            mappings.remove("_source");
        }
    }
    // Also `strict_allow_templates` of OpenSearch.
    let is_strict = mappings.get("dynamic").and_then(Value::as_str).is_some_and(|text| text.starts_with("strict"));
    if is_strict && !template.is_for_the_mark() {
        mappings.remove("dynamic");
        let reason = "the domain would refuse each event with a field that is not mapped; if you want that, give it in `mapping`";
        remember("`dynamic: strict`", reason);
    }
}

/// Whether a value is a boolean, which the engine also takes as text.
fn is(value: &Value, text: &str) -> bool {
    value == text || value.as_bool().is_some_and(|value| value.to_string() == text)
}

/// Notes about the settings in the user's component templates that would be refused in pipeline.yaml.
pub(super) fn of_components(template: &Template, alone: &Value, others: &Others) -> Vec<String> {
    if template.composed_of().is_empty() {
        return Vec::new();
    }
    let content = match others.resolved(alone) {
        Ok(content) => content,
        Err(reason) => return vec![reason],
    };
    let has = |component: &str, name: &str| {
        let components = others.components.as_ref().ok();
        let body = components.and_then(|components| components.get(component));
        body.is_some_and(|body| Content::read(body).settings.contains_key(name))
    };
    let of_setting = |(name, value): (&String, &Value)| {
        let reason = broken_promise(name, value)?;
        // The last one wins.
        let component = template.composed_of().iter().rev().find(|component| has(component, name))?;
        Some(format!(
            "the setting {name} of the component template {component} applies to new indices of {}: {reason}; change the \
             component template, or give another value in `template: {{ settings }}`",
            template.pattern
        ))
    };
    content.settings.iter().filter_map(of_setting).collect()
}
