//! The domain that a stack creates: an engine with the security plugin, a Dashboards, and signed requests only.
//!
//! In: requests that the role of a function signed. Out: the engine's answers to a user of the plugin that has this role, and no
//! other, as its backend role. The role of `setup` is the administrator, as the template wants it. Deliberately absent: a check of the
//! signature itself (`wire::auth`), and the policies of IAM (`cloud::template`).

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use emulator::server::{Answer, Closed, Server};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, header};
use serde_json::json;
use tokio::sync::Mutex;

use crate::{dashboards::Dashboards, engine, engine::Engine, moto};

const API: &str = "/_plugins/_security/api";
/// The password of all users of the plugin.
const PASSWORD: &str = "every-role-is-a-user-2026";
/// The administrator's role has this in its name.
const ADMINISTRATOR: &str = "-SetupRole-";

/// A running domain.
#[derive(Debug)]
pub struct AwsDomain {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: Engine,
    dashboards: Dashboards,
    http: reqwest::Client,
    /// The URL of the AWS whose roles sign. It starts after the domain.
    aws: OnceLock<String>,
    /// The ARNs of the roles that have signed a request.
    roles: Mutex<BTreeSet<String>>, // asynchronous: the plugin refuses users that are written at the same time
}

impl AwsDomain {
    /// Starts a domain; `None` after [`crate::place::missing`] has reported what is missing.
    ///
    /// # Panics
    /// If no port is free.
    pub async fn start() -> Option<Self> {
        let engine = Engine::secure_without_tls(&[]).await?;
        let (dashboards, http) = (Dashboards::start().await, engine::http());
        let shared = Arc::new(Shared { engine, dashboards, http, aws: OnceLock::new(), roles: Mutex::default() });
        let state = Arc::clone(&shared);
        let service = service_fn(move |request: Request<Incoming>| {
            let state = Arc::clone(&state);
            async move { state.respond(request).await }
        });
        Some(Self { server: Server::start(service).await.expect("a free port"), shared })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// From now on, the roles of this AWS may sign requests.
    pub fn trust(&self, aws: String) {
        self.shared.aws.set(aws).expect("a domain belongs to one account");
    }

    /// The engine, for requests as its first administrator.
    pub fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    /// The number of objects that Dashboards has.
    pub fn saved_objects(&self) -> usize {
        self.shared.dashboards.objects().len()
    }

    /// The ARNs of the roles that have signed a request.
    pub async fn roles(&self) -> BTreeSet<String> {
        self.shared.roles.lock().await.clone()
    }
}

impl Shared {
    async fn respond(&self, request: Request<Incoming>) -> Result<Answer, Closed> {
        let (mut head, body) = request.into_parts();
        let mut body = body.collect().await.map_err(|_| Closed)?.to_bytes();
        let Some(key) = signer(&head.headers) else {
            return Response::builder().status(403).body(Full::new("not signed".into())).map_err(|_| Closed);
        };
        let user = self.user(&key).await;
        for name in [header::AUTHORIZATION, header::HOST, header::TRANSFER_ENCODING, header::CONTENT_LENGTH] {
            head.headers.remove(name);
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = if let Some(rest) = path.strip_prefix("/_dashboards") {
            // LocalStack forwards a form with an empty line before its first part.
            body = body.strip_prefix(b"\r\n").map(|form| body.slice_ref(form)).unwrap_or(body);
            self.dashboards.url() + rest
        } else {
            self.engine.url() + path
        };
        let request = self.http.request(head.method, url).headers(head.headers);
        let request = request.basic_auth(user, Some(PASSWORD)).body(body);
        let said = request.send().await.map_err(|_| Closed)?;
        let mut answer = Response::builder().status(said.status());
        for (name, value) in said.headers() {
            if ![header::TRANSFER_ENCODING, header::CONTENT_LENGTH].contains(name) {
                answer = answer.header(name, value);
            }
        }
        answer.body(Full::new(said.bytes().await.map_err(|_| Closed)?)).map_err(|_| Closed)
    }

    /// The user with the role of an access key. It is created at its first request.
    async fn user(&self, key: &str) -> String {
        let (role, arn) = self.role(key).await;
        let mut roles = self.roles.lock().await;
        if !roles.contains(&arn) {
            let administrator = role.contains(ADMINISTRATOR).then_some("admin");
            let backend_roles: Vec<_> = administrator.into_iter().chain([arn.as_str()]).collect();
            let body = json!({ "password": PASSWORD, "backend_roles": backend_roles });
            self.engine.ask("PUT", &format!("{API}/internalusers/{role}"), &body.to_string()).await;
            roles.insert(arn);
        }
        role
    }

    /// The name and the ARN of the role that an access key belongs to.
    async fn role(&self, key: &str) -> (String, String) {
        let aws = self.aws.get().expect("the account is known before its first request");
        let request = self.http.post(aws).header(header::AUTHORIZATION, moto::signed_by(key, "sts"));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body("Action=GetCallerIdentity&Version=2011-06-15");
        let said = request.send().await.expect("STS answers").text().await.expect("the answer is whole");
        // arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
        let session = said.split_once("<Arn>").and_then(|(_, rest)| rest.split_once("</Arn>")).map(|(arn, _)| arn);
        let parts: Vec<&str> = session.unwrap_or_default().split([':', '/']).collect();
        let [_, _, _, _, account, "assumed-role", role, _] = parts[..] else { panic!("{key} is of no role: {said}") };
        (role.to_owned(), format!("arn:aws:iam::{account}:role/{role}"))
    }
}

/// The access key that signed a request for a domain of the region.
fn signer(headers: &HeaderMap) -> Option<String> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (key, scope) = given.strip_prefix("AWS4-HMAC-SHA256 Credential=")?.split_once('/')?;
    scope.contains(&format!("/{}/es/aws4_request,", moto::REGION)).then(|| key.to_owned())
}
