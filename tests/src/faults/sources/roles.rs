//! Roles: setup in a domain with users and roles, then removal of the setup. Users keep the roles that they had before.

use emulator::function::Answer;
use serde_json::{Value, json};

use super::setup::{TIMEOUT, deploy};
use crate::faults::stage::Stage;

const API: &str = "/_plugins/_security/api";

/// Runs one cell.
///
/// # Panics
/// If a promise is broken.
pub(super) async fn run(stage: &mut Stage) {
    let name = stage.scene.prefix.clone();
    stage.scene.set_source("key: \"**\"", &["retention: 3d"]);
    let arn = |work: &str| format!("arn:aws:iam::123456789012:role/{name}-{work}");
    let (ingest, operate) = (arn("ingest"), arn("operate"));
    // One role already exists and is mapped to other users. Another role does not belong to this deployment.
    let ours = [format!("millrace_ingest_{name}"), format!("millrace_operate_{name}")];
    let foreign = format!("foreign-{name}");
    let others = json!({ "users": ["somebody"], "backend_roles": ["others"] });
    for role in [&ours[0], &foreign] {
        stage
            .ask("PUT", &format!("{API}/roles/{role}"), &json!({ "cluster_permissions": ["cluster:monitor/main"] }))
            .await;
        stage.ask("PUT", &format!("{API}/rolesmapping/{role}"), &others).await;
    }
    let before = about(stage, &foreign).await;
    let env = [
        ("MILLRACE_STACK", name.as_str()),
        ("MILLRACE_INGEST_ROLES", ingest.as_str()),
        ("MILLRACE_OPERATE_ROLES", operate.as_str()),
    ];
    let mut setup = stage.start("setup", &env).await;
    deploy(stage, &mut setup).await;
    for (role, members) in [(&ours[0], json!([ingest, "others"])), (&ours[1], json!([operate]))] {
        let [permissions, mapping] = about(stage, role).await;
        let patterns = permissions.to_string();
        assert!(patterns.contains(&format!("\"{name}-*.*.*\"")), "{role} is not about the indices: {patterns}");
        assert_eq!(mapping[role]["backend_roles"], members, "{role}: {mapping}");
    }
    let [_, mapping] = about(stage, &ours[0]).await;
    assert_eq!(mapping[&ours[0]]["users"], json!(["somebody"]), "those who had the role have lost it: {mapping}");

    // The operator runs this by hand, until it reports that everything is removed.
    loop {
        let answer = stage.deliver(&mut setup, &json!({ "remove": true }), TIMEOUT).await;
        if matches!(answer, Answer::Response(_)) {
            break;
        }
    }
    stage.network.is_quiet().await;
    for role in &ours {
        for kind in ["roles", "rolesmapping"] {
            let (status, text) = stage.services.engine.send("GET", &format!("{API}/{kind}/{role}"), "").await;
            assert_eq!(status, 404, "{kind} {role} is left: {text}");
        }
    }
    assert_eq!(about(stage, &foreign).await, before, "what others made was touched");
    // The cleanup task must not delete these: it would disturb the next cell.
    for kind in ["rolesmapping", "roles"] {
        stage.ask("DELETE", &format!("{API}/{kind}/{foreign}"), &Value::Null).await;
    }
}

/// A role and its mapping.
async fn about(stage: &Stage, role: &str) -> [Value; 2] {
    let of = async |kind: &str| stage.ask("GET", &format!("{API}/{kind}/{role}"), &Value::Null).await;
    [of("roles").await, of("rolesmapping").await]
}
