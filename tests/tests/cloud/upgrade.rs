//! An update from an earlier release on `LocalStack`, with the binaries of that release, while events arrive.
//!
//! In: the commit of the release, from which its functions are built, and its template and rules, in tests/data/upgrade. Out: the domain
//! has each event once, and a replay of everything, by the new release, adds none. Deliberately absent: what `LocalStack` cannot update, such as the
//! notifications of a bucket, and the replacements that it does not know (`cloud::template::upgrade`).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::events::{Expected, generate, gzip};
use tests::localstack::{LocalStack, Release, Source, Stack, until};
use tests::place;
use tests::replaced::holds_data;
use tests::sam::{ARCHITECTURE, component, installed, names, script, translated};

const BUCKET: &str = "upgraded-logs";
const STREAM: &str = "upgraded-events";
/// The indices of the rules that 0.1.0 shipped.
const INDICES: &str = "logs-*,live-*";
/// The events of an object, and of a batch of records.
const COUNT: u64 = 20;
/// `LocalStack` kills an invocation whose function is updated. The queue then hides its messages for this long.
const HIDDEN: Duration = Duration::from_mins(31);
/// The keys of two objects that can never be indexed, for the former and for the new functions, and their content.
const POISONED: [&str; 2] = ["source/jsona/poisoned-before.json", "source/jsona/poisoned-after.json"];
const POISON: &str = "{\"base_dt\":\"2023-11-14T00:00:00Z\",\n";

#[test]
fn an_update_from_an_earlier_release_loses_and_doubles_no_event_while_events_arrive() {
    if !installed() {
        return;
    }
    for version in names(&place::data("upgrade")).iter().filter(|name| *name != "README.md") {
        let stack = place::data("upgrade").join(version).join("stack");
        let commit = std::fs::read_to_string(stack.join("commit.txt")).expect("the commit of the release");
        let functions = script("former.sh", &[commit.trim()]);
        if !component(&format!("the functions of {version}"), &functions) {
            continue;
        }
        let functions = PathBuf::from(functions.expect("they were built").trim());
        let former = Release { template: stack.join("template.yaml"), functions };
        let (Some(engine), Some(localstack)) = (Engine::with_settings(&[]), LocalStack::start()) else { return };
        let world = World { engine, localstack, rules: stack.join("infra/pipeline.yaml") };
        place::run(world.update(version, &former));
    }
}

struct World {
    engine: Engine,
    localstack: LocalStack,
    /// The operator's rules, which an update does not change.
    rules: PathBuf,
}

impl World {
    async fn update(&self, version: &str, former: &Release) {
        let mut expected = Expected::of([]);
        let before = self.deploy(former).await;
        let mut count = self.ingest(0..10, &mut expected).await;
        self.poison(POISONED[0]).await;
        self.rejected(&before, &POISONED[..1]).await;
        self.arrived(count).await;

        let is_updated = AtomicBool::new(false);
        let update = async {
            let started = Instant::now();
            let after = self.deploy(&Release::current()).await;
            place::figure(&format!("update from {version}"), "seconds", started.elapsed().as_secs());
            // What is sent now is read by the functions of today.
            tokio::time::sleep(Duration::from_secs(2)).await;
            is_updated.store(true, Ordering::Relaxed);
            after
        };
        let (after, sent) = tokio::join!(update, self.ingest_until(&is_updated, &mut expected));
        place::figure(&format!("update from {version}"), "events during the update", sent);
        count += sent;
        count += self.ingest(5000..5010, &mut expected).await;
        self.poison(POISONED[1]).await;
        self.rejected(&after, &POISONED).await;
        self.arrived(count).await;

        assert_same(former, &before, &after);
        self.replayed(&after).await;
        assert_eq!(self.engine.count(INDICES).await, count, "a replay adds nothing");
        self.rejected(&after, &POISONED).await;
        self.engine.each_document(INDICES, |document| expected.found(&document.source)).await;
        expected.assert_met();
    }

    async fn deploy(&self, release: &Release) -> Stack {
        let (domain, aws) = (self.engine.url(), self.localstack.url());
        let parameters = [
            ("DomainEndpoint", domain.as_str()),
            ("DomainAuth", "none"),
            ("S3Endpoint", &aws),
            ("BucketName", BUCKET),
            ("StreamName", STREAM),
            ("StreamShards", "1"),
            ("Architecture", ARCHITECTURE),
            ("FunctionTimeout", "60"),
            // The engine reports the free storage of the machine that runs this test, which says nothing about the stack.
            ("FreeStorageBrake", "0.01%"),
        ];
        let source = Source { stack: "upgraded", release, rules: &self.rules, parameters: &parameters };
        self.localstack.deploy(&source).await
    }

    /// Puts an object and records for each seed. Returns the number of events.
    async fn ingest(&self, seeds: std::ops::Range<u32>, expected: &mut Expected) -> u64 {
        let mut count = 0;
        for seed in seeds {
            let [object, records] = [2 * seed, 2 * seed + 1].map(|seed| generate(COUNT, seed).collect::<Vec<_>>());
            object.iter().chain(&records).for_each(|line| expected.add(line.trim_end()));
            let (key, body) = (format!("source/jsona/{seed}.json.gz"), gzip(object.concat().as_bytes()));
            self.localstack.aws.put(BUCKET, &key, body).await;
            let records: Vec<_> = records.into_iter().map(String::into_bytes).collect();
            self.localstack.put_records(STREAM, &records).await;
            count += 2 * COUNT;
        }
        count
    }

    /// Puts objects and records until this is so. Returns the number of events.
    async fn ingest_until(&self, is_over: &AtomicBool, expected: &mut Expected) -> u64 {
        let (mut count, mut seed) = (0, 1000);
        while !is_over.load(Ordering::Relaxed) {
            count += self.ingest(seed..seed + 1, expected).await;
            seed += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        count
    }

    /// Puts an object that can never be indexed.
    async fn poison(&self, key: &str) {
        self.localstack.aws.put(BUCKET, key, POISON.into()).await;
    }

    /// Waits until there are dead letters of exactly these objects. A replay by another release can write a letter again, under another
    /// key.
    async fn rejected(&self, stack: &Stack, keys: &[&str]) {
        let bucket = stack.output("DeadLetterBucketName");
        let found = until("the dead letters", HIDDEN, async || {
            let objects = self.localstack.aws.objects(bucket, "dead-letters/").await;
            let letters = objects.iter().flat_map(|(_, body)| lines(body)).map(|letter| letter["position"].clone());
            let found: BTreeSet<String> = letters.map(|at| format!("{} at {}", at["key"], at["offset"])).collect();
            (found.len() >= keys.len()).then_some(found)
        })
        .await;
        assert_eq!(found.len(), keys.len(), "{found:?}");
        assert!(keys.iter().all(|key| found.iter().any(|position| position.contains(key))), "{found:?}");
    }

    /// Waits for this many events.
    async fn arrived(&self, count: u64) {
        let end = Instant::now() + HIDDEN;
        while self.engine.count(INDICES).await < count && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let said = || self.localstack.lines("").join("\n") + "\n" + &self.localstack.log();
        assert_eq!(self.engine.count(INDICES).await, count, "{}", said());
    }

    /// Replays the whole bucket with the functions of today, and waits until everything was read again.
    async fn replayed(&self, stack: &Stack) {
        let replay = stack.output("ReplayFunctionName");
        let begun = self.localstack.invoke(replay, &json!({ "from": format!("s3://{BUCKET}") })).await;
        until("the replay is over", HIDDEN, async || {
            let progress = self.localstack.invoke(replay, &json!({ "progress": begun["id"] })).await;
            (progress["phase"] == "done").then_some(())
        })
        .await;
        let queue = stack.output("QueueUrl");
        until("the queue is empty", HIDDEN, async || (self.messages(queue).await == 0).then_some(())).await;
        assert_eq!(self.messages(stack.resource("IngestDeadLetterQueue")).await, 0, "no message failed too often");
    }

    /// The number of messages of a queue, with those that are hidden.
    async fn messages(&self, queue: &str) -> u64 {
        let names = [Attribute::ApproximateNumberOfMessages, Attribute::ApproximateNumberOfMessagesNotVisible];
        let request = self.localstack.aws.sqs.get_queue_attributes().queue_url(queue);
        let said = request.set_attribute_names(Some(names.to_vec())).send().await.expect("the queue answers");
        let counts = said.attributes().expect("attributes").values();
        counts.map(|count| count.parse::<u64>().expect("a number")).sum()
    }
}

fn lines(body: &[u8]) -> Vec<Value> {
    let text = String::from_utf8_lossy(body);
    text.lines().map(|line| serde_json::from_str(line).expect("a dead letter")).collect()
}

/// Every resource of the former stack that holds data is the same one in the updated stack.
fn assert_same(former: &Release, before: &Stack, after: &Stack) {
    let template = translated(&former.template);
    let mut kept = 0;
    for (name, id) in &before.resources {
        let Some(kind) = template["Resources"][name]["Type"].as_str() else {
            assert!(name.starts_with("PipelineLayer"), "{name}"); // its name changes with the rules
            continue;
        };
        if !holds_data(kind) || (kind == "AWS::Lambda::Alias" && !after.resources.contains_key(name)) {
            continue;
        }
        assert_eq!(after.resources.get(name), Some(id), "{name}");
        kept += 1;
    }
    assert!(kept > 20, "{kept} resources with data");
}
