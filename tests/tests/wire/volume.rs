//! Promises 1, 3 and 5 in volume: generated events in gzip objects, into the real engine, twice.

use std::time::{Duration, Instant};

use tests::engine::Engine;
use tests::events::{self, Expected};
use tests::moto::Moto;
use tests::place::{self, figure};
use tests::scene::{Scene, receipts, sum};

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
