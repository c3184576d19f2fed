//! The translation from Logstash against a small Logstash: for random configurations and random events both come to the same
//! document, index and id, or the translation lists the line that makes the difference, with that effect.
//!
//! `MILLRACE_LOGSTASH_SEEDS` sets the number of configurations.

#[path = "logstash/cases.rs"]
mod cases;
#[path = "logstash/evaluator.rs"]
mod evaluator;
#[path = "logstash/generator.rs"]
mod generator;

use std::collections::BTreeSet;

use fastrand::Rng;
use local::logstash::{Effect, Import, import};
use pipeline::{
    dry_run::{DryRun, Fate as Here, Rules},
    record::Origin,
    rules::Datasets,
};
use serde_json::Value;

use evaluator::{Fate, add_tag, filled, get, holds, run};
use generator::{Writer, asked, condition, event, statements};

/// 2026-11-22T10:02:03.456Z, when all objects were written.
const TIME_MS: i64 = 1_795_341_723_456;
const DAY: &str = "2026.11.22";
const EVENTS: usize = 20;

/// A configuration at random, what it says, and what its lines are about.
struct Case {
    text: String,
    lines: Vec<Vec<String>>,
    filters: Vec<evaluator::Statement>,
    has_type: bool,
    has_tag: bool,
    index: &'static str,
    has_id: bool,
    /// Which events come to the output; whether the others come to another.
    output: Option<(evaluator::Condition, bool)>,
}

fn case(random: &mut Rng) -> Case {
    let (has_type, has_tag, has_id) = (random.u8(..3) == 0, random.u8(..4) == 0, random.u8(..3) == 0);
    let index = ["logs-%{+YYYY.MM.dd}", "logs", "logs-%{b}"][random.usize(..3)];
    let filters = statements(random, 2);
    let mut writer = Writer::default();
    let inputs = [(has_type, " type => \"k\""), (has_tag, " tags => [\"in\"]")];
    let inputs: String = inputs.iter().filter(|(has, _)| *has).map(|(_, text)| *text).collect();
    writer.line(&format!("input {{ s3 {{ bucket => b codec => json{inputs} }} }}"), vec!["type".into(), "tags".into()]);
    writer.line("filter {", Vec::new());
    writer.statements(&filters);
    writer.line("}", Vec::new());
    let id = if has_id { " document_id => \"%{id}\"" } else { "" };
    let fields = ["@version", "@timestamp", "index", "id"].map(str::to_owned).to_vec();
    let output = (random.u8(..3) == 0).then(|| (condition(random, 1), random.bool()));
    writer.line("output {", Vec::new());
    if let Some((condition, _)) = &output {
        writer.line(&format!("if {} {{", asked(condition)), Vec::new());
    }
    writer.line(&format!("opensearch {{ index => \"{index}\"{id} }}"), fields.clone());
    match &output {
        None => {}
        Some((_, false)) => writer.line("}", Vec::new()),
        Some((_, true)) => {
            writer.line("} else {", Vec::new());
            writer.line("opensearch { index => \"others\" }", fields);
            writer.line("}", Vec::new());
        }
    }
    writer.line("}", Vec::new());
    Case { text: writer.text, lines: writer.lines, filters, has_type, has_tag, index, has_id, output }
}

/// A document, its index and its id.
type Indexed = (Value, String, Option<String>);

/// What Logstash makes of an event.
fn in_logstash(case: &Case, event: &Value) -> Option<Result<Indexed, ()>> {
    let mut event = event.clone();
    if case.has_type && event.get("type").is_none() {
        event["type"] = "k".into();
    }
    if case.has_tag {
        add_tag(&mut event, "in");
    }
    match run(&case.filters, &event) {
        Fate::Fails => None,
        Fate::Dropped => Some(Err(())),
        Fate::Kept(document) => {
            let is_first = match &case.output {
                None => true,
                Some((condition, has_other)) => match holds(condition, &document) {
                    Err(_) => return None,
                    Ok(false) if !has_other => return Some(Err(())),
                    Ok(is_first) => is_first,
                },
            };
            if !is_first {
                return Some(Ok((document, "others".into(), None)));
            }
            let time = get(&document, &["@timestamp"]).and_then(Value::as_str).map(|time| time[..10].replace('-', "."));
            let day = time.unwrap_or_else(|| DAY.into());
            let index = filled(&document, &case.index.replace("%{+YYYY.MM.dd}", &day));
            let id = case.has_id.then(|| filled(&document, "%{id}"));
            Some(Ok((document, index, id)))
        }
    }
}

/// The fields that listed lines are about, also by way of later lines.
fn explained(case: &Case, import: &Import, is_plain: bool) -> BTreeSet<String> {
    let mut explained = BTreeSet::new();
    for (number, fields) in (1..).zip(&case.lines) {
        let is_listed = import.notes.iter().any(|note| {
            let effects = [Effect::Differs, Effect::Unknown];
            note.at.line == number && (effects.contains(&note.effect) || (note.effect == Effect::Assumed && !is_plain))
        });
        if is_listed || fields.iter().any(|field| explained.contains(field)) {
            explained.extend(fields.iter().cloned());
        }
    }
    explained
}

/// Why a difference is not listed; empty where it is.
fn unlisted(case: &Case, import: &Import, event: &Value, is_plain: bool, here: &Outcome) -> Option<String> {
    let listed = |effects: &[Effect]| {
        import.notes.iter().any(|note| effects.contains(&note.effect) || (note.effect == Effect::Assumed && !is_plain))
    };
    match (in_logstash(case, event)?, here) {
        (Err(()), Outcome::Lost(_)) => None,
        (Err(()), Outcome::Kept(..)) => {
            (!listed(&[Effect::Keeps, Effect::Unknown])).then(|| "is kept, and Logstash drops it".into())
        }
        (Ok(_), Outcome::Lost(effect)) => {
            (!listed(&[*effect])).then(|| format!("is lost ({effect:?}), and Logstash keeps it"))
        }
        (Ok((document, index, id)), Outcome::Kept(own, own_index, own_id)) => {
            let explained = explained(case, import, is_plain);
            let is_explained = |name: &str| explained.contains(name) || explained.contains("*");
            let names = document.as_object().into_iter().chain(own.as_object()).flat_map(|fields| fields.keys());
            for name in names {
                if document.get(name) != own.get(name) && !is_explained(name) {
                    return Some(format!("`{name}` is {:?}, in Logstash {:?}", own.get(name), document.get(name)));
                }
            }
            if index != *own_index && !["index", "@timestamp", "b"].iter().any(|name| is_explained(name)) {
                return Some(format!("the index is {own_index}, in Logstash {index}"));
            }
            (id != *own_id && !is_explained("id")).then(|| format!("the id is {own_id:?}, in Logstash {id:?}"))
        }
    }
}

/// What the pipeline makes of an event.
enum Outcome {
    Lost(Effect),
    Kept(Value, String, Option<String>),
}

fn outcomes(yaml: &str, events: &[(Value, bool)]) -> Vec<Outcome> {
    if yaml.is_empty() {
        // No output takes an event.
        return events.iter().map(|_| Outcome::Lost(Effect::Drops)).collect();
    }
    let datasets = Datasets::parse("pipeline.yaml", yaml, None).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
    let dataset = datasets.iter().next().unwrap();
    let has_id = yaml.contains("id: { field: id }");
    let sample = events.iter().map(|(event, _)| format!("{event}\n")).collect::<Vec<_>>().concat();
    let mut outcomes = Vec::new();
    let mut dry_run = DryRun::new(Rules::Dataset(dataset));
    dry_run
        .read(sample.as_bytes(), &Origin::s3("b", "k", "e"), TIME_MS, |_, source, fate| {
            outcomes.push(match fate {
                Here::Dropped => Outcome::Lost(Effect::Drops),
                Here::Failed { .. } => Outcome::Lost(Effect::Rejects),
                Here::Wanted { index, document } => {
                    let source: Value = serde_json::from_slice(source).unwrap();
                    let id = has_id.then(|| source["id"].as_str().unwrap_or_default().to_owned());
                    Outcome::Kept(serde_json::from_slice(document).unwrap(), index.unwrap_or_default(), id)
                }
            });
        })
        .unwrap();
    assert_eq!(outcomes.len(), events.len());
    outcomes
}

#[test]
fn the_pipeline_does_what_logstash_does_or_the_line_is_listed() {
    let seeds = std::env::var("MILLRACE_LOGSTASH_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(600);
    let (mut equal, mut all, mut lossless, mut configurations) = (0_usize, 0_usize, 0_usize, 0_usize);
    let mut failures: Vec<String> = Vec::new();
    for seed in 0..seeds {
        configurations += 1;
        let mut random = Rng::with_seed(seed);
        let case = case(&mut random);
        let import = import("x.conf", &case.text).unwrap_or_else(|error| panic!("{error}\n{}", case.text));
        let yaml = import.yaml.as_deref().unwrap_or_default();
        let events: Vec<(Value, bool)> = (0..EVENTS).map(|n| (event(&mut random, n % 2 == 0), n % 2 == 0)).collect();
        lossless += usize::from(import.losses().next().is_none());
        for ((event, is_plain), here) in events.iter().zip(&outcomes(yaml, &events)) {
            if let Some(why) = unlisted(&case, &import, event, *is_plain, here) {
                let notes: Vec<String> = import
                    .notes
                    .iter()
                    .map(|note| format!("{}: {}: {}", note.at, note.effect.label(), note.text))
                    .collect();
                failures.push(format!("seed {seed}: {event}\n{why}\n{}\n{yaml}\n{}", case.text, notes.join("\n")));
                break;
            }
            all += 1;
            equal += usize::from(match (in_logstash(&case, event), here) {
                (Some(Err(())), Outcome::Lost(_)) => true,
                (Some(Ok((document, index, id))), Outcome::Kept(own, own_index, own_id)) => {
                    (&document, &index, &id) == (own, own_index, own_id)
                }
                _ => false,
            });
        }
    }
    let shown = failures.iter().take(10).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {seeds} configurations:\n{shown}", failures.len());
    // Not everything is listed away.
    assert!(
        equal * 2 > all && lossless * 4 > configurations,
        "{equal} of {all} equal, {lossless} of {seeds} without loss"
    );
}
