//! How the cost of an event grows: with the size of its object, the number of datasets and of conditions, and the number of
//! objects in an invocation. `make prove` runs this. Out: figures, and a failure where a cost depends on what it must not.
//!
//! Each case runs alone and several times, and the least CPU time counts, because other processes only make it slower. An
//! object of 10 GiB of events, compressed, is in the memory of the test and of moto: 6 GiB.

use std::fmt::Write as _;
use std::time::Duration;

use emulator::function::{Answer, Function};
use tests::moto::{Moto, Object};
use tests::place::{self, figure};
use tests::scene::{Scene, receipts};
use tests::{envelope, events, service::Service};

use super::cost::{assert_memory, repeated, sink};

const TIMEOUT: Duration = Duration::from_mins(14);
/// The most CPU time of an event in a larger object, as a multiple of the same in an object of 64 MiB.
const MOST_OF_A_MIDDLE_OBJECT: f64 = 1.05;
/// The most CPU time of an event with one of a thousand datasets, as a multiple of the same with one.
const MOST_OF_ONE_DATASET: f64 = 1.15;
const MOST_MICROSECONDS_A_CONDITION: f64 = 0.1;
/// The most CPU time of an object among 10,000, as a multiple of the same among 1,000.
const MOST_OF_A_THOUSAND: f64 = 1.2;
/// The most memory for each further object. Most of it is the object's record in the parsed invocation. Lambda's limit of 6 MB for
/// an invocation holds about 6,000 records.
const MOST_BYTES_AN_OBJECT: u64 = 10 << 10;

/// Delivers the objects in one invocation. Each has a final receipt. Returns the events and the CPU seconds of the invocation.
pub(super) async fn deliver(function: &mut Function, name: &str, objects: &[Object]) -> (u64, f64) {
    let event = envelope::s3(&objects.iter().collect::<Vec<_>>());
    let (first, before) = (receipts(function).len(), function.cpu_seconds());
    let answer = function.invoke(&event, TIMEOUT).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    let spent = function.cpu_seconds() - before;
    assert_eq!(answer, Answer::Response("null".into()), "{name}: {:#?}", function.lines().last());
    let receipts = &receipts(function)[first..];
    assert!(
        receipts.len() == objects.len() && receipts.iter().all(|receipt| receipt.is_final),
        "{name}: {receipts:#?}"
    );
    (receipts.iter().map(|receipt| receipt.read).sum(), spent)
}

/// The CPU microseconds of an event.
async fn spend(function: &mut Function, name: &str, objects: &[Object]) -> f64 {
    spend_in(2, function, name, objects).await
}

/// The same, the least of so many rounds.
async fn spend_in(rounds: u32, function: &mut Function, name: &str, objects: &[Object]) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let (events, spent) = deliver(function, name, objects).await;
        best = best.min(spent * 1e6 / events as f64);
    }
    best
}

/// A function that has answered once, so that its start is not measured.
async fn start(scene: &Scene<'_>, sink: &Service) -> Function {
    let mut function = scene.function(&sink.url(), &[("MILLRACE_COMPRESSION", "gzip")]).await;
    function.invoke(&envelope::no_objects(), TIMEOUT).await.expect("the function runs");
    function
}

/// At least `size` bytes of events, in one gzip member or a member for each thousand events.
fn object(size: usize, is_one_member: bool) -> Vec<u8> {
    let block: String = events::generate(1000, 7).collect();
    if is_one_member {
        repeated(&block, size, true)
    } else {
        events::gzip(block.as_bytes()).repeat(size.div_ceil(block.len()))
    }
}

#[test]
fn an_event_costs_the_same_in_an_object_of_any_size() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "growth-size").await;
        let sink = sink();
        for (kind, is_one_member) in [("one member", true), ("many members", false)] {
            let mut middle = f64::INFINITY;
            for size in [1_usize << 20, 64 << 20, crate::LARGE_OBJECT, 10 * crate::LARGE_OBJECT] {
                let name = format!("{} MiB of events, {kind}", size >> 20);
                let object = scene.put(&name.replace(' ', "-"), object(size, is_one_member)).await;
                let mut function = start(&scene, &sink).await;
                // What the others are compared with has to be found well.
                let rounds = if size >> 20 == 64 { 10 } else { 2 };
                let cpu = spend_in(rounds, &mut function, &name, &[object]).await;
                figure(&name, "CPU microseconds per event", format!("{cpu:.2}"));
                assert_memory(&name, &function);
                match size >> 20 {
                    // So little that the clock's steps are a tenth of it.
                    1 => {}
                    64 => middle = cpu,
                    _ => assert!(cpu <= middle * MOST_OF_A_MIDDLE_OBJECT, "{name}: {cpu}, 64 MiB: {middle}"),
                }
            }
        }
    });
}

#[test]
fn an_event_costs_the_same_among_any_number_of_datasets() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "growth-datasets").await;
        let sink = sink();
        let object = scene.put("logs/last/events", object(256 << 20, true)).await;
        let mut one = f64::INFINITY;
        for count in [1, 10, 100, 1000] {
            let mut yaml = "datasets:\n".to_owned();
            for n in (0..count).rev() {
                // The last one takes the object.
                let key = if n == 0 { "logs/last/*".to_owned() } else { format!("logs/{n}/*.json") };
                writeln!(
                    yaml,
                    "  - {{ name: d{n}, from: {{ bucket: \"t-*\", key: \"{key}\" }}, timestamp: base_dt, index: \"d{n}-%{{+YYYY.MM.dd}}\" }}"
                )
                .expect("memory takes everything");
            }
            scene.set_pipeline(&yaml);
            let mut function = start(&scene, &sink).await;
            let started = function.cpu_seconds();
            let name = format!("{count} datasets");
            let cpu = spend(&mut function, &name, std::slice::from_ref(&object)).await;
            figure(&name, "CPU microseconds per event", format!("{cpu:.2}"));
            figure(&name, "CPU seconds to start", format!("{started:.2}"));
            assert_memory(&name, &function);
            if count == 1 {
                one = cpu;
            }
            assert!(cpu <= one * MOST_OF_ONE_DATASET, "{name}: {cpu}, one: {one}");
        }
    });
}

#[test]
fn an_event_costs_a_little_for_each_condition() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "growth-conditions").await;
        let sink = sink();
        let object = scene.put("events", object(64 << 20, true)).await;
        let mut one = f64::INFINITY;
        for count in [1, 10, 100, 1000] {
            let conditions: Vec<String> = (0..count).map(|n| format!("NOT field_{n}:value_{n}")).collect();
            scene.set_pipeline(&format!(
                "datasets:\n  - name: conditions\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    timestamp: base_dt\n    \
                 index: \"conditions-%{{+YYYY.MM.dd}}\"\n    select: event_name:* AND {}\n",
                conditions.join(" AND ")
            ));
            let mut function = start(&scene, &sink).await;
            let name = format!("{count} conditions");
            let cpu = spend(&mut function, &name, std::slice::from_ref(&object)).await;
            figure(&name, "CPU microseconds per event", format!("{cpu:.2}"));
            if count == 1 {
                one = cpu;
            }
            let each = (cpu - one) / f64::from(count);
            assert!(each <= MOST_MICROSECONDS_A_CONDITION, "{name}: {each} for each condition");
        }
    });
}

#[test]
fn an_object_costs_the_same_among_any_number_of_objects() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "growth-objects").await;
        let sink = sink();
        let lines: Vec<String> = events::generate(20, 3).collect();
        let bytes = events::gzip(lines.concat().as_bytes());
        let mut objects = Vec::new();
        let mut thousand = (f64::INFINITY, 0);
        for count in [1, 10, 100, 1000, 10_000] {
            while objects.len() < count {
                objects.push(scene.put(&format!("{}.gz", objects.len()), bytes.clone()).await);
            }
            let mut function = start(&scene, &sink).await;
            let name = format!("{count} objects of 20 events in one invocation");
            let cpu = spend(&mut function, &name, &objects).await * lines.len() as f64;
            figure(&name, "CPU microseconds per object", format!("{cpu:.0}"));
            let peak = function.peak_memory_bytes();
            figure(&name, "peak MiB", peak >> 20);
            match count {
                1000 => thousand = (cpu, peak),
                10_000 => {
                    assert!(cpu <= thousand.0 * MOST_OF_A_THOUSAND, "{name}: {cpu}, 1,000 objects: {}", thousand.0);
                    assert!(peak <= thousand.1 + 9000 * MOST_BYTES_AN_OBJECT, "{name}: {peak} bytes");
                }
                // So little that the clock's steps are a tenth of it.
                _ => {}
            }
        }
    });
}
