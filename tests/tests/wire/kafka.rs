//! kafka-ingest and the real engine: topics of MSK and of self-managed clusters, and answers that report each
//! topic-partition separately.

use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::kafka::{self, Cluster, KafkaPosition, Partition};
use tests::kinesis::ARRIVED_MS;
use tests::mapping::{Item, Limits, Mapping, Source, deliver, drain, response};
use tests::moto::Moto;
use tests::payload;
use tests::place::{self, figure};
use tests::receipt::{self, Offsets, sum};
use tests::scene::Scene;

const TIMEOUT: Duration = Duration::from_mins(2);
/// The deadline. Only it ends an invocation that the domain refuses.
const REFUSED: Duration = Duration::from_secs(3);

async fn start(scene: &Scene<'_>, domain: &str) -> Function {
    scene.start("kafka-ingest", domain, &[]).await
}

fn receipts(function: &Function) -> Vec<receipt::Kafka> {
    receipt::of(function)
}

fn mapping(cluster: &Cluster, items: &[Item], batch_size: usize) -> Mapping {
    let mut mapping = Mapping::new(Source::Kafka(cluster.clone()), Limits::unlimited(batch_size));
    mapping.put_all(items.iter().cloned());
    mapping
}

fn event(number: usize) -> String {
    format!(r#"{{"base_dt":"2023-11-14T00:00:00Z","number":{number}}}"#)
}

#[test]
fn records_of_every_kind_arrive_once_from_either_kind_of_cluster_and_again_is_harmless() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let mut random = fastrand::Rng::with_seed(place::seed("kafka"));
    place::run(async {
        for (name, cluster) in [("kafka-msk", kafka::msk("sales")), ("kafka-own", Cluster::SelfManaged)] {
            let scene = Scene::new(moto, name).await;
            scene.set_source(&format!("topic: \"{name}\""), &[]);
            let lines: Vec<String> = events::generate(2000, 5).collect();
            let mut expected = Expected::of(lines.iter().map(String::as_str));
            let mut partitions: Vec<_> = (0..3).map(|number| Partition::new(name, number)).collect();
            let (mut items, mut bad, mut rest) = (Vec::new(), Vec::new(), &lines[..]);
            while !rest.is_empty() {
                let (these, later) = rest.split_at(random.usize(1..12).min(rest.len()));
                rest = later;
                let partition = &mut partitions[random.usize(0..3)];
                items.push(partition.record(&payload::packed(random.u8(0..payload::PLAIN_FORMS), these)));
                match random.u8(0..10) {
                    0 => items.push(partition.tombstone()),
                    1 => {
                        let kinds = payload::poison();
                        let poison = &kinds[random.usize(0..kinds.len())];
                        items.push(partition.record(poison));
                        bad.push((position(&cluster, &items[items.len() - 1]), poison.clone()));
                    }
                    _ => {}
                }
                let record = items.len() - 1;
                // Signed bytes, as Java writes them. The key is arbitrary or absent.
                items[record].entry["headers"] = json!([{ "h": [-1, -128, 127, 0] }, {}]);
                items[record].entry["key"] = if random.bool() { json!("/w==") } else { Value::Null };
            }
            let mut function = start(&scene, &engine.url()).await;
            let mut first = mapping(&cluster, &items, 100);
            drain(&mut first, &mut function, TIMEOUT, items.len()).await;
            engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
            expected.assert_met();
            bad.sort();
            for round in 1..=2 {
                let letters = scene.dead_letters_of::<KafkaPosition>().await;
                let mut found: Vec<_> = letters.iter().map(|l| (l.position.clone(), l.payload())).collect();
                found.sort();
                found.dedup(); // letters are written at least once
                assert_eq!(found, bad, "{round}");
                // Delivers the records again, in other batches.
                let before = receipts(&function).len();
                drain(&mut mapping(&cluster, &items, 1000), &mut function, TIMEOUT, 10).await;
                let again = &receipts(&function)[before..];
                assert_eq!((sum(again, |r| r.indexed), sum(again, |r| r.duplicates)), (0, 2000), "{name} {again:?}");
            }
            assert_eq!(engine.count(&scene.indices()).await, 2000);
            figure(&format!("{} Kafka records of 2000 events, {name}", items.len()), "lost or doubled", 0);
        }
    });
}

fn position(cluster: &Cluster, item: &Item) -> KafkaPosition {
    let number = |name: &str| item.entry[name].as_i64().expect("a number");
    KafkaPosition {
        cluster: kafka::name(cluster),
        topic: item.group.clone(),
        partition: number("partition"),
        offset: number("offset"),
        timestamp: number("timestamp"),
        byte_offset: 0,
    }
}

#[test]
fn the_partition_that_the_domain_refuses_is_reported_alone_and_goes_on_from_there() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "kafka-partition").await;
        scene.set_pipeline(
            "datasets:\n  - { name: kafka-partition, from: { topic: t }, index: \"kafka-partition-%{where}\" }\n",
        );
        engine.ask("PUT", "/kafka-partition-there", "").await;
        engine.index_setting("kafka-partition-there", "index.blocks.write", &json!(true)).await;
        let cluster = kafka::msk("c");
        let mut partitions: Vec<_> = (0..3).map(|number| Partition::new("t", number)).collect();
        // Partition 1: the third and the fifth record are refused. Partition 2: first a tombstone, then a refused
        // record.
        let mut items = Vec::new();
        for (partition, place) in [
            (0, "here"),
            (1, "here"),
            (1, "here"),
            (1, "there"),
            (2, ""),
            (2, "there"),
            (1, "here"),
            (1, "there"),
            (0, "here"),
        ] {
            let partition = &mut partitions[partition];
            items.push(match place {
                "" => partition.tombstone(),
                place => partition.record(format!(r#"{{"where":"{place}"}}"#).as_bytes()),
            });
        }
        let mut function = start(&scene, &engine.url()).await;
        let mut mapping = mapping(&cluster, &items, 100);
        let round = deliver(&mut mapping, &mut function, REFUSED).await.expect("records");
        // The order of the partitions does not matter.
        let failures = |mut answer: Value| {
            let failures = answer["batchItemFailures"].as_array_mut().expect("a list");
            failures.sort_by_key(ToString::to_string);
            failures.clone()
        };
        assert_eq!(failures(response(&round.answer)), failures(kafka::answer(&[&items[3], &items[5]])));
        let receipt = &receipts(&function)[0];
        assert_eq!((receipt.topic.as_str(), receipt.is_final), ("t", false), "{receipt:?}");
        let offsets = |partition: &str| receipt.partitions[partition];
        assert_eq!(offsets("0"), Offsets { start_offset: 0, end_offset: 2 });
        assert_eq!(offsets("1"), Offsets { start_offset: 0, end_offset: 2 });
        assert_eq!(offsets("2").end_offset, 1);
        assert_eq!((receipt.read, receipt.indexed, receipt.undelivered), (8, 5, 3), "{receipt:?}");

        engine.index_setting("kafka-partition-there", "index.blocks.write", &json!(false)).await;
        drain(&mut mapping, &mut function, TIMEOUT, 1).await;
        assert_eq!(engine.count(&scene.indices()).await, 8);
        assert!(scene.dead_letters_of::<KafkaPosition>().await.is_empty());
        let last = &receipts(&function)[1];
        assert_eq!((last.indexed, last.duplicates), (3, 1), "what stood behind the refused one came again: {last:?}");
    });
}

#[test]
fn the_topic_whose_index_is_blocked_is_reported_and_the_other_is_not() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "kafka-topic").await;
        scene.set_pipeline(
            "datasets:\n  - { name: kafka-topic-a, from: { topic: a }, index: kafka-topic-a }\n  \
             - { name: kafka-topic-b, from: { topic: \"b*\" }, index: kafka-topic-b }\n",
        );
        engine.ask("PUT", "/kafka-topic-b", "").await;
        engine.index_setting("kafka-topic-b", "index.blocks.write", &json!(true)).await;
        let (mut a, mut b) = (Partition::new("a", 0), [Partition::new("b-1", 0), Partition::new("b-1", 7)]);
        let items: Vec<_> = (0..20)
            .map(|number| {
                if number % 2 == 0 { &mut a } else { &mut b[number / 2 % 2] }.record(event(number).as_bytes())
            })
            .collect();
        let mut function = start(&scene, &engine.url()).await;
        let event = Cluster::SelfManaged.event(&items);
        let answer = function.invoke(&event, REFUSED).await.expect("it runs");
        assert_eq!(response(&answer), kafka::answer(&[&items[1], &items[3]]));
        assert_eq!(engine.count("kafka-topic-a").await, 10);
        engine.index_setting("kafka-topic-b", "index.blocks.write", &json!(false)).await;
        let answer = function.invoke(&event, TIMEOUT).await.expect("it runs");
        assert_eq!(response(&answer), kafka::answer(&[]));
        assert_eq!((engine.count("kafka-topic-a").await, engine.count("kafka-topic-b").await), (10, 10));
    });
}

#[test]
fn a_recreated_topic_counts_from_zero_and_its_events_of_both_times_are_indexed() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "kafka-lives").await;
        scene.set_source("topic: lives", &[]);
        let cluster = Cluster::SelfManaged;
        let mut function = start(&scene, &engine.url()).await;
        let mut all = Vec::new();
        for life in 0..2 {
            let mut partition = Partition::created("lives", 0, ARRIVED_MS + life * 86_400_000);
            // The same events at the same offsets: only the times differ.
            let items: Vec<_> = (0..100).map(|number| partition.record(event(number).as_bytes())).collect();
            drain(&mut mapping(&cluster, &items, 30), &mut function, TIMEOUT, 4).await;
            all.push(items);
        }
        assert_eq!(engine.count(&scene.indices()).await, 200);
        for items in &all {
            drain(&mut mapping(&cluster, items, 1000), &mut function, TIMEOUT, 1).await;
        }
        let receipts = receipts(&function);
        assert_eq!((sum(&receipts, |r| r.indexed), sum(&receipts, |r| r.duplicates)), (200, 200), "{receipts:?}");
        assert_eq!(engine.count(&scene.indices()).await, 200);
        let scenario = "a Kafka topic that was deleted and created again, 100 events at the same offsets";
        figure(scenario, "documents of both lives", 200);
        figure(scenario, "delivered again: new documents", 0);
    });
}

#[test]
fn topics_without_a_dataset_and_foreign_events_fail_as_a_whole() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "kafka-strange").await;
        scene.set_source("topic: \"other-*\"", &[]);
        let mut function = start(&scene, "http://127.0.0.1:9").await;
        let items = [Partition::new("kafka-strange", 0).record(b"{}")];
        let kinesis = tests::kinesis::event(&[tests::kinesis::Shard::new("other-1", 0).record(b"{}")]);
        for event in [Cluster::SelfManaged.event(&items), kinesis, json!({ "a": 1 }), json!([])] {
            let answer = function.invoke(&event, TIMEOUT).await.expect("it runs");
            assert!(matches!(answer, Answer::Error { .. }), "{event}: {answer:?}");
        }
        // Without events, nothing is undelivered: no records, or only tombstones.
        let tombstones = [Partition::new("other-1", 0).tombstone()];
        for items in [&[][..], &tombstones] {
            let answer = function.invoke(&Cluster::SelfManaged.event(items), TIMEOUT).await.expect("it runs");
            assert_eq!(response(&answer), kafka::answer(&[]));
        }
    });
}

#[test]
fn a_record_that_calls_itself_years_old_makes_no_event_absurd_and_its_letters_can_be_replayed() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "kafka-times").await;
        scene.set_source("topic: \"kafka-times\"", &[]);
        let mut partition = Partition::new("kafka-times", 0);
        // No timestamp, zero, a clock of 2020. The fourth event has its own date, which is in the future by any clock.
        let times = [json!(-1), json!(0), json!(1_580_000_000_000_i64), json!(-1)];
        let days = ["2023-11-14", "2023-11-15", "2023-11-16", "2999-01-01"];
        let items: Vec<Item> = days
            .iter()
            .zip(times)
            .map(|(day, time)| {
                let mut item = partition.record(format!("{{\"base_dt\":\"{day}\",\"n\":\"text\"}}").as_bytes());
                item.entry["timestamp"] = time;
                item
            })
            .collect();
        // None of the events fits the first mapping.
        let map = async |kind: &str| {
            let mappings = json!({ "properties": { "n": { "type": kind } } });
            let template = json!({ "index_patterns": ["kafka-times-*"], "template": { "mappings": mappings } });
            engine.ask("PUT", "/_index_template/kafka-times", &template.to_string()).await;
        };
        map("long").await;
        let mut function = start(&scene, &engine.url()).await;
        drain(&mut mapping(&Cluster::SelfManaged, &items, 10), &mut function, TIMEOUT, 2).await;
        let letters = scene.dead_letters_of::<KafkaPosition>().await;
        let types: Vec<&str> = letters.iter().map(|letter| letter.error_type.as_str()).collect();
        assert_eq!(types.iter().filter(|name| **name == "absurd_timestamp").count(), 1, "{letters:?}");
        assert_eq!(letters.len(), 4);

        engine.ask("DELETE", "/kafka-times-*", "").await;
        map("keyword").await;
        scene.replay_letters().await;
        let mut ingest = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut ingest, TIMEOUT, 3).await;
        assert_eq!(engine.count("kafka-times-*").await, 3);
        let left = scene.dead_letters_of::<KafkaPosition>().await;
        assert_eq!(left.iter().map(|letter| letter.error_type.as_str()).collect::<Vec<_>>(), ["absurd_timestamp"]);
        // Delivers the records again: all exist, under the same ids.
        drain(&mut mapping(&Cluster::SelfManaged, &items, 10), &mut function, TIMEOUT, 2).await;
        assert_eq!(engine.count("kafka-times-*").await, 3);
    });
}
