//! The functions as SAM builds them: in a container by `sam local invoke`, and under Lambda's runtime interface
//! emulator. The tests check answers, documents in a real engine, and dead letters. Exit codes mean nothing: SAM exits
//! with 0 even if a function fails.

mod expected;
mod world;

use std::process::Command;

use serde_json::{Value, json};
use tests::moto::REGION;
use tests::{engine::json as parse, place, service::Service};
use tokio::net::{TcpListener, TcpStream};

use self::expected::{FIREHOSE, FUNCTIONS, Function, KAFKA, KINESIS, S3};
use self::world::{BUCKET, DEAD_LETTERS_URL, World};
use super::sam::{ARCHITECTURE, Built, engine, names, run, succeed, tool};

#[test]
fn the_binaries_need_no_newer_c_library_than_amazon_linux_2023_has() {
    let Some(built) = Built::get() else { return };
    for function in &FUNCTIONS {
        let binary = built.function(function.logical_id).join("bootstrap");
        let symbols = succeed(Command::new("objdump").arg("-T").arg(binary));
        let versions = symbols.split("GLIBC_").skip(1).map(|rest| {
            let version = rest.split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or_default();
            version.split('.').map(|part| part.parse::<u32>().expect("a number")).collect::<Vec<_>>()
        });
        let newest = versions.max().expect("it is linked to a C library");
        assert!(newest <= vec![2, 34], "{} needs {newest:?}", function.name);
    }
}

#[test]
fn the_layer_holds_the_rules_and_nothing_else() {
    let Some(built) = Built::get() else { return };
    assert_eq!(names(&built.layer()), ["pipeline.yaml"]);
    let read = |path| std::fs::read(path).expect("the rules");
    assert_eq!(read(built.layer().join("pipeline.yaml")), read(place::root().join("infra/pipeline.yaml")));
}

#[test]
fn the_emulator_of_lambda_brings_every_event_of_s3_to_its_end() {
    emulate(&S3);
}

#[test]
fn the_emulator_of_lambda_brings_every_event_of_kinesis_to_its_end() {
    emulate(&KINESIS);
}

#[test]
fn the_emulator_of_lambda_brings_every_event_of_kafka_to_its_end() {
    emulate(&KAFKA);
}

#[test]
fn the_emulator_of_lambda_brings_every_event_of_firehose_to_its_end() {
    emulate(&FIREHOSE);
}

#[test]
fn sam_local_invoke_brings_events_of_s3_to_their_documents() {
    invoke(&S3);
}

#[test]
fn sam_local_invoke_brings_events_of_kinesis_to_their_documents() {
    invoke(&KINESIS);
}

#[test]
fn sam_local_invoke_brings_events_of_kafka_to_their_documents() {
    invoke(&KAFKA);
}

#[test]
fn sam_local_invoke_brings_events_of_firehose_to_their_answers() {
    invoke(&FIREHOSE);
}

/// Runs every event of a function under the runtime interface emulator.
fn emulate(function: &Function) {
    let Some(built) = Built::get() else { return };
    place::run(async {
        let Some(world) = World::new().await else { return };
        let folder = place::scratch();
        let log = folder.path().join("function.log").display().to_string();
        let (domain, pipeline) = (world.engine.url(), built.layer().join("pipeline.yaml").display().to_string());
        let (aws, queue) = (world.moto.url(), world.moto.queue("deployed").await);
        let mut env = vec![
            ("AWS_LAMBDA_FUNCTION_NAME", function.logical_id),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769"),
            ("AWS_LAMBDA_FUNCTION_TIMEOUT", "60"),
            ("MILLRACE_PIPELINE", &pipeline),
        ];
        // The transform needs no other service, so its environment names none.
        if function.name != FIREHOSE.name {
            env.extend([
                ("AWS_REGION", REGION),
                ("AWS_ACCESS_KEY_ID", world.moto.credentials.access_key_id()),
                ("AWS_SECRET_ACCESS_KEY", world.moto.credentials.secret_access_key()),
                ("AWS_ENDPOINT_URL", &aws),
                ("MILLRACE_DOMAIN_ENDPOINT", &domain),
                ("MILLRACE_DOMAIN_AUTH", "none"),
                ("MILLRACE_DEAD_LETTERS", DEAD_LETTERS_URL),
            ]);
        }
        if function.name == S3.name {
            env.push(("MILLRACE_QUEUE_URL", &queue));
        }
        let args = [built.function(function.logical_id).display().to_string(), log.clone()];
        let emulator = Service::start("sam-rie.sh", &args, &env).expect("the emulator starts");
        let url = emulator.url() + "/2015-03-31/functions/function/invocations";
        let http = tests::engine::http();
        for expected in function.expected {
            let event = parse(&function.read(expected.event)).to_string();
            let response = http.post(&url).body(event).send().await.expect("an answer");
            let answer = response.text().await.expect("a whole answer");
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            let answer = serde_json::from_str(&answer).unwrap_or_else(|e| panic!("{e}: {answer}\n{}", said()));
            world.judge(function, expected, &answer).await;
        }
    });
}

/// Runs a few events of a function, each in its own container.
fn invoke(function: &Function) {
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
            "DomainInsecure=true".into(),
            format!("BucketName={BUCKET}"),
            "StreamName=app-events".into(),
            "DeliveryStreamName=app-events".into(),
            "KafkaBootstrapServers=kafka-1.example.com:9092".into(),
            "KafkaTopic=app-events".into(),
        ];
        let folder = place::scratch();
        let variables = folder.path().join("variables.json");
        std::fs::write(&variables, overrides(function).to_string()).expect("the clone is writable");
        for expected in function.expected.iter().filter(|expected| function.in_a_container.contains(&expected.event)) {
            let event = folder.path().join("event.json");
            std::fs::write(&event, function.read(expected.event)).expect("the clone is writable");
            let mut command =
                tool("sam", ["local", "invoke", function.logical_id, "--skip-pull-image", "--template-file"]);
            command
                .arg(built.template())
                .arg("--event")
                .arg(event)
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
            world.judge(function, expected, &answer).await;
        }
    });
}

/// The variables that `sam local` needs. It replaces a reference to a bucket or a queue by the name in the template.
fn overrides(function: &Function) -> Value {
    let mut variables = json!({});
    if function.name != FIREHOSE.name {
        variables["MILLRACE_DEAD_LETTERS"] = DEAD_LETTERS_URL.into();
        variables["MILLRACE_STATE"] = format!("{DEAD_LETTERS_URL}/state").into();
    }
    if function.name == S3.name {
        // These queues do not exist here.
        for queue in ["MILLRACE_QUEUE_URL", "MILLRACE_DEAD_LETTER_QUEUE_URL"] {
            variables[queue] = "".into();
        }
    }
    json!({ function.logical_id: variables })
}

/// A URL at which containers reach a server of this machine that listens on 127.0.0.1.
async fn reachable(host: &str, url: &str) -> String {
    let listener = TcpListener::bind((host, 0)).await.expect("the address of the container engine is this machine's");
    let address = listener.local_addr().expect("it is bound");
    let target = url.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                if let Ok(mut server) = TcpStream::connect(target).await {
                    // An error means that one side has closed the connection.
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                }
            });
        }
    });
    format!("http://{address}")
}
