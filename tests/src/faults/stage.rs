//! The environment of one cell: a network with its fault, names that only this cell uses in the shared services, and a
//! count of invocations.

use std::collections::BTreeMap;
use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::Value;

use super::inject::Network;
use super::row::{INVOCATION, Service};
use super::traffic::{Plan, Seen};
use crate::engine::Engine;
use crate::moto::Moto;
use crate::receipt;
use crate::scene::Scene;
use crate::{engine, place};

/// The pause after a process that did not start.
const RESTART: Duration = Duration::from_secs(1);

/// The services that all cells share.
#[derive(Debug, Clone, Copy)]
pub struct Services {
    /// S3, SQS, Secrets Manager and Lambda.
    pub moto: &'static Moto,
    /// The real engine.
    pub engine: &'static Engine,
    /// The engine with users and roles, if it was started.
    pub secured: Option<&'static Engine>,
    /// The folder in which the engines may write snapshots.
    pub snapshots: &'static str,
}

impl Services {
    /// Starts the engine with users and roles.
    ///
    /// # Panics
    /// If it does not start, though the engine without users did.
    pub async fn with_users(self) -> Self {
        let settings = [("path.repo", self.snapshots)];
        let engine = Engine::secure_without_tls(&settings).await.expect("the engine with security");
        Self { secured: Some(Box::leak(Box::new(engine))), ..self }
    }
}

/// The environment of one cell.
#[derive(Debug)]
pub struct Stage {
    /// The shared services.
    pub services: Services,
    /// Its own names.
    pub scene: Scene<'static>,
    /// The network between its function and all services.
    pub network: Network,
    /// The fault that is injected.
    pub plan: Option<Plan>,
    secret: String,
    invocations: usize,
    bound: usize,
    twice: usize,
}

impl Stage {
    /// Creates the environment. More than `bound` invocations are a failure.
    pub async fn new(services: Services, name: &str, plan: Option<Plan>, bound: usize) -> Self {
        let scene = Scene::new(services.moto, name).await;
        // The engine without users accepts any password.
        let (user, password) = Engine::ADMIN;
        let password = serde_json::json!({ "username": user, "password": password }).to_string();
        let secret = services.moto.secret(&format!("password-{name}"), &password).await;
        let network = Network::start(&services.moto.url(), &services.engine.url(), plan.clone()).await;
        Self { services, scene, network, plan, secret, invocations: 0, bound, twice: usize::MAX }
    }

    /// Starts a function. All its calls go through the network.
    ///
    /// # Panics
    /// If the binary is missing.
    pub async fn start(&self, function: &str, more: &[(&str, &str)]) -> Function {
        let url = |service| self.network.url(service);
        let auth = format!("basic:{}", self.secret);
        let (s3, sqs, secrets, lambda) =
            (url(Service::S3), url(Service::Sqs), url(Service::Secrets), url(Service::Lambda));
        let env = [
            ("AWS_ENDPOINT_URL_S3", s3.as_str()),
            ("AWS_ENDPOINT_URL_SQS", &sqs),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets),
            ("AWS_ENDPOINT_URL_LAMBDA", &lambda),
            ("MILLRACE_DOMAIN_AUTH", &auth),
            ("MILLRACE_QUEUE_URL", &self.scene.queue.url),
            ("MILLRACE_LOG", "info"),
        ];
        let env = self.scene.environment(&url(Service::Domain), &[&env, more].concat());
        let env: Vec<_> = env.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let binary = place::function(function);
        Function::start_behind(&binary, &env, Some(self.network.front())).await.expect("the function starts")
    }

    /// Runs one invocation, which a fault may kill.
    ///
    /// # Panics
    /// If there are more invocations than allowed.
    pub async fn invoke(&mut self, function: &mut Function, id: &str, event: &Value, timeout: Duration) -> Answer {
        self.invocations += 1;
        assert!(
            self.invocations <= self.bound,
            "stalled: not done in {} invocations; the last lines: {:#?}",
            self.bound,
            function.lines().iter().rev().take(6).rev().collect::<Vec<_>>()
        );
        let answer = tokio::select! {
            answer = function.invoke_as(id, event, timeout) => answer.expect("the function runs"),
            () = self.network.kill_is_due() => {
                function.kill().await;
                Answer::Exited
            }
        };
        if matches!(answer, Answer::InitError { .. }) {
            // Lambda does not restart a process immediately.
            tokio::time::sleep(RESTART).await;
        }
        answer
    }

    /// Runs the invocation of a batch. If the fault is a duplicate invocation, the batch is delivered twice.
    pub async fn deliver(&mut self, function: &mut Function, event: &Value, timeout: Duration) -> Answer {
        let id = format!("{:016x}", fastrand::u64(..));
        let answer = self.invoke(function, &id, event, timeout).await;
        if self.twice == 0 || !self.is_delivered("twice") {
            return answer;
        }
        self.twice -= 1;
        self.invoke(function, &id, event, timeout).await
    }

    /// Delivers only the first `count` batches twice, if the fault is a duplicate invocation.
    pub fn twice_at_most(&mut self, count: usize) {
        self.twice = count;
    }

    /// Whether the fault is the invocation itself, with this column: `twice` or `out-of-order`.
    pub fn is_delivered(&self, column: &str) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.row == INVOCATION && plan.column.name() == column)
    }

    /// The number of invocations so far.
    pub fn invocations(&self) -> usize {
        self.invocations
    }

    /// Every row that was called.
    pub fn seen(&self) -> BTreeMap<String, Seen> {
        let mut seen = self.network.seen();
        seen.insert(INVOCATION.to_owned(), Seen { calls: self.invocations as u64, ..Seen::default() });
        seen
    }

    /// Whether the fault has struck.
    pub fn has_struck(&self) -> bool {
        self.plan.as_ref().is_none_or(|plan| plan.row == INVOCATION) || self.network.has_struck()
    }

    /// Checks that all receipts of a function balance.
    ///
    /// # Panics
    /// If one does not.
    pub fn assert_balanced(&self, function: &Function) {
        let receipts = function.receipts();
        receipts.iter().filter(|line| line.get("unmatched").is_none()).for_each(receipt::assert_balanced);
    }

    /// The engine's answer to a request, as JSON.
    pub async fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        engine::json(&self.services.engine.ask(method, path, &body).await)
    }
}
