//! An object counts as read only if all of it arrived, whatever breaks off, and whatever S3 or a server in between
//! answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::envelope;
use tests::liar::{Held, Liar, Lie};
use tests::moto::{Moto, Object};
use tests::place::{self, figure};
use tests::scene::{Scene, receipts};

/// The number of events of each object.
const EVENTS: u64 = 60;
/// The number of objects whose GETs meet random faults, in addition to the named cases.
const RANDOM: usize = 60;
/// The number of objects that are read at the same time. The function has as many vCPUs.
const AT_ONCE: usize = 20;

fn lines(case: usize, name: &str) -> Vec<u8> {
    let padding = "x".repeat(150);
    let line =
        |n| format!("{{\"base_dt\":\"2026-11-28T00:00:00Z\",\"case\":{case},\"{name}\":{n},\"p\":\"{padding}\"}}\n");
    (0..EVENTS).map(line).collect::<Vec<_>>().concat().into_bytes()
}

/// The known faults, one at a time.
fn named() -> Vec<(bool, Vec<Lie>)> {
    use Lie::{
        Busy, Checksum, Chunks, Cut, CutChunks, Later, NoEtag, NoLastChunk, Other, TheEnd, Total, UntilClosed, Whole,
    };
    let part = 5_000;
    let forever = |lie: Lie| vec![lie; 20];
    let mut cases = Vec::new();
    for silent in [false, true] {
        for first in [Cut(part), CutChunks(part), UntilClosed(part), NoLastChunk, UntilClosed(usize::MAX)] {
            cases.push((silent, vec![first]));
            for then in
                [Whole, Other, Later(1), Total(1), TheEnd, NoEtag, Busy, Chunks, CutChunks(part), UntilClosed(part)]
            {
                cases.push((silent, vec![first, then]));
            }
        }
        cases.push((silent, vec![Chunks]));
    }
    cases.extend([(false, vec![Checksum]), (false, vec![NoEtag])]);
    cases.extend([Whole, Other, Later(3), TheEnd].map(|then| (false, [vec![Cut(part)], forever(then)].concat())));
    cases.push((true, forever(CutChunks(0))));
    cases
}

/// Whether the answer to the first GET has no length.
fn hides_its_length(lies: &[Lie]) -> bool {
    matches!(lies.first(), Some(Lie::CutChunks(_) | Lie::NoLastChunk | Lie::UntilClosed(_) | Lie::Chunks))
}

fn by_chance(random: &mut fastrand::Rng) -> (bool, Vec<Lie>) {
    let lie = |random: &mut fastrand::Rng| {
        let at = random.usize(0..14_000);
        match random.u8(0..13) {
            0..3 => Lie::Cut(at),
            3 | 4 => Lie::CutChunks(at),
            5 => Lie::UntilClosed(at),
            6 => Lie::NoLastChunk,
            7 => Lie::Whole,
            8 => Lie::Later(1 + at / 2_000),
            9 => Lie::Other,
            10 => Lie::Total(1 + at),
            11 => Lie::TheEnd,
            _ => Lie::Chunks,
        }
    };
    let count = random.usize(1..5);
    (random.bool(), (0..count).map(|_| lie(random)).collect())
}

/// The documents of each case: the numbers of its events, and whether one belongs to another object.
async fn held(engine: &Engine, indices: &str) -> BTreeMap<u64, (Vec<u64>, bool)> {
    let mut held: BTreeMap<u64, (Vec<u64>, bool)> = BTreeMap::new();
    engine
        .each_document(indices, |document| {
            let event: Value = serde_json::from_str(&document.source).expect("JSON");
            let (numbers, has_others) = held.entry(event["case"].as_u64().expect("a case")).or_default();
            match event["n"].as_u64() {
                Some(number) => numbers.push(number),
                None => *has_others = true,
            }
        })
        .await;
    held
}

#[test]
fn an_object_is_complete_only_when_all_of_it_came_whatever_was_answered() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let mut random = fastrand::Rng::with_seed(place::seed("whole"));
    place::run(async {
        let scene = Scene::new(moto, "whole").await;
        let liar = Liar::start().await;
        let mut cases = named();
        cases.extend((0..RANDOM).map(|_| by_chance(&mut random)));
        let path = |case: usize| format!("{}/{case}.ndjson", scene.bucket);
        for (case, (silent, lies)) in cases.iter().enumerate() {
            let (bytes, other) = (lines(case, "n"), lines(case, "other"));
            let lies: VecDeque<Lie> = lies.iter().copied().collect();
            liar.hold(&path(case), Held { bytes, etag: format!("e{case}"), other, lies, head_is_silent: *silent });
        }
        let vcpus = (1769 * AT_ONCE).to_string();
        let s3 = [
            ("AWS_ENDPOINT_URL_S3", liar.url()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", vcpus),
            ("MILLRACE_QUEUE_URL", String::new()),
        ];
        let s3: Vec<(&str, &str)> = s3.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut function = scene.function(&engine.url(), &s3).await;

        let mut todo: BTreeSet<usize> = (0..cases.len()).collect();
        let mut failed = invoke(&mut function, &scene, &todo).await;
        for (case, (_, lies)) in cases.iter().enumerate().filter(|(_, (_, lies))| hides_its_length(lies)) {
            assert!(liar.heads(&path(case)) > 0, "case {case}: HEAD was not asked for the length: {lies:?}");
        }
        let done: BTreeSet<usize> = todo.difference(&failed).copied().collect();
        let found = held(engine, &scene.indices()).await;
        assert_complete(&done, &found, &liar, &cases);
        figure(
            "downloads that broke or were answered wrongly",
            "objects / complete at once",
            format!("{} / {}", cases.len(), done.len()),
        );

        // Messages that were not acknowledged are redelivered, and S3 answers correctly by now.
        todo = failed;
        for case in &todo {
            liar.be_honest(&path(*case));
        }
        failed = invoke(&mut function, &scene, &todo).await;
        assert!(failed.is_empty(), "{failed:?} failed without a fault");
        let found = held(engine, &scene.indices()).await;
        assert_complete(&(0..cases.len()).collect(), &found, &liar, &cases);
        assert!(
            receipts(&function).iter().all(|receipt| receipt.etag.as_deref().is_some_and(|etag| etag.starts_with('e')))
        );
    });
}

/// Delivers these cases, twenty in a batch. Returns those that failed.
async fn invoke(
    function: &mut emulator::function::Function,
    scene: &Scene<'_>,
    cases: &BTreeSet<usize>,
) -> BTreeSet<usize> {
    let mut failed = BTreeSet::new();
    for batch in cases.iter().collect::<Vec<_>>().chunks(AT_ONCE) {
        let messages: Vec<(String, String)> = batch
            .iter()
            .map(|case| {
                let (key, etag) = (format!("{case}.ndjson"), format!("e{case}"));
                let object = Object { bucket: scene.bucket.clone(), key, etag, version: None, size: 1 };
                (case.to_string(), envelope::s3(&[&object]).to_string())
            })
            .collect();
        let event = envelope::sqs(messages.iter().map(|(id, body)| (id.as_str(), "handle", body.as_str())));
        let answer = function.invoke(&event, Duration::from_mins(1)).await.expect("the function runs");
        let emulator::function::Answer::Response(body) = &answer else { panic!("{answer:?}") };
        let said: Value = serde_json::from_slice(body).expect("JSON");
        let items = said["batchItemFailures"].as_array().unwrap_or_else(|| panic!("{said}"));
        failed.extend(items.iter().map(|item| {
            let id = item["itemIdentifier"].as_str().expect("an id");
            id.parse::<usize>().expect("a case")
        }));
    }
    failed
}

fn assert_complete(
    done: &BTreeSet<usize>,
    found: &BTreeMap<u64, (Vec<u64>, bool)>,
    liar: &Liar,
    cases: &[(bool, Vec<Lie>)],
) {
    assert!(liar.put().is_empty(), "nothing of these objects is a dead letter: {:?}", json!(liar.put().len()));
    assert!(found.values().all(|(_, has_others)| !has_others), "events of another object were indexed");
    for case in done {
        let mut numbers = found.get(&(*case as u64)).map(|(numbers, _)| numbers.clone()).unwrap_or_default();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..EVENTS).collect::<Vec<_>>(), "case {case}: {:?}", cases[*case]);
    }
}
