//! The server of the page, with a domain that records what it is asked.

use std::sync::Mutex;

use delivery::aws::Aws;
use emulator::server::Closed;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming};
use operations::{admin::Admin, settings::SetupSettings};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;

/// More digits than JavaScript keeps.
const SOURCE: &str = r#"{"n": 12345678901234567890.10, "html": "<script>"}"#;

/// A domain that has one document, and the requests that it got.
struct Fake {
    server: Server,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Fake {
    async fn start() -> Self {
        let asked = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let recorded = Arc::clone(&asked);
        let service = service_fn(move |request: Request<Incoming>| {
            let recorded = Arc::clone(&recorded);
            async move {
                let line = format!("{} {}", request.method(), request.uri());
                let body = request.into_body().collect().await.map_err(|_| Closed)?.to_bytes();
                recorded.lock().unwrap().push((line.clone(), serde_json::from_slice(&body).unwrap_or_default()));
                let has = |text: &str| String::from_utf8_lossy(&body).contains(text);
                let failed = u8::from(has("fails_in_a_shard"));
                let status = if has("refused") { 400 } else { 200 };
                let answer = if line.contains("_field_caps") {
                    let date = json!({ "date": { "aggregatable": true } });
                    json!({ "fields": { "@timestamp": date, "birth_date": date, "t": date } }).to_string()
                } else {
                    format!(
                        r#"{{"_shards":{{"failed":{failed}}},"aggregations":{{}},"hits":{{"total":{{"value":1}},
                            "hits":[{{"_index":"logs-1","_id":"i","_source":{SOURCE},"sort":[7]}}]}}}}"#
                    )
                };
                let answer = Full::new(bytes::Bytes::from(answer));
                Response::builder().status(status).body(answer).map_err(|_| Closed)
            }
        });
        Self { server: Server::start(service).await.unwrap(), asked }
    }

    fn asked(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

struct Scene {
    fake: Fake,
    page: Page,
    port: u16,
    folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let fake = Fake::start().await;
        let settings = SetupSettings::read(|name| match name {
            "MILLRACE_DOMAIN_ENDPOINT" => Some(fake.server.url()),
            "MILLRACE_DOMAIN_AUTH" => Some("none".into()),
            _ => None,
        });
        let admin = Admin::new(&settings.unwrap().domain, &Aws::load_in("us-east-1".into()).await).unwrap();
        let folder = TempDir::new().unwrap();
        let page = Page::of(
            Domain::new(admin, "logs-*,other".into(), vec!["no_date".into(), "t".into()], true),
            folder.path(),
        )
        .await
        .unwrap();
        let port = page.server.address().port();
        Self { fake, page, port, folder }
    }

    /// The status and the text of the answer to a request as it is written here. PORT and TOKEN stand for those of the page.
    async fn ask(&self, request: &str) -> (u16, String) {
        let request = request.replace("PORT", &self.port.to_string()).replace("TOKEN", self.page.shared.guard.token());
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap_or("0").parse().unwrap();
        (status, answer)
    }

    /// A request of the page itself.
    async fn own(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nOrigin: http://127.0.0.1:PORT\r\nx-millrace-token: TOKEN"
        );
        let (status, answer) =
            self.ask(&format!("{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")).await;
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        (status, serde_json::from_str(body).unwrap_or_default())
    }
}

#[tokio::test]
async fn only_the_page_itself_is_answered() {
    let scene = Scene::new().await;
    let token = "x-millrace-token: TOKEN";
    for (path, headers, expected) in [
        ("/", &["Host: 127.0.0.1:PORT"][..], 200),
        ("/", &["Host: localhost:PORT"], 200),
        ("/", &["Host: [::1]:PORT"], 200),
        ("/", &["Host: 127.0.0.1"], 421),
        ("/", &["Host: 127.0.0.1:1"], 421),
        ("/", &["Host: 127.0.0.1:PORT0"], 421),
        ("/", &["Host: 127.0.0.2:PORT"], 421),
        ("/", &["Host: rebound.example:PORT"], 421),
        ("/", &["Host: 127.0.0.1:PORT", "Host: rebound.example:PORT"], 421),
        ("http://rebound.example/", &["Host: rebound.example"], 421),
        ("/", &["Host: "], 421),
        ("/state", &["Host: rebound.example:PORT", token], 421),
        ("/state", &["Host: 127.0.0.1:PORT", token], 200),
        ("/state", &["Host: 127.0.0.1:PORT"], 401),
        ("/state", &["Host: 127.0.0.1:PORT", "x-millrace-token: "], 401),
        ("/state", &["Host: 127.0.0.1:PORT", "x-millrace-token: TOKEN0"], 401),
        ("/state", &["Host: 127.0.0.1:PORT", token, "Origin: http://127.0.0.1:PORT"], 200),
        ("/state", &["Host: localhost:PORT", token, "Origin: http://localhost:PORT"], 200),
        ("/state", &["Host: localhost:PORT", token, "Origin: http://127.0.0.1:PORT"], 403),
        ("/state", &["Host: 127.0.0.1:PORT", token, "Origin: https://127.0.0.1:PORT"], 403),
        ("/state", &["Host: 127.0.0.1:PORT", token, "Origin: http://127.0.0.1:1"], 403),
        ("/state", &["Host: 127.0.0.1:PORT", token, "Origin: null"], 403),
        ("/", &["Host: 127.0.0.1:PORT", "Origin: http://site.example"], 403),
        ("/secret", &["Host: 127.0.0.1:PORT"], 401),
        ("/secret", &["Host: 127.0.0.1:PORT", token], 404),
        ("/../page.rs", &["Host: 127.0.0.1:PORT", token], 404),
    ] {
        let (status, answer) =
            scene.ask(&format!("GET {path} HTTP/1.1\r\n{}\r\nConnection: close\r\n\r\n", headers.join("\r\n"))).await;
        assert_eq!(status, expected, "{path} {headers:?}: {answer}");
        for header in ["content-security-policy: default-src 'none';", "nosniff", "no-store", "same-origin"] {
            assert!(answer.contains(header), "{path} {headers:?}: {answer}");
        }
        assert!(!answer.to_lowercase().contains("access-control"), "no other origin may read an answer");
    }
    assert_eq!(scene.fake.asked().len(), 0, "nothing of this reaches the domain");
}

#[tokio::test]
async fn only_searches_that_the_server_builds_reach_the_domain() {
    let scene = Scene::new().await;
    for (method, path, body, expected) in [
        ("POST", "/_search", "{}", 404),
        ("POST", "/secrets/_search", "{}", 404),
        ("POST", "/logs-*/_delete_by_query", "{}", 404),
        ("PUT", "/logs-1", "{}", 404),
        ("GET", "/data", "", 405),
        ("DELETE", "/rows", "", 405),
        ("POST", "/state", "", 405),
        ("OPTIONS", "/data", "", 405),
        ("POST", "/data", "", 400),
        ("POST", "/data", "[1,", 400),
        ("POST", "/data", r#"{"aggs":{}}"#, 400),
        ("POST", "/rows", r#"{"index":"secrets"}"#, 400),
        ("POST", "/rows", r#"{"size":10000}"#, 400),
        ("POST", "/rows", r#"{"after":9001}"#, 400),
        ("POST", "/rows", r#"{"after":-1}"#, 400),
        ("POST", "/rows", r#"{"from":5,"to":5}"#, 400),
        ("POST", "/rows", r#"{"query":{"match_all":{}}}"#, 400),
        ("POST", "/rows", &format!(r#"{{"query":"{}"}}"#, "a:1 ".repeat(1025)), 400),
        ("POST", "/rows", &" ".repeat(40 << 10), 413),
    ] {
        let (status, answer) = scene.own(method, path, body).await;
        assert_eq!(status, expected, "{method} {path} {body:.60}: {answer}");
        assert!(answer["error"].is_string(), "{method} {path}: {answer}");
    }
    assert_eq!(scene.fake.asked().len(), 0, "nothing of this reaches the domain");

    let (status, rows) = scene.own("POST", "/rows", r#"{"query":" a:1 ","from":1,"to":9,"after":50}"#).await;
    assert_eq!((status, &rows["time"]), (200, &json!("t")));
    assert_eq!(
        rows["rows"][0],
        json!({ "index": "logs-1", "id": "i", "at": 7, "source": SOURCE, "bytes": SOURCE.len() })
    );
    let (status, data) = scene.own("POST", "/data", "{}").await;
    assert_eq!((status, &data["total"]), (200, &json!(1)));
    let asked = scene.fake.asked();
    let lines: Vec<&str> = asked.iter().map(|(line, _)| line.as_str()).collect();
    let search = "POST /logs-%2A%2Cother/_search?ignore_unavailable=true";
    let fields = "GET /logs-%2A%2Cother/_field_caps?ignore_unavailable=true&fields=%2A";
    assert_eq!(lines, [fields, search, search], "the fields are kept for the second view");
    let filters = json!([{ "query_string": { "query": "a:1" } }, { "range": { "t": { "gte": 1, "lt": 9, "format": "epoch_millis" } } }]);
    assert_eq!(asked[1].1["query"], json!({ "bool": { "filter": filters } }));
    assert_eq!((&asked[1].1["size"], &asked[1].1["from"]), (&json!(50), &json!(50)));
}

#[tokio::test]
async fn a_query_has_the_same_errors_as_in_the_rules_with_their_columns() {
    let scene = Scene::new().await;
    for query in ["a:", "  (a:1", "a:1 AND", "word", "a:b~2"] {
        let (status, answer) = scene.own("POST", "/data", &json!({ "query": query }).to_string()).await;
        let expected = pipeline::select::Select::query(query).unwrap_err();
        assert_eq!(
            (status, &answer),
            (400, &json!({ "error": expected.message, "column": expected.column })),
            "{query}"
        );
    }
    for query in ["", "  ", "*", "*:*"] {
        let (status, _) = scene.own("POST", "/data", &json!({ "query": query }).to_string()).await;
        assert_eq!((status, &scene.fake.asked().last().unwrap().1["query"]), (200, &json!({ "match_all": {} })));
    }
}

#[tokio::test]
async fn what_the_domain_refuses_is_a_fault_of_the_query_and_what_fails_in_a_shard_is_not() {
    let scene = Scene::new().await;
    for (query, expected) in [("a:refused", 400), ("a:fails_in_a_shard", 502), ("a:b", 200)] {
        let (status, answer) = scene.own("POST", "/data", &json!({ "query": query }).to_string()).await;
        assert_eq!((status, answer["error"].is_string()), (expected, expected != 200), "{query}: {answer}");
        assert!(answer["column"].is_null(), "{answer}");
    }
}

#[tokio::test]
async fn dead_letters_have_their_reasons_and_bytes() {
    let scene = Scene::new().await;
    let (_, none) = scene.own("GET", "/letters", "").await;
    assert_eq!(none, json!({ "count": 0, "letters": [] }));
    let letter = |key: &str, more: &Value| {
        let mut letter = json!({ "position": { "bucket": "b", "key": key, "offset": 3 }, "stage": "decode",
            "error_type": "invalid_json", "reason": "not JSON" });
        letter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        letter.to_string()
    };
    let long = "é".repeat(5000);
    let lines = [
        letter("a", &json!({ "payload": "<img src=x>" })),
        letter("b", &json!({ "payload_base64": "/wB4" })),
        letter("c", &json!({ "payload": long, "payload_length": 99_999 })),
        letter("d", &json!({})),
    ];
    std::fs::create_dir(scene.folder.path().join("x")).unwrap();
    std::fs::write(scene.folder.path().join("x/1.ndjson"), lines.join("\n")).unwrap();
    // An upload that has not ended, cut within a character.
    std::fs::write(scene.folder.path().join("x/.millrace-upload-a"), b"{\"position\":\"\xc3").unwrap();
    // An event that was rejected in two attempts is one letter.
    scene.page.live().receipt("a", &json!({ "read": 8, "rejected": 8 }));
    let (_, found) = scene.own("GET", "/letters", "").await;
    let of = |number: usize, name: &str| found["letters"][number][name].clone();
    assert_eq!((&found["count"], found["letters"].as_array().unwrap().len()), (&json!(4), 4), "{found}");
    assert_eq!((of(0, "place"), of(0, "bytes"), of(0, "length")), (json!("a @3"), json!("<img src=x>"), json!(11)));
    assert_eq!((of(1, "bytes"), of(1, "escaped"), of(1, "length")), (json!("\\xff\\x00x"), json!(true), json!(3)));
    assert_eq!((of(2, "bytes").as_str().unwrap().len(), of(2, "length")), (2048, json!(99_999)));
    assert_eq!((of(3, "bytes"), of(3, "length")), (json!(""), json!(0)));
}

#[test]
fn the_state_has_the_objects_with_the_latest_receipts() {
    let live = Live::default();
    live.begin(100);
    live.at(40);
    for number in 0..300 {
        live.receipt(&number.to_string(), &json!({ "read": 2, "indexed": 2 }));
    }
    live.receipt("0", &json!({ "read": 1, "duplicates": 1 }));
    let state = live.json();
    assert_eq!((&state["object_count"], state["objects"].as_array().unwrap().len()), (&json!(300), 200));
    let first = &state["objects"][0];
    assert_eq!(
        (&first["key"], &first["counts"]["read"], &first["counts"]["attempts"]),
        (&json!("0"), &json!(3), &json!(2))
    );
    assert_eq!(
        (&state["running"], &state["bytes_sent"], &state["totals"]["read"]),
        (&json!(true), &json!(40), &json!(601))
    );
    live.end();
    assert_eq!(live.json()["running"], json!(false));
}
