//! The template's promises about a domain: a new one of infra/domain.yaml, or an existing one.

use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{TEMPLATES, deployed, properties, resources, statement, statements, texts, translated};

fn nested() -> Option<&'static Value> {
    static NESTED: OnceLock<Value> = OnceLock::new();
    translated(&NESTED, TEMPLATES[1])
}

#[test]
fn a_domain_is_encrypted_and_knows_roles_alone_and_survives_the_stack() {
    let Some(template) = nested() else { return };
    let resource = &template["Resources"]["Domain"];
    assert_eq!((&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]), (&json!("Retain"), &json!("Retain")));
    assert_eq!(resource["UpdatePolicy"]["EnableVersionUpgrade"], true, "another version would make an empty domain");
    let domain = &resource["Properties"];
    for encryption in ["EncryptionAtRestOptions", "NodeToNodeEncryptionOptions"] {
        assert_eq!(domain[encryption]["Enabled"], true, "{encryption}");
    }
    let endpoint = &domain["DomainEndpointOptions"];
    assert_eq!(endpoint["EnforceHTTPS"], true);
    assert!(endpoint["TLSSecurityPolicy"].as_str().is_some_and(|policy| policy.starts_with("Policy-Min-TLS-1-2")));
    let access = &domain["AdvancedSecurityOptions"];
    assert_eq!((&access["Enabled"], &access["InternalUserDatabaseEnabled"]), (&json!(true), &json!(false)));
    assert_eq!(access["MasterUserOptions"], json!({ "MasterUserARN": { "Ref": "MasterUserArn" } }));
    let mut allowed = Vec::new();
    statements(&domain["AccessPolicies"], &mut allowed);
    assert_eq!(allowed.len(), 1);
    assert_eq!(allowed[0]["Principal"], json!({ "AWS": { "Ref": "RoleArns" } }), "nobody but the roles that are named");
}

#[test]
fn a_domain_writes_its_logs_into_groups_that_let_it() {
    let Some(template) = nested() else { return };
    assert_eq!(template["Resources"]["Domain"]["DependsOn"], "LogPolicy");
    let policy = properties(template, "LogPolicy")["PolicyDocument"]["Fn::Sub"].as_str().expect("a policy");
    let logs = properties(template, "Domain")["LogPublishingOptions"].as_object().expect("logs");
    for kind in ["INDEX_SLOW_LOGS", "SEARCH_SLOW_LOGS", "ES_APPLICATION_LOGS", "AUDIT_LOGS"] {
        assert_eq!(logs[kind]["Enabled"], true, "{kind}");
        let group = logs[kind]["CloudWatchLogsLogGroupArn"]["Fn::GetAtt"][0].as_str().expect("a group");
        assert!(policy.contains(&format!("${{{group}.Arn}}")), "{kind}: {policy}");
    }
    assert_eq!(resources(template, "AWS::Logs::LogGroup").len(), logs.len());
}

#[test]
fn the_endpoint_is_the_given_one_else_the_new_domains() {
    let Some(template) = deployed() else { return };
    assert_eq!(template["Parameters"]["CreateDomain"]["Default"], "false");
    assert_eq!(template["Resources"]["Domain"]["Condition"], "IsNewDomain");
    let own = json!({ "Fn::Sub": "https://${Domain.Outputs.Endpoint}" });
    let endpoint =
        json!({ "Fn::If": ["HasEndpoint", { "Ref": "DomainEndpoint" }, { "Fn::If": ["IsNewDomain", own, ""] }] });
    let functions = resources(template, "AWS::Lambda::Function");
    let told =
        functions.iter().filter_map(|function| function["Environment"]["Variables"].get("MILLRACE_DOMAIN_ENDPOINT"));
    assert_eq!(told.filter(|told| **told == endpoint).count(), functions.len() - 1, "all but Firehose's");
}

#[test]
fn a_new_domain_lets_every_function_in_that_sends_it_requests() {
    let Some(template) = deployed() else { return };
    let parameters = &properties(template, "Domain")["Parameters"];
    let roles = parameters["RoleArns"].to_string();
    for (name, resource) in template["Resources"].as_object().expect("resources") {
        let function = &resource["Properties"];
        if resource["Type"] == "AWS::Lambda::Function" && name != "FirehoseTransformFunction" {
            let role = function["Role"]["Fn::GetAtt"][0].as_str().expect("a role");
            assert!(roles.contains(&format!("\"{role}\"")), "{role} is missing: {roles}");
        }
    }
    let master = json!({ "Fn::If": ["HasMasterUser", { "Ref": "DomainMasterUserArn" }, { "Fn::GetAtt": ["SetupRole", "Arn"] }] });
    assert_eq!(parameters["MasterUserArn"], master);
    let nested = nested().expect("the same tools");
    for name in parameters.as_object().expect("parameters").keys() {
        assert!(nested["Parameters"][name].is_object(), "{name} is none of the nested template's");
    }
}

#[test]
fn only_the_domain_takes_the_role_of_its_snapshots_and_only_setup_lends_it() {
    let Some(template) = deployed() else { return };
    let trust = &properties(template, "SnapshotRole")["AssumeRolePolicyDocument"]["Statement"][0];
    assert_eq!(trust["Principal"]["Service"], "es.amazonaws.com");
    assert!(trust["Condition"]["ArnLike"]["aws:SourceArn"].is_object(), "{trust}");
    let lent = statement(template, "SetupRole", "LendTheOwnSnapshotRole");
    assert_eq!(lent["Resource"], json!({ "Fn::GetAtt": ["SnapshotRole", "Arn"] }));
    for (name, resource) in template["Resources"].as_object().expect("resources") {
        let mut found = Vec::new();
        statements(&resource["Properties"], &mut found);
        let lends = found.iter().any(|statement| texts(&statement["Action"]).contains(&"iam:PassRole"));
        assert_eq!(lends, name == "SetupRole", "{name}");
    }
    // Expiring files would break the repository.
    for rule in properties(template, "SnapshotBucket")["LifecycleConfiguration"]["Rules"].as_array().expect("rules") {
        assert!(rule.get("ExpirationInDays").is_none(), "{rule}");
    }
}

#[test]
fn the_alarm_of_a_new_domains_storage_comes_at_a_quarter_of_it() {
    let Some(template) = deployed() else { return };
    let default = |name: &str| template["Parameters"][name]["Default"].as_u64().expect("a number");
    assert_eq!(default("FreeStorageAlarmMegabytes"), default("DomainVolumeGigabytes") * 1024 / 4);
}
