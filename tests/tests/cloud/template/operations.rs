//! The template's promises about the functions that maintain the domain.

use serde_json::{Value, json};

use super::{deployed, properties, statement, statements, texts};

fn variables<'t>(template: &'t Value, function: &str) -> &'t Value {
    &properties(template, function)["Environment"]["Variables"]
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
fn setup_runs_again_if_its_environment_changes() {
    let Some(template) = deployed() else { return };
    let setup = properties(template, "Setup");
    let told = variables(template, "SetupFunction");
    // CloudFormation compares these properties, and not the function's environment.
    assert_eq!(setup["Snapshots"], told["MILLRACE_SNAPSHOTS"]);
    for function in ["S3Ingest", "KinesisIngest", "KafkaIngest"] {
        assert!(setup["Roles"].to_string().contains(&format!("\"{function}Role\"")), "{setup}");
    }
    assert!(setup["Endpoint"].is_object() && setup["Dashboards"].is_object(), "{setup}");
}

#[test]
fn retention_and_brake_are_called_by_the_clock_and_retention_not_for_a_collection() {
    let Some(template) = deployed() else { return };
    for (rule, expression, condition) in [
        ("RetentionFunctionSchedule", json!({ "Ref": "RetentionSchedule" }), json!("HasNodes")),
        ("BrakeFunctionSchedule", json!("rate(5 minutes)"), Value::Null),
    ] {
        let resource = &template["Resources"][rule];
        assert_eq!((&resource["Type"], &resource["Condition"]), (&json!("AWS::Events::Rule"), &condition));
        assert_eq!(resource["Properties"]["ScheduleExpression"], expression);
    }
}

#[test]
fn the_functions_that_ingest_leave_their_marks_where_the_brake_looks_for_them() {
    let Some(template) = deployed() else { return };
    let state = &variables(template, "BrakeFunction")["MILLRACE_STATE"];
    assert_eq!(state["Fn::Sub"], "s3://${DeadLetterBucket}/state");
    for function in ["S3IngestFunction", "KinesisIngestFunction", "KafkaIngestFunction"] {
        assert_eq!(&variables(template, function)["MILLRACE_STATE"], state, "{function}");
    }
}

#[test]
fn only_brake_and_replay_pause_sources() {
    let Some(template) = deployed() else { return };
    let mut pausing = Vec::new();
    for (name, resource) in template["Resources"].as_object().expect("resources") {
        let mut found = Vec::new();
        statements(&resource["Properties"], &mut found);
        if found.iter().any(|statement| texts(&statement["Action"]).contains(&"lambda:UpdateEventSourceMapping")) {
            pausing.push(name.as_str());
        }
    }
    pausing.sort_unstable();
    assert_eq!(pausing, ["SourcesPolicy"]);
    let roles = properties(template, "SourcesPolicy")["Roles"].to_string();
    assert_eq!(roles.matches("Role\"").count(), 2, "{roles}");
    assert!(roles.contains("\"BrakeRole\"") && roles.contains("\"ReplayRole\""), "{roles}");
    let sources = variables(template, "BrakeFunction")["MILLRACE_SOURCE_FUNCTIONS"].to_string();
    for function in ["S3Ingest", "KinesisIngest", "KafkaIngest"] {
        assert!(sources.contains(&format!("{{\"Ref\":\"{function}Function\"}}")), "{sources}");
    }
    assert_eq!(variables(template, "ReplayFunction")["MILLRACE_SOURCE_FUNCTIONS"].to_string(), sources);
}

#[test]
fn replay_goes_on_by_calling_itself_and_a_failed_call_is_kept_apart() {
    let Some(template) = deployed() else { return };
    let function = properties(template, "ReplayFunction");
    assert_eq!(function["RecursiveLoop"], "Allow");
    // A separate queue, because operators move the messages of the other queue to s3-ingest, which cannot read a call
    // of replay.
    assert_eq!(function["DeadLetterConfig"]["TargetArn"], json!({ "Fn::GetAtt": ["ReplayDeadLetterQueue", "Arn"] }));
    let name = function["FunctionName"]["Fn::Sub"].as_str().expect("a name");
    let itself = statement(template, "ReplayRole", "GoOn")["Resource"]["Fn::Sub"].as_str().expect("an ARN");
    assert!(itself.ends_with(&format!(":function:{name}")), "{itself}");
}

#[test]
fn dead_letters_are_replayed_by_the_function_of_objects() {
    let Some(template) = deployed() else { return };
    let again = statement(template, "S3IngestRole", "TryDeadLettersAgain");
    assert_eq!(again["Resource"], json!({ "Fn::Sub": "${DeadLetterBucket.Arn}/dead-letters/*" }));
    // A letter that another attempt has settled is missing, and not forbidden.
    let look = statement(template, "S3IngestRole", "TellMissingFromForbidden");
    assert!(look["Resource"].to_string().contains("\"DeadLetterBucket\""), "{look}");
}
