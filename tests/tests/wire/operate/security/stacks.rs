//! Two stacks on one domain: each keeps its permissions, templates, repository and indices during operations of the
//! other.

use serde_json::{Value, json};
use tests::engine::json as parse;
use tests::moto::Moto;
use tests::place;

use super::super::{indices, invoke};
use super::{API, INGEST, OPERATE, PASSWORD, Secured};

/// One of the stacks.
#[derive(Clone, Copy)]
struct Stack {
    name: &'static str,
    /// Its users, which have the ARNs of its functions' roles.
    ingest: (&'static str, &'static str),
    operate: (&'static str, &'static str),
}

const PAY: Stack = Stack { name: "pay", ingest: ("ingest", INGEST), operate: ("operate", OPERATE) };
const WEB: Stack = Stack {
    name: "web",
    ingest: ("ingest-web", "arn:aws:iam::123456789012:role/ingest-web"),
    operate: ("operate-web", "arn:aws:iam::123456789012:role/operate-web"),
};

fn rules(name: &str) -> String {
    format!(
        "datasets:\n  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"{name}/**\" }}\n    timestamp: base_dt\n    \
         index: {name}-%{{+YYYY.MM.dd}}\n    retention: 5200w\n    snapshot: true\n    replicas: 0\n"
    )
}

/// Both stacks, on one domain.
struct Shared<'s>(Secured<'s>);

impl Shared<'_> {
    async fn run(
        &self,
        function: &str,
        stack: Stack,
        user: &str,
        snapshots: &str,
        event: &Value,
    ) -> Result<Value, String> {
        let it = &self.0;
        it.scene.set_pipeline(&rules(stack.name));
        let auth = it.auth(user);
        let more = [
            ("MILLRACE_STACK", stack.name),
            ("MILLRACE_SNAPSHOTS", snapshots),
            ("MILLRACE_INGEST_ROLES", stack.ingest.1),
            ("MILLRACE_OPERATE_ROLES", stack.operate.1),
        ];
        let mut function = it.scene.start(function, &it.engine.url(), &it.env(&auth, &more)).await;
        invoke(&mut function, event).await
    }

    async fn setup(&self, stack: Stack, snapshots: &str, event: &Value) -> Value {
        self.run("setup", stack, "admin", snapshots, event).await.expect("the administrator may")
    }

    /// The users and backend roles of a role, and the indices of its first permission.
    async fn role(&self, role: &str) -> Option<(Value, Value)> {
        let (status, _) = self.0.engine.send("GET", &format!("{API}/roles/{role}"), "").await;
        if status == 404 {
            return None;
        }
        let about = parse(&self.0.engine.ask("GET", &format!("{API}/roles/{role}"), "").await);
        let mapping = parse(&self.0.engine.ask("GET", &format!("{API}/rolesmapping/{role}"), "").await);
        let mapping = json!([mapping[role]["backend_roles"], mapping[role]["users"]]);
        Some((mapping, about[role]["index_permissions"][0]["index_patterns"].clone()))
    }

    /// Checks that each stack can write into its own indices and not into those of the other.
    async fn check_writes(&self, stacks: &[Stack]) {
        for stack in stacks {
            for other in [PAY, WEB] {
                let path = format!("/{}-2026.11.22/_create/{:08x}", other.name, fastrand::u32(..));
                let status = self.0.asked_as(stack.ingest.0, "PUT", &path, "{}").await;
                let expected = if stack.name == other.name { 201 } else { 403 };
                assert_eq!(status, expected, "{} into {}", stack.name, other.name);
            }
        }
    }
}

#[test]
fn two_stacks_on_one_domain_keep_what_is_theirs() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let Some(it) = Secured::new(moto, "stacks").await else { return };
        let it = Shared(it);
        let engine = &it.0.engine;
        for (user, arn) in [WEB.ingest, WEB.operate] {
            let body = json!({ "password": PASSWORD, "backend_roles": [arn] });
            engine.ask("PUT", &format!("{API}/internalusers/{user}"), &body.to_string()).await;
            let secret = json!({ "username": user, "password": PASSWORD }).to_string();
            moto.secret(&format!("stacks-{user}"), &secret).await;
        }
        // The previous release used one name for both stacks. The role has the permissions of the stack that was
        // deployed last, and is mapped to both.
        let former = json!({ "cluster_permissions": ["indices:data/write/bulk"], "index_permissions": [
            { "index_patterns": ["web-*.*.*"], "allowed_actions": ["indices:data/write/*", "indices:admin/create"] } ] });
        engine.ask("PUT", &format!("{API}/roles/millrace_ingest"), &former.to_string()).await;
        let mapping = json!({ "backend_roles": [INGEST, WEB.ingest.1, "others"], "users": ["somebody"] });
        engine.ask("PUT", &format!("{API}/rolesmapping/millrace_ingest"), &mapping.to_string()).await;
        let template = json!({ "index_patterns": ["pay-*.*.*"], "priority": 306, "template": {}, "_meta": { "managed_by": "millrace" } });
        engine.ask("PUT", "/_index_template/millrace-pay-x.x.x", &template.to_string()).await;
        let [pay_place, web_place] = ["pay", "web"].map(|folder| format!("{}/{folder}", it.0.snapshots));
        let repository = json!({ "type": "fs", "settings": { "location": pay_place.trim_start_matches("fs:") } });
        engine.ask("PUT", "/_snapshot/millrace", &repository.to_string()).await;

        // `setup` runs for both stacks, twice for each. A second run takes nothing from the other stack.
        let done = it.setup(PAY, &pay_place, &json!({})).await;
        assert_eq!(done["roles"], json!(["millrace_ingest_pay", "millrace_operate_pay"]), "{done}");
        assert_eq!(done["repository"], "millrace", "the same place keeps its name: {done}");
        let (mapping, _) = it.role("millrace_ingest").await.expect("the other stack is not upgraded yet");
        assert_eq!(mapping, json!([[WEB.ingest.1, "others"], ["somebody"]]), "and keeps its rights");
        for _ in 0..2 {
            let done = it.setup(WEB, &web_place, &json!({})).await;
            assert_eq!(done["repository"], "millrace-web", "{done}");
            assert_eq!(it.setup(PAY, &pay_place, &json!({})).await["repository"], "millrace");
        }
        assert_eq!(it.role("millrace_ingest").await, None, "everybody has a new one");
        assert_eq!(engine.send("GET", "/_index_template/millrace-pay*", "").await.0, 404);
        let pay = json!([[INGEST, "others"], ["somebody"]]);
        assert_eq!(it.role("millrace_ingest_pay").await, Some((pay.clone(), json!(["pay-*.*.*"]))));
        let web = json!([[WEB.ingest.1, "others"], ["somebody"]]);
        assert_eq!(it.role("millrace_ingest_web").await, Some((web, json!(["web-*.*.*"]))));
        it.check_writes(&[PAY, WEB]).await;

        // Each stack deletes its own index, after a snapshot in its own repository.
        for name in ["pay", "web"] {
            engine.ask("PUT", &format!("/{name}-1900.01.01/_doc/1?refresh=true"), "{}").await;
        }
        let receipt = it.run("retention", PAY, "operate", &pay_place, &json!({})).await.expect("a run");
        assert_eq!(receipt["deleted"][0]["index"], "pay-1900.01.01", "{receipt}");
        assert_eq!(indices(engine).await, ["pay-2026.11.22", "web-1900.01.01", "web-2026.11.22"]);
        let receipt = it.run("retention", WEB, "operate-web", &web_place, &json!({})).await.expect("a run");
        assert_eq!(receipt["deleted"][0]["index"], "web-1900.01.01", "{receipt}");
        for (repository, index) in [("millrace", "pay-1900.01.01"), ("millrace-web", "web-1900.01.01")] {
            let listed = parse(&engine.ask("GET", &format!("/_snapshot/{repository}/_all"), "").await);
            let of: Vec<_> = listed["snapshots"].as_array().into_iter().flatten().map(|one| &one["indices"]).collect();
            assert_eq!(of, [&json!([index])], "{repository}");
        }

        // One of the stacks is deleted.
        let event = json!({
            "RequestType": "Delete", "ResponseURL": format!("{}/{}/deleted", it.0.scene.moto.url(), it.0.scene.bucket),
            "StackId": "stack", "RequestId": "request", "LogicalResourceId": "Setup", "ResourceProperties": {},
        });
        let removed = it.setup(WEB, &web_place, &event).await;
        assert_eq!(removed["templates"], json!(["millrace.web.web-x.x.x"]), "{removed}");
        assert_eq!(removed["roles"], json!(["millrace_ingest_web", "millrace_operate_web"]), "{removed}");
        assert_eq!((it.role("millrace_ingest_web").await, it.role("millrace_operate_web").await), (None, None));
        assert_eq!(it.role("millrace_ingest_pay").await, Some((pay, json!(["pay-*.*.*"]))));
        assert_eq!(engine.send("GET", "/_index_template/millrace.pay.pay-x.x.x", "").await.0, 200);
        assert_eq!(engine.send("GET", "/_snapshot/millrace-web", "").await.0, 200, "snapshots outlive their stack");
        assert_eq!(indices(engine).await, ["pay-2026.11.22", "web-2026.11.22"]);
        it.check_writes(&[PAY]).await;
        let receipt = it.run("retention", PAY, "operate", &pay_place, &json!({})).await.expect("a run");
        assert_eq!(receipt["planned"], 0, "{receipt}");
    });
}
