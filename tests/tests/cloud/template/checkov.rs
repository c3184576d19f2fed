//! The templates, checked by checkov: each complaint is fixed, or explained next to its exception.

use super::{
    super::sam::{checkov, succeed},
    TEMPLATES,
};

#[test]
fn checkov_finds_nothing_that_is_not_explained() {
    let Some(mut checkov) = checkov() else { return };
    checkov.args(["--config-file", ".checkov.yaml"]);
    for template in TEMPLATES {
        checkov.args(["--file", template]);
    }
    let report = succeed(&mut checkov);
    // checkov also succeeds if it could not read one of the templates.
    assert!(report.contains("Failed checks: 0") && !report.contains("Parsing errors"), "{report}");
}

#[test]
fn every_exception_of_checkov_has_its_reason() {
    let root = tests::place::root();
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut exceptions = 0;
    let mut before = String::new();
    for line in read(".checkov.yaml").lines() {
        if line.trim_start().starts_with("- CKV") {
            assert!(before.trim_start().starts_with('#'), "{line}");
            exceptions += 1;
        }
        line.clone_into(&mut before);
    }
    for template in TEMPLATES {
        let text = read(template);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if line.trim_start().starts_with("- id: CKV") {
                assert!(
                    lines.next().is_some_and(|next| next.trim_start().starts_with("comment: ")),
                    "{template}: {line}"
                );
                exceptions += 1;
            }
        }
    }
    assert!(exceptions > 0);
}
