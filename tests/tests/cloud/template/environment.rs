//! The environment variables of each function, and the parameters that they come from.

use serde_json::{Value, json};

use tests::stack::Template;

use super::{FUNCTIONS, deployed, properties, statement};

/// All functions that send requests to the domain. Firehose's function sends none.
const WITH_DOMAIN: [&str; 7] = [
    "S3IngestFunction",
    "KinesisIngestFunction",
    "KafkaIngestFunction",
    "SetupFunction",
    "RetentionFunction",
    "BrakeFunction",
    "ReplayFunction",
];
/// The functions that decompress a whole record: from a stream, or from a dead letter.
const WITH_RECORDS: [&str; 4] =
    ["S3IngestFunction", "KinesisIngestFunction", "KafkaIngestFunction", "FirehoseTransformFunction"];

/// Asserts that these functions, and no others, have a variable of this value.
fn assert_told(template: &Value, variable: &str, functions: &[&str], value: &Value) {
    for function in FUNCTIONS {
        let found = properties(template, function)["Environment"]["Variables"].get(variable);
        let expected = functions.contains(&function).then_some(value);
        assert_eq!(found, expected, "{variable} of {function}");
    }
}

fn default<'t>(template: &'t Value, parameter: &str) -> &'t Value {
    &template["Parameters"][parameter]["Default"]
}

#[test]
fn every_function_of_the_domain_has_the_name_of_its_stack() {
    let Some(template) = deployed() else { return };
    assert_told(template, "MILLRACE_STACK", &WITH_DOMAIN, &json!({ "Ref": "AWS::StackName" }));
}

#[test]
fn plain_http_is_refused_unless_a_parameter_allows_it() {
    let Some(template) = deployed() else { return };
    assert_told(template, "MILLRACE_DOMAIN_INSECURE", &WITH_DOMAIN, &json!({ "Ref": "DomainInsecure" }));
    assert_eq!(default(template, "DomainInsecure"), "false");
}

#[test]
fn requests_are_signed_for_the_region_of_the_domain_and_by_its_role() {
    let Some(template) = deployed() else { return };
    let domain = ("DomainArn", "arn:aws:es:us-east-1:444455556666:domain/search");
    let role = ("DomainRoleArn", "arn:aws:iam::444455556666:role/logs");
    let secret = ("BasicAuthSecretArn", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:key");
    for (parameters, auth) in [
        (&[domain][..], "sigv4:es,region=us-east-1"),
        (&[domain, role], "sigv4:es,region=us-east-1,role=arn:aws:iam::444455556666:role/logs"),
        (&[("CreateDomain", "true")], "sigv4:es"),
        (&[("DomainAuth", "none"), role], "none"),
        (&[("DomainAuth", "basic"), secret], "basic:arn:aws:secretsmanager:eu-west-1:111122223333:secret:key"),
        (&[("DomainAuth", "apikey"), secret], "apikey:arn:aws:secretsmanager:eu-west-1:111122223333:secret:key"),
    ] {
        let stack = Template::new(template, parameters);
        for function in WITH_DOMAIN {
            // Without a stream and a topic, their functions are not there.
            let Some(properties) = stack.properties(function) else { continue };
            assert_eq!(properties["Environment"]["Variables"]["MILLRACE_DOMAIN_AUTH"], auth, "{function}");
        }
    }
}

/// `delivery::aws::objects` makes the endpoint of another region from this form.
#[test]
fn the_endpoint_of_s3_is_that_of_the_region_or_the_given_one() {
    let Some(template) = deployed() else { return };
    let given = "https://bucket.vpce-1a.s3.eu-west-1.vpce.amazonaws.com";
    for (parameters, url) in [(&[][..], "https://s3.eu-west-1.amazonaws.com"), (&[("S3Endpoint", given)], given)] {
        let stack = Template::new(template, parameters);
        for function in WITH_DOMAIN {
            let Some(properties) = stack.properties(function) else { continue };
            assert_eq!(properties["Environment"]["Variables"]["AWS_ENDPOINT_URL_S3"], url, "{function}");
        }
    }
}

#[test]
fn every_function_of_records_has_their_limit() {
    let Some(template) = deployed() else { return };
    assert_told(template, "MILLRACE_MAX_RECORD_BYTES", &WITH_RECORDS, &json!({ "Ref": "MaxRecordBytes" }));
    assert_eq!(default(template, "MaxRecordBytes"), 1 << 30);
}

#[test]
fn the_function_of_objects_may_send_to_the_dead_letter_queue_of_its_environment() {
    let Some(template) = deployed() else { return };
    let queue = json!({ "Ref": "IngestDeadLetterQueue" });
    assert_told(template, "MILLRACE_DEAD_LETTER_QUEUE_URL", &["S3IngestFunction"], &queue);
    let send = statement(template, "S3IngestRole", "KeepFailedInvocations");
    assert_eq!(send["Action"], "sqs:SendMessage");
    assert_eq!(send["Resource"], json!({ "Fn::GetAtt": ["IngestDeadLetterQueue", "Arn"] }));
}
