//! Neither requests with events nor administrative requests follow a redirect. Credentials and events go only to the
//! domain that the deployment names.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use emulator::function::Answer;
use emulator::server::{Answer as Reply, Closed};
use http_body_util::Full;
use hyper::Response;
use hyper::http::request::Parts;
use serde_json::json;
use tests::envelope;
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;
use tests::stateful_server::{StatefulServer, lock};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Answers every request with success, as an attacker would, and counts the requests.
fn stranger(requests: &Mutex<u64>, _: &Parts, _: &Bytes) -> Result<Reply, Closed> {
    *lock(requests) += 1;
    let answer = Response::builder().status(200).header("content-type", "application/json");
    answer.body(Full::new(Bytes::from(r#"{"errors":false,"items":[{"create":{"status":201}}]}"#))).map_err(|_| Closed)
}

/// Redirects every request. The state is the status and the target.
fn domain(state: &Mutex<(u16, String)>, head: &Parts, _: &Bytes) -> Result<Reply, Closed> {
    let (status, stranger) = lock(state).clone();
    let answer = Response::builder().status(status).header("location", format!("{stranger}{}", head.uri));
    answer.body(Full::new(Bytes::new())).map_err(|_| Closed)
}

#[test]
fn events_are_not_sent_where_a_redirect_points() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let other = StatefulServer::start(0, stranger).await;
        let domain = StatefulServer::start((307, other.url()), domain).await;
        let scene = Scene::new(moto, "redirect").await;
        let object = scene.put("a.ndjson", r#"{"a":1}"#).await;
        let mut function = scene.function(&domain.url(), &[("MILLRACE_DOMAIN_AUTH", "sigv4:es")]).await;
        for status in [301, 302, 303, 307, 308] {
            domain.state().0 = status;
            let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the function runs");
            let told = format!("{answer:?}");
            assert!(matches!(answer, Answer::Error { .. }), "{status}: {told}");
            assert!(told.contains(other.url().trim_start_matches("http://")), "it names the host: {told}");
        }
        assert_eq!(*other.state(), 0, "the stranger was asked");
        assert!(scene.dead_letters().await.is_empty());
    });
}

#[test]
fn administrative_requests_are_not_sent_where_a_redirect_points() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let other = StatefulServer::start(0, stranger).await;
        let domain = StatefulServer::start((302, other.url()), domain).await;
        let scene = Scene::new(moto, "redirect-admin").await;
        scene.set_source("bucket: \"t-*\", key: \"**\"", &["retention: 30d"]);
        let mut function = scene.start("retention", &domain.url(), &[("MILLRACE_DOMAIN_AUTH", "sigv4:es")]).await;
        let answer = function.invoke(&json!({}), TIMEOUT).await.expect("the function runs");
        let told = format!("{answer:?}");
        assert!(told.contains(other.url().trim_start_matches("http://")), "it names the host: {told}");
        assert_eq!(*other.state(), 0, "the stranger was asked");
    });
}
