//! Replay: every object of a bucket is notified, over several invocations, and indexed once.

use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Value, json};

use super::limits::TIMEOUT;
use crate::events;
use crate::faults::stage::Stage;
use crate::faults::verify::Given;

/// Shorter than the replay needs at its rate, so the function continues by invoking itself.
const SHORT: Duration = Duration::from_secs(3);
/// Longer than the lease of a killed invocation. The next invocation waits until that lease expires.
pub(super) const LEASE: Duration = Duration::from_secs(20);
/// The objects of the replay, at four a second.
const OBJECTS: usize = 12;

/// Runs one cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let name = stage.scene.prefix.clone();
    stage.scene.set_pipeline(&format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: t-{name}, key: \"in/**\" }}\n    timestamp: base_dt\n    index: {name}-%{{+YYYY.MM.dd}}\n"
    ));
    let lines: Vec<String> = events::generate(OBJECTS as u64, 6).collect();
    for (number, line) in lines.iter().enumerate() {
        stage.scene.put(&format!("in/{number:02}.ndjson"), line.as_str()).await;
    }
    stage.scene.put("other/foreign.ndjson", "{\"foreign\":1}\n").await;
    let mut replay = start(stage, &[]).await;
    let event = json!({ "from": format!("s3://t-{name}"), "rate": 4 });
    let done = through(stage, &mut replay, &event, SHORT).await;
    assert_eq!((&done["listed"], &done["sent"]), (&json!(OBJECTS + 1), &json!(OBJECTS)), "{done}");
    settle(stage).await;
    Given { good: lines, bad: Vec::new() }.assert_met(stage, &[]).await;
}

/// Starts `replay`, as a function that it can invoke itself.
pub(super) async fn start(stage: &Stage, more: &[(&str, &str)]) -> Function {
    let name = &stage.scene.prefix;
    let (function, saved) = (format!("{name}-replay"), format!("s3://dead-{name}/state"));
    stage.services.moto.lambda_function(&function).await;
    let env = [("MILLRACE_STATE", saved.as_str()), ("AWS_LAMBDA_FUNCTION_NAME", &function)];
    stage.start("replay", &[&env[..], more].concat()).await
}

/// Invokes the function as Lambda does: retries a failed invocation under its request id, then runs the invocation that
/// the function requested.
pub(super) async fn through(stage: &mut Stage, replay: &mut Function, event: &Value, mut timeout: Duration) -> Value {
    let (mut event, mut id) = (event.clone(), emulator::runtime::request_id());
    loop {
        let mut answer = stage.invoke(replay, &id, &event, timeout).await;
        if stage.is_delivered("twice") {
            answer = stage.invoke(replay, &id, &event, timeout).await;
        }
        let Answer::Response(bytes) = &answer else { continue };
        let progress: Value = serde_json::from_slice(bytes).expect("progress");
        if progress["phase"] == "done" || progress.get("plan").is_some() {
            return progress;
        }
        assert_ne!(progress["phase"], "stopped", "{progress}");
        (event, id) = (json!({ "continue": progress["id"] }), emulator::runtime::request_id());
        timeout = timeout.max(LEASE);
    }
}

/// Indexes all notified objects, with a function without a fault.
pub(super) async fn settle(stage: &mut Stage) {
    stage.network.is_quiet().await;
    let mut ingest = stage.scene.function(&stage.services.engine.url(), &[]).await;
    stage.scene.queue.drain(&mut ingest, TIMEOUT * 4, 20).await;
    stage.assert_balanced(&ingest);
}
