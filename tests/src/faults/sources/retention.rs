//! Retention: an index that is too old is deleted after its snapshot. Every other index stays unchanged.

use std::time::Duration;

use emulator::function::Answer;
use serde_json::{Value, json};

use crate::faults::stage::Stage;

/// The time of a run. It includes the snapshot, which a busy engine takes slowly.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The time of the setup, when all cells begin at the same moment.
pub(super) const BEFORE: Duration = Duration::from_mins(5);

/// Runs one cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let name = stage.scene.prefix.clone();
    stage.scene.set_source("key: \"**\"", &["retention: 3d", "snapshot: true"]);
    let place = format!("fs:{}/{name}", stage.services.snapshots);
    let env = [("MILLRACE_STACK", name.as_str()), ("MILLRACE_SNAPSHOTS", &place)];
    // An index that existed before the template has no mark.
    let (old, unmarked, young) = (day(&name, 9), day(&name, 8), day(&name, 0));
    let put = |index: &str| format!("/{index}/_doc/1?refresh=true");
    stage.ask("PUT", &put(&unmarked), &json!({ "in": unmarked })).await;
    let mut setup = stage.scene.start("setup", &stage.services.engine.url(), &env).await;
    answered(setup.invoke(&json!({}), BEFORE).await);
    for index in [&old, &young] {
        stage.ask("PUT", &put(index), &json!({ "in": index })).await;
    }
    let mut retention = stage.start("retention", &env).await;
    let engine = stage.services.engine;
    let is_there = async |index: &str| engine.send("HEAD", &format!("/{index}"), "").await.0 == 200;
    // Runs on schedule.
    loop {
        let answer = stage.deliver(&mut retention, &json!({ "source": "aws.events" }), TIMEOUT).await;
        let receipt: Option<Value> = answer.response().ok().and_then(|bytes| serde_json::from_slice(bytes).ok());
        if receipt.is_some_and(|receipt| receipt["left"] == 0) {
            break;
        }
    }
    stage.network.is_quiet().await;
    assert!(!is_there(&old).await, "what is too old is there");
    for index in [&unmarked, &young] {
        assert!(is_there(index).await, "{index} is gone");
        // A blocked index would refuse this request.
        stage.ask("PUT", &format!("/{index}/_doc/2"), &json!({})).await;
    }
    let repository = stage.ask("GET", "/_snapshot", &Value::Null).await;
    let at = repository.as_object().into_iter().flatten().find(|(_, one)| {
        one["settings"]["location"].as_str().is_some_and(|location| location.trim_end_matches('/').ends_with(&name))
    });
    let (repository, _) = at.expect("the repository of the place");
    let all = stage.ask("GET", &format!("/_snapshot/{repository}/_all"), &Value::Null).await;
    let holds = |one: &Value| one["state"] == "SUCCESS" && one["indices"].to_string().contains(&old);
    assert!(all["snapshots"].as_array().is_some_and(|all| all.iter().any(holds)), "deleted without a snapshot: {all}");
}

/// Checks the answer of `setup`, before any fault.
///
/// # Panics
/// If `setup` failed.
pub(super) fn answered(answer: std::io::Result<Answer>) {
    let answer = answer.expect("it runs");
    assert!(answer.response().is_ok(), "{answer:?}");
}

/// The name of the index of this many days ago.
fn day(name: &str, ago: i64) -> String {
    #[expect(clippy::disallowed_methods, reason = "what is old is old by the clock")]
    let now = jiff::Timestamp::now();
    let day = now - jiff::SignedDuration::from_hours(24 * ago);
    format!("{name}-{}", day.strftime("%Y.%m.%d"))
}
