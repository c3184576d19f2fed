//! Every envelope gets its right answer: those that the tests write around real objects, those in events/, and samples
//! that AWS has sent (tests/data/lambda-events).

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::function::Answer;
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::envelope;
use tests::moto::{Moto, Object};
use tests::place;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(1);

fn said(answer: &Answer) -> Value {
    match answer {
        Answer::Response(body) => serde_json::from_slice(body).expect("the answer is JSON"),
        Answer::Error { .. } => json!("error"),
        other => panic!("{other:?}"),
    }
}

type Wrap<'a> = Box<dyn Fn(&Object) -> Value + 'a>;

#[test]
fn every_envelope_leads_to_its_object() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "envelopes").await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let none_failed = json!({ "batchItemFailures": [] });
        let sqs = |bodies: &[Value]| {
            let bodies: Vec<String> =
                bodies.iter().map(|body| body.as_str().map_or_else(|| body.to_string(), Into::into)).collect();
            let ids: Vec<String> = (0..bodies.len()).map(|n| format!("message-{n}")).collect();
            envelope::sqs(ids.iter().zip(&bodies).map(|(id, body)| (id.as_str(), "handle", body.as_str())))
        };
        let envelopes: Vec<(&str, Wrap<'_>, Value)> = vec![
            ("direct", Box::new(|o| envelope::s3(&[o])), Value::Null),
            ("sns", Box::new(|o| envelope::sns(&envelope::s3(&[o]))), Value::Null),
            ("eventbridge", Box::new(envelope::event_bridge), Value::Null),
            ("sqs", Box::new(|o| sqs(&[envelope::s3(&[o])])), none_failed.clone()),
            ("sns-in-sqs", Box::new(|o| sqs(&[envelope::notification(&envelope::s3(&[o]))])), none_failed.clone()),
            ("eventbridge-in-sqs", Box::new(|o| sqs(&[envelope::event_bridge(o)])), none_failed.clone()),
            ("several", Box::new(|o| sqs(&[envelope::s3(&[o, o]), envelope::s3(&[o])])), none_failed.clone()),
            (
                "one-of-three-is-no-notification",
                Box::new(|o| sqs(&[json!("Test message."), envelope::s3(&[o]), json!({ "Records": [{}] })])),
                json!({ "batchItemFailures": [{ "itemIdentifier": "message-0" }, { "itemIdentifier": "message-2" }] }),
            ),
        ];
        for (number, (name, wrap, right)) in envelopes.iter().enumerate() {
            // The key shows whether it is decoded where it is encoded, and only there.
            let key = format!("{name}/a b+c%2B=ü.json");
            let object = scene.put(&key, format!(r#"{{"base_dt":"2023-11-14","number":{number}}}"#)).await;
            let answer = function.invoke(&wrap(&object), TIMEOUT).await.expect("the function runs");
            assert_eq!(said(&answer), *right, "{name}: {:#?}", function.lines());
            let receipts: Vec<_> = receipts(&function).into_iter().filter(|r| r.key == key).collect();
            assert_eq!(sum(&receipts, |r| r.indexed), 1, "{name}: {receipts:?}");
            assert_eq!(sum(&receipts, |r| r.duplicates) + 1, receipts.len() as u64, "{name}: {receipts:?}");
        }
        assert_eq!(engine.count(&scene.indices()).await, envelopes.len() as u64);
        assert!(scene.dead_letters().await.is_empty());
    });
}

#[test]
fn events_that_create_no_object_are_acknowledged() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "no-object").await;
        let object = scene.put("there.json", r#"{"a":1}"#).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": scene.bucket });
        for name in [
            "ObjectRemoved:Delete",
            "ObjectRemoved:DeleteMarkerCreated",
            "ObjectRestore:Post",
            "ObjectRestore:Delete",
            "ObjectTagging:Put",
        ] {
            let event = json!({ "Records": [envelope::record(&object, name)] });
            for event in [event.clone(), envelope::sqs([("m", "h", event.to_string().as_str())])] {
                let answer = said(&function.invoke(&event, TIMEOUT).await.expect("the function runs"));
                assert!(answer.is_null() || answer == json!({ "batchItemFailures": [] }), "{name}: {answer}");
            }
        }
        for event in [test.clone(), envelope::sqs([("m", "h", test.to_string().as_str())])] {
            let answer = said(&function.invoke(&event, TIMEOUT).await.expect("the function runs"));
            assert!(answer.is_null() || answer == json!({ "batchItemFailures": [] }), "{answer}");
        }
        assert!(receipts(&function).is_empty(), "nothing was read");
        assert_eq!(engine.count(&scene.indices()).await, 0);
    });
}

#[test]
fn what_came_without_a_queue_ends_with_an_error_where_it_failed() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "direct-error").await;
        let object = scene.put("a.json", r#"{"a":1}"#).await;
        let mut function = scene.function("http://127.0.0.1:9", &[]).await;
        for event in [
            envelope::s3(&[&object]),
            envelope::sns(&envelope::s3(&[&object])),
            envelope::event_bridge(&object),
            json!({"a": 1}),
        ] {
            let answer = function.invoke(&event, Duration::from_secs(2)).await.expect("the function runs");
            assert_eq!(said(&answer), "error", "{event}");
        }
        assert_eq!(scene.queue.depth().await, 0, "no continuation");
    });
}

/// Every object that an event names, at any depth: bucket, key (decoded) and ETag.
fn named(value: &Value, found: &mut Vec<(String, String, Option<String>)>) {
    match value {
        Value::String(text) if text.contains('{') => {
            if let Ok(inner) = serde_json::from_str(text) {
                named(&inner, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| named(value, found)),
        Value::Object(map) => {
            if let (Some(bucket), Some(key)) = (value["bucket"]["name"].as_str(), value["object"]["key"].as_str()) {
                let etag = value["object"]["eTag"].as_str().or(value["object"]["etag"].as_str()).map(Into::into);
                let key = if value["object"].get("eTag").is_some() { decode(key) } else { key.to_owned() };
                found.push((bucket.to_owned(), key, etag));
            }
            map.values().for_each(|value| named(value, found));
        }
        _ => {}
    }
}

fn decode(key: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), key.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&hex, 16).expect("an encoded key")
            }
            other => other,
        });
    }
    String::from_utf8(bytes).expect("keys are UTF-8")
}

#[test]
fn every_event_of_the_events_folder_gets_its_right_answer() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "folder").await;
        let folder = place::root().join("events/s3");
        let mut contents = BTreeMap::new();
        for entry in std::fs::read_dir(folder.join("objects")).expect("events/s3/objects").flatten() {
            let bytes = std::fs::read(entry.path()).expect("a sample object");
            contents.insert(scene.put("probe", bytes.clone()).await.etag, bytes);
        }
        let mut function = scene.function(&engine.url(), &[]).await;
        let (mut put, mut seen) = (std::collections::BTreeSet::new(), 0);
        for entry in std::fs::read_dir(&folder).expect("events/s3").flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(name) = name.strip_suffix(".json") else { continue };
            let event: Value = serde_json::from_slice(&std::fs::read(entry.path()).expect("an event")).expect("JSON");
            let mut objects = Vec::new();
            named(&event, &mut objects);
            for (bucket, key, etag) in objects {
                // An error means that the bucket exists already.
                if put.insert((bucket.clone(), String::new())) {
                    moto.bucket(&bucket, false).await;
                }
                if let Some(bytes) = etag.and_then(|etag| contents.get(&etag)) {
                    put.insert((bucket.clone(), key.clone()));
                    moto.put(&bucket, &key, bytes.clone()).await;
                }
            }
            let before = receipts(&function).len();
            let answer = said(&function.invoke(&event, TIMEOUT).await.expect("the function runs"));
            let read: u64 = receipts(&function)[before..].iter().map(|r| r.indexed + r.duplicates).sum();
            let ids: Vec<&str> =
                event["Records"].as_array().into_iter().flatten().filter_map(|r| r["messageId"].as_str()).collect();
            let none_failed = json!({ "batchItemFailures": [] });
            let (right, has_events) = match name {
                "put" | "sns" | "eventbridge" => (Value::Null, true),
                "sqs" | "sns-sqs" | "eventbridge-sqs" | "several" | "encoded-key" | "restore" => (none_failed, true),
                "delete" | "test-event" => (none_failed, false),
                "poison" => (json!({ "batchItemFailures": [{ "itemIdentifier": ids[0] }] }), true),
                other => panic!("what is the right answer to events/s3/{other}.json?"),
            };
            assert_eq!(answer, right, "{name}: {:#?}", function.lines());
            assert_eq!(read > 0, has_events, "{name} led to {read} documents");
            seen += 1;
        }
        assert!(seen >= 12, "{seen} events");
        assert!(scene.dead_letters().await.is_empty(), "{:?}", scene.dead_letters().await);
    });
}

#[test]
fn every_event_that_aws_sent_others_gets_its_right_answer() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let folder = place::data("lambda-events");
    place::run(async {
        let scene = Scene::new(moto, "aws-events").await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let none_failed = json!({ "batchItemFailures": [] });
        // These objects do not exist, which is acknowledged as gone.
        for (name, right) in [
            ("s3Event", Value::Null),
            ("s3EventBridgeNotificationObjectCreatedEvent", Value::Null),
            ("s3EventBridgeNotificationObjectDeletedEvent", Value::Null),
            ("s3EventBridgeNotificationObjectExpiredEvent", Value::Null),
            ("s3EventBridgeNotificationObjectRestoreCompletedEvent", Value::Null),
            ("s3EventDecodedKey", Value::Null),
            ("s3EventDeleteObject", Value::Null),
            ("s3EventGlacier", Value::Null),
            ("s3SqsEvent", none_failed),
            ("snsEvent", json!("error")),
            ("sqsEvent", json!("all")),
            ("snsSqsEvent", json!("all")),
            ("snsSqsFifoEvent", json!("all")),
            ("sqsDlqTriggerEvent", json!("all")),
            ("kinesisStreamEvent", json!("error")),
            ("kafkaEventMsk", json!("error")),
        ] {
            let event: Value =
                serde_json::from_slice(&std::fs::read(folder.join(format!("{name}.json"))).expect(name)).expect("JSON");
            let mut objects = Vec::new();
            named(&event, &mut objects);
            for (bucket, ..) in objects {
                // An error means that the bucket exists already.
                let _ = moto
                    .s3
                    .create_bucket()
                    .bucket(bucket)
                    .create_bucket_configuration(
                        aws_sdk_s3::types::CreateBucketConfiguration::builder()
                            .location_constraint(aws_sdk_s3::types::BucketLocationConstraint::EuWest1)
                            .build(),
                    )
                    .send()
                    .await;
            }
            let answer = said(&function.invoke(&event, TIMEOUT).await.expect("the function runs"));
            let right = if right == json!("all") {
                let ids = event["Records"]
                    .as_array()
                    .expect("messages")
                    .iter()
                    .map(|m| json!({ "itemIdentifier": m["messageId"] }));
                json!({ "batchItemFailures": ids.collect::<Vec<_>>() })
            } else {
                right
            };
            assert_eq!(answer, right, "{name}: {:#?}", function.lines());
        }
        assert_eq!(engine.count(&scene.indices()).await, 0);
        assert!(scene.dead_letters().await.iter().all(|letter| letter.stage == "source"));
    });
}
