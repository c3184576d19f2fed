//! `id: { field: … }` from numbers of any length: each number is one document.

use std::collections::BTreeMap;
use std::time::Duration;

use tests::engine::Engine;
use tests::envelope;
use tests::moto::Moto;
use tests::place;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(1);

#[test]
fn eighteen_long_numbers_are_eighteen_documents() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "identity").await;
        scene.set_source("bucket: \"[!d]*\", key: \"**\"", &["id: { field: eid }", "fields: { drop: [eid] }"]);
        let mut numbers: Vec<String> =
            (0..10).map(|number| format!("340282366920938463463374607431768211{number:03}")).collect();
        numbers.extend((6..9).map(|last| format!("1844674407370955161{last}")));
        numbers.extend((1..4).map(|last| format!("0.1234567890123456789{last}")));
        numbers.extend(["9007199254740993.0", "9007199254740992.0"].map(str::to_owned));
        assert_eq!(numbers.len(), 18);
        let event = |number: &str| format!("{{\"base_dt\":\"2023-11-14T00:00:00Z\",\"eid\":{number},\"n\":1}}\n");
        let object = scene.put("ids.json", numbers.iter().map(|number| event(number)).collect::<String>()).await;
        // Several spellings of one number are one document.
        let same = scene.put("same.json", ["1", "1.0", "1e0", "10e-1"].map(event).concat()).await;
        // A number with more digits than an id can hold is rejected. It does not get the id of another number.
        let long = scene.put("long.json", event(&format!("0.{}1", "0".repeat(511)))).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        for _ in 0..2 {
            function.invoke(&envelope::s3(&[&object, &same, &long]), TIMEOUT).await.expect("the function runs");
        }
        let mut ids = BTreeMap::new();
        engine.each_document(&scene.indices(), |document| *ids.entry(document.id).or_insert(0) += 1).await;
        let written: Vec<String> = numbers.iter().map(|number| number.trim_end_matches(".0").to_owned()).collect();
        let expected: BTreeMap<String, i32> = written.into_iter().chain(["1".to_owned()]).map(|id| (id, 1)).collect();
        assert_eq!(ids, expected);
        let receipts = receipts(&function);
        assert_eq!((sum(&receipts, |r| r.indexed), sum(&receipts, |r| r.duplicates)), (19, 3 + 18 + 4));
        let letters = scene.dead_letters().await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        assert_eq!(letters[0].error_type, "invalid_id");
    });
}
