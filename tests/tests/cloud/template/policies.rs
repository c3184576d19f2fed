//! The permissions of each role, and of the resources of the stack: tables of requests, decided as IAM decides them.
//!
//! A role has a table of the requests that it needs. Every request is allowed, and every action of its policies is in
//! the table. Requests of other roles' tables that are not in its own are denied. So a new permission needs a line
//! here.

mod delivery;
mod documented;
mod ingest;
mod operate;
mod owned;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::policy::{Request, decide, statements, texts};
use tests::stack::Template;

use super::deployed;

/// A request of a role: action, resource, context.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// An existing domain and every source, with the user's own keys and secrets.
const EVERYTHING: &[(&str, &str)] = &[
    ("DomainEndpoint", "https://search.example.com"),
    ("DomainArn", "arn:aws:es:eu-west-1:111122223333:domain/search"),
    ("BucketName", "source"),
    ("StreamName", "events"),
    ("EnhancedFanOut", "true"),
    ("DeliveryStreamName", "delivery"),
    ("KafkaClusterArn", "arn:aws:kafka:eu-west-1:111122223333:cluster/own/1-1"),
    ("KafkaTopic", "events"),
    ("KmsKeyArns", "arn:aws:kms:eu-west-1:111122223333:key/own"),
    ("HashKeySecretArn", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hash"),
    ("RolloverLookups", "true"),
    ("SubnetIds", "subnet-1"),
    ("SecurityGroupIds", "sg-1"),
    ("CreateSnapshotBucket", "true"),
];
/// A serverless collection and only the bucket.
const COLLECTION: &[(&str, &str)] = &[
    ("DomainEndpoint", "https://own.eu-west-1.aoss.amazonaws.com"),
    ("DomainAuth", "sigv4:aoss"),
    ("DomainArn", "arn:aws:aoss:eu-west-1:111122223333:collection/own"),
    ("BucketName", "source"),
];

/// The roles of the functions, with the requests that each needs in a stack with all features.
const ROLES: [(&str, &[&[Row]]); 9] = [
    ("S3IngestRole", &[ingest::ALL, ingest::IN_VPC, ingest::S3]),
    ("KinesisIngestRole", &[ingest::ALL, ingest::IN_VPC, ingest::KINESIS]),
    ("KafkaIngestRole", &[ingest::ALL, ingest::IN_VPC, ingest::KAFKA]),
    ("SetupRole", &[operate::ALL, ingest::IN_VPC, operate::PUT, operate::SETUP]),
    ("RetentionRole", &[operate::ALL, ingest::IN_VPC, operate::PUT, operate::RETENTION]),
    ("BrakeRole", &[operate::ALL, ingest::IN_VPC, operate::SOURCES, operate::BRAKE]),
    ("ReplayRole", &[operate::ALL, ingest::IN_VPC, operate::SOURCES, operate::PUT, operate::REPLAY]),
    ("FirehoseTransformRole", &[delivery::TRANSFORM]),
    ("DeliveryRole", &[delivery::DELIVERY]),
];

fn request((action, resource, context): &Row) -> Request {
    context.iter().fold(Request::new(action, resource), |request, (key, value)| request.with(key, &[value]))
}

/// The policy documents of a role: its own, the managed ones that it names, and those that name it.
fn documents(stack: &Template<'_>, role: &str) -> Vec<Value> {
    let properties = stack.properties(role).unwrap_or_else(|| panic!("{role} is not there"));
    let own = properties["Policies"].as_array().into_iter().flatten();
    let mut documents: Vec<_> = own.map(|policy| policy["PolicyDocument"].clone()).collect();
    let named = properties.get("ManagedPolicyArns").map(texts).unwrap_or_default();
    for policy in stack.resources("AWS::IAM::ManagedPolicy") {
        if named.contains(&stack.arn(policy).as_str()) {
            documents.extend(stack.properties(policy).map(|policy| policy["PolicyDocument"].clone()));
        }
    }
    for policy in stack.resources("AWS::IAM::Policy").iter().filter_map(|policy| stack.properties(policy)) {
        if texts(&policy["Roles"]).contains(&stack.reference(role).as_str()) {
            documents.push(policy["PolicyDocument"].clone());
        }
    }
    documents
}

fn assert_denied(stack: &Template<'_>, role: &str, rows: &[Row]) {
    let documents = documents(stack, role);
    for row in rows {
        let decision = decide(&documents, &request(row));
        assert!(!decision.is_allowed(), "{role} may {row:?} by {decision:?}");
    }
}

fn assert_allowed(stack: &Template<'_>, role: &str, rows: &[Row]) {
    let documents = documents(stack, role);
    for row in rows {
        assert!(decide(&documents, &request(row)).is_allowed(), "{role} may not {row:?}");
    }
}

#[test]
fn every_role_may_do_what_its_table_says_and_nothing_that_another_table_says() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, EVERYTHING);
    let universe: BTreeSet<Row> =
        ROLES.iter().flat_map(|(_, tables)| tables.iter().copied().flatten().copied()).collect();
    for (role, tables) in ROLES {
        let own: BTreeSet<Row> = tables.iter().copied().flatten().copied().collect();
        let documents = documents(&stack, role);
        for row in &universe {
            let is_allowed = decide(&documents, &request(row)).is_allowed();
            assert_eq!(is_allowed, own.contains(row), "{role}: {row:?}");
        }
    }
}

#[test]
fn no_role_has_a_right_that_its_table_does_not_need() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, EVERYTHING);
    for (role, tables) in ROLES {
        let rows: Vec<&Row> = tables.iter().copied().flatten().collect();
        let documents = documents(&stack, role);
        for statement in documents.iter().flat_map(statements).filter(|statement| statement["Effect"] == "Allow") {
            let alone = json!({ "Statement": statement });
            for action in texts(&statement["Action"]) {
                let needs = |row: &&&Row| row.0 == action && decide([&alone], &request(row)).is_allowed();
                assert!(rows.iter().any(|row| needs(&row)), "{role}: nothing needs {action} of {}", statement["Sid"]);
            }
        }
    }
}

#[test]
fn every_role_of_the_stack_has_its_table() {
    let Some(template) = deployed() else { return };
    let mut roles = Template::new(template, EVERYTHING).resources("AWS::IAM::Role");
    roles.retain(|role| *role != "SnapshotRole"); // it belongs to the domain: `owned`
    roles.sort_unstable();
    let mut tables = ROLES.map(|(role, _)| role);
    tables.sort_unstable();
    assert_eq!(roles, tables);
}
