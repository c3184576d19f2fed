//! The program itself, with the real function.

use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn local(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_local")).args(arguments).current_dir(folder.path()).output().unwrap()
}

fn report(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

#[test]
fn the_demonstration_indexes_every_good_event_once() {
    let folder = TempDir::new().unwrap();
    let output = local(&folder, &["demo", "--json", "--events", "200"]);
    let report = report(&output);
    assert!(output.status.success());
    let (first, second) = (&report["first"]["totals"], &report["second"]["totals"]);
    assert_eq!((&first["read"], &first["indexed"], &first["rejected"]), (&1204.into(), &1200.into(), &4.into()));
    assert_eq!((&second["indexed"], &second["duplicates"]), (&0.into(), &1200.into()));
    assert_eq!(report["first"]["dead_letters"].as_array().unwrap().len(), 4);
    assert!(report["search"]["hits"]["total"]["value"].as_u64().unwrap() > 0);
}

#[test]
fn files_of_one_s_own_are_carried_by_the_default_rules() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("logs of today")).unwrap();
    std::fs::write(folder.path().join("logs of today/a+b.json"), "{\"n\":1}\n{\"n\":2}\nno\n").unwrap();
    std::fs::write(folder.path().join("empty"), "").unwrap();
    let output = local(&folder, &["--json", "logs of today", "empty"]);
    let report = report(&output);
    assert!(output.status.success(), "dead letters are settled");
    assert_eq!(report["objects"][1]["key"], "logs of today/a+b.json");
    assert_eq!((&report["totals"]["indexed"], &report["totals"]["rejected"]), (&2.into(), &1.into()));
    let kept = std::path::PathBuf::from(report["dead_letter_folder"].as_str().unwrap());
    assert!(kept.exists(), "dead letters are kept");
    std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();
}

#[test]
fn what_no_dataset_wants_is_named_and_a_faulty_pipeline_too() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.json"), "{\"n\":1}\n").unwrap();
    let pipeline = "datasets:\n  - name: x\n    from: { bucket: logs, key: \"b/**\" }\n    index: logs\n";
    std::fs::write(folder.path().join("pipeline.yaml"), pipeline).unwrap();
    let output = local(&folder, &["--json", "--pipeline", "pipeline.yaml", "a.json"]);
    assert_eq!(report(&output)["not_read"][0], "a.json");
    std::fs::write(folder.path().join("pipeline.yaml"), pipeline.replace("index", "indx")).unwrap();
    let output = local(&folder, &["--pipeline", "pipeline.yaml", "a.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("indx"), "the fault is named");
}

#[test]
fn a_domain_that_nobody_serves_is_named_at_once() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.json"), "{\"n\":1}\n").unwrap();
    let output = local(&folder, &["--domain", "http://127.0.0.1:1", "a.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("http://127.0.0.1:1"));
}

#[test]
fn a_logstash_configuration_becomes_a_pipeline() {
    let folder = TempDir::new().unwrap();
    let conf =
        "input { s3 { bucket => logs } }\nfilter { json { } geoip { } }\noutput { opensearch { index => \"i\" } }";
    std::fs::write(folder.path().join("a.conf"), conf).unwrap();
    let output = local(&folder, &["import-logstash", "a.conf"]);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("from: { bucket: logs, key: \"**\" }"), "{stdout}{stderr}");
    assert!(stderr.contains("a.conf:2:19: no counterpart: filter `geoip`"), "{stderr}");
    let output = local(&folder, &["import-logstash", "a.conf", "--output", "pipeline.yaml"]);
    assert!(output.status.success() && output.stdout.is_empty());
    assert_eq!(std::fs::read_to_string(folder.path().join("pipeline.yaml")).unwrap(), stdout);
    std::fs::write(folder.path().join("a.conf"), "input {\n  s3 { bucket = x } }").unwrap();
    let output = local(&folder, &["import-logstash", "a.conf"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("a.conf:2:15: `=>`"));
}

#[test]
fn a_deployment_without_an_environment_gets_every_fault_with_its_fix() {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(arguments).current_dir(folder.path()).env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
        command.output().unwrap()
    };
    let output = run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = report(&output);
    let faults: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().filter(|finding| finding["level"] == "fault").collect();
    assert_eq!(report["faults"], faults.len());
    for (fault, found) in faults.iter().zip(["MILLRACE_DEAD_LETTERS", "MILLRACE_DOMAIN_ENDPOINT", "pipeline.yaml"]) {
        assert!(fault["found"].as_str().unwrap().contains(found) && fault["fix"].is_string(), "{fault}");
    }
    let output = run(&["setup"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("MILLRACE_DOMAIN_ENDPOINT: is missing"));
    let output = run(&["audit", "logs/in", "--receipts", "none"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("give s3://bucket/prefix"));
}
