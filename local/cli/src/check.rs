//! `millrace check`: is pipeline.yaml valid, and what will it do to the user's files?
//!
//! In: the file and samples. Out: all its faults, each with line and column; or for each dataset the number of events
//! it wants, drops and fails, their indices, one event before and after, and the slowest rule. The steps are those of
//! the functions ([`pipeline::dry_run::DryRun`]). Deliberately absent: a domain, a function and any network.

mod report;

pub use report::{Example, Failure, Report, Tried};

use std::{
    fs::{self, File as Opened},
    io,
    path::Path,
    time::UNIX_EPOCH,
};

use delivery::settings::S3Prefix;
use emulator::s3;
use operations::{
    bounds::{self, Bound},
    compared, refusals,
    setup::template::TemplateOwner,
};
use pipeline::{
    dry_run::{DryRun, Prediction, Rules},
    outcome::{ConfigError, Fault},
    record::{KafkaRecord, Origin},
    rule_tests,
    rules::{Dataset, Datasets, From},
};

use crate::{files::File, machine};

/// The number of events whose rules are timed, and the largest number of bytes of one of them.
const TIMED_EVENTS: usize = 200;
const TIMED_BYTES: usize = 64 << 10;
/// The largest number of kinds of failures shown for a dataset.
const SHOWN_FAILURES: usize = 20;

/// The rules of a file.
///
/// # Errors
/// All faults of the file.
pub fn datasets(pipeline: &Path) -> Result<Datasets, ConfigError> {
    rule_tests::load(pipeline)
}

/// The faults, warnings and notes that a deployment would report for the rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deployed {
    /// Reasons why a function would not start, or why `setup` would fail.
    pub faults: Vec<Fault>,
    /// Behaviour of the domain or the functions that a user may not expect.
    pub warnings: Vec<String>,
    /// Facts that hold for all rules of a kind.
    pub notes: Vec<String>,
}

/// Runs the checks that the functions of a deployment run when they start, with the same code. Dead letters go to the
/// place that `MILLRACE_DEAD_LETTERS` names, else to the place that template.yaml sets.
pub fn deployed(datasets: &Datasets, pipeline: &Path) -> Deployed {
    let named = machine::setting("MILLRACE_DEAD_LETTERS").and_then(|text| S3Prefix::parse(&text));
    let dead_letters = named.unwrap_or_else(refusals::dead_letters_of_template);
    let (templates, faults) = refusals::refusals(datasets, &TemplateOwner::default(), pipeline, Some(&dead_letters));
    let warnings =
        compared::differently_compared(datasets, &templates).into_iter().map(|bound| warning(&bound)).collect();
    let notes = compared::has_query(datasets).then(|| compared::AS_ON_KEYWORD.to_owned());
    Deployed { faults, warnings, notes: notes.into_iter().collect() }
}

fn warning(bound: &Bound) -> String {
    format!("{}: {}. {}", bound.check, bound.found, bound.fix)
}

/// Tries the rules on samples. An S3 dataset takes the files whose path matches its `key`, and whose `bucket` matches
/// if `bucket` is given. A dataset of a stream, topic or delivery stream takes every file.
pub fn check(datasets: &Datasets, samples: &[File], bucket: Option<&str>) -> Report {
    let bounds = bounds::bounds(datasets).into_iter().chain(bounds::may_roll_over(datasets));
    let bounds = bounds.chain(bounds::may_move(datasets)).chain(bounds::may_show(datasets));
    let warnings = bounds.map(|bound| warning(&bound)).collect();
    let mut report = Report { tests: datasets.tests().len(), warnings, ..Report::default() };
    let taken: Vec<Option<&str>> = samples.iter().map(|file| taker(datasets, file, bucket)).collect();
    for dataset in datasets {
        let files: Vec<&File> = match &dataset.from {
            From::S3(_) => {
                let of = |(file, taker)| (taker == &Some(dataset.name.as_str())).then_some(file);
                samples.iter().zip(&taken).filter_map(of).collect()
            }
            From::Stream(_) | From::Topic(_) => samples.iter().collect(),
        };
        let origin = |file: &File| origin(dataset, file, bucket);
        report.datasets.push(tried(Rules::Dataset(dataset), dataset.from.to_string(), &files, origin));
    }
    for transform in datasets.transforms() {
        let name = transform.delivery_stream();
        let origin = |_: &File| Origin::firehose(name, vec!["sample".into()]);
        let from = format!("delivery stream {name}");
        report.datasets.push(tried(Rules::Transform(transform), from, &samples.iter().collect::<Vec<_>>(), origin));
    }
    let has_s3 = datasets.iter().any(|dataset| dataset.from.s3().is_some());
    if has_s3 {
        let untaken = samples.iter().zip(&taken).filter(|(_, taker)| taker.is_none());
        report.not_taken = untaken.map(|(file, _)| file.key.clone()).collect();
    }
    report
}

/// The S3 dataset that takes a file: the first whose `from` matches.
fn taker<'d>(datasets: &'d Datasets, file: &File, bucket: Option<&str>) -> Option<&'d str> {
    let takes = |dataset: &&'d std::sync::Arc<Dataset>| match (dataset.from.s3(), bucket) {
        (Some(from), Some(bucket)) => from.matches(bucket, &file.key),
        (Some(from), None) => from.matches_key(&file.key),
        (None, _) => false,
    };
    datasets.iter().find(takes).map(|dataset| dataset.name.as_str())
}

/// The origin that the events of a sample would have. Unknown parts are made up.
fn origin(dataset: &Dataset, file: &File, bucket: Option<&str>) -> Origin {
    let origin = match &dataset.from {
        From::S3(_) => {
            let etag = s3::etag(&file.path).unwrap_or_default();
            Origin::s3(bucket.unwrap_or("sample"), &file.key, &etag)
        }
        From::Stream(name) => {
            let stream = format!("arn:aws:kinesis:eu-west-1:000000000000:stream/{}", name.glob());
            Origin::kinesis(&stream, "shardId-000000000000", vec!["1".into()])
        }
        From::Topic(name) => {
            let record = KafkaRecord { partition: 0, offset: 0, timestamp: changed_ms(&file.path) };
            Origin::kafka("sample", &name.glob().to_string(), vec![record])
        }
    };
    origin.with_times_ms(vec![changed_ms(&file.path)])
}

fn tried(rules: Rules<'_>, from: String, files: &[&File], origin: impl Fn(&File) -> Origin) -> Tried {
    let mut tried = Tried { name: rules.name().to_owned(), from, files: files.len(), ..Tried::default() };
    let mut run = DryRun::new(rules);
    let mut timed: Vec<Vec<u8>> = Vec::new();
    for file in files {
        let read = Opened::open(&file.path).and_then(|sample| {
            run.read(sample, &origin(file), changed_ms(&file.path), |offset, event, fate| {
                if timed.len() < TIMED_EVENTS && event.len() <= TIMED_BYTES {
                    timed.push(event.to_vec());
                }
                tried.count(&file.key, offset, event, fate);
            })
        });
        if let Err(error) = read {
            tried.unreadable.push(format!("{}: {error}", file.key));
        }
    }
    tried.left_out = run.left_out();
    if let Some(file) = files.first() {
        tried.costs = rules.costs(&origin(file), &timed).into_iter().map(Into::into).collect();
    }
    tried
}

impl Tried {
    fn count(&mut self, key: &str, offset: u64, event: &[u8], fate: Prediction<'_>) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.read += 1;
        match fate {
            Prediction::Dropped => self.dropped += 1,
            Prediction::Failed { stage, error_type, reason } => {
                self.failed += 1;
                let known =
                    self.failures.iter_mut().find(|known| known.stage == stage && known.error_type == error_type);
                if let Some(known) = known {
                    known.count += 1;
                } else if self.failures.len() < SHOWN_FAILURES {
                    self.failures.push(Failure {
                        stage,
                        error_type: error_type.to_owned(),
                        count: 1,
                        reason: reason.to_owned(),
                        key: key.to_owned(),
                        offset,
                        event: text(event),
                    });
                }
            }
            Prediction::Wanted { index, document } => {
                self.wanted += 1;
                if let Some(index) = index {
                    *self.indices.entry(index).or_default() += 1;
                }
                let is_changed = document != event;
                // Keep the first event, or better the first one that changes.
                if self.example.as_ref().is_none_or(|example| is_changed && example.before == example.after) {
                    let (before, after) = (text(event), text(document));
                    self.example = Some(Example { key: key.to_owned(), offset, before, after });
                }
            }
        }
    }
}

/// The time of a file's last change, used as the time of its object.
fn changed_ms(path: &Path) -> i64 {
    let changed = || -> io::Result<i64> {
        let age = fs::metadata(path)?.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        i64::try_from(age.as_millis()).map_err(io::Error::other)
    };
    changed().unwrap_or_default()
}

#[cfg(test)]
mod tests;
