//! The function's credentials: SigV4 to the domain and to S3, basic authentication with a secret. The other side checks
//! each of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64_simd::STANDARD;
use emulator::domain::{Domain, DomainOptions};
use emulator::function::Answer;
use reqwest::Method;
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::envelope;
use tests::events;
use tests::moto::{self, Moto};
use tests::place;
use tests::proxy::Proxy;
use tests::scene::{Scene, receipts};

const TIMEOUT: Duration = Duration::from_mins(1);

#[test]
fn requests_to_the_domain_are_signed_for_es_and_for_aoss() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        for (name, auth) in [("signed-es", "sigv4:es"), ("signed-aoss", "sigv4:aoss")] {
            let scene = Scene::new(moto, name).await;
            let lines: Vec<String> = events::generate(500, 11).collect();
            let object = scene.put("a.ndjson", lines.concat()).await;
            let options = DomainOptions { credentials: Some(moto.credentials.clone()), ..DomainOptions::default() };
            let domain = Domain::start(options).await.expect("a free port");
            let listening = Proxy::that_listens(&domain.url()).await;
            for compression in ["gzip", "none"] {
                // The signature covers the host, which is the proxy's address. The proxy relays it unchanged.
                let env = [("MILLRACE_DOMAIN_AUTH", auth), ("MILLRACE_COMPRESSION", compression)];
                let mut function = scene.function(&listening.url(), &env).await;
                let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the function runs");
                assert_eq!(answer, Answer::Response("null".into()), "{auth} {compression}: {:#?}", function.lines());
            }
            assert_eq!((domain.count("*"), domain.stats().refused), (500, 0), "{auth}");
            let sent = listening.sent().to_lowercase();
            let service = auth.trim_start_matches("sigv4:");
            assert!(sent.contains(&format!("/{}/{service}/aws4_request", moto::REGION)), "{auth}");
            assert!(sent.contains("x-amz-content-sha256: "), "aoss wants the payload's hash: {auth}");
        }
    });
}

#[test]
fn a_wrong_secret_is_refused_and_nothing_is_acknowledged() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "wrong-secret").await;
        let object = scene.put("a.ndjson", r#"{"a":1}"#).await;
        let options = DomainOptions {
            credentials: Some(moto::credentials("AKIAMILLRACE", "another")),
            ..DomainOptions::default()
        };
        let domain = Domain::start(options).await.expect("a free port");
        let mut function = scene.function(&domain.url(), &[("MILLRACE_DOMAIN_AUTH", "sigv4:es")]).await;
        let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the function runs");
        assert!(matches!(answer, Answer::Error { .. }), "{answer:?}");
        assert!(domain.stats().refused > 0 && domain.count("*") == 0);
        assert!(scene.dead_letters().await.is_empty());
        let lines = function.lines().join("\n");
        assert!(!lines.contains("Signature=") && !lines.contains(moto.credentials.secret_access_key()), "{lines}");
    });
}

#[test]
fn a_basic_password_comes_from_its_secret() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "basic").await;
        let object = scene.put("a.ndjson", r#"{"a":1}"#).await;
        let arn = moto.secret("basic", r#"{"username":"ingest","password":"pass:wörd"}"#).await;
        let domain = Domain::start(DomainOptions::default()).await.expect("a free port");
        let listening = Proxy::that_listens(&domain.url()).await;
        let mut function = scene.function(&listening.url(), &[("MILLRACE_DOMAIN_AUTH", &format!("basic:{arn}"))]).await;
        let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the function runs");
        assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
        assert_eq!(receipts(&function)[0].indexed, 1);
        let right = format!("basic {}", STANDARD.encode_to_string("ingest:pass:wörd"));
        let sent = listening.sent();
        let header = sent.lines().find(|line| line.to_lowercase().starts_with("authorization: ")).expect("a header");
        assert_eq!(header["authorization: ".len()..].replacen("Basic", "basic", 1), right);
        assert!(!function.lines().join("\n").contains("pass:"));
    });
}

#[test]
fn an_api_key_comes_from_its_secret_in_each_form_in_which_elasticsearch_gives_it_out() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "api-key").await;
        let object = scene.put("a.ndjson", r#"{"a":1}"#).await;
        let encoded = STANDARD.encode_to_string("id:a key");
        let answer = json!({ "id": "id", "name": "millrace", "api_key": "a key", "encoded": encoded }).to_string();
        for (name, secret) in [("pair", r#"{"id":"id","api_key":"a key"}"#), ("encoded", &encoded), ("answer", &answer)]
        {
            let arn = moto.secret(&format!("api-key-{name}"), secret).await;
            let server = checking_server(Arc::new(Mutex::new(format!("ApiKey {encoded}")))).await;
            let mut function = scene.function(&server, &[("MILLRACE_DOMAIN_AUTH", &format!("apikey:{arn}"))]).await;
            let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the function runs");
            assert_eq!(answer, Answer::Response("null".into()), "{name}: {:#?}", function.lines());
            assert_eq!(receipts(&function)[0].indexed, 1, "{name}");
            let lines = function.lines().join("\n");
            assert!(!lines.contains("a key") && !lines.contains(&encoded), "{lines}");
        }
        // A secret of another form names itself and the accepted form, without its content. The event waits.
        let arn = moto.secret("api-key-wrong", r#"{"username":"ingest","password":"hidden"}"#).await;
        let server = checking_server(Arc::default()).await;
        let mut function = scene.function(&server, &[("MILLRACE_DOMAIN_AUTH", &format!("apikey:{arn}"))]).await;
        let answer = function.invoke(&envelope::s3(&[&object]), TIMEOUT).await.expect("the function runs");
        assert!(matches!(answer, Answer::Error { .. }), "{answer:?}");
        let lines = function.lines().join("\n");
        assert!(lines.contains(&arn) && lines.contains("api_key") && !lines.contains("hidden"), "{lines}");
        assert!(scene.dead_letters().await.is_empty());
    });
}

#[test]
fn a_rotated_secret_is_fetched_again() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "rotated").await;
        let object = scene.put("a.ndjson", r#"{"a":1}"#).await;
        let password = |word: &str| json!({ "username": "ingest", "password": word }).to_string();
        let key = |word: &str| json!({ "id": "ingest", "api_key": word }).to_string();
        for (auth, scheme, secret) in
            [("basic", "Basic", &password as &dyn Fn(&str) -> String), ("apikey", "ApiKey", &key)]
        {
            let header = |word: &str| format!("{scheme} {}", STANDARD.encode_to_string(format!("ingest:{word}")));
            let arn = moto.secret(&format!("rotated-{auth}"), &secret("old")).await;
            let right = Arc::new(Mutex::new(header("old")));
            let server = checking_server(Arc::clone(&right)).await;
            let mut function = scene.function(&server, &[("MILLRACE_DOMAIN_AUTH", &format!("{auth}:{arn}"))]).await;
            let event = envelope::s3(&[&object]);
            let answer = function.invoke(&event, TIMEOUT).await.expect("the function runs");
            assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
            *right.lock().unwrap() = header("new");
            let put = moto.secrets.put_secret_value().secret_id(&arn);
            put.secret_string(secret("new")).send().await.expect("the secret is rotated");
            // The warm function receives a 401. This invocation or the next one uses the new secret.
            let mut answers = Vec::new();
            for _ in 0..2 {
                answers.push(function.invoke(&event, TIMEOUT).await.expect("the function runs"));
            }
            assert_eq!(answers[1], Answer::Response("null".into()), "{auth}: {:#?}", function.lines());
        }
    });
}

#[test]
fn a_role_of_another_account_signs_for_the_region_of_the_domain() {
    const ROLE: &str = "arn:aws:iam::444455556666:role/logs";
    let Some(moto) = Moto::separate() else { return };
    place::run(async {
        let scene = Scene::new(&moto, "role").await;
        let object = scene.put("a.ndjson", events::generate(100, 12).collect::<Vec<_>>().concat()).await;
        let event = envelope::s3(&[&object]);
        let listening = Proxy::that_listens("http://127.0.0.1:9").await;
        let auth = format!("sigv4:es,region=ap-south-1,role={ROLE}");
        let mut function = scene.function(&listening.url(), &[("MILLRACE_DOMAIN_AUTH", &auth)]).await;
        // The function assumes the role before it finds that no domain answers.
        let answer = function.invoke(&event, Duration::from_secs(5)).await.expect("the function runs");
        assert!(matches!(answer, Answer::Error { .. }), "{answer:?}");
        let [credentials] = &moto.credentials_of_role(ROLE).await[..] else { panic!("the role is assumed once") };
        let options = DomainOptions { credentials: Some(credentials.clone()), ..DomainOptions::default() };
        let domain = Domain::start(options).await.expect("a free port");
        listening.lead_to(&domain.url());
        let answer = function.invoke(&event, TIMEOUT).await.expect("the function runs");
        assert_eq!(answer, Answer::Response("null".into()), "{:#?}", function.lines());
        assert_eq!((domain.count("*"), domain.stats().refused), (100, 0));
        assert!(listening.sent().contains("/ap-south-1/es/aws4_request"));
        assert_eq!(moto.credentials_of_role(ROLE).await.len(), 1, "the credentials are valid for an hour");
        let lines = function.lines().join("\n");
        assert!(!lines.contains(credentials.secret_access_key()), "{lines}");
    });
}

#[test]
fn a_role_that_cannot_be_assumed_costs_no_event_and_is_named() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let scene = Scene::new(moto, "no-role").await;
        let object = scene.put("a.ndjson", r#"{"a":1}"#).await;
        let domain = Domain::start(DomainOptions::default()).await.expect("a free port");
        let role = "arn:aws:iam::444455556666:role/nobody";
        let env = [
            ("MILLRACE_DOMAIN_AUTH", &*format!("sigv4:es,role={role}")),
            ("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"),
        ];
        let mut function = scene.function(&domain.url(), &env).await;
        let answer = function.invoke(&envelope::s3(&[&object]), Duration::from_secs(5)).await.expect("it runs");
        assert!(matches!(answer, Answer::Error { .. }), "{answer:?}");
        assert!(scene.dead_letters().await.is_empty() && domain.count("*") == 0);
        let lines = function.lines().join("\n");
        assert!(lines.contains(&format!("AssumeRole {role}")), "{lines}");
    });
}

/// A server that accepts one item for each request with the right `Authorization`.
async fn checking_server(right: Arc<Mutex<String>>) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let (head, length) = loop {
                let mut buffer = [0; 4096];
                match stream.read(&mut buffer).await {
                    Ok(n @ 1..) => request.extend_from_slice(&buffer[..n]),
                    _ => break (String::new(), 0),
                }
                let text = String::from_utf8_lossy(&request).into_owned();
                if let Some(end) = text.find("\r\n\r\n") {
                    let head = text[..end].to_lowercase();
                    let length =
                        head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
                    break (text[..end + 2].to_owned(), end + 4 + length.unwrap_or(0));
                }
            };
            while request.len() < length {
                let mut buffer = [0; 4096];
                match stream.read(&mut buffer).await {
                    Ok(n @ 1..) => request.extend_from_slice(&buffer[..n]),
                    _ => break,
                }
            }
            let right = format!("authorization: {}\r\n", right.lock().expect("no test panicked with it"));
            let (status, body) = if head.contains(&right) {
                ("200 OK", r#"{"errors":false,"items":[{"create":{"status":201}}]}"#)
            } else {
                ("401 Unauthorized", "Unauthorized")
            };
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            // An error means that the client has closed the connection.
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

#[test]
fn requests_to_s3_and_sqs_are_signed() {
    // The three requests that create the user are not checked. After them, every signature is.
    let Some(moto) = Moto::that_checks_signatures_after(3) else { return };
    place::run(async {
        let key = moto.make_user().await;
        let moto = moto.as_user(key);
        let scene = Scene::new(&moto, "signed-s3").await;
        let object = scene.put("a b+é.ndjson", "{\"a\":1}\nnot JSON\n").await;
        scene.notify(&object).await;
        let domain = Domain::start(DomainOptions::default()).await.expect("a free port");
        let wrong = [("AWS_SECRET_ACCESS_KEY", "wrong")];
        let mut function = scene.function(&domain.url(), &wrong).await;
        let round = scene.queue.deliver(&mut function, Duration::from_secs(10)).await.expect("a message");
        assert_eq!(round.failed.len(), 1, "a 403 is not a missing object: {:?}", round.answer);
        let mut function = scene.function(&domain.url(), &[]).await;
        scene.queue.drain(&mut function, TIMEOUT, 1).await;
        assert_eq!((domain.count("*"), scene.dead_letters().await.len()), (1, 1));
    });
}

#[test]
fn requests_to_lambda_are_signed() {
    // Not checked are three requests that create the user, three for the function, one for the queue, and one for the
    // mapping.
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::that_checks_signatures_after(8)) else { return };
    place::run(async {
        moto.lambda_function("signed-s3").await;
        moto.queue("signed").await;
        moto.map_queue("signed-s3", "signed", 7).await;
        let key = moto.make_user().await;
        let moto = moto.as_user(key);
        let unsigned = moto.lambda(Method::GET, "/2015-03-31/event-source-mappings", None).await;
        assert!(unsigned.is_err_and(|refusal| refusal.contains("InvalidClientTokenId")));
        let scene = Scene::new(&moto, "signed-brake").await;
        let state = format!("s3://dead-{}/state", scene.prefix);
        let env = [("MILLRACE_STATE", state.as_str()), ("MILLRACE_SOURCE_FUNCTIONS", "signed-s3")];
        // A domain that does not answer makes the brake list, tag and pause the sources, and one that does release them.
        for (domain, paused) in [("http://127.0.0.1:9", 1), (engine.url().as_str(), 0)] {
            let mut brake = scene.start("brake", domain, &env).await;
            let answer = brake.invoke(&json!({}), Duration::from_secs(6)).await.expect("it runs");
            let report: Value = serde_json::from_slice(answer.response().expect("a report")).expect("JSON");
            assert_eq!(report["paused"], paused, "{report}");
            // A refused request about tags is only a warning.
            let lines = brake.lines().join("\n");
            assert!(!lines.contains("only the state says what is paused"), "{lines}");
        }
    });
}
