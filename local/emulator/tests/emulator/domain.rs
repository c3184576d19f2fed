//! Tests of the domain over HTTP.

use std::{io::Write, time::Duration};

use emulator::domain::{Domain, DomainFault, DomainOptions};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

pub(crate) fn client() -> Client {
    // Two tests may get here at the same time. The second one finds the provider installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().build().unwrap()
}

async fn started() -> (Domain, Client) {
    (Domain::start(DomainOptions::default()).await.unwrap(), client())
}

async fn ask(domain: &Domain, method: Method, path: &str, body: &str) -> (u16, Value) {
    let request = client().request(method, format!("{}{path}", domain.url())).body(body.to_owned());
    let answer = request.header("content-type", "application/json").send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

async fn bulk(domain: &Domain, lines: &[&str]) -> (u16, Value) {
    ask(domain, Method::POST, "/_bulk", &(lines.join("\n") + "\n")).await
}

fn create(index: &str, id: &str) -> String {
    format!(r#"{{"create":{{"_index":"{index}","_id":"{id}"}}}}"#)
}

#[tokio::test]
async fn a_create_is_201_once_and_then_always_a_conflict() {
    let (domain, _) = started().await;
    let source = "{ \"b\" : 1.50,\"a\":\"\\ud83d\\ude00\" }";
    let (status, first) = bulk(&domain, &[&create("logs-1", "x"), source]).await;
    assert_eq!((status, &first["errors"]), (200, &json!(false)));
    let item = &first["items"][0]["create"];
    assert_eq!((&item["status"], &item["result"], &item["_version"]), (&json!(201), &json!("created"), &json!(1)));
    let (_, second) = bulk(&domain, &[&create("logs-1", "x"), "{}"]).await;
    assert_eq!(second["errors"], true);
    let item = &second["items"][0]["create"];
    assert_eq!((&item["status"], &item["error"]["type"]), (&json!(409), &json!("version_conflict_engine_exception")));
    assert_eq!(domain.source("logs-1", "x").unwrap(), source.as_bytes(), "the very bytes");
    assert_eq!((domain.count("logs-*"), domain.stats().created, domain.stats().conflicts), (1, 1, 1));
}

#[tokio::test]
async fn index_overwrites_and_delete_says_whether_it_found() {
    let (domain, _) = started().await;
    let index = r#"{"index":{"_index":"a","_id":"1"}}"#;
    let delete = r#"{"delete":{"_index":"a","_id":"1"}}"#;
    let (_, answer) = bulk(&domain, &[index, "{}", index, r#"{"n":2}"#, delete, delete]).await;
    let statuses: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_object().unwrap().values().next().unwrap()["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [201, 200, 200, 404]);
    assert_eq!(domain.count("a"), 0);
}

#[tokio::test]
async fn gzip_bodies_filter_path_and_an_index_in_the_path_are_understood() {
    let (domain, client) = started().await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"{\"create\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"create\":{}}\n[1]\n").unwrap();
    let answer = client
        .post(format!("{}/logs/_bulk?filter_path=errors,items.*.status,items.*.error", domain.url()))
        .header("content-encoding", "gzip")
        .body(gzip.finish().unwrap())
        .send()
        .await
        .unwrap();
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert_eq!(answer["errors"], true);
    assert_eq!(answer["items"][0], json!({"create": {"status": 201}}));
    assert_eq!(answer["items"][1]["create"]["error"]["type"], "mapper_parsing_exception");
    assert_eq!(answer["items"][1]["create"]["status"], 400);
    assert_eq!(answer.as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn a_malformed_request_is_refused_whole_in_the_engine_s_shape() {
    let (domain, _) = started().await;
    let (status, error) = bulk(&domain, &[&create("a", "1"), "{}", r#"{"upsert":{}}"#, "{}"]).await;
    assert_eq!((status, &error["status"]), (400, &json!(400)));
    assert_eq!(error["error"]["type"], "illegal_argument_exception");
    assert_eq!(error["error"]["root_cause"][0]["type"], "illegal_argument_exception");
    assert_eq!(domain.count("*"), 0);
}

#[tokio::test]
async fn searches_page_sort_and_resolve_names() {
    let (domain, _) = started().await;
    for (index, id, n) in [("a-1", "x", 3), ("a-2", "y", 10), ("b", "z", 7)] {
        bulk(&domain, &[&create(index, id), &format!("{{\"n\":{n}}}")]).await;
    }
    let (status, found) = ask(&domain, Method::GET, "/a-*,b/_search?sort=n:desc&size=2", "").await;
    assert_eq!((status, &found["hits"]["total"]["value"]), (200, &json!(3)));
    let ids: Vec<_> = found["hits"]["hits"].as_array().unwrap().iter().map(|hit| &hit["_id"]).collect();
    assert_eq!(ids, ["y", "z"]);
    assert_eq!(found["hits"]["hits"][0]["_source"], json!({"n": 10}));
    let body = r#"{"query":{"match_all":{}},"from":1,"size":1,"sort":[{"n":{"order":"asc"}}]}"#;
    let (_, found) = ask(&domain, Method::POST, "/_search", body).await;
    assert_eq!(found["hits"]["hits"][0]["_id"], "z");
    assert_eq!(ask(&domain, Method::GET, "/a-*/_count", "").await.1["count"], 2);
    let (status, error) = ask(&domain, Method::GET, "/none/_search", "").await;
    assert_eq!((status, &error["error"]["type"]), (404, &json!("index_not_found_exception")));
    let (status, error) = ask(&domain, Method::POST, "/_search", r#"{"query":{"fuzzy":{}}}"#).await;
    assert_eq!((status, &error["error"]["type"]), (400, &json!("parsing_exception")));
    assert_eq!(ask(&domain, Method::DELETE, "/a-*", "").await.0, 200);
    let (_, rows) = ask(&domain, Method::GET, "/_cat/indices?format=json", "").await;
    assert_eq!((rows.as_array().unwrap().len(), &rows[0]["docs.count"]), (1, &json!("1")));
    assert_eq!(ask(&domain, Method::GET, "/", "").await.1["version"]["distribution"], "opensearch");
}

#[tokio::test]
async fn templates_are_kept_and_given_back() {
    let (domain, _) = started().await;
    assert_eq!(ask(&domain, Method::GET, "/_index_template/t", "").await.0, 404);
    assert_eq!(ask(&domain, Method::PUT, "/_index_template/t", r#"{"index_patterns":["a-*"]}"#).await.0, 200);
    let (_, templates) = ask(&domain, Method::GET, "/_index_template/t", "").await;
    assert_eq!(templates["index_templates"][0]["index_template"]["index_patterns"][0], "a-*");
    assert_eq!(ask(&domain, Method::DELETE, "/_index_template/t", "").await.0, 200);
}

#[tokio::test]
async fn items_meet_the_faults_of_the_domain_in_the_engine_s_words() {
    let (domain, _) = started().await;
    for (fault, status, error_type) in [
        (DomainFault::Items429 { share: 1.0 }, 429, "rejected_execution_exception"),
        (DomainFault::WriteBlock, 403, "cluster_block_exception"),
        (DomainFault::IndexClosed, 400, "index_closed_exception"),
        (DomainFault::ShardLimit, 400, "validation_exception"),
        (DomainFault::AutoCreateOff, 404, "index_not_found_exception"),
    ] {
        domain.fail(fault.clone());
        let (code, answer) = bulk(&domain, &[&create("logs", "1"), "{}"]).await;
        assert_eq!((code, &answer["errors"]), (200, &json!(true)), "{fault:?}");
        let item = &answer["items"][0]["create"];
        assert_eq!((&item["status"], &item["error"]["type"]), (&json!(status), &json!(error_type)), "{fault:?}");
        domain.heal();
    }
    assert_eq!(domain.count("*"), 0);
    domain.fail(DomainFault::Items429 { share: 0.5 });
    let lines: Vec<String> = (0..1000).flat_map(|n| [create("logs", &n.to_string()), "{}".into()]).collect();
    bulk(&domain, &lines.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert!((400..600).contains(&domain.count("logs")), "{}", domain.count("logs"));
}

#[tokio::test]
async fn whole_requests_meet_429_503_413_cuts_and_unreadable_answers() {
    let (domain, client) = started().await;
    let post = |id: &'static str| {
        let url = format!("{}/_bulk", domain.url());
        client.post(url).body(format!("{}\n{{}}\n", create("logs", id))).send()
    };
    domain.fail(DomainFault::Whole429 { times: 1, retry_after: Some(Duration::from_secs(7)) });
    let answer = post("1").await.unwrap();
    assert_eq!(
        (answer.status(), &answer.headers()["retry-after"]),
        (StatusCode::TOO_MANY_REQUESTS, &"7".parse().unwrap())
    );
    domain.fail(DomainFault::Status { code: 503, times: 1 });
    assert_eq!(post("1").await.unwrap().status(), 503);
    domain.fail(DomainFault::MaxBodyBytes(10));
    let answer = post("1").await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.text().await.unwrap()), (413, String::new()));
    domain.heal();
    domain.fail(DomainFault::CutConnection { times: 1, applied: false });
    assert!(post("1").await.is_err());
    assert_eq!(domain.count("logs"), 0);
    domain.fail(DomainFault::CutConnection { times: 1, applied: true });
    assert!(post("1").await.is_err());
    assert_eq!(domain.count("logs"), 1);
    domain.fail(DomainFault::Unreadable { times: 1 });
    let text = post("2").await.unwrap().text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&text).is_err());
    assert_eq!(post("3").await.unwrap().status(), 200);
    assert_eq!(domain.stats().requests, 7);
}

#[tokio::test]
async fn the_same_conditions_can_be_produced_as_with_the_engine() {
    let (domain, _) = started().await;
    let settings = |body: &'static str| ask(&domain, Method::PUT, "/_cluster/settings", body);
    let item = async |index: &str| {
        let (_, answer) = bulk(&domain, &[&create(index, "1"), "{}"]).await;
        answer["items"][0]["create"]["status"].as_u64().unwrap()
    };
    settings(r#"{"persistent":{"action.auto_create_index":"false"}}"#).await;
    assert_eq!(item("a").await, 404);
    assert_eq!(ask(&domain, Method::PUT, "/a", "").await.0, 200);
    assert_eq!(ask(&domain, Method::PUT, "/a", "").await.0, 400);
    assert_eq!(item("a").await, 201);
    settings(r#"{"persistent":{"action.auto_create_index":"true","cluster.max_shards_per_node":2}}"#).await;
    assert_eq!(item("b").await, 400);
    ask(&domain, Method::POST, "/a/_close", "").await;
    assert_eq!(item("a").await, 400);
    ask(&domain, Method::POST, "/a/_open", "").await;
    ask(&domain, Method::PUT, "/a/_settings", r#"{"index.blocks.write":true}"#).await;
    assert_eq!(item("a").await, 403);
    ask(&domain, Method::PUT, "/a/_settings", r#"{"index":{"blocks":{"write":false}}}"#).await;
    assert_eq!(item("a").await, 409);
}
