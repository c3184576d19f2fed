//! The refusals that are the document's own fault: real answers of the real engine, and scripted answers that the
//! engine gives too rarely. A document that the domain never accepts becomes a dead letter, and blocks nothing after
//! it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::intercept::{self, Intercept};
use tests::kafka::{self, Partition};
use tests::kinesis::Shard;
use tests::mapping::{Item, Limits, Mapping, Source, drain, response, undelivered};
use tests::moto::Moto;
use tests::place;
use tests::receipt::{self, Counts, sum};
use tests::scene::{Scene, receipts};
use tests::script::{Script, Scripted, Step};

const TIMEOUT: Duration = Duration::from_mins(2);
/// The records of a shard. The third one is poison.
const RECORDS: usize = 40;

/// Documents that the domain never accepts, each with the index that only it uses.
const POISON: [(&str, &str); 4] = [
    ("mixed", r#""n":[1,2.5]"#),
    ("dotted", r#""labels":{"app":"a","app.kubernetes.io/name":"b"}"#),
    ("grown", r#""mem":1,"mem.free":2"#),
    ("grok", r#""m":"visa-card""#),
];
/// A value that the engine quotes in its reason.
const QUOTED: &str = "visa-card";

/// Processors that fail because of an event's contents, and one that drops.
async fn make_pipeline(engine: &Engine, name: &str, indices: &str) {
    let processors = json!({ "processors": [
        { "grok": { "field": "m", "patterns": ["%{NUMBER:n}"], "if": "ctx.m != null" } },
        { "fail": { "if": "ctx.f != null", "message": "no {{f}}" } },
        { "drop": { "if": "ctx.d != null" } },
    ] });
    engine.ask("PUT", &format!("/_ingest/pipeline/{name}"), &processors.to_string()).await;
    let template = json!({ "index_patterns": [indices], "priority": 10,
        "template": { "settings": { "index.default_pipeline": name, "number_of_replicas": 0 } } });
    engine.ask("PUT", &format!("/_index_template/{name}"), &template.to_string()).await;
}

fn records(kind: &str, poison: &str) -> Vec<String> {
    let record = |seq| {
        format!(r#"{{"kind":"{kind}","seq":{seq}{}}}"#, if seq == 2 { format!(",{poison}") } else { String::new() })
    };
    (0..RECORDS).map(record).collect()
}

/// One dataset. The event's kind names its index.
fn by_kind(scene: &Scene<'_>, from: &str) {
    let name = &scene.prefix;
    scene.set_pipeline(&format!("datasets:\n  - name: {name}\n    from: {{ {from} }}\n    index: {name}-%{{kind}}\n"));
}

async fn assert_one_letter_of_each(engine: &Engine, scene: &Scene<'_>, function: &Function) {
    let receipts: &[Counts] = &receipt::of(function);
    let letters = scene.dead_letters_of::<Value>().await;
    assert!(
        letters.iter().any(|letter| letter.reason.contains(QUOTED)),
        "the letter has the engine's words: {letters:#?}"
    );
    assert!(!function.lines().iter().any(|line| line.contains(QUOTED)), "the log has no content of an event");
    let mut payloads: Vec<_> = letters.iter().map(|letter| letter.payload.clone().unwrap_or_default()).collect();
    let mut expected: Vec<_> = POISON.iter().map(|(kind, poison)| records(kind, poison).swap_remove(2)).collect();
    payloads.sort_unstable();
    expected.sort_unstable();
    assert_eq!(payloads, expected, "{letters:#?}");
    assert!(letters.iter().all(|letter| letter.stage == "domain" && !letter.reason.is_empty()), "{letters:#?}");
    let total = (POISON.len() * RECORDS) as u64;
    assert_eq!(engine.count(&scene.indices()).await, total - POISON.len() as u64);
    assert_eq!(sum(receipts, |r| r.rejected_by_domain), POISON.len() as u64, "{receipts:?}");
    assert_eq!((sum(receipts, |r| r.sent), sum(receipts, |r| r.duplicates)), (total, 0), "each once: {receipts:?}");
}

/// Each kind has its own shard or topic: 39 records are indexed, one is a dead letter, and no invocation fails.
async fn hold_no_shard(name: &str, function: &str, from: &str, source: Source, items: Vec<Item>) {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let scene = Scene::new(moto, name).await;
    by_kind(&scene, from);
    make_pipeline(engine, name, &format!("{name}-grok")).await;
    let mut function = scene.start(function, &engine.url(), &[]).await;
    let mut mapping = Mapping::new(source, Limits::unlimited(100));
    mapping.put_all(items);
    let rounds = drain(&mut mapping, &mut function, TIMEOUT, 2 * POISON.len()).await;
    assert!(rounds.iter().all(|round| round.left.is_empty()), "{:#?}", function.lines());
    assert_one_letter_of_each(engine, &scene, &function).await;
}

#[test]
fn a_document_that_is_never_accepted_does_not_hold_its_shard() {
    let items = POISON.iter().zip(0..).flat_map(|((kind, poison), number)| {
        let mut shard = Shard::new("verdict", number);
        records(kind, poison).into_iter().map(move |record| shard.record(record.as_bytes()))
    });
    let items = items.collect();
    place::run(hold_no_shard("verdict-kinesis", "kinesis-ingest", "stream: \"*\"", Source::Kinesis, items));
}

#[test]
fn a_document_that_is_never_accepted_does_not_hold_its_partition() {
    let items = POISON.iter().flat_map(|(kind, poison)| {
        let mut partition = Partition::new(&format!("verdict-{kind}"), 0);
        records(kind, poison).into_iter().map(move |record| partition.record(record.as_bytes()))
    });
    let (items, source) = (items.collect(), Source::Kafka(kafka::msk("c")));
    place::run(hold_no_shard("verdict-kafka", "kafka-ingest", "topic: \"*\"", source, items));
}

#[test]
fn a_document_that_is_never_accepted_does_not_hold_its_object() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "verdict-s3").await;
        by_kind(&scene, "bucket: \"t-*\", key: \"**\"");
        make_pipeline(engine, "verdict-s3", "verdict-s3-grok").await;
        for (kind, poison) in POISON {
            let object = scene.put(kind, records(kind, poison).join("\n")).await;
            scene.notify(&object).await;
        }
        let mut function = scene.function(&engine.url(), &[]).await;
        let rounds = scene.queue.drain(&mut function, TIMEOUT, 2).await;
        assert!(rounds.iter().all(|round| round.failed.is_empty()), "{:#?}", function.lines());
        assert_one_letter_of_each(engine, &scene, &function).await;
    });
}

/// Events that the ingest pipeline indexes, fails in two ways, or drops, with the result of each.
fn of_a_pipeline(count: usize, kinds: &[&'static str]) -> Vec<(&'static str, String)> {
    let event = |seq: usize| {
        let kind = kinds[seq % kinds.len()];
        let member = if kind.is_empty() { String::new() } else { format!(r#","{kind}":"x""#) };
        (kind, format!(r#"{{"seq":{seq}{member}}}"#))
    };
    (0..count).map(event).collect()
}

/// Each event has the fate of its own answer, not of another event's: the engine's answers are out of order.
async fn each_has_its_own_fate(name: &str, kinds: &[&'static str], more: &str) {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let scene = Scene::new(moto, name).await;
    scene.set_pipeline(&format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    index: {name}-a\n{more}"
    ));
    make_pipeline(engine, name, &scene.indices()).await;
    let events = of_a_pipeline(60, kinds);
    let lines: Vec<&str> = events.iter().map(|(_, event)| event.as_str()).collect();
    let object = scene.put("a.ndjson", lines.join("\n")).await;
    scene.notify(&object).await;
    let mut function = scene.function(&engine.url(), &[]).await;
    let rounds = scene.queue.drain(&mut function, TIMEOUT, 1).await;
    assert!(rounds[0].failed.is_empty(), "{:#?}", function.lines());
    let letters = scene.dead_letters().await;
    let letters: BTreeMap<String, String> = letters
        .into_iter()
        .map(|letter| (String::from_utf8(letter.payload()).unwrap_or_default(), letter.error_type))
        .collect();
    for (kind, event) in &events {
        let expected = match *kind {
            "m" => Some("illegal_argument_exception"),
            "f" => Some("fail_processor_exception"),
            _ => None,
        };
        assert_eq!(letters.get(event).map(String::as_str), expected, "{event}: {letters:#?}");
    }
    let count = |wanted: &[&str]| events.iter().filter(|(kind, _)| wanted.contains(kind)).count() as u64;
    let [receipt] = &receipts(&function)[..] else { panic!("not one receipt") };
    assert_eq!((receipt.indexed, engine.count(&scene.indices()).await), (count(&[""]), count(&[""])), "{receipt:?}");
    assert_eq!((receipt.dropped, receipt.dropped_by_domain), (count(&["d"]), count(&["d"])), "{receipt:?}");
    assert_eq!((receipt.rejected, receipt.rejected_by_domain), (count(&["m", "f"]), count(&["m", "f"])), "{receipt:?}");
}

#[test]
fn each_document_of_an_ingest_pipeline_has_the_fate_that_the_engine_gave_it() {
    // A 500 counts as final only after half a minute, so this test takes that long.
    place::run(each_has_its_own_fate("verdict-pipeline", &["", "m", "f", "d", "", "d", "m"], ""));
}

#[test]
fn without_ids_the_answers_of_an_ingest_pipeline_are_told_apart_too() {
    place::run(each_has_its_own_fate(
        "verdict-no-ids",
        &["", "m", "", "", "", "", "", "", "", "", "d", ""],
        "    id: none\n",
    ));
}

fn shard(count: u64) -> Vec<Item> {
    let mut shard = Shard::new("verdict", 0);
    (0..count).map(|seq| shard.record(format!(r#"{{"seq":{seq},"pad":"{}"}}"#, "x".repeat(60)).as_bytes())).collect()
}

/// kinesis-ingest with a domain and a dead-letter bucket that follow a script.
async fn scripted<'m>(moto: &'m Moto, name: &str, script: Script) -> (Scene<'m>, Scripted, Function) {
    let scene = Scene::new(moto, name).await;
    scene.set_source("stream: \"*\"", &[]);
    let other_side = Scripted::start().await;
    other_side.follow(script);
    let url = other_side.url();
    let large = [("AWS_ENDPOINT_URL", url.as_str()), ("MILLRACE_MAX_EVENT_BYTES", "3000000")];
    let function = scene.start("kinesis-ingest", &url, &large).await;
    (scene, other_side, function)
}

fn seqs(letters: &[Value]) -> Vec<u64> {
    let payload = |letter: &Value| serde_json::from_str::<Value>(letter["payload"].as_str().unwrap_or_default());
    letters.iter().filter_map(|letter| payload(letter).ok()?["seq"].as_u64()).collect()
}

#[test]
fn one_item_for_which_whole_requests_are_refused_is_found_and_the_others_are_indexed() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        for (status, error_type) in [(400, "scripted"), (413, "request_entity_too_large")] {
            let script = Script { refused: HashMap::from([(77, status)]), ..Script::default() };
            let (_scene, other_side, mut function) = scripted(moto, &format!("verdict-whole-{status}"), script).await;
            let answer = function.invoke(&tests::kinesis::event(&shard(200)), TIMEOUT).await.expect("it runs");
            assert_eq!(response(&answer), json!({ "batchItemFailures": [] }), "{:#?}", function.lines());
            let truth = other_side.truth();
            assert_eq!((truth.created.len(), seqs(&truth.letters)), (199, vec![77]), "{status}: {:?}", truth.letters);
            assert_eq!(truth.letters[0]["error_type"], error_type);
            assert!(truth.requests < 40, "{} requests", truth.requests);
        }
    });
}

#[test]
fn one_record_for_which_the_request_is_refused_does_not_hold_its_shard() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let script = || Script { refused: HashMap::from([(0, 400)]), ..Script::default() };
        let (_scene, other_side, mut function) = scripted(moto, "verdict-alone", script()).await;
        let answer = function.invoke(&tests::kinesis::event(&shard(1)), TIMEOUT).await.expect("it runs");
        assert_eq!(response(&answer), json!({ "batchItemFailures": [] }), "{:#?}", function.lines());
        let truth = other_side.truth();
        assert_eq!((seqs(&truth.letters), truth.created.len()), (vec![0], 0), "{:?}", truth.letters);
        assert_eq!(truth.requests, 4, "two tries, one request that is taken, and a last try");
    });
}

/// The same between the real engine and something that refuses the request for what one event says.
#[test]
fn one_record_for_which_the_request_is_refused_does_not_hold_its_partition_and_to_find_it_nothing_is_stored() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "verdict-probe").await;
        scene.set_pipeline(
            "datasets:\n  - name: verdict-probe\n    from: { topic: \"*\" }\n    index: verdict-probe-%{k}\n",
        );
        // The second index would be a data stream.
        let template = json!({ "index_patterns": ["verdict-probe-b*"], "priority": 200, "data_stream": {},
            "template": { "settings": { "number_of_replicas": 0 } } });
        engine.ask("PUT", "/_index_template/verdict-probe", &template.to_string()).await;
        let domain = Intercept::start(&engine.url()).await;
        domain.set(|_, body| {
            let is_refused = String::from_utf8_lossy(body).contains("<script>");
            if is_refused { intercept::Fault::Refused(400) } else { intercept::Fault::None }
        });
        let plain = [("MILLRACE_COMPRESSION", "none")];
        let mut function = scene.start("kafka-ingest", &domain.url(), &plain).await;
        let (mut partition, cluster) = (Partition::new("verdict-probe", 0), kafka::msk("c"));
        for kind in ["a", "b"] {
            let record = partition.record(format!(r#"{{"k":"{kind}","m":"<script>"}}"#).as_bytes());
            let answer = function.invoke(&cluster.event(&[record]), TIMEOUT).await.expect("it runs");
            assert_eq!(response(&answer), json!({ "batchItemFailures": [] }), "{kind}: {:#?}", function.lines());
        }
        let letters = scene.dead_letters_of::<Value>().await;
        assert!(letters.len() == 2 && letters.iter().all(|letter| letter.stage == "domain"), "{letters:?}");
        let indices = engine.ask("GET", "/_cat/indices?h=index&expand_wildcards=all", "").await;
        assert!(!indices.contains("verdict-probe"), "nothing was made: {indices}");
    });
}

#[test]
fn a_domain_that_refuses_every_request_rejects_no_event() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        for status in [400, 409, 413, 429, 500, 503] {
            let script = Script { all_refused: Some((status, None)), ..Script::default() };
            let (_scene, other_side, mut function) = scripted(moto, &format!("verdict-all-{status}"), script).await;
            let items = shard(1000);
            let answer =
                function.invoke(&tests::kinesis::event(&items), Duration::from_secs(2)).await.expect("it runs");
            let (left, misunderstood) = undelivered(&items, &answer);
            assert_eq!((left.len(), misunderstood), (1000, None), "{status}: {answer:?}");
            // A status that no retry can change fails the invocation immediately, so that an alarm fires.
            assert!(status != 409 || matches!(answer, Answer::Error { .. }), "{status}: {answer:?}");
            let truth = other_side.truth();
            assert!(truth.letters.is_empty() && truth.created.is_empty(), "{status}: {truth:?}");
            assert!(truth.requests < 200, "{status}: {} requests", truth.requests);
            other_side.follow(Script::default());
            let answer = function.invoke(&tests::kinesis::event(&items), TIMEOUT).await.expect("it runs");
            assert_eq!(response(&answer), json!({ "batchItemFailures": [] }), "{status}");
            assert_eq!(other_side.truth().created.len(), 1000, "{status}");
        }
    });
}

#[test]
fn an_event_over_one_mebibyte_that_no_request_takes_is_rejected_by_itself() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let script = Script { refused: HashMap::from([(1, 413)]), ..Script::default() };
        let (_scene, other_side, mut function) = scripted(moto, "verdict-large", script).await;
        let large = format!(r#"{{"seq":1,"pad":"{}"}}"#, "x".repeat(1_100_000));
        let item = Shard::new("verdict", 0).record(large.as_bytes());
        let answer = function.invoke(&tests::kinesis::event(&[item]), TIMEOUT).await.expect("it runs");
        assert_eq!(response(&answer), json!({ "batchItemFailures": [] }));
        assert_eq!(seqs(&other_side.truth().letters), [1]);
    });
}

#[test]
fn where_an_invocation_ends_between_the_two_tries_the_next_one_decides() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let script = Script { items: HashMap::from([(3, vec![Step::Unmappable])]), ..Script::default() };
        let (_scene, other_side, mut function) = scripted(moto, "verdict-two", script).await;
        let items = shard(10);
        let event = tests::kinesis::event(&items);
        warm_up(&mut function, &items).await;
        let mut failed = 0;
        // One invocation meets the first 400, unless the machine is too busy.
        while failed < 8 {
            let answer = function.invoke(&event, Duration::from_millis(900)).await.expect("it runs");
            if response(&answer) == json!({ "batchItemFailures": [] }) {
                break;
            }
            failed += 1;
            assert!(other_side.truth().letters.is_empty(), "one 400 proves nothing");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        assert!((1..8).contains(&failed), "{failed} invocations failed: {:#?}", function.lines());
        assert_eq!((other_side.truth().created.len(), seqs(&other_side.truth().letters)), (9, vec![3]));
    });
}

/// Lets the function read its rules and open a connection.
async fn warm_up(function: &mut Function, items: &[Item]) {
    let answer = function.invoke(&tests::kinesis::event(&items[..1]), TIMEOUT).await.expect("it runs");
    assert_eq!(response(&answer), json!({ "batchItemFailures": [] }));
}

#[test]
fn a_409_that_is_no_version_conflict_is_sent_again() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let steps = vec![Step::Snapshotted, Step::Snapshotted, Step::Created];
        let script = Script { items: HashMap::from([(3, steps)]), ..Script::default() };
        let (_scene, other_side, mut function) = scripted(moto, "verdict-409", script).await;
        let answer = function.invoke(&tests::kinesis::event(&shard(10)), TIMEOUT).await.expect("it runs");
        assert_eq!(response(&answer), json!({ "batchItemFailures": [] }));
        let (truth, receipts) = (other_side.truth(), receipt::of::<receipt::Kinesis>(&function));
        assert_eq!((truth.created.len(), sum(&receipts, |r| r.indexed), sum(&receipts, |r| r.duplicates)), (10, 10, 0));
    });
}

#[test]
fn a_wait_that_the_domain_asks_for_ends_with_the_invocation() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        for (name, wait) in [("verdict-hour", "3600"), ("verdict-ages", "18446744073709551615")] {
            let (_scene, other_side, mut function) = scripted(moto, name, Script::default()).await;
            let items = shard(5);
            let event = tests::kinesis::event(&items);
            warm_up(&mut function, &items).await;
            other_side.follow(Script { all_refused: Some((429, Some(wait))), ..Script::default() });
            let answer = function.invoke(&event, Duration::from_secs(2)).await.expect("it runs");
            assert_eq!(response(&answer)["batchItemFailures"].as_array().map(Vec::len), Some(1), "{answer:?}");
            assert!(other_side.truth().requests <= 2, "{wait}: it was waited for as far as there was time");
            other_side.follow(Script::default());
            // Less time than the domain asked to wait.
            let answer = function.invoke(&event, Duration::from_secs(20)).await.expect("it runs");
            assert_eq!(response(&answer), json!({ "batchItemFailures": [] }), "{wait}: {:#?}", function.lines());
            assert_eq!(other_side.truth().created.len(), 5, "{wait}");
        }
    });
}
