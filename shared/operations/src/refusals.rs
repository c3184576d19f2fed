//! Faults of valid rules in the context of a deployment. The functions, the doctor and `millrace check` share this code.
//!
//! In: rules, the files next to them, and the location of the dead letters. Out: faults, among them the tests of the rules
//! that fail; and the index templates, if those have no fault. Deliberately absent: faults of the environment, such as a missing key for `hash` (`doctor`).

use std::path::Path;

use super::setup::template::{self, Template, TemplateOwner};
use delivery::{fed_back, settings::S3Prefix};
use pipeline::{outcome::Fault, rule_tests, rules::Datasets};

/// The index templates that `setup` makes, and all faults that keep a function from starting or make `setup` fail. The
/// datasets have to be read with the key of tests ([`rule_tests::load`]).
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
    faults.extend(rule_tests::run(datasets).faults());
    (templates, faults)
}

/// A typical location of dead letters in a deployment from template.yaml, which names the bucket after the stack.
pub fn dead_letters_of_template() -> S3Prefix {
    S3Prefix { bucket: "millrace-deadletterbucket-1a2b3c4d5e6f".into(), prefix: "dead-letters".into() }
}
