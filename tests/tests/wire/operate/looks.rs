//! What the brake sees: names that stand for other indices, indices that take no events, and looks that are refused.

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::intercept::{Fault, Intercept};
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::{day, invoke};

#[test]
fn an_alias_whose_index_takes_writes_and_a_block_on_what_takes_none_pause_nothing() {
    // Limits of the cluster would disturb other tests, so this test has its own node.
    let (Some(engine), Some(moto)) = (Engine::with_settings(&[]), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "looks").await;
        let dataset =
            |name: &str, rules: &str| format!("  - name: {name}\n    from: {{ key: \"{name}/**\" }}\n{rules}");
        let aliased = dataset("aliased", "    index: looks\n");
        let dated = dataset("dated", "    timestamp: t\n    index: dated-%{+YYYY.MM.dd}\n    retention: 5d\n");
        scene.set_pipeline(&format!("datasets:\n{aliased}{dated}"));
        moto.lambda_function("looks-s3").await;
        let queue = moto.map_queue("looks-s3", "looks", 10).await;
        let state = format!("s3://dead-{}/state", scene.prefix);
        let env = [("MILLRACE_STATE", state.as_str()), ("MILLRACE_SOURCE_FUNCTIONS", "looks-s3")];
        let mut brake = scene.start("brake", &engine.url(), &env).await;
        let mut says = async |expected: &str| {
            let report = invoke(&mut brake, &Value::Null).await.expect("a run");
            let reason = report["reasons"][0].as_str().unwrap_or_default();
            assert!(reason.contains(expected) && reason.is_empty() == expected.is_empty(), "{report}");
            assert_eq!(moto.mapping(&queue).await.0, expected.is_empty(), "{report}");
        };
        let alias = json!({ "aliases": { "looks": { "is_write_index": true } } });
        engine.ask("PUT", "/looks-000001", &alias.to_string()).await;
        engine.cluster_setting("cluster.max_shards_per_node", &json!("1")).await;
        says("").await;
        engine.ask("POST", "/looks-000001/_close", "").await;
        says("looks is closed").await;
        engine.cluster_setting("cluster.max_shards_per_node", &Value::Null).await;
        engine.ask("POST", "/looks-000001/_open", "").await;

        // The indices are: expired, foreign, the alias's own, and current.
        let (expired, foreign, now) = (format!("dated-{}", day(30)), "dated-x.y.z", format!("dated-{}", day(0)));
        let blocked = [(expired.as_str(), ""), (foreign, ""), ("looks-000001", "read-only"), (&now, "read-only")];
        for (index, expected) in blocked {
            if index != "looks-000001" {
                engine.ask("PUT", &format!("/{index}"), "").await;
            }
            for (block, expected) in [(json!(true), expected), (Value::Null, "")] {
                engine.index_setting(index, "index.blocks.read_only_allow_delete", &block).await;
                says(expected).await;
            }
        }
    });
}

#[test]
fn a_brake_that_may_not_examine_the_domain_pauses_nothing_and_reports_it() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "unseen").await;
        moto.lambda_function("unseen-s3").await;
        let queue = moto.map_queue("unseen-s3", "unseen", 10).await;
        let domain = Intercept::start(&engine.url()).await;
        let state = format!("s3://dead-{}/state", scene.prefix);
        let env = [("MILLRACE_STATE", state.as_str()), ("MILLRACE_SOURCE_FUNCTIONS", "unseen-s3")];
        let mut brake = scene.start("brake", &domain.url(), &env).await;
        assert_eq!(invoke(&mut brake, &Value::Null).await.expect("a run")["paused"], 0);
        for refused in ["/_cat/allocation", "/_alias", "/_cat/indices", "/_cluster/", "/"] {
            domain.set(
                move |head, _| if head.uri.path().starts_with(refused) { Fault::Refused(403) } else { Fault::None },
            );
            let error = invoke(&mut brake, &Value::Null).await.expect_err("an alarm says so");
            assert!(error.contains("the domain refused") && error.contains("403"), "{refused}: {error}");
            assert!(moto.mapping(&queue).await.0, "{refused}");
        }
        // What it does see counts nevertheless.
        domain.set(|head, _| if head.uri.path() == "/_cat/indices" { Fault::Refused(403) } else { Fault::None });
        let full = [&env[..], &[("MILLRACE_FREE_STORAGE_BRAKE", "99.99%")]].concat();
        let mut full = scene.start("brake", &domain.url(), &full).await;
        invoke(&mut full, &Value::Null).await.expect_err("an alarm says so");
        assert!(!moto.mapping(&queue).await.0, "the disk is full");
        domain.set(|_, _| Fault::None);
        assert_eq!(invoke(&mut brake, &Value::Null).await.expect("a run")["paused"], 0);
        assert!(moto.mapping(&queue).await.0);
        // Elasticsearch before 7.7 answers so.
        domain.set(|head, _| {
            let has_wildcards = head.uri.query().is_some_and(|query| query.contains("expand_wildcards"));
            if head.uri.path() == "/_cat/indices" && has_wildcards { Fault::Refused(400) } else { Fault::None }
        });
        assert_eq!(invoke(&mut brake, &Value::Null).await.expect("a run")["paused"], 0);
    });
}
