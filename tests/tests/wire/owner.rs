//! Buckets of other accounts and regions, and access points.
//!
//! moto ignores the expected owner and the region, so a server in between answers as S3 documents it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::http::request::Parts;
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::envelope;
use tests::intercept::{Fault, Intercept};
use tests::moto::Moto;
use tests::place;
use tests::scene::{Scene, receipts};

use super::operate::{
    invoke,
    replay::{replay, through},
};

const TIMEOUT: Duration = Duration::from_mins(1);
/// The region of a bucket that is not in the function's own.
const FAR: &str = "ap-northeast-2";

/// S3's answer if another account owns the bucket
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>).
const DENIED: Fault = Fault::Answered {
    status: 403,
    header: None,
    body: "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
};

/// S3 where `owner` has all buckets except those of the function itself.
fn owned_by(owner: &'static str) -> impl FnMut(&Parts, &bytes::Bytes) -> Fault + Send + 'static {
    move |head, _| match head.headers.get("x-amz-expected-bucket-owner") {
        Some(expected) if expected != owner => DENIED,
        _ => Fault::None,
    }
}

#[test]
fn an_object_of_a_bucket_that_another_account_owns_is_never_indexed_and_never_lost() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "owner").await;
        scene.set_source("bucket: \"[!d]*\", key: \"**\", owner: \"111122223333\"", &[]);
        let s3 = Intercept::start(&moto.url()).await;
        s3.set(owned_by("999988887777"));
        let more = [("AWS_ENDPOINT_URL_S3", s3.url())];
        let more: Vec<_> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut function = scene.function(&engine.url(), &more).await;
        let object = scene.put("a.json", "{\"base_dt\":\"2026-11-28\",\"n\":1}\n").await;
        scene.notify(&object).await;
        let round = scene.queue.deliver(&mut function, TIMEOUT).await.expect("a message");
        assert_eq!(round.failed.len(), 1, "the message is redelivered: {:?}", round.answer);
        let says = "requires a bucket of the account 111122223333: either another account owns the bucket";
        assert!(
            function.lines().iter().any(|line| line.contains(says) && line.contains("a.json")),
            "{:#?}",
            function.lines()
        );
        assert_eq!((engine.count(&scene.indices()).await, scene.dead_letters().await.len()), (0, 0));
        assert!(receipts(&function).iter().all(|receipt| receipt.read == 0 && !receipt.is_final));

        // A replay of the bucket, and a plan to recreate its indices, end with the same reason.
        scene.set_source(&format!("bucket: {}, key: \"**\", owner: \"111122223333\"", scene.bucket), &[]);
        let more = [&more[..], &[("MILLRACE_SOURCE_FUNCTIONS", "owner-s3")]].concat();
        let mut again = replay(&scene, &engine.url(), &more).await;
        let from = format!("s3://{}", scene.bucket);
        for event in [json!({ "from": from }), json!({ "dataset": "owner", "recreate": true, "dry_run": true })] {
            let error = invoke(&mut again, &event).await.expect_err("it is refused");
            assert!(error.contains(says), "{error}");
        }

        // The bucket is the account's again.
        s3.set(owned_by("111122223333"));
        scene.queue.drain(&mut function, TIMEOUT, 1).await;
        assert_eq!(through(&mut again, &json!({ "from": from, "id": "2" }), TIMEOUT).await["sent"], 1);
        scene.queue.drain(&mut function, TIMEOUT, 1).await;
        assert_eq!(engine.count(&scene.indices()).await, 1);
    });
}

#[test]
fn an_owner_counts_also_for_the_rest_of_an_object_whose_bucket_the_rules_no_longer_match() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "formerly-owned").await;
        scene.set_source("bucket: elsewhere, key: \"**\", owner: \"111122223333\"", &[]);
        let s3 = Intercept::start(&moto.url()).await;
        s3.set(owned_by("999988887777"));
        let mut function = scene.function("http://127.0.0.1:9", &[("AWS_ENDPOINT_URL_S3", &s3.url())]).await;
        let object = scene.put("a.json", "{}\n{}\n").await;
        let rest = json!({
            "millrace": "continuation", "dataset": "formerly-owned", "pipeline": "p", "hops": 1,
            "object": { "bucket": object.bucket, "key": object.key, "version": null, "etag": object.etag },
            "checkpoint": { "offset": 3, "format": "ndjson", "inside": false, "compression": "none",
                            "member": { "compressed": 0, "raw": 0 } },
        });
        scene.queue.send(&rest).await;
        let round = scene.queue.deliver(&mut function, TIMEOUT).await.expect("a message");
        assert_eq!(round.failed.len(), 1, "the message is redelivered: {:?}", round.answer);
        let says = "requires a bucket of the account 111122223333";
        assert!(function.lines().iter().any(|line| line.contains(says)), "{:#?}", function.lines());
    });
}

/// The region that a request was signed for.
fn signed_for(head: &Parts) -> String {
    let signature = head.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    signature.split('/').nth(2).unwrap_or_default().to_owned()
}

/// S3's answers to a request that went to another region than the bucket's
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>).
const ELSEWHERE: [Fault; 3] = [
    Fault::Answered {
        status: 301,
        header: Some(("x-amz-bucket-region", FAR)),
        body: "<Error><Code>PermanentRedirect</Code><Message>The bucket you are attempting to access must be addressed \
               using the specified endpoint.</Message><Endpoint>evil.example</Endpoint></Error>",
    },
    Fault::Answered {
        status: 307,
        header: Some(("x-amz-bucket-region", FAR)),
        body: "<Error><Code>TemporaryRedirect</Code><Message>Please re-send this request to the specified temporary \
               endpoint.</Message><Endpoint>evil.example</Endpoint></Error>",
    },
    Fault::Answered {
        status: 400,
        header: None,
        body: "<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed; the region \
               is wrong</Message><Region>ap-northeast-2</Region></Error>",
    },
];

#[test]
fn objects_of_a_bucket_in_another_region_are_read_there() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "region").await;
        let s3 = Intercept::start(&moto.url()).await;
        let s3_url = s3.url();
        let more = [("AWS_ENDPOINT_URL_S3", s3_url.as_str())];
        let path = format!("/{}", scene.bucket);
        let requests = Arc::new(Mutex::new(Vec::<String>::new()));
        for (number, elsewhere) in ELSEWHERE.into_iter().enumerate() {
            let (path, seen) = (path.clone(), Arc::clone(&requests));
            s3.set(move |head, _| {
                if !head.uri.path().starts_with(&path) {
                    return Fault::None;
                }
                let region = signed_for(head);
                let answer = if region == FAR { Fault::None } else { elsewhere };
                seen.lock().expect("no panic").push(region);
                answer
            });
            let mut function = scene.function(&engine.url(), &more).await;
            for name in ["a", "b"] {
                let line = format!("{{\"base_dt\":\"2026-11-28\",\"n\":\"{number}{name}\"}}\n");
                scene.notify(&scene.put(&format!("{number}{name}.json"), line).await).await;
                scene.queue.drain(&mut function, TIMEOUT, 1).await;
            }
            let regions = std::mem::take(&mut *requests.lock().expect("no panic"));
            assert_eq!(regions, ["eu-west-1", FAR, FAR], "{elsewhere:?}: one detour for each bucket");
            assert_eq!(engine.count(&scene.indices()).await, 2 * (number as u64 + 1));
        }
        let mut again = replay(&scene, &engine.url(), &more).await;
        let done = through(&mut again, &json!({ "from": format!("s3://{}", scene.bucket) }), TIMEOUT).await;
        assert_eq!(done["sent"], 6, "{done}");
    });
}

#[test]
fn a_bucket_whose_region_cannot_be_reached_fails_its_message_within_bounds() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "no-region").await;
        let s3 = Intercept::start(&moto.url()).await;
        let path = format!("/{}", scene.bucket);
        let requests = Arc::new(Mutex::new(Vec::<String>::new()));
        let object = scene.put("c.json", "{\"base_dt\":\"2026-11-28\"}\n").await;
        // A text that is no name of a region, and an endpoint that serves one region only.
        for header in ["evil.example/", FAR] {
            let elsewhere = Fault::Answered {
                status: 301,
                header: Some(("x-amz-bucket-region", header)),
                body: "<Error><Code>PermanentRedirect</Code><Message>elsewhere</Message></Error>",
            };
            let (path, seen) = (path.clone(), Arc::clone(&requests));
            s3.set(move |head, _| {
                let is_meant = head.uri.path().starts_with(&path);
                if is_meant {
                    seen.lock().expect("no panic").push(signed_for(head));
                }
                if is_meant { elsewhere } else { Fault::None }
            });
            let mut function = scene.function("http://127.0.0.1:9", &[("AWS_ENDPOINT_URL_S3", &s3.url())]).await;
            let sent = envelope::s3(&[&object]);
            let event = envelope::sqs([("m", "h", sent.to_string().as_str())]);
            let answer = function.invoke(&event, Duration::from_secs(4)).await.expect("it runs");
            let answer: Value = serde_json::from_slice(answer.response().expect("an answer")).expect("JSON");
            assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "m" }] }));
            let lines = function.lines();
            assert!(lines.iter().any(|line| line.contains("PermanentRedirect")), "{lines:#?}");
            let regions = std::mem::take(&mut *requests.lock().expect("no panic"));
            let is_known = |region: &String| region == FAR || region == "eu-west-1";
            assert!((1..=7).contains(&regions.len()) && regions.iter().all(is_known), "{regions:?}");
        }
    });
}

#[test]
fn an_access_point_is_refused_where_its_name_would_change_the_ids() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "access-point").await;
        let mut object = scene.put("a.json", "{}\n").await;
        let mut again = replay(&scene, "http://127.0.0.1:9", &[]).await;
        for from in ["s3://app-abcdef-s3alias/in", "s3://arn:aws:s3:eu-west-1:111122223333:accesspoint/app/in"] {
            let error = invoke(&mut again, &json!({ "from": from })).await.expect_err("it is refused");
            assert!(error.contains("is an access point: name its bucket"), "{from}: {error}");
        }
        object.bucket = "app-abcdef-s3alias".into();
        let dead = moto.queue("access-point-dead").await;
        let mut function = scene.function("http://127.0.0.1:9", &[("MILLRACE_DEAD_LETTER_QUEUE_URL", &dead)]).await;
        scene.notify(&object).await;
        scene.queue.drain(&mut function, TIMEOUT, 1).await;
        let kept = moto.sqs.receive_message().queue_url(&dead).message_attribute_names("All").send().await;
        let kept = kept.expect("the queue answers");
        let [message] = kept.messages() else { panic!("{kept:?}") };
        let reason = message.message_attributes().and_then(|all| all["millrace-reason"].string_value());
        assert!(reason.is_some_and(|reason| reason.contains("is an access point: name the bucket")), "{reason:?}");
    });
}
