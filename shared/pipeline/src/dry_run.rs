//! Runs the rules over samples without sending anything. `millrace check` shows the result before a deployment.
//!
//! In: a dataset and the bytes of a sample. Out: the result for each of its events, by the same steps as in the functions,
//! and the cost of each rule. Deliberately absent: the domain, so it does not predict refusals by the mapping.

use std::{
    convert::Infallible,
    hint::black_box,
    io::{self, Read},
    time::{Duration, Instant},
};

use crate::{
    decode::{Decoder, Embedded, Event},
    events::{self, Ended, EventReader, Judge, Refused, Sink, Unfolding, Value, Verdict},
    frame::{DEFAULT_MAX_EVENT_BYTES, DEFAULT_MAX_RECORD_BYTES, Format, FrameError, Frames, Look, Records},
    outcome::Stage,
    partition::PartitionValues,
    record::{ItemPosition, Origin},
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
pub enum Prediction<'e> {
    /// `select` does not want it.
    Dropped,
    /// It would go to the dead letters, or Firehose would store its record as failed.
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
    reader: EventReader,
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

    pub(crate) fn format(self) -> Format {
        match self {
            Self::Dataset(dataset) => dataset.format,
            Self::Transform(transform) => transform.format,
        }
    }

    pub(crate) fn records(self) -> &'d Records {
        match self {
            Self::Dataset(dataset) => &dataset.records,
            Self::Transform(transform) => &transform.records,
        }
    }

    pub(crate) fn embedded(self) -> Option<&'d Embedded> {
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
        Self { rules, reader: EventReader::default(), judge: Judge::default(), left_out: 0 }
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
        mut each: impl FnMut(u64, &[u8], Prediction<'_>),
    ) -> io::Result<()> {
        let format = self.rules.format();
        if format != Format::CloudwatchLogs {
            let mut frames = Frames::new(sample, format, DEFAULT_MAX_EVENT_BYTES).of(self.rules.records());
            return self.fill(&mut frames, origin, time_ms, &mut each);
        }
        let mut record = Vec::new();
        sample.read_to_end(&mut record)?;
        let mut frames = Frames::of_records(format, DEFAULT_MAX_EVENT_BYTES).within(DEFAULT_MAX_RECORD_BYTES);
        frames.begin_record(record.as_slice());
        self.fill(&mut frames, origin, time_ms, &mut each)
    }

    fn fill<R: Read>(
        &mut self,
        frames: &mut Frames<R>,
        origin: &Origin,
        time_ms: i64,
        each: &mut dyn FnMut(u64, &[u8], Prediction<'_>),
    ) -> io::Result<()> {
        let Self { rules, reader, judge, left_out } = self;
        let mut sample = Sample { rules: *rules, judge, origin, time_ms, left_out, each };
        let Ok(ended) = reader.read(frames, rules.embedded(), &mut sample);
        match ended {
            Ended::Whole => *left_out += frames.take_left_out(),
            Ended::Unreadable(FrameError::Broken { offset, error_type, reason }) => {
                each(offset, frames.torn().0, failed(Stage::Frame, error_type, &reason));
            }
            Ended::Unreadable(FrameError::Read(error)) => return Err(error),
        }
        Ok(())
    }
}

/// One sample under test.
struct Sample<'s, 'd> {
    rules: Rules<'d>,
    judge: &'s mut Judge,
    origin: &'s Origin,
    time_ms: i64,
    left_out: &'s mut u64,
    each: &'s mut dyn FnMut(u64, &[u8], Prediction<'_>),
}

impl Sink for Sample<'_, '_> {
    type Stop = Infallible;

    fn look(&mut self, _offset: u64, _length: u64) -> Result<Look, Infallible> {
        Ok(Look::Take)
    }

    fn take(&mut self, value: Value<'_>, event: &Event<'_>) -> Result<(), Infallible> {
        let Value { payload, offset, time_ms } = value;
        let position = self.origin.at(ItemPosition::in_object(offset));
        let time_ms = time_ms.unwrap_or(self.time_ms);
        let verdict = match self.rules {
            Rules::Dataset(dataset) => self.judge.judge(dataset, event, position, "", time_ms),
            // Each event counts as the only one in its record.
            Rules::Transform(transform) => {
                self.judge.judge_delivery(transform, event, position, &mut PartitionValues::default())
            }
        };
        (self.each)(offset, payload, Prediction::of(&verdict));
        Ok(())
    }

    fn count_left_out(&mut self, strings: u64) {
        *self.left_out += strings + self.judge.shape.take_left_out();
    }

    fn refuse(&mut self, offset: u64, payload: &[u8], _length: u64, refused: Refused) -> Result<(), Infallible> {
        (self.each)(offset, payload, failed(refused.stage, refused.error_type, &refused.reason));
        Ok(())
    }
}

impl<'e> Prediction<'e> {
    fn of(verdict: &'e Verdict<'e>) -> Self {
        match verdict {
            // Nothing expires here, because samples may have any age.
            Verdict::Dropped | Verdict::Expired => Self::Dropped,
            Verdict::Rejected(Refused { stage, error_type, reason }) => failed(*stage, error_type, reason),
            Verdict::Wanted { action, document } => Self::Wanted { index: index(action), document },
        }
    }
}

fn failed<'e>(stage: Stage, error_type: &'e str, reason: &'e str) -> Prediction<'e> {
    Prediction::Failed { stage, error_type, reason }
}

/// The index in an action line. `None` if there is no action line.
fn index(action: &[u8]) -> Option<String> {
    let action: serde_json::Value = serde_json::from_slice(action).ok()?;
    action["create"]["_index"].as_str().map(str::to_owned)
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
        let mut predicted = Vec::new();
        let mut run = DryRun::new(rules);
        run.read(sample.as_bytes(), origin, 1_795_348_923_456, |offset, event, fate| {
            let event = String::from_utf8_lossy(event);
            predicted.push(match fate {
                Prediction::Dropped => format!("{offset} dropped {event}"),
                Prediction::Failed { stage, error_type, .. } => format!("{offset} {stage:?} {error_type} {event}"),
                Prediction::Wanted { index, document } => {
                    format!("{offset} {index:?} {}", String::from_utf8_lossy(document))
                }
            });
        })
        .unwrap();
        (predicted, run.left_out())
    }

    #[test]
    fn every_event_of_a_sample_is_reported_with_its_fate() {
        let datasets = Datasets::parse("f", YAML, None).unwrap();
        let sample = "{\"a\":1,\"secret\":2}\n{\"a\":2}\n{\"a\":1,\"t\":\"soon\"}\n[1]\nno\n{\"a\":1}{\"a\":3}\n\
                      {\"text\":\"{\\\"a\\\":1,\\\"lat\\\":91}\"}\n";
        let (predicted, left_out) =
            tried(Rules::Dataset(datasets.by_name("files").unwrap()), &Origin::s3("b", "k", "e"), sample);
        assert_eq!(
            predicted,
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
