//! `local PATH…` carries files of one's own into a domain; `local demo` shows the same with samples.
//!
//! In: arguments. Out: progress on standard error, the report on standard output, exit code 1 where something is
//! undelivered. Everything else is the library's.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use clap::{Args, Parser, Subcommand};
use local::{
    binary,
    deliver::deliver,
    domain::Domain,
    files::{self, File},
    machine::{Machine, MachineOptions},
    notification::object_created,
    progress::Progress,
    report::Report,
    s3, sample,
};
use serde_json::json;
use tempfile::TempDir;

/// The bucket that the objects are served from.
const BUCKET: &str = "logs";
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
}

#[derive(Debug, Args)]
struct Run {
    /// Files and folders, served in place.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The rules [default: every event, by the day on which its file was changed]
    #[arg(long, value_name = "FILE")]
    pipeline: Option<PathBuf>,
    /// A domain or cluster elsewhere, instead of the embedded one; `MILLRACE_DOMAIN_AUTH` says how [default: none]
    #[arg(long, value_name = "URL")]
    domain: Option<String>,
    #[command(flatten)]
    output: Output,
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

/// Whether everything was delivered.
async fn ingest(run: &Run) -> io::Result<bool> {
    let files = files::collect(&run.paths, &std::env::current_dir()?)?;
    let folder = temporary_folder()?;
    let pipeline = match &run.pipeline {
        Some(file) => file.clone(),
        None => written(folder.path(), DEFAULT_PIPELINE)?,
    };
    let mut machine = start(folder.path(), pipeline, run.domain.clone()).await?;
    for file in &files {
        machine.s3.add_object(BUCKET, &file.key, &file.path);
    }
    let report = carry(&mut machine, &files, folder.path()).await?;
    let delivered = !report.undelivered();
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

/// Whether everything was delivered, and the second time was all duplicates.
async fn demo(events: u32, output: &Output) -> io::Result<bool> {
    let folder = temporary_folder()?;
    let bucket = folder.path().join(BUCKET);
    #[expect(clippy::disallowed_methods, reason = "the samples are of the last hours")]
    sample::write(&bucket, jiff::Timestamp::now(), events)?;
    let files = files::collect(std::slice::from_ref(&bucket), &bucket)?;
    let mut machine = start(folder.path(), DEMO_PIPELINE.into(), None).await?;
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

fn temporary_folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("millrace-").tempdir()
}

fn written(folder: &Path, pipeline: &str) -> io::Result<PathBuf> {
    let path = folder.join("pipeline.yaml");
    std::fs::write(&path, pipeline)?;
    Ok(path)
}

async fn start(folder: &Path, pipeline: PathBuf, domain: Option<String>) -> io::Result<Machine> {
    let dead_letters = folder.join("dead-letters");
    std::fs::create_dir_all(&dead_letters)?;
    let binary = binary::function("s3-ingest")?;
    Machine::start(&MachineOptions { binary, pipeline, dead_letters, domain }).await
}

/// Notifies the function of every file, and waits until all of it is settled.
async fn carry(machine: &mut Machine, files: &[File], folder: &Path) -> io::Result<Report> {
    for file in files {
        let etag = s3::etag(&file.path)?;
        machine.queue.send(object_created([(BUCKET, file.key.as_str(), file.size, etag.as_str())]));
    }
    let created = machine.domain.as_ref().map_or(0, |domain| domain.stats().created);
    let bytes = files.iter().map(|file| file.size).sum();
    let progress = Progress::new(bytes, machine.s3.stats().bytes_sent, created);
    let (started, cpu_before) = (Instant::now(), machine.function.cpu_seconds());
    let delivered = deliver(machine, &progress).await;
    progress.finish();
    let delivered = delivered.inspect_err(|_| machine.function.lines().iter().for_each(|line| eprintln!("{line}")))?;
    let keys = files.iter().map(|file| file.key.as_str());
    let mut report = Report::new(&delivered, keys, &folder.join("dead-letters"))?;
    report.seconds = started.elapsed().as_secs_f64();
    report.cpu_seconds = machine.function.cpu_seconds() - cpu_before;
    report.peak_memory_bytes = machine.function.peak_memory_bytes();
    report.indices = machine.domain.as_ref().map(Domain::indices).unwrap_or_default();
    Ok(report)
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
