//! One invocation with many small objects: its requests, its CPU time beside that of one object with the same events, and
//! its time when S3 answers late. Times are bounded by `make prove` only.
//!
//! The S3 is that of `millrace demo`, in the process of the test: moto takes most of the time of two processors.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use emulator::function::Answer;
use emulator::s3::{self, S3, S3Fault};
use tests::moto::{Moto, Object};
use tests::place::{self, figure};
use tests::receipt::{assert_balanced, sum};
use tests::scene::{Scene, receipts};
use tests::service::Service;
use tests::{engine, envelope, events};

use super::{
    cost::sink,
    cpu::{A_MILLION, ask, invoke},
};

const EVENTS_AN_OBJECT: usize = 20;
pub(super) const BUCKET: &str = "t-small-objects";
/// Other processes only make the work slower, so the best round counts.
const ROUNDS: u32 = 5;
/// CPU time is counted in hundredths of a second, and one object takes four of them.
const INVOCATIONS_A_ROUND: u32 = 10;
/// Under other work, a body may be sent before it is full.
const MOST_REQUESTS: u64 = 30;
const MOST_REQUESTS_ALONE: u64 = 5;
/// The most CPU time of an event, as a multiple of the same in one object. It was 9.5: docs/PERFORMANCE.md says what a GET costs.
const MOST_OF_ONE_OBJECT: f64 = 12.0;
const LATENCY: Duration = Duration::from_millis(30);
const MOST_SECONDS: f64 = 5.0;

/// The least of the rounds, for one invocation.
struct Least {
    cpu_seconds: f64,
    seconds: f64,
    requests: u64,
}

#[test]
fn small_objects_of_one_invocation_share_their_requests() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "small-objects").await;
        let folder = place::scratch();
        let s3 = S3::start(&moto.credentials).await.expect("a free port");
        s3.add_bucket(BUCKET, folder.path());
        let sink = sink();
        let url = s3.url();
        let lines: Vec<String> = events::generate(20_000, 1).collect();

        let one = put(folder.path(), &lines[..10_000], 10_000);
        let many = put(folder.path(), &lines[..10_000], EVENTS_AN_OBJECT);
        let one = spend(&scene, &sink, &url, &one, "one object of 10,000 events").await;
        let many = spend(&scene, &sink, &url, &many, "500 objects of 20 events").await;
        let times = many.cpu_seconds / one.cpu_seconds;
        figure("500 objects of 20 events", "CPU, in that of one object of all events", format!("{times:.1}"));
        let most = if is_timed() { MOST_REQUESTS_ALONE } else { MOST_REQUESTS };
        assert!(many.requests <= most, "{} requests", many.requests);
        assert!(!is_timed() || times <= MOST_OF_ONE_OBJECT, "{times:.1} times the CPU of one object");

        s3.fail(S3Fault::Slow(LATENCY));
        let late = put(folder.path(), &lines, EVENTS_AN_OBJECT);
        let late = spend(&scene, &sink, &url, &late, "1,000 objects of 20 events, S3 answers after 30 ms").await;
        assert!(!is_timed() || late.seconds <= MOST_SECONDS, "{:.1} s", late.seconds);
    });
}

/// Whether this is `make prove`.
fn is_timed() -> bool {
    crate::EVENTS >= A_MILLION
}

/// Writes objects of so many events into the folder of the bucket.
pub(super) fn put(folder: &Path, lines: &[String], events_an_object: usize) -> Vec<Object> {
    let write = |(n, lines): (usize, &[String])| {
        let body = events::gzip(lines.concat().as_bytes());
        let (key, size) = (format!("{events_an_object}-{}-{n}.gz", lines.len()), body.len());
        let file = folder.join(&key);
        fs::write(&file, body).expect("the disk has room");
        let etag = s3::etag(&file).expect("it was written");
        Object { bucket: BUCKET.into(), key, etag, version: None, size }
    };
    lines.chunks(events_an_object).enumerate().map(write).collect()
}

/// Delivers the objects in one invocation, several times.
async fn spend(scene: &Scene<'_>, sink: &Service, s3: &str, objects: &[Object], name: &str) -> Least {
    let mut function = scene.function(&sink.url(), &[("AWS_ENDPOINT_URL_S3", s3)]).await;
    let done = Answer::Response("null".into());
    invoke(&mut function, &envelope::no_objects(), &done).await;
    let event = envelope::s3(&objects.iter().collect::<Vec<_>>());
    let mut least = Least { cpu_seconds: f64::INFINITY, seconds: f64::INFINITY, requests: u64::MAX };
    let invocations = if is_timed() { INVOCATIONS_A_ROUND } else { 1 };
    for _ in 0..if is_timed() { ROUNDS } else { 1 } {
        let before = function.cpu_seconds();
        for _ in 0..invocations {
            ask(sink, reqwest::Method::POST, "/__reset").await;
            let (known, started) = (receipts(&function).len(), Instant::now());
            invoke(&mut function, &event, &done).await;
            least.seconds = least.seconds.min(started.elapsed().as_secs_f64());
            let stats = engine::json(&ask(sink, reqwest::Method::GET, "/__stats").await);
            least.requests = least.requests.min(stats["requests"].as_u64().expect("a count"));
            let new = &receipts(&function)[known..];
            assert_eq!(new.len(), objects.len());
            assert_eq!(Some(sum(new, |receipt| receipt.indexed)), stats["distinct"].as_u64());
        }
        least.cpu_seconds = least.cpu_seconds.min((function.cpu_seconds() - before) / f64::from(invocations));
    }
    function.receipts().iter().for_each(assert_balanced);
    figure(name, "bulk requests", least.requests);
    figure(name, "CPU microseconds an object", format!("{:.0}", least.cpu_seconds * 1e6 / objects.len() as f64));
    figure(name, "seconds", format!("{:.2}", least.seconds));
    figure(name, "peak memory, MiB", function.peak_memory_bytes() >> 20);
    least
}
