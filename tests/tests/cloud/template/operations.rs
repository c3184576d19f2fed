//! What the template promises about the functions that look after the domain.

use serde_json::{Value, json};

use super::{deployed, properties, resources, statement, statements, texts};

fn variables<'t>(template: &'t Value, function: &str) -> &'t Value {
    &properties(template, function)["Environment"]["Variables"]
}

#[test]
fn nothing_is_indexed_before_the_domain_is_ready() {
    let Some(template) = deployed() else { return };
    for (name, resource) in template["Resources"].as_object().expect("resources") {
        if resource["Type"] == "AWS::Lambda::EventSourceMapping" {
            assert_eq!(resource["DependsOn"], "DomainSetup", "{name}");
        }
    }
    let setup = properties(template, "DomainSetup");
    assert_eq!(template["Resources"]["DomainSetup"]["Type"], "Custom::Setup");
    assert_eq!(setup["ServiceToken"], json!({ "Ref": "SetupFunctionAliaslive" }));
    // It runs again with other rules, and where it is told something else.
    let named = |property: &str, prefix| setup[property]["Ref"].as_str().is_some_and(|name| name.starts_with(prefix));
    assert!(named("Pipeline", "PipelineLayer") && named("Version", "SetupFunctionVersion"), "{setup}");
    assert_eq!(setup["ServiceTimeout"], properties(template, "SetupFunction")["Timeout"]);
}

#[test]
fn mappings_keep_the_names_that_sam_gave_them_so_that_a_deployed_one_stays() {
    let Some(template) = deployed() else { return };
    for name in ["S3IngestFunctionQueue", "KinesisIngestFunctionStream", "KafkaIngestMapping"] {
        assert_eq!(template["Resources"][name]["Type"], "AWS::Lambda::EventSourceMapping", "{name}");
    }
}

#[test]
fn setup_maps_the_role_of_every_function_that_sends_requests() {
    let Some(template) = deployed() else { return };
    let told = variables(template, "SetupFunction");
    for (variable, functions) in [
        ("MILLRACE_INGEST_ROLES", &["S3Ingest", "KinesisIngest", "KafkaIngest"][..]),
        ("MILLRACE_OPERATE_ROLES", &["Retention", "Replay", "Brake"][..]),
    ] {
        let roles = told[variable].to_string();
        for function in functions {
            assert!(roles.contains(&format!("\"{function}Role\"")), "{variable}: {roles}");
        }
    }
}

#[test]
fn retention_and_brake_are_called_by_the_clock_and_not_for_a_collection() {
    let Some(template) = deployed() else { return };
    for (rule, expression) in [
        ("RetentionFunctionSchedule", json!({ "Ref": "RetentionSchedule" })),
        ("BrakeFunctionSchedule", json!("rate(5 minutes)")),
    ] {
        let resource = &template["Resources"][rule];
        assert_eq!((&resource["Type"], &resource["Condition"]), (&json!("AWS::Events::Rule"), &json!("HasOperations")));
        assert_eq!(resource["Properties"]["ScheduleExpression"], expression);
    }
    for function in ["RetentionFunction", "BrakeFunction"] {
        assert_eq!(template["Resources"][function]["Condition"], "HasOperations");
    }
    // The next is there before a failed one would be repeated.
    let config = properties(template, "BrakeFunctionEventInvokeConfig");
    assert_eq!(config["MaximumRetryAttempts"], 0);
    assert!(config["MaximumEventAgeInSeconds"].as_u64() < Some(300));
    assert!(properties(template, "BrakeFunction")["Timeout"].as_u64() < Some(300));
}

#[test]
fn only_brake_and_replay_pause_the_sources_and_no_other_mappings() {
    let Some(template) = deployed() else { return };
    let pause = statement(template, "PausePolicy", "PauseAndGoOn").to_string();
    for mapping in ["S3IngestFunctionQueue", "KinesisIngestFunctionStream", "KafkaIngestMapping"] {
        assert!(pause.contains(&format!("event-source-mapping:${{{mapping}}}")), "{pause}");
    }
    let mut found = Vec::new();
    for kind in ["AWS::IAM::Role", "AWS::IAM::ManagedPolicy"] {
        resources(template, kind).iter().for_each(|policy| statements(policy, &mut found));
    }
    let pauses = |statement: &&&Value| texts(&statement["Action"]).contains(&"lambda:UpdateEventSourceMapping");
    assert_eq!(found.iter().filter(pauses).count(), 1);
    let sources = variables(template, "BrakeFunction")["MILLRACE_SOURCE_FUNCTIONS"].to_string();
    for alias in ["S3IngestFunctionAliaslive", "KinesisIngestFunctionAliaslive", "KafkaIngestFunctionAliaslive"] {
        // Lambda finds the mappings of an alias by the alias.
        assert!(sources.contains(alias), "{sources}");
    }
    assert_eq!(variables(template, "ReplayFunction")["MILLRACE_SOURCE_FUNCTIONS"].to_string(), sources);
}

#[test]
fn replay_goes_on_by_calling_itself_and_a_failed_call_is_kept() {
    let Some(template) = deployed() else { return };
    let function = properties(template, "ReplayFunction");
    assert_eq!(function["RecursiveLoop"], "Allow");
    assert_eq!(function["DeadLetterConfig"]["TargetArn"], json!({ "Fn::GetAtt": ["ReplayDeadLetterQueue", "Arn"] }));
    assert_eq!(properties(template, "ReplayFunctionEventInvokeConfig")["MaximumRetryAttempts"], 2);
    let name = function["FunctionName"]["Fn::Sub"].as_str().expect("a name");
    let itself = statement(template, "ReplayRole", "GoOn");
    for resource in itself["Resource"].as_array().expect("with and without its alias") {
        assert!(resource["Fn::Sub"].as_str().is_some_and(|arn| arn.contains(&format!(":function:{name}"))), "{itself}");
    }
}

#[test]
fn dead_letters_are_replayed_by_the_function_of_objects() {
    let Some(template) = deployed() else { return };
    let replay = statement(template, "S3IngestRole", "ReplayDeadLetters");
    assert_eq!(replay["Action"], json!(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]));
    assert_eq!(replay["Resource"], json!({ "Fn::Sub": "${DeadLetterBucket.Arn}/dead-letters/*" }));
}

#[test]
fn the_brake_only_looks_at_the_domain() {
    let Some(template) = deployed() else { return };
    let look = statement(template, "BrakeRole", "LookAtTheDomain");
    assert_eq!(look["Action"], json!(["es:ESHttpGet", "es:ESHttpHead"]));
}
