//! The construct puts the template of a release into the assembly of an app, without a change.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Instant;

use serde_json::{Value, json};
use tests::{engine::json as parse, place};

use super::super::sam::{component, script, succeed};
use super::{deployed, members};

/// The largest template that `CloudFormation` takes from S3.
const MAX_BYTES: u64 = 1_048_576;
/// The name of a parent stack that is too long by one character. The id of the construct, `Logs`, has four.
const TOO_LONG: &str = "a-name-of-a-stack-that-is-a-bit-too-lon";

/// Compiles the construct, once for all tests; `false` after [`place::missing`] has reported why it cannot be.
fn compiled() -> bool {
    static COMPILED: OnceLock<Result<(), String>> = OnceLock::new();
    component("the CDK", COMPILED.get_or_init(|| script("cdk/cdk.sh", &["build"]).map(drop)))
}

/// Synthesizes one app for each case. Returns an error's message or null for each.
fn synthesize(template: &Value, folder: &Path, cases: &Value) -> Value {
    let file = folder.join("template.json");
    std::fs::write(&file, template.to_string()).expect("the clone is writable");
    let mut command = Command::new("bash");
    command.arg(place::root().join("scripts/cdk/cdk.sh")).arg("synth").args([&file, folder]).arg(cases.to_string());
    parse(&succeed(&mut command))
}

fn read(folder: &Path, suffix: &str) -> Value {
    let mut files = std::fs::read_dir(folder).expect("an assembly").flatten();
    let file = files.find(|file| file.file_name().to_string_lossy().ends_with(suffix)).expect(suffix);
    assert!(file.metadata().expect("it is there").len() < MAX_BYTES, "{file:?}");
    parse(&std::fs::read_to_string(file.path()).expect("a template"))
}

/// A template whose every `DependsOn` is a sorted list: the CDK writes it so.
fn normalized(template: &Value) -> Value {
    let mut template = template.clone();
    for resource in template["Resources"].as_object_mut().expect("resources").values_mut() {
        if let Some(before) = resource.get_mut("DependsOn") {
            let mut names = match before.take() {
                Value::Array(names) => names,
                name => vec![name],
            };
            names.sort_by_key(Value::to_string);
            *before = names.into();
        }
    }
    template
}

#[test]
fn the_cdk_deploys_the_template_of_the_release_unchanged() {
    let Some(template) = deployed().filter(|_| compiled()) else { return };
    let folder = place::scratch();
    let given = json!({
        "bucketName": "my-logs", "createBucket": false, "memorySize": 512, "kmsKeyArns": ["one", "two"],
        "freeStorageBrake": "10%", "domainEndpoint": "GetAtt:DomainEndpoint", "subnetIds": [],
        "securityGroupIds": ["sg-1", "GetAtt:Id"], "logLevel": null,
    });
    let started = Instant::now();
    let results = synthesize(template, folder.path(), &json!([{ "stack": "logs", "parameters": given }]));
    place::figure("CDK", "milliseconds of synth", started.elapsed().as_millis());
    assert_eq!(results, json!([null]));
    let assembly = folder.path().join("0");
    let nested = read(&assembly, ".nested.template.json");
    assert!(members(&nested["Resources"]).len() > 50);
    for (section, content) in members(&normalized(template)) {
        assert_eq!(normalized(&nested)[section], *content, "{section}");
    }
    assert_eq!(members(&nested).len(), members(template).len(), "no further section, such as a rule for the bootstrap");
    // The parent has a rule for the bootstrap, and the parameters as texts.
    let parent = read(&assembly, "Parent.template.json");
    let stack = &parent["Resources"]["Logs"];
    assert_eq!(stack["Type"], "AWS::CloudFormation::Stack");
    assert_eq!(
        stack["Properties"]["Parameters"],
        json!({
            "BucketName": "my-logs", "CreateBucket": "false", "MemorySize": "512", "KmsKeyArns": "one,two",
            "FreeStorageBrake": "10%", "DomainEndpoint": { "Fn::GetAtt": ["Domain", "DomainEndpoint"] }, "SubnetIds": "",
            "SecurityGroupIds": { "Fn::Join": ["", ["sg-1,", { "Fn::GetAtt": ["Domain", "Id"] }]] },
        })
    );
    assert_eq!(parent["Outputs"]["Queue"]["Value"], json!({ "Fn::GetAtt": ["Logs", "Outputs.QueueArn"] }));
    assert_eq!(members(&parent["Resources"]).len(), 2, "it and the domain of the test app");
}

#[test]
fn the_cdk_refuses_what_the_template_refuses_before_the_deployment() {
    let Some(template) = deployed().filter(|_| compiled()) else { return };
    let cases = BTreeMap::from([
        (r#"{"bucketName": "My_Logs"}"#, r#"bucketName is "My_Logs". It must be text that matches"#),
        (r#"{"domainAuth": "sigv4"}"#, r#"domainAuth is "sigv4". It must be one of sigv4:es, sigv4:aoss,"#),
        (r#"{"domainEndpoint": "logs"}"#, "It must be a URL such as https://"),
        (r#"{"bucketName": ""}"#, r#"bucketName is "". It must be"#),
        (r#"{"bucketName": "logs\nlogs"}"#, "It must be text that matches"),
        (r#"{"memorySize": 127}"#, "memorySize is 127. It must be at least 128"),
        (r#"{"memorySize": 10241}"#, "memorySize is 10241. It must be at most 10240"),
        (r#"{"maxBodyBytes": "many"}"#, r#"maxBodyBytes is "many". It must be a number"#),
        (r#"{"functionTimeout": 61}"#, "functionTimeout is 61. It must be one of 60, 300, 900"),
        (r#"{"createBucket": "yes"}"#, r#"createBucket is "yes". It must be one of true, false"#),
        (r#"{"kmsKeyArns": ["one,two"]}"#, "No item of the list may be empty or have a comma"),
        (r#"{"kmsKeyArns": [""]}"#, "No item of the list may be empty or have a comma"),
        (
            r#"{"bucket": "logs"}"#,
            "the template has no parameter for bucket. Use the template.json of this construct's release",
        ),
    ]);
    let apps = cases.keys().map(|parameters| json!({ "stack": "logs", "parameters": parse(parameters) }));
    let named = |stack: &str| json!({ "stack": stack, "parameters": { "bucketName": "logs" } });
    let apps: Vec<_> = apps.chain([named(TOO_LONG), named(&TOO_LONG[..TOO_LONG.len() - 1])]).collect();
    let folder = place::scratch();
    let results = synthesize(template, folder.path(), &json!(apps));
    let wanted = cases.values().chain([&"(Logs) have 43 characters together. At most 42 are possible"]);
    assert_eq!(results[apps.len() - 1], Value::Null, "{}", TOO_LONG.len() - 1);
    for ((result, app), wanted) in results.as_array().expect("results").iter().zip(&apps).zip(wanted) {
        let said = result.as_str().unwrap_or_else(|| panic!("{app} is accepted"));
        assert!(said.starts_with("Parent/Logs: ") && said.contains(wanted), "{app}: {said}");
    }
}

#[test]
fn the_cdk_and_its_version_are_those_of_the_release() {
    let read = |file: &str| std::fs::read_to_string(place::root().join("infra/cdk").join(file)).expect("a file");
    let (package, lock) = (parse(&read("package.json")), parse(&read("package-lock.json")));
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(lock["packages"][""]["version"], package["version"]);
    for (name, version) in members(&package["devDependencies"]) {
        assert_eq!(lock["packages"][format!("node_modules/{name}")]["version"], *version, "{name} is locked");
    }
    assert!(!read("package-lock.json").contains("\"resolved\""), "it would name the registry of one machine");
}
