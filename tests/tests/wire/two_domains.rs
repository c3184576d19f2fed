//! Two stacks bring the objects of one bucket, or the records of one stream, into two domains. While one domain is down
//! for a simulated hour, the other one gets every event within seconds. Afterwards both have each event once.

use std::time::{Duration, Instant};

use emulator::domain::{Domain, DomainOptions};
use emulator::function::Function;
use emulator::queue::{self, Queue};
use emulator::response::BatchFailure;
use serde_json::Value;
use tests::engine::Engine;
use tests::envelope;
use tests::events::{self, Expected};
use tests::kinesis::{ARRIVED_MS, Shard};
use tests::mapping::{Limits, Mapping, Source, deliver, drain};
use tests::moto::{Moto, Object};
use tests::place::{self, figure};
use tests::proxy::{Fault, Proxy};
use tests::receipt::{self, sum};
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(1);
/// An invocation during the outage lasts until its deadline.
const SHORT: Duration = Duration::from_millis(250);
const HOUR: Duration = Duration::from_hours(1);
/// The simulated time between two objects.
const EVERY: Duration = Duration::from_mins(3);
/// The longest time between an event and its document in the domain that is up.
const LAG: Duration = Duration::from_secs(5);

/// One of the two stacks.
struct Stack {
    queue: Queue,
    function: Function,
}

impl Stack {
    async fn start(scene: &Scene<'_>, domain: &str) -> Self {
        let queue = Queue::start(140).await.expect("a free port");
        let env = [("MILLRACE_QUEUE_URL", queue.url()), ("AWS_ENDPOINT_URL_SQS", queue.endpoint())];
        let env: Vec<(&str, &str)> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let function = scene.function(domain, &env).await;
        Self { queue, function }
    }

    /// Invokes the function with every visible message. A message that fails stays hidden for as long as the function has
    /// set.
    async fn work(&mut self, limit: Duration) {
        loop {
            let messages = self.queue.receive(10);
            if messages.is_empty() {
                return;
            }
            let answer = self.function.invoke(&queue::event(&messages), limit).await.expect("the function runs");
            let failed = match queue::failed(&messages, &answer) {
                Ok(failed) => failed,
                Err(BatchFailure::NoResponse(_)) => (0..messages.len()).collect(),
                Err(misunderstood) => panic!("{misunderstood}"),
            };
            for (number, message) in messages.iter().enumerate() {
                if !failed.contains(&number) {
                    self.queue.delete(&message.id);
                }
            }
        }
    }
}

/// The notification as the second stack gets it: by SNS without and with raw delivery, or by EventBridge.
fn wrapped(number: usize, object: &Object) -> Value {
    match number % 3 {
        0 => envelope::notification(&envelope::s3(&[object])),
        1 => envelope::s3(&[object]),
        _ => envelope::event_bridge(object),
    }
}

#[test]
fn of_two_stacks_on_one_bucket_the_one_whose_domain_is_up_does_not_wait_for_the_other() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let (up, down) = (Scene::new(moto, "two-up").await, Scene::new(moto, "two-down").await);
        let other = Domain::start(DomainOptions::default()).await.expect("a free port");
        let proxy = Proxy::start(&other.url()).await;
        let mut first = Stack::start(&down, &proxy.url()).await;
        let mut second = Stack::start(&up, &engine.url()).await;
        let lines: Vec<String> = events::generate(200, 11).collect();
        let steps = usize::try_from(HOUR.as_secs() / EVERY.as_secs()).expect("a few");
        let mut longest = Duration::ZERO;
        for (number, lines) in lines.chunks(lines.len() / steps).enumerate() {
            // For half an hour, nothing reaches the domain. For the other half, requests do, and their answers are lost.
            let delay = if number < steps / 2 { Duration::ZERO } else { HOUR };
            proxy.set(Fault { refuse: number < steps / 2, delay, ..Fault::default() });
            let object = up.put(&format!("{number}.json"), lines.concat()).await;
            let since = Instant::now();
            first.queue.send(envelope::event_bridge(&object).to_string());
            second.queue.send(wrapped(number, &object).to_string());
            let working = async {
                second.work(TIMEOUT).await;
                since.elapsed()
            };
            let ((), lag) = tokio::join!(first.work(SHORT), working);
            longest = longest.max(lag);
            first.queue.advance(EVERY);
            second.queue.advance(EVERY);
        }
        assert!(longest < LAG, "{longest:?}");
        assert_eq!(engine.count(&up.indices()).await, lines.len() as u64);
        assert_eq!((first.queue.depth(), second.queue.depth()), (steps, 0));
        let failed = receipts(&first.function).len();

        proxy.set(Fault::default());
        for _ in 0..4 {
            first.work(TIMEOUT).await;
            first.queue.advance(HOUR);
        }
        assert_eq!((first.queue.depth(), first.queue.dead().len()), (0, 0));
        let mut expected = Expected::of(lines.iter().map(String::as_str));
        other.for_each(|_, _, source| expected.found(std::str::from_utf8(source).expect("events are UTF-8")));
        expected.assert_met();
        let mut expected = Expected::of(lines.iter().map(String::as_str));
        engine.each_document(&up.indices(), |document| expected.found(&document.source)).await;
        expected.assert_met();
        assert!(up.dead_letters().await.is_empty() && down.dead_letters().await.is_empty());
        let receipts: Vec<receipt::S3> = receipts(&second.function);
        assert_eq!((sum(&receipts, |one| one.duplicates), sum(&receipts, |one| one.undelivered)), (0, 0));
        let scenario = "two stacks on one bucket, one domain down for a simulated hour";
        figure(scenario, "longest time to the domain that is up, in milliseconds", longest.as_millis());
        figure(scenario, "attempts for the domain that is down", failed);
    });
}

#[test]
fn of_two_stacks_on_one_stream_the_one_whose_domain_is_up_does_not_wait_for_the_other() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let (up, down) = (Scene::new(moto, "pair-up").await, Scene::new(moto, "pair-down").await);
        let domains = [
            Domain::start(DomainOptions::default()).await.expect("a free port"),
            Domain::start(DomainOptions::default()).await.expect("a free port"),
        ];
        let proxy = Proxy::start(&domains[0].url()).await;
        for scene in [&up, &down] {
            scene.set_source("stream: pair", &[]);
        }
        let mut first = down.start("kinesis-ingest", &proxy.url(), &[]).await;
        let mut second = up.start("kinesis-ingest", &domains[1].url(), &[]).await;
        // Each event source mapping has its own position in the stream.
        let mut mappings = [0, 1].map(|_| Mapping::new(Source::Kinesis, Limits::unlimited(100)));
        let [late, prompt] = &mut mappings;
        let mut shard = Shard::new("pair", 0);
        let lines: Vec<String> = events::generate(120, 12).collect();
        let mut chunks = lines.chunks(10);
        let mut longest = Duration::ZERO;
        late.now_ms = ARRIVED_MS;
        proxy.set(Fault { refuse: true, ..Fault::default() });
        while late.now_ms < ARRIVED_MS + u64::try_from(HOUR.as_millis()).expect("an hour") {
            prompt.now_ms = late.now_ms;
            for line in chunks.next().unwrap_or_default() {
                let record = shard.record_at(line.as_bytes(), late.now_ms);
                late.put(record.clone());
                prompt.put(record);
            }
            let since = Instant::now();
            let working = async {
                drain(prompt, &mut second, TIMEOUT, 9).await;
                since.elapsed()
            };
            let (round, lag) = tokio::join!(deliver(late, &mut first, SHORT), working);
            let round = round.expect("records wait");
            assert_eq!(round.left.len(), round.items.len(), "something was acknowledged");
            longest = longest.max(lag);
        }
        assert!(longest < LAG, "{longest:?}");
        let sent = lines.len() - chunks.map(<[String]>::len).sum::<usize>();
        assert_eq!((domains[0].count("*"), domains[1].count("*")), (0, sent as u64));
        proxy.set(Fault::default());
        drain(late, &mut first, TIMEOUT, 200).await;
        for domain in &domains {
            let mut expected = Expected::of(lines[..sent].iter().map(String::as_str));
            domain.for_each(|_, _, source| expected.found(std::str::from_utf8(source).expect("events are UTF-8")));
            expected.assert_met();
        }
        let scenario = "two stacks on one stream, one domain down for a simulated hour";
        figure(scenario, "longest time to the domain that is up, in milliseconds", longest.as_millis());
    });
}
