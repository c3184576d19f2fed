//! The template, by SAM's validator, SAM's linter and `CloudFormation`'s: each finds what the others do not. Then what
//! none of them knows: the promises that the template has to keep.

use std::path::Path;

use serde_json::{Value, json};
use tests::{engine::json as parse, place};

use super::sam::{installed, succeed, tool};

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
fn cfn_lint_finds_nothing_in_the_template() {
    if installed() {
        succeed(&mut tool("cfn-lint", ["template.yaml"]));
    }
}

/// The `CloudFormation` template that SAM makes of ours.
fn deployed() -> Option<Value> {
    installed().then(|| parse(&succeed(&mut tool("python", ["scripts/sam_translate.py", "template.yaml"]))))
}

fn resources<'t>(template: &'t Value, kind: &str) -> Vec<&'t Value> {
    let resources = template["Resources"].as_object().expect("resources").values();
    resources.filter(|resource| resource["Type"] == kind).map(|resource| &resource["Properties"]).collect()
}

/// Every statement of every policy document below a value, also those inside `Fn::If`.
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
fn no_policy_names_every_resource_but_for_network_interfaces() {
    let Some(template) = deployed() else { return };
    let mut found = Vec::new();
    for role in resources(&template, "AWS::IAM::Role") {
        assert!(role.get("ManagedPolicyArns").is_none(), "AWS's managed policies name every resource: {role}");
        statements(&role["Policies"], &mut found);
    }
    assert!(found.len() >= 11, "the statements were found");
    for statement in found {
        assert!(texts(&statement["Action"]).iter().all(|action| !action.contains('*')), "{statement}");
        if texts(&statement["Resource"]).contains(&"*") {
            assert!(texts(&statement["Action"]).iter().all(|action| action.starts_with("ec2:")), "{statement}");
        }
    }
}

#[test]
fn the_queue_hides_a_message_for_six_timeouts_and_keeps_it_for_days() {
    let Some(template) = deployed() else { return };
    let timeouts = template["Parameters"]["FunctionTimeout"]["AllowedValues"].as_array().expect("allowed values");
    assert!(timeouts.contains(&template["Parameters"]["FunctionTimeout"]["Default"]));
    for timeout in timeouts {
        let hidden = &template["Mappings"]["VisibilityTimeout"][timeout.to_string()]["Seconds"];
        assert_eq!(hidden.as_u64(), timeout.as_u64().map(|timeout| 6 * timeout), "{timeout}");
    }
    let queue = &template["Resources"]["IngestQueue"]["Properties"];
    let lookup = json!({ "Fn::FindInMap": ["VisibilityTimeout", { "Ref": "FunctionTimeout" }, "Seconds"] });
    assert_eq!(queue["VisibilityTimeout"], lookup);
    assert_eq!(queue["MessageRetentionPeriod"], 10 * 86_400);
    assert!(queue["RedrivePolicy"]["maxReceiveCount"].as_u64() >= Some(10));
    assert_eq!(template["Resources"]["IngestDeadLetterQueue"]["Properties"]["MessageRetentionPeriod"], 14 * 86_400);
    for queue in resources(&template, "AWS::SQS::Queue") {
        assert_eq!(queue["SqsManagedSseEnabled"], true, "{queue}");
    }
}

#[test]
fn every_bucket_is_encrypted_and_closed_and_survives_the_stack() {
    let Some(template) = deployed() else { return };
    let resources = template["Resources"].as_object().expect("resources");
    let buckets: Vec<_> = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::S3::Bucket").collect();
    assert_eq!(buckets.len(), 2);
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
fn the_function_reports_partial_failures_and_may_continue_itself() {
    let Some(template) = deployed() else { return };
    let function = &template["Resources"]["S3IngestFunction"]["Properties"];
    assert_eq!(function["RecursiveLoop"], "Allow");
    assert_eq!(function["Runtime"], "provided.al2023");
    assert_eq!(template["Parameters"]["Architecture"]["Default"], "arm64");
    assert_eq!(function["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"][0], "IngestDeadLetterQueue");
    assert_eq!(function["Layers"].as_array().map(Vec::len), Some(1));
    let sources = resources(&template, "AWS::Lambda::EventSourceMapping");
    assert_eq!(sources.len(), 1);
    assert_eq!(sources[0]["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert!(sources[0]["ScalingConfig"]["MaximumConcurrency"].is_object());
    // The queue calls the alias, so that code and layer change together.
    let aliases = resources(&template, "AWS::Lambda::Alias");
    assert_eq!(aliases.len(), 1);
    assert_eq!(sources[0]["FunctionName"], json!({ "Ref": "S3IngestFunctionAliaslive" }));
}

#[test]
fn only_the_bucket_and_the_rule_may_send_to_the_queue() {
    let Some(template) = deployed() else { return };
    let mut found = Vec::new();
    for policy in resources(&template, "AWS::SQS::QueuePolicy") {
        statements(policy, &mut found);
    }
    assert_eq!(found.len(), 3);
    for statement in found {
        assert_eq!(statement["Action"], "sqs:SendMessage");
        assert!(statement["Condition"]["ArnEquals"]["aws:SourceArn"].is_object(), "{statement}");
    }
}

#[test]
fn the_events_name_the_objects_that_lie_beside_them() {
    // Their ETags are those that S3 gives the files in events/s3/objects; `deployed` puts them there. An event whose
    // object differs would be rejected as gone, and an event that nobody uses would rot.
    let events = place::root().join("events/s3");
    for name in super::sam::names(&events)
        .iter()
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "json"))
    {
        let event = parse(&std::fs::read_to_string(events.join(name)).expect("an event"));
        assert!(event.is_object(), "{name}");
        assert!(super::deployed::EXPECTED.iter().any(|expected| name == expected.event), "{name} is used by no test");
    }
}
