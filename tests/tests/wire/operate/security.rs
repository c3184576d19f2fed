//! Fine-grained access control with TLS and passwords: `setup` gives each identity exactly the permissions that it
//! needs.
//!
//! Assumption: the security plugin takes the ARN of a signed request's role as a backend role. Here, users of the
//! plugin have the same ARNs, because an engine outside Amazon's service checks no signatures.

mod layouts;
mod rolled;
mod stacks;

use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::envelope;
use tests::events;
use tests::moto::Moto;
use tests::place;
use tests::program::Program;
use tests::receipt::sum;
use tests::scene::{Scene, receipts};

use super::replay::{replay, through};
use super::{LIMIT, indices, invoke};

const API: &str = "/_plugins/_security/api";
const PASSWORD: &str = "a Mill needs 1 race!";
const INGEST: &str = "arn:aws:iam::123456789012:role/ingest";
const OPERATE: &str = "arn:aws:iam::123456789012:role/operate";

/// A scene, its domain, and the authority that functions must trust.
struct Secured<'s> {
    scene: Scene<'s>,
    engine: Engine,
    authority: String,
    snapshots: String,
    _folder: tempfile::TempDir,
}

impl<'s> Secured<'s> {
    async fn new(moto: &'s Moto, name: &str) -> Option<Self> {
        let folder = place::scratch();
        let path = folder.path().display().to_string();
        let engine = Engine::secure(&[("path.repo", &path)]).await?;
        for (user, role) in [("ingest", Some(INGEST)), ("operate", Some(OPERATE)), ("stranger", None)] {
            let body = json!({ "password": PASSWORD, "backend_roles": role.into_iter().collect::<Vec<_>>() });
            engine.ask("PUT", &format!("{API}/internalusers/{user}"), &body.to_string()).await;
        }
        for (user, password) in [("ingest", PASSWORD), ("operate", PASSWORD), ("stranger", PASSWORD), Engine::ADMIN] {
            let secret = json!({ "username": user, "password": password }).to_string();
            moto.secret(&format!("{name}-{user}"), &secret).await;
        }
        let scene = Scene::new(moto, name).await;
        let authority = Engine::authority().display().to_string();
        Some(Self { scene, engine, authority, snapshots: format!("fs:{path}"), _folder: folder })
    }

    /// `MILLRACE_DOMAIN_AUTH` of a user.
    fn auth(&self, user: &str) -> String {
        format!("basic:{}-{user}", self.scene.prefix)
    }

    /// The environment of a function with the credentials `auth`.
    fn env<'e>(&'e self, auth: &'e str, more: &[(&'e str, &'e str)]) -> Vec<(&'e str, &'e str)> {
        [&[("MILLRACE_DOMAIN_AUTH", auth), ("MILLRACE_DOMAIN_CA", &self.authority)], more].concat()
    }

    async fn ingest(&self) -> Function {
        self.scene.function(&self.engine.url(), &self.env(&self.auth("ingest"), &[])).await
    }

    async fn setup(&self, user: &str) -> Result<Value, String> {
        let auth = self.auth(user);
        let more = [
            ("MILLRACE_SNAPSHOTS", self.snapshots.as_str()),
            ("MILLRACE_INGEST_ROLES", INGEST),
            ("MILLRACE_OPERATE_ROLES", OPERATE),
        ];
        let mut setup = self.scene.start("setup", &self.engine.url(), &self.env(&auth, &more)).await;
        invoke(&mut setup, &json!({})).await
    }

    async fn asked_as(&self, user: &str, method: &str, path: &str, body: &str) -> u16 {
        self.engine.send_as((user, PASSWORD), method, path, body).await.0
    }
}

fn rules(names: &[&str]) -> String {
    let datasets = names.iter().map(|name| {
        format!(
            "  - name: {name}\n    from: {{ bucket: \"t-*\", key: \"{name}/**\" }}\n    timestamp: base_dt\n    \
             index: {name}-%{{+YYYY.MM.dd}}\n    retention: 5200w\n    snapshot: true\n    replicas: 0\n"
        )
    });
    format!("datasets:\n{}", datasets.collect::<String>())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one scenario, read from top to bottom")]
fn each_identity_may_do_its_work_and_nothing_else() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let Some(it) = Secured::new(moto, "secured").await else { return };
        let (scene, engine) = (&it.scene, &it.engine);
        scene.set_pipeline(&rules(&["secured"]));

        // The role exists already and is mapped to other users. They keep it.
        engine.ask("PUT", &format!("{API}/roles/millrace_ingest"), r#"{"cluster_permissions":["cluster_all"]}"#).await;
        let others = r#"{"users":["somebody"],"backend_roles":["others"]}"#;
        engine.ask("PUT", &format!("{API}/rolesmapping/millrace_ingest"), others).await;
        let error = it.setup("stranger").await.expect_err("it may not");
        assert!(error.contains("403") && error.contains("no permissions for"), "{error}");
        for _ in 0..2 {
            let done = it.setup("admin").await.expect("the administrator may");
            assert_eq!(done["roles"], json!(["millrace_ingest", "millrace_operate"]), "{done}");
            assert_eq!((&done["repository"], &done["notes"]), (&json!("millrace"), &json!([])), "{done}");
            let mapping = parse(&engine.ask("GET", &format!("{API}/rolesmapping/millrace_ingest"), "").await);
            let mapping = &mapping["millrace_ingest"];
            assert_eq!(mapping["users"], json!(["somebody"]));
            assert_eq!(mapping["backend_roles"], json!([INGEST, "others"]), "{mapping}");
        }

        // Events are indexed by the template, each once.
        let lines: Vec<String> = events::generate(300, 8).collect();
        let object = scene.put("secured/a.json", lines.concat()).await;
        let mut ingest = it.ingest().await;
        for (indexed, duplicates) in [(300, 0), (0, 300)] {
            let before = receipts(&ingest).len();
            scene.notify(&object).await;
            scene.queue.drain(&mut ingest, LIMIT, 3).await;
            let new = &receipts(&ingest)[before..];
            assert_eq!((sum(new, |r| r.indexed), sum(new, |r| r.duplicates)), (indexed, duplicates));
        }
        assert_eq!(engine.count("secured-*").await, 300);
        let index = indices(engine).await.pop().expect("an index");
        let settings = engine.ask("GET", &format!("/{index}/_settings?flat_settings=true"), "").await;
        assert!(settings.contains(r#""index.number_of_replicas":"0""#), "{settings}");
        for (method, path, body) in [
            ("GET", format!("/{index}/_search"), ""),
            ("DELETE", format!("/{index}"), ""),
            ("PUT", "/elsewhere/_doc/1".into(), "{}"),
            ("PUT", "/_index_template/t".into(), r#"{"index_patterns":["x-*"],"template":{}}"#),
            ("GET", format!("{API}/roles"), ""),
        ] {
            assert_eq!(it.asked_as("ingest", method, &path, body).await, 403, "{method} {path}");
        }

        // An old index is deleted after its snapshot. Indices of others are out of reach, also for requests by hand.
        let old = "secured-1900.01.01";
        for index in [old, "elsewhere"] {
            engine.ask("PUT", &format!("/{index}/_doc/1?refresh=true"), "{}").await;
        }
        let with_snapshots = [("MILLRACE_SNAPSHOTS", it.snapshots.as_str())];
        let operator = it.auth("operate");
        let env = it.env(&operator, &with_snapshots);
        let mut retention = scene.start("retention", &engine.url(), &env).await;
        let receipt = invoke(&mut retention, &json!({})).await.expect("a run");
        assert_eq!((&receipt["deleted_indices"], &receipt["left"]), (&json!(1), &json!(0)), "{receipt}");
        let listed = engine.ask("GET", "/_snapshot/millrace/_all", "").await;
        assert!(listed.contains(old) && listed.contains("SUCCESS"), "{listed}");
        assert_eq!(indices(engine).await, ["elsewhere", index.as_str()]);
        for (method, path, body) in [
            ("DELETE", "/elsewhere", ""),
            ("GET", "/elsewhere/_search", ""),
            ("PUT", "/elsewhere/_doc/1", "{}"),
            ("GET", &format!("{API}/roles"), ""),
            ("DELETE", "/_snapshot/millrace", ""),
        ] {
            assert_eq!(it.asked_as("operate", method, path, body).await, 403, "{method} {path}");
        }

        // The brake sees a block.
        moto.lambda_function("secured-s3").await;
        // A separate queue: moto receives the messages of a mapped queue, and runs nothing.
        moto.queue("secured-mapped").await;
        let mapping = moto.map_queue("secured-s3", "secured-mapped", 9).await;
        let state = format!("s3://dead-{}/state", scene.prefix);
        let more = [("MILLRACE_STATE", state.as_str()), ("MILLRACE_SOURCE_FUNCTIONS", "secured-s3"), with_snapshots[0]];
        let operate = it.env(&operator, &more);
        let mut brake = scene.start("brake", &engine.url(), &operate).await;
        assert_eq!(invoke(&mut brake, &Value::Null).await.expect("a run")["paused"], 0);
        for (block, paused) in [(json!(true), 1), (Value::Null, 0)] {
            engine.index_setting(&index, "index.blocks.read_only_allow_delete", &block).await;
            let report = invoke(&mut brake, &Value::Null).await.expect("a run");
            assert_eq!(report["paused"], paused, "{report}");
        }

        // Recreates the indices with other rules.
        let other = rules(&["secured"]).replace("    snapshot", "    select: os:iOS\n    snapshot");
        scene.set_pipeline(&other.replace("\"t-*\"", &scene.bucket));
        let mut replay = replay(scene, &engine.url(), &operate).await;
        let mut event = json!({ "dataset": "secured", "recreate": true, "dry_run": true });
        let plan = invoke(&mut replay, &event).await.expect("a plan")["plan"].clone();
        assert_eq!(plan["refusals"], json!([]), "{plan}");
        event = json!({ "dataset": "secured", "recreate": true, "plan": plan["id"] });
        let done = through(&mut replay, &event, LIMIT).await;
        assert!(done["sent"] == 1 && done["snapshot"].is_string(), "{done}");
        assert_eq!(moto.mapping(&mapping).await, (true, Some(9), None), "released as it was");
        let mut ingest = it.ingest().await;
        scene.queue.drain(&mut ingest, LIMIT, 3).await;
        let left = engine.count("secured-*").await;
        let ios = lines.iter().filter(|line| parse(line)["os"] == "iOS").count() as u64;
        assert!(ios > 0 && left == ios, "{left} of {ios}");
    });
}

#[test]
fn an_index_that_no_role_covers_yet_loses_nothing_and_doctor_says_what_to_do() {
    let Some(moto) = Moto::shared() else { return };
    place::run(async {
        let Some(it) = Secured::new(moto, "uncovered").await else { return };
        let (scene, engine) = (&it.scene, &it.engine);
        scene.set_pipeline(&rules(&["covered"]));
        it.setup("admin").await.expect("the administrator may");
        // The rules have a new dataset, and `setup` has not run since.
        scene.set_pipeline(&rules(&["covered", "uncovered"]));
        for dataset in ["covered", "uncovered"] {
            let lines = events::generate(50, 9).collect::<String>();
            scene.notify(&scene.put(&format!("{dataset}/a.json"), lines).await).await;
        }
        let mut ingest = it.ingest().await;
        let round = scene.queue.deliver(&mut ingest, Duration::from_secs(6)).await.expect("two messages");
        assert_eq!(round.failed.len(), 1, "{:#?}", ingest.lines());
        assert_eq!(engine.count("covered-*").await, 50);
        assert!(scene.dead_letters().await.is_empty(), "the domain's state is no event's fault");

        let examined = |user: &str| {
            let auth = it.auth(user);
            let program = Program::of(scene, &engine.url());
            program.with(&it.env(&auth, &[("MILLRACE_INGEST_ROLES", INGEST)]))
        };
        let said = examined("stranger").run(&["doctor"]).await;
        assert!(said.code == Some(1) && said.stdout.contains("the password is right, and no role"), "{}", said.stdout);
        let said = examined("ingest").run(&["doctor"]).await;
        for says in ["as ingest, with the roles: ", "millrace_ingest", "may send _bulk; it may not list the indices"] {
            assert!(said.stdout.contains(says), "{}", said.stdout);
        }

        it.setup("admin").await.expect("again");
        scene.queue.drain(&mut ingest, LIMIT, 3).await;
        assert_eq!((engine.count("uncovered-*").await, engine.count("covered-*").await), (50, 50));
        let said = examined("admin").run(&["doctor"]).await;
        assert!(said.stdout.contains("millrace_ingest is mapped to every role"), "{}", said.stdout);
        events_wait_for_the_right_authority(moto, &it).await;
    });
}

/// The authority comes from a secret, which is corrected and read again while the function is warm.
async fn events_wait_for_the_right_authority(moto: &Moto, it: &Secured<'_>) {
    let pem = |name: &str| std::fs::read_to_string(Engine::authority().with_file_name(name)).expect("PEM");
    let arn = moto.secret(&format!("{}-authority", it.scene.prefix), "not PEM").await;
    let auth = it.auth("ingest");
    let env = [("MILLRACE_DOMAIN_AUTH", auth.as_str()), ("MILLRACE_DOMAIN_CA", &arn)];
    let mut ingest = it.scene.function(&it.engine.url(), &env).await;
    let object = it.scene.put("covered/b.json", events::generate(50, 10).collect::<String>()).await;
    let event = envelope::s3(&[&object]);
    // The certificate of a node signs no other one.
    for (authority, error) in [(None, "holds no certificate in PEM"), (Some("node.pem"), "certificate")] {
        if let Some(name) = authority {
            let put = moto.secrets.put_secret_value().secret_id(&arn).secret_string(pem(name));
            put.send().await.expect("the secret is changed");
        }
        let answer = ingest.invoke(&event, Duration::from_secs(5)).await.expect("it runs");
        assert!(matches!(answer, Answer::Error { .. }), "{answer:?}");
        assert!(ingest.lines().join("\n").contains(error), "{error}: {:#?}", ingest.lines());
    }
    let put = moto.secrets.put_secret_value().secret_id(&arn).secret_string(pem("ca.pem"));
    put.send().await.expect("the secret is changed");
    let answer = ingest.invoke(&event, LIMIT).await.expect("it runs");
    assert_eq!(answer, Answer::Response("null".into()), "{:#?}", ingest.lines());
    assert_eq!(it.engine.count("covered-*").await, 100);
    assert!(it.scene.dead_letters().await.is_empty());
}
