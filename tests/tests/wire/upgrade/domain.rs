//! A domain that the former release set up: its templates, roles and indices, and a snapshot that it began.

use emulator::function::Function;
use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::moto::Moto;
use tests::place;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

use super::super::operate::invoke;
use super::{LIMIT, RELEASES, read, write};

const NAME: &str = "upgrade-domain";
const API: &str = "/_plugins/_security/api";
const PASSWORD: &str = "a Mill needs 1 race!";
const INGEST: &str = "arn:aws:iam::123456789012:role/ingest";
const OPERATE: &str = "arn:aws:iam::123456789012:role/operate";
/// Older than any retention.
const OLD: &str = "upgrade-domain-1900.01.01";
/// The roles that the fixture holds.
const ROLES: [&str; 2] = ["millrace_ingest", "millrace_operate"];

/// A secured domain with a user for each kind of function, and a bucket.
struct Secured<'m> {
    scene: Scene<'m>,
    engine: Engine,
    authority: String,
    snapshots: String,
    folder: tempfile::TempDir,
}

impl<'m> Secured<'m> {
    async fn new(moto: &'m Moto) -> Option<Self> {
        let folder = place::scratch();
        let path = folder.path().display().to_string();
        let engine = Engine::secure(&[("path.repo", &path)]).await?;
        for (user, role) in [("ingest", INGEST), ("operate", OPERATE)] {
            let body = json!({ "password": PASSWORD, "backend_roles": [role] });
            engine.ask("PUT", &format!("{API}/internalusers/{user}"), &body.to_string()).await;
        }
        for (user, password) in [("ingest", PASSWORD), ("operate", PASSWORD), Engine::ADMIN] {
            let secret = json!({ "username": user, "password": password }).to_string();
            moto.secret(&format!("{NAME}-{user}"), &secret).await;
        }
        let scene = Scene::new(moto, NAME).await;
        scene.set_pipeline(&format!(
            "datasets:\n  - name: {NAME}\n    from: {{ bucket: \"t-*\", key: \"in/**\" }}\n    timestamp: base_dt\n    \
             index: {NAME}-%{{+YYYY.MM.dd}}\n    retention: 5200w\n    snapshot: true\n    replicas: 0\n"
        ));
        let authority = Engine::authority().display().to_string();
        Some(Self { scene, engine, authority, snapshots: format!("fs:{path}"), folder })
    }

    /// Starts a function with the permissions of a user.
    async fn start(&self, function: &str, user: &str) -> Function {
        let auth = format!("basic:{NAME}-{user}");
        let env = [
            ("MILLRACE_DOMAIN_AUTH", auth.as_str()),
            ("SSL_CERT_FILE", &self.authority),
            ("MILLRACE_STACK", "upgraded"),
            ("MILLRACE_STATE", "s3://dead-upgrade-domain/state"),
            ("MILLRACE_SNAPSHOTS", &self.snapshots),
            ("MILLRACE_INGEST_ROLES", INGEST),
            ("MILLRACE_OPERATE_ROLES", OPERATE),
            ("MILLRACE_QUEUE_URL", &self.scene.queue.url),
        ];
        self.scene.start(function, &self.engine.url(), &env).await
    }

    async fn get(&self, path: &str) -> Value {
        parse(&self.engine.ask("GET", path, "").await)
    }

    async fn put(&self, path: &str, body: &Value) {
        self.engine.ask("PUT", path, &body.to_string()).await;
    }

    /// The names of the templates that match the dataset's indices.
    async fn templates(&self) -> Vec<String> {
        let all = self.get("/_index_template").await;
        let all = all["index_templates"].as_array().expect("templates").iter();
        let takes = |template: &&Value| template["index_template"]["index_patterns"].to_string().contains(NAME);
        all.filter(takes).filter_map(|template| Some(template["name"].as_str()?.to_owned())).collect()
    }
}

pub(super) async fn leave(release: &str, moto: &Moto) {
    let Some(it) = Secured::new(moto).await else { return };
    let mut setup = it.start("setup", "admin").await;
    invoke(&mut setup, &json!({})).await.expect("it is set up");
    it.put(&format!("/{OLD}/_doc/1?refresh=true"), &json!({ "in": OLD })).await;
    let mut retention = it.start("retention", "operate").await;
    invoke(&mut retention, &json!({})).await.expect("a run");
    let mut left = json!({
        "templates": it.get("/_index_template/millrace-*").await["index_templates"],
        "repository": it.get("/_snapshot/millrace").await["millrace"]["type"],
        // The index is deleted after its snapshot. A test puts both back.
        "snapshot": it.get("/_snapshot/millrace/_all").await["snapshots"][0]["snapshot"],
    });
    for role in ROLES {
        left["roles"][role] = it.get(&format!("{API}/roles/{role}")).await[role].clone();
        left["mappings"][role] = it.get(&format!("{API}/rolesmapping/{role}")).await[role].clone();
    }
    write(release, "domain.json", format!("{left:#}\n").as_bytes());
}

/// The JSON without the members that the plugin adds.
fn puttable(mut about: Value, extra: &[&str]) -> Value {
    let members = about.as_object_mut().expect("an object");
    members.retain(|name, _| !extra.contains(&name.as_str()));
    about
}

/// Puts the domain into the state that the former release left: set up, with an index whose snapshot has begun.
async fn restore(it: &Secured<'_>, left: &Value) {
    let read_only = ["reserved", "hidden", "static"];
    for role in ROLES {
        it.put(&format!("{API}/roles/{role}"), &puttable(left["roles"][role].clone(), &read_only)).await;
        let mapping = puttable(left["mappings"][role].clone(), &[&read_only[..], &["and_backend_roles"]].concat());
        it.put(&format!("{API}/rolesmapping/{role}"), &mapping).await;
    }
    for template in left["templates"].as_array().expect("templates") {
        let name = template["name"].as_str().expect("a name");
        it.put(&format!("/_index_template/{name}"), &template["index_template"]).await;
    }
    let repository =
        json!({ "type": left["repository"], "settings": { "location": it.folder.path().display().to_string() } });
    it.put("/_snapshot/millrace", &repository).await;
    it.put(&format!("/{OLD}/_doc/1?refresh=true"), &json!({ "in": OLD })).await;
    it.put(&format!("/{OLD}/_block/write"), &json!({})).await;
    let name = left["snapshot"].as_str().expect("a name");
    assert!(name.starts_with(OLD), "{name}");
    it.put(&format!("/_snapshot/millrace/{name}"), &json!({ "indices": OLD, "include_global_state": false })).await;
}

#[test]
fn a_domain_that_a_former_release_set_up_is_taken_over_and_its_indices_are_deleted_once_they_are_adopted() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        for release in RELEASES {
            let Some(it) = Secured::new(moto).await else { return };
            let left = parse(&String::from_utf8(read(release, "domain.json")).expect("text"));
            restore(&it, &left).await;
            let before = it.templates().await;
            assert_eq!(before.len(), 1, "{before:?}");

            let mut setup = it.start("setup", "admin").await;
            for _ in 0..2 {
                invoke(&mut setup, &json!({})).await.expect("it is set up");
                assert_eq!(it.templates().await.len(), 1, "two of one pattern are refused by the engine");
            }
            events_come_in_once(&it).await;

            let mut retention = it.start("retention", "operate").await;
            let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
            assert_eq!((&receipt["unowned"], &receipt["deleted_indices"]), (&json!(1), &json!(0)), "{receipt}");
            assert!(receipt.to_string().contains(OLD), "{receipt}");

            invoke(&mut setup, &json!({ "adopt": true })).await.expect("they are adopted");
            let mut runs = 0;
            while it.engine.send("HEAD", &format!("/{OLD}"), "").await.0 == 200 {
                let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
                assert_eq!(receipt["unowned"], 0, "{receipt}");
                runs += 1;
                assert!(runs < 6, "it stays: {receipt}");
            }
            a_snapshot_holds_it(&it).await;
        }
    });
}

async fn events_come_in_once(it: &Secured<'_>) {
    let lines: Vec<String> = tests::events::generate(50, 9).collect();
    let object = it.scene.put("in/a.json", lines.concat()).await;
    let mut ingest = it.start("s3-ingest", "ingest").await;
    for (indexed, duplicates) in [(50, 0), (0, 50)] {
        let already = receipts(&ingest).len();
        it.scene.notify(&object).await;
        it.scene.queue.drain(&mut ingest, LIMIT, 3).await;
        let new = &receipts(&ingest)[already..];
        assert_eq!((sum(new, |r| r.indexed), sum(new, |r| r.duplicates)), (indexed, duplicates), "{new:?}");
    }
}

/// Checks that the deleted index can be restored.
async fn a_snapshot_holds_it(it: &Secured<'_>) {
    let listed = it.get("/_snapshot/millrace/_all").await;
    let snapshots = listed["snapshots"].as_array().expect("snapshots");
    let whole = |snapshot: &&Value| snapshot["state"] == "SUCCESS" && snapshot["indices"].to_string().contains(OLD);
    let name = snapshots.iter().rev().find(whole).unwrap_or_else(|| panic!("{listed}"))["snapshot"].as_str();
    let restore = format!("/_snapshot/millrace/{}/_restore?wait_for_completion=true", name.expect("a name"));
    it.engine.ask("POST", &restore, &json!({ "indices": OLD }).to_string()).await;
    assert_eq!(it.engine.count(OLD).await, 1);
}
