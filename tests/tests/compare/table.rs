//! The table of a run, in the format of docs/PERFORMANCE.md.

use std::process::Command;

use super::{
    input::Input,
    limit::{Limit, Steps},
    program::{Program, Run},
    sink::Sink,
};

const MIB: f64 = 1024.0 * 1024.0;

/// A program, and the figures of its rounds.
pub(crate) struct Row {
    pub(crate) program: Program,
    cpu_seconds: f64,
    start_up: f64,
    events: f64,
    peak: u64,
    bytes: f64,
    requests: f64,
}

impl Row {
    pub(crate) fn new(program: Program) -> Self {
        Self {
            program,
            cpu_seconds: f64::INFINITY,
            start_up: f64::INFINITY,
            events: 0.0,
            peak: 0,
            bytes: 0.0,
            requests: 0.0,
        }
    }

    /// Keeps the smallest CPU time and the largest memory.
    pub(crate) fn add(&mut self, run: &Run) {
        self.cpu_seconds = self.cpu_seconds.min(run.cpu_seconds);
        self.start_up = self.start_up.min(run.cpu_seconds_to_start);
        self.peak = self.peak.max(run.peak_memory_bytes);
        (self.events, self.bytes, self.requests) = (run.events, run.bytes_an_event, run.requests_a_million);
    }

    /// CPU seconds per million events, without the start.
    fn cpu(&self) -> f64 {
        (self.cpu_seconds - self.start_up) * 1e6 / self.events
    }
}

/// CPU seconds per million events of a program.
pub(crate) fn cpu_of(rows: &[Row], program: Program) -> f64 {
    rows.iter().find(|row| row.program == program).map_or(f64::NAN, Row::cpu)
}

pub(crate) fn print(rows: &[Row], limit: &Limit, sink: &Sink, input: &Input, rounds: u32) {
    let count = input.all.count;
    println!(
        "\n{count} events of {:.0} bytes in {} gzip objects, moto as S3, into {}; the minimum of {rounds} rounds\n{}\n",
        input.bytes as f64 / count as f64,
        input.all.objects.len(),
        sink.name,
        machine()
    );
    println!(
        "| | CPU-s per million events | of the limit | of Millrace | peak MiB | bytes per event on the wire | \
         requests per million events | CPU-s to start |\n|---|---|---|---|---|---|---|---|"
    );
    let steps = limit.steps();
    for (name, cpu, bytes) in [
        ("the limit: the libraries alone, without a network", steps.plain(), steps.bytes),
        (&format!("the limit, gzip by {}", steps.compressor), steps.gzip(), steps.bytes_gzip),
        ("the limit, gzip by zlib-rs", steps.gzip_by_zlib(), steps.bytes_gzip_by_zlib),
    ] {
        println!("| {name} | {cpu:.2} | 1 | | | {bytes:.0} | | |");
    }
    for row in rows {
        print_row(row, rows, steps, input);
    }
    println!("\n| step of the limit | CPU-s per million events |\n|---|---|");
    for (step, nanoseconds) in [
        ("inflate", steps.inflate),
        ("split, parse, check two fields, take the day", steps.parse),
        ("copy into the body", steps.body),
        ("SHA-256 of the plain body", steps.sha),
        (&format!("gzip of level 1 by {}", steps.compressor), steps.deflate),
        ("gzip of level 1 by zlib-rs", steps.deflate_by_zlib),
        ("SHA-256 of the compressed body", steps.sha_of_gzip),
        ("for comparison: split and parse alone", limit.parser),
    ] {
        println!("| {step} | {:.2} |", nanoseconds / 1e3);
    }
}

fn print_row(row: &Row, rows: &[Row], steps: &Steps, input: &Input) {
    let (program, count) = (row.program, row.program.part(input).count);
    let gzip = program.gzip();
    let ours = cpu_of(rows, Program::Millrace { gzip });
    let limit = if gzip { steps.gzip() } else { steps.plain() };
    let fewer = if count == input.all.count { String::new() } else { format!(" ({count} events)") };
    println!(
        "| {}{fewer} | {:.2} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} | {:.2} |",
        program.name(),
        row.cpu(),
        row.cpu() / limit,
        row.cpu() / ours,
        row.peak as f64 / MIB,
        row.bytes,
        row.requests,
        row.start_up
    );
}

/// The processor, the compiler and the day.
fn machine() -> String {
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("an unknown processor");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().expect("it is installed");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let model = model.trim_start_matches(['\t', ' ', ':']);
    format!("{model}, {cores} cores, {}, {}", said("rustc", "--version"), said("date", "+%F"))
}
