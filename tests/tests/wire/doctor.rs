//! `millrace doctor` and `millrace setup` against a real engine. A sound deployment has no fault. Every fault is found, and
//! reported with its fix.

use serde_json::{Value, json};
use tests::between::{Between, Changes};
use tests::engine::{Engine, json as parse};
use tests::moto::Moto;
use tests::place;
use tests::program::{Finished, Program};
use tests::scene::Scene;

/// A scene whose queue has a redrive policy, and whose domain has the template of `millrace setup`.
async fn sound<'m>(moto: &'m Moto, engine: &Engine, name: &str) -> (Scene<'m>, Program) {
    use aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy;
    let scene = Scene::new(moto, name).await;
    scene.set_source("bucket: \"[!d]*\", key: \"**\"", &["shards: 1", "replicas: 0"]);
    let policy = json!({ "deadLetterTargetArn": arn(moto, &format!("{name}-dead")).await, "maxReceiveCount": "5" });
    let set = moto.sqs.set_queue_attributes().queue_url(&scene.queue.url);
    set.attributes(RedrivePolicy, policy.to_string()).send().await.expect("the queue is set");
    let program = Program::of(&scene, &engine.url());
    let said = program.run(&["setup", "--json"]).await;
    assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
    assert_eq!(said.json()["templates"], json!([format!("millrace-{name}-x.x.x")]), "{}", said.stdout);
    (scene, program)
}

async fn arn(moto: &Moto, name: &str) -> String {
    use aws_sdk_sqs::types::QueueAttributeName::QueueArn;
    let url = moto.queue(name).await;
    let asked = moto.sqs.get_queue_attributes().queue_url(url).attribute_names(QueueArn).send().await;
    asked.expect("a queue").attributes().expect("attributes")[&QueueArn].clone()
}

async fn examine(program: &Program) -> (Finished, Vec<Value>) {
    let said = program.run(&["doctor", "--json"]).await;
    let findings = said.json()["findings"].as_array().expect("findings").clone();
    (said, findings)
}

/// The findings that name a fix.
fn wrong(findings: &[Value]) -> Vec<&Value> {
    findings.iter().filter(|finding| finding["fix"].is_string()).collect()
}

/// The fault, the variables that cause it, the check that finds it, its message, and its fix.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);

/// Asserts that this check finds a fault with this text and this fix, and that the program exits with 1.
async fn assert_fault(what: &str, program: &Program, check: &str, found: &str, fix: &str) {
    let (said, findings) = examine(program).await;
    let is_it = |finding: &&Value| {
        let says = |name: &str, part: &str| finding[name].as_str().is_some_and(|text| text.contains(part));
        finding["level"] == "fault" && finding["check"] == check && says("found", found) && says("fix", fix)
    };
    assert!(findings.iter().any(|finding| is_it(&finding)), "{what}: {findings:#?}");
    assert_eq!(said.code, Some(1), "{what}");
    // The other checks run despite the fault.
    let looked_at: Vec<&Value> = findings.iter().map(|finding| &finding["check"]).collect();
    for check in ["configuration", "pipeline", "dead letters", "queue"] {
        assert!(looked_at.iter().any(|looked| **looked == check), "{what}: no {check} in {looked_at:?}");
    }
}

#[test]
fn a_sound_deployment_has_no_fault() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let (scene, program) = sound(moto, engine, "doctor-sound").await;
        // Indices exist too, so that the checks ask about them.
        for day in ["2026.11.21", "2026.11.22"] {
            engine.ask("PUT", &format!("/doctor-sound-{day}"), "").await;
        }
        let between = Between::start(&engine.url(), Changes::default()).await;
        let signed = [("MILLRACE_DOMAIN_AUTH", "sigv4:es"), ("MILLRACE_DOMAIN_ENDPOINT", between.url.as_str())];
        for program in [program.clone(), program.with(&signed)] {
            let (said, findings) = examine(&program).await;
            // The domains of Amazon, which use signed requests, have their own limit of free storage. The disk is this
            // machine's.
            let wrong: Vec<_> = wrong(&findings).into_iter().filter(|finding| finding["check"] != "disk").collect();
            assert!(wrong.is_empty(), "{wrong:#?}");
            let has_room = findings.iter().any(|finding| finding["check"] == "disk" && finding["level"] == "ok");
            assert!(has_room || program.is_signed(), "{findings:#?}");
            assert_eq!(said.code, Some(i32::from(!has_room)));
            let ok: Vec<&str> = findings
                .iter()
                .filter(|finding| finding["level"] == "ok")
                .map(|finding| finding["check"].as_str().expect("a name"))
                .collect();
            for check in [
                "configuration",
                "pipeline",
                "name",
                "connection",
                "authentication",
                "version",
                "permission",
                "templates",
                "payload",
                "blocks",
                "auto-create",
                "dead letters",
                "queue",
            ] {
                assert!(ok.contains(&check), "{check}: {findings:#?}");
            }
            assert_eq!(ok.contains(&"clock"), program.is_signed(), "the engine alone tells no time");
            let text = program.run(&["doctor"]).await;
            assert_eq!(text.code, said.code);
            assert!(text.stdout.ends_with(" faults, 0 warnings\n") || !has_room, "{}", text.stdout);
            assert_eq!(text.stdout.lines().count(), findings.len() + 2, "a line a finding: {}", text.stdout);
        }
        // The check leaves nothing in the domain.
        assert_eq!(engine.count("doctor-sound-*").await, 0);
        let indices = engine.ask("GET", "/_cat/indices/doctor-sound-*?h=index", "").await;
        assert_eq!(indices.lines().count(), 2, "{indices}");
        assert!(scene.dead_letters().await.is_empty());
    });
}

trait Signed {
    fn is_signed(&self) -> bool;
}

impl Signed for Program {
    fn is_signed(&self) -> bool {
        format!("{self:?}").contains("sigv4:es")
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of inputs")]
fn every_fault_of_the_environment_is_found_with_its_fix() {
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let (_scene, program) = sound(moto, engine, "doctor-faults").await;
        let secret = moto.secret("doctor-basic", r#"{"username":"ingest","password":"wrong"}"#).await;
        let between = Between::start(&engine.url(), Changes { password: Some("right"), ..Changes::default() }).await;
        let late = Between::start(
            &engine.url(),
            Changes { date: Some("Thu, 01 Jan 2015 00:00:00 GMT"), ..Changes::default() },
        )
        .await;
        let basic = format!("basic:{secret}");
        let tls = engine.url().replace("http:", "https:");
        let table: [Row<'_>; 11] = [
            (
                "port",
                &[("MILLRACE_DOMAIN_ENDPOINT", "http://127.0.0.1:1")],
                "connection",
                "takes no connection",
                "correct the port",
            ),
            (
                "name",
                &[("MILLRACE_DOMAIN_ENDPOINT", "https://no-such-domain.invalid")],
                "name",
                "does not resolve",
                "correct the host in MILLRACE_DOMAIN_ENDPOINT",
            ),
            ("tls", &[("MILLRACE_DOMAIN_ENDPOINT", &tls)], "connection", "https://127.0.0.1", "write http://"),
            (
                "no domain",
                &[("MILLRACE_DOMAIN_ENDPOINT", &moto.url())],
                "version",
                "this is not a domain",
                "to the domain endpoint",
            ),
            (
                "password",
                &[("MILLRACE_DOMAIN_ENDPOINT", &between.url), ("MILLRACE_DOMAIN_AUTH", &basic)],
                "authentication",
                "401",
                "correct user name and password in the secret arn:",
            ),
            (
                "secret",
                &[("MILLRACE_DOMAIN_AUTH", "basic:no-such-secret")],
                "authentication",
                "GetSecretValue no-such-secret",
                "secretsmanager:GetSecretValue",
            ),
            (
                "clock",
                &[("MILLRACE_DOMAIN_ENDPOINT", &late.url), ("MILLRACE_DOMAIN_AUTH", "sigv4:es")],
                "clock",
                "ahead of the domain's",
                "set this machine's clock by NTP",
            ),
            (
                "bucket",
                &[("MILLRACE_DEAD_LETTERS", "s3://no-such-bucket-at-all/letters")],
                "dead letters",
                "NoSuchBucket",
                "correct the bucket in MILLRACE_DEAD_LETTERS",
            ),
            (
                "queue",
                &[("MILLRACE_QUEUE_URL", &format!("{}/123456789012/no-such-queue", moto.url()))],
                "queue",
                "NonExistentQueue",
                "correct MILLRACE_QUEUE_URL",
            ),
            (
                "variable",
                &[("MILLRACE_DEAD_LETTERS", "")],
                "configuration",
                "MILLRACE_DEAD_LETTERS is missing",
                "give s3://bucket/prefix",
            ),
            (
                "rules",
                &[("MILLRACE_PIPELINE", "/no/such/pipeline.yaml")],
                "pipeline",
                "/no/such/pipeline.yaml",
                "docs/PIPELINE.md",
            ),
        ];
        for (what, env, check, found, fix) in table {
            assert_fault(what, &program.clone().with(env), check, found, fix).await;
        }
    });
}

#[test]
fn every_fault_of_the_domain_is_found_with_its_fix() {
    use aws_sdk_sqs::types::QueueAttributeName::RedrivePolicy;
    let (Some(engine), Some(moto)) = (Engine::shared(), Moto::shared()) else { return };
    place::run(async {
        let (scene, program) = sound(moto, engine, "doctor-state").await;
        let template = "/_index_template/millrace-doctor-state-x.x.x";
        let mut other = parse(&engine.ask("GET", template, "").await)["index_templates"][0]["index_template"].take();
        other["template"]["settings"]["index"]["number_of_shards"] = json!("2");
        engine.ask("PUT", template, &other.to_string()).await;
        assert_fault("settings", &program, "templates", "has other settings", "millrace setup").await;
        engine.ask("DELETE", template, "").await;
        assert_fault(
            "no template",
            &program,
            "templates",
            "millrace-doctor-state-x.x.x is missing",
            "run `millrace setup`",
        )
        .await;
        assert_eq!(program.run(&["setup"]).await.code, Some(0));
        assert!(wrong(&examine(&program).await.1).is_empty(), "the fix is one");

        engine.ask("PUT", "/doctor-state-2026.11.22", "").await;
        for (block, found, fix) in [
            ("index.blocks.read_only_allow_delete", "flood stage", "free storage"),
            (
                "index.blocks.read_only",
                "index.blocks.read_only: doctor-state-2026.11.22",
                "then PUT /doctor-state-2026.11.22/_settings",
            ),
        ] {
            engine.index_setting("doctor-state-2026.11.22", block, &json!(true)).await;
            assert_fault(block, &program, "blocks", found, fix).await;
            engine.index_setting("doctor-state-2026.11.22", block, &json!(null)).await;
        }
        engine.index_setting("doctor-state-2026.11.22", "index.blocks.write", &json!(true)).await;
        let (said, findings) = examine(&program).await;
        assert_eq!((said.code, wrong(&findings)[0]["level"].as_str()), (Some(0), Some("warning")), "{findings:#?}");

        // A queue without a redrive policy is a warning too.
        engine.index_setting("doctor-state-2026.11.22", "index.blocks.write", &json!(null)).await;
        let set = moto.sqs.set_queue_attributes().queue_url(&scene.queue.url).attributes(RedrivePolicy, "");
        set.send().await.expect("the queue is set");
        let (said, findings) = examine(&program).await;
        assert_eq!((said.code, &wrong(&findings)[0]["check"]), (Some(0), &json!("queue")), "{findings:#?}");
    });
}

#[test]
fn limits_of_the_nodes_are_found_with_their_fix() {
    let Some(moto) = Moto::shared() else { return };
    let settings = [("http.max_content_length", "256kb"), ("action.auto_create_index", "-doctor-limits-*,+*")];
    let Some(engine) = Engine::with_settings(&settings) else { return };
    place::run(async {
        let (_scene, program) = sound(moto, &engine, "doctor-limits").await;
        assert_fault("body", &program, "payload", "takes requests of 256 KiB", "MILLRACE_MAX_EVENT_BYTES").await;
        assert_fault(
            "auto-create",
            &program,
            "auto-create",
            "doctor-limits-*",
            "+doctor-limits-*.*.*,-doctor-limits-*,+*",
        )
        .await;
        let small = program.with(&[("MILLRACE_MAX_EVENT_BYTES", "200000")]);
        let (_, findings) = examine(&small).await;
        let payload = findings.iter().find(|finding| finding["check"] == "payload").expect("the check is made");
        assert_eq!(payload["level"], "warning", "bodies are halved: {payload}");
        let fits = small.with(&[("MILLRACE_MAX_BODY_BYTES", "262144")]);
        let (_, findings) = examine(&fits).await;
        assert!(wrong(&findings).iter().all(|finding| finding["check"] == "auto-create"), "{findings:#?}");
    });
}
