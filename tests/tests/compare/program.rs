//! The programs, and one run of each.
//!
//! The start of a process is measured separately and left out of the CPU time of the events, because Lambda reuses
//! processes: for Millrace an invocation without events, for the others a run without objects.

use std::process::Command;
use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::Value;
use tests::{envelope, moto::Object, place, scene::Scene};

use super::{
    input::{Input, Part},
    sink::Sink,
};

const TIMEOUT: Duration = Duration::from_mins(10);
/// How often Millrace takes the objects in a round. /proc shows CPU time in steps of 0.01 s.
const TIMES: u64 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// The function `s3-ingest`.
    Millrace { gzip: bool },
    /// scripts/compare/bulk.py
    Bulk { gzip: bool },
    /// Benthos with the output `opensearch`, which cannot compress.
    BenthosOpenSearch,
    /// Benthos with the output `elasticsearch`, compressed.
    BenthosElasticsearch,
    /// scripts/compare/post.py
    Post,
}

/// What one run took.
pub(crate) struct Run {
    /// With the start.
    pub(crate) cpu_seconds: f64,
    pub(crate) cpu_seconds_to_start: f64,
    /// The events that it took, each as often as it took it.
    pub(crate) events: f64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) bytes_an_event: f64,
    pub(crate) requests_a_million: f64,
}

/// What scripts/compare/measure.py prints.
#[derive(serde::Deserialize)]
struct Usage {
    cpu_seconds: f64,
    peak_memory_bytes: u64,
}

pub(crate) fn all() -> Vec<Program> {
    let both = [false, true];
    let mut all: Vec<_> = both.map(|gzip| Program::Millrace { gzip }).into();
    all.extend(both.map(|gzip| Program::Bulk { gzip }));
    all.extend([Program::BenthosOpenSearch, Program::BenthosElasticsearch, Program::Post]);
    all
}

impl Program {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Millrace { gzip: false } => "Millrace `s3-ingest`",
            Self::Millrace { gzip: true } => "Millrace `s3-ingest`, gzip",
            Self::Bulk { gzip: false } => "Python, boto3 and `helpers.bulk` of opensearch-py",
            Self::Bulk { gzip: true } => "the same with `http_compress` (level 6)",
            Self::BenthosOpenSearch => "Benthos 4.27, output `opensearch`",
            Self::BenthosElasticsearch => "Benthos 4.27, output `elasticsearch` with `gzip_compression`",
            Self::Post => "the AWS sample in Python: a signed POST for each event",
        }
    }

    /// Whether it compresses requests.
    pub(crate) fn gzip(self) -> bool {
        match self {
            Self::Millrace { gzip } | Self::Bulk { gzip } => gzip,
            Self::BenthosElasticsearch => true,
            Self::BenthosOpenSearch | Self::Post => false,
        }
    }

    /// Its events of a round.
    pub(crate) fn part(self, input: &Input) -> &Part {
        if self == Self::Post { &input.first } else { &input.all }
    }

    /// Takes the events once, or more often, and checks that the sink got them.
    pub(crate) async fn run(self, scene: &Scene<'_>, sink: &Sink, input: &Input) -> Run {
        sink.reset().await;
        let part = self.part(input);
        let (times, cpu_seconds_to_start, Usage { cpu_seconds, peak_memory_bytes }) =
            if let Self::Millrace { gzip } = self {
                millrace(scene, sink, part, gzip).await
            } else {
                let empty = self.start(scene, sink, &[], "none/");
                (1, empty.cpu_seconds, self.start(scene, sink, &part.objects, part.prefix))
            };
        let arrived = sink.arrived(self.name(), times, part.count).await;
        let events = (times * part.count) as f64;
        Run {
            cpu_seconds,
            cpu_seconds_to_start,
            events,
            peak_memory_bytes,
            bytes_an_event: arrived.bytes_wire as f64 / events,
            requests_a_million: arrived.requests as f64 * 1e6 / events,
        }
    }

    /// Runs another program to its end. Python takes the keys of the objects, Benthos their prefix.
    fn start(self, scene: &Scene<'_>, sink: &Sink, objects: &[Object], prefix: &str) -> Usage {
        let scripts = place::root().join("scripts/compare");
        let domain = sink.url();
        let config = |name: &str| scripts.join("benthos").join(name).display().to_string();
        let keys = objects.iter().map(|object| object.key.clone());
        let python = |arguments: &[&str]| arguments.iter().map(|text| (*text).to_owned()).chain(keys).collect();
        let arguments: Vec<String> = match self {
            Self::BenthosOpenSearch => vec!["benthos".into(), "-c".into(), config("opensearch.yaml")],
            Self::BenthosElasticsearch => vec!["benthos".into(), "-c".into(), config("elasticsearch.yaml")],
            Self::Post => python(&["post", &scene.bucket, &domain]),
            _ => python(&["bulk", &scene.bucket, &domain, if self.gzip() { "gzip" } else { "plain" }]),
        };
        let mut command = Command::new("bash");
        command.arg(scripts.join("compare.sh")).arg("run").args(arguments);
        command.envs(scene.environment(&domain, &[])).env("AWS_DEFAULT_REGION", tests::moto::REGION);
        command.env("BUCKET", &scene.bucket).env("PREFIX", prefix).env("DOMAIN", domain);
        command.env_remove("GLIBC_TUNABLES");
        let output = command.output().expect("bash starts");
        let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: {text}{errors}", self.name());
        let last = text.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{}: {error}: {text}{errors}", self.name()))
    }
}

/// How often it took the objects, its CPU seconds to start, and what it used in all.
async fn millrace(scene: &Scene<'_>, sink: &Sink, part: &Part, gzip: bool) -> (u64, f64, Usage) {
    let compression = if gzip { "gzip" } else { "none" };
    let env = [("MILLRACE_COMPRESSION", compression), ("MILLRACE_DOMAIN_AUTH", "sigv4:es")];
    let mut function = scene.start("s3-ingest", &sink.url(), &env).await;
    invoke(&mut function, &envelope::no_objects()).await;
    let start_up = function.cpu_seconds();
    let event = envelope::s3(&part.objects.iter().collect::<Vec<_>>());
    for _ in 0..TIMES {
        invoke(&mut function, &event).await;
    }
    let (cpu_seconds, peak_memory_bytes) = (function.cpu_seconds(), function.peak_memory_bytes());
    (TIMES, start_up, Usage { cpu_seconds, peak_memory_bytes })
}

async fn invoke(function: &mut Function, event: &Value) {
    let answer = function.invoke(event, TIMEOUT).await.expect("the function runs");
    assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines().last());
}
