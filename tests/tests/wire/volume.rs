//! Promises 1, 3 and 5 with many events: generated events in gzip objects and in Kinesis records, into the real engine,
//! twice.

use std::time::{Duration, Instant};

use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::kinesis::{self, Shard};
use tests::mapping::response;
use tests::moto::Moto;
use tests::payload;
use tests::place::{self, figure};
use tests::receipt;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

#[test]
fn every_event_arrives_once_byte_for_byte_and_again_is_harmless() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let count = place::event_count(crate::EVENTS);
        let scene = Scene::new(moto, "volume").await;
        let mut expected = Expected::default();
        let mut objects = Vec::new();
        let mut lines = events::generate(count, 1).peekable();
        while lines.peek().is_some() {
            let part: Vec<String> = lines.by_ref().take(usize::try_from(count.div_ceil(20)).unwrap()).collect();
            for line in &part {
                expected.add(line);
            }
            let key = format!("part-{:05}.ndjson.gz", objects.len());
            objects.push(scene.put(&key, events::gzip(part.concat().as_bytes())).await);
        }
        assert_eq!((expected.total(), objects.len()), (count, 20));

        let mut function = scene.function(&engine.url(), &[]).await;
        let began = Instant::now();
        for object in &objects {
            scene.notify(object).await;
        }
        let rounds = scene.queue.drain(&mut function, Duration::from_mins(10), 20).await;
        let seconds = began.elapsed().as_secs_f64();
        assert!(rounds.iter().all(|round| round.failed.is_empty()), "{rounds:?}");
        let first = receipts(&function);
        assert_eq!(first.len(), objects.len(), "one receipt an object");
        assert!(first.iter().all(|r| r.is_final && r.dataset.as_deref() == Some("volume")), "{first:?}");
        assert_eq!((sum(&first, |r| r.read), sum(&first, |r| r.indexed)), (count, count), "{first:?}");
        for object in &objects {
            let receipt = first.iter().find(|r| r.key == object.key).expect("a receipt for each key");
            assert_eq!((receipt.bytes_in, receipt.end_offset), (object.size as u64, receipt.bytes_raw));
        }
        assert_eq!(engine.count(&scene.indices()).await, count);
        engine
            .each_document(&scene.indices(), |document| {
                assert_eq!(document.index, format!("volume-{}", events::DAY));
                expected.found(&document.source);
            })
            .await;
        expected.assert_met();
        let scenario = format!("{count} events, 20 gzip objects, real engine");
        figure(&scenario, "indexed, every _source equal to its input", sum(&first, |r| r.indexed));
        figure(&scenario, "seconds, engine on the same two cores", format!("{seconds:.1}"));
        figure(&scenario, "bulk requests", sum(&first, |r| r.bulk_requests));

        for object in &objects {
            scene.notify(object).await;
        }
        scene.queue.drain(&mut function, Duration::from_mins(10), 20).await;
        let again = &receipts(&function)[first.len()..];
        assert_eq!((sum(again, |r| r.read), sum(again, |r| r.duplicates)), (count, count), "{again:?}");
        assert_eq!(engine.count(&scene.indices()).await, count, "again made documents");
        assert!(scene.dead_letters().await.is_empty());
        figure(&scenario, "delivered again: new documents", sum(again, |r| r.indexed));
        figure(&scenario, "delivered again: duplicates", sum(again, |r| r.duplicates));
    });
}

#[test]
fn every_event_of_a_stream_arrives_once_byte_for_byte_and_again_is_harmless() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let count = place::event_count(crate::EVENTS);
        let scene = Scene::new(moto, "stream-volume").await;
        scene.set_source("stream: volume", &[]);
        let mut function = scene.start("kinesis-ingest", &engine.url(), &[]).await;
        let mut expected = Expected::default();
        let scenario = format!("{count} events of a Kinesis stream, half of them aggregated, real engine");
        let began = Instant::now();
        for round in 1..=2 {
            // One invocation has 5,000 records of one event each, the next one has 100 records of 50 aggregated events.
            let mut shards = [Shard::new("volume", 0), Shard::new("volume", 1)];
            let mut lines = events::generate(count, 1).peekable();
            for number in 0.. {
                let part: Vec<String> = lines.by_ref().take(5000).collect();
                if part.is_empty() {
                    break;
                }
                if round == 1 {
                    for line in &part {
                        expected.add(line);
                    }
                }
                let items: Vec<_> = if number % 2 == 0 {
                    part.iter().map(|line| shards[0].record(line.as_bytes())).collect()
                } else {
                    payload::aggregated(&part, 50).iter().map(|frame| shards[1].record(frame)).collect()
                };
                let answer = function.invoke(&kinesis::event(&items), Duration::from_mins(5)).await.expect("it runs");
                assert_eq!(response(&answer), kinesis::answer(None), "{:#?}", function.lines().last());
            }
            assert_eq!(engine.count(&scene.indices()).await, count, "round {round}");
            let receipts: Vec<receipt::Kinesis> = receipt::of(&function);
            let sum = |of: fn(&receipt::Kinesis) -> u64| receipt::sum(&receipts, of);
            assert_eq!((sum(|r| r.indexed), sum(|r| r.duplicates)), (count, (round - 1) * count));
            if round == 1 {
                let seconds = began.elapsed().as_secs_f64();
                engine.each_document(&scene.indices(), |document| expected.found(&document.source)).await;
                expected.assert_met();
                figure(&scenario, "indexed, every _source equal to its input", expected.total());
                figure(&scenario, "seconds, engine on the same two cores", format!("{seconds:.1}"));
            } else {
                figure(&scenario, "delivered again: new documents", sum(|r| r.indexed) - count);
            }
        }
        assert!(scene.dead_letters_of::<kinesis::KinesisPosition>().await.is_empty());
    });
}
