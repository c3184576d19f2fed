//! Compares the translation from Logstash with a small Logstash. For random configurations and random events both give
//! the same document, index and id; or the translation lists the line that causes the difference, with its effect.
//!
//! `MILLRACE_LOGSTASH_SEEDS` sets the number of configurations, `MILLRACE_LOGSTASH_FIRST` the first seed.

#![expect(clippy::unwrap_used, reason = "a test ends where it meets what it does not expect")]
#![expect(clippy::disallowed_methods, reason = "environment variables set the size of the test")]

#[path = "logstash/cases.rs"]
mod cases;
#[path = "logstash/configuration.rs"]
mod configuration;
#[path = "logstash/evaluator.rs"]
mod evaluator;
#[path = "logstash/generator.rs"]
mod generator;
#[path = "logstash/times.rs"]
mod times;

use std::collections::BTreeSet;

use fastrand::Rng;
use logstash::{Effect, Import, import};
use pipeline::{
    dry_run::{DryRun, Prediction as Here, Rules},
    record::Origin,
    rules::{Dataset, Datasets},
};
use serde_json::Value;

use configuration::{Case, Indexed, case};

/// 2026-11-22T10:02:03.456Z, the time of all objects.
const TIME_MS: i64 = 1_795_341_723_456;
const RECORDS: usize = 20;
/// An id here that the test does not follow.
const UNKNOWN: &str = "?";

/// The result of the pipeline for an event.
enum Outcome {
    Lost(Effect),
    Kept(Indexed),
}

/// The fields that listed lines affect, directly or through later lines.
fn explained(case: &Case, import: &Import, is_plain: bool) -> BTreeSet<String> {
    let is_listed = |line: usize| {
        import.notes.iter().any(|note| {
            // What Logstash adds to every document excuses nothing.
            let effects = [Effect::Differs, Effect::Unknown];
            if note.text.starts_with("Logstash puts") {
                return false;
            }
            note.at.line == line && (effects.contains(&note.effect) || (note.effect == Effect::Assumed && !is_plain))
        })
    };
    // JSON is unfolded before all other rules, so its line also affects the lines above it.
    let is_json = |line: usize| case.text.lines().nth(line - 1).is_some_and(|text| text.starts_with("json"));
    let json = (1..).zip(&case.lines).filter(|(line, _)| is_json(*line) && is_listed(*line));
    let mut explained: BTreeSet<String> = json.flat_map(|(_, fields)| fields.iter().cloned()).collect();
    for (line, fields) in (1..).zip(&case.lines) {
        if is_listed(line) || fields.iter().any(|field| explained.contains(field)) {
            explained.extend(fields.iter().cloned());
        }
    }
    explained
}

/// A difference of one event that is not listed; `None` if it is listed or there is none.
fn unlisted(case: &Case, import: &Import, is_plain: bool, there: Option<&Indexed>, here: &Outcome) -> Option<String> {
    // No record is a control message.
    let listed = |effects: &[Effect]| {
        let mut notes = import.notes.iter().filter(|note| !note.text.contains("a control message"));
        notes.any(|note| effects.contains(&note.effect) || (note.effect == Effect::Assumed && !is_plain))
    };
    match (there, here) {
        (None, Outcome::Lost(_)) => None,
        (None, Outcome::Kept(_)) => {
            (!listed(&[Effect::Keeps, Effect::Unknown])).then(|| "is kept, and Logstash drops it".into())
        }
        (Some(_), Outcome::Lost(effect)) => {
            (!listed(&[*effect])).then(|| format!("is lost ({effect:?}), and Logstash keeps it"))
        }
        (Some((document, index, id)), Outcome::Kept((own, own_index, own_id))) => {
            let explained = explained(case, import, is_plain);
            let is_explained = |name: &str| explained.contains(name) || explained.contains("*");
            let names = document.as_object().into_iter().chain(own.as_object()).flat_map(|fields| fields.keys());
            for name in names {
                if document.get(name) != own.get(name) && !is_explained(name) {
                    return Some(format!("`{name}` is {:?}, in Logstash {:?}", own.get(name), document.get(name)));
                }
            }
            if index != own_index && !["index", "@timestamp", "b", "@metadata"].iter().any(|name| is_explained(name)) {
                return Some(format!("the index is {own_index}, in Logstash {index}"));
            }
            let is_known = own_id.as_deref() != Some(UNKNOWN);
            (id != own_id && is_known && !is_explained("id"))
                .then(|| format!("the id is {own_id:?}, in Logstash {id:?}"))
        }
    }
}

/// The results of the pipeline for the events of a record.
fn outcomes(dataset: Option<&Dataset>, yaml: &str, record: &str) -> Vec<Outcome> {
    // There is no dataset if no output takes an event.
    let Some(dataset) = dataset else { return vec![Outcome::Lost(Effect::Drops)] };
    let id = yaml.split_once("    id: { field: ").and_then(|(_, rest)| rest.split_once(" }"));
    let id = id.map(|(field, _)| field.trim_matches('"').split('.').collect::<Vec<_>>());
    let mut outcomes = Vec::new();
    DryRun::new(Rules::Dataset(dataset))
        .read(record.as_bytes(), &Origin::s3("b", "k", "e"), TIME_MS, |_, source, fate| {
            outcomes.push(match fate {
                Here::Dropped => Outcome::Lost(Effect::Drops),
                Here::Failed { .. } => Outcome::Lost(Effect::Rejects),
                Here::Wanted { index, document } => {
                    let source: Value = serde_json::from_slice(source).unwrap();
                    let id = id.as_ref().map(|id| match id.iter().fold(&source, |value, name| &value[*name]) {
                        Value::String(text) => text.clone(),
                        // It is a member of JSON that is unfolded.
                        Value::Null => UNKNOWN.to_owned(),
                        other => other.to_string(),
                    });
                    Outcome::Kept((serde_json::from_slice(document).unwrap(), index.unwrap_or_default(), id))
                }
            });
        })
        .unwrap();
    outcomes
}

/// Counts of the comparisons.
#[derive(Default)]
struct Counts {
    equal: usize,
    all: usize,
    lossless: usize,
}

/// A difference of a record that is not listed.
fn compare(
    case: &Case,
    import: &Import,
    is_plain: bool,
    record: &str,
    here: &[Outcome],
    counts: &mut Counts,
) -> Option<String> {
    let Ok(there) = case.in_logstash(record) else { return None };
    let is_lost = |note: &logstash::Note| note.effect == Effect::Drops || (note.effect == Effect::Assumed && !is_plain);
    if case.is_twice.get() && !import.notes.iter().any(is_lost) {
        return Some("is in two indices in Logstash".into());
    }
    if there.len() == here.len() {
        for (there, here) in there.iter().zip(here) {
            let why = unlisted(case, import, is_plain, there.as_ref(), here);
            if why.is_some() {
                return why;
            }
            counts.all += 1;
            counts.equal += usize::from(match (there, here) {
                (None, Outcome::Lost(_)) => true,
                (Some(there), Outcome::Kept(here)) => there == here,
                _ => false,
            });
        }
        return None;
    }
    // Without a dataset the record is not taken apart.
    if there.iter().all(Option::is_none) && here.iter().all(|here| matches!(here, Outcome::Lost(_))) {
        return None;
    }
    // Logstash splits an event into several.
    let is_listed = |effect: Effect| import.notes.iter().any(|note| note.effect == effect);
    let is_kept = here.iter().any(|here| matches!(here, Outcome::Kept(_)));
    let is_any_left = there.iter().any(Option::is_some);
    let is_unlisted = (!explained(case, import, is_plain).contains("*"))
        || (is_kept && there.iter().any(Option::is_none) && !is_listed(Effect::Keeps) && !is_listed(Effect::Unknown))
        || (is_any_left && !is_kept && import.losses().next().is_none());
    is_unlisted.then(|| format!("becomes {} events, in Logstash {}", here.len(), there.len()))
}

/// The ids in Logstash for the events of a record.
fn ids(case: &Case, record: &str) -> Option<Vec<Option<String>>> {
    let there = case.in_logstash(record).ok()?;
    Some(there.into_iter().map(|event| event.and_then(|(_, _, id)| id)).collect())
}

/// The first difference that is not listed, with its configuration, record and translation.
fn failure(seed: u64, counts: &mut Counts) -> Option<String> {
    let mut random = Rng::with_seed(seed);
    let case = case(&mut random);
    let import = import("x.conf", &case.text).unwrap_or_else(|error| panic!("{error}\n{}", case.text));
    let yaml = import.yaml.as_deref().unwrap_or_default();
    let datasets = (!yaml.is_empty()).then(|| {
        Datasets::parse("pipeline.yaml", yaml, None).unwrap_or_else(|error| panic!("{error}\n{yaml}\n{}", case.text))
    });
    let dataset = datasets.as_ref().and_then(|datasets| datasets.iter().next()).map(AsRef::as_ref);
    counts.lossless += usize::from(import.losses().next().is_none());
    for ordinal in 0..RECORDS {
        let is_plain = ordinal % 2 == 0;
        let record = case.record(&mut random, is_plain);
        let here = outcomes(dataset, yaml, &record);
        if yaml.contains("    id: content\n") && ids(&case, &record) != ids(&case, &record) {
            return Some(format!(
                "seed {seed}: {record}\nequal records have other ids in Logstash\n{}\n{yaml}",
                case.text
            ));
        }
        if let Some(why) = compare(&case, &import, is_plain, &record, &here, counts) {
            let note = |note: &logstash::Note| format!("{}: {}: {}", note.at, note.effect.label(), note.text);
            let notes: Vec<String> = import.notes.iter().map(note).collect();
            return Some(format!("seed {seed}: {record}\n{why}\n{}\n{yaml}\n{}", case.text, notes.join("\n")));
        }
    }
    None
}

#[test]
fn the_pipeline_does_what_logstash_does_or_the_line_is_listed() {
    let number = |name: &str| std::env::var(name).ok().and_then(|seeds| seeds.parse::<u64>().ok());
    let seeds = number("MILLRACE_LOGSTASH_SEEDS").unwrap_or(600);
    let first = number("MILLRACE_LOGSTASH_FIRST").unwrap_or(0);
    let mut counts = Counts::default();
    let failures: Vec<String> = (first..first + seeds).filter_map(|seed| failure(seed, &mut counts)).collect();
    let shown = failures.iter().take(10).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {seeds} configurations:\n{shown}", failures.len());
    // Many comparisons have to be equal without a note, or the test would prove nothing.
    let Counts { equal, all, lossless } = counts;
    println!("{equal} of {all} events equal, {lossless} of {seeds} configurations without loss");
    assert!(
        equal * 3 > all && lossless as u64 * 4 > seeds,
        "{equal} of {all} equal, {lossless} of {seeds} without loss"
    );
}
