//! The template, checked by SAM's validator, by SAM's linter and by `CloudFormation`'s: each finds faults that the
//! others miss. Then the promises of the template, which none of them knows.

mod checkov;
mod domain;
mod environment;
mod monitoring;
mod operations;
mod policies;
mod quick;
mod released;
mod streams;
mod upgrade;

use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::sam::{installed, succeed, tool};

/// The logical ids of the functions. Those with event source mappings come first.
const FUNCTIONS: [&str; 8] = [
    "S3IngestFunction",
    "KinesisIngestFunction",
    "KafkaIngestFunction",
    "FirehoseTransformFunction",
    "SetupFunction",
    "RetentionFunction",
    "BrakeFunction",
    "ReplayFunction",
];

/// The templates. The first one nests the next two, and the last one nests the first.
pub(crate) const TEMPLATES: [&str; 4] =
    ["template.yaml", "infra/domain.yaml", "infra/monitoring.yaml", "infra/quick.yaml"];

#[test]
fn sam_validates_the_template() {
    if installed() {
        succeed(&mut tool("sam", ["validate", "--template-file", "template.yaml"]));
    }
}

#[test]
fn sam_lints_the_template() {
    if installed() {
        succeed(&mut tool("sam", ["validate", "--lint", "--template-file", "template.yaml"]));
    }
}

#[test]
fn cfn_lint_finds_nothing_in_the_templates() {
    if installed() {
        succeed(&mut tool("cfn-lint", TEMPLATES));
    }
}

#[test]
fn sam_builds_the_nested_templates_with_the_root() {
    if !installed() {
        return;
    }
    let folder = tests::place::scratch();
    let built = folder.path().join("build");
    // Builds only the layer: another test builds the functions.
    succeed(&mut tool("sam", ["build", "PipelineLayer", "--build-dir", &built.display().to_string()]));
    for (name, template) in [("Domain", TEMPLATES[1]), ("Monitoring", TEMPLATES[2])] {
        assert!(built.join(name).join("template.yaml").is_file(), "{template} is not built");
    }
}

#[test]
fn the_layer_has_the_rules_the_files_that_they_may_include_and_the_mappings() {
    let folder = tests::place::scratch();
    let (infra, layer) = (folder.path().join("infra"), folder.path().join("layer"));
    for made in [&infra, &layer, &infra.join("mappings")] {
        std::fs::create_dir(made).expect("a folder");
    }
    for entry in std::fs::read_dir(tests::place::root().join("infra")).expect("infra").flatten() {
        if entry.path().is_file() {
            std::fs::copy(entry.path(), infra.join(entry.file_name())).expect("a copy");
        }
    }
    std::fs::write(infra.join("team-a.yaml"), "datasets: []").expect("a file");
    std::fs::write(infra.join("mappings/a.json"), "{}").expect("a file");
    let mut make = std::process::Command::new("make");
    make.current_dir(&infra).arg("build-PipelineLayer").arg(format!("ARTIFACTS_DIR={}", layer.display()));
    succeed(&mut make);
    let entries = std::fs::read_dir(&layer).expect("the layer").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["mappings", "pipeline.yaml", "team-a.yaml"]);
}

/// The `CloudFormation` template that SAM makes from template.yaml.
pub(crate) fn deployed() -> Option<&'static Value> {
    static DEPLOYED: OnceLock<Value> = OnceLock::new();
    translated(&DEPLOYED, TEMPLATES[0])
}

/// A template as `CloudFormation` gets it, cached for all tests.
fn translated<'t>(kept: &'t OnceLock<Value>, template: &str) -> Option<&'t Value> {
    installed().then(|| kept.get_or_init(|| translated_once(template)))
}

pub(crate) fn translated_once(template: &str) -> Value {
    tests::sam::translated(Path::new(template))
}

fn properties<'t>(template: &'t Value, name: &str) -> &'t Value {
    &template["Resources"][name]["Properties"]
}

/// The statement with this `Sid` of a role or managed policy.
fn statement<'t>(template: &'t Value, role: &str, sid: &str) -> &'t Value {
    let mut found = Vec::new();
    statements(properties(template, role), &mut found);
    found.into_iter().find(|statement| statement["Sid"] == sid).unwrap_or_else(|| panic!("{role} has no {sid}"))
}

fn resources<'t>(template: &'t Value, kind: &str) -> Vec<&'t Value> {
    let resources = template["Resources"].as_object().expect("resources").values();
    resources.filter(|resource| resource["Type"] == kind).map(|resource| &resource["Properties"]).collect()
}

/// Every statement of every policy document below a value, including those inside `Fn::If`.
fn statements<'t>(value: &'t Value, found: &mut Vec<&'t Value>) {
    match value {
        Value::Object(map) if map.contains_key("Effect") && map.contains_key("Action") => found.push(value),
        Value::Object(map) => map.values().for_each(|value| statements(value, found)),
        Value::Array(array) => array.iter().for_each(|value| statements(value, found)),
        _ => {}
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(array) => array.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text],
        _ => Vec::new(),
    }
}

#[test]
fn no_policy_names_every_resource_where_an_action_knows_one() {
    let Some(template) = deployed() else { return };
    let mut found = Vec::new();
    for role in resources(template, "AWS::IAM::Role") {
        if let Some(policies) = role.get("ManagedPolicyArns") {
            let ours = ["IngestPolicy", "ReachPolicy"].map(|policy| json!([{ "Ref": policy }]));
            assert!(ours.contains(policies), "AWS's own name every resource: {role}");
        }
        statements(&role["Policies"], &mut found);
    }
    for kind in ["AWS::IAM::ManagedPolicy", "AWS::IAM::Policy"] {
        for policy in resources(template, kind) {
            statements(policy, &mut found);
        }
    }
    assert!(found.len() >= 30, "{} statements were found", found.len());
    for statement in found {
        assert!(texts(&statement["Action"]).iter().all(|action| !action.contains('*')), "{statement}");
        if texts(&statement["Resource"]).contains(&"*") {
            let knows_none = |action: &&str| action.starts_with("ec2:") || *action == "lambda:ListEventSourceMappings";
            assert!(texts(&statement["Action"]).iter().all(knows_none), "{statement}");
        }
    }
}

#[test]
fn every_function_has_the_rules_a_role_and_a_log_group() {
    let Some(template) = deployed() else { return };
    assert_eq!(resources(template, "AWS::Lambda::Function").len(), FUNCTIONS.len());
    let mut roles = Vec::new();
    for name in FUNCTIONS {
        let function = &template["Resources"][name]["Properties"];
        assert_eq!(function["Runtime"], "provided.al2023", "{name}");
        assert_eq!(function["Layers"].as_array().map(Vec::len), Some(1), "{name}");
        let (role, group) = (&function["Role"]["Fn::GetAtt"][0], &function["LoggingConfig"]["LogGroup"]["Ref"]);
        let mut found = Vec::new();
        statements(&template["Resources"][role.as_str().expect("a role")]["Properties"]["Policies"], &mut found);
        let log = found.iter().find(|statement| statement["Sid"] == "Log").expect("it may log");
        assert_eq!(log["Resource"], json!({ "Fn::GetAtt": [group, "Arn"] }), "{name} logs into its own group alone");
        assert_eq!(function["LoggingConfig"]["LogFormat"], "Text", "{name}");
        assert!(!roles.contains(&role), "{name} shares its role");
        roles.push(role);
    }
    assert_eq!(template["Parameters"]["Architecture"]["Default"], "arm64");
}

/// A published version keeps the function as it was then. So a caller of a version would use old parameters and old
/// rules.
#[test]
fn whatever_calls_a_function_calls_what_is_deployed_and_no_version_of_it() {
    let Some(template) = deployed() else { return };
    let sources = resources(template, "AWS::Lambda::EventSourceMapping");
    let called: Vec<_> = sources.iter().map(|source| source["FunctionName"]["Ref"].as_str()).collect();
    for name in &FUNCTIONS[..3] {
        assert!(called.contains(&Some(name)), "{name}: {called:?}");
    }
    assert_eq!(called.len(), 3);
    for rule in resources(template, "AWS::Events::Rule").iter().filter(|rule| !rule["ScheduleExpression"].is_null()) {
        let target = rule["Targets"][0]["Arn"]["Fn::GetAtt"][0].as_str().expect("a function");
        assert!(FUNCTIONS.contains(&target), "{rule}");
    }
    assert!(resources(template, "AWS::Lambda::Version").is_empty());
}

#[test]
fn changed_rules_are_a_new_layer_of_every_function_and_run_setup_again() {
    if !installed() {
        return;
    }
    let text = std::fs::read_to_string(tests::place::root().join(TEMPLATES[0])).expect("the template");
    let folder = tests::place::scratch();
    // `sam package` does the same: the location of the rules depends on their content.
    let layers = ["one", "two"].map(|rules| {
        let packaged = text.replace("ContentUri: infra/", &format!("ContentUri: s3://code/{rules}"));
        assert_ne!(packaged, text);
        let file = folder.path().join(rules);
        std::fs::write(&file, packaged).expect("the clone is writable");
        let template = translated_once(&file.display().to_string());
        let layer = properties(&template, "Setup")["Pipeline"].clone();
        for function in FUNCTIONS {
            assert_eq!(properties(&template, function)["Layers"], json!([layer]), "{function}");
        }
        // The operator's own rules are in the other layer (cloud::template::released).
        assert_eq!((&layer["Fn::If"][0], &layer["Fn::If"][1]), (&json!("HasRules"), &json!({ "Ref": "RulesLayer" })));
        layer["Fn::If"][2]["Ref"].as_str().expect("a layer").to_owned()
    });
    assert_ne!(layers[0], layers[1]);
}

#[test]
fn the_aliases_that_others_call_stay_and_name_what_is_deployed() {
    let Some(template) = deployed() else { return };
    // They keep the logical ids of earlier releases. So an update keeps the aliases, and the permissions of other
    // callers.
    let kept = ["S3IngestFunction", "FirehoseTransformFunction"];
    assert_eq!(resources(template, "AWS::Lambda::Alias").len(), kept.len());
    for function in kept {
        let alias = properties(template, &format!("{function}Aliaslive"));
        let named = (&alias["FunctionName"]["Ref"], &alias["FunctionVersion"], &alias["Name"]);
        assert_eq!(named, (&json!(function), &json!("$LATEST"), &json!("live")));
    }
    assert_eq!(template["Outputs"]["FunctionAlias"]["Value"], json!({ "Ref": "S3IngestFunctionAliaslive" }));
}

#[test]
fn an_upgrade_makes_the_domain_ready_again() {
    let Some(template) = deployed() else { return };
    // CloudFormation runs a custom resource again only if one of its properties changes, and a release may leave the
    // rules unchanged.
    assert_eq!(properties(template, "Setup")["Release"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_function_keeps_its_memory_as_in_the_measurements() {
    let Some(template) = deployed() else { return };
    let functions = resources(template, "AWS::Lambda::Function");
    assert_eq!(functions.len(), FUNCTIONS.len());
    for function in functions {
        let tunables = &function["Environment"]["Variables"]["GLIBC_TUNABLES"];
        assert_eq!(*tunables, tests::scene::GLIBC_TUNABLES, "{}", function["Description"]);
    }
}

#[test]
fn the_queue_hides_a_message_for_six_timeouts_or_more_and_keeps_it_for_a_weekend_of_failed_invocations() {
    let Some(template) = deployed() else { return };
    let timeouts = template["Parameters"]["FunctionTimeout"]["AllowedValues"].as_array().expect("allowed values");
    assert!(timeouts.contains(&template["Parameters"]["FunctionTimeout"]["Default"]));
    for timeout in timeouts {
        let hidden = &template["Mappings"]["VisibilityTimeout"][timeout.to_string()]["Seconds"];
        let (hidden, timeout) = (hidden.as_u64().expect("a number"), timeout.as_u64().expect("a number"));
        assert!(hidden >= 6 * timeout, "{timeout}: a retry would overtake the original");
        // If the invocations fail as a whole, no function changes the visibility.
        let hours = 140 * hidden / 3_600;
        assert!((60..10 * 24).contains(&hours), "{timeout}: {hours} hours");
    }
    let queue = &template["Resources"]["IngestQueue"]["Properties"];
    let lookup = json!({ "Fn::FindInMap": ["VisibilityTimeout", { "Ref": "FunctionTimeout" }, "Seconds"] });
    assert_eq!(queue["VisibilityTimeout"], lookup);
    assert_eq!(queue["MessageRetentionPeriod"], 10 * 86_400);
    // shared/delivery/src/source/s3.rs relies on it, and docs/DELIVERY.md promises it: enough for a weekend of
    // refusals.
    assert_eq!(queue["RedrivePolicy"]["maxReceiveCount"], 140);
    assert_eq!(template["Resources"]["IngestDeadLetterQueue"]["Properties"]["MessageRetentionPeriod"], 14 * 86_400);
    for queue in resources(template, "AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{queue}");
    }
}

#[test]
fn every_bucket_is_encrypted_and_closed_and_survives_the_stack() {
    let Some(template) = deployed() else { return };
    let resources = template["Resources"].as_object().expect("resources");
    let buckets: Vec<_> = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::S3::Bucket").collect();
    assert_eq!(buckets.len(), 4);
    for (name, bucket) in buckets {
        assert_eq!((&bucket["DeletionPolicy"], &bucket["UpdateReplacePolicy"]), (&json!("Retain"), &json!("Retain")));
        let properties = &bucket["Properties"];
        assert!(properties["BucketEncryption"].is_object(), "{name}");
        let access = properties["PublicAccessBlockConfiguration"].as_object().expect("an access block");
        assert!(access.len() == 4 && access.values().all(|blocked| blocked == true), "{name}");
        let policies: Vec<_> = resources
            .values()
            .filter(|policy| {
                policy["Type"] == "AWS::S3::BucketPolicy" && policy["Properties"]["Bucket"]["Ref"] == **name
            })
            .collect();
        let statement = &policies[0]["Properties"]["PolicyDocument"]["Statement"][0];
        assert_eq!(statement["Effect"], "Deny");
        assert_eq!(statement["Condition"], json!({ "Bool": { "aws:SecureTransport": "false" } }), "{name}");
    }
    let dead_letters = &template["Resources"]["DeadLetterBucket"]["Properties"];
    assert_eq!(dead_letters["LifecycleConfiguration"]["Rules"][0]["Status"], "Enabled");
}

#[test]
fn the_queue_is_answered_in_part_and_the_function_may_continue_itself() {
    let Some(template) = deployed() else { return };
    let function = &template["Resources"]["S3IngestFunction"]["Properties"];
    assert_eq!(function["RecursiveLoop"], "Allow");
    assert_eq!(function["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"][0], "IngestDeadLetterQueue");
    let queue = &template["Resources"]["S3IngestFunctionQueue"]["Properties"];
    assert_eq!(queue["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert!(queue["ScalingConfig"]["MaximumConcurrency"].is_object());
}

#[test]
fn only_the_bucket_and_the_rule_may_send_to_the_queue() {
    let Some(template) = deployed() else { return };
    let mut found = Vec::new();
    for policy in resources(template, "AWS::SQS::QueuePolicy") {
        statements(policy, &mut found);
    }
    found.retain(|statement| statement["Effect"] == "Allow");
    // The bucket, the same bucket in another account, and the rule, which also sends to the dead-letter queue.
    assert_eq!(found.len(), 4);
    for statement in found {
        assert_eq!(statement["Action"], "sqs:SendMessage");
        assert!(statement["Condition"]["ArnEquals"]["aws:SourceArn"].is_object(), "{statement}");
    }
}

#[test]
fn no_event_arrives_before_its_template_and_changed_rules_run_setup_again() {
    let Some(template) = deployed() else { return };
    let resources = &template["Resources"];
    // `setup` refuses rules whose tests fail, so the functions that could lose events or indices by them come after it.
    for name in FUNCTIONS[..3].iter().chain(&["RetentionFunction", "FirehoseTransformFunction"]) {
        assert_eq!(texts(&resources[name]["DependsOn"]), ["Setup"], "{name}");
    }
    let setup = &resources["Setup"]["Properties"];
    // The logical id of the shipped rules, and so their version, depends on their content. Changed properties replace RulesLayer.
    for (choice, begin) in [(1, "RulesLayer"), (2, "PipelineLayer")] {
        let layer = setup["Pipeline"]["Fn::If"][choice]["Ref"].as_str().expect("the layer");
        assert!(layer.starts_with(begin) && resources[layer]["Type"] == "AWS::Lambda::LayerVersion", "{layer}");
    }
}

#[test]
fn what_functions_remember_outlives_the_dead_letters() {
    let Some(template) = deployed() else { return };
    let rules = properties(template, "DeadLetterBucket")["LifecycleConfiguration"]["Rules"].as_array().expect("rules");
    let expire = rules.iter().filter(|rule| rule.get("ExpirationInDays").is_some());
    let prefixes: Vec<_> = expire.map(|rule| rule["Prefix"].as_str().expect("it takes the state too")).collect();
    assert_eq!(prefixes, ["dead-letters/", "aws/lambda/"]);
    for function in ["ReplayFunction", "BrakeFunction"] {
        let state = &properties(template, function)["Environment"]["Variables"]["MILLRACE_STATE"];
        assert_eq!(*state, json!({ "Fn::Sub": "s3://${DeadLetterBucket}/state" }), "{function}");
    }
}
