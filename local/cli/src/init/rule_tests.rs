//! The tests in pipeline.yaml: events of the sample, each with what the rules make of it.
//!
//! In: the dataset and the sample. Out: three tests that pass. Each was run by the code of `millrace test` before it is returned.

use std::{collections::BTreeSet, fmt::Write as _};

use logstash::yaml::block;
use pipeline::{
    decode::{Decoder, Path},
    dry_run::{DryRun, Prediction, Rules},
    record::Origin,
    rule_tests,
    rules::Datasets,
    time,
};

use super::{
    dataset::Dataset,
    masked::{Masked, masked},
};

/// The longest event of a test, and the number of events that are tried.
const MAX_BYTES: usize = 4 << 10;
const TRIED: usize = 100;
/// The time of events that have none: 2026-11-22T10:00:00Z.
const AT_MS: i64 = 1_795_341_600_000;
/// No event is later. The tests do not depend on the clock.
const LATEST_MS: i64 = 253_402_300_799_999;
/// The event of a test if no event of the sample can be one.
const EXAMPLE: &str = "{\"message\": \"example\"}";

/// The tests.
#[derive(Debug, Default)]
pub(super) struct Tests {
    /// Each as an element of `tests`.
    pub(super) texts: Vec<String>,
    /// Fields of the sample's events whose values are replaced.
    pub(super) masked: BTreeSet<String>,
    /// How many of them are events of the sample.
    pub(super) of_sample: usize,
}

/// What the rules make of an input.
enum Fate {
    Stored { index: String, document: String },
    Rejected(String),
}

/// Three tests: an event that is stored, a line that is no event, and an event whose time cannot be read or, without a
/// `timestamp`, another one that is stored.
pub(super) fn tests(dataset: &Dataset, events: &[Vec<u8>]) -> Tests {
    let kept = dataset.deciding_fields();
    let small = events.iter().filter(|event| event.len() <= MAX_BYTES).take(TRIED);
    let mut usable = small.filter_map(|event| masked(event, &kept));
    let mut tests = Tests::default();
    tests.add_stored(dataset, &mut usable);
    tests.add(dataset, line(dataset));
    if dataset.timestamp.is_some() {
        tests.add(dataset, unreadable_time(dataset));
    } else {
        tests.add_stored(dataset, &mut usable);
    }
    tests
}

impl Tests {
    /// Adds the first event that makes a test that passes.
    fn add_stored(&mut self, dataset: &Dataset, usable: &mut dyn Iterator<Item = Masked>) {
        for Masked { json, names } in usable {
            if self.texts.iter().any(|text| text.contains(&json)) {
                continue;
            }
            if self.add(dataset, stored(dataset, &json)) {
                self.masked.extend(names);
                self.of_sample += 1;
                return;
            }
        }
        let example = if self.texts.is_empty() { EXAMPLE } else { "{\"message\": \"another example\"}" };
        self.add(dataset, stored(dataset, example));
    }

    /// Adds a test if it passes.
    fn add(&mut self, dataset: &Dataset, text: Option<String>) -> bool {
        let Some(text) = text else { return false };
        let yaml = dataset.file("", std::slice::from_ref(&text));
        let tested = Datasets::parse("pipeline.yaml", &yaml, None).map(|datasets| rule_tests::run(&datasets));
        let passes = tested.is_ok_and(|tested| tested.tests == 1 && tested.failures.is_empty());
        self.texts.extend(passes.then_some(text));
        passes
    }
}

/// A test of an event that is stored.
fn stored(dataset: &Dataset, event: &str) -> Option<String> {
    let own_ms = own_time_ms(dataset, event);
    let rules = dataset.rules_for_events();
    let Fate::Stored { index, document } = fate(&rules, event.as_bytes(), own_ms.unwrap_or(AT_MS))? else {
        return None;
    };
    let document = masked(document.as_bytes(), &dataset.deciding_fields())?.json;
    let mut text = format!("      - event: {event}\n        key: {}\n", block(&dataset.example_key()));
    if own_ms.is_none() {
        let _ = writeln!(text, "        at: \"{}\"", time::rfc3339(AT_MS)?);
    }
    let _ = writeln!(text, "        document: {document}\n        index: {}", block(&index));
    Some(text)
}

/// A test of an event whose time cannot be read.
fn unreadable_time(dataset: &Dataset) -> Option<String> {
    let event = serde_json::json!({ &dataset.timestamp.as_ref()?.field: "no time" }).to_string();
    let event = masked(event.as_bytes(), &dataset.deciding_fields())?.json;
    Some(format!("      - event: {event}\n        rejected: invalid_timestamp\n"))
}

/// A test of a line that is no event.
fn line(dataset: &Dataset) -> Option<String> {
    match fate(&dataset.file("", &[]), b"not json", AT_MS)? {
        Fate::Rejected(reason) => Some(format!("      - line: 'not json'\n        rejected: {reason}\n")),
        Fate::Stored { .. } => None,
    }
}

/// The time that the event has in the dataset's field.
fn own_time_ms(dataset: &Dataset, event: &str) -> Option<i64> {
    let path = Path::parse(&dataset.timestamp.as_ref()?.field).ok()?;
    let datasets = Datasets::parse("", &dataset.rules_for_events(), None).ok()?;
    let mut decoder = Decoder::new();
    let parsed = decoder.decode(event.as_bytes()).ok()?;
    let event = parsed.event();
    event.get(&path).filter(|value| !value.is_null())?;
    datasets.by_name(&dataset.name)?.router.event_time_ms(&event, LATEST_MS).ok()
}

/// What becomes of an input that is one event.
fn fate(rules: &str, input: &[u8], time_ms: i64) -> Option<Fate> {
    let datasets = Datasets::parse("", rules, None).ok()?;
    let dataset = datasets.iter().next()?;
    let mut fates = Vec::new();
    let origin = Origin::s3("example", "example", "example");
    let read = DryRun::new(Rules::Dataset(dataset)).read(input, &origin, time_ms, |_, _, prediction| {
        fates.push(match prediction {
            Prediction::Wanted { index, document } => Fate::Stored {
                index: index.unwrap_or_default(),
                document: String::from_utf8_lossy(document).into_owned(),
            },
            Prediction::Failed { error_type, .. } => Fate::Rejected(error_type.to_owned()),
            Prediction::Dropped => Fate::Rejected("dropped".to_owned()),
        });
    });
    read.ok()?;
    if fates.len() == 1 { fates.pop() } else { None }
}
