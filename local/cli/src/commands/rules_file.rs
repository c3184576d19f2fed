//! The file with the rules, if none is given.

use std::path::{Path, PathBuf};

/// The given rules, else the rules that the template deploys, else those of the working directory.
pub(crate) fn own_pipeline(given: Option<PathBuf>) -> PathBuf {
    let deployed = Path::new("infra/pipeline.yaml");
    let own = if deployed.is_file() { deployed } else { Path::new("pipeline.yaml") };
    given.unwrap_or_else(|| own.to_owned())
}
