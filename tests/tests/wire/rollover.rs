//! Data streams and aliases that roll over: each event is there once, however often it is delivered, and whichever index
//! took it first.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use emulator::function::{Answer, Function};
use hyper::http::request::Parts;
use serde_json::json;
use tests::engine::Engine;
use tests::envelope;
use tests::events;
use tests::intercept::{Fault, Intercept};
use tests::kinesis::{self, Shard};
use tests::moto::{Moto, Object};
use tests::place::{self, figure};
use tests::receipt::{self, sum};
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(1);
const EVENTS: u64 = 1_200;
const MINUTE_MS: i64 = 60_000;
/// An object takes several requests.
const SMALL_REQUESTS: [(&str, &str); 3] =
    [("MILLRACE_MAX_BODY_BYTES", "262144"), ("MILLRACE_MAX_EVENT_BYTES", "65536"), ("MILLRACE_COMPRESSION", "none")];

#[derive(Clone, Copy, PartialEq)]
enum Layout {
    DataStream,
    Alias,
}

/// A name that rolls over, with the first of its indices.
struct Rolled<'s> {
    engine: &'s Engine,
    scene: Scene<'s>,
    layout: Layout,
}

impl<'s> Rolled<'s> {
    /// `None` if this engine has no data streams.
    async fn new(engine: &'s Engine, moto: &'s Moto, name: &str, layout: Layout) -> Option<Self> {
        if layout == Layout::DataStream {
            let template = json!({ "index_patterns": [name], "priority": 500, "data_stream": {} });
            let (status, answer) = engine.send("PUT", &format!("/_index_template/{name}"), &template.to_string()).await;
            if status != 200 {
                println!("figure | data stream | this engine has none | {status} {answer}");
                return None;
            }
        } else {
            let first = json!({ "aliases": { name: { "is_write_index": true } } });
            engine.ask("PUT", &format!("/{name}-000001"), &first.to_string()).await;
        }
        let it = Self { engine, scene: Scene::new(moto, name).await, layout };
        it.rules("bucket: \"t-*\", key: \"**\"");
        Some(it)
    }

    fn rules(&self, from: &str) {
        let (name, kind) = (&self.scene.prefix, if self.layout == Layout::Alias { "alias" } else { "data_stream" });
        self.scene.set_pipeline(&format!(
            "datasets:\n  - name: {name}\n    from: {{ {from} }}\n    timestamp: base_dt\n    \
             fields: {{ date: {{ \"@timestamp\": base_dt }} }}\n    index: {{ {kind}: {name} }}\n"
        ));
    }

    /// Puts an object with events of its own.
    async fn object(&self, seed: u32) -> Object {
        self.scene.put(&format!("{seed}.json"), events::generate(EVENTS, seed).collect::<String>()).await
    }

    fn roll_over(&self) -> impl Fn() + Send + Sync + 'static {
        let (url, path) = (self.engine.url(), format!("/{}/_rollover", self.scene.prefix));
        move || assert!(post(&url, &path, b"").contains("\"rolled_over\":true"))
    }

    async fn count(&self) -> u64 {
        self.engine.count(&self.scene.prefix).await
    }
}

/// A request that ends before the calling thread goes on.
fn post(url: &str, path: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("the engine runs");
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: engine\r\nContent-Type: application/x-ndjson\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

/// Old engines want a type in the path.
fn is_bulk(head: &Parts) -> bool {
    head.uri.path().ends_with("/_bulk")
}

async fn deliver(function: &mut Function, object: &Object) {
    let answer = function.invoke(&envelope::s3(&[object]), TIMEOUT).await.expect("it runs");
    assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
}

#[test]
fn each_event_is_in_a_data_stream_or_an_alias_once_whatever_is_delivered_again_after_rollovers() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        for (name, layout) in [("again-rolled-stream", Layout::DataStream), ("again-rolled-alias", Layout::Alias)] {
            let Some(it) = Rolled::new(engine, moto, name, layout).await else { continue };
            let domain = Intercept::start(&engine.url()).await;
            let mut function = it.scene.function(&domain.url(), &SMALL_REQUESTS).await;
            let mut objects = Vec::new();
            for seed in 1..=3 {
                let object = it.object(seed).await;
                // One of the requests is carried out, its answer is lost, and the name rolls over before the retry.
                let (mut bulks, mut is_lost, roll_over) = (0, false, it.roll_over());
                domain.set(move |head, _| {
                    let is_bulk = is_bulk(head);
                    bulks += u32::from(is_bulk);
                    if is_lost && !is_bulk {
                        is_lost = false;
                        roll_over();
                    } else if is_bulk && bulks == 2 {
                        is_lost = true;
                        return Fault::Lost(502);
                    }
                    Fault::None
                });
                deliver(&mut function, &object).await;
                objects.push(object);
            }
            let total = 3 * EVENTS;
            assert_eq!(it.count().await, total, "{name}: after lost answers");
            domain.set(|_, _| Fault::None);
            // By the function that knows the indices, and by one that does not.
            let mut other = it.scene.function(&domain.url(), &SMALL_REQUESTS).await;
            for function in [&mut function, &mut other] {
                for object in &objects {
                    deliver(function, object).await;
                }
            }
            assert_eq!(it.count().await, total, "{name}: after redeliveries");
            let of = receipts(&other);
            assert_eq!((sum(&of, |r| r.duplicates), sum(&of, |r| r.sent)), (total, 0), "{name}: found before sending");
            let generations = engine.ask("GET", &format!("/{name}/_settings/index.creation_date"), "").await;
            assert_eq!(generations.matches("creation_date").count(), 4, "{name}: {generations}");
        }
    });
}

#[test]
fn records_of_a_stream_are_looked_up_only_if_they_arrived_before_the_rollover() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let Some(it) = Rolled::new(engine, moto, "rolled-records", Layout::Alias).await else { return };
        it.rules("stream: rolled-records");
        let domain = Intercept::start(&engine.url()).await;
        let (looks, counted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (seen, asked) = (Arc::clone(&looks), Arc::clone(&counted));
        domain.set(move |head, _| {
            seen.fetch_add(u64::from(head.uri.path().ends_with("/_mget")), Ordering::Relaxed);
            asked.fetch_add(u64::from(head.uri.path().contains("/_settings")), Ordering::Relaxed);
            Fault::None
        });
        let mut function = it.scene.start("kinesis-ingest", &domain.url(), &[]).await;
        let mut shard = Shard::new("rolled-records", 0);
        let lines: Vec<String> = events::generate(60, 9).collect();
        let mut batch = |lines: &[String], later_ms: i64| -> Vec<_> {
            #[expect(clippy::disallowed_methods, reason = "the indices are as old as the clock says")]
            let at = jiff::Timestamp::now().as_millisecond() + later_ms;
            let at = u64::try_from(at).expect("after 1970");
            lines.iter().map(|line| shard.record_at(line.as_bytes(), at)).collect()
        };
        let early = batch(&lines[..30], -60 * MINUTE_MS);
        let mut deliver = async |batch: &[_]| {
            let before = looks.load(Ordering::Relaxed);
            let answer = function.invoke(&kinesis::event(batch), TIMEOUT).await.expect("it runs");
            assert!(matches!(&answer, Answer::Response(_)), "{answer:?} {:#?}", function.lines());
            looks.load(Ordering::Relaxed) - before
        };
        // An index alone has no earlier one.
        assert_eq!(deliver(&early).await, 0);
        for _ in 0..3 {
            it.roll_over()();
        }
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        // The margin for clocks is five minutes: this batch surely arrived after the rollovers.
        let late = batch(&lines[30..], 5 * MINUTE_MS - 1_000);
        assert_eq!(deliver(&late).await, 0, "it arrived after the rollover");
        assert_eq!(deliver(&late).await, 0, "the domain finds its duplicates");
        assert_eq!(deliver(&early).await, 4, "each index is asked once, the first one last");
        let of: Vec<receipt::Kinesis> = receipt::of(&function);
        assert_eq!((sum(&of, |r| r.indexed), sum(&of, |r| r.duplicates), it.count().await), (60, 60, 60), "{of:?}");
        assert!(counted.load(Ordering::Relaxed) <= 4, "at most once for each request");
    });
}

#[test]
fn an_event_is_not_sent_while_an_index_that_may_hold_it_cannot_be_read() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let name = "rolled-closed";
        let Some(it) = Rolled::new(engine, moto, name, Layout::Alias).await else { return };
        let object = it.object(5).await;
        deliver(&mut it.scene.function(&engine.url(), &[]).await, &object).await;
        it.roll_over()();
        engine.ask("POST", &format!("/{name}-000001/_close"), "").await;
        // Another one, since a function relies for a second on what it knows about the indices.
        let mut function = it.scene.function(&engine.url(), &[]).await;
        let answer = function.invoke(&envelope::s3(&[&object]), Duration::from_secs(3)).await.expect("it runs");
        assert_ne!(answer, Answer::Response("null".into()));
        let lines = function.lines().concat();
        assert!(lines.contains(&format!("{name}-000001 may hold events that are delivered again")), "{lines}");
        assert!(lines.contains(&format!("open it, or remove it from {name}")), "{lines}");
        let of = receipts(&function);
        assert_eq!(of.last().map(|r| (r.undelivered, r.sent, r.dropped)), Some((EVENTS, 0, 0)), "{of:?}");

        engine.ask("POST", &format!("/{name}-000001/_open?wait_for_active_shards=1"), "").await;
        deliver(&mut function, &object).await;
        assert_eq!(it.count().await, EVENTS);
        // An index that was deleted holds nothing.
        engine.ask("DELETE", &format!("/{name}-000001"), "").await;
        deliver(&mut function, &object).await;
        assert_eq!(it.count().await, EVENTS);
        let of = receipts(&function);
        assert_eq!(of.last().map(|r| (r.indexed, r.duplicates)), Some((EVENTS, 0)), "{of:?}");
    });
}

#[test]
fn events_with_a_routing_are_looked_up_in_the_shard_that_holds_them() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let name = "rolled-routed";
        let template = json!({ "index_patterns": [format!("{name}-*")], "settings": { "number_of_shards": 3 } });
        engine.ask("PUT", &format!("/_template/{name}"), &template.to_string()).await;
        let Some(it) = Rolled::new(engine, moto, name, Layout::Alias).await else { return };
        it.scene.set_pipeline(&format!(
            "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    timestamp: base_dt\n    \
             index: {{ alias: {name}, routing: os }}\n"
        ));
        let object = it.object(9).await;
        deliver(&mut it.scene.function(&engine.url(), &[]).await, &object).await;
        it.roll_over()();
        // Another one, since a function relies for a second on what it knows about the indices.
        let mut function = it.scene.function(&engine.url(), &[]).await;
        deliver(&mut function, &object).await;
        let of = receipts(&function);
        assert_eq!(of.last().map(|r| (r.duplicates, r.sent)), Some((EVENTS, 0)), "{of:?}");
        assert_eq!(it.count().await, EVENTS);
    });
}

#[test]
fn nothing_is_sent_while_another_component_answers_for_the_indices() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let Some(it) = Rolled::new(engine, moto, "rolled-proxied", Layout::Alias).await else { return };
        let object = it.object(6).await;
        let domain = Intercept::start(&engine.url()).await;
        deliver(&mut it.scene.function(&domain.url(), &[]).await, &object).await;
        it.roll_over()();
        let bulks = Arc::new(AtomicU64::new(0));
        let (sent, mut lists) = (Arc::clone(&bulks), 0);
        domain.set(move |head, _| {
            sent.fetch_add(u64::from(is_bulk(head)), Ordering::Relaxed);
            lists += u32::from(head.uri.path().contains("/_settings"));
            match lists {
                1 => Fault::Answered { status: 404, header: None, body: "<html>no such page</html>" },
                2 => Fault::Answered { status: 404, header: None, body: r#"{"error":{"type":"other","reason":""}}"# },
                3 => Fault::Answered { status: 200, header: None, body: "{}" },
                _ => Fault::None,
            }
        });
        let mut function = it.scene.function(&domain.url(), &[]).await;
        deliver(&mut function, &object).await;
        assert_eq!((it.count().await, bulks.load(Ordering::Relaxed)), (EVENTS, 0), "{:#?}", function.lines());
    });
}

#[test]
fn events_that_were_looked_up_have_their_fate_although_the_next_ones_cannot_be() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let Some(it) = Rolled::new(engine, moto, "rolled-parts", Layout::Alias).await else { return };
        let object = it.object(8).await;
        let domain = Intercept::start(&engine.url()).await;
        let mut function = it.scene.function(&domain.url(), &[]).await;
        deliver(&mut function, &object).await;
        it.roll_over()();
        // Another one, since a function relies for a second on what it knows about the indices.
        let mut function = it.scene.function(&domain.url(), &[]).await;
        // One body has all events, and a look-up has at most 1,000 ids.
        domain.set(|head, body| {
            let is_last = body.split(|byte| *byte == b',').count() < 900;
            if head.uri.path().ends_with("/_mget") && is_last { Fault::Refused(503) } else { Fault::None }
        });
        function.invoke(&envelope::s3(&[&object]), Duration::from_secs(3)).await.expect("it runs");
        let of = receipts(&function);
        assert_eq!(of.last().map(|r| (r.duplicates, r.sent)), Some((1_000, 0)), "{of:?}");
        domain.set(|_, _| Fault::None);
        deliver(&mut function, &object).await;
        assert_eq!(it.count().await, EVENTS);
    });
}

#[test]
fn a_rollover_between_two_deliveries_of_one_request_doubles_that_request_and_nothing_else() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let Some(it) = Rolled::new(engine, moto, "rolled-twice", Layout::Alias).await else { return };
        let object = it.object(7).await;
        let domain = Intercept::start(&engine.url()).await;
        let mut function = it.scene.function(&domain.url(), &SMALL_REQUESTS).await;
        // After the look-up, another delivery of the same events comes first, and then a rollover.
        let doubled = Arc::new(Mutex::new(0));
        let (roll_over, url, of_one) = (it.roll_over(), engine.url(), Arc::clone(&doubled));
        domain.set(move |head, body| {
            let mut doubled = of_one.lock().expect("no panic");
            if is_bulk(head) && *doubled == 0 {
                let answer = post(&url, &format!("{}?filter_path=items.*.status", head.uri.path()), body);
                *doubled = answer.matches("\"status\":201").count() as u64;
                roll_over();
            }
            Fault::None
        });
        deliver(&mut function, &object).await;
        let doubled = *doubled.lock().expect("no panic");
        assert!(doubled > 0 && doubled < EVENTS, "{doubled}");
        assert_eq!(it.count().await, EVENTS + doubled);
        // Every later delivery finds the events in both indices.
        deliver(&mut function, &object).await;
        assert_eq!(it.count().await, EVENTS + doubled);
        figure("two deliveries in flight across a rollover", "events of the one request, all of them doubled", doubled);
    });
}

#[test]
fn two_functions_that_deliver_the_same_objects_during_rollovers_double_few_events() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let Some(it) = Rolled::new(engine, moto, "rolled-often", Layout::Alias).await else { return };
        let mut objects = Vec::new();
        for seed in 11..19 {
            objects.push(it.object(seed).await);
        }
        let mut functions = [it.scene.function(&engine.url(), &[]).await, it.scene.function(&engine.url(), &[]).await];
        let [one, two] = &mut functions;
        let all = async |function: &mut Function| {
            for object in &objects {
                deliver(function, object).await;
            }
        };
        let (roll_over, end) = (it.roll_over(), Instant::now() + Duration::from_secs(2));
        let rolling = async {
            let mut count = 0;
            while Instant::now() < end {
                tokio::task::block_in_place(&roll_over);
                count += 1;
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            count
        };
        let ((), (), rollovers) = tokio::join!(all(one), all(two), rolling);
        let total = EVENTS * objects.len() as u64;
        let count = it.count().await;
        // Each of the two functions had one object at a time in flight.
        assert!(count >= total && count - total <= 2 * rollovers * EVENTS, "{count} of {total}, {rollovers} rollovers");
        let rate = format!("{} of {total} at {rollovers} rollovers", count - total);
        figure("the same objects by two functions at the same time", "events doubled", rate);
    });
}
