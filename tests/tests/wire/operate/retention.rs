//! `retention` deletes old indices, after their snapshots, and nothing else.

use emulator::function::Function;
use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::moto::Moto;
use tests::place;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

use super::{day, engine, indices, invoke};

/// The block of a full disk, which allows only deletions.
const FULL: &str = "index.blocks.read_only_allow_delete";

/// Puts one document into an index.
pub(super) async fn fill(engine: &Engine, index: &str) {
    engine.ask("PUT", &format!("/{index}/_doc/1?refresh=true"), &json!({ "in": index }).to_string()).await;
}

pub(super) fn rules(name: &str, more: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"[!d]*\", key: \"**\" }}\n    timestamp: base_dt\n    \
         index: {name}-%{{+YYYY.MM.dd}}\n{more}"
    )
}

/// Runs `retention`, which deletes these indices. The first one is closed. Returns the receipt.
async fn delete_all(engine: &Engine, retention: &mut Function, old: &[String]) -> Value {
    let event = json!({ "source": "aws.events" });
    let error = match invoke(retention, &event).await {
        Ok(receipt) => return receipt,
        Err(error) => error,
    };
    // Elasticsearch 6.8 and 7.1 take no snapshot of a closed index.
    assert!(error.contains("1 of 3 indices could not be deleted") && error.contains("open it"), "{error}");
    let left = indices(engine).await;
    assert!(left.contains(&old[0]) && !old[1..].iter().any(|index| left.contains(index)), "{left:?}");
    engine.ask("POST", &format!("/{}/_open", old[0]), "").await;
    let mut receipt = invoke(retention, &event).await.expect("a run");
    assert_eq!(receipt["deleted"][0]["index"], old[0].as_str(), "{receipt}");
    (receipt["planned"], receipt["deleted_indices"]) = (json!(3), json!(3));
    receipt["deleted"] = old.iter().map(|index| json!({ "index": index })).collect();
    receipt
}

#[test]
fn an_index_that_is_too_old_is_deleted_after_its_snapshot_and_everything_else_stays() {
    let (Some((engine, snapshots, _folder)), Some(moto)) = (engine(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "retention").await;
        scene.set_pipeline(&rules("retention", "    retention: 3d\n    snapshot: true\n"));
        let ours = |ago: i64| format!("retention-{}", day(ago));
        let old = [ours(7), ours(6), ours(5)];
        let young = [ours(0), ours(1), ours(3)];
        let foreign = [format!("{}-reindexed", ours(9)), format!("other-{}", day(9)), "retention".into()];
        let in_use = ours(30);
        // Indices that are created under this stack's template have its mark.
        let mut setup = scene.start("setup", &engine.url(), &[]).await;
        invoke(&mut setup, &json!({})).await.expect("the template");
        for index in old.iter().chain(&young).chain(&foreign) {
            fill(&engine, index).await;
        }
        // An alias writes into it, as after a rollover. So it stays, in spite of the date in its name.
        let alias = json!({ "aliases": { "current": { "is_write_index": true } } });
        engine.ask("PUT", &format!("/{in_use}"), &alias.to_string()).await;
        engine.ask("POST", &format!("/{}/_close", old[0]), "").await;
        let all = indices(&engine).await;
        let env = [("MILLRACE_SNAPSHOTS", snapshots.as_str())];
        let mut retention = scene.start("retention", &engine.url(), &env).await;

        let would = invoke(&mut retention, &json!({ "dry_run": true })).await.expect("a dry run");
        assert_eq!((&would["planned"], &would["deleted_indices"]), (&json!(3), &json!(0)), "{would}");
        assert_eq!(indices(&engine).await, all, "a dry run deletes nothing");

        // The repository does not exist yet: no snapshot, so no deletion, and no block of writes remains.
        let error = invoke(&mut retention, &json!({})).await.expect_err("there is no repository");
        assert!(error.contains("3 of 3 indices could not be deleted"), "{error}");
        assert_eq!(indices(&engine).await, all);
        fill(&engine, &old[2]).await;

        let mut setup = scene.start("setup", &engine.url(), &env).await;
        invoke(&mut setup, &json!({})).await.expect("the repository");
        let receipt = delete_all(&engine, &mut retention, &old).await;
        let kept: Vec<String> = all.iter().filter(|index| !old.contains(index)).cloned().collect();
        assert_eq!(
            (&receipt["planned"], &receipt["deleted_indices"], &receipt["left"]),
            (&json!(3), &json!(3), &json!(0)),
            "{receipt}"
        );
        assert_eq!(indices(&engine).await, kept);
        let deleted: Vec<&Value> =
            receipt["deleted"].as_array().expect("a list").iter().map(|one| &one["index"]).collect();
        assert_eq!(deleted, old.iter().collect::<Vec<_>>(), "the oldest first");
        let metrics = &receipt["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(metrics["Dimensions"], json!([["function"]]));
        for metric in metrics["Metrics"].as_array().expect("metrics") {
            let name = metric["Name"].as_str().expect("a name");
            assert!(receipt[name].is_u64(), "{name}: {receipt}");
        }
        let again = invoke(&mut retention, &json!({})).await.expect("another run");
        assert_eq!(again["planned"], 0, "{again}");

        // The deleted indices can be restored, each with its documents.
        let listed = parse(&engine.ask("GET", "/_snapshot/millrace/_all", "").await);
        let snapshots = listed["snapshots"].as_array().expect("snapshots");
        assert_eq!(snapshots.len(), 3, "{listed}");
        for snapshot in snapshots {
            assert_eq!(snapshot["state"], "SUCCESS");
            let name = snapshot["snapshot"].as_str().expect("a name");
            engine.ask("POST", &format!("/_snapshot/millrace/{name}/_restore?wait_for_completion=true"), "").await;
        }
        assert_eq!(indices(&engine).await, all);
        assert_eq!(engine.count(&old[1..].join(",")).await, 2);
    });
}

/// `_meta` of the mapping of an index.
pub(super) async fn meta_of(engine: &Engine, index: &str) -> Value {
    parse(&engine.ask("GET", &format!("/{index}/_mapping"), "").await)[index]["mappings"]["_meta"].clone()
}

/// Puts an index into the state after a run that began a snapshot and did not wait for it. Returns the name of the
/// snapshot.
pub(super) async fn begun(engine: &Engine, index: &str) -> String {
    engine.ask("PUT", &format!("/{index}/_block/write"), "").await;
    let state = parse(&engine.ask("GET", &format!("/_cluster/state/metadata/{index}"), "").await);
    let state = &state["metadata"]["indices"][index];
    let name = format!("{index}-begun");
    let mut meta = state["mappings"]["_doc"]["_meta"].clone();
    meta["millrace"]["snapshot"] = json!({
        "name": name, "started_ms": 1, "index_uuid": state["settings"]["index"]["uuid"],
        "settings_version": state["settings_version"], "is_block_ours": true,
    });
    engine.ask("PUT", &format!("/{index}/_mapping"), &json!({ "_meta": meta }).to_string()).await;
    let body = json!({ "indices": index }).to_string();
    engine.ask("PUT", &format!("/_snapshot/millrace/{name}?wait_for_completion=true"), &body).await;
    name
}

/// Copies an index by clone and by restore. Each copy has the mark of its original, and a name that a dataset could
/// make.
async fn copy(engine: &Engine, index: &str, cloned: &str, snapshot: &str, restored: &str) {
    engine.ask("PUT", &format!("/{index}/_block/write"), "").await;
    engine.ask("POST", &format!("/{index}/_clone/{cloned}"), "").await;
    let renamed = json!({ "indices": index, "rename_pattern": ".+", "rename_replacement": restored }).to_string();
    let path = format!("/_snapshot/millrace/{snapshot}/_restore?wait_for_completion=true");
    engine.ask("POST", &path, &renamed).await;
}

/// Adopts copies, also on a full disk. `adopt` ignores copies that it does not name.
async fn adopt_by_name(engine: &Engine, setup: &mut Function, cloned: &str, copied: &str) {
    let done = invoke(setup, &json!({ "adopt": true })).await.expect("nothing to adopt");
    assert_eq!((&done["adopted"], done["copies"].as_array().map(Vec::len)), (&json!([]), Some(3)), "{done}");
    engine.index_setting(copied, FULL, &json!(true)).await;
    let done = invoke(setup, &json!({ "adopt": [cloned, copied] })).await.expect("two are adopted");
    assert_eq!(done["adopted"].as_array().map(Vec::len), Some(2), "{done}");
    let settings = parse(&engine.ask("GET", &format!("/{copied}/_settings?flat_settings=true"), "").await);
    assert_eq!(settings[copied]["settings"][FULL], "true", "{settings}");
}

/// The snapshot that was begun holds another index. Everything is as before, including the block of the full disk.
async fn a_failed_snapshot_changes_nothing(engine: &Engine, retention: &mut Function, index: &str, other: &str) {
    fill(engine, index).await;
    let name = begun(engine, index).await;
    let mut meta = meta_of(engine, index).await;
    meta["millrace"]["snapshot"]["allowed_only_deletion"] = json!(true);
    engine.ask("PUT", &format!("/{index}/_mapping"), &json!({ "_meta": meta }).to_string()).await;
    engine.ask("DELETE", &format!("/_snapshot/millrace/{name}"), "").await;
    let path = format!("/_snapshot/millrace/{name}?wait_for_completion=true");
    engine.ask("PUT", &path, &json!({ "indices": other }).to_string()).await;
    let error = invoke(retention, &json!({})).await.expect_err("it is in no snapshot");
    assert!(error.contains("does not hold all of"), "{error}");
    let settings = parse(&engine.ask("GET", &format!("/{index}/_settings"), "").await);
    let blocks = &settings[index]["settings"]["index"]["blocks"];
    assert_eq!(*blocks, json!({ "read_only_allow_delete": "true" }), "{settings}");
    assert!(meta_of(engine, index).await["millrace"].get("snapshot").is_none());
}

#[test]
fn only_a_snapshot_of_the_index_as_it_is_counts() {
    let (Some((engine, snapshots, _folder)), Some(moto)) = (engine(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "archived").await;
        scene.set_pipeline(&rules("archived", "    retention: 3d\n    snapshot: true\n"));
        let env = [("MILLRACE_SNAPSHOTS", snapshots.as_str())];
        let mut setup = scene.start("setup", &engine.url(), &env).await;
        invoke(&mut setup, &json!({})).await.expect("template and repository");
        let ours = |ago: i64| format!("archived-{}", day(ago));
        let [full, taken, lifted, prefix, copied, young] = [10, 9, 8, 7, 6, 0].map(ours);
        let [cloned, restored] = [12, 11].map(ours);
        for index in [&full, &taken, &lifted, &prefix, &copied, &young] {
            fill(&engine, index).await;
        }
        // An earlier run was killed while it waited for the snapshot.
        let waited_for = begun(&engine, &taken).await;
        // A user has removed the block, written a document, and set the block again.
        begun(&engine, &lifted).await;
        engine.index_setting(&lifted, "index.blocks.write", &Value::Null).await;
        engine.ask("PUT", &format!("/{lifted}/_doc/2?refresh=true"), "{}").await;
        engine.index_setting(&lifted, "index.blocks.write", &json!(true)).await;
        // A snapshot whose name begins with the name of another index, which is blocked.
        let other = json!({ "indices": young }).to_string();
        engine.ask("PUT", &format!("/_snapshot/millrace/{prefix}-web-1?wait_for_completion=true"), &other).await;
        engine.ask("PUT", &format!("/{prefix}/_block/write"), "").await;
        // The `_meta` of another index was copied into the mapping of this one.
        let meta = meta_of(&engine, &taken).await;
        engine.ask("PUT", &format!("/{copied}/_mapping"), &json!({ "_meta": meta }).to_string()).await;
        engine.ask("PUT", &format!("/{copied}/_block/write"), "").await;
        copy(&engine, &young, &cloned, &format!("{prefix}-web-1"), &restored).await;
        // The engine sets this block on the indices of a full disk. This index is the oldest one to delete.
        engine.index_setting(&full, FULL, &json!(true)).await;

        let mut retention = scene.start("retention", &engine.url(), &env).await;
        let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
        assert_eq!((&receipt["deleted_indices"], &receipt["left"]), (&json!(4), &json!(0)), "{receipt}");
        assert_eq!(receipt["unowned_indices"], json!([cloned, restored, copied]), "{receipt}");

        adopt_by_name(&engine, &mut setup, &cloned, &copied).await;
        let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
        assert_eq!((&receipt["deleted_indices"], &receipt["unowned"]), (&json!(2), &json!(1)), "{receipt}");
        assert_eq!(indices(&engine).await, [restored.as_str(), &young]);
        let archive = parse(&engine.ask("GET", "/_snapshot/millrace/_all", "").await);
        let of = |index: &String| {
            let all = archive["snapshots"].as_array().expect("snapshots").iter();
            let of = all.filter(|one| one["indices"] == json!([index]) && one["state"] == "SUCCESS");
            of.filter_map(|one| one["snapshot"].as_str()).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(of(&taken), [waited_for], "it went on waiting for the one that was begun");
        assert_eq!(
            (of(&full).len(), of(&prefix).len(), of(&copied).len(), of(&lifted).len()),
            (1, 1, 1, 2),
            "{archive}"
        );
        let newest =
            of(&lifted).into_iter().find(|name| !name.ends_with("-begun")).expect("a snapshot after the block");
        engine.ask("POST", &format!("/_snapshot/millrace/{newest}/_restore?wait_for_completion=true"), "").await;
        assert_eq!(engine.count(&lifted).await, 2, "what was written meanwhile is in it");
        let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
        assert_eq!(
            receipt["unowned_indices"],
            json!([restored, lifted]),
            "what was restored on purpose stays: {receipt}"
        );
        a_failed_snapshot_changes_nothing(&engine, &mut retention, &ours(5), &young).await;
    });
}

#[test]
fn short_storage_deletes_the_oldest_indices_down_to_keep_at_least() {
    let (Some((engine, _, _folder)), Some(moto)) = (engine(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "watermark").await;
        scene.set_pipeline(&rules("watermark", "    retention: 300d\n    keep_at_least: 2d\n"));
        let ours = |ago: i64| format!("watermark-{}", day(ago));
        let mut setup = scene.start("setup", &engine.url(), &[]).await;
        invoke(&mut setup, &json!({})).await.expect("the template");
        for ago in [0, 2, 3, 4] {
            fill(&engine, &ours(ago)).await;
        }
        // Every disk has more than 1 MB of free storage, and none has 99.99 %.
        let mut plenty = scene.start("retention", &engine.url(), &[("MILLRACE_FREE_STORAGE_WATERMARK", "1mb")]).await;
        assert_eq!(invoke(&mut plenty, &json!({})).await.expect("a run")["planned"], 0);
        let mut short = scene.start("retention", &engine.url(), &[("MILLRACE_FREE_STORAGE_WATERMARK", "99.99%")]).await;
        let receipt = invoke(&mut short, &json!({})).await.expect("a run");
        assert!(
            receipt["deleted"].as_array().expect("a list").iter().all(|one| one["because"] == "free_storage"),
            "{receipt}"
        );
        assert!(
            receipt["free_storage_bytes"].as_u64() > Some(0) && receipt["freed_bytes"].as_u64() > Some(0),
            "{receipt}"
        );
        assert_eq!(indices(&engine).await, [ours(2), ours(0)]);
    });
}

#[test]
fn an_event_older_than_the_retention_is_expired_and_recreates_no_index() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "expired").await;
        scene.set_pipeline(&rules("expired", "    retention: 3d\n"));
        let line = |ago: i64| format!("{{\"base_dt\":\"{}T12:00:00Z\"}}\n", day(ago).replace('.', "-"));
        let object = scene.put("a.ndjson", [line(1), line(3), line(4), line(400)].concat()).await;
        scene.notify(&object).await;
        let mut function = scene.function(&engine.url(), &[]).await;
        scene.queue.deliver(&mut function, super::LIMIT).await;
        let receipts = receipts(&function);
        let counts = |of: fn(&tests::receipt::Counts) -> u64| sum(&receipts, |receipt| of(receipt));
        assert_eq!((counts(|r| r.read), counts(|r| r.indexed), counts(|r| r.expired)), (4, 2, 2));
        assert_eq!(engine.send("HEAD", &format!("/expired-{}", day(4)), "").await.0, 404);
    });
}

#[test]
fn a_configuration_that_cannot_keep_its_promise_does_not_start() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "unkept").await;
        scene.set_pipeline(&rules("unkept", "    retention: 3d\n    snapshot: true\n"));
        let mut retention = scene.start("retention", "http://127.0.0.1:9", &[]).await;
        let error = invoke(&mut retention, &json!({})).await.expect_err("no repository is named");
        assert!(error.contains("exit") || error.contains("MILLRACE_SNAPSHOTS"), "{error}");
        assert!(retention.lines().iter().any(|line| line.contains("has `snapshot: true`")), "{:?}", retention.lines());
        let aoss = [("MILLRACE_DOMAIN_AUTH", "sigv4:aoss")];
        let mut retention = scene.start("retention", "http://127.0.0.1:9", &aoss).await;
        invoke(&mut retention, &json!({})).await.expect_err("a collection");
        assert!(
            retention.lines().iter().any(|line| line.contains("OpenSearch Serverless has no API")),
            "{:?}",
            retention.lines()
        );
    });
}
