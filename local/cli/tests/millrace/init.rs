//! `millrace init` in a terminal, and by options.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use super::terminal::converse;

const SAMPLE: &str =
    "{\"base_dt\":\"2026-11-22T10:00:00Z\",\"os\":\"iOS\"}\n{\"base_dt\":\"2026-11-22T11:00:00Z\",\"os\":\"x\"}\n";
const OPTIONS: [&str; 4] = ["init", "--bucket=my-logs", "--create-domain", "sample.json"];

fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("sample.json"), SAMPLE).unwrap();
    folder
}

fn millrace(folder: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    command.args(arguments).current_dir(folder.path()).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_conversation_in_a_terminal_ends_with_files_that_pass_their_tests() {
    let folder = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    command.args(["init", "sample.json"]).current_dir(folder.path());
    let arn = "arn:aws:es:eu-west-1:111122223333:domain/logs";
    let (is_done, shown) = converse(
        command,
        &[
            ("The bucket with the objects: ", "My Logs\n"),
            ("a bucket has 3 to 63", ""),
            ("The bucket with the objects: ", "my-logs\n"),
            ("exist already, y or n [n]: ", "y\n"),
            ("The prefix of the keys", "app/\n"),
            ("The URL of the domain", "https://search-logs-abc.eu-west-1.es.amazonaws.com\n"),
            ("apikey or none [sigv4:es]: ", "\n"),
            ("The ARN of the domain", &format!("{arn}\n")),
            ("The e-mail address for alarms", "\n"),
            ("The name of the dataset [app]: ", "\n"),
            ("The index [app-%{+YYYY.MM.dd}]: ", "shop-%{+YYYY.MM}\n"),
            ("make build && sam deploy", ""),
        ],
    );
    assert!(is_done, "{shown}");
    assert_eq!(names(folder.path()), ["mappings", "pipeline.yaml", "samconfig.toml", "sample.json"]);
    let config = fs::read_to_string(folder.path().join("samconfig.toml")).unwrap();
    let overrides = format!(
        "parameter_overrides = \"BucketName=\\\"my-logs\\\" CreateBucket=\\\"false\\\" KeyPrefix=\\\"app/\\\" \
         DomainEndpoint=\\\"https://search-logs-abc.eu-west-1.es.amazonaws.com\\\" DomainArn=\\\"{arn}\\\"\"\n"
    );
    assert!(config.ends_with(&overrides), "{config}");
    for (arguments, expected) in
        [(&["test"][..], "3 tests passed"), (&["check", "sample.json"], "1 dataset, no faults, 3 tests passed")]
    {
        let output = millrace(&folder, arguments);
        assert!(output.status.success() && text(&output.stdout).contains(expected), "{output:?}");
    }
}

#[test]
fn a_conversation_that_ends_early_writes_nothing() {
    let folder = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    command.args(["init", "sample.json"]).current_dir(folder.path());
    // Control-D.
    let (is_done, shown) = converse(command, &[("The bucket with", "my-logs\n"), ("exist already", "\u{4}")]);
    assert!(!is_done && shown.contains("nothing was written"), "{shown}");
    assert_eq!(names(folder.path()), ["sample.json"]);
}

#[test]
fn without_a_terminal_a_missing_or_wrong_answer_is_an_error_that_names_its_option() {
    let (https, long_stack) = ("--endpoint=https://x.example", format!("--stack={}", "a".repeat(58)));
    for (arguments, expected) in [
        (&["sample.json"][..], "Give --bucket NAME"),
        (&["--bucket=b"], "--bucket b: a bucket has 3 to 63"),
        (&["--bucket=my-logs"], "Give --endpoint URL or --create-domain"),
        (&["--bucket=my-logs", "--prefix=/a"], "--prefix /a: keys begin neither"),
        (&["--bucket=my-logs", "--prefix=a\"b"], "only ASCII without spaces, quotes"),
        (&["--bucket=my-logs", "--endpoint=http://x.example"], "plain http: give an https URL, or --insecure"),
        (&["--bucket=my-logs", "--endpoint=x.example"], "write a URL such as"),
        (&["--bucket=my-logs", "--endpoint=https://user:word@x.example"], "write a URL such as"),
        (&["--bucket=my-logs", https], "Give --secret-arn ARN"),
        (&["--bucket=my-logs", https, "--auth=sigv4:es"], "Give --domain-arn ARN"),
        (&["--bucket=my-logs", https, "--auth=token"], "--auth token: write sigv4:es"),
        (&["--bucket=my-logs", https, "--secret-arn=arn:aws:es:::x"], "write an ARN such as arn:aws:secretsmanager"),
        (
            &["--bucket=my-logs", https, "--auth=sigv4:es", "--domain-arn=arn:aws:es::1:domain/x"],
            "write an ARN such as",
        ),
        (
            &["--bucket=my-logs", https, "--auth=sigv4:aoss", "--domain-arn=arn:aws:es:a:1:domain/x"],
            "such as arn:aws:aoss",
        ),
        (
            &["--bucket=my-logs", https, "--auth=basic", "--domain-arn=arn:aws:es:a:1:domain/x"],
            "--domain-arn has no effect",
        ),
        (&["--bucket=my-logs", "--create-domain", "--alarm-email=@"], "--alarm-email @: not an e-mail address"),
        (&["--bucket=my-logs", "--create-domain", "--region=eu-west-1", "--for=cdk"], "only with --for sam"),
        (&["--bucket=my-logs", "--create-domain", &long_stack], "at most 57 letters"),
        (&["--bucket=my-logs", "--create-domain", "--alarm-email=x"], "--alarm-email x: not an e-mail address"),
        (&["--bucket=my-logs", "--create-domain", "--stack=a b"], "--stack a b: "),
        (&["--bucket=my-logs", "--create-domain", "missing.json"], "missing.json: "),
        (&["--bucket=my-logs", "--create-domain", "--output=missing"], "missing: "),
    ] {
        let folder = folder();
        let output = millrace(&folder, &[&["init"], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stderr).contains(expected), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(names(folder.path()), ["sample.json"], "{arguments:?}");
    }
}

#[test]
fn files_are_written_for_each_tool_and_replaced_by_force_only() {
    for (tool, name, part) in [
        ("sam", "samconfig.toml", "parameter_overrides = \"BucketName=\\\"my-logs\\\" CreateDomain=\\\"true\\\"\""),
        ("cdk", "millrace.ts", "  parameters: {\n    bucketName: \"my-logs\",\n    createDomain: true,\n  },\n});\n"),
        ("terraform", "millrace.tf", "  bucket_name   = \"my-logs\"\n  create_domain = true\n}\n"),
    ] {
        let folder = folder();
        let arguments = [&OPTIONS[..], &["--for", tool]].concat();
        assert!(millrace(&folder, &arguments).status.success());
        let written = fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(written.contains(part), "{written}");
        fs::write(folder.path().join("pipeline.yaml"), "mine").unwrap();
        let output = millrace(&folder, &arguments);
        assert!(!output.status.success() && text(&output.stderr).contains("--force replaces"), "{output:?}");
        assert_eq!(fs::read_to_string(folder.path().join("pipeline.yaml")).unwrap(), "mine");
        assert!(millrace(&folder, &[&arguments[..], &["--force"]].concat()).status.success());
        assert!(text(&millrace(&folder, &["test"]).stdout).contains("3 tests passed"));
        assert_eq!(names(folder.path()).len(), 4, "nothing else is left");
    }
}

#[test]
fn in_a_clone_the_rules_go_where_the_build_takes_them() {
    let folder = folder();
    fs::create_dir(folder.path().join("infra")).unwrap();
    for name in ["template.yaml", "infra/pipeline.schema.json", "infra/pipeline.yaml"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let output = millrace(&folder, &OPTIONS);
    assert!(text(&output.stderr).contains("infra/pipeline.yaml exists; nothing was written"), "{output:?}");
    assert_eq!(names(folder.path()), ["infra", "sample.json", "template.yaml"]);
    let output = millrace(&folder, &[&OPTIONS[..], &["--force"]].concat());
    assert!(text(&output.stdout).contains("\n  make build && sam deploy\n"), "{output:?}");
    assert_eq!(names(folder.path()), ["infra", "samconfig.toml", "sample.json", "template.yaml"]);
    assert_eq!(names(&folder.path().join("infra/mappings")), ["events.json"]);
    assert!(text(&millrace(&folder, &["test"]).stdout).contains("3 tests passed"));
}
