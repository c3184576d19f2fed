//! The user's own rules, through the whole function: pipeline.yaml decides, and all its faults are reported
//! immediately.

use std::time::Duration;

use emulator::function::Answer;
use serde_json::Value;
use tests::engine::{self, Engine};
use tests::envelope;
use tests::events::{self, Expected};
use tests::moto::Moto;
use tests::place;
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(2);

#[test]
fn only_selected_events_arrive_and_without_the_dropped_fields() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "rules").await;
        scene.set_pipeline(
            "datasets:\n  - name: rules\n    from: { bucket: \"t-*\", key: \"in/**/*.gz\" }\n    \
             select: event_name:2b_screen_view AND NOT os:iOS AND lat:[33 TO 36}\n    \
             fields: { drop: [device, params.referrer, not.there] }\n    timestamp: base_dt\n    \
             index: rules-%{country}-%{+YYYY.MM}\n  - name: rules-rest\n    from: { bucket: \"t-*\", key: \"**\" }\n    \
             index: rules-rest\n",
        );
        // Country codes are upper case, and names of indices must not be.
        let lines: Vec<String> =
            events::generate(5000, 13).map(|line| line.replace(r#""country":"KR""#, r#""country":"kr""#)).collect();
        let lines: Vec<String> = lines.into_iter().filter(|line| line.contains(r#""country":"kr""#)).collect();
        let mut expected = Expected::default();
        for line in &lines {
            let mut event = engine::json(line);
            let lat = event["lat"].as_f64().expect("a latitude");
            if event["event_name"] == "2b_screen_view" && event["os"] != "iOS" && (33.0..36.0).contains(&lat) {
                event.as_object_mut().expect("an event").remove("device");
                event["params"].as_object_mut().expect("params").remove("referrer");
                expected.add(&event.to_string());
            }
        }
        assert!((20..lines.len() as u64 / 2).contains(&expected.total()));
        let wanted = scene.put("in/a/b/c.gz", events::gzip(lines.concat().as_bytes())).await;
        let rest = scene.put("in/a/b/c.json", "{\"a\":1}\n").await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let answer = function.invoke(&envelope::s3(&[&wanted, &rest]), TIMEOUT).await.expect("the function runs");
        assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
        let receipts = receipts(&function);
        let receipt = receipts.iter().find(|r| r.dataset.as_deref() == Some("rules")).expect("a receipt");
        assert_eq!((receipt.read, receipt.indexed), (lines.len() as u64, expected.total()), "{receipt:?}");
        assert_eq!(receipt.dropped, receipt.read - receipt.indexed);
        engine
            .each_document("rules-kr-2023.11", |document| {
                // The remaining fields keep their exact digits.
                let (_, lat) = document.source.split_once(r#""lat":"#).expect("a latitude");
                assert_eq!(lat.find(','), Some("33.000000".len()), "{}", document.source);
                expected.found(&engine::json(&document.source).to_string());
            })
            .await;
        expected.assert_met();
        assert_eq!(engine.count("rules-rest").await, 1);
        assert!(scene.dead_letters().await.is_empty());
    });
}

/// `openssl dgst -sha256 -hmac "sixteen bytes or more"` of `7f1`.
const PSEUDONYM: &str = "8efeadfb9eb6180127fd0b6b78da2b2b9bafa6519d0c30acb6d2b8d0e458590e";

#[test]
fn documents_have_the_fields_that_the_rules_say() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "fields").await;
        scene.set_pipeline(
            "datasets:\n  - name: fields\n    from: { bucket: \"t-*\", key: \"**\" }\n    \
             select: { kind: [{ prefix: view }], user: [{ exists: true }] }\n    fields:\n      json: message\n      \
             drop: [lat, lon, t]\n      rename: { kind: event.kind }\n      hash: [user]\n      \
             add: { env: prod, who: \"%{user}@%{[event][host]}\" }\n      \
             geo_point: { location: { lat: lat, lon: lon } }\n      \
             date: { \"@timestamp\": { field: t, format: [epoch_ms, \"%d/%b/%Y:%H:%M:%S %z\"] } }\n      \
             metadata: { s3_key: key, s3_offset: offset }\n    timestamp: { field: t, format: [epoch_ms, \"%d/%b/%Y:%H:%M:%S %z\"] }\n    \
             index: fields-%{+YYYY.MM.dd}\n",
        );
        let lines = [
            r#"{"message":"{\"kind\":\"view\",\"user\":\"7f1\",\"n\":1.00}","t":1795348923456,"lat":35.60,"lon":"139.7","event":{"host":"h"}}"#,
            r#"{"kind":"viewed","user":"7f1","t":"22/Nov/2026:13:02:03 +0100","lat":91,"lon":0,"message":"no JSON"}"#,
            r#"{"kind":"click","user":"7f1","t":1795348923456}"#,
            r#"{"kind":"view","t":1795348923456}"#,
        ];
        let key = moto.secret("hash-key", r#"{"key":"sixteen bytes or more"}"#).await;
        let object = scene.put("in/a.json", lines.join("\n")).await;
        let mut function = scene.function(&engine.url(), &[("MILLRACE_HASH_KEY", &key)]).await;
        let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the function runs");
        assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
        let receipt = &receipts(&function)[0];
        assert_eq!((receipt.read, receipt.indexed, receipt.dropped), (4, 2, 2), "{receipt:?}");
        assert_eq!(receipt.left_out, 2, "a point off the globe, and a message that is no JSON");
        let mut sources: Vec<String> =
            engine.documents("fields-2026.11.22").await.into_iter().map(|document| document.source).collect();
        sources.sort();
        // Unchanged values keep their bytes: `1.00` stays `1.00`.
        let first = format!(
            r#"{{"event":{{"host":"h","kind":"view"}},"user":"{PSEUDONYM}","n":1.00,"env":"prod","who":"{PSEUDONYM}@h","location":{{"lat":35.60,"lon":139.7}},"@timestamp":"2026-11-22T12:02:03.456Z","s3_key":"in/a.json","s3_offset":0}}"#
        );
        let second = format!(
            r#"{{"user":"{PSEUDONYM}","message":"no JSON","event":{{"kind":"viewed"}},"env":"prod","@timestamp":"2026-11-22T12:02:03.000Z","s3_key":"in/a.json","s3_offset":{}}}"#,
            lines[0].len() + 1
        );
        assert_eq!(sources, [first, second]);
        assert!(scene.dead_letters().await.is_empty());
    });
}

#[test]
fn a_key_for_hashes_that_is_missing_or_weak_is_a_fault() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "no-key").await;
        scene.set_pipeline(
            "datasets:\n  - name: a\n    from: { key: \"x/**\" }\n    index: a\n    fields: { hash: [b] }\n",
        );
        let object = scene.put("x/a", r#"{"b":1}"#).await;
        let weak = moto.secret("weak-key", "fifteen bytes..").await;
        for (key, told) in [
            ("", "pipeline.yaml:5:22"),
            (weak.as_str(), "at least 16 bytes"),
            ("no-such-secret", "GetSecretValue no-such-secret"),
        ] {
            let mut function = scene.function("http://127.0.0.1:9", &[("MILLRACE_HASH_KEY", key)]).await;
            let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the binary starts");
            assert!(matches!(answer, Answer::Exited | Answer::InitError { .. }), "{answer:?}");
            let said: String = function.lines().join("\n") + &format!("{answer:?}");
            assert!(said.contains(told) && said.contains("MILLRACE_HASH_KEY"), "{told}: {said}");
            assert!(!said.contains("fifteen"), "a secret is not told: {said}");
        }
    });
}

#[test]
fn an_event_that_a_pattern_cannot_decide_about_is_a_dead_letter() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "undecided").await;
        scene.set_pipeline(
            "datasets:\n  - name: undecided\n    from: { bucket: \"t-*\", key: \"**\" }\n    \
             select: { a: { x: [1] }, b: { x: [1] }, c: { x: [1], y: [1] } }\n    index: undecided\n",
        );
        let many = vec![r#"{"x":1}"#; 2_000].join(",");
        let event = format!(r#"{{"a":[{many}],"b":[{many}],"c":[{{"x":1}},{{"y":1}}]}}"#);
        let wanted = r#"{"a":{"x":1},"b":{"x":1},"c":{"x":1,"y":1}}"#;
        let object = scene.put("a.json", format!("{event}\n{wanted}\n")).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the function runs");
        assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
        let receipt = &receipts(&function)[0];
        assert_eq!((receipt.read, receipt.indexed, receipt.rejected), (2, 1, 1), "{receipt:?}");
        let letters = scene.dead_letters().await;
        assert_eq!((letters[0].stage.as_str(), letters[0].error_type.as_str()), ("select", "undecided"));
        assert_eq!(letters[0].payload(), event.as_bytes(), "as it came");
    });
}

#[test]
fn every_fault_of_a_configuration_is_reported_at_once_before_anything_runs() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "faulty").await;
        scene.set_pipeline(
            "datasets:\n  - name: a\n    from: { key: \"x/**\" }\n    indx: logs\n    index: Logs\n    \
             select: \"(a:1 AND\"\n    retention: forever\n",
        );
        let object = scene.put("x/a", r#"{"a":1}"#).await;
        for (more, told) in [
            (
                &[][..],
                &[
                    "pipeline.yaml:4:5",
                    "indx",
                    "pipeline.yaml:5:12",
                    "pipeline.yaml:6:13",
                    "pipeline.yaml:7:16",
                    "retention",
                ][..],
            ),
            (
                &[
                    ("MILLRACE_DOMAIN_ENDPOINT", "domain"),
                    ("MILLRACE_DOMAIN_AUTH", "sigv4:s3"),
                    ("MILLRACE_DEAD_LETTERS", ""),
                ],
                &["MILLRACE_DOMAIN_ENDPOINT", "MILLRACE_DOMAIN_AUTH", "MILLRACE_DEAD_LETTERS"],
            ),
        ] {
            let mut function = scene.function("http://127.0.0.1:9", more).await;
            let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the binary starts");
            assert!(matches!(answer, Answer::Exited | Answer::InitError { .. }), "{answer:?}");
            let said: String = function.lines().join("\n") + &format!("{answer:?}");
            for place in told {
                assert!(said.contains(place), "{place} is not named: {said}");
            }
        }
    });
}

#[test]
fn dead_letters_that_would_be_ingested_again_are_a_fault() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "fed-back").await;
        let object = scene.put("x/a", r#"{"a":1}"#).await;
        let here = format!("s3://{}/x", scene.bucket);
        let mut function = scene.function("http://127.0.0.1:9", &[("MILLRACE_DEAD_LETTERS", &here)]).await;
        let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the binary starts");
        assert!(matches!(answer, Answer::Exited | Answer::InitError { .. }), "{answer:?}");
        assert!(function.lines().join("\n").contains("MILLRACE_DEAD_LETTERS"), "{:?}", function.lines());
    });
}

#[test]
fn each_way_to_name_an_event_gives_the_ids_it_promises() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        // The same three lines, two of them equal, from two objects, each delivered twice.
        let lines = "{\"k\":\"a\",\"n\":1}\n{\"k\":\"a\",\"n\":1}\n{\"k\":\"b\",\"n\":2}\n";
        for (name, id, documents) in [
            ("by-position", "position", 6),
            ("by-content", "content", 2),
            ("by-field", "{ field: k }", 2),
            ("by-none", "none", 12),
        ] {
            let scene = Scene::new(moto, name).await;
            scene.set_pipeline(&format!(
                "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    index: {name}-x\n    id: {id}\n"
            ));
            let (a, b) = (scene.put("a", lines).await, scene.put("b", lines).await);
            let mut function = scene.function(&engine.url(), &[]).await;
            for _ in 0..2 {
                let answer = function.invoke(&envelope::s3(&[&a, &b]), TIMEOUT).await.expect("the function runs");
                assert_eq!(answer, Answer::Response("null".into()), "{name}: {:#?}", function.lines());
            }
            assert_eq!(engine.count(&scene.indices()).await, documents, "{name}");
            let read: u64 = receipts(&function).iter().map(|r| r.indexed + r.duplicates).sum();
            assert_eq!(read, 12, "{name}");
        }
    });
}

#[test]
fn the_time_decides_about_the_index_in_every_form_it_may_have() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "times").await;
        let lines = [
            r#"{"base_dt":"2023-11-14T23:59:59.999Z"}"#,
            r#"{"base_dt":"2023-11-15T00:30:00+09:00"}"#,
            r#"{"base_dt":1699999999}"#,
            r#"{"base_dt":1699999999123}"#,
            r#"{"base_dt":"2023-11-14"}"#,
        ];
        let object = scene.put("a", lines.join("\n")).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the function runs");
        assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
        let documents = engine.documents(&scene.indices()).await;
        let indices: Vec<&str> = documents.iter().map(|document| document.index.as_str()).collect();
        let dead: Vec<Value> = scene.dead_letters().await.iter().map(|letter| letter.reason.clone().into()).collect();
        assert_eq!(indices, ["times-2023.11.14"; 5], "{dead:?}");
    });
}
