//! The rules change while events arrive. The rest of an object is kept until the rules match it again. An object
//! without a dataset is reported.

use std::time::Duration;

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::envelope;
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

const TIMEOUT: Duration = Duration::from_mins(1);

fn pipeline(index: &str, name: &str, from: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"[!d]*\", {from} }}\n    timestamp: base_dt\n    index: {index}-%{{+YYYY.MM.dd}}\n"
    )
}

fn event(number: usize) -> String {
    format!("{{\"base_dt\":\"2023-11-14T00:00:00Z\",\"n\":{}}}\n", 100 + number)
}

#[test]
fn the_rest_of_an_object_whose_dataset_is_gone_is_kept_until_the_rules_take_it_again() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "rest").await;
        let object = scene.put("a.json", (0..100).map(event).collect::<String>()).await;
        // The format of release e0357a9. There are two, because an object can have several continuations.
        let continuation = |number: usize| {
            let offset = event(0).len() * number;
            json!({
                "millrace": "continuation", "dataset": "renamed", "pipeline": "other", "hops": 1,
                "object": { "bucket": object.bucket, "key": object.key, "version": null, "etag": object.etag },
                "checkpoint": { "offset": offset, "format": "ndjson", "inside": false, "compression": "none",
                                "member": { "compressed": offset, "raw": offset } },
            })
        };
        scene.queue.send(&continuation(60)).await;
        scene.queue.send(&continuation(30)).await;
        scene.set_pipeline(&pipeline("rest", "elsewhere", "key: \"elsewhere/**\""));
        let mut function = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut function, TIMEOUT, 2).await;
        let letters = scene.dead_letters().await;
        let told: Vec<_> = letters.iter().map(|one| (one.error_type.as_str(), one.position.offset)).collect();
        let offsets = [30, 60].map(|number| (event(0).len() * number) as u64);
        assert_eq!(told, offsets.map(|offset| ("no_dataset", offset)), "{letters:?}");
        let receipts: Vec<Value> = function.receipts();
        assert_eq!(receipts.len(), 2);
        assert!(receipts.iter().all(|one| one["rejected"] == 1 && one["balances"] == true), "{receipts:?}");

        // No dataset matches yet: replays leave the letters as they are.
        for _ in 0..2 {
            assert_eq!(scene.replay_letters().await, 2);
            scene.queue.drain(&mut function, TIMEOUT, 2).await;
            assert_eq!(format!("{:?}", scene.dead_letters().await), format!("{letters:?}"));
        }

        // Another dataset matches it now.
        scene.set_pipeline(&pipeline("rest", "new", "key: \"*.json\""));
        let mut function = scene.function(&engine.url(), &[]).await;
        scene.replay_letters().await;
        scene.queue.drain(&mut function, TIMEOUT, 4).await;
        assert_eq!((engine.count("rest-*").await, scene.dead_letters().await.len()), (70, 0));
        // The whole object is delivered: the replayed events already have its ids.
        scene.notify(&object).await;
        scene.queue.drain(&mut function, TIMEOUT, 1).await;
        assert_eq!(engine.count("rest-*").await, 100);
    });
}

#[test]
fn an_object_that_no_dataset_takes_is_reported_by_a_receipt_and_a_metric() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "unmatched").await;
        scene.set_pipeline(&pipeline(
            "unmatched",
            "app",
            "key: \"app/**\", exclude: [\"**/_SUCCESS\", \"app/tmp/**\"]",
        ));
        let mut objects = Vec::new();
        for (key, body) in [
            ("app/a.json", event(1)),
            ("app/", String::new()),
            ("app/_SUCCESS", String::new()),
            ("app/tmp/b.json", event(2)),
            ("other/", String::new()),
            ("other/c.json", event(3)),
            ("other/slash/", event(4)),
        ] {
            objects.push(scene.put(key, body).await);
        }
        let mut function = scene.function(&engine.url(), &[]).await;
        let notification = envelope::s3(&objects.iter().collect::<Vec<_>>());
        function.invoke(&notification, TIMEOUT).await.expect("it runs").response().expect("all of it is settled");
        let receipts = function.receipts();
        let unmatched: Vec<&Value> = receipts.iter().filter(|line| line.get("unmatched").is_some()).collect();
        let keys: Vec<&str> = unmatched.iter().filter_map(|line| line["key"].as_str()).collect();
        assert_eq!(keys, ["other/c.json", "other/slash/"]);
        for line in unmatched {
            assert_eq!((&line["unmatched"], &line["bucket"]), (&json!(1), &json!(scene.bucket)));
            let expected = json!([{ "Namespace": "Millrace", "Dimensions": [["function"]],
                                    "Metrics": [{ "Name": "unmatched", "Unit": "Count" }] }]);
            assert_eq!(line["_aws"]["CloudWatchMetrics"], expected);
            assert!(line["function"].is_string() && line.get("final").is_none(), "{line}");
        }
        assert!(scene.dead_letters().await.is_empty());
    });
}
