//! The JSON test suite. Each file is an object that goes through the whole function. Nothing panics, and every receipt
//! balances. An input that must be accepted is never called invalid JSON. An input that must be refused never arrives
//! whole.

use std::collections::BTreeMap;
use std::time::Duration;

use tests::engine::Engine;
use tests::envelope;
use tests::moto::Moto;
use tests::place;
use tests::receipt::sum;
use tests::scene::{DeadLetter, Scene, receipts};

#[test]
fn the_json_test_suite_goes_through_and_every_receipt_balances() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let folder = place::data("json-test-suite");
    place::run(async {
        let scene = Scene::new(moto, "suite").await;
        // The mapping accepts any shape: the test only checks whether the input arrives.
        let mapping = r#"{"index_patterns":["suite-*"],"template":{"mappings":{"enabled":false}}}"#;
        engine.ask("PUT", "/_index_template/suite", mapping).await;
        let mut objects = Vec::new();
        for part in ["test_parsing", "test_transform"] {
            for entry in std::fs::read_dir(folder.join(part)).expect(part).flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                objects.push(scene.put(&name, std::fs::read(entry.path()).expect("a file")).await);
            }
        }
        assert!(objects.len() > 300, "{} files", objects.len());
        let mut function = scene.function(&engine.url(), &[]).await;
        for some in objects.chunks(50) {
            let event = envelope::s3(&some.iter().collect::<Vec<_>>());
            let body = event.to_string();
            let answer = function
                .invoke(&envelope::sqs([("m", "h", body.as_str())]), Duration::from_mins(2))
                .await
                .expect("it runs");
            let right = emulator::function::Answer::Response(r#"{"batchItemFailures":[]}"#.into());
            assert_eq!(answer, right, "{:#?}", function.lines());
        }
        assert!(!function.lines().iter().any(|line| line.contains("panicked at")));
        let receipts = receipts(&function);
        assert_eq!(receipts.len(), objects.len(), "one receipt an object");
        assert_eq!(sum(&receipts, |r| r.undelivered), 0);
        assert!(receipts.iter().all(|r| r.is_final));

        let mut letters: BTreeMap<String, Vec<DeadLetter>> = BTreeMap::new();
        for letter in scene.dead_letters().await {
            letters.entry(letter.position.key.clone()).or_default().push(letter);
        }
        for receipt in &receipts {
            let rejected = letters.get(&receipt.key).map_or(&[][..], Vec::as_slice);
            assert_eq!(rejected.len() as u64, receipt.rejected, "{receipt:?}");
            if receipt.key.starts_with("y_") {
                // A number or a text is JSON, but not an event. An array is split into its elements.
                let invalid: Vec<_> = rejected
                    .iter()
                    .filter(|letter| letter.error_type == "invalid_json" || letter.stage == "frame")
                    .collect();
                assert!(invalid.is_empty(), "{invalid:#?}");
            } else if receipt.key.starts_with("n_") && receipt.read > 0 {
                assert!(receipt.rejected > 0, "accepted whole: {receipt:?}");
            }
        }
        assert_eq!(engine.count(&scene.indices()).await, sum(&receipts, |r| r.indexed));
    });
}
