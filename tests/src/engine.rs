//! A real OpenSearch node, and the requests that tests send to it.
//!
//! In: settings. Out: counts, raw `_source` bytes. All tests of one binary share one node. A test that needs special
//! settings starts its own node. Deliberately absent: sending events, which only the function under test does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::{place, service::Service};

/// A running node.
#[derive(Debug)]
pub struct Engine {
    service: Service,
    http: reqwest::Client,
    has_tls: bool,
    has_users: bool,
}

/// The node that all tests of this binary share, or the reason why it could not start.
static SHARED: OnceLock<Result<Engine, String>> = OnceLock::new();

/// One document of an index.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its index.
    pub index: String,
    /// Its id.
    pub id: String,
    /// The exact bytes of its `_source`.
    pub source: String,
}

impl Engine {
    /// The node that all tests of this binary share; `None` after [`place::missing`] has reported it.
    pub fn shared() -> Option<&'static Self> {
        // The default limit of shards stays: thousands of shards would not fit. A separate test covers the limit.
        match SHARED.get_or_init(|| Self::start(&[], &[])) {
            Ok(engine) => Some(engine),
            Err(why) => {
                place::missing("the engine (JDK, Maven)", why);
                None
            }
        }
    }

    /// A node for this caller only; `None` after [`place::missing`] has reported it. Names are the node's settings,
    /// such as `thread_pool.write.queue_size`.
    pub fn with_settings(settings: &[(&str, &str)]) -> Option<Self> {
        Self::start(settings, &[]).map_err(|why| place::missing("the engine (JDK, Maven)", &why)).ok()
    }

    /// A node with the security plugin: TLS with [`Self::authority`], users and roles. The methods send requests as
    /// [`Self::ADMIN`]. `None` after [`place::missing`] has reported it.
    ///
    /// # Panics
    /// If its users do not exist within a minute.
    pub async fn secure(settings: &[(&str, &str)]) -> Option<Self> {
        let mut engine = Self::with_users(settings)?;
        let authority = std::fs::read(Self::authority()).expect("the script made an authority");
        let authority = reqwest::Certificate::from_pem(&authority).expect("PEM");
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]);
        engine.http = client.build().expect("a client that trusts it");
        engine.has_tls = true;
        engine.users_are_there().await;
        Some(engine)
    }

    /// The same without TLS, for tests that read the requests on the network. `None` after [`place::missing`] has
    /// reported it.
    ///
    /// # Panics
    /// If its users do not exist within a minute.
    pub async fn secure_without_tls(settings: &[(&str, &str)]) -> Option<Self> {
        let engine = Self::with_users(&[&[("plugins.security.ssl.http.enabled", "false")], settings].concat())?;
        engine.users_are_there().await;
        Some(engine)
    }

    fn with_users(settings: &[(&str, &str)]) -> Option<Self> {
        let engine = Self::start(settings, &[("SECURITY", "true")]);
        let engine = engine.map_err(|why| place::missing("the engine with security (JDK, Maven)", &why)).ok()?;
        Some(Self { has_users: true, ..engine })
    }

    async fn users_are_there(&self) {
        let end = Instant::now() + Duration::from_mins(1);
        while self.send("GET", "/", "").await.0 != 200 {
            assert!(Instant::now() < end, "no users yet");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Name and password of the only user that a new secure node has.
    pub const ADMIN: (&str, &str) = ("admin", "admin");

    /// The authority that signed a secure node's certificate, for `MILLRACE_DOMAIN_CA`.
    pub fn authority() -> PathBuf {
        place::root().join(".cache/engine/secure/config/ca.pem")
    }

    fn start(settings: &[(&str, &str)], env: &[(&str, &str)]) -> Result<Self, String> {
        let data = place::scratch().keep(); // the script removes it, even if this process was killed
        let args: Vec<String> = std::iter::once(data.display().to_string())
            .chain(settings.iter().map(|(key, value)| format!("{key}={value}")))
            .collect();
        let service = Service::start("engine/engine.sh", &args, env)?;
        Ok(Self { service, http: http(), has_tls: false, has_users: false })
    }

    /// Its URL, for `MILLRACE_DOMAIN_ENDPOINT`.
    pub fn url(&self) -> String {
        let url = self.service.url();
        if self.has_tls { url.replacen("http", "https", 1) } else { url }
    }

    /// Sends a request. Returns status and body.
    ///
    /// # Panics
    /// If the node does not answer.
    pub async fn send(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        self.send_as(Self::ADMIN, method, path, body).await
    }

    /// Sends a request as another user of a secure node.
    ///
    /// # Panics
    /// If the node does not answer.
    pub async fn send_as(&self, user: (&str, &str), method: &str, path: &str, body: &str) -> (u16, String) {
        let url = self.url() + &without_types(method, path);
        let method = method.parse().expect("a method");
        let mut request = self.http.request(method, url).header("content-type", "application/json");
        if self.has_users {
            request = request.basic_auth(user.0, Some(user.1));
        }
        let response = request.body(body.to_owned()).send().await.unwrap_or_else(|e| panic!("{path}: {e:?}"));
        (response.status().as_u16(), response.text().await.expect("the answer is whole"))
    }

    /// Sends a request that must succeed.
    ///
    /// # Panics
    /// If it does not.
    pub async fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let (status, answer) = self.send(method, path, body).await;
            // A small heap that is full of garbage refuses every request until the next collection.
            let is_full = status == 429 && answer.contains("circuit_breaking_exception");
            // An index that was created a moment ago has no shard yet.
            let is_new = status == 503 && answer.contains("all shards failed");
            if (is_full || is_new) && Instant::now() < end {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
            assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
            return answer;
        }
    }

    /// Makes everything indexed so far visible, then counts it. An index pattern without a match counts 0.
    ///
    /// # Panics
    /// If the node refuses, or another test of the shared node reads some of these indices by another pattern.
    pub async fn count(&self, indices: &str) -> u64 {
        self.of_one_test(indices);
        self.ask("POST", &format!("/{indices}/_refresh"), "").await;
        let answer: Value = json(&self.ask("GET", &format!("/{indices}/_count"), "").await);
        answer["count"].as_u64().expect("_count gives a number")
    }

    /// Refreshes, then reads every document, in any order.
    ///
    /// # Panics
    /// As [`Self::count`] does.
    pub async fn each_document(&self, indices: &str, mut visit: impl FnMut(Document)) {
        #[derive(serde::Deserialize)]
        struct Page {
            #[serde(rename = "_scroll_id")]
            scroll: String,
            hits: Hits,
        }
        #[derive(serde::Deserialize)]
        struct Hits {
            hits: Vec<Hit>,
        }
        #[derive(serde::Deserialize)]
        struct Hit {
            #[serde(rename = "_index")]
            index: String,
            #[serde(rename = "_id")]
            id: String,
            #[serde(rename = "_source")]
            source: Box<RawValue>,
        }
        self.of_one_test(indices);
        self.ask("POST", &format!("/{indices}/_refresh"), "").await;
        let first = format!("/{indices}/_search?scroll=5m&size=5000");
        let mut text = self.ask("POST", &first, r#"{"sort":["_doc"],"query":{"match_all":{}}}"#).await;
        loop {
            let page: Page = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text:.200}"));
            let done = page.hits.hits.is_empty();
            for hit in page.hits.hits {
                visit(Document { index: hit.index, id: hit.id, source: Box::<str>::from(hit.source).into() });
            }
            if done {
                self.ask("DELETE", "/_search/scroll", &format!(r#"{{"scroll_id":"{}"}}"#, page.scroll)).await;
                return;
            }
            let next = format!(r#"{{"scroll":"5m","scroll_id":"{}"}}"#, page.scroll);
            text = self.ask("POST", "/_search/scroll", &next).await;
        }
    }

    /// Collects the documents of [`Self::each_document`].
    pub async fn documents(&self, indices: &str) -> Vec<Document> {
        let mut documents = Vec::new();
        self.each_document(indices, |document| documents.push(document)).await;
        documents
    }

    /// Fails if another test reads some of the same indices: it would sometimes find the documents of this one.
    /// Tests that share a pattern on purpose take turns.
    fn of_one_test(&self, indices: &str) {
        static READ: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
        let this = std::thread::current().name().unwrap_or_default().to_owned();
        // Only the thread of a test has the name of the test.
        let is_shared = matches!(SHARED.get(), Some(Ok(shared)) if std::ptr::eq(shared, self));
        if !is_shared || !this.contains("::") {
            return;
        }
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        for pattern in indices.split(',') {
            for (other, test) in read.iter().filter(|(other, test)| *other != pattern && **test != this) {
                assert!(!overlap(pattern, other), "{pattern} has indices in common with {other} of {test}");
            }
            read.insert(pattern.to_owned(), this.clone());
        }
    }

    /// Sets an index template: composable, or legacy where the engine has no other.
    pub async fn set_template(&self, name: &str, template: &Value) {
        let (status, answer) = self.send("PUT", &format!("/_index_template/{name}"), &template.to_string()).await;
        if status == 200 {
            return;
        }
        assert!(matches!(status, 400 | 405), "{status} {answer}");
        let mut legacy = template["template"].clone();
        legacy["index_patterns"] = template["index_patterns"].clone();
        legacy["order"] = template["priority"].as_u64().unwrap_or_default().into();
        self.ask("PUT", &format!("/_template/{name}"), &legacy.to_string()).await;
    }

    /// The templates whose names match, by their names.
    pub async fn templates(&self, names: &str) -> BTreeMap<String, Value> {
        let (status, answer) = self.send("GET", &format!("/_index_template/{names}"), "").await;
        if status == 200 {
            let found = json(&answer);
            let found = found["index_templates"].as_array().expect("a list").clone();
            return found.into_iter().map(|template| (template["name"].to_string(), template)).collect();
        }
        let found = json(&self.ask("GET", &format!("/_template/{names}"), "").await);
        found.as_object().expect("an object").clone().into_iter().collect()
    }

    /// Changes a setting of one or more existing indices, such as `index.blocks.write`.
    pub async fn index_setting(&self, indices: &str, name: &str, value: &Value) {
        self.ask("PUT", &format!("/{indices}/_settings"), &serde_json::json!({ name: value }).to_string()).await;
    }

    /// Changes a transient setting of the cluster, such as `action.auto_create_index`. Null resets it.
    pub async fn cluster_setting(&self, name: &str, value: &Value) {
        let body = serde_json::json!({ "transient": { name: value } });
        self.ask("PUT", "/_cluster/settings", &body.to_string()).await;
    }
}

/// Elasticsearch 6 wants a type in mappings, or a parameter that newer engines refuse.
fn without_types(method: &str, path: &str) -> String {
    let is_index = method == "PUT" && !path.starts_with("/_") && path.matches('/').count() == 1;
    let has_mapping = path.contains("/_mapping") || path.starts_with("/_template/");
    if std::env::var("MILLRACE_ENGINE").as_deref() != Ok("elasticsearch-6.8") || !(is_index || has_mapping) {
        return path.to_owned();
    }
    format!("{path}{}include_type_name=false", if path.contains('?') { '&' } else { '?' })
}

/// Whether an index could match both patterns. Patterns have stars only at their ends.
fn overlap(one: &str, other: &str) -> bool {
    match (one.strip_suffix('*'), other.strip_suffix('*')) {
        (Some(one), Some(other)) => one.starts_with(other) || other.starts_with(one),
        (Some(one), None) => other.starts_with(one),
        (None, Some(other)) => one.starts_with(other),
        (None, None) => one == other,
    }
}

/// A client for plain HTTP on this machine.
///
/// # Panics
/// Never on a machine with sockets.
pub fn http() -> reqwest::Client {
    // reqwest requires a TLS provider, even for plain HTTP. A second installation fails, which is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client without TLS settings")
}

/// Parses an answer as JSON.
///
/// # Panics
/// If it is not JSON.
pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:.300}"))
}
