//! `millrace test`: runs the tests in pipeline.yaml.

use std::{io, path::PathBuf};

use pipeline::rule_tests::{self, Tested};

use super::{check::faulty, print::plural, rules_file::own_pipeline};

/// Whether all tests pass.
pub(crate) fn test_rules(file: Option<PathBuf>, as_json: bool) -> io::Result<bool> {
    let pipeline = own_pipeline(file);
    let datasets = match rule_tests::load(&pipeline) {
        Ok(datasets) => datasets,
        Err(error) => return faulty(&pipeline, &error.faults, as_json),
    };
    let tested = rule_tests::run(&datasets);
    if as_json {
        println!("{}", serde_json::to_string_pretty(&tested)?);
    } else {
        print!("{}", text(&tested));
    }
    Ok(tested.failures.is_empty())
}

/// What differs, and how many tests passed or failed.
fn text(tested: &Tested) -> String {
    let failures = tested.failures.iter().fold(String::new(), |text, failure| text + &failure.to_string() + "\n\n");
    let all = plural(tested.tests, "test");
    let summary = match (tested.tests, tested.failures.len()) {
        (0, _) => "no tests: docs/PIPELINE.md says how `tests` of a dataset are written".to_owned(),
        (_, 0) => format!("{all} passed"),
        (_, failed) => format!("{failed} of {all} failed"),
    };
    format!("{failures}{summary}\n")
}

#[cfg(test)]
mod tests {
    use pipeline::rule_tests::{Difference, Failure};

    use super::*;

    #[test]
    fn each_difference_is_a_line_and_the_last_line_sums_up() {
        let difference = |field: &str, expected: &str, actual: &str| Difference {
            field: field.into(),
            expected: expected.into(),
            actual: actual.into(),
        };
        let failure = Failure {
            place: "pipeline.yaml:9:9".into(),
            dataset: "app".into(),
            differences: vec![difference("document.os", "\"iOS\"", "nothing"), difference("index", "a", "b")],
        };
        let failed = Tested { tests: 3, failures: vec![failure] };
        assert_eq!(
            text(&failed),
            "pipeline.yaml:9:9: a test of `app` fails\n  document.os: expected \"iOS\", actual nothing\n  index: expected a, \
             actual b\n\n1 of 3 tests failed\n"
        );
        assert_eq!(text(&Tested { tests: 1, failures: Vec::new() }), "1 test passed\n");
        assert!(text(&Tested::default()).starts_with("no tests"));
    }
}
