//! The declared layouts and the domain: whether each name of a data stream or an alias stands for what pipeline.yaml says.
//!
//! In: the rules, and what each name stands for. Out: the faults, each with what to do, and the aliases that have no index yet. `setup`
//! and `millrace doctor` use it. Deliberately absent: any change of a name that stands for something else.

use std::collections::BTreeMap;

use crate::admin::{Admin, Distribution, Version, rolled::Named};
use delivery::lambda::Deadline;
use pipeline::{
    outcome::BatchError,
    rules::{Dataset, Datasets, FIRST_OF_ALIAS, Layout},
};

/// One name, and what the domain has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked<'d> {
    /// The name.
    pub name: &'d str,
    /// The pattern of its template.
    pub pattern: String,
    /// What is known of it.
    pub state: State,
}

/// Whether a name stands for what the rules say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It does.
    Ready,
    /// It is a data stream that its first event makes, by the template.
    ByItsTemplate,
    /// It is an alias whose first index, with this name, is missing.
    WithoutIndex(String),
    /// It stands for something else, or cannot be made.
    Fault {
        /// What is wrong.
        found: String,
        /// What to do.
        fix: String,
    },
}

/// The state of every declared data stream and alias. `version` is none for a serverless collection.
///
/// # Errors
/// As [`Admin::named`].
pub async fn check<'d>(
    admin: &Admin,
    datasets: &'d Datasets,
    version: Option<Version>,
    deadline: Deadline,
) -> Result<Vec<Checked<'d>>, BatchError> {
    let by_name: BTreeMap<&str, &Dataset> =
        datasets.iter().filter_map(|dataset| Some((dataset.rolled_name()?, dataset.as_ref()))).collect();
    let mut checked = Vec::new();
    for (name, dataset) in by_name {
        let state = match lacking(dataset.layout, version) {
            Some((found, fix)) => fault(dataset, name, found, fix),
            None => state(dataset, name, &admin.named(name, deadline).await?),
        };
        checked.push(Checked { name, pattern: dataset.wildcard(), state });
    }
    Ok(checked)
}

/// Why an engine cannot have this layout.
fn lacking(layout: Layout, version: Option<Version>) -> Option<(&'static str, &'static str)> {
    let Some(version) = version else {
        return Some((
            "a collection of OpenSearch Serverless has neither data streams nor rollovers",
            "use `index: NAME`",
        ));
    };
    let is_too_old = version.distribution == Distribution::Elasticsearch && (version.major, version.minor) < (7, 9);
    (matches!(layout, Layout::DataStream(_)) && is_too_old)
        .then_some(("data streams need Elasticsearch 7.9 or later, or OpenSearch", "use an `alias`"))
}

fn fault(dataset: &Dataset, name: &str, found: &str, fix: impl Into<String>) -> State {
    State::Fault { found: format!("{}: {name}: {found}", dataset.layout.key()), fix: fix.into() }
}

fn state(dataset: &Dataset, name: &str, named: &Named) -> State {
    let fault = |found: &str, fix: &str| fault(dataset, name, found, fix);
    let elsewhere = "give pipeline.yaml another name, or rename what the domain has";
    match (dataset.layout, named) {
        (Layout::Indices, _) | (Layout::DataStream(_), Named::DataStream(_)) => State::Ready,
        (Layout::DataStream(_), Named::Nothing) => State::ByItsTemplate,
        (Layout::Alias(_), Named::Nothing) => State::WithoutIndex(format!("{name}{FIRST_OF_ALIAS}")),
        (_, Named::Index) => fault(
            "the domain has an index of this name, perhaps made by events before `setup` ran",
            &format!("reindex and delete it, or {elsewhere}"),
        ),
        (Layout::DataStream(_), Named::Alias { .. }) => fault("the domain has an alias of this name", elsewhere),
        (Layout::Alias(_), Named::DataStream(_)) => fault("the domain has a data stream of this name", elsewhere),
        (Layout::Alias(_), Named::Alias { write: None, .. }) => fault(
            "no index of the alias has `is_write_index`, without which a rollover takes the alias away from the earlier index",
            "mark the index that takes the events with `is_write_index: true`",
        ),
        (Layout::Alias(_), Named::Alias { routes: true, .. }) => fault(
            "the alias has an `index_routing`, with which an event that is delivered again after a rollover is not found",
            "remove it from the alias, and give `routing` in `index` if you need one",
        ),
        (Layout::Alias(rollover), Named::Alias { write: Some(write), .. }) => {
            let is_numbered = dataset.could_be_in(write);
            if !is_numbered && (rollover.is_some() || dataset.keep.retention.is_some()) {
                let form = format!("{name}{FIRST_OF_ALIAS}");
                return fault(
                    &format!("it writes into {write}, and a rollover and `retention` need a name such as {form}"),
                    "add an index of that name to the alias as its write index",
                );
            }
            State::Ready
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(index: &str) -> Datasets {
        let yaml = format!("datasets:\n  - {{ name: a, from: {{ key: a }}, index: {index} }}\n");
        Datasets::parse("pipeline.yaml", &yaml, None).unwrap()
    }

    #[test]
    fn a_name_that_stands_for_something_else_is_a_fault() {
        let alias =
            |write: Option<&str>| Named::Alias { write: write.map(str::to_owned), members: Vec::new(), routes: false };
        let routed = Named::Alias { write: Some("a-000001".into()), members: Vec::new(), routes: true };
        let (stream, rolled) = ("{ data_stream: a }", "{ alias: a, rollover: { max_age: 1d } }");
        for (index, named, expected) in [
            (stream, Named::Nothing, "by its template"),
            (stream, Named::DataStream(Vec::new()), "ready"),
            (stream, Named::Index, "data_stream: a: the domain has an index of this name"),
            (stream, alias(Some("a-000001")), "an alias of this name"),
            (rolled, Named::Nothing, "a-000001"),
            (rolled, alias(Some("a-000007")), "ready"),
            (rolled, alias(Some("b")), "it writes into b"),
            ("{ alias: a }", alias(Some("b")), "ready"),
            (rolled, alias(None), "no index of the alias has `is_write_index`"),
            (rolled, alias(Some("a-2026.11.22-000007")), "ready"),
            (rolled, routed, "the alias has an `index_routing`"),
            (rolled, Named::Index, "alias: a: the domain has an index of this name"),
            (rolled, Named::DataStream(Vec::new()), "a data stream of this name"),
        ] {
            let datasets = dataset(index);
            let found = match state(datasets.by_name("a").unwrap(), "a", &named) {
                State::Ready => "ready".to_owned(),
                State::ByItsTemplate => "by its template".to_owned(),
                State::WithoutIndex(name) => name,
                State::Fault { found, .. } => found,
            };
            assert!(found.contains(expected), "{index} {named:?}: {found}");
        }
    }

    #[test]
    fn an_engine_without_data_streams_has_no_such_layout() {
        let version = |distribution, (major, minor)| Some(Version { distribution, major, minor });
        let (stream, alias) = (Layout::DataStream(None), Layout::Alias(None));
        for (layout, version, is_lacking) in [
            (stream, version(Distribution::Elasticsearch, (7, 8)), true),
            (stream, version(Distribution::Elasticsearch, (7, 9)), false),
            (stream, version(Distribution::OpenSearch, (1, 0)), false),
            (stream, None, true),
            (alias, version(Distribution::Elasticsearch, (6, 8)), false),
            (alias, None, true),
        ] {
            assert_eq!(lacking(layout, version).is_some(), is_lacking, "{layout:?} {version:?}");
        }
    }
}
