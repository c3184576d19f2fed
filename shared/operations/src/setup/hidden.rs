//! Merges the templates that a new template would hide: those that applied to the indices without it.
//!
//! In: a template that exists only for its mark, and all others. Out: its body, extended so that its indices stay the
//! same, and notes about what it cannot express. For a template with rules of its own only notes. The engine applies only one composable template to an index, the one
//! with the highest priority. It applies legacy templates only if no composable one matches.

use serde_json::{Map, Value};

use super::template::Template;
use crate::admin::templates::{Installed, Kind};

/// The members of a composable template besides `template`.
const MEMBERS: [&str; 4] = ["composed_of", "data_stream", "allow_auto_create", "ignore_missing_component_templates"];

/// All templates that may apply to indices.
#[derive(Debug, Default)]
pub(super) struct Others<'o> {
    /// Composable templates of the domain and of this deployment.
    pub(super) composable: Vec<&'o Installed>,
    /// Legacy templates.
    pub(super) legacy: Vec<&'o Installed>,
}

/// The body of a template, including everything that it would hide.
pub(super) fn with_hidden(template: &Template, others: &Others<'_>, notes: &mut Vec<String>) -> Value {
    let mut body = template.body(Kind::Composable);
    let (pattern, priority) = (template.pattern.as_str(), template.priority());
    let covering = |other: &&&Installed| other.patterns.iter().any(|wide| covers(wide, pattern));
    let best = others.composable.iter().filter(covering).max_by_key(|other| other.priority);
    for other in others.composable.iter().filter(|other| !covering(other)) {
        if other.priority < priority && other.patterns.iter().any(|one| overlap(one, pattern)) {
            notes.push(format!(
                "the template {} (priority {}) is hidden by {} (priority {priority}) for some indices of {pattern}: raise its priority",
                other.name, other.priority, template.name
            ));
        }
    }
    match best {
        Some(other) if other.priority > priority => notes.push(format!(
            "the template {} (priority {}) hides {} (priority {priority}): indices of {pattern} get no mark, and are never deleted; \
             lower its priority",
            other.name, other.priority, template.name
        )),
        Some(other) => {
            for name in MEMBERS {
                if let Some(member) = other.body.get(name) {
                    body[name] = member.clone();
                }
            }
            body["template"] = under(&body["template"], std::iter::once(&other.body["template"]));
        }
        None => {
            let mut matching: Vec<_> = others.legacy.iter().filter(covering).collect();
            matching.sort_by_key(|other| other.priority);
            body["template"] = under(&body["template"], matching.iter().map(|other| &other.body));
        }
    }
    body
}

/// Notes the templates of others that a template with rules of its own hides. Their content is not merged: it could
/// contradict these rules, and would change the indices of deployments that hide it already.
pub(super) fn note_hidden(template: &Template, others: &Others<'_>, notes: &mut Vec<String>) {
    let (pattern, priority) = (template.pattern.as_str(), template.priority());
    let is_concerned = |other: &&&Installed| other.patterns.iter().any(|one| overlap(one, pattern));
    let is_covered = others.composable.iter().any(|other| other.patterns.iter().any(|wide| covers(wide, pattern)));
    // Where a composable template applies, the legacy ones do not count.
    let legacy: &[&Installed] = if is_covered { &[] } else { &others.legacy };
    let below = others.composable.iter().filter(|other| other.priority < priority);
    // A composable template hides each legacy one, whatever its `order`.
    for other in below.chain(legacy).filter(is_concerned) {
        notes.push(format!(
            "the template {} is hidden by {} (priority {priority}) for indices of {pattern}: copy what they need of it into pipeline.yaml \
             (`mapping`, `shards`, `replicas`)",
            other.name, template.name
        ));
    }
}

/// Merges `own` over the others. A later one takes precedence over an earlier one.
fn under<'v>(own: &'v Value, others: impl Iterator<Item = &'v Value>) -> Value {
    let mut merged = Map::new();
    for other in others.chain([own]) {
        for name in ["settings", "mappings", "aliases", "lifecycle"] {
            if let Some(part) = other.get(name).and_then(Value::as_object) {
                let into = merged.entry(name).or_insert_with(|| Map::new().into());
                overlay(into, part);
            }
        }
    }
    merged.into()
}

fn overlay(into: &mut Value, from: &Map<String, Value>) {
    let Value::Object(into) = into else { return };
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (Some(known @ Value::Object(_)), Value::Object(value)) => overlay(known, value),
            _ => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

/// Whether `wide` matches every name that `narrow` matches. In doubt it returns `false`.
pub(super) fn covers(wide: &str, narrow: &str) -> bool {
    let Some((before, after)) = wide.split_once('*') else { return wide == narrow };
    let Some(rest) = narrow.strip_prefix(before) else { return false };
    (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| covers(after, &rest[at..]))
}

/// Whether a name exists that both match.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    // Dynamic programming from the end: `rest[i][j]` is the answer for `one[i..]` and `other[j..]`.
    let mut rest = vec![vec![false; other.len() + 1]; one.len() + 1];
    for i in (0..=one.len()).rev() {
        for j in (0..=other.len()).rev() {
            rest[i][j] = match (one.get(i), other.get(j)) {
                (None, None) => true,
                (Some('*'), right) => rest[i + 1][j] || (right.is_some() && rest[i][j + 1]),
                (left, Some('*')) => rest[i][j + 1] || (left.is_some() && rest[i + 1][j]),
                (Some(left), Some(right)) => left == right && rest[i + 1][j + 1],
                _ => false,
            };
        }
    }
    rest[0][0]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        admin::templates::Owner,
        setup::template::{TemplateOwner, templates},
        stack::Stack,
    };
    use pipeline::rules::Datasets;

    fn installed(name: &str, pattern: &str, priority: i64, body: Value) -> Installed {
        Installed { name: name.into(), patterns: vec![pattern.into()], priority, owner: Owner::Unknown, body }
    }

    fn merged(composable: &[Installed], legacy: &[Installed]) -> (Value, Vec<String>) {
        let yaml = "datasets:\n  - { name: a, from: { key: a }, index: \"logs-%{+YYYY.MM.dd}\", retention: 3d }\n";
        let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap();
        let owner = TemplateOwner { stack: Stack::named("web"), is_collection: false };
        let made = templates(&datasets, &owner, |_| Err(std::io::Error::other("no file"))).unwrap();
        let others = Others { composable: composable.iter().collect(), legacy: legacy.iter().collect() };
        let mut notes = Vec::new();
        (with_hidden(&made[0], &others, &mut notes), notes)
    }

    #[test]
    fn a_template_for_the_mark_contains_the_template_that_it_hides() {
        let users = json!({
            "composed_of": ["common"], "priority": 100, "version": 3, "_meta": { "team": "a" },
            "template": { "settings": { "index": { "number_of_shards": "2" } }, "aliases": { "all": {} },
                          "mappings": { "properties": { "a": { "type": "keyword" } }, "_meta": { "team": "a" } } },
        });
        let broad = installed("broad", "*", 1, json!({ "template": { "settings": { "index": { "codec": "x" } } } }));
        let (body, notes) = merged(&[broad, installed("users", "logs-*", 100, users)], &[]);
        assert_eq!(notes, Vec::<String>::new());
        assert_eq!((&body["composed_of"], body.get("version")), (&json!(["common"]), None));
        assert_eq!(
            body["template"]["settings"],
            json!({ "index": { "number_of_shards": "2" } }),
            "the best alone counts"
        );
        assert_eq!(body["template"]["aliases"], json!({ "all": {} }));
        let mappings = json!({ "properties": { "a": { "type": "keyword" } }, "_meta": { "team": "a", "millrace": { "stack": "web" } } });
        assert_eq!(body["template"]["mappings"], mappings);
        assert_eq!((&body["index_patterns"], &body["_meta"]["stack"]), (&json!(["logs-*.*.*"]), &json!("web")));
    }

    #[test]
    fn legacy_templates_are_merged_by_their_order_where_no_composable_one_matches() {
        let legacy = |order: i64, shards: &str, more: Value| {
            let body =
                json!({ "settings": { "index": { "number_of_shards": shards } }, "mappings": more, "aliases": {} });
            installed(shards, "*", order, body)
        };
        let other = installed("other", "metrics-*", 0, json!({ "settings": { "index": { "codec": "x" } } }));
        let both =
            [legacy(5, "3", json!({ "dynamic": false })), legacy(0, "1", json!({ "date_detection": false })), other];
        let (body, _) = merged(&[], &both);
        assert_eq!(body["template"]["settings"], json!({ "index": { "number_of_shards": "3" } }));
        let mappings =
            json!({ "dynamic": false, "date_detection": false, "_meta": { "millrace": { "stack": "web" } } });
        assert_eq!(body["template"]["mappings"], mappings);
        let composable = installed("c", "logs-*", 1, json!({ "template": {} }));
        let (body, _) = merged(&[composable], &both);
        assert_eq!(body["template"]["settings"], json!({}), "they did not count before either");
    }

    #[test]
    fn what_a_template_with_rules_hides_is_a_note_whatever_its_kind() {
        let yaml = "datasets:\n  - { name: a, from: { key: a }, index: \"logs-%{+YYYY.MM.dd}\", timestamp: t, retention: 3d }\n";
        let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap();
        let owner = TemplateOwner { stack: Stack::named("web"), is_collection: false };
        let made = templates(&datasets, &owner, |_| Err(std::io::Error::other("no file"))).unwrap();
        assert!(!made[0].is_for_the_mark(), "it maps the timestamp");
        let one = |name: &str, pattern: &str, priority| installed(name, pattern, priority, json!({ "template": {} }));
        let users = one("users", "logs-*", 100);
        // The `order` of a legacy template is no priority.
        let legacy = installed("old", "*", 100_000, json!({}));
        for (composable, legacy, hidden) in [
            (vec![&users], vec![&legacy], vec!["users"]),
            (vec![], vec![&legacy], vec!["old"]),
            (vec![&one("partly", "logs-2026*", 7)], vec![&legacy], vec!["partly", "old"]),
            (vec![&one("above", "logs-*", 900), &one("other", "metrics-*", 1)], vec![], vec![]),
        ] {
            let mut notes = Vec::new();
            note_hidden(&made[0], &Others { composable, legacy }, &mut notes);
            let names: Vec<_> = notes.iter().filter_map(|note| note.split(' ').nth(2)).collect();
            assert_eq!(names, hidden, "{notes:?}");
        }
    }

    #[test]
    fn what_cannot_be_merged_is_a_note() {
        let (_, notes) = merged(&[installed("partly", "logs-2026*", 7, json!({ "template": {} }))], &[]);
        assert!(notes.len() == 1 && notes[0].contains("partly (priority 7) is hidden"), "{notes:?}");
        let (body, notes) =
            merged(&[installed("above", "logs-*", 900, json!({ "template": { "settings": {} } }))], &[]);
        assert!(notes.len() == 1 && notes[0].contains("above (priority 900) hides"), "{notes:?}");
        assert_eq!(body["template"]["settings"], json!({}));
    }

    #[test]
    fn patterns_cover_and_overlap_as_the_engine_reads_them() {
        for (one, other, first_covers, both) in [
            ("*", "logs-*.*.*", true, true),
            ("logs-*", "logs-*.*.*", true, true),
            ("logs-*", "logs-a", true, true),
            ("logs-2026*", "logs-*.*.*", false, true),
            ("*-logs", "logs-*", false, true),
            ("metrics-*", "logs-*", false, false),
            ("logs", "logs", true, true),
            ("logs", "logs-*", false, false),
            ("a*b", "a*c", false, false),
        ] {
            assert_eq!((covers(one, other), overlap(one, other)), (first_covers, both), "{one} {other}");
            assert_eq!(overlap(one, other), overlap(other, one), "{one} {other}");
        }
    }
}
