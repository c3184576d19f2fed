//! Letters: `replay` sends dead letters back, the S3 function retries them, and deletes them after they are settled.
//! One letter holds its event, one names an event that is read at its source again, one can never be a document.

use serde_json::{Value, json};

use super::limits::TIMEOUT;
use super::replay::{LEASE, start, through};
use super::s3::{drain, settle};
use crate::faults::stage::Stage;
use crate::faults::verify::Given;

/// The length of an event. It is over the limit of [`SMALL`] and under the limit of a deployment.
const LONG: usize = 80_000;
const SMALL: (&str, &str) = ("MILLRACE_MAX_EVENT_BYTES", "65536");

/// Runs one cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let (moto, name) = (stage.services.moto, stage.scene.prefix.clone());
    // A function without a fault writes the letters, into indices whose mapping is wrong.
    map(stage, "long").await;
    let short: Vec<String> = (0..4).map(|number| format!("{{\"n\":\"text {number}\"}}\n")).collect();
    let long = format!("{{\"n\":\"text 9\",\"t\":\"{}\"}}\n", "word ".repeat(LONG / 5));
    let bad = "{\"n\": 1";
    for (key, body) in [
        ("in/short.ndjson", format!("{}{bad}\n{}", short[..2].concat(), short[2..].concat())),
        ("in/long.ndjson", long.clone()),
    ] {
        let object = stage.scene.put(key, body).await;
        stage.scene.notify(&object).await;
    }
    let mut before = stage.scene.function(&stage.services.engine.url(), &[SMALL]).await;
    stage.scene.queue.drain(&mut before, TIMEOUT * 4, 20).await;
    assert_eq!(stage.scene.dead_letters_of::<Value>().await.len(), short.len() + 2, "{:#?}", before.lines());
    stage.ask("DELETE", &format!("/{}", stage.scene.indices()), &Value::Null).await;
    map(stage, "keyword").await;

    let given = Given { good: [short, vec![long]].concat(), bad: vec![bad.as_bytes().to_vec()] };
    let mut replay = start(stage, &[]).await;
    let event = json!({ "dead_letters": format!("s3://dead-{name}/letters") });
    let objects = moto.etags(&format!("dead-{name}"), "letters/").await.len();
    let done = through(stage, &mut replay, &event, LEASE).await;
    assert_eq!(done["sent"], objects, "{done}");
    // The runtime API belongs to the process that started last.
    drop(replay);
    stage.network.is_quiet().await;
    let mut ingest = stage.start("s3-ingest", &[]).await;
    drain(stage, &mut ingest, TIMEOUT).await;
    settle(stage, &mut ingest, &given, TIMEOUT).await;
}

/// Maps the field `n` of future indices.
async fn map(stage: &Stage, kind: &str) {
    let name = &stage.scene.prefix;
    let template = json!({
        "index_patterns": [stage.scene.indices()],
        "template": { "mappings": { "properties": { "n": { "type": kind } } } },
    });
    stage.ask("PUT", &format!("/_index_template/foreign-{name}"), &template).await;
}
