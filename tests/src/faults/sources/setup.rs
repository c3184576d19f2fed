//! Setup: `CloudFormation` sends a request and always gets an answer. If the answer is a failure, the operator deploys
//! again.

use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Value, json};

use crate::faults::row::Service;
use crate::faults::stage::Stage;

/// The time of one step of a deployment.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// Runs one cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let name = stage.scene.prefix.clone();
    stage.scene.set_source("key: \"**\"", &["retention: 3d", "mapping: mappings/m.json"]);
    stage.scene.set_mapping("m.json", r#"{"properties":{"adid":{"type":"keyword"}}}"#);
    let foreign = format!("/_index_template/foreign-{name}");
    let users = json!({ "index_patterns": [format!("foreign-{name}-*")], "template": { "settings": { "number_of_shards": 3 } } });
    stage.ask("PUT", &foreign, &users).await;
    let before = stage.ask("GET", &foreign, &Value::Null).await;
    let place = format!("fs:{}/{name}", stage.services.snapshots);
    let env = [("MILLRACE_STACK", name.as_str()), ("MILLRACE_SNAPSHOTS", &place)];
    let mut setup = stage.start("setup", &env).await;
    deploy(stage, &mut setup).await;
    let templates = stage.ask("GET", &format!("/_index_template/millrace.{name}.*"), &Value::Null).await;
    assert_eq!(templates["index_templates"].as_array().map(Vec::len), Some(1), "{templates}");
    assert!(templates.to_string().contains("\"adid\""), "{templates}");
    let repositories = stage.ask("GET", "/_snapshot", &Value::Null).await;
    assert!(repositories.to_string().contains(&format!("/{name}\"")), "{repositories}");
    assert_eq!(stage.ask("GET", &foreign, &Value::Null).await, before, "what others made was touched");
}

/// Deploys until `CloudFormation` gets an answer of success.
pub(super) async fn deploy(stage: &mut Stage, setup: &mut Function) {
    let name = stage.scene.prefix.clone();
    for deployment in 0.. {
        let key = format!("answers/{deployment}");
        // The URL is signed, as CloudFormation's is. It can be used again.
        let event = event(&format!("{}/t-{name}/{key}?Signature=x", stage.network.url(Service::S3)));
        let id = emulator::runtime::request_id();
        // Lambda retries a failed request of `CloudFormation`.
        loop {
            let mut answer = stage.invoke(setup, &id, &event, TIMEOUT).await;
            if stage.is_delivered("twice") {
                answer = stage.invoke(setup, &id, &event, TIMEOUT).await;
            }
            if matches!(answer, Answer::Response(_)) {
                break;
            }
        }
        stage.network.is_quiet().await;
        let answers = stage.scene.moto.objects(&stage.scene.bucket, &key).await;
        let [(_, answer)] = answers.as_slice() else { panic!("CloudFormation waits in vain: {answers:?}") };
        let answer: Value = serde_json::from_slice(answer).expect("the answer is JSON");
        if answer["Status"] == "SUCCESS" {
            break;
        }
        assert_eq!(answer["Status"], "FAILED", "{answer}");
    }
}

fn event(url: &str) -> Value {
    json!({
        "RequestType": "Update", "ResponseURL": url, "StackId": "stack", "RequestId": "request",
        "LogicalResourceId": "Setup", "ResourceType": "Custom::Setup",
        "ResourceProperties": { "ServiceToken": "arn", "Pipeline": "arn:layer:1" },
    })
}
