//! `millrace PATH…`: the user's files, as objects or as records of a stream.

use std::{
    io,
    path::Path,
    time::{Duration, Instant},
};

use millrace::{
    binary,
    files::{self, File},
    machine::Alone,
    progress::Progress,
    report::transform::TransformReport,
    stream::{
        firehose::{self, Delivery},
        kafka::Topic,
        kinesis::Stream,
        mapping::{MappingOptions, Source},
        objects::Objects,
        put::put,
    },
};

use super::delivery::{
    BUCKET, deliver_objects, deliver_records, open_page, start, state_limits, stay_up, temporary_folder, written,
};
use crate::arguments::{Records, Run, Service};

/// Records of a batch. More than Lambda's default of 100, so that there are fewer invocations.
const DEFAULT_BATCH: u16 = 500;
/// The timeout of an invocation with records of a stream.
const TIMEOUT: Duration = Duration::from_mins(1);
/// The default number of partitions of a topic.
const DEFAULT_PARTITIONS: u32 = 2;
/// The default rules.
const DEFAULT_PIPELINE: &str = include_str!("../../pipeline.yaml");

/// Whether everything was delivered.
pub(crate) async fn ingest(run: &Run) -> io::Result<bool> {
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
    let mut machine = start(run.service, folder.path(), pipeline.clone(), run.domain.clone()).await?;
    let page = open_page(&machine, &run.output, &pipeline, folder.path()).await?;
    let report = if let Some(source) = run.source() {
        deliver_records(&mut machine, &source, run.records.options(), &files, folder.path(), page.as_ref()).await?
    } else {
        for file in &files {
            machine.s3.add_object(BUCKET, &file.key, &file.path);
        }
        deliver_objects(&mut machine, &files, folder.path(), page.as_ref()).await?
    };
    let delivered = !report.undelivered() && report.balances;
    if run.output.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", report.text());
    }
    state_limits(&machine);
    stay_up(&machine, &run.output).await?;
    if !report.dead_letters.is_empty() {
        eprintln!("The dead letters stay in {}", folder.keep().join("dead-letters").display());
    }
    Ok(delivered)
}

/// Whether all records passed the transform.
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

impl Run {
    /// Rejects options that do not go together.
    fn check(&self) -> io::Result<()> {
        if self.paths.is_empty() {
            return Err(io::Error::other(
                "no PATH is given: name files or folders, as in `millrace --as kinesis ~/logs`",
            ));
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

    /// The stream or topic, if the function is invoked with records of one.
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
