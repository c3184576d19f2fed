//! The ingest functions report to the brake what it cannot see in the domain: a missing permission, and the capacity of
//! a collection.

use std::time::Duration;

use emulator::function::Function;
use serde_json::{Value, json};
use tests::engine::Engine;
use tests::intercept::{Fault, Intercept};
use tests::moto::Moto;
use tests::place;
use tests::scene::Scene;

use super::invoke;

/// The function retries an overload until its deadline.
const SHORT: Duration = Duration::from_secs(4);
const LONG: Duration = Duration::from_mins(1);

/// A deployment whose `_bulk` requests get a fixed status, and its brake.
struct Deployment<'m> {
    scene: Scene<'m>,
    domain: Intercept,
    mapping: String,
    brake: Function,
    number: usize,
    timeout: Duration,
}

impl<'m> Deployment<'m> {
    async fn new(moto: &'m Moto, engine: &Engine, name: &str, brake: &[(&str, &str)]) -> Self {
        let scene = Scene::new(moto, name).await;
        moto.lambda_function(&format!("{name}-s3")).await;
        // A separate queue: moto receives the messages of a mapped queue, and runs nothing.
        moto.queue(&format!("{name}-mapped")).await;
        let mapping = moto.map_queue(&format!("{name}-s3"), &format!("{name}-mapped"), 10).await;
        let domain = Intercept::start(&engine.url()).await;
        let (state, functions) = (format!("s3://dead-{name}/state"), format!("{name}-s3"));
        let env = [("MILLRACE_STATE", state.as_str()), ("MILLRACE_SOURCE_FUNCTIONS", functions.as_str())];
        let brake = scene.start("brake", &engine.url(), &[&env[..], brake].concat()).await;
        Self { scene, domain, mapping, brake, number: 0, timeout: LONG }
    }

    /// Answers every `_bulk` request with this status, or relays it.
    fn bulk(&mut self, status: Option<u16>) {
        self.timeout = if status == Some(429) { SHORT } else { LONG };
        let fault = status.map_or(Fault::None, Fault::Refused);
        self.domain.set(move |head, _| if head.uri.path().ends_with("_bulk") { fault } else { Fault::None });
    }

    /// Ingests one more object in a new process, because one process leaves a mark only every few minutes.
    async fn ingest(&mut self) {
        let name = format!("{}-s3", self.scene.prefix);
        let state = format!("s3://dead-{}/state", self.scene.prefix);
        let env = [("MILLRACE_STATE", state.as_str()), ("AWS_LAMBDA_FUNCTION_NAME", name.as_str())];
        let mut function = self.scene.function(&self.domain.url(), &env).await;
        let event = format!("{{\"base_dt\":\"2026-11-28T00:00:00Z\",\"n\":{}}}\n", self.number);
        let object = self.scene.put(&format!("{}.ndjson", self.number), event).await;
        self.scene.notify(&object).await;
        self.number += 1;
        self.scene.queue.deliver(&mut function, self.timeout).await.expect("a message");
    }

    /// Runs the brake once: it reports 1 if the sources are paused.
    async fn run(&mut self) -> Value {
        let report = invoke(&mut self.brake, &Value::Null).await.expect("a run");
        let is_on = self.scene.moto.mapping(&self.mapping).await.0;
        assert_eq!(report["paused"], json!(u8::from(!is_on)), "{report}");
        report
    }

    async fn is_paused(&mut self) -> bool {
        self.run().await["paused"] == 1
    }
}

#[test]
fn the_sources_wait_while_the_role_may_not_write_and_a_trial_finds_that_it_may() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let mut one = Deployment::new(moto, engine, "forbidden", &[]).await;
        one.ingest().await;
        assert!(!one.is_paused().await);
        one.bulk(Some(403));
        one.ingest().await;
        let report = one.run().await;
        let reason = report["reasons"][0].as_str().unwrap_or_default();
        assert!(reason.contains("forbidden-s3") && reason.contains("permission"), "{report}");
        // A mark of an invocation that had begun before the pause does not count as a new reason.
        one.ingest().await;
        assert!(one.is_paused().await && one.is_paused().await);
        assert!(!one.is_paused().await, "the trial");
        one.ingest().await;
        assert!(one.is_paused().await, "the trial found it refused still");
        assert!(one.is_paused().await && one.is_paused().await && !one.is_paused().await);
        one.bulk(None);
        one.ingest().await;
        assert!(!one.is_paused().await && !one.is_paused().await);
        assert_eq!(engine.count(&one.scene.indices()).await, one.number as u64);
        assert!(one.scene.dead_letters().await.is_empty(), "a refusal by the domain is no rejection");
    });
}

#[test]
fn one_function_that_may_not_write_stops_no_other_whose_documents_arrive() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let mut one = Deployment::new(moto, engine, "delivered", &[]).await;
        one.ingest().await;
        assert!(!one.is_paused().await);
        for number in 0..3 {
            one.bulk(Some(403));
            one.ingest().await;
            // Another function of the deployment writes a document.
            let other = json!({ "base_dt": "2026-11-28T00:00:00Z", "other": number });
            engine.ask("POST", "/delivered-2026.11.28/_doc", &other.to_string()).await;
            assert!(!one.is_paused().await);
        }
        // The same mark does not count again after the writes stop.
        assert!(!one.is_paused().await);
    });
}

#[test]
fn a_brake_that_lost_its_memory_or_cannot_read_it_releases() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let mut one = Deployment::new(moto, engine, "forgotten", &[]).await;
        one.ingest().await;
        for memory in [None, Some(r#"{"rejected":{"n":1}}"#), Some("{}"), Some("no state")] {
            assert!(!one.is_paused().await);
            one.bulk(Some(403));
            one.ingest().await;
            assert!(one.is_paused().await);
            let (bucket, key) = ("dead-forgotten", "state/refusals.json");
            match memory {
                None => drop(moto.s3.delete_object().bucket(bucket).key(key).send().await.expect("it is lost")),
                Some(old) => drop(moto.put(bucket, key, old.as_bytes().to_vec()).await),
            }
            assert!(!one.is_paused().await, "a mark of unknown age is no reason");
        }
    });
}

#[test]
fn the_sources_wait_while_a_collection_has_no_capacity() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        // The brake sends no request to the collection.
        let nowhere = [("MILLRACE_DOMAIN_ENDPOINT", "http://127.0.0.1:9"), ("MILLRACE_DOMAIN_AUTH", "sigv4:aoss")];
        let mut one = Deployment::new(moto, engine, "capacity", &nowhere).await;
        assert!(!one.is_paused().await);
        one.bulk(Some(429));
        one.ingest().await;
        let report = one.run().await;
        assert!(report["reasons"][0].as_str().is_some_and(|reason| reason.contains("overload")), "{report}");
        assert!(one.is_paused().await && one.is_paused().await);
        one.bulk(None);
        assert!(!one.is_paused().await, "the trial");
        one.ingest().await;
        assert!(!one.is_paused().await && !one.is_paused().await);
        assert_eq!(engine.count(&one.scene.indices()).await, 2);
    });
}
