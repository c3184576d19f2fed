//! The delivery of files on a machine, for `millrace PATH…` and `millrace demo`.

use std::{
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use emulator::{domain::Domain, notification::object_created, s3};
use millrace::{
    binary,
    deliver::deliver,
    files::File,
    machine::{Machine, MachineOptions},
    page::Page,
    progress::Progress,
    report::Report,
    stream::{
        firehose,
        mapping::{self, MappingOptions, Source},
        put::put,
    },
};
use tempfile::TempDir;

use crate::arguments::{Output, Service};

/// The bucket that serves the objects, and the name of the stream.
pub(crate) const BUCKET: &str = "logs";

/// A limit of the embedded domain: it accepts every JSON document.
const NO_REFUSALS: &str = "\
The embedded domain takes every document, whatever the mapping. A real one rejects some: a field with values of two types (`1` here, `\"text\"`
there), `a` beside `a.b`, a date that is none, an integer beyond 64 bits, more fields than an index takes (1,000). They become dead letters.
Searches compare whole values here, and words where a field is `text` there. `--domain URL` brings the same files into a real domain.";

pub(crate) fn temporary_folder() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("millrace-").tempdir()
}

/// Writes rules into a folder.
pub(crate) fn written(folder: &Path, pipeline: &str) -> io::Result<PathBuf> {
    let path = folder.join("pipeline.yaml");
    std::fs::write(&path, pipeline)?;
    Ok(path)
}

pub(crate) async fn start(
    service: Service,
    folder: &Path,
    pipeline: PathBuf,
    domain: Option<String>,
) -> io::Result<Machine> {
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

/// Serves the page with the events, and prints its URL, if the user asked for it.
pub(crate) async fn open_page(
    machine: &Machine,
    output: &Output,
    pipeline: &Path,
    folder: &Path,
) -> io::Result<Option<Page>> {
    if !output.keep {
        return Ok(None);
    }
    let page = Page::start(machine, pipeline, &folder.join("dead-letters")).await?;
    eprintln!("Your events in a browser, while they arrive: {}\n", page.url());
    Ok(Some(page))
}

/// Notifies the function of every file, and waits until all files are settled.
pub(crate) async fn deliver_objects(
    machine: &mut Machine,
    files: &[File],
    folder: &Path,
    page: Option<&Page>,
) -> io::Result<Report> {
    for file in files {
        let etag = s3::etag(&file.path)?;
        machine.queue.send(object_created([(BUCKET, file.key.as_str(), file.size, etag.as_str())]));
    }
    let run = Measured::begin(machine, files, page);
    let delivered = deliver(machine, &run.progress).await;
    let delivered = run.ended(machine, delivered)?;
    let keys = files.iter().map(|file| file.key.as_str());
    Ok(run.measure(machine, Report::new(&delivered, keys, &folder.join("dead-letters"))?))
}

/// Delivers every file's records to the function, and waits until all of them are settled.
pub(crate) async fn deliver_records(
    machine: &mut Machine,
    source: &Source,
    options: MappingOptions,
    files: &[File],
    folder: &Path,
    page: Option<&Page>,
) -> io::Result<Report> {
    let put = put(files)?;
    let run = Measured::begin(machine, files, page);
    let delivered = mapping::deliver(machine, source, &put, options, &run.progress).await;
    let delivered = run.ended(machine, delivered)?;
    Ok(run.measure(machine, Report::of_stream(delivered, source, &put, &folder.join("dead-letters"))?))
}

/// The start of a run and its measurements.
struct Measured {
    progress: Progress,
    started: Instant,
    cpu_before: f64,
}

impl Measured {
    fn begin(machine: &Machine, files: &[File], page: Option<&Page>) -> Self {
        let created = machine.domain.as_ref().map_or(0, |domain| domain.stats().created);
        let bytes = files.iter().map(|file| file.size).sum();
        let progress = Progress::new(bytes, machine.s3.stats().bytes_sent, created);
        let progress = progress.shown_by(page.map(Page::live));
        Self { progress, started: Instant::now(), cpu_before: machine.function.cpu_seconds() }
    }

    /// Removes the progress bar. After an error it also prints the function's output.
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

/// Prints the limits of the embedded domain, once at the end of a run.
pub(crate) fn state_limits(machine: &Machine) {
    if machine.domain.is_some() {
        eprintln!("{NO_REFUSALS}");
    }
}

/// Keeps the machine running if the user asked for it.
pub(crate) async fn stay_up(machine: &Machine, output: &Output) -> io::Result<()> {
    if output.keep {
        eprintln!("Serving until Ctrl-C, with the page at the URL above:");
        machine.curl_lines().iter().for_each(|line| eprintln!("  {line}"));
        tokio::signal::ctrl_c().await?;
    }
    Ok(())
}
