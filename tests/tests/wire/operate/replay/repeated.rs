//! A repeated request counts once: a write whose reply was lost, an invocation that Lambda retries, a request with an
//! id.

use serde_json::{Value, json};
use tests::engine::json as parse;
use tests::intercept::{Fault, Intercept};
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::{replay, through};
use crate::wire::operate::{LIMIT, invoke};

/// The states of all replays of a scene.
async fn states(scene: &Scene<'_>) -> Vec<Value> {
    let states = scene.moto.objects(&format!("dead-{}", scene.prefix), "state/replays/").await;
    states.iter().map(|(_, state)| parse(&String::from_utf8_lossy(state))).collect()
}

#[test]
fn a_write_of_the_state_whose_reply_is_lost_counts_as_written() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "lost").await;
        for number in 0..3 {
            scene.put(&format!("{number}.json"), "{}\n").await;
        }
        let aws = Intercept::start(&moto.url()).await;
        let mut replay = replay(&scene, "http://127.0.0.1:9", &[("AWS_ENDPOINT_URL", &aws.url())]).await;
        for number in 1..=4 {
            aws.set_nth(number, Fault::Lost(500), |head| {
                head.method == "PUT" && head.uri.path().contains("/state/replays/")
            });
            let event = json!({ "from": format!("s3://{}", scene.bucket), "id": format!("lost-{number}") });
            let done = invoke(&mut replay, &event).await.expect("it runs");
            assert_eq!((&done["phase"], &done["sent"]), (&json!("done"), &json!(3)), "write {number}: {done}");
        }
        assert_eq!(scene.queue.depth().await, 12);
    });
}

#[test]
fn a_repeated_request_with_the_same_id_continues_the_first() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "again").await;
        for number in 0..3 {
            scene.put(&format!("{number}.json"), "{}\n").await;
        }
        let aws = Intercept::start(&moto.url()).await;
        let mut replay = replay(&scene, "http://127.0.0.1:9", &[("AWS_ENDPOINT_URL", &aws.url())]).await;
        let event = json!({ "from": format!("s3://{}", scene.bucket) });
        // Lambda retries a failed asynchronous invocation under its first request id.
        aws.set(|head, _| if head.method == "POST" { Fault::Refused(403) } else { Fault::None });
        let request = "8e2b1b1c-0a53-4d0c-a5b4-0123456789ab";
        let failed = replay.invoke_as(request, &event, LIMIT).await.expect("it runs");
        assert!(failed.response().is_err(), "{failed:?}");
        aws.set(|_, _| Fault::None);
        let retried = replay.invoke_as(request, &event, LIMIT).await.expect("it runs");
        let done = parse(&String::from_utf8_lossy(retried.response().expect("it goes on")));
        assert_eq!(
            (&done["id"], &done["phase"], &done["sent"]),
            (&json!(request), &json!("done"), &json!(3)),
            "{done}"
        );
        assert_eq!(states(&scene).await.len(), 1, "one replay");
        // The request is sent again with its id: nothing runs twice.
        let event = json!({ "from": format!("s3://{}", scene.bucket), "id": request });
        assert_eq!(through(&mut replay, &event, LIMIT).await, done);
        assert_eq!(scene.queue.depth().await, 3);
        let other = json!({ "from": format!("s3://{}/other", scene.bucket), "id": request });
        let refused = invoke(&mut replay, &other).await.expect_err("the id is of another replay");
        assert!(refused.contains("belongs to another request"), "{refused}");
    });
}
