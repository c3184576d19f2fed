//! `recreate`: rebuilds the indices of a dataset with other rules. The result is the same as a first load with these
//! rules.

use std::collections::BTreeSet;

use emulator::function::Function;
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::events;
use tests::intercept::{Fault, Intercept};
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::{replay, through};
use crate::wire::operate::{LIMIT, engine as with_repository, invoke};

fn rules(name: &str, more: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: t-recreate, key: \"in/**\" }}\n    timestamp: base_dt\n    index: {name}-%{{+YYYY.MM.dd}}\n{more}"
    )
}

/// Marks indices as if the template of the stack `web` had made them. `millrace adopt` does the same.
async fn mark(engine: &Engine, indices: &str) {
    // This fails if there are no such indices, which is fine.
    engine.send("PUT", &format!("/{indices}/_mapping"), r#"{"_meta":{"millrace":{"stack":"web"}}}"#).await;
}

/// Makes the plan of a request. Returns the request that runs the plan, without a snapshot.
async fn planned(replay: &mut Function, request: &Value) -> Value {
    let with = |more: &[(&str, Value)]| {
        let mut event = request.clone();
        for (key, value) in more {
            event[*key] = value.clone();
        }
        event
    };
    let plan = invoke(replay, &with(&[("dry_run", json!(true))])).await.expect("a plan")["plan"].clone();
    assert_eq!(plan["refusals"], json!([]), "{plan}");
    with(&[("plan", plan["id"].clone()), ("without_snapshot", json!(true))])
}

/// All documents in the indices of a dataset. The names of the indices are without the name of the dataset.
async fn contents(engine: &Engine, name: &str) -> BTreeSet<(String, String, String)> {
    assert!(engine.count(&format!("{name}-*")).await > 0, "nothing in {name}");
    let mut found = BTreeSet::new();
    for document in engine.documents(&format!("{name}-*")).await {
        let index = document.index.replacen(name, "", 1);
        assert!(found.insert((index, document.id, document.source)), "an id twice in one index");
    }
    found
}

#[test]
fn whatever_the_old_and_the_new_rules_recreate_leaves_what_a_fresh_load_would() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    let sets = [
        "",
        "    select: os:iOS AND lat:[0 TO 90]\n",
        "    fields: { drop: [params], rename: { adid: user } }\n    shards: 2\n",
        "    select: NOT os:iOS\n    fields: { add: { env: prod } }\n    retention: 5200w\n",
    ];
    place::run(async {
        let scene = Scene::new(moto, "recreate").await;
        let lines: Vec<String> = events::generate(600, 5).collect();
        let mut objects = Vec::new();
        for (number, chunk) in lines.chunks(200).enumerate() {
            objects.push(scene.put(&format!("in/{number}.json"), chunk.concat()).await);
        }
        moto.lambda_function("recreate-s3").await;
        // A separate queue: moto receives the messages of a mapped queue, and runs nothing.
        moto.queue("recreate-mapped").await;
        let mapping = moto.map_queue("recreate-s3", "recreate-mapped", 9).await;
        let mut fresh = Vec::new();
        for (number, set) in sets.iter().enumerate() {
            // Loads into indices with other names, whose rules never changed.
            let name = format!("fresh{number}");
            scene.set_pipeline(&rules(&name, set));
            for object in &objects {
                scene.notify(object).await;
            }
            let mut ingest = scene.function(&engine.url(), &[]).await;
            scene.queue.drain(&mut ingest, LIMIT, 9).await;
            fresh.push(contents(engine, &name).await);
        }
        assert!(fresh[0].len() == 600 && fresh.iter().all(|contents| !contents.is_empty()));
        for (number, set) in sets.iter().enumerate().chain(std::iter::once((0, &sets[0]))) {
            scene.set_pipeline(&rules("recreate", set));
            let more = [("MILLRACE_SOURCE_FUNCTIONS", "recreate-s3"), ("MILLRACE_STACK", "web")];
            let mut replay = replay(&scene, &engine.url(), &more).await;
            mark(engine, "recreate-*").await;
            let event = json!({ "from": format!("s3://{}/in", scene.bucket), "dataset": "recreate", "recreate": true });
            let event = planned(&mut replay, &event).await;
            let done = through(&mut replay, &event, LIMIT).await;
            assert_eq!(done["sent"], 3, "{done}");
            assert_eq!(moto.mapping(&mapping).await, (true, Some(9), None), "released as it was");
            let mut ingest = scene.function(&engine.url(), &[]).await;
            scene.queue.drain(&mut ingest, LIMIT, 9).await;
            assert_eq!(contents(engine, "recreate").await, fresh[number], "rules {number}");
        }
    });
}

/// A scene with three objects of one event each on two days, indexed and marked, and a mapping that can be paused.
struct Loaded<'m> {
    scene: Scene<'m>,
    mapping: String,
    event: Value,
}

impl<'m> Loaded<'m> {
    async fn new(moto: &'m Moto, name: &str) -> Self {
        let scene = Scene::new(moto, name).await;
        scene.set_pipeline(&rules(name, "").replace("t-recreate", &scene.bucket));
        for (number, day) in [27, 27, 28].iter().enumerate() {
            let event = format!("{{\"base_dt\":\"2026-11-{day}T10:00:00Z\",\"n\":{number}}}\n");
            scene.put(&format!("in/{number}.json"), event).await;
        }
        let function = format!("{name}-s3");
        moto.lambda_function(&function).await;
        moto.queue(&format!("{name}-mapped")).await;
        let mapping = moto.map_queue(&function, &format!("{name}-mapped"), 9).await;
        let event = json!({ "dataset": name, "recreate": true });
        Self { scene, mapping, event }
    }

    async fn replay(&self, domain: &str, more: &[(&str, &str)]) -> Function {
        let function = format!("{}-s3", self.scene.prefix);
        let env = [("MILLRACE_SOURCE_FUNCTIONS", function.as_str()), ("MILLRACE_STACK", "web")];
        replay(&self.scene, domain, &[&env, more].concat()).await
    }

    /// Indexes all notified objects, and marks the indices.
    async fn settle(&self, engine: &Engine) {
        let mut ingest = self.scene.function(&engine.url(), &[]).await;
        self.scene.queue.drain(&mut ingest, LIMIT, 9).await;
        assert_eq!(engine.count(&self.scene.indices()).await, 3);
        mark(engine, &self.scene.indices()).await;
    }

    /// Checks that every object was notified, and that the sources are on.
    async fn is_done(&self, done: &Value, what: &str) {
        assert_eq!((&done["phase"], &done["sent"]), (&json!("done"), &json!(3)), "{what}: {done}");
        assert_eq!(done["deleted"].as_array().map(Vec::len), Some(2), "{what}: {done}");
        assert_eq!(self.scene.moto.mapping(&self.mapping).await, (true, Some(9), None), "{what}");
    }
}

#[test]
fn nothing_is_deleted_without_a_plan_that_brings_all_of_it_back() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let loaded = Loaded::new(moto, "planned").await;
        let mut replay = loaded.replay(&engine.url(), &[]).await;
        let all = json!({ "from": format!("s3://{}", loaded.scene.bucket), "dataset": "planned" });
        through(&mut replay, &all, LIMIT).await;
        loaded.settle(engine).await;
        let refused = async |replay: &mut Function, event: &Value, says: &str| {
            let refused = invoke(replay, event).await.expect_err("it is refused");
            assert!(refused.contains(says), "{event}: {refused}");
        };
        let with = |key: &str, value: Value| {
            let mut event = loaded.event.clone();
            event[key] = value;
            event
        };
        refused(&mut replay, &loaded.event, "needs a plan").await;
        refused(&mut replay, &with("plan", json!("1-2")), "there is no plan `1-2`").await;
        let mut part = with("from", json!(format!("s3://{}/in/1", loaded.scene.bucket)));
        refused(&mut replay, &part, "Leave `from` out").await;
        part["dry_run"] = json!(true);
        refused(&mut replay, &part, "Leave `from` out").await;

        // An index without this stack's mark.
        engine.ask("PUT", "/planned-2026.11.26", "").await;
        let plan = invoke(&mut replay, &with("dry_run", json!(true))).await.expect("a plan")["plan"].clone();
        assert_eq!((&plan["objects"], plan["indices"].as_array().map(Vec::len)), (&json!(3), Some(3)), "{plan}");
        refused(&mut replay, &with("plan", plan["id"].clone()), "planned-2026.11.26 does not have the mark").await;
        engine.ask("DELETE", "/planned-2026.11.26", "").await;

        // An index whose events would be dropped as expired.
        engine.ask("PUT", "/planned-2020.01.01/_doc/1?refresh=true", r#"{"n":1}"#).await;
        mark(engine, "planned-2020.01.01").await;
        let kept = rules("planned", "    retention: 5w\n").replace("t-recreate", &loaded.scene.bucket);
        loaded.scene.set_pipeline(&kept);
        let mut kept = loaded.replay(&engine.url(), &[]).await;
        let plan = invoke(&mut kept, &with("dry_run", json!(true))).await.expect("a plan")["plan"].clone();
        refused(&mut kept, &with("plan", plan["id"].clone()), "planned-2020.01.01 is older than `retention`").await;
        loaded.scene.set_pipeline(&rules("planned", "").replace("t-recreate", &loaded.scene.bucket));
        engine.ask("DELETE", "/planned-2020.01.01", "").await;

        // A run without a snapshot needs `without_snapshot`. A plan is refused if an index was created after it.
        let mut event = planned(&mut replay, &loaded.event).await;
        event["without_snapshot"] = json!(false);
        refused(&mut replay, &event, "add `without_snapshot: true`").await;
        let event = planned(&mut replay, &loaded.event).await;
        engine.ask("PUT", "/planned-2026.11.26", "").await;
        refused(&mut replay, &event, "the index planned-2026.11.26 was created after the plan").await;
        engine.ask("DELETE", "/planned-2026.11.26", "").await;
        assert_eq!(engine.count("planned-*").await, 3, "nothing is deleted");

        let done = through(&mut replay, &event, LIMIT).await;
        loaded.is_done(&done, "as planned").await;
        assert_eq!(engine.count("planned-*").await, 0);
        loaded.settle(engine).await;
    });
}

#[test]
fn a_recreate_survives_each_lost_reply_and_a_first_attempt_that_failed() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let loaded = Loaded::new(moto, "survives").await;
        let aws = Intercept::start(&moto.url()).await;
        let mut replay = loaded.replay(&engine.url(), &[("AWS_ENDPOINT_URL", &aws.url())]).await;
        let all = json!({ "from": format!("s3://{}", loaded.scene.bucket), "dataset": "survives" });
        through(&mut replay, &all, LIMIT).await;
        for number in [2, 4, 5, 6] {
            loaded.settle(engine).await;
            let event = planned(&mut replay, &loaded.event).await;
            aws.set_nth(number, Fault::Lost(500), |head| {
                head.method == "PUT" && head.uri.path().contains("/state/replays/")
            });
            let done = through(&mut replay, &event, LIMIT).await;
            aws.set(|_, _| Fault::None);
            loaded.is_done(&done, &format!("write {number}")).await;
        }
        loaded.settle(engine).await;
        let event = planned(&mut replay, &loaded.event).await;
        aws.set(|head, _| {
            let is_mapping = head.method == "PUT" && head.uri.path().contains("/event-source-mappings/");
            if is_mapping { Fault::Refused(403) } else { Fault::None }
        });
        let request = "8e2b1b1c-0a53-4d0c-a5b4-0123456789ac";
        let failed = replay.invoke_as(request, &event, LIMIT).await.expect("it runs");
        assert!(failed.response().is_err(), "{failed:?}");
        aws.set(|_, _| Fault::None);
        let retried = replay.invoke_as(request, &event, LIMIT).await.expect("it runs");
        let done = tests::engine::json(&String::from_utf8_lossy(retried.response().expect("it goes on")));
        assert_eq!(done["id"], request);
        loaded.is_done(&done, "the retry").await;
    });
}

#[test]
fn the_indices_are_kept_in_a_snapshot_of_this_replay_in_the_repository_of_the_place() {
    let (Some((engine, location, _folder)), Some(moto)) = (with_repository(), Moto::shared()) else { return };
    place::run(async {
        // The repository of another deployment, with the former common name. And a user's repository at the place of
        // this deployment.
        for name in ["millrace", "theirs"] {
            let location = format!("{}/{name}", location.trim_start_matches("fs:"));
            let repository = json!({ "type": "fs", "settings": { "location": location } });
            engine.ask("PUT", &format!("/_snapshot/{name}"), &repository.to_string()).await;
        }
        let loaded = Loaded::new(moto, "kept").await;
        let mut unplaced = loaded.replay(&engine.url(), &[]).await;
        let asked = json!({ "dataset": "kept", "recreate": true, "dry_run": true });
        let plan = invoke(&mut unplaced, &asked).await.expect("a plan")["plan"].clone();
        assert!(plan["repository"].is_null(), "no other's is taken: {plan}");
        let mut replay = loaded.replay(&engine.url(), &[("MILLRACE_SNAPSHOTS", &format!("{location}/theirs"))]).await;
        let all = json!({ "from": format!("s3://{}", loaded.scene.bucket), "dataset": "kept" });
        through(&mut replay, &all, LIMIT).await;
        loaded.settle(&engine).await;
        let mut event = planned(&mut replay, &loaded.event).await;
        event["without_snapshot"] = json!(false);
        event["id"] = json!("Nightly");
        // A snapshot of the same indices, by a replay with this id, with the name of earlier releases. The state of
        // that replay is gone.
        let older = "/_snapshot/theirs/recreate-nightly?wait_for_completion=true";
        engine.ask("PUT", older, r#"{"indices":"kept-*","include_global_state":false}"#).await;
        let done = through(&mut replay, &event, LIMIT).await;
        loaded.is_done(&done, "with a snapshot").await;
        let name = done["snapshot"].as_str().expect("its name");
        assert!(name.starts_with("recreate-nightly-"), "{done}");
        let said = tests::engine::json(&engine.ask("GET", &format!("/_snapshot/theirs/{name}"), "").await);
        let snapshot = &said["snapshots"][0];
        assert_eq!(snapshot["state"], "SUCCESS", "{said}");
        assert_eq!(snapshot["indices"].as_array().map(Vec::len), Some(2), "{said}");
    });
}

#[test]
fn indices_that_the_release_before_began_to_delete_are_restored_and_others_are_left_alone() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let loaded = Loaded::new(moto, "before").await;
        let mut replay = loaded.replay(&engine.url(), &[]).await;
        let all = json!({ "from": format!("s3://{}", loaded.scene.bucket), "dataset": "before" });
        through(&mut replay, &all, LIMIT).await;
        loaded.settle(engine).await;
        // States in the format of the previous release: without a plan, and with only a part of the dataset's objects.
        let begun = async |id: &str, phase: &str, deleted: &[&str]| {
            let from = format!("s3://{}/in/1", loaded.scene.bucket);
            let state = json!({
                "id": id, "what": { "from": from, "dataset": "before", "recreate": true }, "phase": phase, "started_ms": 1,
                "updated_ms": 1, "listed": 0, "sent": 0, "after": null, "deleted": deleted, "lease": null,
            });
            let mapping = json!({ "uuid": loaded.mapping, "enabled": true, "maximum_concurrency": 9, "parallelization_factor": null });
            let paused = json!({ "by": [format!("replay {id}")], "mappings": [mapping] });
            for (key, state) in [(format!("state/replays/{id}.json"), state), ("state/brake.json".into(), paused)] {
                let body = state.to_string().into_bytes().into();
                moto.s3.put_object().bucket("dead-before").key(key).body(body).send().await.expect("a state");
            }
            moto.set_mapping(&loaded.mapping, json!({ "Enabled": false })).await;
            json!({ "continue": id })
        };
        let event = begun("1-1", "pausing", &[]).await;
        let refused = invoke(&mut replay, &event).await.expect_err("it had no plan");
        assert!(refused.contains("a release that made no plans"), "{refused}");
        let ended = invoke(&mut replay, &json!({ "progress": "1-1" })).await.expect("progress");
        assert!(ended["phase"] == "stopped" && ended["refused"].is_string(), "{ended}");
        assert_eq!(engine.count("before-*").await, 3, "nothing is deleted");
        assert_eq!(moto.mapping(&loaded.mapping).await, (true, Some(9), None));

        let event = begun("1-2", "recreating", &["before-2026.11.27", "before-2026.11.28"]).await;
        let done = through(&mut replay, &event, LIMIT).await;
        loaded.is_done(&done, "all objects of the dataset").await;
        assert_eq!(engine.count("before-*").await, 0);
        loaded.settle(engine).await;
    });
}
