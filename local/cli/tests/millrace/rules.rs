//! Tests in pipeline.yaml, and the commands that run them.

use std::{
    net::TcpListener,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

const MAIN: &str = "include: [team.yaml]\n";
const TEAM: &str = "datasets:
  - name: team
    from: { key: \"team/**\" }
    fields: { hash: [user] }
    index: team
    tests:
      - { event: { user: u }, document: { user: 953b728911bd071950e2903865e2656bc1484f4123fa93417cac52364c11f64a } }
      - { line: 'no', rejected: invalid_json }
";

fn folder(team: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("pipeline.yaml"), MAIN).unwrap();
    std::fs::write(folder.path().join("team.yaml"), team).unwrap();
    folder
}

fn millrace(folder: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
    command.args(arguments).current_dir(folder.path()).envs(environment.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_exit_code_is_0_if_all_tests_pass_and_1_if_not() {
    let failing = TEAM.replace("invalid_json", "dropped");
    let fails =
        "team.yaml:8:9: a test of `team` fails\n  result: expected rejected: dropped, actual rejected: invalid_json (";
    for (team, code, expected) in [
        (TEAM, 0, "2 tests passed\n"),
        (failing.as_str(), 1, "1 of 2 tests failed\n"),
        (failing.as_str(), 1, fails),
        (TEAM.split("    tests:").next().unwrap(), 0, "no tests: "),
    ] {
        let folder = folder(team);
        for arguments in [&["test"][..], &["test", "pipeline.yaml"]] {
            let output = millrace(&folder, arguments, &[]);
            assert_eq!(output.status.code(), Some(code), "{team}");
            assert!(text(&output.stdout).contains(expected), "{team}: {}", text(&output.stdout));
        }
    }
    let output = millrace(&folder(&failing), &["test", "--json"], &[]);
    let tested: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(tested["tests"], 2);
    assert_eq!(tested["failures"][0]["differences"][0]["expected"], "rejected: dropped");
    for (team, fault) in [
        ("datasets: [{}]", "team.yaml:1:12: "),
        (&TEAM.replace("line", "lines"), "team.yaml:8:11: unknown key `lines`"),
    ] {
        let output = millrace(&folder(team), &["test"], &[]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(fault), "{}", text(&output.stderr));
    }
    let folder = folder(TEAM);
    std::fs::remove_file(folder.path().join("team.yaml")).unwrap();
    let output = millrace(&folder, &["test"], &[]);
    assert!(
        text(&output.stderr).contains("pipeline.yaml:1:11: `include: team.yaml` cannot be read"),
        "{}",
        text(&output.stderr)
    );
    std::fs::write(folder.path().join("team.yaml"), b"datasets: \xff").unwrap();
    let output = millrace(&folder, &["test"], &[]);
    assert!(text(&output.stderr).contains("is not UTF-8 from byte 10 on"), "{}", text(&output.stderr));
}

#[test]
fn check_runs_the_tests_too() {
    let output = millrace(&folder(TEAM), &["check"], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("pipeline.yaml: 1 dataset, no faults, 2 tests passed\n"));
    let output = millrace(&folder(&TEAM.replace("953b", "953c")), &["check"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("team.yaml:7:9: a test of `team` fails: document.user: expected \"953c"));
}

#[test]
fn setup_sends_no_request_for_a_file_whose_tests_fail() {
    let domain = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", domain.local_addr().unwrap());
    domain.set_nonblocking(true).unwrap();
    let environment = [
        ("MILLRACE_DOMAIN_ENDPOINT", endpoint.as_str()),
        ("MILLRACE_DOMAIN_AUTH", "none"),
        ("MILLRACE_STACK", "team"),
        ("MILLRACE_PIPELINE", "pipeline.yaml"),
        ("AWS_REGION", "eu-west-1"),
    ];
    let team = TEAM.replace("    fields: { hash: [user] }\n", "");
    let output = millrace(&folder(&team), &["setup"], &environment);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(
        error.contains("1 fault in the configuration\n  team.yaml:6:9: a test of `team` fails: document.user: "),
        "{error}"
    );
    assert!(domain.accept().is_err(), "a request was sent");
}
