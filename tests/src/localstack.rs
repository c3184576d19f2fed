//! An AWS that deploys templates: `LocalStack`, with functions as child processes.
//!
//! In: a template, rules, and the functions' binaries. Out: the outputs and resources of the stack, and
//! clients of its services. Deliberately absent: permissions, signatures, and Lambda's limits of memory and time, which
//! `LocalStack` does not apply. Also absent: the SDK for Lambda and `CloudFormation`, which would take longer to
//! compile than everything here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64_simd::STANDARD;
use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::moto::{Moto, credentials, scope};
use crate::{engine, place, sam, service::Service};

/// The line of template.yaml that says where the rules are.
const RULES_PLACE: &str = "ContentUri: infra/";

/// A running `LocalStack`.
#[derive(Debug)]
pub struct LocalStack {
    /// The clients of its S3, SQS and Secrets Manager, which work as those of moto.
    pub aws: Moto,
    http: reqwest::Client,
    data: PathBuf,
}

/// The outputs and resources of a stack.
#[derive(Debug, Clone, Deserialize)]
pub struct Stack {
    /// Outputs, by their names in template.yaml.
    pub outputs: BTreeMap<String, String>,
    /// Physical ids by logical ids.
    pub resources: BTreeMap<String, String>,
}

/// The code of a release.
#[derive(Debug, Clone)]
pub struct Release {
    /// Its template.yaml, with the folder `infra` beside it.
    pub template: PathBuf,
    /// The folder with its functions' binaries.
    pub functions: PathBuf,
}

/// The source of a deployment.
#[derive(Debug)]
pub struct Source<'s> {
    /// The stack's name.
    pub stack: &'s str,
    /// The template and the binaries.
    pub release: &'s Release,
    /// The layer: a file that it has as pipeline.yaml, or a folder with its content.
    pub rules: &'s Path,
    /// Parameters of the template.
    pub parameters: &'s [(&'s str, &'s str)],
}

impl Release {
    /// The code of this clone.
    ///
    /// # Panics
    /// If its functions were not built.
    pub fn current() -> Self {
        let any = place::function("s3-ingest");
        let functions = any.parent().expect("a binary lies in a folder").to_owned();
        Self { template: place::root().join("template.yaml"), functions }
    }
}

impl LocalStack {
    /// Starts `LocalStack`; `None` after [`place::missing`] has reported it.
    pub fn start() -> Option<Self> {
        Self::with(&[])
    }

    /// The same. The domains that its stacks create lead to the engine at this URL.
    pub fn with_domains(engine: &str) -> Option<Self> {
        Self::with(&[("OPENSEARCH_CUSTOM_BACKEND", engine)])
    }

    fn with(env: &[(&str, &str)]) -> Option<Self> {
        let data = place::scratch().keep(); // the script removes it, even if this process was killed
        let service = Service::start("localstack/localstack.sh", &[data.display().to_string()], env)
            .map_err(|why| place::missing("LocalStack (Python 3.13, Node.js)", &why))
            .ok()?;
        Some(Self { aws: Moto::of(service, credentials("test", "test")), http: engine::http(), data })
    }

    /// Its URL.
    pub fn url(&self) -> String {
        self.aws.url()
    }

    /// The certificate of the authority of its https, in PEM.
    ///
    /// # Panics
    /// Never while it runs.
    pub fn authority(&self) -> String {
        std::fs::read_to_string(self.data.join("authority.pem")).expect("LocalStack wrote it before it started")
    }

    /// Deploys a release. Updates a stack that exists already.
    ///
    /// # Panics
    /// If a resource fails, or is one that `LocalStack` does not know.
    pub async fn deploy(&self, source: &Source<'_>) -> Stack {
        self.run_script(source, &[]).await
    }

    /// As [`Self::deploy`], in the nested stack of another template, which is in JSON. Parameters that it does not have
    /// become defaults of template.yaml.
    ///
    /// # Panics
    /// As [`Self::deploy`].
    pub async fn deploy_within(&self, outer: &str, source: &Source<'_>) -> Stack {
        let file = self.data.join(format!("{}-outer.json", source.stack));
        std::fs::write(&file, outer).expect("the clone is writable");
        self.run_script(source, &["--within".into(), file.into()]).await
    }

    async fn run_script(&self, source: &Source<'_>, options: &[OsString]) -> Stack {
        let Release { template, functions } = source.release;
        let translated = self.data.join(format!("{}.json", source.stack));
        let text = self.translated(source).to_string();
        std::fs::write(&translated, text).expect("the clone is writable");
        let mut command = self.script("deploy.py", options, source.stack);
        command.args([template, &translated, functions]).arg(source.rules);
        self.deployed(command, source.parameters).await
    }

    /// The template as `CloudFormation` gets it after `sam package`: rules are in another place if they are changed.
    fn translated(&self, source: &Source<'_>) -> Value {
        let template = std::fs::read_to_string(&source.release.template).expect("the template");
        let mut rules = Md5::new();
        add(source.rules, &mut rules);
        let place = format!("ContentUri: s3://deployed-code/{}", hex::encode(rules.finalize()));
        let packaged = template.replace(RULES_PLACE, &place);
        assert_ne!(packaged, template, "template.yaml says {RULES_PLACE}");
        let file = self.data.join(format!("{}.yaml", source.stack));
        std::fs::write(&file, packaged).expect("the clone is writable");
        sam::translated(&file)
    }

    /// Deploys a release: `folder` has the content of the region's bucket, which is `bucket`. Updates a stack that
    /// exists already. No compiler is on the PATH.
    ///
    /// # Panics
    /// As [`Self::deploy`].
    pub async fn deploy_release(&self, stack: &str, folder: &Path, bucket: &str, parameters: &[(&str, &str)]) -> Stack {
        let mut command = self.script("deploy_release.py", &[], stack);
        command.arg(folder).arg(bucket).env("PATH", "");
        self.deployed(command, parameters).await
    }

    /// A script that deploys a stack, with its options and its first two arguments.
    fn script(&self, name: &str, options: &[OsString], stack: &str) -> Command {
        let mut command = Command::new(place::root().join(".cache/localstack/bin/python"));
        command.arg(place::root().join("scripts/localstack").join(name)).args(options).args([&self.url(), stack]);
        command
    }

    async fn deployed(&self, mut command: Command, parameters: &[(&str, &str)]) -> Stack {
        command.args(parameters.iter().map(|(name, value)| format!("{name}={value}"))).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("it was run");
        let output = output.expect("the Python of LocalStack runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{}\n{}", self.log(), self.lines("").join("\n"));
        serde_json::from_slice(&output.stdout).expect("it says what was deployed")
    }

    /// Invokes a function by its name or ARN and waits for its answer.
    ///
    /// # Panics
    /// If the function fails.
    pub async fn invoke(&self, function: &str, event: &Value) -> Value {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let (failed, answer) = self.ask("POST", &path, event, &[("X-Amz-Invocation-Type", "RequestResponse")]).await;
        assert!(!failed, "{function}: {answer}\n{}", self.lines("").join("\n"));
        answer
    }

    /// Invokes a function without waiting.
    ///
    /// # Panics
    /// If Lambda refuses.
    pub async fn send(&self, function: &str, event: &Value) {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        self.ask("POST", &path, event, &[("X-Amz-Invocation-Type", "Event")]).await;
    }

    /// The state of an event source mapping, `Enabled` or `Disabled` once it is settled.
    ///
    /// # Panics
    /// If there is no mapping with this id.
    pub async fn mapping(&self, id: &str) -> String {
        let (_, said) = self.ask("GET", &format!("/2015-03-31/event-source-mappings/{id}"), &Value::Null, &[]).await;
        said["State"].as_str().expect("a state").to_owned()
    }

    /// The configuration of the function that an event source mapping calls, or of its version.
    ///
    /// # Panics
    /// If there is no mapping with this id.
    pub async fn mapped(&self, id: &str) -> Value {
        let (_, mapping) = self.ask("GET", &format!("/2015-03-31/event-source-mappings/{id}"), &Value::Null, &[]).await;
        let function = mapping["FunctionArn"].as_str().expect("a function");
        self.ask("GET", &format!("/2015-03-31/functions/{function}/configuration"), &Value::Null, &[]).await.1
    }

    /// Puts records into a stream, all into one shard.
    ///
    /// # Panics
    /// If one is refused.
    pub async fn put_records(&self, stream: &str, records: &[Vec<u8>]) {
        let records: Vec<_> = records
            .iter()
            .map(|data| json!({ "PartitionKey": "one", "Data": STANDARD.encode_to_string(data) }))
            .collect();
        let body = json!({ "StreamName": stream, "Records": records });
        let (_, said) = self.ask("POST", "/", &body, &[("x-amz-target", "Kinesis_20131202.PutRecords")]).await;
        assert_eq!(said["FailedRecordCount"], 0, "{said}");
    }

    /// The lines of the logs of all functions whose names begin with this text. Each execution environment has a log of
    /// its own, and the logs come in any order.
    ///
    /// # Panics
    /// Never while it runs.
    pub fn lines(&self, function: &str) -> Vec<String> {
        let files = std::fs::read_dir(self.data.join("functions")).expect("LocalStack has a folder for them");
        let files = files.map(|file| file.expect("a file")).filter(|file| {
            let name = file.file_name();
            name.to_string_lossy().starts_with(function)
        });
        let read = |file: std::fs::DirEntry| std::fs::read(file.path()).unwrap_or_default();
        files
            .flat_map(|file| String::from_utf8_lossy(&read(file)).lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    /// The end of its own log, to find the reason of a failure.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.data.join("localstack.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().filter(|line| !line.contains("localstack.request.aws")).collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Sends a request to Lambda or, if the path is `/`, to Kinesis. Returns whether a function failed, and the answer.
    async fn ask(&self, method: &str, path: &str, body: &Value, headers: &[(&str, &str)]) -> (bool, Value) {
        let service = if path == "/" { "kinesis" } else { "lambda" };
        let request = self.http.request(method.parse().expect("a method"), self.url() + path);
        let mut request =
            request.header("authorization", scope(service)).header("content-type", "application/x-amz-json-1.1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.unwrap_or_else(|e| panic!("{path}: {e:?}"));
        let (status, failed) = (answer.status(), answer.headers().contains_key("x-amz-function-error"));
        let said = answer.text().await.expect("the answer is whole");
        assert!(status.is_success(), "{method} {path}: {status} {said}");
        (failed, if said.is_empty() { Value::Null } else { engine::json(&said) })
    }
}

/// Adds a file, or all files of a folder.
fn add(rules: &Path, hash: &mut Md5) {
    if rules.is_file() {
        return hash.update(std::fs::read(rules).expect("the rules"));
    }
    let entries = std::fs::read_dir(rules).unwrap_or_else(|error| panic!("{}: {error}", rules.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        add(&path, hash);
    }
}

impl Stack {
    /// An output.
    ///
    /// # Panics
    /// If the template has none of this name.
    pub fn output(&self, name: &str) -> &str {
        self.outputs.get(name).unwrap_or_else(|| panic!("no output {name} in {:?}", self.outputs))
    }

    /// The physical id of a resource.
    ///
    /// # Panics
    /// If the template has none of this name.
    pub fn resource(&self, name: &str) -> &str {
        self.resources.get(name).unwrap_or_else(|| panic!("no resource {name} in {:?}", self.resources))
    }
}

/// Asks repeatedly until the answer is there, and returns it.
///
/// # Panics
/// If it takes longer than `within`.
pub async fn until<T>(what: &str, within: Duration, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + within;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < end, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
