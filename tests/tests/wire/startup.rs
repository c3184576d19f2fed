//! A cold start of `s3-ingest`: the time from the start of its process to its first answer. `make prove` runs this.
//!
//! Out: figures. They leave out what Lambda does before it starts the process: it places the function and unpacks its zip.

use std::time::{Duration, Instant};

use emulator::function::Answer;
use serde_json::Value;
use tests::moto::Moto;
use tests::place::{self, figure};
use tests::scene::{Scene, receipts};
use tests::{envelope, events};

use super::cost::sink;

const STARTS: usize = 11;
const TIMEOUT: Duration = Duration::from_mins(1);

#[test]
fn a_cold_start_takes_milliseconds() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "startup").await;
        let sink = sink();
        let line: String = events::generate(1, 1).collect();
        let object = scene.put("one.json", line.into_bytes()).await;
        for (name, event, indexed) in [
            ("the answer to an invocation without events", envelope::no_objects(), 0),
            ("the first event indexed", envelope::s3(&[&object]), 1),
        ] {
            let mut taken = Vec::new();
            for _ in 0..STARTS {
                let started = Instant::now();
                taken.push(start(&scene, &sink.url(), &event, indexed, started).await);
            }
            taken.sort_unstable();
            let milliseconds = |duration: Duration| format!("{:.1}", duration.as_secs_f64() * 1e3);
            figure(&format!("from the start to {name}"), "ms, median", milliseconds(taken[STARTS / 2]));
            figure(&format!("from the start to {name}"), "ms, least", milliseconds(taken[0]));
        }
    });
}

async fn start(scene: &Scene<'_>, domain: &str, event: &Value, indexed: u64, started: Instant) -> Duration {
    let mut function = scene.function(domain, &[]).await;
    let answer = function.invoke(event, TIMEOUT).await.expect("the function runs");
    let taken = started.elapsed();
    assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines().last());
    assert_eq!(receipts(&function).iter().map(|receipt| receipt.indexed).sum::<u64>(), indexed);
    taken
}
