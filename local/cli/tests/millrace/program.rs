//! Tests of the program itself, with the real function.

use std::{
    io::{Read, Write},
    net::TcpListener,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

fn millrace(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millrace")).args(arguments).current_dir(folder.path()).output().unwrap()
}

fn report(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

#[test]
fn the_demonstration_indexes_every_good_event_once() {
    let folder = TempDir::new().unwrap();
    let output = millrace(&folder, &["demo", "--json", "--events", "200"]);
    let report = report(&output);
    assert!(output.status.success());
    let (first, second) = (&report["first"]["totals"], &report["second"]["totals"]);
    assert_eq!((&first["read"], &first["indexed"], &first["rejected"]), (&1204.into(), &1200.into(), &4.into()));
    assert_eq!((&second["indexed"], &second["duplicates"]), (&0.into(), &1200.into()));
    assert_eq!(report["first"]["dead_letters"].as_array().unwrap().len(), 4);
    assert!(report["search"]["hits"]["total"]["value"].as_u64().unwrap() > 0);
}

#[test]
fn files_of_the_user_are_delivered_by_the_default_rules() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("logs of today")).unwrap();
    std::fs::write(folder.path().join("logs of today/a+b.json"), "{\"n\":1}\n{\"n\":2}\nno\n").unwrap();
    std::fs::write(folder.path().join("empty"), "").unwrap();
    let output = millrace(&folder, &["--json", "logs of today", "empty"]);
    let report = report(&output);
    assert!(output.status.success(), "dead letters are settled");
    assert_eq!(report["objects"][1]["key"], "logs of today/a+b.json");
    assert_eq!((&report["totals"]["indexed"], &report["totals"]["rejected"]), (&2.into(), &1.into()));
    let kept = std::path::PathBuf::from(report["dead_letter_folder"].as_str().unwrap());
    assert!(kept.exists(), "dead letters are kept");
    std::fs::remove_dir_all(kept.parent().unwrap()).unwrap();
}

#[test]
fn files_without_a_dataset_and_a_faulty_pipeline_are_named() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.json"), "{\"n\":1}\n").unwrap();
    let pipeline = "datasets:\n  - name: x\n    from: { bucket: logs, key: \"b/**\" }\n    index: logs\n";
    std::fs::write(folder.path().join("pipeline.yaml"), pipeline).unwrap();
    let output = millrace(&folder, &["--json", "--pipeline", "pipeline.yaml", "a.json"]);
    assert_eq!(report(&output)["not_read"][0], "a.json");
    std::fs::write(folder.path().join("pipeline.yaml"), pipeline.replace("index", "indx")).unwrap();
    let output = millrace(&folder, &["--pipeline", "pipeline.yaml", "a.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("indx"), "the fault is named");
}

#[test]
fn a_domain_without_a_server_is_reported_at_once() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.json"), "{\"n\":1}\n").unwrap();
    let output = millrace(&folder, &["--domain", "http://127.0.0.1:1", "a.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("http://127.0.0.1:1"));
}

/// Starts a server and returns its port. Requests that begin with `refused` get `answer`, all others a 200.
fn server(refused: &'static str, answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 16 << 10];
            let read = stream.read(&mut head).unwrap_or_default();
            let answer = if head[..read].starts_with(refused.as_bytes()) { answer } else { "HTTP/1.1 200 OK\r\n" };
            let _ = stream.write_all(
                format!("{answer}connection: close\r\ncontent-length: 18\r\n\r\n{{\"error\":\"because\"}}").as_bytes(),
            );
        }
    });
    port
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_reason_of_a_refusing_domain_is_the_functions_own() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.json"), "{\"n\":1}\n").unwrap();
    let port = server("POST", "HTTP/1.1 403 Forbidden\r\n");
    for service in ["s3", "kinesis", "kafka"] {
        let domain = format!("http://127.0.0.1:{port}");
        let output = millrace(&folder, &["--json", "--as", service, "--domain", &domain, "a.json"]);
        let (errors, given_up) = (errors(&output), report(&output)["given_up"].to_string());
        assert_eq!(output.status.code(), Some(1));
        assert!(errors.contains("_bulk: 403") && errors.contains("because"), "{service}: {errors}");
        assert!(given_up.contains("_bulk: 403") && !errors.contains("reported as failed"), "{service}: {given_up}");
        assert!(!errors.contains("takes every document"), "another domain does not: {errors}");
    }
}

#[test]
fn a_server_that_does_not_speak_tls_is_reported_at_once() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.json"), "{\"n\":1}\n").unwrap();
    let port = server("", "HTTP/1.1 400 Bad Request\r\n");
    let output = millrace(&folder, &["--domain", &format!("https://127.0.0.1:{port}"), "a.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("corrupt message"), "{}", errors(&output));
}

#[test]
fn the_limits_of_the_embedded_domain_are_printed_once() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("a.json"), "{\"n\":1}\n").unwrap();
    for arguments in [&["a.json"][..], &["--as", "kafka", "--json", "a.json"], &["demo", "--events", "20"]] {
        let output = millrace(&folder, arguments);
        assert!(output.status.success(), "{}", errors(&output));
        assert_eq!(errors(&output).matches("takes every document").count(), 1, "{arguments:?}: {}", errors(&output));
    }
}

#[test]
fn check_finds_what_a_deployment_would_refuse() {
    let folder = TempDir::new().unwrap();
    let write = |more: &str| {
        let yaml = format!("datasets:\n  - name: a\n    index: a\n{more}");
        std::fs::write(folder.path().join("pipeline.yaml"), yaml).unwrap();
    };
    for (rules, fault) in [
        ("    from: { key: \"**\" }\n", "MILLRACE_DEAD_LETTERS"),
        ("    from: { bucket: \"*\", key: \"dead-letters/**\" }\n", "fed"),
        ("    from: { key: \"a/**\" }\n    mapping: mappings/none.json\n", "mappings/none.json"),
        (
            "    from: { key: \"a/**\" }\n    shards: 1\n  - { name: b, index: a, shards: 2, from: { stream: b } }\n",
            "shards",
        ),
    ] {
        write(rules);
        let output = millrace(&folder, &["check"]);
        let fault = if fault == "fed" { "dead letters would be ingested again" } else { fault };
        assert_eq!(output.status.code(), Some(1), "{rules}");
        assert!(errors(&output).contains(fault) && errors(&output).contains("1 fault"), "{rules}: {}", errors(&output));
        let output = millrace(&folder, &["check", "--json"]);
        assert!(report(&output)["faults"][0]["message"].is_string());
    }
    for rules in [
        "    from: { key: \"**/*.json.gz\" }\n",
        "    from: { key: \"**\", exclude: [\"dead-letters/**\"] }\n",
        "    from: { bucket: logs, key: \"**\" }\n",
        "    from: { key: \"*\" }\n",
    ] {
        write(rules);
        let output = millrace(&folder, &["check"]);
        assert!(output.status.success(), "{rules}: {}", errors(&output));
    }
}

#[test]
fn check_says_how_queries_compare_and_where_the_domain_does_not() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("mappings")).unwrap();
    std::fs::write(folder.path().join("mappings/a.json"), r#"{"properties":{"title":{"type":"text"}}}"#).unwrap();
    let rules = "datasets:\n  - name: a\n    from: { stream: a }\n    index: a-%{+YYYY}\n    mapping: mappings/a.json\n    select: title:x AND os:y\n";
    std::fs::write(folder.path().join("pipeline.yaml"), rules).unwrap();
    let output = millrace(&folder, &["check"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", errors(&output));
    assert!(
        text.contains("warning  text: the dataset `a` selects by `title`, and its mapping makes `title` `text`"),
        "{text}"
    );
    assert!(text.contains("note  a query in `select` compares as on fields of the types keyword"), "{text}");
    assert!(!text.contains("`os`"), "{text}");
}

#[test]
fn a_logstash_configuration_becomes_a_pipeline() {
    let folder = TempDir::new().unwrap();
    let conf =
        "input { s3 { bucket => logs } }\nfilter { json { } geoip { } }\noutput { opensearch { index => \"i\" } }";
    std::fs::write(folder.path().join("a.conf"), conf).unwrap();
    let output = millrace(&folder, &["import-logstash", "a.conf"]);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.contains("from: { bucket: logs, key: \"**\" }"), "{stdout}{stderr}");
    assert!(stderr.contains("a.conf:2:19: documents differ: filter `geoip`"), "{stderr}");
    let output = millrace(&folder, &["import-logstash", "a.conf", "--output", "pipeline.yaml"]);
    assert!(output.status.success() && output.stdout.is_empty());
    assert_eq!(std::fs::read_to_string(folder.path().join("pipeline.yaml")).unwrap(), stdout);
    std::fs::write(folder.path().join("a.conf"), "input {\n  s3 { bucket = x } }").unwrap();
    let output = millrace(&folder, &["import-logstash", "a.conf"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("a.conf:2:15: `=>`"));
}

#[test]
fn a_logstash_configuration_that_loses_events_says_so_first_and_ends_1() {
    let folder = TempDir::new().unwrap();
    let conf = folder.path().join("conf.d");
    std::fs::create_dir(&conf).unwrap();
    for (name, text) in [
        ("30-out.conf", "output { opensearch { index => \"i-%{app}\" } stdout { } }"),
        ("10-in.conf", "\u{feff}input { s3 { bucket => b codec => json } }\r\n"),
        ("20-filter.conf", "# only\nfilter { mutate { remove_field => [b] } }"),
        ("21-empty.conf", "\n"),
        ("20-filter.conf~", "no configuration"),
        (".hidden", "no configuration"),
    ] {
        std::fs::write(conf.join(name), text).unwrap();
    }
    let output = millrace(&folder, &["import-logstash", "conf.d"]);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stdout.contains("drop: [b]") && stdout.contains("index: i-%{app}"), "{stdout}");
    assert!(stderr.starts_with("events that Logstash keeps are dropped or rejected here, by 1 of its lines:\nconf.d/30-out.conf:1:23: rejects events: index"), "{stderr}");
    assert!(stdout.contains("#   30-out.conf:1:23: rejects events: index"), "{stdout}");
    let output = millrace(&folder, &["import-logstash", "conf.d", "--accept-losses"]);
    assert_eq!(output.status.code(), Some(0));
    std::fs::write(conf.join("21-empty.conf"), "filter {\n").unwrap();
    let output = millrace(&folder, &["import-logstash", "conf.d"]);
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("conf.d/21-empty.conf:2:1: "));
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert_eq!(millrace(&folder, &["import-logstash", "empty"]).status.code(), Some(1));
}

#[test]
fn a_deployment_without_an_environment_gets_every_fault_with_its_fix() {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_millrace"));
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
