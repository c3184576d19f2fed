//! Whether the names of a dataset's indices would become data streams, because a template of others says so.
//!
//! In: the datasets, and the composable templates of the domain as they are. Out: what happens, and what to do. Elastic's
//! built-in `logs-*-*` is such a template, but no name is known here: the pattern and `data_stream` of each template
//! decide, by the engine's own rule that the highest priority wins.

use super::patterns::{covers, overlap};
use crate::admin::templates::Installed;
use pipeline::rules::{Dataset, Datasets, Layout};

/// A dataset whose events would go into data streams.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Collision {
    /// What happens.
    pub(crate) found: String,
    /// How to prevent it.
    pub(crate) fix: String,
    /// Whether it happens to every index of the dataset.
    pub(crate) is_certain: bool,
}

/// The collisions of all datasets, in the order of the file.
pub(crate) fn collisions(datasets: &Datasets, templates: &[Installed]) -> Vec<Collision> {
    datasets.iter().flat_map(|dataset| of_dataset(dataset, templates)).collect()
}

fn of_dataset(dataset: &Dataset, templates: &[Installed]) -> Vec<Collision> {
    let (name, index) = (&dataset.name, dataset.router.index());
    let shape = dataset.shape_of_names();
    let covering = |one: &&Installed| one.patterns.iter().any(|pattern| covers(pattern, &shape));
    let winner = templates.iter().filter(covering).max_by_key(|one| one.priority);
    let beats_winner = |one: &&Installed| winner.is_none_or(|winner| one.priority > winner.priority);
    let partly = |one: &&Installed| !covering(one) && one.patterns.iter().any(|pattern| overlap(pattern, &shape));
    let some = templates.iter().filter(partly).filter(beats_winner).map(|one| (one, false));
    let streams = winner.into_iter().map(|one| (one, true)).chain(some).filter(|(one, _)| makes_streams(one));
    let refused = ", and an event without `@timestamp` is refused";
    let (key, effect) = match (dataset.layout, index.has_date(), has_timestamp(dataset)) {
        // It is to be a data stream.
        (Layout::DataStream(_), ..) => return Vec::new(),
        (Layout::Alias(_), ..) => ("alias", "the engine refuses to create an index of the alias".to_owned()),
        (_, true, _) => (
            "index",
            format!("each period becomes a data stream of its own, which `retention` does not delete{refused}"),
        ),
        // A data stream with a name of its own is a choice of the user (docs/DELIVERY.md).
        (_, false, true) => return Vec::new(),
        (_, false, false) => ("index", format!("it becomes a data stream{refused}")),
    };
    let collision = |(one, is_certain): (&Installed, bool)| Collision {
        found: format!(
            "the template {} (priority {}) makes data streams of {} that the dataset `{name}` names (`{key}: {index}`): {effect}",
            one.name,
            one.priority,
            if is_certain { "the names" } else { "some names" },
        ),
        fix: format!(
            "take another name in `index`, or give the dataset a template of its own with `template: {{ priority: {} }}`",
            one.priority.saturating_add(1)
        ),
        is_certain,
    };
    streams.map(collision).collect()
}

fn makes_streams(template: &Installed) -> bool {
    template.body.get("data_stream").is_some_and(|stream| !stream.is_null())
}

/// Whether the rules give each document an `@timestamp`, as far as they tell.
fn has_timestamp(dataset: &Dataset) -> bool {
    const TIMESTAMP: &str = "@timestamp";
    dataset.stored_time().is_some_and(|field| field == TIMESTAMP)
        || dataset.shape.rules().iter().any(|rule| match rule {
            pipeline::shape::FieldRule::Make { to, .. } => to.as_str() == TIMESTAMP,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::admin::templates::Owner;

    fn template(name: &str, pattern: &str, priority: i64, is_stream: bool) -> Installed {
        let body = if is_stream { json!({ "data_stream": {} }) } else { json!({}) };
        Installed { name: name.into(), patterns: vec![pattern.into()], priority, owner: Owner::Unknown, body }
    }

    #[test]
    fn a_name_collides_where_the_template_that_wins_makes_data_streams() {
        let elastic = || template("logs", "logs-*-*", 100, true);
        for (index, more, templates, expected) in [
            ("logs-%{+YYYY.MM.dd}", "", vec![elastic()], vec![]),
            ("logs-app-%{+YYYY.MM.dd}", "", vec![elastic()], vec![("logs", true)]),
            ("logs-%{app}-%{+YYYY.MM.dd}", "", vec![elastic()], vec![("logs", true)]),
            ("logs-%{app}", "", vec![elastic()], vec![("logs", false)]),
            ("logs-app-%{+YYYY.MM.dd}", "", vec![elastic(), template("ours", "logs-app-*.*.*", 310, false)], vec![]),
            ("logs-app-%{+YYYY.MM.dd}", "", vec![elastic(), template("low", "logs-*", 5, false)], vec![("logs", true)]),
            ("logs-%{app}", "", vec![elastic(), template("ours", "logs-*", 304, false)], vec![]),
            ("audit-%{+YYYY}", "", vec![template("now", "audit-2026", 1, true)], vec![("now", false)]),
            ("logs-app-prod", "", vec![elastic()], vec![("logs", true)]),
            ("logs-app-prod", "fields: { date: { \"@timestamp\": t } }", vec![elastic()], vec![]),
            ("logs-app-prod", "timestamp: \"@timestamp\"", vec![elastic()], vec![]),
            ("{ data_stream: logs-app-prod }", "", vec![elastic()], vec![]),
            ("{ data_stream: logs-app-prod }", "", vec![template("ours", "logs-app-prod", 312, true)], vec![]),
            ("{ alias: logs-app }", "", vec![elastic()], vec![("logs", true)]),
            ("{ alias: logs-app }", "timestamp: \"@timestamp\"", vec![elastic()], vec![("logs", true)]),
            ("{ alias: logs-app }", "", vec![elastic(), template("ours", "logs-app-*", 308, false)], vec![]),
            ("{ alias: logs }", "", vec![elastic()], vec![]),
            ("{ alias: logs }", "", vec![template("numbers", "logs-0*", 1, true)], vec![("numbers", false)]),
        ] {
            let index = if index.starts_with('{') { index.to_owned() } else { format!("\"{index}\"") };
            let yaml = format!("datasets:\n  - name: a\n    from: {{ key: a }}\n    index: {index}\n    {more}\n");
            let datasets = Datasets::parse("pipeline.yaml", &yaml, None).unwrap_or_else(|error| panic!("{error}"));
            let found = collisions(&datasets, &templates);
            let names: Vec<_> =
                found.iter().map(|one| (one.found.split(' ').nth(2).unwrap_or_default(), one.is_certain)).collect();
            assert_eq!(names, expected, "{index} {more}");
        }
    }
}
