//! The subcommands, one file each. Each returns whether all went well, which decides the exit code.

mod adopt;
mod audit;
mod carry;
mod check;
mod demo;
mod doctor;
mod import_logstash;
mod ingest;
mod replay;
mod setup;

use std::path::{Path, PathBuf};

pub(crate) use adopt::adopt;
pub(crate) use audit::audit;
pub(crate) use check::check;
pub(crate) use demo::demo;
pub(crate) use doctor::doctor;
pub(crate) use import_logstash::import_logstash;
pub(crate) use ingest::ingest;
pub(crate) use replay::replay;
pub(crate) use setup::setup;

/// The given rules, else the rules that the template deploys, else those of the working directory.
pub(crate) fn own_pipeline(given: Option<PathBuf>) -> PathBuf {
    let deployed = Path::new("infra/pipeline.yaml");
    let own = if deployed.is_file() { deployed } else { Path::new("pipeline.yaml") };
    given.unwrap_or_else(|| own.to_owned())
}

/// Removes the members that make a document a CloudWatch metric. They are useless here.
pub(crate) fn without_metric(done: &mut serde_json::Value) {
    for name in ["_aws", "level", "message", "function"] {
        if let Some(done) = done.as_object_mut() {
            done.remove(name);
        }
    }
}

pub(crate) fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
