//! What `retention` decided earlier and would not decide any more: it looks again, and takes back what it has changed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use serde_json::json;
use tests::engine::Engine;
use tests::intercept::{Fault, Intercept};
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::retention::{begun, fill, meta_of, rules};
use super::{LIMIT, day, engine, invoke};

#[test]
fn an_index_that_is_not_to_be_deleted_any_more_takes_writes_again() {
    let (Some((engine, snapshots, _folder)), Some(moto)) = (engine(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "unblocked").await;
        scene.set_pipeline(&rules("unblocked", "    retention: 5d\n    snapshot: true\n"));
        let env = [("MILLRACE_SNAPSHOTS", snapshots.as_str())];
        let mut setup = scene.start("setup", &engine.url(), &env).await;
        invoke(&mut setup, &json!({})).await.expect("template and repository");
        let ours = |ago: i64| format!("unblocked-{}", day(ago));
        let [aliased, younger, former, by_hand] = [30, 3, 2, 1].map(ours);
        for index in [&aliased, &younger, &former, &by_hand] {
            fill(&engine, index).await;
        }
        // Runs that ended before their snapshots were finished. Since then an alias writes into one index, and for the
        // other `retention` was lengthened.
        for index in [&aliased, &younger] {
            begun(&engine, index).await;
        }
        let alias = json!({ "actions": [{ "add": { "index": aliased, "alias": "current", "is_write_index": true } }] });
        engine.ask("POST", "/_aliases", &alias.to_string()).await;
        // A run of 0.1.0, which stored nothing in the mapping. And the block of an operator.
        for index in [&former, &by_hand] {
            engine.ask("PUT", &format!("/{index}/_block/write"), "").await;
        }
        let path = format!("/_snapshot/millrace/{former}-1795824000000?wait_for_completion=true");
        engine.ask("PUT", &path, &json!({ "indices": former }).to_string()).await;

        let mut retention = scene.start("retention", &engine.url(), &env).await;
        let would = invoke(&mut retention, &json!({ "dry_run": true })).await.expect("a dry run");
        assert_eq!((&would["planned"], &would["unblocked"]), (&json!(0), &json!([])), "{would}");
        let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
        let mut unblocked = [&aliased, &younger, &former].map(|index| json!(index));
        unblocked.sort_by_key(ToString::to_string);
        assert_eq!((&receipt["planned"], &receipt["unblocked"]), (&json!(0), &json!(unblocked)), "{receipt}");
        for index in [&aliased, &younger, &former] {
            fill(&engine, index).await;
            assert!(meta_of(&engine, index).await["millrace"].get("snapshot").is_none(), "{index}");
        }
        let refused = engine.send("PUT", &format!("/{by_hand}/_doc/2"), "{}").await;
        assert_eq!(refused.0, 403, "what an operator blocked stays blocked");
        let again = invoke(&mut retention, &json!({})).await.expect("a run");
        assert_eq!(again["unblocked"], json!([]), "{again}");
    });
}

#[test]
fn an_index_that_others_took_over_while_another_was_deleted_stays() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "swapped").await;
        scene.set_pipeline(&rules("swapped", "    retention: 3d\n"));
        let mut setup = scene.start("setup", &engine.url(), &[]).await;
        invoke(&mut setup, &json!({})).await.expect("the template");
        let [first, recreated, aliased, unmarked, last] =
            [9, 8, 7, 6, 5].map(|ago: i64| format!("swapped-{}", day(ago)));
        for index in [&first, &recreated, &aliased, &unmarked, &last] {
            fill(engine, index).await;
        }
        let domain = Intercept::start(&engine.url()).await;
        let mut retention = scene.start("retention", &domain.url(), &[]).await;
        // The deletion of the first index takes until the others are changed.
        let (is_asked, is_swapped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (asked, swapped, path) = (Arc::clone(&is_asked), Arc::clone(&is_swapped), format!("/{first}"));
        domain.set(move |head, _| {
            let is_first = head.method == "DELETE" && head.uri.path() == path;
            asked.fetch_or(is_first, SeqCst);
            if is_first && !swapped.load(SeqCst) { Fault::Refused(503) } else { Fault::None }
        });
        let swap = async {
            while !is_asked.load(SeqCst) {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            engine.ask("DELETE", &format!("/{recreated}"), "").await;
            fill(engine, &recreated).await;
            let alias = json!({ "actions": [{ "add": { "index": aliased, "alias": "swapped-now" } }] });
            engine.ask("POST", "/_aliases", &alias.to_string()).await;
            engine.ask("PUT", &format!("/{unmarked}/_mapping"), r#"{"_meta":{"team":"a"}}"#).await;
            is_swapped.store(true, SeqCst);
        };
        let event = json!({});
        let (answer, ()) = tokio::join!(retention.invoke(&event, LIMIT), swap);
        let error = answer.expect("it runs").response().map(|_| ()).expect_err("three stay").to_string();
        assert!(error.contains("3 of 5 indices could not be deleted") && error.contains(&recreated), "{error}");
        for (index, is_there) in [(&first, 404), (&recreated, 200), (&aliased, 200), (&unmarked, 200), (&last, 404)] {
            assert_eq!(engine.send("HEAD", &format!("/{index}"), "").await.0, is_there, "{index}");
        }
        // The next run decides from what it finds.
        let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
        assert_eq!((&receipt["deleted_indices"], &receipt["unowned"]), (&json!(1), &json!(1)), "{receipt}");
        assert_eq!(receipt["in_use"], json!([aliased]), "{receipt}");
        engine.ask("DELETE", &format!("/{aliased},{unmarked}"), "").await;
    });
}
