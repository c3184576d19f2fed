//! The right to look ids up, for a dataset whose alias rolls over.

use std::time::Duration;

use emulator::function::Answer;
use serde_json::json;
use tests::engine::json as parse;
use tests::envelope;
use tests::events;
use tests::moto::Moto;
use tests::place;
use tests::receipt::sum;
use tests::scene::receipts;

use super::super::LIMIT;
use super::{API, Secured};

#[test]
fn ids_are_looked_up_by_the_role_of_setup_and_nothing_else_is_read() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let name = "secrolled";
        let Some(it) = Secured::new(moto, name).await else { return };
        let (scene, engine) = (&it.scene, &it.engine);
        scene.set_pipeline(&format!(
            "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"**\" }}\n    timestamp: base_dt\n    \
             index: {{ alias: {name} }}\n    replicas: 0\n"
        ));
        it.setup(super::Engine::ADMIN.0).await.expect("setup runs");
        let object = scene.put("a.json", events::generate(200, 8).collect::<String>()).await;
        // A new function each time: for a second, a function relies on its list of indices, which ends at a rollover.
        for (indexed, duplicates) in [(200, 0), (0, 200)] {
            let mut ingest = it.ingest().await;
            let answer = ingest.invoke(&envelope::s3(&[&object]), LIMIT).await.expect("it runs");
            assert_eq!(answer, Answer::Response("null".into()), "{:#?}", ingest.lines());
            let of = receipts(&ingest);
            assert_eq!((sum(&of, |r| r.indexed), sum(&of, |r| r.duplicates)), (indexed, duplicates), "{of:?}");
            engine.ask("POST", &format!("/{name}/_rollover"), "").await;
        }

        engine.ask("PUT", "/elsewhere/_doc/1", "{}").await;
        for path in [format!("/{name}/_search"), format!("/{name}-000001/_doc/1"), "/elsewhere/_settings".into()] {
            assert_eq!(it.asked_as("ingest", "GET", &path, "").await, 403, "{path}");
        }
        let (_, answer) =
            engine.send_as(("ingest", super::PASSWORD), "POST", "/elsewhere/_mget", r#"{"ids":["1"]}"#).await;
        assert!(answer.contains("security_exception") && !answer.contains("found"), "{answer}");

        // Without the right nothing is sent, and the failure says what to do.
        let role = parse(&engine.ask("GET", &format!("{API}/roles/millrace_ingest"), "").await);
        let role = &role["millrace_ingest"];
        let (cluster, of_writes) = (&role["cluster_permissions"], &role["index_permissions"][0]);
        assert_eq!(cluster[2], "indices:data/read/mget", "{role}");
        let of_settings = json!({
            "index_patterns": role["index_permissions"][1]["index_patterns"],
            "allowed_actions": ["indices:monitor/settings/get"],
        });
        let mut ingest = it.ingest().await;
        for (lacks, cluster, of_indices) in [
            ("both", json!(cluster), json!([of_writes])),
            ("_mget in the cluster", json!([cluster[0], cluster[1]]), json!(role["index_permissions"])),
            ("_mget in the indices", json!(cluster), json!([of_writes, of_settings])),
        ] {
            let body = json!({ "cluster_permissions": cluster, "index_permissions": of_indices });
            engine.ask("PUT", &format!("{API}/roles/millrace_ingest"), &body.to_string()).await;
            let before = ingest.lines().len();
            let answer = ingest.invoke(&envelope::s3(&[&object]), Duration::from_secs(10)).await.expect("it runs");
            assert_ne!(answer, Answer::Response("null".into()), "{lacks}");
            let lines = &ingest.lines()[before..];
            assert!(lines.concat().contains("RolloverLookups"), "{lacks}: {lines:#?}");
            let of = receipts(&ingest);
            assert_eq!(of.last().map(|r| (r.undelivered, r.sent)), Some((200, 0)), "{lacks}: {of:?}");
            assert_eq!(engine.count(&format!("{name}-*")).await, 200, "{lacks}");
        }
    });
}
