//! What a deployment refuses of rules that are right by themselves: one place for the functions, the doctor and `local check`.
//!
//! In: rules, the files beside them, and where dead letters go. Out: faults, and the index templates where there are none of theirs.
//! Deliberately absent: what only the environment tells, such as a missing key for `hash` (`doctor`).

use std::path::Path;

use super::setup::template::{self, Template, TemplateOwner};
use delivery::{fed_back, settings::S3Prefix};
use pipeline::{outcome::Fault, rules::Datasets};

/// The index templates that `setup` makes, and every fault for which a function does not start or `setup` fails.
pub fn refusals(
    datasets: &Datasets,
    owner: &TemplateOwner,
    pipeline: &Path,
    dead_letters: Option<&S3Prefix>,
) -> (Vec<Template>, Vec<Fault>) {
    let (templates, mut faults) = match template::beside(datasets, owner, pipeline) {
        Ok(templates) => (templates, Vec::new()),
        Err(error) => (Vec::new(), error.faults),
    };
    faults.extend(dead_letters.and_then(|dead_letters| fed_back(datasets, dead_letters)));
    (templates, faults)
}

/// Where dead letters go in a deployment by template.yaml, whose bucket has a name by the stack's.
pub fn dead_letters_of_template() -> S3Prefix {
    S3Prefix { bucket: "millrace-deadletterbucket-1a2b3c4d5e6f".into(), prefix: "dead-letters".into() }
}
