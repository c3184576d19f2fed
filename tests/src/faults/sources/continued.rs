//! Continued: an object that takes longer than one invocation. The function sends the rest as a message, and resumes
//! from that message.

use std::time::Duration;

use super::s3::{drain, settle};
use crate::events;
use crate::faults::row::BULK;
use crate::faults::stage::Stage;
use crate::faults::verify::Given;

/// The time of an invocation. Its last fifth is for delivering what was read.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The domain's time for one body. Bodies are sent one at a time.
const PAUSE: Duration = Duration::from_millis(900);
/// The bodies need more time than one invocation has, and less than two have.
const EVENTS: u64 = 1_100;

/// Runs one cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let lines: Vec<String> = events::generate(EVENTS, 11).collect();
    let bad = "{\"n\": 1";
    let given = Given { good: lines.clone(), bad: vec![bad.as_bytes().to_vec()] };
    // The bad line is the last but one. The continuation reads it and writes its dead letter.
    let (last, before) = lines.split_last().expect("there are lines");
    let object = stage.scene.put("in/long.ndjson", format!("{}{bad}\n{last}", before.concat())).await;
    stage.scene.notify(&object).await;
    stage.network.slow_down(BULK, PAUSE);
    let small =
        [("MILLRACE_MAX_BODY_BYTES", "65536"), ("MILLRACE_MAX_EVENT_BYTES", "65536"), ("MILLRACE_MAX_IN_FLIGHT", "1")];
    // Each duplicate would send its own continuation, and each of these would come twice too.
    stage.twice_at_most(1);
    let mut function = stage.start("s3-ingest", &small).await;
    drain(stage, &mut function, TIMEOUT).await;
    settle(stage, &mut function, &given, TIMEOUT).await;
}
