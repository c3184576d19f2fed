//! An archived object is one dead letter, until it is restored. Then its restoration or a replay of the letter brings its
//! events, under the ids that they would have had.
//!
//! moto refuses the GET of an archived object as S3 does, and restores it. It lists no `RestoreStatus`, so a server in
//! between adds that as S3 documents it.

use std::time::Duration;

use aws_sdk_s3::types::{RestoreRequest, StorageClass};
use emulator::function::Function;
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::envelope;
use tests::intercept::{Fault, Intercept};
use tests::liar::{Held, Liar, Lie};
use tests::moto::{Moto, Object};
use tests::place;
use tests::scene::{Scene, receipts};

use super::operate::{
    invoke,
    replay::{replay, through},
};

const TIMEOUT: Duration = Duration::from_mins(1);

fn lines(count: u32) -> String {
    (0..count).map(|n| format!("{{\"base_dt\":\"2026-11-20T00:00:00Z\",\"n\":{n}}}\n")).collect::<Vec<_>>().concat()
}

async fn put(scene: &Scene<'_>, key: &str, class: StorageClass, body: String) -> Object {
    let size = body.len();
    let request = scene.moto.s3.put_object().bucket(&scene.bucket).key(key).storage_class(class);
    let put = request.body(body.into_bytes().into()).send().await.expect("the object is put");
    let etag = put.e_tag().expect("an ETag").trim_matches('"').to_owned();
    let version = put.version_id().map(Into::into);
    Object { bucket: scene.bucket.clone(), key: key.into(), etag, version, size }
}

async fn restore(scene: &Scene<'_>, key: &str) {
    let request = scene.moto.s3.restore_object().bucket(&scene.bucket).key(key);
    request.restore_request(RestoreRequest::builder().days(1).build()).send().await.expect("it is restored");
}

async fn notify(scene: &Scene<'_>, function: &mut Function, event: Value) {
    scene.queue.send(&event).await;
    scene.queue.drain(function, TIMEOUT, 1).await;
}

#[test]
fn an_archived_object_is_one_letter_and_its_restoration_brings_its_events_once() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "archived-once").await;
        let mut function = scene.function(&engine.url(), &[]).await;
        let cold = put(&scene, "cold.json", StorageClass::Glacier, lines(30)).await;
        let deep = put(&scene, "deep.json", StorageClass::DeepArchive, lines(20)).await;
        let instant = put(&scene, "instant.json", StorageClass::GlacierIr, lines(10)).await;
        // Twice: a queue delivers at least once.
        for _ in 0..2 {
            notify(&scene, &mut function, envelope::s3(&[&cold, &instant, &deep])).await;
        }
        assert_eq!(engine.count(&scene.indices()).await, 10, "GLACIER_IR can be read");
        let letters = scene.dead_letters().await;
        let found: Vec<_> = letters.iter().map(|one| (&*one.stage, &*one.error_type, &*one.position.key)).collect();
        let mut sorted = found.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [("source", "archived", "cold.json"), ("source", "archived", "deep.json")], "{letters:?}");
        assert!(letters.iter().any(|one| one.reason.contains("storage class GLACIER)")), "{letters:?}");
        for receipt in receipts(&function).iter().filter(|receipt| receipt.key != "instant.json") {
            assert_eq!((receipt.read, receipt.rejected), (1, 1), "{receipt:?}");
        }

        // S3 reports the restored object, by each way, and also that it was asked for.
        restore(&scene, "cold.json").await;
        for (event, documents) in [
            (json!({ "Records": [envelope::record(&cold, "ObjectRestore:Post")] }), 10),
            (json!({ "Records": [envelope::record(&cold, "ObjectRestore:Completed")] }), 40),
            (envelope::event_bridge_of(&cold, "Object Restore Completed"), 40),
            (envelope::s3(&[&cold]), 40),
        ] {
            notify(&scene, &mut function, event).await;
            assert_eq!(engine.count(&scene.indices()).await, documents);
        }

        // A replay of the letters adds nothing of the restored object, and keeps the letter of the archived one.
        scene.replay_letters().await;
        scene.queue.drain(&mut function, TIMEOUT, 9).await;
        let letters = scene.dead_letters().await;
        assert_eq!(letters.iter().map(|one| &*one.position.key).collect::<Vec<_>>(), ["deep.json"], "{letters:?}");
        restore(&scene, "deep.json").await;
        scene.replay_letters().await;
        scene.queue.drain(&mut function, TIMEOUT, 9).await;
        assert_eq!((engine.count(&scene.indices()).await, scene.dead_letters().await.len()), (60, 0));
        notify(&scene, &mut function, envelope::s3(&[&deep])).await;
        assert_eq!(engine.count(&scene.indices()).await, 60, "the letter brought the ids of the object");
    });
}

#[test]
fn a_restored_object_without_ids_is_brought_by_its_letter_alone() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "restored-alone").await;
        scene.set_source(&format!("bucket: {}, key: \"**\"", scene.bucket), &["id: none"]);
        let mut function = scene.function(&engine.url(), &[]).await;
        let cold = put(&scene, "cold.json", StorageClass::Glacier, lines(3)).await;
        let warm = scene.put("warm.json", lines(2)).await;
        notify(&scene, &mut function, envelope::s3(&[&cold, &warm])).await;
        restore(&scene, "cold.json").await;
        for event in [
            json!({ "Records": [envelope::record(&cold, "ObjectRestore:Completed")] }),
            envelope::event_bridge_of(&warm, "Object Restore Completed"),
        ] {
            notify(&scene, &mut function, event).await;
            assert_eq!(engine.count(&scene.indices()).await, 2);
        }
        let says = "the object was restored and is not read: with `id: none`";
        assert_eq!(function.lines().iter().filter(|line| line.contains(says)).count(), 2);
        scene.replay_letters().await;
        scene.queue.drain(&mut function, TIMEOUT, 9).await;
        assert_eq!((engine.count(&scene.indices()).await, scene.dead_letters().await.len()), (5, 0));
    });
}

/// S3's answer about an object in an archive tier of `INTELLIGENT_TIERING`, which moto does not have.
const IN_A_TIER: Fault = Fault::Answered {
    status: 403,
    header: None,
    body: "<Error><Code>InvalidObjectState</Code><Message>The operation is not valid for the object's access tier\
           </Message><StorageClass>INTELLIGENT_TIERING</StorageClass><AccessTier>ARCHIVE_ACCESS</AccessTier></Error>",
};

#[test]
fn a_replay_of_the_letter_reads_the_version_that_was_notified() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::versioned(moto, "archived-version").await;
        let s3 = Intercept::start(&moto.url()).await;
        let mut function = scene.function(&engine.url(), &[("AWS_ENDPOINT_URL_S3", &s3.url())]).await;
        let old = scene.put("a.json", lines(100)).await;
        s3.set(|head, _| if head.uri.path().ends_with("a.json") { IN_A_TIER } else { Fault::None });
        notify(&scene, &mut function, envelope::s3(&[&old])).await;
        let letters = scene.dead_letters().await;
        let [letter] = &letters[..] else { panic!("{letters:?}") };
        assert!(letter.reason.contains("INTELLIGENT_TIERING, access tier ARCHIVE_ACCESS"), "{letter:?}");

        // Meanwhile another version is the newest one.
        scene.put("a.json", "{}\n").await;
        s3.set(|_, _| Fault::None);
        scene.replay_letters().await;
        scene.queue.drain(&mut function, TIMEOUT, 9).await;
        assert_eq!((engine.count(&scene.indices()).await, scene.dead_letters().await.len()), (100, 0));
        notify(&scene, &mut function, envelope::s3(&[&old])).await;
        assert_eq!(engine.count(&scene.indices()).await, 100);
    });
}

#[test]
fn an_object_that_is_archived_while_it_is_read_is_indexed_up_to_there_and_its_rest_is_a_letter() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "archived-midway").await;
        let (liar, path) = (Liar::start().await, format!("{}/a.json", scene.bucket));
        // Further than the bytes that are read to detect the format.
        let cut = lines(3_000).len() + 7;
        let lies = std::iter::once(Lie::Cut(cut)).chain([Lie::Archived; 9]).collect();
        let bytes = lines(4_000).into_bytes();
        let size = bytes.len();
        liar.hold(&path, Held { bytes, etag: "e".into(), lies, ..Held::default() });
        let mut function = scene.function(&engine.url(), &[("AWS_ENDPOINT_URL_S3", &liar.url())]).await;
        let object =
            Object { bucket: scene.bucket.clone(), key: "a.json".into(), etag: "e".into(), version: None, size };
        scene.notify(&object).await;
        scene.queue.drain(&mut function, TIMEOUT, 2).await;
        let [(_, letter)] = &liar.put()[..] else { panic!("{:?}", liar.put()) };
        let letter: Value = serde_json::from_slice(letter).expect("a letter");
        assert_eq!(letter["error_type"], "archived");
        let offset = letter["position"]["offset"].as_u64().and_then(|offset| usize::try_from(offset).ok());
        let before = lines(4_000)[..offset.expect("an offset")].lines().count() as u64;
        assert!((1..=3_000).contains(&before), "{before} events come before the letter");
        assert_eq!(engine.count(&scene.indices()).await, before);
        let counts = receipts(&function).iter().fold((0, 0, 0), |(read, indexed, rejected), one| {
            (read + one.read, indexed + one.indexed, rejected + one.rejected)
        });
        assert_eq!(counts, (before + 1, before, 1));

        liar.be_honest(&path);
        notify(&scene, &mut function, letter["continuation"].clone()).await;
        assert_eq!(engine.count(&scene.indices()).await, 4_000);
    });
}

#[test]
fn a_replay_leaves_archived_objects_out_and_names_them_and_recreate_deletes_nothing_for_them() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "archived-replay").await;
        scene.set_source(&format!("bucket: {}, key: \"in/**\"", scene.bucket), &[]);
        for (key, class) in [
            ("in/a.json", StorageClass::Standard),
            ("in/b.json", StorageClass::Glacier),
            ("in/c.json", StorageClass::GlacierIr),
            ("in/d.json", StorageClass::DeepArchive),
            ("in/restored.json", StorageClass::Glacier),
            ("other/e.json", StorageClass::Glacier),
        ] {
            put(&scene, key, class, lines(1)).await;
        }
        let s3 = Intercept::start(&moto.url()).await;
        s3.set(|head, _| {
            let asks =
                head.headers.get("x-amz-optional-object-attributes").is_some_and(|value| value == "RestoreStatus");
            // As https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreStatus.html describes it.
            let restored = |reply: &str| {
                let listed = "<Key>in/restored.json</Key>";
                let with = "<Key>in/restored.json</Key><RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>\
                            <RestoreExpiryDate>2099-12-21T00:00:00.000Z</RestoreExpiryDate></RestoreStatus>";
                reply.replace(listed, with)
            };
            if asks { Fault::Edited(restored) } else { Fault::None }
        });
        let more = [("AWS_ENDPOINT_URL_S3", s3.url()), ("MILLRACE_SOURCE_FUNCTIONS", "archived-replay-s3".to_owned())];
        let more: Vec<_> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut function = replay(&scene, &engine.url(), &more).await;
        let done = through(&mut function, &json!({ "from": format!("s3://{}", scene.bucket) }), TIMEOUT).await;
        assert_eq!((&done["listed"], &done["sent"], &done["archived"]), (&json!(6), &json!(3), &json!(2)), "{done}");
        let named = ["in/b.json", "in/d.json"].map(|key| format!("s3://{}/{key}", scene.bucket));
        assert_eq!(done["archived_objects"], json!(named));
        assert_eq!(scene.queue.depth().await, 3);

        let dry = json!({ "dataset": "archived-replay", "recreate": true, "dry_run": true });
        let plan = invoke(&mut function, &dry).await.expect("a plan")["plan"].clone();
        assert_eq!((&plan["objects"], &plan["refusals"]), (&json!(3), &json!([])), "no index would be deleted: {plan}");
        let mut ingest = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut ingest, TIMEOUT, 9).await;
        let plan = invoke(&mut function, &dry).await.expect("a plan")["plan"].clone();
        let refusals = plan["refusals"].to_string();
        let says =
            format!("archived, or restored for less than two days: 2, the last one is s3://{}/in/", scene.bucket);
        assert!(refusals.contains(&says), "{plan}");
        let carry_out =
            json!({ "dataset": "archived-replay", "recreate": true, "plan": plan["id"], "without_snapshot": true });
        let error = invoke(&mut function, &carry_out).await.expect_err("it is refused");
        assert!(error.contains("is not carried out"), "{error}");
    });
}
