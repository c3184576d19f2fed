//! One large object with one processor and with two: a second one shortens the time, and costs no more. `make prove` runs
//! this.
//!
//! The S3 and the sink run on the same processors. They take time from the function with two processors, not with one, so
//! the figure is an upper bound. Therefore the S3 is that of `millrace demo`, and the sink remembers its answers.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use emulator::function::Function;
use emulator::s3::S3;
use tests::events;
use tests::moto::{Moto, Object};
use tests::place::{self, figure};
use tests::scene::{Scene, receipts};
use tests::service::Service;

use super::{
    growth,
    small_objects::{BUCKET, put},
};

const EVENTS: u64 = 200_000;
/// Other processes only make the work slower, so the best of these rounds counts.
const ROUNDS: usize = 9;
/// The most time with two processors, as a multiple of that with one.
const MOST_TIME: f64 = 0.7;
const MOST_CPU: f64 = 1.03;

/// The least figures of all rounds.
#[derive(Debug, Clone, Copy)]
struct Least {
    seconds: f64,
    cpu_seconds: f64,
}

#[test]
fn a_second_processor_shortens_the_time_of_one_object() {
    let Some(moto) = Moto::shared() else { return };
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return place::missing("a second processor", "this machine has one");
    }
    let sink = Service::spawn(Command::new(env!("CARGO_BIN_EXE_sink")).arg("--remember"));
    place::run(async {
        let scene = Scene::new(moto, "processors").await;
        let folder = place::scratch();
        let s3 = S3::start(&moto.credentials).await.expect("a free port");
        s3.add_bucket(BUCKET, folder.path());
        let lines: Vec<String> = events::generate(EVENTS, 3).collect();
        let object = put(folder.path(), &lines, lines.len()).remove(0);
        let (one, two) = ("0", "0,1");
        let mut functions = Vec::new();
        for processors in [one, two] {
            let mut function = on(&scene, &sink.url(), &s3.url(), folder.path(), processors).await;
            deliver(&mut function, &object).await;
            functions.push((function, Least { seconds: f64::INFINITY, cpu_seconds: f64::INFINITY }));
        }
        for _ in 0..ROUNDS {
            for (function, least) in &mut functions {
                let new = deliver(function, &object).await;
                least.seconds = least.seconds.min(new.seconds);
                least.cpu_seconds = least.cpu_seconds.min(new.cpu_seconds);
            }
        }
        let [one, two] = [functions[0].1, functions[1].1];
        for (name, least) in [("one processor", one), ("two processors", two)] {
            figure(&format!("{EVENTS} events of one object, {name}"), "seconds", format!("{:.2}", least.seconds));
            figure(
                &format!("{EVENTS} events of one object, {name}"),
                "CPU seconds",
                format!("{:.2}", least.cpu_seconds),
            );
        }
        let (time, cpu) = (two.seconds / one.seconds, two.cpu_seconds / one.cpu_seconds);
        figure("two processors", "time, in that of one", format!("{time:.2}"));
        figure("two processors", "CPU, in that of one", format!("{cpu:.2}"));
        assert!(time <= MOST_TIME && cpu <= MOST_CPU, "{time:.2} of the time, {cpu:.2} of the CPU seconds");
    });
}

/// A function that may run on these processors only. Its runtime reads their number at the start.
async fn on(scene: &Scene<'_>, domain: &str, s3: &str, folder: &Path, processors: &str) -> Function {
    let script = folder.join(format!("s3-ingest-{processors}"));
    let binary = place::function("s3-ingest");
    fs::write(&script, format!("#!/bin/sh\nexec taskset -c {processors} '{}'\n", binary.display())).expect("the disk");
    fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("it is ours");
    let env = scene.environment(domain, &[("MILLRACE_QUEUE_URL", &scene.queue.url), ("AWS_ENDPOINT_URL_S3", s3)]);
    let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    Function::start(&script, &env).await.expect("the function starts")
}

async fn deliver(function: &mut Function, object: &Object) -> Least {
    let started = Instant::now();
    let (_, cpu_seconds) = growth::deliver(function, "one object", std::slice::from_ref(object)).await;
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(receipts(function).last().map(|receipt| receipt.indexed), Some(EVENTS));
    Least { seconds, cpu_seconds }
}
