//! Recreate: a plan, a snapshot, then indices with other rules. The sources are off during it, and on afterwards.

use serde_json::{Value, json};

use super::brake::mapped;
use super::replay::{LEASE as TIMEOUT, settle, start, through};
use super::retention::{BEFORE, answered};
use crate::events;
use crate::faults::stage::Stage;
use crate::faults::verify::Given;

/// Runs one cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let (moto, name) = (stage.services.moto, stage.scene.prefix.clone());
    let rules = format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: t-{name}, key: \"in/**\" }}\n    timestamp: base_dt\n    index: {name}-%{{+YYYY.MM.dd}}\n"
    );
    stage.scene.set_pipeline(&rules);
    let lines: Vec<String> = events::generate(6, 8).collect();
    for (number, two) in lines.chunks(2).enumerate() {
        let object = stage.scene.put(&format!("in/{number}.ndjson"), two.concat()).await;
        stage.scene.notify(&object).await;
    }
    let place = format!("fs:{}/{name}", stage.services.snapshots);
    let env = [("MILLRACE_STACK", name.as_str()), ("MILLRACE_SNAPSHOTS", &place)];
    let mut setup = stage.scene.start("setup", &stage.services.engine.url(), &env).await;
    answered(setup.invoke(&json!({}), BEFORE).await);
    settle(stage).await;
    let foreign = format!("foreign-{name}");
    stage.ask("PUT", &format!("/{foreign}/_doc/1?refresh=true"), &json!({ "foreign": 1 })).await;
    // This index is older than the template, so it is marked as `millrace adopt` does.
    let mark = json!({ "_meta": { "millrace": { "stack": name } } });
    stage.ask("PUT", &format!("/{name}-*/_mapping"), &mark).await;

    let ours = format!("{name}-s3");
    moto.lambda_function(&ours).await;
    let mapping = mapped(moto, &ours, &format!("{name}-mapped")).await;
    stage.scene.set_pipeline(&format!("{rules}    shards: 2\n"));
    let more = [("MILLRACE_SOURCE_FUNCTIONS", ours.as_str())];
    let mut replay = start(stage, &[&env[..], &more].concat()).await;
    let asked = json!({ "dataset": name, "recreate": true, "dry_run": true });
    let plan = through(stage, &mut replay, &asked, TIMEOUT).await["plan"].clone();
    assert_eq!(plan["refusals"], json!([]), "{plan}");
    let event = json!({ "dataset": name, "recreate": true, "plan": plan["id"] });
    let done = through(stage, &mut replay, &event, TIMEOUT).await;
    assert_eq!((&done["sent"], done["snapshot"].is_string()), (&json!(3), true), "{done}");
    assert_eq!(moto.mapping(&mapping).await, (true, Some(9), None), "the sources are not as they were");
    settle(stage).await;
    Given { good: lines, bad: Vec::new() }.assert_met(stage, &[]).await;
    let settings = stage.ask("GET", &format!("/{name}-*/_settings"), &Value::Null).await;
    let shards =
        settings.as_object().into_iter().flatten().map(|(_, one)| &one["settings"]["index"]["number_of_shards"]);
    assert!(shards.into_iter().all(|shards| shards == "2"), "an index by the old rules: {settings}");
    assert_eq!(stage.services.engine.count(&foreign).await, 1, "what others made is gone");
}
