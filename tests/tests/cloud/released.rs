//! A release as an operator deploys it: the translated templates and the zips, without a compiler, on `LocalStack`. The
//! rules are first the shipped ones, then the operator's own from S3, then another version of these.
//!
//! Deliberately absent: what the deployed stack does (`localstack`), and building the binaries of a release.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tests::engine::Engine;
use tests::events::generate;
use tests::localstack::{LocalStack, until};
use tests::place;

use super::sam::{ARCHITECTURE, installed, succeed, tool};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The bucket of the release in the region, `PREFIX-REGION`.
const PREFIX: &str = "released";
const RELEASE_BUCKET: &str = "released-eu-west-1";
/// The bucket of the stack's objects.
const BUCKET: &str = "released-logs";
/// The bucket of the operator's rules, which keeps versions.
const RULES_BUCKET: &str = "released-rules";
const RULES_KEY: &str = "team/rules.zip";
/// The functions of a stack without a stream, a topic or Firehose.
const FUNCTIONS: [&str; 5] = ["s3-ingest", "setup", "retention", "brake", "replay"];
/// The number of events of an object.
const COUNT: u64 = 20;

#[test]
fn a_release_needs_no_compiler_and_takes_the_rules_of_the_version_that_a_parameter_names() {
    if !installed() {
        return;
    }
    let (Some(engine), Some(localstack)) = (Engine::shared(), LocalStack::start()) else { return };
    place::run(async {
        let folder = place::scratch();
        let world = World { engine, localstack: &localstack, folder: folder.path() };
        world.package();
        localstack.aws.bucket(RULES_BUCKET, true).await;

        let layer = world.deploy("").await;
        assert!(layer.contains(":layer:released-pipeline:"), "the shipped rules: {layer}");

        let mut layers = BTreeSet::from([layer]);
        let [one, two] = [world.put_rules("releasedone").await, world.put_rules("releasedtwo").await];
        for (seed, version, index) in [(61, one, "releasedone-*"), (62, two, "releasedtwo-*")] {
            let layer = world.deploy(&version).await;
            assert!(layer.contains(":layer:released-rules:") && layers.insert(layer.clone()), "{version}: {layer}");
            let lines: Vec<String> = generate(COUNT, seed).collect();
            localstack.aws.put(BUCKET, &format!("events/{seed}.json"), lines.concat().into_bytes()).await;
            until(index, Duration::from_mins(2), async || (engine.count(index).await == COUNT).then_some(())).await;
        }
        assert_eq!(engine.count("releasedone-*").await, COUNT, "nothing follows rules of the past");
    });
}

/// An operator with a release, and the services of the account.
struct World<'w> {
    engine: &'w Engine,
    localstack: &'w LocalStack,
    folder: &'w Path,
}

impl World<'_> {
    /// Packages the binaries that are already built, for this machine's architecture.
    fn package(&self) {
        let built = self.folder.join("built").join(ARCHITECTURE);
        std::fs::create_dir_all(&built).expect("the clone is writable");
        for function in FUNCTIONS {
            symlink(place::function(function), built.join(function)).expect("the clone is writable");
        }
        let mut package = Command::new(place::root().join("scripts/release/package.sh"));
        package.args([VERSION, PREFIX]).arg(self.folder.join("built")).arg(self.release().join(VERSION));
        succeed(&mut package);
    }

    fn release(&self) -> PathBuf {
        self.folder.join("release")
    }

    /// Puts rules that write to indices of this name into the bucket. Returns the version of the object.
    async fn put_rules(&self, index: &str) -> String {
        let rules = format!(
            "datasets:\n  - name: {index}\n    from: {{ key: \"events/**\" }}\n    timestamp: base_dt\n    \
             index: {index}-%{{+YYYY.MM.dd}}\n"
        );
        let (file, zip) = (self.folder.join("pipeline.yaml"), self.folder.join("rules.zip"));
        std::fs::write(&file, rules).expect("the clone is writable");
        let script = place::root().join("scripts/release/zips.py");
        let entry = format!("pipeline.yaml={}", file.display());
        succeed(&mut tool("python", [script.as_os_str(), zip.as_os_str(), entry.as_ref()]));
        let bytes = std::fs::read(&zip).expect("a zip");
        self.localstack.aws.put(RULES_BUCKET, RULES_KEY, bytes).await.version.expect("the bucket keeps versions")
    }

    /// Deploys the release, with this version of the operator's rules or, if it is empty, with the shipped ones.
    /// Returns the layer of the function that the queue calls.
    async fn deploy(&self, rules: &str) -> String {
        let started = Instant::now();
        let (domain, aws) = (self.engine.url(), self.localstack.url());
        let mut parameters = vec![
            ("DomainEndpoint", domain.as_str()),
            ("DomainAuth", "none"),
            ("S3Endpoint", &aws),
            ("BucketName", BUCKET),
            ("Architecture", ARCHITECTURE),
            ("FunctionTimeout", "60"),
            // The engine reports the free storage of the machine that runs this test, which says nothing about the stack.
            ("FreeStorageBrake", "0.01%"),
        ];
        if !rules.is_empty() {
            parameters.extend([("RulesBucket", RULES_BUCKET), ("RulesKey", RULES_KEY), ("RulesVersion", rules)]);
        }
        let stack = self.localstack.deploy_release("released", &self.release(), RELEASE_BUCKET, &parameters).await;
        place::figure("a release on LocalStack", "seconds of a deployment", started.elapsed().as_secs());
        let configuration = self.localstack.mapped(stack.resource("S3IngestFunctionQueue")).await;
        let layers = configuration["Layers"].as_array().expect("layers");
        assert_eq!(layers.len(), 1, "{configuration}");
        layers[0]["Arn"].as_str().expect("an ARN").to_owned()
    }
}
