//! The arguments of the program.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use millrace::{init::options::InitOptions, picture::PictureOptions, stream::cut::RecordIs};

/// Millrace on your own machine: files become objects of an S3, and the deployed function ingests their events into a
/// domain.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the whole path on sample objects, and what happens when they are delivered again.
    Demo {
        /// Events in each of the six sample objects.
        #[arg(long, default_value_t = 5000)]
        events: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Writes pipeline.yaml with tests, a mapping and the settings of a deployment, from sample files and a few answers.
    /// Each question has an option. All files are written, or none.
    Init(Box<InitOptions>),
    /// Checks pipeline.yaml, and shows what its rules would do to your files. Nothing is sent anywhere.
    Check {
        /// Files and folders with events to try. An S3 dataset takes the files whose path matches its `key`, a dataset
        /// of a stream takes all
        #[arg(value_name = "SAMPLE")]
        samples: Vec<PathBuf>,
        /// The rules [default: infra/pipeline.yaml, else pipeline.yaml]
        #[arg(long, value_name = "FILE")]
        pipeline: Option<PathBuf>,
        /// The bucket name to assume for the samples [default: the bucket that a dataset names]
        #[arg(long, value_name = "NAME")]
        bucket: Option<String>,
        /// Prints one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Runs the tests in pipeline.yaml, and shows what differs. The exit code is 1 if a test fails.
    Test {
        /// The rules [default: infra/pipeline.yaml, else pipeline.yaml]
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Prints one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON Schema of pipeline.yaml, for editors.
    Schema,
    /// Translates a Logstash configuration into a pipeline.yaml, and lists what has no exact counterpart, with its
    /// effect on events. The exit code is 1 if events are lost that Logstash keeps.
    ImportLogstash {
        /// The configuration: a file, or a folder of files, which are read in the order of their names.
        #[arg(value_name = "FILE.conf")]
        file: PathBuf,
        /// Where pipeline.yaml is written [default: standard output]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Exits with 0 although events are lost that Logstash keeps: you have read the lines that list them
        #[arg(long)]
        accept_losses: bool,
    },
    /// Draws the data of a domain: events over time, a heat map, the top values, as one HTML file.
    Picture(PictureOptions),
    /// Examines a deployment, with the environment of its functions: each finding with its fix. The exit code is 1 if
    /// there is a fault.
    Doctor {
        /// The rules, where `MILLRACE_PIPELINE` is not set [default: infra/pipeline.yaml, else pipeline.yaml]
        #[arg(long, value_name = "FILE")]
        pipeline: Option<PathBuf>,
        /// Prints one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Prepares a domain like the function `setup`, with the environment of that function and your own credentials.
    Setup {
        /// Takes over templates that another stack or another user has for the same indices
        #[arg(long, conflicts_with = "remove")]
        take_over: bool,
        /// Removes this deployment's templates and roles instead; indices and snapshots stay
        #[arg(long)]
        remove: bool,
        /// Prints one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Marks indices as this deployment's that are older than the mark in their template. Without --write it only lists
    /// them.
    Adopt(AdoptOptions),
    /// Redelivers objects or dead letters, like the function `replay` and with its environment.
    Replay(ReplayOptions),
    /// Lists the objects under a prefix that have no final receipt. The exit code is 1 if there are any.
    Audit {
        /// The objects.
        #[arg(value_name = "s3://BUCKET/PREFIX")]
        place: String,
        /// Log lines of s3-ingest, as printed or as `aws logs filter-log-events` gives them; `-` is standard input
        #[arg(long, value_name = "FILE", required = true)]
        receipts: Vec<PathBuf>,
        /// The rules [default: infra/pipeline.yaml, else pipeline.yaml]
        #[arg(long, value_name = "FILE")]
        pipeline: Option<PathBuf>,
        /// Prints one JSON document
        #[arg(long)]
        json: bool,
    },
}

/// The indices to mark.
#[derive(Debug, Args)]
pub(crate) struct AdoptOptions {
    /// Only these indices [default: every index that a dataset could have made, and that carries no mark]
    #[arg(value_name = "INDEX")]
    pub(crate) indices: Vec<String>,
    /// Also indices that carry the mark of this stack
    #[arg(long, value_name = "STACK")]
    pub(crate) from: Option<String>,
    /// Marks the indices
    #[arg(long)]
    pub(crate) write: bool,
    /// Prints one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// The objects to redeliver, or an existing replay.
#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// The objects; with --dead-letters, dead letters of the deployment. With --recreate, the objects that the rules
    /// name
    #[arg(value_name = "s3://BUCKET/PREFIX", required_unless_present_any = ["known", "recreate"])]
    pub(crate) place: Option<String>,
    /// The objects under the prefix are dead letters
    #[arg(long, conflicts_with_all = ["dataset", "since", "until", "recreate"])]
    pub(crate) dead_letters: bool,
    /// Only dead letters with this `error_type`
    #[arg(long, value_name = "ERROR_TYPE", requires = "dead_letters")]
    pub(crate) reason: Option<String>,
    /// Only objects of this dataset
    #[arg(long, value_name = "NAME")]
    pub(crate) dataset: Option<String>,
    /// Only objects written at or after this date or time; with --recreate, the first day whose indices are recreated
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<String>,
    /// Only objects written before this date or time; with --recreate, the first day whose indices are not recreated
    #[arg(long, value_name = "DATE")]
    pub(crate) until: Option<String>,
    /// The largest number of objects per second
    #[arg(long, value_name = "NUMBER")]
    pub(crate) rate: Option<f64>,
    /// Deletes the dataset's indices first, and creates them again with the current rules
    #[arg(long, requires = "dataset", requires = "plans")]
    pub(crate) recreate: bool,
    #[command(flatten)]
    pub(crate) planned: Planned,
    #[command(flatten)]
    pub(crate) known: Known,
}

/// The plan for --recreate.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Planned {
    /// Shows what --recreate would do, and saves it as a plan
    #[arg(long, group = "plans", requires = "recreate", conflicts_with_all = ["plan", "without_snapshot"])]
    pub(crate) dry_run: bool,
    /// Carries out the plan with this id, which --dry-run printed
    #[arg(long, value_name = "ID", group = "plans", requires = "recreate")]
    pub(crate) plan: Option<String>,
    /// Deletes without a snapshot
    #[arg(long, requires = "plan")]
    pub(crate) without_snapshot: bool,
}

/// A replay that was started before, by `millrace` or by the function.
#[derive(Debug, Args)]
#[group(id = "known", multiple = false, conflicts_with = "place")]
pub(crate) struct Known {
    /// Continues this replay
    #[arg(long = "continue", value_name = "ID")]
    pub(crate) continued: Option<String>,
    /// Shows the state of this replay
    #[arg(long, value_name = "ID")]
    pub(crate) progress: Option<String>,
    /// Stops this replay, and resumes everything that it paused
    #[arg(long, value_name = "ID")]
    pub(crate) stop: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Files and folders, served in place.
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The service that delivers them: as objects, or as records of a stream
    #[arg(long = "as", value_enum, value_name = "SERVICE", default_value = "s3")]
    pub(crate) service: Service,
    #[command(flatten)]
    pub(crate) records: Records,
    /// The rules [default: every event, in an index by the day of its file's last change]
    #[arg(long, value_name = "FILE")]
    pub(crate) pipeline: Option<PathBuf>,
    /// An external domain or cluster, instead of the embedded one; `MILLRACE_DOMAIN_AUTH` sets the authentication
    /// [default: none]
    #[arg(long, value_name = "URL")]
    pub(crate) domain: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Service {
    S3,
    Kinesis,
    Kafka,
    Firehose,
}

/// Options for streams only.
#[derive(Debug, Args)]
pub(crate) struct Records {
    /// The name of the stream, topic or delivery stream, which the rules' `from` has to match [default: logs]
    #[arg(long, value_name = "NAME")]
    pub(crate) stream: Option<String>,
    /// The unit of a record: a line (gzip and zstd files are decompressed), or a whole file unchanged [default: line]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) record: Option<RecordIs>,
    /// The largest number of records in a batch [default: 500]
    #[arg(long, value_name = "RECORDS", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) batch: Option<u16>,
    /// Partitions of the topic [default: 2]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) partitions: Option<u32>,
    /// The folder for the objects that Firehose writes [default: a temporary folder, which is kept]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) delivered: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Prints the URL of a page with the events, and serves it and both endpoints until Ctrl-C.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Prints one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}
