//! The limit: the libraries of the path of an event, on one thread, without a network (shared/pipeline/benches/limit.rs).

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tests::place;

use super::input::Input;

/// The most that the step `parse` may take, as a multiple of the parser alone.
const MOST_OF_THE_PARSER: f64 = 1.1;

/// The two programs, and the smallest figures of all rounds.
pub(crate) struct Limit {
    program: PathBuf,
    alone: PathBuf,
    pub(crate) steps: Option<Steps>,
    /// Nanoseconds per event of splitting and parsing alone.
    pub(crate) parser: f64,
}

/// What `limit` prints: nanoseconds per event, which are also CPU seconds per thousand million events; bytes per event.
/// Requests are compressed by `compressor`. The figures `by_zlib` are for comparison.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Steps {
    events: u64,
    pub(crate) compressor: String,
    pub(crate) inflate: f64,
    pub(crate) parse: f64,
    pub(crate) body: f64,
    pub(crate) sha: f64,
    pub(crate) deflate: f64,
    pub(crate) deflate_by_zlib: f64,
    pub(crate) sha_of_gzip: f64,
    pub(crate) bytes: f64,
    pub(crate) bytes_gzip: f64,
    pub(crate) bytes_gzip_by_zlib: f64,
}

impl Limit {
    /// Builds both with the deployed profile, which cargo reads only in the folder `functions`.
    pub(crate) fn build() -> Self {
        let function = place::function("s3-ingest");
        let target = function.parent().and_then(Path::parent).expect("it lies in TARGET/release");
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(place::root().join("functions")).args(["build", "--release", "--message-format=json"]);
        command.arg("--target-dir").arg(target).args(["-p", "pipeline", "--bench", "limit", "--bench", "parse"]);
        let output = command.output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages: Vec<Value> =
            output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let binary = |name: &str| {
            let built = messages.iter().find(|message| message["target"]["name"] == name);
            PathBuf::from(built.and_then(|built| built["executable"].as_str()).expect("cargo names its binary"))
        };
        Self { program: binary("limit"), alone: binary("parse"), steps: None, parser: f64::INFINITY }
    }

    /// Runs both once.
    pub(crate) fn measure(&mut self, input: &Input) {
        let new: Steps = serde_json::from_str(&run(&self.program, input)).expect("the steps");
        assert_eq!(new.events, input.all.count);
        self.parser = self.parser.min(run(&self.alone, input).trim().parse().expect("a number"));
        self.steps = Some(match self.steps.take() {
            Some(old) => old.least(&new),
            None => new,
        });
    }

    /// The smallest figure of each step.
    pub(crate) fn steps(&self) -> &Steps {
        self.steps.as_ref().expect("it ran")
    }

    /// Checks that the limit is not slow by accident. A second call of the parser in its binary, for example, would make
    /// it 30 % slower.
    pub(crate) fn assert_parses_as_fast_as_the_parser_alone(&self) {
        let (parse, parser) = (self.steps().parse, self.parser);
        println!("the limit parses an event in {parse:.0} ns, the parser alone in {parser:.0} ns");
        assert!(
            parse <= MOST_OF_THE_PARSER * parser,
            "the limit is no limit: {parse} ns, the parser alone {parser} ns"
        );
    }
}

impl Steps {
    /// CPU seconds per million events into plain bodies.
    pub(crate) fn plain(&self) -> f64 {
        (self.inflate + self.parse + self.body + self.sha) / 1e3
    }

    /// CPU seconds per million events into compressed bodies.
    pub(crate) fn gzip(&self) -> f64 {
        (self.inflate + self.parse + self.body + self.deflate + self.sha_of_gzip) / 1e3
    }

    /// The same by zlib-rs, whose larger output takes as much longer to sign.
    pub(crate) fn gzip_by_zlib(&self) -> f64 {
        let sha = self.sha_of_gzip * self.bytes_gzip_by_zlib / self.bytes_gzip;
        (self.inflate + self.parse + self.body + self.deflate_by_zlib + sha) / 1e3
    }

    fn least(self, other: &Self) -> Self {
        Self {
            inflate: self.inflate.min(other.inflate),
            parse: self.parse.min(other.parse),
            body: self.body.min(other.body),
            sha: self.sha.min(other.sha),
            deflate: self.deflate.min(other.deflate),
            deflate_by_zlib: self.deflate_by_zlib.min(other.deflate_by_zlib),
            sha_of_gzip: self.sha_of_gzip.min(other.sha_of_gzip),
            ..self
        }
    }
}

fn run(program: &Path, input: &Input) -> String {
    let output = Command::new(program).args(&input.files).output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
