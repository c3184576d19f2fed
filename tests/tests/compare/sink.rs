//! The sink of all programs: bulksink, or that of this repository if Go or ../shared is missing.

use std::process::Command;

use tests::{bulksink, engine, service::Service};

/// A running sink.
pub(crate) struct Sink {
    service: Service,
    pub(crate) name: &'static str,
}

/// What arrived since [`Sink::reset`].
#[derive(serde::Deserialize)]
pub(crate) struct Arrived {
    actions: u64,
    single_docs: u64,
    distinct: u64,
    key_missing: u64,
    signed: u64,
    pub(crate) requests: u64,
    pub(crate) bytes_wire: u64,
}

impl Sink {
    pub(crate) fn start(count: u64) -> Self {
        match bulksink::start(count) {
            Ok(service) => Self { service, name: "bulksink" },
            Err(why) => {
                println!("the sink is that of this repository, because bulksink is missing: {why}");
                Self {
                    service: Service::spawn(&mut Command::new(env!("CARGO_BIN_EXE_sink"))),
                    name: "tests/src/bin/sink.rs",
                }
            }
        }
    }

    pub(crate) fn url(&self) -> String {
        self.service.url()
    }

    pub(crate) async fn reset(&self) {
        self.ask(reqwest::Method::POST, "/__reset").await;
    }

    /// What arrived. It must be `times` times the first `count` events, in signed requests.
    pub(crate) async fn arrived(&self, name: &str, times: u64, count: u64) -> Arrived {
        let stats = self.ask(reqwest::Method::GET, "/__stats").await;
        let arrived: Arrived = serde_json::from_str(&stats).expect("the counts");
        let documents = arrived.actions + arrived.single_docs;
        assert_eq!((documents, arrived.distinct, arrived.key_missing), (times * count, count, 0), "{name}: {stats}");
        assert_eq!(arrived.signed, arrived.requests, "{name} signs every request: {stats}");
        arrived
    }

    async fn ask(&self, method: reqwest::Method, path: &str) -> String {
        let answer = engine::http().request(method, self.url() + path).send().await.expect("the sink answers");
        answer.text().await.expect("the answer is whole")
    }
}
