//! `local PATH…` carries files of one's own into a domain, as objects of S3 or as records of a stream; `local demo` shows
//! the same with samples; `local check` tells what pipeline.yaml would do to them, `local import-logstash` makes one.
//!
//! In: arguments. Out: progress on standard error, the report on standard output, exit code 1 where something is
//! undelivered. Everything else is the library's.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use local::{
    binary, check,
    deliver::deliver,
    domain::Domain,
    files::{self, File},
    logstash,
    machine::{Alone, Machine, MachineOptions},
    notification::object_created,
    picture::{self, PictureOptions},
    progress::Progress,
    report::{Report, transform::TransformReport},
    s3, sample, schema,
    stream::{
        cut::RecordIs,
        firehose::{self, Delivery},
        kafka::Topic,
        kinesis::Stream,
        mapping::{self, MappingOptions, Source},
        objects::Objects,
        put::put,
    },
};
use serde_json::json;
use tempfile::TempDir;

/// The bucket that the objects are served from, and the stream that the records are in.
const BUCKET: &str = "logs";
/// Records of a batch: more than Lambda's own 100, so that there are fewer invocations.
const DEFAULT_BATCH: u16 = 500;
/// The time of an invocation with records of a stream.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Partitions of a topic.
const DEFAULT_PARTITIONS: u32 = 2;
/// The rules where none are given.
const DEFAULT_PIPELINE: &str = include_str!("../pipeline.yaml");
/// The rules of the demonstration: those that the template deploys.
const DEMO_PIPELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/pipeline.yaml");
/// What the demonstration searches for: the example of the query language in docs/PIPELINE.md.
const DEMO_QUERY: &str = "event_name:2b_screen_view AND country:KR";

/// Millrace on your own machine: files become objects of an S3, the deployed function carries their events into a domain.
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
    /// Checks pipeline.yaml, and shows what its rules would do to files of one's own. Nothing is sent anywhere.
    Check {
        /// Files and folders whose events are tried. A dataset of S3 takes those whose path matches its `key`, one of a
        /// stream takes all
        #[arg(value_name = "SAMPLE")]
        samples: Vec<PathBuf>,
        /// The rules [default: infra/pipeline.yaml, else pipeline.yaml]
        #[arg(long, value_name = "FILE")]
        pipeline: Option<PathBuf>,
        /// The bucket that the samples are taken to lie in [default: whichever a dataset names]
        #[arg(long, value_name = "NAME")]
        bucket: Option<String>,
        /// Prints one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Prints the JSON Schema of pipeline.yaml, for editors.
    Schema,
    /// Translates a Logstash configuration into a pipeline.yaml, and says what has no counterpart.
    ImportLogstash {
        /// The configuration.
        #[arg(value_name = "FILE.conf")]
        file: PathBuf,
        /// Where pipeline.yaml is written [default: standard output]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Draws what lies in a domain: events over time, a heat map, the top values, as one HTML file.
    Picture(PictureOptions),
}

#[derive(Debug, Args)]
struct Run {
    /// Files and folders, served in place.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The service that brings them: as objects, or as records of a stream
    #[arg(long = "as", value_enum, value_name = "SERVICE", default_value = "s3")]
    service: Service,
    #[command(flatten)]
    records: Records,
    /// The rules [default: every event, by the day on which its file was changed]
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// A domain or cluster elsewhere, instead of the embedded one; `MILLRACE_DOMAIN_AUTH` says how [default: none]
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

/// What none but a stream has.
#[derive(Debug, Args)]
struct Records {
    /// The name of the stream, topic or delivery stream, which the rules' `from` has to match [default: logs]
    #[arg(long, value_name = "NAME")]
    stream: Option<String>,
    /// What a record is: a line (gzip and zstd files are decompressed), or a whole file as it is [default: line]
    #[arg(long, value_enum, value_name = "WHAT")]
    record: Option<RecordIs>,
    /// Records in a batch at most [default: 500]
    #[arg(long, value_name = "RECORDS", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    batch: Option<u16>,
    /// Partitions of the topic [default: 2]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    partitions: Option<u32>,
    /// Where Firehose puts what was chosen [default: a temporary folder, which stays]
    #[arg(long, value_name = "FOLDER")]
    delivered: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Output {
    /// Stays up and serves both endpoints until Ctrl-C.
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
            Some(Command::Demo { events, output }) => demo(*events, output).await,
            Some(Command::Check { samples, pipeline, bucket, json }) => {
                check(samples, pipeline.as_deref(), bucket.as_deref(), *json)
            }
            Some(Command::Schema) => {
                print!("{}", schema::schema()?);
                Ok(true)
            }
            Some(Command::ImportLogstash { file, output }) => import_logstash(file, output.as_deref()),
            // Boxed: the compiler goes no deeper into futures in futures.
            Some(Command::Picture(options)) => Box::pin(picture::draw(options)).await,
            None => ingest(&arguments.run).await,
        }
    };
    let run = tokio::select! {
        // First, so that `--keep` hears its own Ctrl-C.
        biased;
        run = run => run,
        // What runs is dropped, and with it the child process and the temporary folder.
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

/// Whether there is a pipeline.yaml, and it was written.
fn import_logstash(file: &Path, output: Option<&Path>) -> io::Result<bool> {
    let mut text = String::new();
    // One byte more than there may be is enough to say so.
    let opened = std::fs::File::open(file);
    opened
        .and_then(|opened| opened.take(logstash::MAX_BYTES as u64 + 1).read_to_string(&mut text))
        .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let import =
        logstash::import(&name, &text).map_err(|error| io::Error::other(format!("{}:{error}", file.display())))?;
    for note in &import.notes {
        let kind = if note.is_lost { "no counterpart" } else { "note" };
        eprintln!("{}:{}: {kind}: {}", file.display(), note.at, note.text);
    }
    let Some(yaml) = import.yaml else {
        return Err(io::Error::other(format!("{}: no input and output in it become a dataset", file.display())));
    };
    match output {
        Some(output) => {
            std::fs::write(output, yaml).map_err(|error| io::Error::other(format!("{}: {error}", output.display())))?;
        }
        None => print!("{yaml}"),
    }
    Ok(true)
}

/// Whether everything was delivered.
async fn ingest(run: &Run) -> io::Result<bool> {
    run.check()?;
    let files = files::collect(&run.paths, &std::env::current_dir()?)?;
    let folder = temporary_folder()?;
    let pipeline = match &run.pipeline {
        Some(file) => file.clone(),
        None => written(folder.path(), DEFAULT_PIPELINE)?,
    };
    if run.service == Service::Firehose {
        return transform(run, &files, &pipeline).await;
    }
    let mut machine = start(run.service, folder.path(), pipeline, run.domain.clone()).await?;
    let report = if let Some(source) = run.source() {
        stream(&mut machine, &source, run.records.options(), &files, folder.path()).await?
    } else {
        for file in &files {
            machine.s3.add_object(BUCKET, &file.key, &file.path);
        }
        carry(&mut machine, &files, folder.path()).await?
    };
    let delivered = !report.undelivered() && report.balances;
    if run.output.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", report.text());
    }
    stay_up(&machine, &run.output).await?;
    if !report.dead_letters.is_empty() {
        eprintln!("The dead letters stay in {}", folder.keep().join("dead-letters").display());
    }
    Ok(delivered)
}

/// Whether everything came through the transform.
async fn transform(run: &Run, files: &[File], pipeline: &Path) -> io::Result<bool> {
    let folder = match &run.records.delivered {
        Some(folder) => folder.clone(),
        None => tempfile::Builder::new().prefix("millrace-delivered-").tempdir()?.keep(),
    };
    let name = run.records.name();
    let MappingOptions { record, batch_records, .. } = run.records.options();
    let objects = Objects::new(&folder, &name);
    let delivery = Delivery { name, record, batch_records, objects };
    let put = put(files)?;
    let mut alone = Alone::start(&binary::function(firehose::FUNCTION)?, pipeline).await?;
    let function = &mut alone.function;
    let progress = Progress::new(files.iter().map(|file| file.size).sum(), 0, 0);
    let (started, cpu_before) = (Instant::now(), function.cpu_seconds());
    let delivered = firehose::deliver(function, &delivery, &put, &progress).await;
    progress.finish();
    let delivered = delivered.inspect_err(|_| function.lines().iter().for_each(|line| eprintln!("{line}")))?;
    let mut report = TransformReport::new(delivered, &put, &folder);
    report.seconds = started.elapsed().as_secs_f64();
    report.cpu_seconds = function.cpu_seconds() - cpu_before;
    report.peak_memory_bytes = function.peak_memory_bytes();
    if run.output.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", report.text());
    }
    Ok(!report.undelivered() && report.balances)
}

/// Whether everything was delivered, and the second time was all duplicates.
async fn demo(events: u32, output: &Output) -> io::Result<bool> {
    let folder = temporary_folder()?;
    let bucket = folder.path().join(BUCKET);
    #[expect(clippy::disallowed_methods, reason = "the samples are of the last hours")]
    sample::write(&bucket, jiff::Timestamp::now(), events)?;
    let files = files::collect(std::slice::from_ref(&bucket), &bucket)?;
    let mut machine = start(Service::S3, folder.path(), DEMO_PIPELINE.into(), None).await?;
    machine.s3.add_bucket(BUCKET, &bucket);

    let say = |text: &str| {
        if !output.json {
            println!("{text}");
        }
    };
    say(&format!("{} objects in s3://{BUCKET}/source/jsona/; notifications go to s3-ingest\n", files.len()));
    let first = carry(&mut machine, &files, folder.path()).await?;
    say(&first.text());
    let found = machine.domain.as_ref().map(|domain| domain.search("*", DEMO_QUERY, 3));
    let found = found.transpose().map_err(io::Error::other)?.unwrap_or_default();
    say(&format!("GET /_search?q={DEMO_QUERY}: {} hits, such as", found["hits"]["total"]["value"]));
    for hit in found["hits"]["hits"].as_array().into_iter().flatten() {
        let source = &hit["_source"];
        let shown = [&hit["_index"], &source["base_dt"], &source["event_name"], &source["country"], &source["screen"]];
        say(&format!("  {}", shown.map(|value| value.as_str().unwrap_or_default()).join("  ")));
    }
    say("\nThe same notifications once more\n");
    let second = carry(&mut machine, &files, folder.path()).await?;
    say(&second.text());
    let again = second.totals.fates.indexed;
    say(&format!("{again} more documents, {} duplicates", second.totals.fates.duplicates));
    if output.json {
        println!("{}", serde_json::to_string_pretty(&json!({"first": first, "search": found, "second": second}))?);
    }
    let as_promised = !first.undelivered() && !second.undelivered() && again == 0 && first.balances && second.balances;
    stay_up(&machine, output).await?;
    Ok(as_promised)
}

/// Whether the rules are right, and every sample was read.
fn check(samples: &[PathBuf], pipeline: Option<&Path>, bucket: Option<&str>, as_json: bool) -> io::Result<bool> {
    let deployed = Path::new("infra/pipeline.yaml");
    let own = if deployed.is_file() { deployed } else { Path::new("pipeline.yaml") };
    let pipeline = pipeline.unwrap_or(own);
    let datasets = match check::datasets(pipeline) {
        Ok(datasets) => datasets,
        Err(error) => {
            let faults = error.faults;
            if as_json {
                let faults: Vec<_> =
                    faults.iter().map(|fault| json!({"place": fault.place, "message": fault.message})).collect();
                println!("{}", serde_json::to_string_pretty(&json!({ "faults": faults }))?);
            } else {
                for fault in &faults {
                    eprintln!("{}: {}", fault.place, fault.message);
                }
                eprintln!("\n{}: {} to put right", pipeline.display(), plural(faults.len(), "fault"));
            }
            return Ok(false);
        }
    };
    let report = check::check(&datasets, &files::collect(samples, &std::env::current_dir()?)?, bucket);
    if as_json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}: {}, no faults\n", pipeline.display(), plural(report.datasets.len(), "dataset"));
        if !samples.is_empty() {
            print!("{}", report.text());
        }
    }
    Ok(report.is_whole())
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn temporary_folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("millrace-").tempdir()
}

fn written(folder: &Path, pipeline: &str) -> io::Result<PathBuf> {
    let path = folder.join("pipeline.yaml");
    std::fs::write(&path, pipeline)?;
    Ok(path)
}

impl Run {
    /// Says which options do not go together.
    fn check(&self) -> io::Result<()> {
        if self.paths.is_empty() {
            return Err(io::Error::other("no PATH is given: name files or folders, as in `local --as kinesis ~/logs`"));
        }
        let Records { stream, record, batch, partitions, delivered } = &self.records;
        let given = [
            ("--stream", stream.is_some(), self.service != Service::S3, "kinesis, kafka and firehose"),
            ("--record", record.is_some(), self.service != Service::S3, "kinesis, kafka and firehose"),
            ("--batch", batch.is_some(), self.service != Service::S3, "kinesis, kafka and firehose"),
            ("--partitions", partitions.is_some(), self.service == Service::Kafka, "kafka"),
            ("--delivered", delivered.is_some(), self.service == Service::Firehose, "firehose"),
            ("--domain", self.domain.is_some(), self.service != Service::Firehose, "s3, kinesis and kafka"),
            ("--keep", self.output.keep, self.service != Service::Firehose, "s3, kinesis and kafka"),
        ];
        match given.into_iter().find(|(_, given, fits, _)| *given && !fits) {
            Some((option, _, _, services)) => Err(io::Error::other(format!("{option} is for --as {services} only"))),
            None => Ok(()),
        }
    }

    /// The stream or topic, where one invokes the function.
    fn source(&self) -> Option<Source> {
        let name = self.records.name();
        match self.service {
            Service::S3 | Service::Firehose => None,
            Service::Kinesis => Some(Source::Kinesis(Stream { name })),
            Service::Kafka => {
                let partitions = self.records.partitions.unwrap_or(DEFAULT_PARTITIONS);
                Some(Source::Kafka(Topic { name, partitions }))
            }
        }
    }
}

impl Records {
    fn name(&self) -> String {
        self.stream.clone().unwrap_or_else(|| BUCKET.to_owned())
    }

    fn options(&self) -> MappingOptions {
        let batch_records = usize::from(self.batch.unwrap_or(DEFAULT_BATCH));
        MappingOptions { record: self.record.unwrap_or_default(), batch_records, timeout: TIMEOUT }
    }
}

async fn start(service: Service, folder: &Path, pipeline: PathBuf, domain: Option<String>) -> io::Result<Machine> {
    let dead_letters = folder.join("dead-letters");
    std::fs::create_dir_all(&dead_letters)?;
    let binary = binary::function(match service {
        Service::S3 => "s3-ingest",
        Service::Kinesis => "kinesis-ingest",
        Service::Kafka => "kafka-ingest",
        Service::Firehose => firehose::FUNCTION,
    })?;
    let continues = service == Service::S3;
    Machine::start(&MachineOptions { binary, pipeline, dead_letters, domain, continues }).await
}

/// Notifies the function of every file, and waits until all of it is settled.
async fn carry(machine: &mut Machine, files: &[File], folder: &Path) -> io::Result<Report> {
    for file in files {
        let etag = s3::etag(&file.path)?;
        machine.queue.send(object_created([(BUCKET, file.key.as_str(), file.size, etag.as_str())]));
    }
    let run = Measured::begin(machine, files);
    let delivered = deliver(machine, &run.progress).await;
    let delivered = run.ended(machine, delivered)?;
    let keys = files.iter().map(|file| file.key.as_str());
    Ok(run.measure(machine, Report::new(&delivered, keys, &folder.join("dead-letters"))?))
}

/// Brings every file's records to the function, and waits until all of it is settled.
async fn stream(
    machine: &mut Machine,
    source: &Source,
    options: MappingOptions,
    files: &[File],
    folder: &Path,
) -> io::Result<Report> {
    let put = put(files)?;
    let run = Measured::begin(machine, files);
    let delivered = mapping::deliver(machine, source, &put, options, &run.progress).await;
    let delivered = run.ended(machine, delivered)?;
    Ok(run.measure(machine, Report::of_stream(delivered, source, &put, &folder.join("dead-letters"))?))
}

/// What a run costs.
struct Measured {
    progress: Progress,
    started: Instant,
    cpu_before: f64,
}

impl Measured {
    fn begin(machine: &Machine, files: &[File]) -> Self {
        let created = machine.domain.as_ref().map_or(0, |domain| domain.stats().created);
        let bytes = files.iter().map(|file| file.size).sum();
        let progress = Progress::new(bytes, machine.s3.stats().bytes_sent, created);
        Self { progress, started: Instant::now(), cpu_before: machine.function.cpu_seconds() }
    }

    /// Takes the bar away, and shows what the function said where the run ended early.
    fn ended<T>(&self, machine: &Machine, delivered: io::Result<T>) -> io::Result<T> {
        self.progress.finish();
        delivered.inspect_err(|_| machine.function.lines().iter().for_each(|line| eprintln!("{line}")))
    }

    fn measure(&self, machine: &Machine, mut report: Report) -> Report {
        report.seconds = self.started.elapsed().as_secs_f64();
        report.cpu_seconds = machine.function.cpu_seconds() - self.cpu_before;
        report.peak_memory_bytes = machine.function.peak_memory_bytes();
        report.indices = machine.domain.as_ref().map(Domain::indices).unwrap_or_default();
        report
    }
}

/// Serves on, where that is wanted.
async fn stay_up(machine: &Machine, output: &Output) -> io::Result<()> {
    if output.keep {
        eprintln!("Serving until Ctrl-C:");
        machine.curl_lines().iter().for_each(|line| eprintln!("  {line}"));
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}
