//! `millrace audit` finds objects without a final receipt, including those after the first page of a listing.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tests::envelope;
use tests::moto::Moto;
use tests::place;
use tests::program::Program;
use tests::scene::Scene;

const OBJECTS: usize = 2_500;

fn now_ms() -> u128 {
    #[expect(clippy::disallowed_methods, reason = "an object is as old as the clock says")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_millis()
}

fn receipt(bucket: &str, key: &str, is_final: bool, balances: bool, at_ms: u128) -> String {
    let line = json!({
        "message": "receipt", "bucket": bucket, "key": key, "final": is_final, "balances": balances, "_aws": { "Timestamp": at_ms },
    });
    format!("2026-11-26T10:00:00.000Z {line}\n")
}

#[test]
#[expect(clippy::too_many_lines, reason = "one scenario, read from top to bottom")]
fn every_object_without_a_final_receipt_is_listed() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "audit").await;
        scene.set_source("bucket: \"[!d]*\", key: \"in/**/*.ndjson\"", &[]);
        // The keys hold a space, a plus and an umlaut: a listing encodes keys, and receipts do not.
        let keys: Vec<String> = (0..OBJECTS).map(|number| format!("in/a+b é/{number:04}.ndjson")).collect();
        let mut putting = tokio::task::JoinSet::new();
        for part in keys.chunks(OBJECTS.div_ceil(8)) {
            let (part, bucket) = (part.to_vec(), scene.bucket.clone());
            putting.spawn(async move {
                for key in part {
                    moto.put(&bucket, &key, b"{\"a\":1}\n".to_vec()).await;
                }
            });
        }
        putting.join_all().await;
        scene.put("in/readme.txt", "no dataset").await;
        scene.put("outside.ndjson", "outside of the prefix").await;

        // The function writes a real receipt for the first object.
        let domain =
            emulator::domain::Domain::start(emulator::domain::DomainOptions::default()).await.expect("a free port");
        let mut function = scene.function(&domain.url(), &[]).await;
        let object = scene.put(&keys[0], "{\"a\":1}\n").await;
        function.invoke(&envelope::s3(&[&object]), Duration::from_mins(1)).await.expect("the function runs");

        let now_ms = now_ms();
        let mut log = function.lines().join("\n") + "\n";
        for (number, key) in keys.iter().enumerate().skip(1) {
            let (is_final, balances, at_ms) = match number {
                7 | 1_001 | 2_499 => continue,
                1_500 => (false, true, now_ms),
                1_501 => (true, false, now_ms),
                1_502 => (true, true, now_ms - 600_000),
                _ => (true, true, now_ms),
            };
            log += &receipt(&scene.bucket, key, is_final, balances, at_ms);
        }
        let program = Program::of(&scene, &domain.url());
        let (place, pipeline) = (format!("s3://{}/in/", scene.bucket), scene.pipeline.display().to_string());
        let arguments = ["audit", &place, "--receipts", "-", "--pipeline", &pipeline];

        let said = program.run_with(&[&arguments[..], &["--json"]].concat(), log.as_bytes()).await;
        let report = said.json();
        assert_eq!(said.code, Some(1), "{}", said.stderr);
        assert_eq!(
            report["counts"],
            json!({
                "objects": OBJECTS + 1, "final": OBJECTS - 6, "no_dataset": 1, "no_receipt": 3, "not_final": 1, "unbalanced": 1,
                "replaced": 1,
            })
        );
        let found: Vec<(&str, &str)> = report["objects"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|object| (object["key"].as_str().expect("a key"), object["fate"].as_str().expect("a fate")))
            .collect();
        let expected = [
            (keys[7].as_str(), "no_receipt"),
            (&keys[1_001], "no_receipt"),
            (&keys[1_500], "not_final"),
            (&keys[1_501], "unbalanced"),
            (&keys[1_502], "replaced"),
            (&keys[2_499], "no_receipt"),
            ("in/readme.txt", "no_dataset"),
        ];
        assert_eq!(found, expected);

        // The missing receipts arrive, and the log has the form of a CloudWatch answer.
        let events: Vec<Value> = [7, 1_001, 1_500, 1_501, 1_502, 2_499]
            .iter()
            .map(|number: &usize| receipt(&scene.bucket, &keys[*number], true, true, now_ms))
            .map(|line| json!({ "timestamp": 1, "message": line }))
            .collect();
        log += &serde_json::to_string_pretty(&json!({ "events": events })).expect("JSON");
        let said = program.run_with(&arguments, log.as_bytes()).await;
        assert_eq!(said.code, Some(0), "what no dataset takes is no fault: {}{}", said.stdout, said.stderr);
        let lines: Vec<&str> = said.stdout.lines().collect();
        assert_eq!(lines[0], format!("no dataset    s3://{}/in/readme.txt", scene.bucket));
        assert!(lines[1].starts_with("2501 objects, ") && lines.len() == 2, "{lines:?}");
    });
}

#[test]
fn an_audit_that_cannot_be_made_is_no_success() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "no-audit").await;
        let program = Program::of(&scene, "http://127.0.0.1:1");
        let pipeline = scene.pipeline.display().to_string();
        for (place, said_so) in
            [("s3://no-such-bucket-at-all/in", "NoSuchBucket"), ("logs/in", "give s3://bucket/prefix")]
        {
            let said = program.run(&["audit", place, "--receipts", "-", "--pipeline", &pipeline]).await;
            assert_eq!(said.code, Some(1));
            assert!(said.stderr.contains(said_so), "{}", said.stderr);
        }
    });
}
