//! The objects of an invocation share requests to the domain. Each of them keeps its own fate, receipt and dead letters.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use serde_json::Value;
use tests::envelope;
use tests::moto::Moto;
use tests::place::{self, figure};
use tests::queue::{self, Message};
use tests::receipt::{self, sum};
use tests::scene::{Scene, receipts};
use tests::script::{Script, Scripted, Step, Turn};

const OBJECTS: u64 = 100;
const EVENTS: u64 = 3;
const TIMEOUT: Duration = Duration::from_mins(1);

/// What the domain does, and what follows for the objects. Event `n` of object `o` has the `seq` 10 * `o` + `n`.
#[derive(Default)]
struct Case {
    name: &'static str,
    script: Script,
    /// The objects whose messages fail.
    failed: &'static [u64],
    /// The events that become dead letters.
    rejected: &'static [u64],
    /// Whether the domain has stored events without an answer.
    has_duplicates: bool,
    most_requests: u64,
    timeout: Option<Duration>,
}

fn item(seq: u64, step: Step) -> (u64, Vec<Step>) {
    (seq, vec![step])
}

fn whole(turns: impl IntoIterator<Item = Turn>) -> Script {
    Script { turns: turns.into_iter().collect::<VecDeque<_>>(), ..Script::default() }
}

fn items(items: impl IntoIterator<Item = (u64, Vec<Step>)>) -> Script {
    Script { items: items.into_iter().collect(), ..Script::default() }
}

fn refused(seq: u64, status: u16) -> Script {
    Script { refused: HashMap::from([(seq, status)]), ..Script::default() }
}

/// Single items fail.
fn cases_of_items() -> Vec<Case> {
    let busy = (0..OBJECTS).step_by(3).map(|object| (10 * object, vec![Step::Busy, Step::Busy, Step::Created]));
    let many = items((0..OBJECTS).map(|object| item(10 * object, Step::Unmappable)));
    let every: &[u64] = Box::leak((0..OBJECTS).map(|object| 10 * object).collect());
    vec![
        Case { name: "good", most_requests: 20, ..Case::default() },
        Case {
            name: "one-bad",
            script: items([item(121, Step::Unmappable)]),
            rejected: &[121],
            most_requests: 30,
            ..Case::default()
        },
        Case { name: "all-bad", script: many, rejected: every, most_requests: 60, ..Case::default() },
        // Answers of different kinds without ids: no answer of one object may count for another one.
        Case {
            name: "bad-and-held",
            script: items([item(121, Step::Unmappable), item(450, Step::NoShards)]),
            failed: &[45],
            rejected: &[121],
            most_requests: 200,
            timeout: Some(Duration::from_secs(8)),
            ..Case::default()
        },
        Case { name: "busy", script: items(busy), most_requests: 60, ..Case::default() },
    ]
}

/// Whole requests fail.
fn cases_of_requests() -> Vec<Case> {
    vec![
        Case { name: "whole-400", script: refused(121, 400), rejected: &[121], most_requests: 60, ..Case::default() },
        Case { name: "whole-413", script: refused(121, 413), rejected: &[121], most_requests: 60, ..Case::default() },
        Case { name: "whole-403", script: refused(121, 403), failed: &[12], most_requests: 60, ..Case::default() },
        Case {
            name: "whole-413-last",
            script: refused(992, 413),
            rejected: &[992],
            most_requests: 60,
            ..Case::default()
        },
        Case {
            name: "whole-503",
            script: refused(1, 503),
            failed: &[0],
            most_requests: 60,
            timeout: Some(Duration::from_secs(15)),
            ..Case::default()
        },
        // It may have been stored, so all are sent alone at once.
        Case {
            name: "whole-502",
            script: refused(121, 502),
            failed: &[12],
            most_requests: 200,
            timeout: Some(Duration::from_secs(25)),
            ..Case::default()
        },
        Case { name: "down", script: whole([Turn::Status(503); 3]), most_requests: 30, ..Case::default() },
        Case { name: "not-sent", script: whole([Turn::Cut { applied: false }]), most_requests: 150, ..Case::default() },
        Case {
            name: "lost",
            script: whole([Turn::Cut { applied: true }]),
            has_duplicates: true,
            most_requests: 150,
            ..Case::default()
        },
        Case {
            name: "short",
            script: whole([Turn::Short]),
            has_duplicates: true,
            most_requests: 150,
            ..Case::default()
        },
        Case {
            name: "garbled",
            script: whole([Turn::Garbled]),
            has_duplicates: true,
            most_requests: 150,
            ..Case::default()
        },
    ]
}

async fn scene<'m>(moto: &'m Moto, name: &str) -> Scene<'m> {
    let scene = Scene::new(moto, &format!("shared-{name}")).await;
    scene.set_pipeline(&format!(
        "datasets:\n  - {{ name: \"{}\", from: {{ bucket: \"t-*\", key: \"**\" }}, index: shared }}\n",
        scene.prefix
    ));
    scene
}

/// Puts the objects. Returns a message for each.
async fn messages(scene: &Scene<'_>) -> Vec<Message> {
    let mut messages = Vec::new();
    for object in 0..OBJECTS {
        let lines: Vec<String> = (0..EVENTS).map(|event| format!("{{\"seq\":{}}}\n", 10 * object + event)).collect();
        let object = scene.put(&format!("{object}.ndjson"), lines.concat()).await;
        messages.push(Message {
            id: object.key.clone(),
            receipt_handle: "handle".into(),
            body: envelope::s3(&[&object]).to_string(),
            receive_count: 1,
            attributes: BTreeMap::new(),
        });
    }
    messages
}

#[test]
fn objects_of_an_invocation_share_requests_and_each_keeps_its_own_fate() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        for case in cases_of_items().into_iter().chain(cases_of_requests()) {
            run(moto, case).await;
        }
    });
}

#[test]
fn the_last_object_is_in_the_request_too() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = scene(moto, "last").await;
        let messages = &messages(&scene).await[..2];
        let domain = Scripted::start().await;
        let mut function = scene.function(&domain.url(), &[]).await;
        for _ in 0..5 {
            let answer = function.invoke(&queue::event(messages), TIMEOUT).await.expect("it runs");
            assert!(queue::failures(messages, &answer).is_empty(), "{answer:?}");
        }
        // One request for both objects, unless a busy machine kept the second one for half a second.
        let requests = domain.truth().requests;
        assert!(requests <= 7, "{requests} requests in 5 invocations of 2 objects");
    });
}

async fn run(moto: &Moto, case: Case) {
    let name = case.name;
    let scene = scene(moto, name).await;
    let messages = messages(&scene).await;
    let domain = Scripted::start().await;
    domain.follow(case.script);
    let mut function = scene.function(&domain.url(), &[]).await;
    let answer = function.invoke(&queue::event(&messages), case.timeout.unwrap_or(TIMEOUT)).await.expect("it runs");
    let failed = queue::failures(&messages, &answer);
    let expected: HashSet<String> = case.failed.iter().map(|object| format!("{object}.ndjson")).collect();
    assert_eq!(
        failed,
        expected,
        "{name}: {answer:?} {:#?}",
        function.lines().iter().rev().take(20).collect::<Vec<_>>()
    );

    let truth = domain.truth();
    let bad: HashSet<u64> = case.rejected.iter().copied().collect();
    for object in 0..OBJECTS {
        for seq in (0..EVENTS).map(|event| 10 * object + event) {
            let ids = truth.created.get(&seq).map_or(0, BTreeSet::len);
            let is_held = case.failed.contains(&object);
            assert!(
                ids == usize::from(!bad.contains(&seq)) || (is_held && ids == 0),
                "{name}: event {seq} has {ids} ids"
            );
        }
    }
    let mut letters: Vec<u64> = scene.dead_letters().await.iter().map(seq_of).collect();
    letters.sort_unstable();
    assert_eq!(letters, case.rejected, "{name}: one dead letter for each event that the domain refuses");

    // `receipts` checks that each balances.
    let receipts = receipts(&function);
    assert_eq!(receipts.len() as u64, OBJECTS, "{name}: a receipt for each object");
    for receipt in &receipts {
        assert_eq!((receipt.read, receipt.is_final), (EVENTS, !failed.contains(&receipt.key)), "{name}: {receipt:?}");
    }
    assert_eq!(sum(&receipts, |receipt| receipt.rejected), case.rejected.len() as u64, "{name}");
    if name == "whole-400" {
        let quotes = function.lines().iter().filter(|line| line.contains("as the script says")).count();
        assert_eq!(quotes, 0, "the words of a 400 may quote a document, so no line of the log has them");
    }
    if name == "down" {
        let is_counted = |receipt: &receipt::S3| receipt.retries + 1 == receipt.bulk_requests;
        assert!(receipts.iter().all(is_counted), "each request but the first is a retry: {receipts:?}");
    }
    let duplicates = sum(&receipts, |receipt| receipt.duplicates);
    assert!(!case.has_duplicates || duplicates > 0, "{name}: the lost answer counts as duplicates");
    figure(&format!("{OBJECTS} objects of {EVENTS} events, {name}"), "bulk requests", truth.requests);
    assert!(truth.requests <= case.most_requests, "{name}: {} requests", truth.requests);
}

fn seq_of(letter: &tests::scene::DeadLetter) -> u64 {
    let payload = String::from_utf8_lossy(&letter.payload()).into_owned();
    serde_json::from_str::<Value>(&payload).expect("an event")["seq"].as_u64().expect("a number")
}
