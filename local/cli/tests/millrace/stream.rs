//! Tests of streams: the program with the real functions, and the mapping with a domain that fails.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, SystemTime},
};

use emulator::domain::{Domain, DomainFault, DomainOptions};
use millrace::{
    binary, files,
    machine::{Machine, MachineOptions},
    progress::Progress,
    report::Report,
    stream::{
        cut::RecordIs,
        kafka::Topic,
        kinesis::Stream,
        mapping::{self, MappingOptions, Source},
        put::{Put, put},
    },
};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

/// 2026-11-01T00:00:00Z
const FIRST_OF_NOVEMBER: u64 = 1_793_491_200;

fn millrace(folder: &TempDir, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millrace")).args(arguments).current_dir(folder.path()).output().unwrap()
}

fn report(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
}

fn lines(name: &str, count: u32) -> String {
    let lines: Vec<String> = (0..count).map(|n| format!("{{\"file\":\"{name}\",\"n\":{n}}}\n")).collect();
    lines.concat()
}

/// Two files of 1,200 events, one of them in two gzip members; a file with bad lines; an empty file.
fn samples() -> TempDir {
    let folder = TempDir::new().unwrap();
    let gzip = |text: &str| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    };
    fs::write(folder.path().join("a.json"), lines("a", 1200)).unwrap();
    fs::write(folder.path().join("b.json.gz"), [gzip(&lines("b", 700)), gzip(&lines("c", 500))].concat()).unwrap();
    fs::write(folder.path().join("poison.json"), "{\"n\":1}\n\nno json\n{\"n\":2}{\"n\":3}\n").unwrap();
    fs::write(folder.path().join("empty.json"), "").unwrap();
    for name in ["a.json", "b.json.gz", "poison.json"] {
        let file = File::options().append(true).open(folder.path().join(name)).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(FIRST_OF_NOVEMBER)).unwrap();
    }
    folder
}

#[test]
fn files_become_records_of_a_stream_or_a_topic_and_each_event_a_document() {
    let folder = samples();
    for service in ["kinesis", "kafka"] {
        let files = ["a.json", "b.json.gz", "poison.json", "empty.json"];
        let output = millrace(&folder, &[&["--as", service, "--json"][..], &files].concat());
        let report = report(&output);
        assert!(output.status.success(), "{report:#}");
        assert_eq!(report["balances"], true, "{report:#}");
        assert_eq!((&report["records"], &report["invocations"]), (&2403.into(), &7.into()), "{service}");
        let totals = &report["totals"];
        assert_eq!((&totals["read"], &totals["indexed"], &totals["rejected"]), (&2404.into(), &2403.into(), &1.into()));
        let row = |n: usize| {
            let row = &report["objects"][n];
            [&row["key"], &row["read"], &row["indexed"], &row["rejected"], &row["attempts"]].map(Value::clone)
        };
        assert_eq!(row(0), [json!("a.json"), json!(1200), json!(1200), json!(0), json!(3)]);
        assert_eq!(row(1), [json!("b.json.gz"), json!(1200), json!(1200), json!(0), json!(3)]);
        assert_eq!(row(2), [json!("empty.json"), json!(0), json!(0), json!(0), json!(0)]);
        assert_eq!(row(3), [json!("poison.json"), json!(4), json!(3), json!(1), json!(1)]);
        let letter = &report["dead_letters"][0];
        assert_eq!((&letter["key"], &letter["line"]), (&json!("poison.json"), &json!(3)), "{letter}");
        assert_eq!((&letter["offset"], &letter["stage"]), (&json!(0), &json!("decode")), "{letter}");
        assert_eq!(report["indices"], json!([["local-2026.11.01", 2403]]), "by the time of the files");
        let kept = PathBuf::from(report["dead_letter_folder"].as_str().unwrap());
        fs::remove_dir_all(kept.parent().unwrap()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_files_are_duplicates_when_sent_again_whatever_comes_with_them() {
    let domain = Domain::start(DomainOptions { credentials: None, keep_sources: true }).await.unwrap();
    let url = domain.url();
    tokio::task::spawn_blocking(move || {
        let folder = samples();
        let totals = |service: &str, files: &[&str]| {
            let output = millrace(&folder, &[&["--as", service, "--json", "--domain", &url][..], files].concat());
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let totals = report(&output)["totals"].clone();
            (totals["indexed"].as_u64().unwrap(), totals["duplicates"].as_u64().unwrap())
        };
        for service in ["kinesis", "kafka"] {
            assert_eq!(totals(service, &["a.json"]), (1200, 0), "{service}");
            assert_eq!(totals(service, &["a.json", "b.json.gz"]), (1200, 1200), "{service}");
            assert_eq!(totals(service, &["b.json.gz", "a.json"]), (0, 2400), "{service}");
        }
    })
    .await
    .unwrap();
    assert_eq!(domain.count("local-2026.11.01"), 4800);
}

#[test]
fn the_selected_events_of_a_transform_are_written_where_firehose_writes_them() {
    let folder = samples();
    let pipeline = "datasets:\n  - name: chosen\n    from: { delivery_stream: orders }\n    select: n:[0 TO 9]\n    \
        partition_keys: { file: file }\n";
    fs::write(folder.path().join("pipeline.yaml"), pipeline).unwrap();
    let arguments = ["--as", "firehose", "--stream", "orders", "--json", "--pipeline", "pipeline.yaml"];
    let files = ["--delivered", "out", "a.json", "b.json.gz", "poison.json"];
    for _ in 0..2 {
        let output = millrace(&folder, &[&arguments[..], &files].concat());
        let report = report(&output);
        assert!(output.status.success(), "{report:#}");
        assert_eq!(report["balances"], true, "{report:#}");
        let totals = &report["totals"];
        let records = ["records", "ok", "dropped_records", "failed_records"].map(|name| totals[name].as_u64().unwrap());
        assert_eq!(records, [2403, 30, 2370, 3], "{report:#}");
        let events = ["read", "passed", "dropped", "failed"].map(|name| totals[name].as_u64().unwrap());
        assert_eq!(report["failed"][1], "poison.json line 3: not JSON: expected ident at line 1 column 2");
        assert_eq!(events, [2404, 30, 2370, 4], "without the field of a key nothing is delivered: {report:#}");
    }
    let mut objects = BTreeMap::new();
    for entry in walk(&folder.path().join("out")) {
        let top = entry.strip_prefix(folder.path().join("out")).unwrap().iter().next().unwrap().to_owned();
        *objects.entry(top.into_string().unwrap()).or_insert_with(String::new) += &fs::read_to_string(entry).unwrap();
    }
    let ten = |name: &str| lines(name, 10);
    assert_eq!((&objects["file=a"], &objects["file=b"], &objects["file=c"]), (&ten("a"), &ten("b"), &ten("c")));
    let failed: Vec<Value> = objects["processing-failed"].lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((failed.len(), objects.len()), (3, 4));
    assert_eq!(failed[1]["rawData"], "bm8ganNvbg==", "{failed:#?}");
    assert_eq!(
        (&failed[1]["attemptsMade"], &failed[1]["errorCode"]),
        (&json!(1), &json!("Lambda.ProcessingFailedStatus"))
    );
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path) } else { vec![path] }
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_file_without_a_dataset_and_a_line_over_the_limit_of_a_record_are_reported_and_fail() {
    let folder = samples();
    let pipeline = "datasets:\n  - name: x\n    from: { stream: orders, topic: orders }\n    index: logs\n";
    for service in ["kinesis", "kafka"] {
        let kind = if service == "kinesis" { "topic: orders" } else { "stream: orders" };
        let pipeline = pipeline.replace(kind, "").replace(", }", " }").replace("{ , ", "{ ");
        fs::write(folder.path().join("pipeline.yaml"), pipeline).unwrap();
        let output =
            millrace(&folder, &["--as", service, "--json", "--pipeline", "pipeline.yaml", "a.json", "b.json.gz"]);
        let report = report(&output);
        assert_eq!(output.status.code(), Some(1));
        let given_up = report["given_up"][0].as_str().unwrap();
        assert!(given_up.contains("line 1 and everything after it") && given_up.contains("`logs`"), "{given_up}");
        assert_eq!((&report["invocations"], &report["totals"]["read"]), (&3.into(), &0.into()));
        assert_eq!(report["not_sent_count"], 1, "the other file: {report:#}");
    }
    let long = format!("{{\"n\":\"{}\"}}\n{{\"n\":2}}\n", "x".repeat(1 << 20));
    fs::write(folder.path().join("long.json"), long).unwrap();
    for service in ["kinesis", "kafka", "firehose"] {
        let output = millrace(&folder, &["--as", service, "--json", "long.json"]);
        let report = report(&output);
        assert_eq!(output.status.code(), Some(1), "a line that was not sent");
        assert_eq!((&report["records"], &report["totals"]["read"]), (&1.into(), &1.into()), "{service}");
        assert!(report["not_sent"][0].as_str().unwrap().starts_with("long.json, line 1: 1048585 bytes"), "{report:#}");
        if let Some(delivered) = report["delivered_folder"].as_str() {
            fs::remove_dir_all(delivered).unwrap();
        }
    }
}

#[test]
fn a_whole_file_can_be_a_record() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("array.json"), "[\n  {\"n\":1},\n  {\"n\":2}\n]\n").unwrap();
    fs::write(folder.path().join("pretty.json"), "{\n  \"n\": 3\n}\n").unwrap();
    let output = millrace(&folder, &["--as", "kinesis", "--record", "file", "--json", "array.json", "pretty.json"]);
    let report = report(&output);
    assert!(output.status.success(), "{report:#}");
    assert_eq!((&report["records"], &report["totals"]["indexed"]), (&2.into(), &3.into()), "{report:#}");
}

#[test]
fn options_that_do_not_go_together_are_named() {
    let folder = samples();
    for arguments in [
        &["--stream", "x"][..],
        &["--as", "kinesis", "--partitions", "3"],
        &["--as", "kafka", "--delivered", "x"],
        &["--as", "firehose", "--domain", "http://127.0.0.1:1"],
        &["--as", "firehose", "--keep"],
    ] {
        let output = millrace(&folder, &[arguments, &["a.json"]].concat());
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        let option = arguments.iter().rev().find(|argument| argument.starts_with("--")).unwrap();
        assert!(message.starts_with(&format!("{option} is for --as ")), "{message}");
    }
}

/// A machine with a domain that a test can change, and a function whose rules take any stream and topic.
struct Rig {
    domain: Domain,
    machine: Machine,
    source: Source,
    folder: TempDir,
    files: Vec<Put>,
}

impl Rig {
    /// A file of 700 events. Of the first 500, the last 200 go to the index `logs-shut`; all others go to `logs-open`.
    async fn new(function: &str, source: Source) -> Self {
        let folder = TempDir::new().unwrap();
        let pipeline = folder.path().join("pipeline.yaml");
        let from = if function == "kinesis-ingest" { "stream" } else { "topic" };
        let rules = format!("datasets:\n  - name: all\n    from: {{ {from}: \"*\" }}\n    index: logs-%{{file}}\n");
        fs::write(&pipeline, rules).unwrap();
        let content = [lines("open", 300), lines("shut", 200), lines("open", 200)].concat();
        fs::write(folder.path().join("a.json"), content).unwrap();
        let dead_letters = folder.path().join("dead-letters");
        fs::create_dir(&dead_letters).unwrap();
        let files = put(&files::collect(&[folder.path().join("a.json")], folder.path()).unwrap()).unwrap();
        let domain = Domain::start(DomainOptions { credentials: None, keep_sources: true }).await.unwrap();
        let binary = binary::function_beside(Path::new(env!("CARGO_BIN_EXE_millrace")), function).unwrap();
        let options = MachineOptions { binary, pipeline, dead_letters, domain: Some(domain.url()), continues: false };
        let machine = Machine::start(&options).await.unwrap();
        Self { domain, machine, source, folder, files }
    }

    async fn deliver(&mut self) -> Report {
        let options =
            MappingOptions { record: RecordIs::Line, batch_records: 500, timeout: Duration::from_millis(1500) };
        let progress = Progress::new(0, 0, 0);
        let delivered =
            mapping::deliver(&mut self.machine, &self.source, &self.files, options, &progress).await.unwrap();
        Report::of_stream(delivered, &self.source, &self.files, &self.folder.path().join("dead-letters")).unwrap()
    }

    async fn ask(&self, method: Method, path: &str) {
        // Two tests may get here at the same time. The second one finds the provider installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.domain.url()));
        assert_eq!(request.send().await.unwrap().status(), 200, "{path}");
    }
}

fn sources() -> [(&'static str, Source); 2] {
    [
        ("kinesis-ingest", Source::Kinesis(Stream { name: "orders".into() })),
        ("kafka-ingest", Source::Kafka(Topic { name: "orders".into(), partitions: 3 })),
    ]
}

#[tokio::test]
async fn only_what_an_answer_names_is_redelivered_until_the_stream_stands_still() {
    for (function, source) in sources() {
        let mut rig = Rig::new(function, source).await;
        rig.ask(Method::PUT, "/logs-shut").await;
        rig.ask(Method::POST, "/logs-shut/_close").await;
        let first = rig.deliver().await;
        assert!(first.undelivered() && first.balances, "{function}: {}", first.text());
        let fates = first.totals.fates;
        assert_eq!((first.invocations, first.totals.attempts, fates.read), (3, 3, 500 + 200 + 200), "{function}");
        assert_eq!((fates.indexed, fates.undelivered, fates.duplicates), (300, 600, 0), "{function}");
        assert!(first.given_up[0].starts_with("a.json, line 301 and everything after it"), "{:?}", first.given_up);

        rig.ask(Method::POST, "/logs-shut/_open").await;
        let second = rig.deliver().await;
        assert!(!second.undelivered() && second.balances, "{function}: {}", second.text());
        let fates = second.totals.fates;
        assert_eq!((second.invocations, fates.indexed, fates.duplicates), (2, 400, 300), "{function}");
        assert_eq!((rig.domain.count("logs-open"), rig.domain.count("logs-shut")), (500, 200), "{function}");
    }
}

#[tokio::test]
async fn a_batch_whose_invocation_fails_is_redelivered_as_a_whole() {
    for (function, source) in sources() {
        let mut rig = Rig::new(function, source).await;
        // One whole request gets a permanent refusal.
        rig.domain.fail(DomainFault::Status { code: 403, times: 1 });
        let report = rig.deliver().await;
        assert!(!report.undelivered() && report.balances, "{function}: {}", report.text());
        assert_eq!((report.invocations, rig.domain.count("logs-*")), (3, 700), "{function}");
        assert_eq!(report.totals.fates.duplicates, 0, "{function}");
    }
}
