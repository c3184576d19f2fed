//! Local days, times of every unit, and the data around an event, in the real engine.

use std::time::Duration;

use serde_json::{Value, json};
use tests::engine::Engine;
use tests::envelope;
use tests::kafka::{self, KafkaPosition, Partition};
use tests::mapping::{Limits, Mapping, Source, drain};
use tests::moto::Moto;
use tests::place;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(1);

const RULES: &str = r#"datasets:
  - name: local
    from: { bucket: "[!d]*", key: "local/**" }
    fields:
      date: { "@timestamp": { field: t, timezone: Asia/Seoul } }
      metadata: { written: last_modified }
    timestamp: { field: t, timezone: Asia/Seoul }
    index: { name: "days-local-%{+YYYY.MM.dd}", timezone: Asia/Seoul }
  - name: items
    from: { bucket: "[!d]*", key: "items/**" }
    fields: { dynamodb: Item, lift: Item }
    timestamp: { field: Item.at.N, format: [epoch_s, epoch_us], earliest: 1990-01-01 }
    index: "days-items-%{+YYYY}"
    id: { field: Item.id.S }
"#;

#[test]
fn local_days_old_times_and_dynamodb_items_land_where_the_rules_say_and_again_is_harmless() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "days").await;
        scene.set_pipeline(RULES);
        let local =
            "{\"t\":\"2023-11-14 08:30:00\"}\n{\"t\":\"2023-11-14T14:59:59Z\"}\n{\"t\":\"2023-11-14T15:00:00Z\"}\n";
        let items = "{\"Item\":{\"id\":{\"S\":\"k1\"},\"at\":{\"N\":\"1699920000000000\"},\"total\":{\"N\":\"12.50\"},\"tags\":{\"SS\":[\"a\"]}}}\n\
                     {\"Item\":{\"id\":{\"S\":\"k2\"},\"at\":{\"N\":\"799286400\"}}}\n\
                     {\"Item\":{\"id\":{\"S\":\"k3\"},\"at\":{\"N\":\"7\"}}}\n";
        let objects = [scene.put("local/a.json", local).await, scene.put("items/a.json", items).await];
        let mut function = scene.function(&engine.url(), &[]).await;
        for _ in 0..2 {
            function.invoke(&envelope::s3(&[&objects[0], &objects[1]]), TIMEOUT).await.expect("the function runs");
        }
        let mut found: Vec<(String, Value)> = Vec::new();
        engine
            .each_document("days-*", |document| {
                found.push((document.index, serde_json::from_str(&document.source).expect("JSON")));
            })
            .await;
        found.sort_by_key(|(index, document)| (index.clone(), document["t"].to_string()));
        let instants = ["2023-11-13T23:30:00.000Z", "2023-11-14T14:59:59.000Z", "2023-11-14T15:00:00.000Z"];
        let mut made = Vec::new();
        for (_, document) in &mut found {
            if let Some(members) = document.as_object_mut().filter(|members| members.contains_key("t")) {
                assert!(members.remove("written").is_some_and(|at| at.as_str().is_some_and(|at| at.ends_with('Z'))));
                made.push(members.remove("@timestamp").unwrap_or_default());
            }
        }
        assert_eq!(made, instants);
        let expected = [
            ("days-items-1995", json!({ "id": "k2", "at": 799_286_400 })),
            ("days-items-2023", json!({ "id": "k1", "at": 1_699_920_000_000_000_i64, "total": 12.5, "tags": ["a"] })),
            ("days-local-2023.11.14", json!({ "t": "2023-11-14 08:30:00" })),
            ("days-local-2023.11.14", json!({ "t": "2023-11-14T14:59:59Z" })),
            ("days-local-2023.11.15", json!({ "t": "2023-11-14T15:00:00Z" })),
        ];
        assert_eq!(found, expected.map(|(index, document)| (index.to_owned(), document)));
        let receipts = receipts(&function);
        assert_eq!((sum(&receipts, |r| r.indexed), sum(&receipts, |r| r.duplicates)), (5, 5));
        let letters = scene.dead_letters().await;
        assert_eq!(letters.iter().map(|letter| letter.error_type.as_str()).collect::<Vec<_>>(), ["absurd_timestamp"]);
    });
}

#[test]
fn a_lifted_change_with_key_and_headers_is_the_same_document_when_its_letter_is_replayed() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let scene = Scene::new(moto, "lifted").await;
        scene.set_pipeline(
            r"datasets:
  - name: orders
    from: { topic: lifted }
    fields:
      lift: payload.after
      rename: { payload.op: op }
      metadata: { key: key, headers: headers }
    timestamp: payload.ts_ms
    index: lifted-%{+YYYY.MM.dd}
    id: { field: payload.after.id }
",
        );
        let change = |id: u32, n: &str| {
            format!(
                "{{\"schema\":{{}},\"payload\":{{\"before\":null,\"after\":{{\"id\":{id},\"n\":{n}}},\"op\":\"c\",\"ts_ms\":1699920000123}}}}"
            )
        };
        let mut partition = Partition::new("lifted", 0);
        let items = [partition.record(change(1, "1").as_bytes()), partition.record(change(2, "\"text\"").as_bytes())];
        let map = async |kind: &str| {
            let mappings = json!({ "properties": { "n": { "type": kind } } });
            let template = json!({ "index_patterns": ["lifted-*"], "template": { "mappings": mappings } });
            engine.ask("PUT", "/_index_template/lifted", &template.to_string()).await;
        };
        map("long").await;
        let mut function = scene.start("kafka-ingest", &engine.url(), &[]).await;
        let mut mapping = Mapping::new(Source::Kafka(kafka::msk("sales")), Limits::unlimited(10));
        mapping.put_all(items.iter().cloned());
        drain(&mut mapping, &mut function, TIMEOUT, 3).await;
        assert_eq!(scene.dead_letters_of::<KafkaPosition>().await.len(), 1);
        // The second event fits the next mapping, and keeps its key and headers.
        engine.ask("DELETE", "/lifted-*", "").await;
        map("keyword").await;
        scene.replay_letters().await;
        let mut ingest = scene.function(&engine.url(), &[]).await;
        scene.queue.drain(&mut ingest, TIMEOUT, 3).await;
        let documents = engine.documents("lifted-*").await;
        let found: Vec<(&str, &str)> = documents.iter().map(|d| (d.id.as_str(), d.source.as_str())).collect();
        let expected = r#"{"id":2,"n":"text","op":"c","key":"recordKey","headers":{"headerKey":"héad"}}"#;
        assert_eq!(found, [("2", expected)]);
        assert!(scene.dead_letters_of::<KafkaPosition>().await.is_empty());
    });
}
