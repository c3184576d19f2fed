//! `millrace doctor`: the faults of a deployment, and their fixes.

use std::{io, path::PathBuf};

use delivery::settings::variable;
use operations::{
    deployment::Deployment,
    doctor::{self, Examination, Finding, Level},
};

use super::{print::plural, rules_file::own_pipeline};

/// Whether there is no fault.
pub(crate) async fn doctor(pipeline: Option<PathBuf>, as_json: bool) -> io::Result<bool> {
    let examination = doctor::examine(Deployment::read(variable, Some(own_pipeline(pipeline)))).await;
    let Examination { faults, warnings, findings } = &examination;
    if as_json {
        println!("{}", serde_json::to_string_pretty(&examination)?);
    } else {
        for finding in findings {
            println!("{}", line(finding));
        }
        println!("\n{}, {}", plural(*faults, "fault"), plural(*warnings, "warning"));
    }
    Ok(*faults == 0)
}

fn line(finding: &Finding) -> String {
    let Finding { check, level, found, fix } = finding;
    let level = match level {
        Level::Ok => "ok",
        Level::Skipped => "skipped",
        Level::Warning => "warning",
        Level::Fault => "fault",
    };
    // A text from another service may contain any white space.
    let found = found.split_whitespace().collect::<Vec<_>>().join(" ");
    let fix = fix.as_ref().map(|fix| format!(" -> {fix}")).unwrap_or_default();
    format!("{level:<7}  {check:<14}  {found}{fix}")
}
