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
        let mut ingest = it.ingest().await;
        for _ in 0..2 {
            let answer = ingest.invoke(&envelope::s3(&[&object]), LIMIT).await.expect("it runs");
            assert_eq!(answer, Answer::Response("null".into()), "{:#?}", ingest.lines());
            engine.ask("POST", &format!("/{name}/_rollover"), "").await;
        }
        let of = receipts(&ingest);
        assert_eq!((sum(&of, |r| r.indexed), sum(&of, |r| r.duplicates)), (200, 200), "{of:?}");

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
        let may_only_write = json!({
            "cluster_permissions": role["cluster_permissions"],
            "index_permissions": [role["index_permissions"][0]],
        });
        engine.ask("PUT", &format!("{API}/roles/millrace_ingest"), &may_only_write.to_string()).await;
        let answer = ingest.invoke(&envelope::s3(&[&object]), Duration::from_secs(10)).await.expect("it runs");
        assert_ne!(answer, Answer::Response("null".into()));
        assert!(ingest.lines().concat().contains("RolloverLookups"), "{:#?}", ingest.lines());
        let of = receipts(&ingest);
        assert_eq!(of.last().map(|r| (r.undelivered, r.sent)), Some((200, 0)), "{of:?}");
        assert_eq!(engine.count(&format!("{name}-*")).await, 200);
    });
}
