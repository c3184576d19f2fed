//! Runs one test through the event loop.

use std::{collections::BTreeMap, convert::Infallible};

use super::{difference::Difference, result::EventResult};
use crate::{
    decode::Event,
    dry_run::Rules,
    events::{Ended, EventReader, Judge, Refused, Sink, Value, Verdict},
    frame::{DEFAULT_MAX_EVENT_BYTES, DEFAULT_MAX_RECORD_BYTES, Format, FrameError, Frames, Look},
    partition::PartitionValues,
    record::{ItemPosition, KafkaRecord, Origin},
    route::LATEST_MS,
    rules::{Dataset, Datasets, From, Input, RuleTest},
};

/// The name of everything that a test does not name: the bucket, the key, the stream, the topic, the record.
const UNNAMED: &str = "test";
/// The time of an event that has none, in a test without `at`: 1970-01-01T00:00:00Z. Its index shows that the time is missing.
const NO_TIME_MS: i64 = 0;

/// The rules of a dataset.
pub(super) fn rules<'d>(datasets: &'d Datasets, name: &str) -> Option<Rules<'d>> {
    let transform = || datasets.transforms().find(|transform| transform.name == name);
    let dataset = datasets.by_name(name).map(|dataset| Rules::Dataset(dataset));
    dataset.or_else(|| transform().map(|transform| Rules::Transform(transform)))
}

/// The difference if another dataset takes the object that the test names, or none does.
pub(super) fn other_taker(datasets: &Datasets, test: &RuleTest) -> Option<Difference> {
    let key = test.key.as_deref()?;
    let matches = |from: &From| match (from.s3(), &test.bucket) {
        (Some(from), Some(bucket)) => from.matches(bucket, key),
        (Some(from), None) => from.matches_key(key),
        (None, _) => false,
    };
    let first = datasets.iter().find(|dataset| matches(&dataset.from)).map(|dataset| dataset.name.as_str());
    (first != Some(test.dataset.as_str())).then(|| Difference {
        field: format!("the dataset that takes {key}"),
        expected: test.dataset.clone(),
        actual: first.unwrap_or("none").to_owned(),
    })
}

/// Reads the input of a test.
pub(super) fn results(rules: Rules<'_>, test: &RuleTest) -> Vec<EventResult> {
    let mut trial = Trial { rules, test, keys: PartitionValues::default(), results: Vec::new() };
    match &test.input {
        Input::Event(event) => {
            let mut frames = Frames::of_records(Format::Ndjson, DEFAULT_MAX_EVENT_BYTES);
            frames.begin_record(event.as_bytes());
            trial.read(frames);
        }
        Input::Line(line) if is_object(rules) => {
            trial.read(Frames::new(line.as_bytes(), rules.format(), DEFAULT_MAX_EVENT_BYTES).of(rules.records()));
        }
        Input::Line(line) => {
            let frames = Frames::of_records(rules.format(), DEFAULT_MAX_EVENT_BYTES);
            let mut frames = frames.of(rules.records()).within(DEFAULT_MAX_RECORD_BYTES);
            frames.begin_record(line.as_bytes());
            trial.read(frames);
        }
    }
    trial.results
}

fn is_object(rules: Rules<'_>) -> bool {
    matches!(rules, Rules::Dataset(dataset) if dataset.from.s3().is_some())
}

/// One test while it runs.
struct Trial<'t> {
    rules: Rules<'t>,
    test: &'t RuleTest,
    /// The partition keys of the record.
    keys: PartitionValues,
    results: Vec<EventResult>,
}

impl Trial<'_> {
    fn read(&mut self, mut frames: Frames<&[u8]>) {
        let embedded = self.rules.embedded();
        let Ok(ended) = EventReader::default().read(&mut frames, embedded, self);
        match ended {
            Ended::Whole => {}
            Ended::Unreadable(FrameError::Broken { error_type, reason, .. }) => {
                self.results.push(EventResult::Rejected { error_type, reason });
            }
            // Not possible: the input is in memory.
            Ended::Unreadable(FrameError::Read(error)) => {
                self.results.push(EventResult::Rejected { error_type: "unreadable", reason: error.to_string() });
            }
        }
    }

    /// The time at which the event is read.
    fn now_ms(&self, event: &Event<'_>, record_ms: Option<i64>) -> i64 {
        if let Some(at_ms) = self.test.at_ms {
            return at_ms;
        }
        let own_ms = match self.rules {
            // As if it were read at the end of time, because no time is too late for itself.
            Rules::Dataset(dataset) => dataset.router.event_time_ms(event, LATEST_MS).ok(),
            Rules::Transform(_) => None,
        };
        own_ms.filter(|time_ms| *time_ms != LATEST_MS).or(record_ms).unwrap_or(NO_TIME_MS)
    }

    fn origin(&self, now_ms: i64) -> Origin {
        let named = |name: &Option<String>| name.clone().unwrap_or_else(|| UNNAMED.to_owned());
        let origin = match self.rules {
            Rules::Transform(_) => Origin::firehose(UNNAMED, vec![UNNAMED.to_owned()]),
            Rules::Dataset(Dataset { from: From::S3(_), .. }) => {
                Origin::s3(&named(&self.test.bucket), &named(&self.test.key), UNNAMED)
            }
            Rules::Dataset(Dataset { from: From::Stream(_), .. }) => {
                Origin::kinesis(UNNAMED, UNNAMED, vec!["0".to_owned()])
            }
            Rules::Dataset(Dataset { from: From::Topic(_), .. }) => {
                let record = KafkaRecord { partition: 0, offset: 0, timestamp: now_ms };
                Origin::kafka(UNNAMED, UNNAMED, vec![record])
            }
        };
        origin.with_times_ms(vec![now_ms])
    }
}

impl Sink for Trial<'_> {
    type Stop = Infallible;

    fn look(&mut self, _offset: u64, _length: u64) -> Result<Look, Infallible> {
        Ok(Look::Take)
    }

    fn take(&mut self, value: Value<'_>, event: &Event<'_>) -> Result<(), Infallible> {
        let now_ms = self.now_ms(event, value.time_ms);
        let origin = self.origin(now_ms);
        let position = origin.at(ItemPosition::in_object(value.offset));
        let result = match self.rules {
            Rules::Dataset(dataset) => {
                let mut judge = Judge::new(&origin, dataset.keep_from_ms(now_ms), now_ms);
                let time_ms = value.time_ms.unwrap_or(now_ms);
                result(&judge.judge(dataset, event, position, origin.id_prefix(), time_ms))
            }
            Rules::Transform(transform) => {
                let mut judge = Judge::default();
                let mut delivered = result(&judge.judge_delivery(transform, event, position, &mut self.keys));
                if let EventResult::Document { partition_keys, .. } = &mut delivered {
                    let names = transform.partition_keys.iter().map(|(name, _)| name.clone());
                    partition_keys.extend(names.zip(self.keys.values().iter().cloned()));
                }
                delivered
            }
        };
        self.results.push(result);
        Ok(())
    }

    fn count_left_out(&mut self, _strings: u64) {}

    fn refuse(&mut self, _offset: u64, _payload: &[u8], _length: u64, refused: Refused) -> Result<(), Infallible> {
        self.results.push(rejected(&refused));
        Ok(())
    }
}

fn result(verdict: &Verdict<'_>) -> EventResult {
    match verdict {
        Verdict::Dropped => EventResult::Dropped,
        Verdict::Expired => EventResult::Expired,
        Verdict::Rejected(refused) => rejected(refused),
        Verdict::Wanted { action, document } => {
            let action: serde_json::Value = serde_json::from_slice(action).unwrap_or_default();
            let text = |name: &str| action["create"][name].as_str().map(str::to_owned);
            EventResult::Document {
                document: String::from_utf8_lossy(document).into_owned(),
                index: text("_index"),
                id: text("_id"),
                partition_keys: BTreeMap::new(),
            }
        }
    }
}

fn rejected(refused: &Refused) -> EventResult {
    EventResult::Rejected { error_type: refused.error_type, reason: refused.reason.to_string() }
}
