//! Dollars per terabyte, computed from the CPU time of this run. Every assumption is printed.
//!
//! The prices are those of us-east-1 on 2026-11-30, from the price pages of the services. Not in it: the domain, storage, and traffic
//! between networks, which cost the same with every program.

/// What is assumed about the events and the function.
const EVENTS_AN_OBJECT: f64 = 50_000.0;
const MEMORY_MB: f64 = 1769.0;
/// The part of the function's duration in which it computes. Otherwise it waits for S3 and the domain.
const BUSY: f64 = 0.5;
/// For each object: S3 sends a message, Lambda receives and deletes it.
const SQS_REQUESTS_AN_OBJECT: f64 = 3.0;

const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
const LAMBDA_REQUEST: f64 = 0.20e-6;
const SQS_REQUEST: f64 = 0.40e-6;
const S3_GET: f64 = 0.000_4e-3;
const OCU_HOUR: f64 = 0.24;
const OCU_BYTES_A_SECOND: f64 = 2.0 * 1024.0 * 1024.0;
const FIREHOSE_GB: f64 = 0.029;
const FIREHOSE_ROUNDS_TO: f64 = 5.0 * 1024.0;

const TERABYTE: f64 = 1e12;

/// Prints the table. `cpu` is CPU seconds per million events, `event` the bytes of an event.
pub(crate) fn print(cpu: f64, event: f64) {
    let events = TERABYTE / event;
    let objects = events / EVENTS_AN_OBJECT;
    let compute = events / 1e6 * cpu / BUSY * (MEMORY_MB / 1024.0) * LAMBDA_GB_SECOND;
    let requests = objects * (LAMBDA_REQUEST + SQS_REQUESTS_AN_OBJECT * SQS_REQUEST + S3_GET);
    let ingestion = TERABYTE / OCU_BYTES_A_SECOND / 3600.0 * OCU_HOUR;
    let firehose = |bytes: f64| bytes / 1e9 * FIREHOSE_GB;
    println!(
        "\nDollars per terabyte of JSON before compression: events of {event:.0} bytes in gzip objects of {EVENTS_AN_OBJECT} events, \
         one object in an invocation, `MILLRACE_COMPRESSION=gzip`, {MEMORY_MB} MB (one vCPU) of arm64, {:.0} % of the duration \
         computing, at the CPU time of this machine\n",
        BUSY * 100.0
    );
    println!("| | dollars per TB | |\n|---|---|---|");
    println!("| Millrace: Lambda's duration | {compute:.2} | ${LAMBDA_GB_SECOND} a GB-second |");
    println!(
        "| Millrace: requests | {requests:.2} | Lambda ${:.2}, SQS ${:.2} and S3 GET ${:.2} a million; {SQS_REQUESTS_AN_OBJECT} of SQS an object |",
        LAMBDA_REQUEST * 1e6,
        SQS_REQUEST * 1e6,
        S3_GET * 1e6
    );
    println!("| OpenSearch Ingestion, fully used | {ingestion:.2} | ${OCU_HOUR} an OCU-hour, 2 MiB/s an OCU |");
    println!(
        "| Firehose, a record for each event | {:.2} | ${FIREHOSE_GB} a GB, each record rounded up to 5 KB |",
        firehose(events * FIREHOSE_ROUNDS_TO)
    );
    println!("| Firehose, records of exactly 5 KB | {:.2} | |", firehose(TERABYTE));
}
