//! The function as SAM builds it: in a container by `sam local invoke`, and under Lambda's runtime interface emulator.
//! Judged by its answer and by the documents in a real engine, not by exit codes: SAM exits 0 whatever the function does.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::moto::{Moto, REGION};
use tests::{place, service::Service};
use tokio::net::{TcpListener, TcpStream};

use super::sam::{ARCHITECTURE, Built, engine, names, run, succeed, tool};

/// The bucket of the events.
const BUCKET: &str = "millrace-logs";
/// Where dead letters go.
const DEAD_LETTERS: &str = "millrace-dead-letters";
/// The objects of the events: key, and file in events/s3/objects.
const OBJECTS: [(&str, &str); 4] = [
    ("source/jsona/dt=2026-11-22/00.json", "00.json"),
    ("source/jsona/dt=2026-11-22/01.json", "01.json"),
    ("source/jsona/dt=2026-11-22/02.json", "02.json"),
    ("source/jsona/dt=2026-11-22/café menu+tea.json", "cafe-menu-tea.json"),
];

/// What becomes of an event of events/s3.
pub(crate) struct Expected {
    /// Its file.
    pub(crate) event: &'static str,
    /// The files whose events are documents afterwards.
    objects: &'static [&'static str],
    /// The answer.
    answer: Answer,
}

enum Answer {
    /// `null`: there is nothing that an answer could say.
    Nothing,
    /// `batchItemFailures` with so many of the messages, from the first on.
    Failures(usize),
}

/// Every event, so that none is there for show.
pub(crate) const EXPECTED: [Expected; 12] = [
    Expected { event: "put.json", objects: &["00.json"], answer: Answer::Nothing },
    Expected { event: "sns.json", objects: &["00.json"], answer: Answer::Nothing },
    Expected { event: "eventbridge.json", objects: &["00.json"], answer: Answer::Nothing },
    Expected { event: "sqs.json", objects: &["00.json"], answer: Answer::Failures(0) },
    Expected { event: "sns-sqs.json", objects: &["00.json"], answer: Answer::Failures(0) },
    Expected { event: "eventbridge-sqs.json", objects: &["00.json"], answer: Answer::Failures(0) },
    Expected { event: "test-event.json", objects: &[], answer: Answer::Failures(0) },
    Expected { event: "delete.json", objects: &[], answer: Answer::Failures(0) },
    Expected { event: "restore.json", objects: &[], answer: Answer::Failures(0) },
    Expected { event: "encoded-key.json", objects: &["cafe-menu-tea.json"], answer: Answer::Failures(0) },
    Expected { event: "several.json", objects: &["00.json", "01.json", "02.json"], answer: Answer::Failures(0) },
    Expected { event: "poison.json", objects: &["00.json"], answer: Answer::Failures(1) },
];

/// The events that go through a container as well, which takes seconds each.
const IN_A_CONTAINER: [&str; 3] = ["put.json", "several.json", "poison.json"];

/// The objects in an S3, and a domain without a document. The rules are those that are shipped, so their index is one
/// for all, and one test at a time has it.
struct World {
    moto: &'static Moto,
    engine: &'static Engine,
    _alone: tokio::sync::MutexGuard<'static, ()>,
}

impl World {
    async fn new() -> Option<Self> {
        static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let (moto, engine) = (Moto::shared()?, Engine::shared()?);
        let alone = ALONE.lock().await;
        if moto.s3.head_bucket().bucket(BUCKET).send().await.is_err() {
            moto.bucket(BUCKET, false).await;
            moto.bucket(DEAD_LETTERS, false).await;
        }
        for (key, file) in OBJECTS {
            moto.put(BUCKET, key, object(file).into_bytes()).await;
        }
        Some(Self { moto, engine, _alone: alone })
    }

    /// Whether the function did with an event what it should; leaves an empty domain.
    async fn judge(&self, expected: &Expected, answer: &Value) {
        let event = event(expected.event);
        match expected.answer {
            Answer::Nothing => assert_eq!(*answer, Value::Null, "{}", expected.event),
            Answer::Failures(count) => {
                let messages = event["Records"].as_array().expect("records").iter().take(count);
                let failures: Vec<_> =
                    messages.map(|message| json!({ "itemIdentifier": message["messageId"] })).collect();
                assert_eq!(*answer, json!({ "batchItemFailures": failures }), "{}", expected.event);
            }
        }
        let mut wanted = BTreeMap::new();
        for line in expected.objects.iter().flat_map(|file| lines(file)) {
            *wanted.entry(line).or_insert(0) += 1;
        }
        let mut found = BTreeMap::new();
        if self.engine.count("logs-*").await > 0 {
            for document in self.engine.documents("logs-*").await {
                assert_eq!(document.index, "logs-2026.11.22", "{}", expected.event);
                *found.entry(document.source).or_insert(0) += 1;
            }
        }
        assert_eq!(found, wanted, "{}", expected.event);
        assert_eq!(self.moto.objects(DEAD_LETTERS, "").await, [], "{}", expected.event);
        self.engine.ask("DELETE", "/logs-*", "").await;
    }
}

fn object(file: &str) -> String {
    std::fs::read_to_string(place::root().join("events/s3/objects").join(file)).expect("an object")
}

fn lines(file: &str) -> Vec<String> {
    object(file).lines().map(str::to_owned).collect()
}

fn event(name: &str) -> Value {
    parse(&std::fs::read_to_string(place::root().join("events/s3").join(name)).expect("an event"))
}

#[test]
fn the_binary_needs_no_newer_c_library_than_amazon_linux_2023_has() {
    let Some(built) = Built::get() else { return };
    let symbols = succeed(Command::new("objdump").arg("-T").arg(built.function().join("bootstrap")));
    let versions = symbols.split("GLIBC_").skip(1).map(|rest| {
        let version = rest.split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or_default();
        version.split('.').map(|part| part.parse::<u32>().expect("a number")).collect::<Vec<_>>()
    });
    let newest = versions.max().expect("it is linked to a C library");
    assert!(newest <= vec![2, 34], "it needs {newest:?}");
}

#[test]
fn the_layer_holds_the_rules_and_nothing_else() {
    let Some(built) = Built::get() else { return };
    assert_eq!(names(&built.layer()), ["pipeline.yaml"]);
    let read = |path| std::fs::read(path).expect("the rules");
    assert_eq!(read(built.layer().join("pipeline.yaml")), read(place::root().join("infra/pipeline.yaml")));
}

#[test]
fn the_emulator_of_lambda_brings_every_event_to_its_end() {
    let Some(built) = Built::get() else { return };
    place::run(async {
        let Some(world) = World::new().await else { return };
        let folder = place::scratch();
        let log = folder.path().join("function.log").display().to_string();
        let (domain, pipeline) = (world.engine.url(), built.layer().join("pipeline.yaml").display().to_string());
        let (aws, letters) = (world.moto.url(), format!("s3://{DEAD_LETTERS}/letters"));
        let queue = world.moto.queue("deployed").await;
        let env = [
            ("AWS_LAMBDA_FUNCTION_NAME", "S3IngestFunction"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", "60"),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", world.moto.credentials.access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", world.moto.credentials.secret_access_key()),
            ("AWS_ENDPOINT_URL", &aws),
            ("MILLRACE_DOMAIN_ENDPOINT", &domain),
            ("MILLRACE_DOMAIN_AUTH", "none"),
            ("MILLRACE_PIPELINE", &pipeline),
            ("MILLRACE_DEAD_LETTERS", &letters),
            ("MILLRACE_QUEUE_URL", &queue),
        ];
        let args = [built.function().display().to_string(), log.clone()];
        let emulator = Service::start("sam-rie.sh", &args, &env).expect("the emulator starts");
        let url = emulator.url() + "/2015-03-31/functions/function/invocations";
        let http = tests::engine::http();
        for expected in &EXPECTED {
            let response = http.post(&url).body(event(expected.event).to_string()).send().await.expect("an answer");
            let answer = response.text().await.expect("a whole answer");
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            let answer = serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer}\n{}", said()));
            world.judge(expected, &answer).await;
        }
    });
}

#[test]
fn sam_local_invoke_brings_events_to_their_documents() {
    let Some(built) = Built::get() else { return };
    let Some(containers) = engine() else { return };
    let host = &containers.iter().find(|(name, _)| name == "MILLRACE_HOST_ADDRESS").expect("an address").1;
    place::run(async {
        let Some(world) = World::new().await else { return };
        let parameters = [
            format!("Architecture={ARCHITECTURE}"),
            format!("DomainEndpoint={}", reachable(host, &world.engine.url()).await),
            "DomainAuth=none".into(),
            format!("S3Endpoint={}", reachable(host, &world.moto.url()).await),
            format!("BucketName={BUCKET}"),
        ];
        let folder = place::scratch();
        let variables = folder.path().join("variables.json");
        // Locally a reference to a bucket or a queue is its name in the template. No queue: nobody answers for it.
        let overrides = json!({ "S3IngestFunction": {
            "MILLRACE_DEAD_LETTERS": format!("s3://{DEAD_LETTERS}/letters"),
            "MILLRACE_QUEUE_URL": "",
        } });
        std::fs::write(&variables, overrides.to_string()).expect("the clone is writable");
        for expected in EXPECTED.iter().filter(|expected| IN_A_CONTAINER.contains(&expected.event)) {
            let mut command =
                tool("sam", ["local", "invoke", "S3IngestFunction", "--skip-pull-image", "--template-file"]);
            command
                .arg(built.template())
                .arg("--event")
                .arg(place::root().join("events/s3").join(expected.event))
                .arg("--env-vars")
                .arg(&variables)
                .arg("--parameter-overrides")
                .args(&parameters)
                .envs(containers.iter().cloned())
                .env("AWS_ACCESS_KEY_ID", world.moto.credentials.access_key_id())
                .env("AWS_SECRET_ACCESS_KEY", world.moto.credentials.secret_access_key());
            let output = tokio::task::spawn_blocking(move || run(&mut command)).await.expect("it was run");
            let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            let answer = serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{e}: {stdout}\n{stderr}"));
            world.judge(expected, &answer).await;
        }
    });
}

/// A URL by which containers reach a server of this machine that listens on 127.0.0.1.
async fn reachable(host: &str, url: &str) -> String {
    let listener = TcpListener::bind((host, 0)).await.expect("the address of the container engine is this machine's");
    let address = listener.local_addr().expect("it is bound");
    let target = url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                if let Ok(mut server) = TcpStream::connect(target).await {
                    // An error means that a side is gone.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    format!("http://{address}")
}
