//! The deployed stack with its services, and the events that its domain must hold.

use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use md5::{Digest, Md5};
use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::events::Expected;
use tests::localstack::{LocalStack, Release, Source, Stack, until};
use tests::moto::Object;
use tests::sam::ARCHITECTURE;
use tests::scene::DeadLetter;
use tests::{envelope, place, receipt};

/// The bucket of the stack's objects.
pub(crate) const BUCKET: &str = "stack-logs";
/// The stream of the stack.
pub(crate) const STREAM: &str = "stack-events";
/// A pattern of all its indices. Other tests share the engine.
const INDICES: &str = "stack-*,stacklive-*,stacknext-*,stacknextlive-*";
/// infra/pipeline.yaml with other names of indices, and with settings for setup and retention. The retention is long,
/// because the events are of 2023.
pub(crate) const RULES: &str = r#"datasets:
  - name: stack
    from: { bucket: "*", key: "source/jsona/**" }
    timestamp: base_dt
    index: stack-%{+YYYY.MM.dd}
    shards: 2
    replicas: 0
    retention: 1000w
  - name: stack-live
    from: { stream: "*" }
    timestamp: base_dt
    index: stacklive-%{+YYYY.MM.dd}
"#;

/// A stack, its domain, and the events that it received.
pub(crate) struct World<'w> {
    pub(crate) engine: &'w Engine,
    pub(crate) localstack: &'w LocalStack,
    pub(crate) stack: Stack,
    objects: Vec<Object>,
    expected: Expected,
}

impl<'w> World<'w> {
    pub(crate) async fn deploy(engine: &'w Engine, localstack: &'w LocalStack) -> Self {
        let started = Instant::now();
        let stack = deployed(engine, localstack, RULES, &[]).await;
        place::figure("template.yaml on LocalStack", "seconds until deployed", started.elapsed().as_secs());
        Self { engine, localstack, stack, objects: Vec::new(), expected: Expected::of([]) }
    }

    /// Deploys the stack again with other rules and other parameters.
    pub(crate) async fn update(&mut self, rules: &str, parameters: &[(&str, &str)]) {
        let started = Instant::now();
        self.stack = deployed(self.engine, self.localstack, rules, parameters).await;
        place::figure("template.yaml on LocalStack", "seconds until updated", started.elapsed().as_secs());
    }

    /// An object for a notification. The object does not have to exist.
    pub(crate) fn object(bucket: &str, key: &str, body: &[u8]) -> Object {
        Object {
            bucket: bucket.into(),
            key: key.into(),
            etag: hex::encode(Md5::digest(body)),
            version: None,
            size: body.len(),
        }
    }

    /// Puts an object into the bucket, which sends a notification.
    pub(crate) async fn put(&mut self, key: &str, body: Vec<u8>) {
        self.objects.push(self.localstack.aws.put(BUCKET, key, body).await);
    }

    /// All objects that were put into the bucket.
    pub(crate) fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Sends a message to the queue by hand.
    pub(crate) async fn notify(&self, message: &Value) {
        let request = self.localstack.aws.sqs.send_message().queue_url(self.stack.output("QueueUrl"));
        request.message_body(message.to_string()).send().await.expect("the message is sent");
    }

    /// Sets how often a message may fail before the queue gives it up.
    pub(crate) async fn allow_failures(&self, count: u32) {
        let policy =
            json!({ "deadLetterTargetArn": self.stack.output("DeadLetterQueueArn"), "maxReceiveCount": count });
        let request = self.localstack.aws.sqs.set_queue_attributes().queue_url(self.stack.output("QueueUrl"));
        let request = request.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
        request.send().await.expect("the queue is changed");
    }

    pub(crate) async fn queue_arn(&self) -> String {
        self.attribute(self.stack.output("QueueUrl"), QueueAttributeName::QueueArn).await
    }

    /// Invokes the function that an output names. Returns its answer.
    pub(crate) async fn ask(&self, function: &str, event: &Value) -> Value {
        self.localstack.invoke(self.stack.output(function), event).await
    }

    /// Waits until the mappings of the queue and of the stream are in this state.
    pub(crate) async fn wait_for_sources(&self, state: &str) {
        for mapping in ["S3IngestFunctionQueue", "KinesisIngestFunctionStream"] {
            let id = self.stack.resource(mapping);
            let what = format!("{mapping} is {state}");
            let is = async || (self.localstack.mapping(id).await == state).then_some(());
            until(&what, Duration::from_secs(30), is).await;
        }
    }

    /// The number of visible messages of a queue.
    pub(crate) async fn depth(&self, url: &str) -> u64 {
        let count = self.attribute(url, QueueAttributeName::ApproximateNumberOfMessages).await;
        count.parse().expect("a number")
    }

    async fn attribute(&self, url: &str, name: QueueAttributeName) -> String {
        let request = self.localstack.aws.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone());
        let said = request.send().await.expect("the queue answers");
        said.attributes().expect("attributes")[&name].clone()
    }

    /// Expects these events in the domain at the end, each once.
    pub(crate) fn expect(&mut self, lines: &[impl AsRef<str>]) {
        for line in lines {
            self.expected.add(line.as_ref().trim_end());
        }
    }

    /// The number of documents.
    pub(crate) async fn count(&self) -> u64 {
        self.engine.count(INDICES).await
    }

    /// Waits for this many documents.
    pub(crate) async fn wait_for(&self, count: u64, within: Duration) {
        arrived(self.engine, self.localstack, INDICES, count, within).await;
    }

    /// Index and source of the documents with the name and the user of an event, found as a user would in Discover.
    pub(crate) async fn search(&self, line: &str) -> Vec<(String, Value)> {
        let event = parse(line);
        let (name, user) = (event["event_name"].as_str().expect("a name"), event["adid"].as_str().expect("a user"));
        let query = format!(r#"event_name:{name} AND adid:"{user}""#);
        let path = format!("/{INDICES}/_search?q={}", envelope::encode(&query));
        let found = parse(&self.engine.ask("GET", &path, "").await);
        let hits = found["hits"]["hits"].as_array().expect("hits").iter();
        hits.map(|hit| (hit["_index"].as_str().expect("an index").into(), hit["_source"].clone())).collect()
    }

    /// All dead letters.
    pub(crate) async fn dead_letters(&self) -> Vec<DeadLetter> {
        let objects = self.localstack.aws.objects(self.stack.output("DeadLetterBucketName"), "dead-letters/").await;
        let texts = objects.into_iter().map(|(_, bytes)| String::from_utf8(bytes).expect("dead letters are text"));
        texts
            .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).expect(line)).collect::<Vec<_>>())
            .collect()
    }

    /// The final receipts of s3-ingest for an object, one for each delivery, the oldest first.
    pub(crate) fn receipts(&self, key: &str) -> Vec<receipt::S3> {
        let lines = self.localstack.lines(self.stack.resource("S3IngestFunction"));
        let said = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let receipts = said.filter(|line| line["message"] == "receipt" && line["key"] == key && line["final"] == true);
        let mut receipts: Vec<Value> = receipts.inspect(receipt::assert_balanced).collect();
        // Two environments can have read the object. Their logs come in any order.
        receipts.sort_by_key(|line| line["_aws"]["Timestamp"].as_u64().expect("the time of a receipt"));
        let read = |line: Value| serde_json::from_value(line.clone()).unwrap_or_else(|e| panic!("{e}: {line}"));
        receipts.into_iter().map(read).collect()
    }

    /// Checks that the domain holds exactly the expected events, each once and byte for byte.
    pub(crate) async fn assert_all_there(mut self) {
        let queue = self.stack.output("QueueUrl");
        until("the queue is empty", Duration::from_secs(30), async || (self.depth(queue).await == 0).then_some(()))
            .await;
        self.engine.each_document(INDICES, |document| self.expected.found(&document.source)).await;
        self.expected.assert_met();
    }
}

/// Waits for this many documents. If they do not arrive, or too many do, fails with the functions' logs.
pub(crate) async fn arrived(engine: &Engine, localstack: &LocalStack, indices: &str, count: u64, within: Duration) {
    let end = Instant::now() + within;
    while engine.count(indices).await < count && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let said = || localstack.lines("").join("\n") + "\n" + &localstack.log();
    assert_eq!(engine.count(indices).await, count, "{}", said());
}

/// Deploys the stack with these rules, and with these parameters in addition to the usual ones.
async fn deployed(engine: &Engine, localstack: &LocalStack, rules: &str, more: &[(&str, &str)]) -> Stack {
    let folder = place::scratch();
    let file = folder.path().join("pipeline.yaml");
    std::fs::write(&file, rules).expect("the clone is writable");
    let (domain, aws) = (engine.url(), localstack.url());
    let mut parameters = vec![
        ("DomainEndpoint", domain.as_str()),
        ("DomainAuth", "none"),
        ("S3Endpoint", &aws),
        ("BucketName", BUCKET),
        ("StreamName", STREAM),
        ("StreamShards", "1"),
        ("Architecture", ARCHITECTURE),
        ("FunctionTimeout", "60"),
        ("RetentionSchedule", "rate(1 minute)"),
        // The engine reports the free storage of the machine that runs this test, which says nothing about the stack.
        ("FreeStorageBrake", "0.01%"),
    ];
    parameters.extend(more);
    let source = Source { stack: "stack", release: &Release::current(), rules: &file, parameters: &parameters };
    localstack.deploy(&source).await
}
