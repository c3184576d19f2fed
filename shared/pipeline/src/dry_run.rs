//! Runs the rules over samples without sending anything. `millrace check` shows the result before a deployment.
//!
//! In: a dataset and the bytes of a sample. Out: the result for each of its events, by the same steps as in the functions,
//! and the cost of each rule. Deliberately absent: the domain, so it does not predict refusals by the mapping.

use std::{
    hint::black_box,
    io::{self, Read},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::events::{self, Judge, Refused, Unfolding, Verdict};
use crate::frame::{DEFAULT_MAX_EVENT_BYTES, DEFAULT_MAX_RECORD_BYTES};
use crate::partition::partition;
use crate::{
    decode::{DecodeError, Decoder, Embedded, Event},
    frame::{Format, Frame, FrameError, Frames, Records},
    outcome::Stage,
    record::{ItemPosition, Origin, Position},
    rules::{Dataset, Transform},
    select::Select,
    shape::{Shape, ShapeScratch},
};

/// How often a rule runs between two readings of the clock. One reading takes as long as some rules.
const REPEATS: u32 = 32;

/// The rules to try.
#[derive(Debug, Clone, Copy)]
pub enum Rules<'d> {
    /// The rules of a dataset whose events go to the domain.
    Dataset(&'d Dataset),
    /// The rules of a dataset whose records Firehose delivers.
    Transform(&'d Transform),
}

/// The result for an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate<'e> {
    /// `select` does not want it.
    Dropped,
    /// It would go to the dead letters, or its record to Firehose's backup bucket.
    Failed {
        /// The step that refused it.
        stage: Stage,
        /// A stable word to search by.
        error_type: &'e str,
        /// A description of the fault for a person.
        reason: &'e str,
    },
    /// It is indexed, or delivered.
    Wanted {
        /// Its index. `None` if Firehose decides.
        index: Option<String>,
        /// The document as stored.
        document: &'e [u8],
    },
}

/// The cost of a single rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost {
    /// The text of the rule.
    pub rule: String,
    /// The time for each event.
    pub nanoseconds: f64,
}

/// One dataset under test.
#[derive(Debug)]
pub struct DryRun<'d> {
    rules: Rules<'d>,
    decoder: Decoder,
    unfolding: Unfolding,
    judge: Judge,
    left_out: u64,
}

impl<'d> Rules<'d> {
    /// The dataset's name.
    pub fn name(self) -> &'d str {
        match self {
            Self::Dataset(dataset) => &dataset.name,
            Self::Transform(transform) => &transform.name,
        }
    }

    fn format(self) -> Format {
        match self {
            Self::Dataset(dataset) => dataset.format,
            Self::Transform(transform) => transform.format,
        }
    }

    fn records(self) -> &'d Records {
        match self {
            Self::Dataset(dataset) => &dataset.records,
            Self::Transform(transform) => &transform.records,
        }
    }

    fn embedded(self) -> Option<&'d Embedded> {
        match self {
            Self::Dataset(dataset) => dataset.embedded.as_ref(),
            Self::Transform(transform) => transform.embedded.as_ref(),
        }
    }

    fn select(self) -> Option<&'d Select> {
        match self {
            Self::Dataset(dataset) => dataset.select.as_ref(),
            Self::Transform(transform) => transform.select.as_ref(),
        }
    }

    fn shape(self) -> &'d Shape {
        match self {
            Self::Dataset(dataset) => &dataset.shape,
            Self::Transform(transform) => &transform.shape,
        }
    }

    /// The cost of each condition and each rule about fields over these events, the most expensive first.
    pub fn costs(self, origin: &Origin, events: &[Vec<u8>]) -> Vec<Cost> {
        let conditions = self.select().map(Select::conditions).unwrap_or_default();
        let shape = self.shape();
        let alone: Vec<Shape> = shape.rules().iter().map(|rule| shape.only(vec![rule.clone()])).collect();
        let mut taken = vec![Duration::ZERO; conditions.len() + alone.len()];
        let (mut decoder, mut unfolding, mut scratch) = (Decoder::new(), Unfolding::default(), ShapeScratch::default());
        let position = origin.at(ItemPosition::default());
        for payload in events {
            // An event that does not decode never reaches the rules.
            let _ = events::decode(&mut decoder, self.embedded(), &mut unfolding, payload, |event| {
                let (selecting, shaping) = taken.split_at_mut(conditions.len());
                for ((_, condition), taken) in conditions.iter().zip(selecting) {
                    *taken += timed(|| condition.matches(event).is_ok());
                }
                for (shape, taken) in alone.iter().zip(shaping) {
                    *taken += timed(|| shape.apply(event, position, &mut scratch).is_some());
                }
            });
        }
        let conditions = conditions.iter().map(|(label, _)| format!("select: {label}"));
        let names = conditions.chain(shape.rules().iter().map(ToString::to_string));
        let asked = events.len().max(1) as f64 * f64::from(REPEATS);
        let cost = |(rule, taken): (String, Duration)| Cost { rule, nanoseconds: taken.as_secs_f64() * 1e9 / asked };
        let mut costs: Vec<Cost> = names.zip(taken).map(cost).collect();
        costs.sort_by(|left, right| right.nanoseconds.total_cmp(&left.nanoseconds));
        costs
    }
}

fn timed(mut rule: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    for _ in 0..REPEATS {
        black_box(rule());
    }
    started.elapsed()
}

impl<'d> DryRun<'d> {
    /// Tries the rules of a dataset.
    pub fn new(rules: Rules<'d>) -> Self {
        Self { rules, decoder: Decoder::new(), unfolding: Unfolding::default(), judge: Judge::default(), left_out: 0 }
    }

    /// Number of values left out so far, counted as in a receipt.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Reads a sample as it would be in S3, compressed or not, and calls `each` for every event with its offset, its bytes and
    /// its result. With `format: cloudwatch-logs` the sample is one record. `time_ms` is the fallback for an event without a time.
    ///
    /// # Errors
    /// The sample cannot be read to its end. `each` was called for all events before that point.
    pub fn read<R: Read>(
        &mut self,
        mut sample: R,
        origin: &Origin,
        time_ms: i64,
        each: impl FnMut(u64, &[u8], Fate<'_>),
    ) -> io::Result<()> {
        let format = self.rules.format();
        if format != Format::CloudwatchLogs {
            let mut frames = Frames::new(sample, format, DEFAULT_MAX_EVENT_BYTES).of(self.rules.records());
            return self.fill(&mut frames, origin, time_ms, each);
        }
        let mut record = Vec::new();
        sample.read_to_end(&mut record)?;
        let mut frames = Frames::of_records(format, DEFAULT_MAX_EVENT_BYTES).within(DEFAULT_MAX_RECORD_BYTES);
        frames.begin_record(record.as_slice());
        self.fill(&mut frames, origin, time_ms, each)
    }

    fn fill<R: Read>(
        &mut self,
        frames: &mut Frames<R>,
        origin: &Origin,
        time_ms: i64,
        mut each: impl FnMut(u64, &[u8], Fate<'_>),
    ) -> io::Result<()> {
        let mut refused: Option<(u64, Vec<u8>, DecodeError)> = None;
        loop {
            if let Some((offset, payload, error)) = refused.take()
                && !frames.split()
            {
                each(offset, &payload, failed(Stage::Decode, error.error_type, &error.reason));
            }
            let (payload, offset, time_ms, added) = match frames.next() {
                Ok(Some(Frame::Record { payload, offset, time_ms: own, added })) => {
                    (payload, offset, own.unwrap_or(time_ms), added)
                }
                Ok(Some(Frame::TooLarge { offset, length, head })) => {
                    let reason = format!("the event has {length} bytes, more than MILLRACE_MAX_EVENT_BYTES by default");
                    each(offset, head, failed(Stage::Frame, "event_too_large", &reason));
                    continue;
                }
                Ok(None) => {
                    self.left_out += frames.take_left_out();
                    return Ok(());
                }
                Err(FrameError::Broken { offset, error_type, reason }) => {
                    each(offset, frames.torn().0, failed(Stage::Frame, error_type, &reason));
                    return Ok(());
                }
                Err(FrameError::Read(error)) => return Err(error),
            };
            let Self { rules, decoder, unfolding, judge, .. } = self;
            let position = origin.at(ItemPosition::in_object(offset));
            let decoded = events::decode(decoder, rules.embedded(), unfolding, payload, |event| {
                let verdict = match rules {
                    Rules::Dataset(dataset) => judge.judge(dataset, &event.with_added(added), position, "", time_ms),
                    Rules::Transform(transform) => deliver(judge, transform, event, position),
                };
                each(offset, payload, Fate::of(&verdict));
            });
            if let Err(error) = decoded {
                refused = Some((offset, payload.to_vec(), error));
            }
            self.left_out += std::mem::take(&mut self.unfolding.left_out) + self.judge.shape.take_left_out();
        }
    }
}

impl<'e> Fate<'e> {
    fn of(verdict: &'e Verdict<'e>) -> Self {
        match verdict {
            // Nothing expires here, because samples may have any age.
            Verdict::Dropped | Verdict::Expired => Self::Dropped,
            Verdict::Rejected(Refused { stage, error_type, reason }) => failed(*stage, error_type, reason),
            Verdict::Wanted { action, document } => Self::Wanted { index: index(action), document },
        }
    }
}

fn failed<'e>(stage: Stage, error_type: &'e str, reason: &'e str) -> Fate<'e> {
    Fate::Failed { stage, error_type, reason }
}

/// The index in an action line. `None` if there is no action line.
fn index(action: &[u8]) -> Option<String> {
    let action: Value = serde_json::from_slice(action).ok()?;
    action["create"]["_index"].as_str().map(str::to_owned)
}

/// The result of a delivery stream's rules for an event that is the only one in its record.
fn deliver<'j>(judge: &'j mut Judge, transform: &Transform, event: &Event<'j>, position: Position<'_>) -> Verdict<'j> {
    match events::is_wanted(event, transform.select.as_ref()) {
        Ok(true) => {}
        Ok(false) => return Verdict::Dropped,
        Err(refused) => return Verdict::Rejected(refused),
    }
    match partition(&transform.partition_keys, event, &mut Vec::new(), &mut String::new()) {
        Ok(()) => {
            let document = transform.shape.apply(event, position, &mut judge.shape).unwrap_or(event.source);
            Verdict::Wanted { action: &[], document }
        }
        Err((error_type, reason)) => {
            Verdict::Rejected(Refused { stage: Stage::Route, error_type, reason: reason.into() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Datasets;

    const YAML: &str = r#"
datasets:
  - name: files
    from: { key: "**" }
    select: a:1
    fields: { json: text, drop: [secret], geo_point: { at: { lat: lat, lon: lon } } }
    timestamp: t
    index: files-%{+YYYY.MM.dd}
  - name: delivery
    from: { delivery_stream: d }
    select: { a: [1] }
    fields: { metadata: from }
    partition_keys: { k: k }
"#;

    fn tried(rules: Rules<'_>, origin: &Origin, sample: &str) -> (Vec<String>, u64) {
        let mut told = Vec::new();
        let mut run = DryRun::new(rules);
        run.read(sample.as_bytes(), origin, 1_795_348_923_456, |offset, event, fate| {
            let event = String::from_utf8_lossy(event);
            told.push(match fate {
                Fate::Dropped => format!("{offset} dropped {event}"),
                Fate::Failed { stage, error_type, .. } => format!("{offset} {stage:?} {error_type} {event}"),
                Fate::Wanted { index, document } => {
                    format!("{offset} {index:?} {}", String::from_utf8_lossy(document))
                }
            });
        })
        .unwrap();
        (told, run.left_out())
    }

    #[test]
    fn every_event_of_a_sample_is_told_of_with_its_fate() {
        let datasets = Datasets::parse("f", YAML, None).unwrap();
        let sample = "{\"a\":1,\"secret\":2}\n{\"a\":2}\n{\"a\":1,\"t\":\"soon\"}\n[1]\nno\n{\"a\":1}{\"a\":3}\n\
                      {\"text\":\"{\\\"a\\\":1,\\\"lat\\\":91}\"}\n";
        let (told, left_out) =
            tried(Rules::Dataset(datasets.by_name("files").unwrap()), &Origin::s3("b", "k", "e"), sample);
        assert_eq!(
            told,
            [
                "0 Some(\"files-2026.11.22\") {\"a\":1}",
                "19 dropped {\"a\":2}",
                "27 Route invalid_timestamp {\"a\":1,\"t\":\"soon\"}",
                "46 Decode not_an_object [1]",
                "50 Decode invalid_json no",
                "53 Some(\"files-2026.11.22\") {\"a\":1}",
                "60 dropped {\"a\":3}",
                "68 Some(\"files-2026.11.22\") {\"a\":1,\"lat\":91}",
            ]
        );
        assert_eq!(left_out, 1, "an invalid point");

        let transform = datasets.find_delivery_stream("d").unwrap();
        let origin = Origin::firehose("d", vec!["r1".into()]);
        let sample = "{\"a\":1,\"k\":\"x\"}\n{\"a\":1}\n{\"a\":\"1\"}\n";
        assert_eq!(
            tried(Rules::Transform(transform), &origin, sample).0,
            [
                "0 None {\"a\":1,\"k\":\"x\",\"from\":{\"delivery_stream\":\"d\",\"record_id\":\"r1\",\"offset\":0}}",
                "16 Route invalid_partition_key {\"a\":1}",
                "24 dropped {\"a\":\"1\"}",
            ]
        );
    }

    #[test]
    fn each_rule_has_a_cost_of_its_own() {
        let datasets = Datasets::parse("f", YAML, None).unwrap();
        let rules = Rules::Dataset(datasets.by_name("files").unwrap());
        let costs = rules.costs(&Origin::s3("b", "k", "e"), &[b"{\"a\":1}".to_vec(), b"no".to_vec()]);
        let mut names: Vec<&str> = costs.iter().map(|cost| cost.rule.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["drop: secret", "geo_point: at", "select: a:1"]);
        assert!(costs.iter().all(|cost| cost.nanoseconds > 0.0), "{costs:?}");
        assert!(costs.windows(2).all(|pair| pair[0].nanoseconds >= pair[1].nanoseconds));
    }
}
