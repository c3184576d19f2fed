//! S3: objects through a queue. One has no length, one is denied at first, one holds bad lines. One message is not a
//! notification.

use std::time::Duration;

use emulator::function::Function;
use serde_json::json;

use super::limits::TIMEOUT;
use crate::events;
use crate::faults::column::Column;
use crate::faults::stage::Stage;
use crate::faults::verify::{Found, Given};
use crate::queue::{self, Message, Queue};

/// The message that is not a notification.
const STRANGER: &str = "no notification";

/// Runs one cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let lines: Vec<String> = events::generate(12, 3).collect();
    let bad = ["{\"n\": 1", "[2, 3]"];
    let given = Given { good: lines.clone(), bad: bad.iter().map(|bad| bad.as_bytes().to_vec()).collect() };
    let plain = [lines[..4].concat(), bad.join("\n"), "\n".into(), lines[4..6].concat()].concat();
    for (key, body) in [
        ("in/plain.ndjson", plain.into_bytes()),
        ("in/chunked.ndjson.gz", events::gzip(lines[6..9].concat().as_bytes())),
        ("in/denied.ndjson", lines[9..].concat().into_bytes()),
    ] {
        let object = stage.scene.put(key, body).await;
        stage.scene.notify(&object).await;
    }
    let moto = stage.services.moto;
    let dead = Queue::new(moto, &format!("{}-dead", stage.scene.prefix)).await;
    stage.scene.queue.send(&json!(STRANGER)).await;
    let mut function = stage.start("s3-ingest", &[("MILLRACE_DEAD_LETTER_QUEUE_URL", &dead.url)]).await;
    drain(stage, &mut function, TIMEOUT).await;
    settle(stage, &mut function, &given, TIMEOUT).await;
    let kept = dead.receive().await;
    let strange = json!(STRANGER).to_string();
    assert!(!kept.is_empty() && kept.iter().all(|message| message.body == strange), "{kept:?}");
}

/// Checks the final state. If a reply was false, a replay of the dead letters delivers the missing events.
pub(super) async fn settle(stage: &mut Stage, function: &mut Function, given: &Given, timeout: Duration) {
    if given.letters_are_right(stage).await == Found::MoreLetters {
        let column = stage.plan.as_ref().map(|plan| plan.column);
        assert!(column.is_some_and(Column::is_a_lie), "a letter of a good event, though no reply was false");
        stage.scene.replay_letters().await;
        drain(stage, function, timeout).await;
    }
    given.assert_met(stage, &[function]).await;
}

/// Delivers until the queue is empty and no message is on its way to it.
pub(super) async fn drain(stage: &mut Stage, function: &mut Function, timeout: Duration) {
    let queue = stage.scene.queue.clone();
    loop {
        let mut messages = queue.receive().await;
        if messages.is_empty() {
            stage.network.is_quiet().await;
            if queue.depth().await == 0 {
                return;
            }
            // A delayed call has hidden the messages for a while.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        if stage.is_delivered("out-of-order") {
            messages.reverse();
            for message in messages {
                deliver(stage, function, &queue, vec![message], timeout).await;
            }
        } else {
            deliver(stage, function, &queue, messages, timeout).await;
        }
    }
}

async fn deliver(
    stage: &mut Stage,
    function: &mut Function,
    queue: &Queue<'static>,
    messages: Vec<Message>,
    timeout: Duration,
) {
    let answer = stage.deliver(function, &queue::event(&messages), timeout).await;
    queue.settle(messages, answer).await;
}
