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
    let patterns = context.patterns();
    if patterns.is_empty() {
        return Finding::skipped(CHECK, "no dataset writes to the domain");
    }
    match rolling(&it.admin, &patterns).await {
        Ok(names) if names.is_empty() => Finding::ok(CHECK, "no dataset writes to an alias or a data stream"),
        Ok(names) => Finding::warning(
            CHECK,
            format!(
                "{}: aliases or data streams that datasets write to; an event that is delivered again after a rollover is indexed twice",
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
