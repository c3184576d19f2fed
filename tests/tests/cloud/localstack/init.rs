//! `millrace init` in a terminal, to the stack of its answers: the rules in the layer, the parameters of samconfig.toml as SAM reads
//! them, and the events of the sample in the domain. `sam deploy` itself needs AWS, so the script of these tests deploys.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tests::engine::{Engine, json as parse};
use tests::events::{DAY, generate};
use tests::localstack::{LocalStack, Release, Source};
use tests::place;
use tests::sam::{ARCHITECTURE, succeed, tool};

use super::SOON;
use super::world::arrived;
use crate::terminal::converse;

const BUCKET: &str = "orders-logs";
const INDICES: &str = "orders-*";
/// The number of events of the sample.
const SAMPLE: u64 = 60;
/// Fields of the sample, and the types that suit their values.
const TYPES: [(&str, &str); 8] = [
    ("base_dt", "date"),
    ("location", "geo_point"),
    ("lat", "double"),
    ("adid", "keyword"),
    ("seq", "long"),
    ("device.width", "long"),
    ("device.rooted", "boolean"),
    ("params.tags", "keyword"),
];

pub(super) async fn answers_in_a_terminal_become_a_stack_with_the_events_of_the_sample(
    engine: &Engine,
    localstack: &LocalStack,
) {
    let lines: Vec<String> = generate(SAMPLE, 52).collect();
    let (sample, endpoint) = (lines.concat(), engine.url());
    let made = tokio::task::spawn_blocking(move || Made::by_answers(&sample, &endpoint)).await.expect("files");
    assert_eq!(made.parameters["DomainEndpoint"], engine.url());

    let aws = localstack.url();
    // Parameters that only LocalStack needs.
    let local = [("S3Endpoint", aws.as_str()), ("Architecture", ARCHITECTURE)];
    let answers = made.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let parameters: Vec<_> = answers.chain(local).collect();
    let release = Release::current();
    let source = Source { stack: &made.stack, release: &release, rules: &made.layer, parameters: &parameters };
    let stack = localstack.deploy(&source).await;
    assert_eq!(stack.output("BucketName"), BUCKET);

    localstack.aws.put(BUCKET, "elsewhere/sample.json", lines.concat().into_bytes()).await;
    localstack.aws.put(BUCKET, "orders/sample.json", lines.concat().into_bytes()).await;
    arrived(engine, localstack, INDICES, SAMPLE, SOON).await;
    made.assert_mapped(engine).await;
    assert_each_once(engine, &lines).await;
}

/// What `millrace init` wrote.
struct Made {
    /// The name of the stack, and the parameters of the deployment.
    stack: String,
    parameters: BTreeMap<String, String>,
    /// The layer of the functions.
    layer: PathBuf,
    _folder: tempfile::TempDir,
}

impl Made {
    /// Runs the commands that a new user runs in a clone, up to the build of the layer.
    fn by_answers(sample: &str, endpoint: &str) -> Self {
        let folder = place::scratch();
        let clone = folder.path();
        fs::create_dir_all(clone.join("infra")).expect("the clone is writable");
        for file in ["template.yaml", "infra/Makefile", "infra/pipeline.schema.json", "infra/pipeline.yaml"] {
            fs::copy(place::root().join(file), clone.join(file)).expect("the clone is writable");
        }
        fs::write(clone.join("sample.json"), sample).expect("the clone is writable");
        let mut init = millrace(clone, &["init", "--force", "--insecure", "sample.json"]);
        init.env("TERM", "xterm");
        let (is_done, shown) = converse(
            init,
            &[
                ("The bucket with the objects: ", &format!("{BUCKET}\n")),
                ("exist already, y or n [n]: ", "\n"),
                ("The prefix of the keys", "orders/\n"),
                ("The URL of the domain", &format!("{endpoint}\n")),
                ("apikey or none [basic]: ", "none\n"),
                ("The e-mail address for alarms", "\n"),
                ("The name of the dataset [orders]: ", "\n"),
                ("The index [orders-%{+YYYY.MM.dd}]: ", "\n"),
                ("make build && sam deploy", ""),
            ],
        );
        assert!(is_done, "{shown}");
        let tested = succeed(&mut millrace(clone, &["test"]));
        assert!(tested.contains("3 tests passed"), "{tested}");
        succeed(&mut millrace(clone, &["check", "sample.json"]));

        let settings = parse(&succeed(&mut tool("python", [Path::new("scripts/sam_config.py"), clone])));
        let layer = clone.join("layer");
        fs::create_dir(&layer).expect("the clone is writable");
        let mut build = Command::new("make");
        build.arg("-C").arg(clone.join("infra")).arg("build-PipelineLayer");
        succeed(build.arg(format!("ARTIFACTS_DIR={}", layer.display())));
        Self {
            stack: settings["stack_name"].as_str().expect("a name").to_owned(),
            parameters: serde_json::from_value(settings["parameter_overrides"].clone()).expect("parameters"),
            layer,
            _folder: folder,
        }
    }

    /// Checks that the index has the types that init chose, and those that suit the sample.
    async fn assert_mapped(&self, engine: &Engine) {
        let index = format!("orders-{DAY}");
        let mapped = parse(&engine.ask("GET", &format!("/{index}/_mapping"), "").await);
        let mapped = &mapped[&index]["mappings"]["properties"];
        let chosen = fs::read_to_string(self.layer.join("mappings/orders.json")).expect("the mapping file");
        assert_holds(mapped, &parse(&chosen)["properties"], "");
        for (field, kind) in TYPES {
            let path = field.replace('.', "/properties/");
            assert_eq!(mapped.pointer(&format!("/{path}/type")), Some(&json!(kind)), "{field}: {mapped}");
        }
    }
}

/// The program, in a folder.
fn millrace(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(place::program());
    command.args(arguments).current_dir(folder);
    command
}

/// Every member of `chosen` is in `mapped`, at its place.
fn assert_holds(mapped: &Value, chosen: &Value, place: &str) {
    match chosen {
        Value::Object(members) => {
            for (name, value) in members {
                assert_holds(&mapped[name], value, &format!("{place}/{name}"));
            }
        }
        value => assert_eq!(mapped, value, "{place}"),
    }
}

/// The domain has each line once. Its document has the point in addition, at which a map finds it.
async fn assert_each_once(engine: &Engine, lines: &[String]) {
    let mut found: Vec<Value> =
        engine.documents(INDICES).await.iter().map(|document| parse(&document.source)).collect();
    found.sort_by_key(|document| document["seq"].as_u64());
    let expected: Vec<Value> = lines
        .iter()
        .map(|line| {
            let mut event = parse(line);
            event["location"] = json!({ "lat": event["lat"], "lon": event["lon"] });
            event
        })
        .collect();
    assert_eq!(found, expected);
    let first = &expected[0];
    let query = json!({ "query": { "bool": { "filter": [
        { "geo_distance": { "distance": "1m", "location": first["location"] } },
        { "range": { "base_dt": { "gte": first["base_dt"], "lte": first["base_dt"] } } },
    ] } } });
    let hits = parse(&engine.ask("POST", &format!("/{INDICES}/_search"), &query.to_string()).await);
    assert_eq!(hits["hits"]["hits"][0]["_source"]["seq"], first["seq"], "{hits}");
    assert_eq!(hits["hits"]["total"]["value"], 1, "{hits}");
}
