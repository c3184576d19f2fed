//! The components of the tests, as far as other tests rely on their behaviour.

use tests::engine::Engine;
use tests::moto::Moto;
use tests::place;
use tests::proxy::{Fault, Proxy};
use tests::queue::Queue;

#[test]
fn the_engine_gives_every_source_back_byte_for_byte() {
    let Some(engine) = Engine::shared() else { return };
    place::run(async {
        // White space, key order, digits, escapes and lone surrogates, which any reserialisation would change.
        let source = r#"{ "b" : 1.1000000000000000000001,"a":123456789012345678 , "s":"\u00e9\ud800\/", "n":1e2}"#;
        engine.ask("PUT", "/components-1/_create/x", source).await;
        let documents = engine.documents("components-*").await;
        assert_eq!(documents.len(), 1);
        assert_eq!((documents[0].id.as_str(), documents[0].source.as_str()), ("x", source));
        assert_eq!(engine.count("components-*").await, 1);
        assert_eq!(engine.count("nothing-*").await, 0);
    });
}

/// `pipeline::bulk::response` reads this text without a parser.
#[test]
fn the_engine_answers_requests_that_created_everything_in_the_form_that_is_read_fastest() {
    let Some(engine) = Engine::shared() else { return };
    place::run(async {
        let lines = "{\"create\":{\"_index\":\"reads-fastest\"}}\n{}\n".repeat(2);
        let path = "/_bulk?filter_path=errors,items.*.status,items.*.error";
        let answer = engine.ask("POST", path, &lines).await;
        assert_eq!(answer, r#"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#);
    });
}

#[test]
fn a_message_that_was_received_is_hidden_until_it_is_shown_or_deleted() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let queue = Queue::new(moto, "components").await;
        queue.send(&serde_json::json!({"a": 1})).await;
        let first = queue.receive().await;
        assert_eq!(first.len(), 1);
        assert_eq!((queue.receive().await.len(), queue.depth().await), (0, 1));
        let round = queue.settle(first.clone(), emulator::function::Answer::TimedOut).await;
        assert_eq!(round.failed.len(), 1);
        let again = queue.receive().await;
        assert_eq!(again[0].id, first[0].id);
        let done = emulator::function::Answer::Response(r#"{"batchItemFailures":[]}"#.into());
        queue.settle(again, done).await;
        assert_eq!(queue.depth().await, 0);
    });
}

#[test]
fn the_s3_has_versions_and_checks_if_match() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        moto.bucket("t-components", true).await;
        let old = moto.put("t-components", "a b+é", b"old".to_vec()).await;
        let new = moto.put("t-components", "a b+é", b"new!".to_vec()).await;
        assert!(old.version.is_some() && old.version != new.version);
        let get = moto.s3.get_object().bucket(&old.bucket).key(&old.key);
        assert!(get.clone().if_match(format!("\"{}\"", old.etag)).send().await.is_err());
        let got = get.version_id(old.version.unwrap()).send().await.unwrap();
        assert_eq!(got.body.collect().await.unwrap().to_vec(), b"old");
    });
}

#[test]
fn the_proxy_cuts_where_it_is_told_to() {
    let Some(engine) = Engine::shared() else { return };
    place::run(async {
        let proxy = Proxy::that_listens(&engine.url()).await;
        let http = tests::engine::http();
        let get = || http.get(format!("{}/_cluster/health?pretty=true", proxy.url())).send();
        assert!(get().await.unwrap().text().await.unwrap().contains("cluster_name"));
        assert!(proxy.sent().contains("pretty=true"));
        // An open connection keeps its fault, so this needs a new client.
        let http = tests::engine::http();
        let get = || http.get(format!("{}/_cluster/health", proxy.url())).send();
        proxy.set(Fault { cut_response_after: Some(150), ..Fault::default() });
        let cut = match get().await {
            Ok(response) => response.text().await.is_err(),
            Err(_) => true,
        };
        assert!(cut && proxy.cuts() == 1);
        proxy.set(Fault { refuse: true, ..Fault::default() });
        assert!(get().await.is_err());
    });
}
