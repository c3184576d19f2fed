//! `millrace PATH…` ingests the user's files into a domain, as objects of S3 or as records of a stream. `millrace demo` does
//! the same with samples. `millrace check` shows the effect of pipeline.yaml on files. `millrace import-logstash` makes a
//! pipeline.yaml. `millrace doctor`, `millrace setup`, `millrace adopt`, `millrace replay` and `millrace audit` work on a deployment.
//!
//! In: arguments. Out: progress on standard error, the report on standard output, exit code 1 if something is
//! undelivered. All other work is done by the library.

mod commands;

use std::{io, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};
use millrace::{
    picture::{self, PictureOptions},
    schema,
    stream::cut::RecordIs,
};

/// Millrace on your own machine: files become objects of an S3, and the deployed function ingests their events into a
/// domain.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: Run,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows the whole path on sample objects, and what happens when they are delivered again.
    Demo {
        /// Events in each of the six sample objects.
        #[arg(long, default_value_t = 5000)]
        events: u32,
        #[command(flatten)]
        output: Output,
    },
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
struct AdoptOptions {
    /// Only these indices [default: every index that a dataset could have made, and that carries no mark]
    #[arg(value_name = "INDEX")]
    indices: Vec<String>,
    /// Also indices that carry the mark of this stack
    #[arg(long, value_name = "STACK")]
    from: Option<String>,
    /// Marks the indices
    #[arg(long)]
    write: bool,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

/// The objects to redeliver, or an existing replay.
#[derive(Debug, Args)]
struct ReplayOptions {
    /// The objects; with --dead-letters, dead letters of the deployment. With --recreate, the objects that the rules
    /// name
    #[arg(value_name = "s3://BUCKET/PREFIX", required_unless_present_any = ["known", "recreate"])]
    place: Option<String>,
    /// The objects under the prefix are dead letters
    #[arg(long, conflicts_with_all = ["dataset", "since", "until", "recreate"])]
    dead_letters: bool,
    /// Only dead letters with this `error_type`
    #[arg(long, value_name = "ERROR_TYPE", requires = "dead_letters")]
    reason: Option<String>,
    /// Only objects of this dataset
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,
    /// Only objects written at or after this date or time; with --recreate, the first day whose indices are recreated
    #[arg(long, value_name = "DATE")]
    since: Option<String>,
    /// Only objects written before this date or time; with --recreate, the first day whose indices are not recreated
    #[arg(long, value_name = "DATE")]
    until: Option<String>,
    /// The largest number of objects per second
    #[arg(long, value_name = "NUMBER")]
    rate: Option<f64>,
    /// Deletes the dataset's indices first, and creates them again with the current rules
    #[arg(long, requires = "dataset", requires = "plans")]
    recreate: bool,
    #[command(flatten)]
    planned: Planned,
    #[command(flatten)]
    known: Known,
}

/// The plan for --recreate.
#[derive(Debug, Args)]
#[group(skip)]
struct Planned {
    /// Shows what --recreate would do, and saves it as a plan
    #[arg(long, group = "plans", requires = "recreate", conflicts_with_all = ["plan", "without_snapshot"])]
    dry_run: bool,
    /// Carries out the plan with this id, which --dry-run printed
    #[arg(long, value_name = "ID", group = "plans", requires = "recreate")]
    plan: Option<String>,
    /// Deletes without a snapshot
    #[arg(long, requires = "plan")]
    without_snapshot: bool,
}

/// A replay that was started before, by `millrace` or by the function.
#[derive(Debug, Args)]
#[group(id = "known", multiple = false, conflicts_with = "place")]
struct Known {
    /// Continues this replay
    #[arg(long = "continue", value_name = "ID")]
    continued: Option<String>,
    /// Shows the state of this replay
    #[arg(long, value_name = "ID")]
    progress: Option<String>,
    /// Stops this replay, and resumes everything that it paused
    #[arg(long, value_name = "ID")]
    stop: Option<String>,
}

#[derive(Debug, Args)]
struct Run {
    /// Files and folders, served in place.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The service that delivers them: as objects, or as records of a stream
    #[arg(long = "as", value_enum, value_name = "SERVICE", default_value = "s3")]
    service: Service,
    #[command(flatten)]
    records: Records,
    /// The rules [default: every event, in an index by the day of its file's last change]
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// An external domain or cluster, instead of the embedded one; `MILLRACE_DOMAIN_AUTH` sets the authentication
    /// [default: none]
    #[arg(long, value_name = "URL")]
    domain: Option<String>,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Service {
    S3,
    Kinesis,
    Kafka,
    Firehose,
}

/// Options for streams only.
#[derive(Debug, Args)]
struct Records {
    /// The name of the stream, topic or delivery stream, which the rules' `from` has to match [default: logs]
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// The unit of a record: a line (gzip and zstd files are decompressed), or a whole file unchanged [default: line]
    #[arg(long, value_enum, value_name = "WHAT")]
    record: Option<RecordIs>,
    /// The largest number of records in a batch [default: 500]
    #[arg(long, value_name = "RECORDS", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    batch: Option<u16>,
    /// Partitions of the topic [default: 2]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    partitions: Option<u32>,
    /// The folder for the objects that Firehose writes [default: a temporary folder, which is kept]
    #[arg(long, value_name = "FOLDER")]
    delivered: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Output {
    /// Keeps running and serves both endpoints until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_env_filter("warn,s3s=off").with_writer(io::stderr).init();
    let arguments = Arguments::parse();
    let run = async {
        match &arguments.command {
            Some(Command::Demo { events, output }) => commands::demo(*events, output).await,
            Some(Command::Check { samples, pipeline, bucket, json }) => {
                commands::check(samples, pipeline.as_deref(), bucket.as_deref(), *json)
            }
            Some(Command::Schema) => {
                print!("{}", schema::schema()?);
                Ok(true)
            }
            Some(Command::ImportLogstash { file, output, accept_losses }) => {
                commands::import_logstash(file, output.as_deref(), *accept_losses)
            }
            Some(Command::Doctor { pipeline, json }) => commands::doctor(pipeline.clone(), *json).await,
            Some(Command::Setup { take_over, remove, json }) => commands::setup(*take_over, *remove, *json).await,
            Some(Command::Adopt(options)) => commands::adopt(options).await,
            Some(Command::Audit { place, receipts, pipeline, json }) => {
                commands::audit(place, receipts, pipeline.clone(), *json).await
            }
            // Boxed, since the futures are large: the compiler has a limit for the depth of nested futures.
            Some(Command::Replay(options)) => Box::pin(commands::replay(options)).await,
            Some(Command::Picture(options)) => Box::pin(picture::draw(options)).await,
            None => commands::ingest(&arguments.run).await,
        }
    };
    let run = tokio::select! {
        // Comes first, so that `--keep` can handle Ctrl-C itself.
        biased;
        run = run => run,
        // Dropping the run also ends the child process and deletes the temporary folder.
        _ = tokio::signal::ctrl_c() => Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted")),
    };
    match run {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
