//! Whether an event can become two documents: because of the rules, or because of aliases and data streams of the
//! domain.

use std::collections::BTreeSet;

use super::{
    context::{Connected, Context, soon},
    finding::{Finding, some},
};
use crate::{
    admin::Admin,
    bounds::{ROLLOVER_FIX, bounds},
};
use pipeline::outcome::BatchError;

/// The findings from the rules alone.
pub(super) fn duplicates(context: &Context) -> Vec<Finding> {
    const CHECK: &str = "duplicates";
    let Some(rules) = &context.rules else { return vec![Finding::skipped(CHECK, "the rules have faults")] };
    let found: Vec<Finding> = bounds(&rules.datasets)
        .into_iter()
        .map(|bound| Finding::warning(bound.check, bound.found, bound.fix))
        .collect();
    if found.is_empty() {
        return vec![Finding::ok(CHECK, "an event has one index and one id, however often it is delivered")];
    }
    found
}

/// Checks the names that datasets write to in the domain.
pub(super) async fn rollover(context: &Context, it: &Connected) -> Finding {
    const CHECK: &str = "rollover";
    if it.domain.is_collection() {
        return Finding::skipped(CHECK, "a collection has neither aliases nor data streams");
    }
    if context.patterns().is_empty() {
        return Finding::skipped(CHECK, "no dataset writes to the domain");
    }
    let patterns = context.undeclared_names();
    if patterns.is_empty() {
        return Finding::ok(CHECK, "no dataset writes to an alias or a data stream that it does not declare");
    }
    match rolling(&it.admin, &patterns).await {
        Ok(names) if names.is_empty() => {
            Finding::ok(CHECK, "no dataset writes to an alias or a data stream that it does not declare")
        }
        Ok(names) => Finding::warning(
            CHECK,
            format!(
                "{}: aliases or data streams that datasets write to as to an index; an event that is delivered again after a rollover is indexed twice",
                some(&names)
            ),
            ROLLOVER_FIX,
        ),
        Err(error) => Finding::unseen(CHECK, &error),
    }
}

/// Aliases and data streams that match these patterns.
async fn rolling(admin: &Admin, patterns: &[String]) -> Result<Vec<String>, BatchError> {
    let asked = patterns.join("%2C").replace('*', "%2A");
    let mut names = BTreeSet::new();
    // An engine without data streams, or without these names, refuses the request. Then there is none.
    let streams = admin.send("GET", &format!("/_data_stream/{asked}"), None, soon()).await?;
    let streams = streams.body["data_streams"].as_array().into_iter().flatten();
    names.extend(streams.filter_map(|stream| stream["name"].as_str()).map(str::to_owned));
    let aliases = admin.send("GET", &format!("/_alias/{asked}"), None, soon()).await?;
    for about in aliases.body.as_object().into_iter().flatten().map(|(_, about)| about) {
        names.extend(about["aliases"].as_object().into_iter().flatten().map(|(name, _)| name.clone()));
    }
    Ok(names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        deployment::Deployment,
        doctor::{Level, context::Rules},
        fake_domain::FakeDomain,
    };
    use delivery::aws::Aws;
    use pipeline::rules::Datasets;

    /// A deployment with one dataset.
    async fn context(dataset: &str) -> Context {
        let yaml = format!("datasets:\n  - {{ name: a, {dataset} }}\n");
        let datasets = Datasets::parse("pipeline.yaml", &yaml, None).unwrap();
        Context {
            deployment: Deployment::read(|_| None, None),
            aws: Aws::load_in("eu-west-1".into()).await,
            rules: Some(Rules { datasets, templates: Vec::new() }),
        }
    }

    #[tokio::test]
    async fn rules_that_may_index_an_event_twice_are_a_warning() {
        for (dataset, level) in [
            ("from: { key: \"a/**\" }, timestamp: t, index: \"a-%{+YYYY.MM.dd}\"", Level::Ok),
            ("from: { key: \"a/**\" }, index: \"a-%{+YYYY.MM.dd}\"", Level::Warning),
            ("from: { stream: a }, index: a, id: none", Level::Warning),
        ] {
            let found = duplicates(&context(dataset).await);
            let levels: Vec<(Level, bool)> = found.iter().map(|one| (one.level, one.fix.is_some())).collect();
            assert_eq!(levels, [(level, level == Level::Warning)], "{dataset}: {found:?}");
        }
    }

    #[tokio::test]
    async fn an_alias_or_data_stream_that_a_dataset_writes_to_is_a_warning() {
        let none = json!({});
        for (streams, aliases, level) in [
            (none.clone(), none.clone(), Level::Ok),
            (json!({ "data_streams": [{ "name": "a" }] }), none.clone(), Level::Warning),
            (none, json!({ "a-000001": { "aliases": { "a": {} } } }), Level::Warning),
        ] {
            let domain = FakeDomain::start(move |request| {
                let is_about_streams = request.starts_with("GET /_data_stream/");
                (200, if is_about_streams { streams.clone() } else { aliases.clone() })
            });
            let domain = domain.await;
            let it = Connected { domain: domain.settings, admin: domain.admin, version: None };
            let found = rollover(&context("from: { stream: a }, index: a").await, &it).await;
            assert_eq!((found.level, found.fix.is_some()), (level, level == Level::Warning), "{found:?}");
            assert!(level == Level::Ok || found.found.starts_with("a: "), "{found:?}");
            let declared = rollover(&context("from: { stream: a }, index: { alias: a }").await, &it).await;
            assert_eq!(declared.level, Level::Ok, "ids are looked up: {declared:?}");
        }
    }
}
