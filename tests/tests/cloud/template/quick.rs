//! infra/quick.yaml asks few questions, and passes the answers to template.yaml, in a nested stack.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};
use tests::{place, stack::Template};

use super::{TEMPLATES, deployed, resources, translated};

/// `CloudFormation` takes a larger template only from S3.
const MAX_BYTES: usize = 51_200;
const MAX_QUESTIONS: usize = 8;
/// The conditions of the outputs that no quick stack has, because it has no stream, no topic and no bucket of snapshots.
const NEVER: [&str; 5] = ["IsNewStream", "HasStream", "HasKafka", "HasDeliveryStream", "HasOwnSnapshots"];

const URL: &str = "https://search-logs-abc.eu-west-1.es.amazonaws.com";
const DOMAIN: &str = "arn:aws:es:eu-west-1:111122223333:domain/logs";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:logs";
const NO_DOMAIN: &str = "arn:aws:es:::none";
const NO_SECRET: &str = "arn:aws:secretsmanager:::none";

/// infra/quick.yaml and template.yaml.
fn both() -> Option<(&'static Value, &'static Value)> {
    static QUICK: OnceLock<Value> = OnceLock::new();
    Some((translated(&QUICK, TEMPLATES[3])?, deployed()?))
}

fn members(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("{value} is no object"))
}

#[test]
fn a_quick_stack_asks_at_most_eight_questions_in_a_template_that_the_console_takes() {
    let Some((quick, root)) = both() else { return };
    let bytes = |template: &str| std::fs::read(place::root().join(template)).expect("the template").len();
    for (name, template) in [(TEMPLATES[3], quick), (TEMPLATES[0], root)] {
        place::figure(name, "parameters", members(&template["Parameters"]).len());
        place::figure(name, "bytes", bytes(name));
    }
    assert!(members(&quick["Parameters"]).len() <= MAX_QUESTIONS);
    assert!(bytes(TEMPLATES[3]) <= MAX_BYTES);
    assert_eq!(resources(quick, "AWS::CloudFormation::Stack").len(), members(&quick["Resources"]).len());
    assert_eq!(members(&quick["Resources"]).len(), 1, "one nested stack");
    assert!(quick.get("Transform").is_none(), "the console would have to expand it");
}

#[test]
fn a_quick_stack_takes_the_answers_that_the_template_takes_and_passes_all_of_them() {
    let Some((quick, root)) = both() else { return };
    let passed = members(&quick["Resources"]["Root"]["Properties"]["Parameters"]);
    for (name, asked) in members(&quick["Parameters"]) {
        for property in ["Type", "Default", "AllowedValues", "AllowedPattern", "ConstraintDescription", "NoEcho"] {
            assert_eq!(asked.get(property), root["Parameters"][name].get(property), "{property} of {name}");
        }
        assert_eq!(passed[name], json!({ "Ref": name }));
    }
    for name in passed.keys() {
        assert!(root["Parameters"][name].is_object(), "{name} is no parameter of template.yaml");
    }
    for (name, about) in members(&root["Parameters"]) {
        assert!(about.get("Default").is_some() || passed.contains_key(name), "{name} has no value");
    }
    let groups = quick["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"].as_array().expect("groups");
    let shown: usize = groups.iter().map(|group| group["Parameters"].as_array().map_or(0, Vec::len)).sum();
    assert_eq!(shown, members(&quick["Parameters"]).len(), "every question is in a group");
}

#[test]
fn an_empty_endpoint_makes_a_new_domain() {
    let Some((quick, _)) = both() else { return };
    for (endpoint, creates) in [("", "true"), (URL, "false")] {
        let given = [("BucketName", "logs"), ("DomainEndpoint", endpoint)];
        let root = Template::new(quick, &given).properties("Root").expect("the nested stack");
        assert_eq!(root["Parameters"]["CreateDomain"], creates, "{endpoint}");
    }
}

/// Otherwise `CloudFormation` would begin with the stack, and roll it back.
#[test]
fn a_quick_stack_refuses_exactly_the_answers_that_its_nested_stack_would_refuse() {
    let Some((quick, root)) = both() else { return };
    let mut refused = 0;
    for endpoint in ["", URL] {
        for arn in [NO_DOMAIN, DOMAIN] {
            for secret in [NO_SECRET, SECRET] {
                for auth in ["sigv4:es", "sigv4:aoss", "basic", "apikey", "none"] {
                    let given = [
                        ("BucketName", "logs"),
                        ("DomainEndpoint", endpoint),
                        ("DomainArn", arn),
                        ("DomainAuth", auth),
                        ("BasicAuthSecretArn", secret),
                    ];
                    let quick = Template::new(quick, &given);
                    let nested = quick.properties("Root").expect("the nested stack")["Parameters"].clone();
                    let passed: Vec<_> = members(&nested)
                        .iter()
                        .map(|(name, value)| (name.as_str(), value.as_str().expect("a text")))
                        .collect();
                    let (asked, found) = (quick.refusals(), Template::new(root, &passed).refusals());
                    assert_eq!(asked.is_empty(), found.is_empty(), "{given:?}: {asked:?} {found:?}");
                    refused += usize::from(!asked.is_empty());
                }
            }
        }
    }
    assert!((10..30).contains(&refused), "{refused} of 40");
}

#[test]
fn a_quick_stack_has_every_output_that_its_nested_stack_can_have() {
    let Some((quick, root)) = both() else { return };
    let passed_on = members(&quick["Outputs"]);
    for (name, output) in members(&root["Outputs"]) {
        let condition = output["Condition"].as_str();
        if condition.is_some_and(|condition| NEVER.contains(&condition)) {
            assert!(!passed_on.contains_key(name), "{name}");
            continue;
        }
        let own = passed_on.get(name).unwrap_or_else(|| panic!("{name} is not passed on"));
        assert_eq!(own["Value"], json!({ "Fn::GetAtt": ["Root", format!("Outputs.{name}")] }));
        assert_eq!((&own["Description"], own["Condition"].as_str()), (&output["Description"], condition), "{name}");
    }
    // HasNodes of template.yaml, by the parameter that a quick stack has.
    for auth in ["sigv4:es", "sigv4:aoss", "basic", "apikey", "none"] {
        let given = [("BucketName", "logs"), ("DomainEndpoint", URL), ("DomainAuth", auth)];
        let has = [quick, root].map(|template| Template::new(template, &given).holds("HasNodes"));
        assert_eq!(has[0], has[1], "{auth}");
    }
    assert_eq!(
        passed_on["StackName"]["Value"],
        json!({ "Fn::Select": [1, { "Fn::Split": ["/", { "Ref": "Root" }] }] })
    );
}
