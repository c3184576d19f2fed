//! The functions that maintain a domain, against a separate real engine, because they see all its indices.

mod brake;
mod held;
mod kept;
mod looks;
mod ownership;
mod refused;
pub(super) mod replay;
mod retention;
mod security;
mod setup;
mod templates;

use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::Value;
use tests::engine::{Engine, json as parse};
use tests::place;

/// Long enough for every step of a real engine.
const LIMIT: Duration = Duration::from_mins(1);

/// An engine that may write snapshots into a folder, and the folder as `MILLRACE_SNAPSHOTS` names it.
pub(super) fn engine() -> Option<(Engine, String, tempfile::TempDir)> {
    let folder = place::scratch();
    let path = folder.path().display().to_string();
    let engine = Engine::with_settings(&[("path.repo", &path)])?;
    Some((engine, format!("fs:{path}"), folder))
}

/// The answer of a function to an event: a document, or its error.
pub(super) async fn invoke(function: &mut Function, event: &Value) -> Result<Value, String> {
    let answer: Answer = function.invoke(event, LIMIT).await.expect("the function runs");
    let response = answer.response().map_err(|reason| reason.to_string())?;
    Ok(parse(&String::from_utf8_lossy(response)))
}

/// The date this many days ago, in UTC, as index names write it.
fn day(ago: i64) -> String {
    #[expect(clippy::disallowed_methods, reason = "what is old is old by the clock")]
    let now = jiff::Timestamp::now();
    let day = now - jiff::SignedDuration::from_hours(24 * ago);
    day.strftime("%Y.%m.%d").to_string()
}

/// The names of all indices, without the engine's own, sorted.
async fn indices(engine: &Engine) -> Vec<String> {
    let listed = parse(&engine.ask("GET", "/_cat/indices?format=json&h=index", "").await);
    let names = listed.as_array().expect("a list").iter().filter_map(|index| index["index"].as_str());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with('.')).map(str::to_owned).collect();
    names.sort();
    names
}
