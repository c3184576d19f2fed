//! The brake: a domain that is full and then healthy. The brake turns the sources off, and then on again with their
//! earlier settings.

use std::time::Duration;

use emulator::function::Function;
use serde_json::{Value, json};

use crate::faults::stage::Stage;
use crate::moto::Moto;

/// The time of one run.
const TIMEOUT: Duration = Duration::from_secs(6);

/// Runs one cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let (moto, name) = (stage.services.moto, stage.scene.prefix.clone());
    let (ours, foreign) = (format!("{name}-s3"), format!("{name}-foreign"));
    for function in [&ours, &foreign] {
        moto.lambda_function(function).await;
    }
    let queue = mapped(moto, &ours, &format!("{name}-mapped")).await;
    let stream = moto.map_stream(&ours, &format!("{name}-stream"), 4).await;
    let by_hand = moto.map_stream(&ours, &format!("{name}-off"), 3).await;
    moto.set_mapping(&by_hand, json!({ "Enabled": false })).await; // by an operator
    let of_others = mapped(moto, &foreign, &format!("{name}-others")).await;
    let set = async || {
        let mut set = Vec::new();
        for uuid in [&queue, &stream, &by_hand, &of_others] {
            set.push(moto.mapping(uuid).await);
        }
        set
    };
    let saved = set().await;

    let bucket = format!("s3://dead-{name}/state");
    let env = |free| {
        [
            ("MILLRACE_STATE", bucket.as_str()),
            ("MILLRACE_SOURCE_FUNCTIONS", &ours),
            ("MILLRACE_FREE_STORAGE_BRAKE", free),
        ]
    };
    let mut full = stage.start("brake", &env("99.99%")).await;
    until(stage, &mut full, 1).await;
    assert!(!moto.mapping(&queue).await.0 && !moto.mapping(&stream).await.0, "not paused: {:?}", set().await);
    assert!(moto.mapping(&of_others).await.0, "another deployment's source was touched");
    // The runtime API belongs to the process that started last.
    drop(full);
    let mut well = stage.start("brake", &env("0.01%")).await;
    until(stage, &mut well, 0).await;
    if stage.network.has_late() {
        // A delayed write may have paused the sources again. The next run notices it.
        stage.network.is_quiet().await;
        until(stage, &mut well, 0).await;
    }
    assert_eq!(set().await, saved, "the sources are not as they were");
    assert!(!moto.is_tagged(&queue).await, "a tag is left");
}

/// Runs on schedule, until a run succeeds and reports this number of paused sources.
async fn until(stage: &mut Stage, brake: &mut Function, paused: u64) {
    loop {
        let answer = stage.deliver(brake, &json!({ "source": "aws.events" }), TIMEOUT).await;
        let said: Option<Value> = answer.response().ok().and_then(|bytes| serde_json::from_slice(bytes).ok());
        if said.is_some_and(|said| said["paused"] == paused) {
            return;
        }
    }
}

/// Maps a new queue to a function. moto receives the messages of a mapped queue and runs nothing.
pub(super) async fn mapped(moto: &Moto, function: &str, queue: &str) -> String {
    moto.queue(queue).await;
    moto.map_queue(function, queue, 9).await
}
