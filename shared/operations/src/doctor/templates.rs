//! The templates that `setup` makes, compared with those of the domain, and the templates of others beside them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    context::{Connected, Context, Rules, soon},
    finding::{Finding, some},
};
use crate::{
    admin::{
        Version,
        templates::{Installed, Kind},
    },
    setup::{
        collisions::collisions,
        hidden::{Body, Combined, NOT_MERGED, Others, combine, flat_settings, is_for_streams},
        template::Template,
    },
};
use pipeline::outcome::BatchError;

const CHECK: &str = "templates";
const AGAIN: &str = "run `millrace setup`, or deploy again";
const RAISE: &str =
    "raise `priority` in `template` of the dataset and run `millrace setup`, or lower that of the other template";

/// Checks the templates that `setup` makes.
pub(super) async fn templates(context: &Context, it: &Connected) -> Vec<Finding> {
    let Some(rules) = &context.rules else { return vec![Finding::skipped(CHECK, "the rules have faults")] };
    if rules.templates.is_empty() {
        return vec![Finding::skipped(CHECK, "no dataset needs an index template")];
    }
    let kind = kind(it);
    let mut findings = Vec::new();
    let expected = match expected(rules, it, kind).await {
        Ok(expected) => expected,
        Err(error) => return vec![Finding::unseen(CHECK, &error)],
    };
    for (template, combined) in expected {
        findings.extend(of_others(&combined));
        if kind == Kind::Legacy && !template.composed_of().is_empty() {
            let found = format!("{} has `composed_of`, and this engine has no component templates", template.pattern);
            findings.push(Finding::fault(CHECK, found, "leave `composed_of` out, or use Elasticsearch 7.8 or later"));
        }
        match it.admin.templates(kind, Some(&template.name), soon()).await.as_deref() {
            Ok([installed]) => findings.extend(of_installed(template, &combined, installed, kind)),
            Ok(_) => {
                let found = format!("{} is missing, for {}", template.name, template.pattern);
                findings.push(Finding::fault(CHECK, found, AGAIN));
            }
            Err(error) => findings.push(Finding::unseen(CHECK, error)),
        }
    }
    if findings.is_empty() {
        let names: Vec<String> = rules.templates.iter().map(|template| template.name.clone()).collect();
        findings.push(Finding::ok(CHECK, format!("as pipeline.yaml says: {}", some(&names))));
    }
    findings
}

/// The templates of others that apply instead of ours, or that ours hides for some indices.
fn of_others(combined: &Combined) -> impl Iterator<Item = Finding> {
    let partly = "look whether these indices need it; see `template` in docs/PIPELINE.md";
    let blocked = combined.blocked.iter().map(|found| Finding::fault(CHECK, found.clone(), RAISE));
    blocked.chain(combined.partly.iter().map(move |found| Finding::warning(CHECK, found.clone(), partly)))
}

/// Checks whether events would go into data streams that a template of others makes.
pub(super) async fn data_streams(context: &Context, it: &Connected) -> Finding {
    const CHECK: &str = "data streams";
    let Some(rules) = &context.rules else { return Finding::skipped(CHECK, "the rules have faults") };
    if it.domain.is_collection() || kind(it) == Kind::Legacy {
        return Finding::skipped(CHECK, "this domain makes no data streams by templates");
    }
    let installed = match it.admin.templates(Kind::Composable, None, soon()).await {
        Ok(installed) => installed,
        Err(error) => return Finding::unseen(CHECK, &error),
    };
    let found = collisions(&rules.datasets, &installed);
    let Some(first) = found.first() else {
        return Finding::ok(CHECK, "no template makes data streams of the names of a dataset");
    };
    let all: Vec<&str> = found.iter().map(|one| one.found.as_str()).collect();
    let finding = if found.iter().any(|one| one.is_certain) { Finding::fault } else { Finding::warning };
    finding(CHECK, all.join("; "), first.fix.clone())
}

fn kind(it: &Connected) -> Kind {
    if it.version.is_none_or(Version::has_composable_templates) { Kind::Composable } else { Kind::Legacy }
}

/// What `setup` would write now.
async fn expected<'r>(
    rules: &'r Rules,
    it: &Connected,
    kind: Kind,
) -> Result<Vec<(&'r Template, Combined)>, BatchError> {
    if kind == Kind::Legacy {
        let alone = |template: &'r Template| (template, Combined::alone(template.body(kind)));
        return Ok(rules.templates.iter().map(alone).collect());
    }
    if it.domain.is_collection() {
        return Ok(combine(&rules.templates, &Others::none()));
    }
    let installed = it.admin.templates(kind, None, soon()).await?;
    Ok(combine(&rules.templates, &Others::among(&installed, &rules.templates, &it.admin, soon()).await?))
}

fn of_installed(template: &Template, combined: &Combined, installed: &Installed, kind: Kind) -> Option<Finding> {
    // If the engine refused the best body, the installed one follows another.
    let kind_of = |body: &Value| (is_for_streams(body), body["_meta"].get(NOT_MERGED).is_some());
    let is_same_kind = |body: &&Body| kind_of(&body.body) == kind_of(&installed.body);
    let expected = combined.bodies.iter().find(is_same_kind).unwrap_or(&combined.bodies[0]);
    if let Some((what, from)) = difference(&expected.body, &installed.body, kind) {
        let found = format!("{} of the domain has other {what} than {from}", template.name);
        return Some(Finding::fault(CHECK, found, format!("{AGAIN}; existing indices keep theirs")));
    }
    let names = installed.body["_meta"][NOT_MERGED].as_str()?;
    let found = format!("{} hides {names}, whose content could not be merged", template.name);
    let is_expected = expected.body["_meta"].get(NOT_MERGED).is_some();
    let copy = "copy what its indices need into pipeline.yaml (`mapping`, `template`); `millrace setup` shows the engine's reason";
    Some(Finding::fault(CHECK, found, if is_expected { copy } else { AGAIN }))
}

/// The part in which a template of the domain differs, and where the expected part is from. The engine returns the
/// values of settings as text.
fn difference(own: &Value, theirs: &Value, kind: Kind) -> Option<(&'static str, &'static str)> {
    const PIPELINE: &str = "pipeline.yaml says";
    let merged = own["_meta"]["merged"].is_array() || theirs["_meta"]["merged"].is_array();
    let from = if merged { "pipeline.yaml and the templates that it hides say" } else { PIPELINE };
    let place = if kind == Kind::Composable { "/template" } else { "" };
    let part = |of: &Value, name: &str| of.pointer(&format!("{place}/{name}")).cloned().unwrap_or_default();
    let order = if kind == Kind::Composable { "priority" } else { "order" };
    if own["index_patterns"] != theirs["index_patterns"] {
        return Some(("patterns", PIPELINE));
    }
    if own[order] != theirs[order] {
        return Some(("priority", PIPELINE));
    }
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        _ => false,
    };
    let is_same = |own: &Value, theirs: &Value| own == theirs || (is_empty(own) && is_empty(theirs));
    if !is_same(&own["composed_of"], &theirs["composed_of"]) {
        return Some(("component templates", PIPELINE));
    }
    if texts(&part(own, "settings")) != texts(&part(theirs, "settings")) {
        return Some(("settings", from));
    }
    let differing = ["mappings", "aliases"].into_iter().find(|name| !is_same(&part(own, name), &part(theirs, name)))?;
    Some((differing, from))
}

/// The texts of settings by their full names.
fn texts(settings: &Value) -> BTreeMap<String, String> {
    let text = |value: Value| if let Value::String(text) = value { text } else { value.to_string() };
    flat_settings(settings).into_iter().map(|(name, value)| (name, text(value))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        admin::templates::Owner,
        setup::template::{self, TemplateOwner},
    };
    use pipeline::rules::Datasets;

    #[test]
    fn settings_are_the_same_nested_or_flat_as_numbers_or_text() {
        let nested =
            json!({ "index": { "number_of_shards": "1", "mapping": { "total_fields": { "limit": "2000" } } } });
        let flat = json!({ "index.number_of_shards": 1, "index.mapping.total_fields.limit": 2000 });
        assert_eq!(texts(&nested), texts(&flat));
        assert_ne!(texts(&nested), texts(&json!({ "index.number_of_shards": 1 })));
        assert_eq!(texts(&Value::Null), texts(&json!({})));
    }

    /// The finding about a template that is installed with a body, and how to fix it.
    fn found(combined: &Combined, installed: Value) -> Option<(String, String)> {
        let yaml = "datasets:\n  - { name: a, from: { key: a }, index: a, shards: 1 }\n";
        let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap();
        let read = |_: &str| Err(std::io::Error::other("no file"));
        let template = template::templates(&datasets, &TemplateOwner::default(), read).unwrap().remove(0);
        let (name, patterns) = (template.name.clone(), vec![template.pattern.clone()]);
        let installed = Installed { name, patterns, priority: 300, owner: Owner::Unnamed, body: installed };
        let finding = of_installed(&template, combined, &installed, Kind::Composable)?;
        Some((finding.found, finding.fix?))
    }

    #[test]
    fn an_installed_template_is_compared_with_the_body_that_the_engine_accepted() {
        let body = |shards: u8, more: &Value| {
            let mut body = json!({ "template": { "settings": { "index.number_of_shards": shards } } });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let (best, refused) = (json!({}), json!({ "_meta": { NOT_MERGED: "users" } }));
        let stream = json!({ "data_stream": {} });
        let combined = |second: &Value| {
            let mut combined = Combined::alone(body(1, &best));
            combined.bodies.push(Body { body: body(2, second), note: None });
            combined
        };
        for (second, installed, expected) in [
            (&stream, body(1, &best), None),
            (&stream, body(2, &stream), None),
            (&stream, body(3, &stream), Some(("other settings", AGAIN))),
            (&stream, body(2, &best), Some(("other settings", AGAIN))),
            (&refused, body(1, &best), None),
            (&refused, body(2, &refused), Some(("hides users", "copy what"))),
            (&refused, body(3, &refused), Some(("other settings", AGAIN))),
            (&stream, body(1, &refused), Some(("hides users", AGAIN))),
        ] {
            let found = found(&combined(second), installed.clone());
            let is_so = match (&found, expected) {
                (Some((found, fix)), Some((says, how))) => found.contains(says) && fix.starts_with(how),
                (None, None) => true,
                _ => false,
            };
            assert!(is_so, "{installed}: {found:?}");
        }
    }

    #[test]
    fn a_template_above_ours_needs_another_priority_and_no_setup() {
        let mut combined = Combined::alone(Value::Null);
        combined.blocked = Some("above".into());
        combined.partly = vec!["partly".into()];
        let fixes: Vec<_> = of_others(&combined).filter_map(|finding| finding.fix).collect();
        assert!(fixes.len() == 2 && fixes[0].starts_with("raise `priority`"), "{fixes:?}");
        assert!(fixes[1].starts_with("look whether"), "{fixes:?}");
    }

    #[test]
    fn the_part_that_differs_is_named_with_where_it_is_from() {
        let body = |shards: u8, merged: Value| {
            let template = json!({ "settings": { "index.number_of_shards": shards }, "mappings": {} });
            json!({ "index_patterns": ["a"], "priority": 1, "template": template, "_meta": { "merged": merged } })
        };
        let none = || Value::Null;
        assert_eq!(difference(&body(1, none()), &body(1, none()), Kind::Composable), None);
        let settings = difference(&body(1, none()), &body(2, none()), Kind::Composable);
        assert_eq!(settings, Some(("settings", "pipeline.yaml says")));
        let merged = difference(&body(1, json!(["users"])), &body(2, none()), Kind::Composable);
        assert_eq!(merged, Some(("settings", "pipeline.yaml and the templates that it hides say")));
        let mut composed = body(1, none());
        composed["composed_of"] = json!([]);
        assert_eq!(difference(&body(1, none()), &composed, Kind::Composable), None);
        composed["composed_of"] = json!(["a"]);
        let found = difference(&body(1, none()), &composed, Kind::Composable);
        assert_eq!(found, Some(("component templates", "pipeline.yaml says")));
    }
}
