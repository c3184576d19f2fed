//! `millrace check`: tries the rules on files.

use std::{
    io,
    path::{Path, PathBuf},
};

use millrace::{check, files};
use pipeline::outcome::Fault;
use serde_json::json;

use super::{print::plural, rules_file::own_pipeline};

/// Whether the rules are valid, their tests pass, and every sample was read.
pub(crate) fn check(
    samples: &[PathBuf],
    pipeline: Option<&Path>,
    bucket: Option<&str>,
    as_json: bool,
) -> io::Result<bool> {
    let pipeline = own_pipeline(pipeline.map(Path::to_owned));
    let datasets = match check::datasets(&pipeline) {
        Ok(datasets) => datasets,
        Err(error) => return faulty(&pipeline, &error.faults, as_json),
    };
    let deployed = check::deployed(&datasets, &pipeline);
    if !deployed.faults.is_empty() {
        return faulty(&pipeline, &deployed.faults, as_json);
    }
    let mut report = check::check(&datasets, &files::collect(samples, &std::env::current_dir()?)?, bucket);
    report.warnings.extend(deployed.warnings);
    report.notes = deployed.notes;
    if as_json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        let tests = if report.tests > 0 { format!(", {} passed", plural(report.tests, "test")) } else { String::new() };
        println!("{}: {}, no faults{tests}\n", pipeline.display(), plural(report.datasets.len(), "dataset"));
        if !samples.is_empty() {
            print!("{}", report.text());
        }
        print!("{}", report.warnings_text());
    }
    Ok(report.is_whole())
}

/// Prints the faults.
pub(super) fn faulty(pipeline: &Path, faults: &[Fault], as_json: bool) -> io::Result<bool> {
    if as_json {
        let faults: Vec<_> =
            faults.iter().map(|fault| json!({"place": fault.place, "message": fault.message})).collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "faults": faults }))?);
    } else {
        for fault in faults {
            eprintln!("{}: {}", fault.place, fault.message);
        }
        eprintln!("\n{}: {} to put right", pipeline.display(), plural(faults.len(), "fault"));
    }
    Ok(false)
}
