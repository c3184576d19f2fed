//! The roles of the functions suffice for data streams and aliases.

use serde_json::json;
use tests::events;
use tests::moto::Moto;
use tests::place;
use tests::receipt::sum;
use tests::scene::receipts;

use super::super::{LIMIT, invoke};
use super::Secured;

const COUNT: u64 = 100;

fn rules() -> String {
    let dataset = |name: &str, kind: &str| {
        format!(
            "  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"{name}/**\" }}\n    timestamp: base_dt\n    \
             index: {{ {kind}: {name}, rollover: {{ max_size: 1kb }} }}\n    retention: 3d\n    replicas: 0\n"
        )
    };
    format!("datasets:\n{}{}", dataset("kept-stream", "data_stream"), dataset("kept-alias", "alias"))
}

#[test]
fn the_roles_suffice_for_data_streams_and_aliases_and_for_no_others() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let Some(it) = Secured::new(moto, "secured-rolled").await else { return };
        let (scene, engine) = (&it.scene, &it.engine);
        scene.set_pipeline(&rules());
        let done = it.setup("admin").await.expect("the administrator may");
        assert_eq!(done["indices"], json!(["kept-alias-000001"]), "{done}");

        let mut ingest = it.ingest().await;
        for name in ["kept-stream", "kept-alias"] {
            let object = scene.put(&format!("{name}/a.json"), events::generate(COUNT, 9).collect::<String>()).await;
            let before = receipts(&ingest).len();
            scene.notify(&object).await;
            scene.queue.drain(&mut ingest, LIMIT, 3).await;
            assert_eq!(sum(&receipts(&ingest)[before..], |r| r.indexed), COUNT, "{name}: {:#?}", ingest.lines());
        }
        engine.ask("POST", "/kept-stream,kept-alias/_refresh", "").await;

        let auth = it.auth("operate");
        let mut retention = scene.start("retention", &engine.url(), &it.env(&auth, &[])).await;
        let receipt = invoke(&mut retention, &json!({})).await.expect("it may roll over");
        let of = |name: &str, from: &str, to: &str| json!({ "name": name, "from": from, "to": to });
        let expected = [
            of("kept-alias", "kept-alias-000001", "kept-alias-000002"),
            of("kept-stream", ".ds-kept-stream-000001", ".ds-kept-stream-000002"),
        ];
        assert_eq!(receipt["rolled_over"], json!(expected), "{receipt}");

        engine.ask("PUT", "/elsewhere-000001", r#"{"aliases":{"elsewhere":{"is_write_index":true}}}"#).await;
        for (user, method, path, status) in [
            ("ingest", "POST", "/kept-stream/_rollover", 403),
            ("ingest", "DELETE", "/.ds-kept-stream-000001", 403),
            ("ingest", "GET", "/kept-stream/_search", 403),
            ("operate", "GET", "/kept-stream/_search", 403),
            ("operate", "POST", "/elsewhere/_rollover", 403),
            ("operate", "DELETE", "/elsewhere-000001", 403),
            ("operate", "DELETE", "/_data_stream/kept-stream", 403),
            ("operate", "DELETE", "/.ds-kept-stream-000001", 200),
            ("operate", "DELETE", "/kept-alias-000001", 200),
        ] {
            assert_eq!(it.asked_as(user, method, path, "").await, status, "{user} {method} {path}");
        }
    });
}
