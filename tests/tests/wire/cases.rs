//! Inputs that broke this or other programs (tests/data/cases). Each goes through the real function into the real
//! engine. A committed table holds the results: events read, indexed, dropped and rejected, and the number of attempts.
//! Nothing is undelivered.
//!
//! `MILLRACE_BLESS=1` writes the table again and keeps its comments.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Value, json};
use tests::cases::{Counts, DEFAULT_RULES, Folder, Key, Run, Table, folders, records, runs};
use tests::engine::Engine;
use tests::kafka::{self, Partition};
use tests::kinesis::Shard;
use tests::mapping::{Item, Limits, Mapping, Source, drain};
use tests::moto::Moto;
use tests::place::{self, figure};
use tests::receipt::{self, S3};
use tests::scene::Scene;

const TIMEOUT: Duration = Duration::from_mins(2);
/// The arrival time of records: 2026-11-28T00:00:00Z, after the times in the files.
const ARRIVED_MS: u64 = 1_795_824_000_000;
const TABLE: &str = "table.txt";
/// Where each line of a file with times was indexed.
const PLACES: &str = "places.txt";
/// The folders of these files.
const TIMES: [&str; 2] = ["time-zones/", "times/"];

fn root() -> PathBuf {
    place::root().join("tests/data/cases")
}

/// Creates what some rules need in their domain: a data stream, an alias, ingest pipelines.
async fn prepare(engine: &Engine, runs: &[Run]) {
    let put = async |path: &str, body: Value| engine.ask("PUT", path, &body.to_string()).await;
    let grok = json!([{ "grok": { "field": "level", "patterns": ["(?<level>info)"] } }]);
    let drop = json!([{ "drop": { "if": "ctx.level == 'debug'" } }]);
    put("/_ingest/pipeline/cases-grok", json!({ "processors": grok })).await;
    put("/_ingest/pipeline/cases-drop", json!({ "processors": drop })).await;
    let settings = |pipeline: &str| json!({ "number_of_replicas": 0, "index.default_pipeline": pipeline });
    for (name, pattern, priority, more) in [
        ("cases", "cases-*", 1, json!({ "template": { "settings": { "number_of_replicas": 0 } } })),
        ("cases-web", "cases-*-web-x", 2, json!({ "template": { "settings": settings("cases-grok") } })),
        ("cases-drop", "cases-*-drop-x", 2, json!({ "template": { "settings": settings("cases-drop") } })),
        ("cases-stream", "cases-*-logs-app-prod", 2, json!({ "data_stream": {} })),
        (
            "cases-integers",
            "cases-*-integers",
            2,
            json!({ "template": { "mappings": { "properties": {
            "mapped_unsigned": { "type": "unsigned_long" }, "mapped_double": { "type": "double" },
            "mapped_keyword": { "type": "keyword" } } } } }),
        ),
    ] {
        let mut template = json!({ "index_patterns": [pattern], "priority": priority });
        template.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        put(&format!("/_index_template/{name}"), template).await;
    }
    for Run { id, .. } in runs.iter().filter(|run| run.datasets.contains("-appalias")) {
        let alias = json!({ "aliases": { format!("cases-{id}-appalias"): { "is_write_index": true } } });
        put(&format!("/cases-{id}-behind-the-alias"), alias).await;
    }
}

/// The faults for which the function refuses rules, as their file states them.
async fn refused(scene: &Scene<'_>, text: &str) -> Option<Vec<String>> {
    scene.set_pipeline(text);
    let mut function = scene.function("http://127.0.0.1:9", &[]).await;
    let answer = function.invoke(&json!({ "Records": [] }), TIMEOUT).await.expect("the binary starts");
    if let Answer::Response(_) = answer {
        return None;
    }
    let said = function.lines().join("\n").replace("\\n", "\n");
    let faults = said.lines().filter_map(|line| line.split_once("pipeline.yaml:"));
    // The place and the beginning of the message.
    let faults: Vec<String> = faults.map(|(_, fault)| fault.chars().take(48).collect()).collect();
    assert!(!faults.is_empty(), "{answer:?}: {said}");
    Some(faults)
}

/// All runs, and the lines of the rules that the function refuses.
async fn all_runs(scene: &Scene<'_>) -> (Vec<Run>, BTreeMap<Key, Counts>) {
    let (mut all, mut found) = (Vec::new(), BTreeMap::new());
    for Folder { rules, files } in folders(&root()) {
        for rules in rules {
            let faults = if rules.name == DEFAULT_RULES { None } else { refused(scene, &rules.text).await };
            for file in &files {
                if let Some(faults) = &faults {
                    let key = Key { file: file.0.clone(), rules: rules.name.clone(), source: "-".into() };
                    let more = vec![format!("refused: {}", faults.join("… | ") + "…")];
                    found.insert(key, Counts { more, ..Counts::default() });
                } else {
                    all.extend(runs(all.len(), file, &rules));
                }
            }
        }
    }
    let datasets: String = all.iter().map(|run| run.datasets.as_str()).collect();
    scene.set_pipeline(&format!("datasets:\n{datasets}"));
    (all, found)
}

/// Adds a receipt to the counts of its run.
fn count(found: &mut BTreeMap<String, Counts>, id: &str, receipt: &receipt::Counts) {
    let counts = found.entry(id.to_owned()).or_default();
    counts.attempts += 1;
    counts.read += receipt.read;
    counts.indexed += receipt.indexed;
    counts.dropped += receipt.dropped;
    assert_eq!(receipt.undelivered, 0, "{id}: {receipt:?}");
    for (name, number) in
        [("duplicates", receipt.duplicates), ("expired", receipt.expired), ("left_out", receipt.left_out)]
    {
        if number > 0 {
            counts.more.push(format!("{name}:{number}"));
        }
    }
    *counts.rejected.entry(String::new()).or_default() += receipt.rejected;
}

async fn objects(scene: &Scene<'_>, engine: &Engine, runs: &[Run], found: &mut BTreeMap<String, Counts>) {
    let of_s3: Vec<&Run> = runs.iter().filter(|run| run.key.source == "s3").collect();
    for run in &of_s3 {
        let name = run.key.file.rsplit('/').next().unwrap_or_default();
        let object = scene.put(&format!("{}/{name}", run.id), run.bytes.clone()).await;
        scene.notify(&object).await;
    }
    let mut function = scene.function(&engine.url(), &[]).await;
    let rounds = scene.queue.drain(&mut function, TIMEOUT, of_s3.len()).await;
    assert!(rounds.iter().all(|round| round.failed.is_empty()), "{:#?}", function.lines());
    for receipt in receipt::of::<S3>(&function) {
        count(found, receipt.key.split('/').next().unwrap_or_default(), &receipt);
    }
    for line in function.receipts().iter().filter(|line| line.get("unmatched").is_some()) {
        let id = line["key"].as_str().unwrap_or_default().split('/').next().unwrap_or_default().to_owned();
        found.entry(id).or_default().more.push("unmatched".into());
    }
}

/// Delivers the lines of files as records. Returns the function, for its receipts.
async fn stream(scene: &Scene<'_>, engine: &Engine, name: &str, source: Source, items: Vec<Item>) -> Function {
    let mut function = scene.start(name, &engine.url(), &[]).await;
    let mut mapping = Mapping::new(source, Limits::unlimited(500));
    let limit = items.len() + 1;
    mapping.put_all(items);
    let rounds = drain(&mut mapping, &mut function, TIMEOUT, limit).await;
    assert!(rounds.iter().all(|round| round.left.is_empty()), "{name}: {:#?}", function.lines());
    function
}

async fn shards(scene: &Scene<'_>, engine: &Engine, runs: &[Run], found: &mut BTreeMap<String, Counts>) {
    let mut items = Vec::new();
    for run in runs.iter().filter(|run| run.key.source == "kinesis") {
        for stream in streams_of(run, "stream: ") {
            let mut shard = Shard::new(&stream, 0);
            items.extend(records(&run.bytes).map(|record| shard.record_at(record, ARRIVED_MS)));
        }
    }
    let function = stream(scene, engine, "kinesis-ingest", Source::Kinesis, items).await;
    for receipt in receipt::of::<receipt::Kinesis>(&function) {
        count(found, id_of(receipt.stream.rsplit('/').next().unwrap_or_default()), &receipt);
    }
}

async fn topics(scene: &Scene<'_>, engine: &Engine, runs: &[Run], found: &mut BTreeMap<String, Counts>) {
    let mut items = Vec::new();
    for run in runs.iter().filter(|run| run.key.source == "kafka") {
        for topic in streams_of(run, "topic: ") {
            let mut partition = Partition::created(&topic, 0, ARRIVED_MS);
            items.extend(records(&run.bytes).map(|record| partition.record(record)));
        }
    }
    let source = Source::Kafka(kafka::msk("cases"));
    let function = stream(scene, engine, "kafka-ingest", source, items).await;
    for receipt in receipt::of::<receipt::Kafka>(&function) {
        count(found, id_of(&receipt.topic), &receipt);
    }
}

/// The names of a run's streams or topics.
fn streams_of(run: &Run, key: &str) -> Vec<String> {
    let names = run.datasets.split(key).skip(1);
    names.map(|rest| rest.split([' ', '}']).next().unwrap_or_default().to_owned()).collect()
}

/// The run that a stream or topic belongs to: its name begins with the run's id.
fn id_of(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
}

/// Counts the rejected events by type, which only the dead letters name.
async fn letters(scene: &Scene<'_>, found: &mut BTreeMap<String, Counts>) {
    for letter in scene.dead_letters_of::<Value>().await {
        let position = &letter.position;
        let name = ["key", "stream", "topic"].into_iter().find_map(|name| position[name].as_str()).unwrap_or_default();
        let name = if position["stream"].is_string() { name.rsplit('/').next().unwrap_or_default() } else { name };
        let id = name.split(['/', '-']).next().unwrap_or_default();
        let counts = found.get_mut(id).unwrap_or_else(|| panic!("a letter of no run: {letter:?}"));
        *counts.rejected.entry(letter.error_type.clone()).or_default() += 1;
    }
    for (id, counts) in found {
        let told = counts.rejected.remove("").unwrap_or_default();
        assert_eq!(
            counts.rejected.values().sum::<u64>(),
            told,
            "{id}: as many letters as the receipts say: {counts:?}"
        );
    }
}

/// Which lines of the files with times were indexed, and in which index, without the unique prefix of the run.
async fn places(engine: &Engine, runs: &[Run]) -> String {
    let mut lines = Vec::new();
    let of_times = |run: &&Run| run.key.rules != DEFAULT_RULES && TIMES.iter().any(|at| run.key.file.starts_with(at));
    for run in runs.iter().filter(of_times) {
        let inputs: Vec<Value> = records(&run.bytes).filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let prefix = format!("cases-{}-", run.id);
        for document in engine.documents(&format!("{prefix}*")).await {
            let source: Value = serde_json::from_str(&document.source).expect("a document is JSON");
            let line = inputs.iter().position(|input| *input == source);
            let line = line.unwrap_or_else(|| panic!("{source} is no line of {:?}", run.key)) + 1;
            let index = document.index.trim_start_matches(&prefix).to_owned();
            lines.push((run.key.clone(), line, index, source["t"].to_string()));
        }
    }
    lines.sort_unstable();
    let line = |(key, line, index, time): &(Key, usize, String, String)| {
        format!("{:<24} {:<11} {line:>3}  {index:<20}  {time}\n", key.file, key.rules)
    };
    lines.iter().map(line).collect()
}

#[test]
fn every_case_becomes_what_the_table_says() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "cases").await;
        let (runs, mut table) = all_runs(&scene).await;
        prepare(engine, &runs).await;
        let mut found = BTreeMap::new();
        objects(&scene, engine, &runs, &mut found).await;
        shards(&scene, engine, &runs, &mut found).await;
        topics(&scene, engine, &runs, &mut found).await;
        letters(&scene, &mut found).await;
        let indexed: u64 = found.values().map(|counts| counts.indexed).sum();
        assert_eq!(engine.count("cases-*").await, indexed, "the domain has what the receipts say");
        table.extend(runs.iter().map(|run| (run.key.clone(), found.remove(&run.id).unwrap_or_default())));
        assert!(found.is_empty(), "receipts of no run: {found:?}");
        let places = places(engine, &runs).await;
        engine.ask("DELETE", "/_data_stream/cases-*", "").await;
        compare(&table, &places);
        figure("tests/data/cases", "files under rules; events indexed", format!("{}; {indexed}", table.len()));
    });
}

fn compare(found: &BTreeMap<Key, Counts>, places: &str) {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap_or_default();
    let table = Table::read(&read(TABLE));
    #[expect(clippy::disallowed_methods, reason = "a variable makes the test write the tables")]
    let is_blessed = std::env::var_os("MILLRACE_BLESS").is_some();
    let heading: String =
        read(PLACES).lines().filter(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    let places = heading + places;
    if is_blessed {
        for (name, text) in [(TABLE, table.with(found)), (PLACES, places)] {
            std::fs::write(root().join(name), text).expect("the clone is writable");
        }
        return;
    }
    let differing = table.differing(found);
    assert!(
        differing.is_empty(),
        "{} lines of {TABLE} differ; where that is right, MILLRACE_BLESS=1 writes them: {differing:#?}",
        differing.len(),
    );
    assert_eq!(places, read(PLACES), "{PLACES} differs; where that is right, MILLRACE_BLESS=1 writes it");
}
