//! Continued: an object that takes longer than an invocation. The rest of it is sent as a message, which reads on from there.

use std::time::Duration;

use super::s3::{drain, settle};
use crate::events;
use crate::faults::row::BULK;
use crate::faults::stage::Stage;
use crate::faults::verify::Given;

/// The time of an invocation; the last fifth of it is for what was read.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long the domain takes for a body, of which there is one at a time.
const PAUSE: Duration = Duration::from_millis(900);
/// The bodies take longer than the time of one invocation, and less than that of two.
const EVENTS: u64 = 1_100;

/// One cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let lines: Vec<String> = events::generate(EVENTS, 11).collect();
    let bad = "{\"n\": 1";
    let given = Given { good: lines.clone(), bad: vec![bad.as_bytes().to_vec()] };
    // The last but one line: the message that goes on meets it, and its dead letter is one of the rest.
    let (last, before) = lines.split_last().expect("there are lines");
    let object = stage.scene.put("in/long.ndjson", format!("{}{bad}\n{last}", before.concat())).await;
    stage.scene.notify(&object).await;
    stage.network.slow_down(BULK, PAUSE);
    let small =
        [("MILLRACE_MAX_BODY_BYTES", "65536"), ("MILLRACE_MAX_EVENT_BYTES", "65536"), ("MILLRACE_MAX_IN_FLIGHT", "1")];
    // Each would send a rest of its own, and each of these two more.
    stage.twice_at_most(1);
    let mut function = stage.start("s3-ingest", &small).await;
    drain(stage, &mut function, TIMEOUT).await;
    settle(stage, &mut function, &given, TIMEOUT).await;
}
