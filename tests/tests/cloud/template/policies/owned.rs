//! The permissions of others on the resources of the stack: queues, buckets, the key and the topic of the alarms, and
//! roles.

use std::sync::OnceLock;

use serde_json::{Value, json};
use tests::policy::{Decision, Request, decide};
use tests::stack::{ACCOUNT, Template};

use super::{
    super::{TEMPLATES, deployed, translated},
    EVERYTHING,
};

/// Another account.
const STRANGER: &str = "999999999999";
/// The role of a function, which may send to a queue by its own policies.
const ROLE: &str = "arn:aws:iam::111122223333:role/logs-S3IngestRole-1";

fn monitoring() -> Option<&'static Value> {
    static MONITORING: OnceLock<Value> = OnceLock::new();
    translated(&MONITORING, TEMPLATES[2])
}

/// The documents of all policies of a type that name a resource by this member.
fn documents(stack: &Template<'_>, kind: &str, member: &str, resource: &str) -> Vec<Value> {
    let policies = stack.resources(kind).into_iter().filter_map(|policy| stack.properties(policy));
    let reference = json!(stack.reference(resource));
    let names = |policy: &Value| policy[member] == reference || policy[member] == json!([reference]);
    policies.filter(names).map(|policy| policy["PolicyDocument"].clone()).collect()
}

/// A request that a service sends for one of its resources, over TLS.
fn by_service(service: &str, action: &str, resource: &str, source: &str, account: &str) -> Request {
    let request = Request::new(action, resource).by(service).with("aws:SecureTransport", &["true"]);
    request.with("aws:SourceArn", &[source]).with("aws:SourceAccount", &[account])
}

/// A stack with an existing bucket, whose objects EventBridge reports.
fn with_existing_bucket(template: &Value) -> Template<'_> {
    Template::new(template, &[EVERYTHING, &[("CreateBucket", "false")]].concat())
}

#[test]
fn no_request_reaches_a_queue_or_a_bucket_without_tls() {
    let Some(template) = deployed() else { return };
    for stack in [Template::new(template, EVERYTHING), with_existing_bucket(template)] {
        for (kind, policy, member, action) in [
            ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy", "Queues", "sqs:SendMessage"),
            ("AWS::S3::Bucket", "AWS::S3::BucketPolicy", "Bucket", "s3:GetObject"),
        ] {
            let owned = stack.resources(kind);
            assert!(owned.len() >= 3, "{kind}: {owned:?}");
            for name in owned {
                let documents = documents(&stack, policy, member, name);
                let request = Request::new(action, &stack.arn(name)).by(ROLE);
                let plain = decide(&documents, &request.clone().with("aws:SecureTransport", &["false"]));
                assert!(
                    matches!(plain, Decision::Denied(statement) if statement["Sid"] == "TlsOnly"),
                    "{name}: {plain:?}"
                );
                let safe = decide(&documents, &request.with("aws:SecureTransport", &["true"]));
                assert!(!matches!(safe, Decision::Denied(_)), "{name}: {safe:?}");
            }
        }
    }
}

#[test]
fn the_queue_takes_notifications_of_this_accounts_bucket_alone() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, EVERYTHING);
    let (queue, documents) =
        (stack.arn("IngestQueue"), documents(&stack, "AWS::SQS::QueuePolicy", "Queues", "IngestQueue"));
    let sends = |bucket: &str, account: &str| {
        decide(&documents, &by_service("s3.amazonaws.com", "sqs:SendMessage", &queue, bucket, account)).is_allowed()
    };
    assert!(sends("arn:aws:s3:::source", ACCOUNT));
    // After a bucket is deleted, any account can take its name.
    assert!(!sends("arn:aws:s3:::source", STRANGER));
    assert!(!sends("arn:aws:s3:::other", ACCOUNT));
    let receive = by_service("s3.amazonaws.com", "sqs:ReceiveMessage", &queue, "arn:aws:s3:::source", ACCOUNT);
    assert!(!decide(&documents, &receive).is_allowed());
    assert!(!decide(&documents, &Request::new("sqs:SendMessage", &queue).by("s3.amazonaws.com")).is_allowed());
}

#[test]
fn a_bucket_of_another_account_notifies_the_queue_only_if_the_stack_names_the_account() {
    let Some(template) = deployed() else { return };
    let given = [("CreateBucket", "false"), ("BucketAccount", STRANGER)];
    let stack = Template::new(template, &[EVERYTHING, &given].concat());
    let (queue, documents) =
        (stack.arn("IngestQueue"), documents(&stack, "AWS::SQS::QueuePolicy", "Queues", "IngestQueue"));
    let sends = |bucket: &str, account: &str| {
        decide(&documents, &by_service("s3.amazonaws.com", "sqs:SendMessage", &queue, bucket, account)).is_allowed()
    };
    assert!(sends("arn:aws:s3:::source", STRANGER));
    assert!(!sends("arn:aws:s3:::source", ACCOUNT));
    assert!(!sends("arn:aws:s3:::other", STRANGER));
    let pattern = stack.properties("ExistingBucketRule").expect("a rule")["EventPattern"].clone();
    assert_eq!(pattern["account"], json!([STRANGER]));
    // Of a bucket of this account, the rule's events come from the default bus of the account.
    let pattern =
        with_existing_bucket(template).properties("ExistingBucketRule").expect("a rule")["EventPattern"].clone();
    assert_eq!(pattern.get("account"), None);
}

#[test]
fn created_and_restored_objects_are_notified_and_nothing_else() {
    let Some(template) = deployed() else { return };
    for (prefix, filter) in
        [("", None), ("in/", Some(json!({ "S3Key": { "Rules": [{ "Name": "prefix", "Value": "in/" }] } })))]
    {
        let given = [("KeyPrefix", prefix)];
        let bucket =
            Template::new(template, &[EVERYTHING, &given].concat()).properties("SourceBucket").expect("a bucket");
        let queues = bucket["NotificationConfiguration"]["QueueConfigurations"].as_array().expect("queues");
        let events: Vec<&str> = queues.iter().filter_map(|queue| queue["Event"].as_str()).collect();
        assert_eq!(events, ["s3:ObjectCreated:*", "s3:ObjectRestore:Completed"]);
        assert!(queues.iter().all(|queue| queue.get("Filter") == filter.as_ref()), "{queues:?}");
        let existing = [("CreateBucket", "false"), ("KeyPrefix", prefix)];
        let stack = Template::new(template, &[EVERYTHING, &existing].concat());
        let pattern = stack.properties("ExistingBucketRule").expect("a rule")["EventPattern"].clone();
        assert_eq!(pattern["detail-type"], json!(["Object Created", "Object Restore Completed"]));
        assert_eq!(pattern["detail"].get("object").is_some(), filter.is_some());
    }
}

#[test]
fn both_queues_take_events_of_this_stacks_rule_alone() {
    let Some(template) = deployed() else { return };
    let stack = with_existing_bucket(template);
    let rule = stack.arn("ExistingBucketRule");
    for name in ["IngestQueue", "IngestDeadLetterQueue"] {
        let (queue, documents) = (stack.arn(name), documents(&stack, "AWS::SQS::QueuePolicy", "Queues", name));
        let sends = |service: &str, source: &str, account: &str| {
            decide(&documents, &by_service(service, "sqs:SendMessage", &queue, source, account)).is_allowed()
        };
        assert!(sends("events.amazonaws.com", &rule, ACCOUNT), "{name}");
        assert!(!sends("events.amazonaws.com", &rule, STRANGER), "{name}");
        assert!(!sends("events.amazonaws.com", "arn:aws:events:eu-west-1:111122223333:rule/other", ACCOUNT), "{name}");
        assert!(!sends("s3.amazonaws.com", "arn:aws:s3:::source", ACCOUNT), "{name}");
        assert!(!sends("s3.amazonaws.com", "arn:aws:s3:::source", STRANGER), "{name}");
    }
}

#[test]
fn alarms_of_this_account_alone_use_the_key_and_the_topic() {
    let Some(template) = monitoring() else { return };
    let given = [
        "Service",
        "S3Ingest",
        "Setup",
        "Replay",
        "QueueName",
        "DeadLetterQueueName",
        "ReplayDeadLetterQueueName",
        "LagAlarmSeconds",
        "StreamHalfwaySeconds",
        "BrakeHalfwayHours",
        "TopicLagAlarmRecords",
        "FreeStorageAlarmMegabytes",
    ];
    let stack = Template::new(template, &given.map(|name| (name, "1")));
    let alarm = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:logs";
    let key = [stack.properties("AlarmKey").expect("a key")["KeyPolicy"].clone()];
    for action in ["kms:Decrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"] {
        let uses = |service: &str, account: &str| {
            let request = by_service(service, action, "arn:aws:kms:eu-west-1:111122223333:key/1", alarm, account);
            decide(&key, &request).is_allowed()
        };
        assert!(uses("cloudwatch.amazonaws.com", ACCOUNT), "{action}");
        assert!(!uses("cloudwatch.amazonaws.com", STRANGER), "{action}");
        assert!(!uses("s3.amazonaws.com", ACCOUNT), "{action}");
    }
    let schedule = by_service("cloudwatch.amazonaws.com", "kms:ScheduleKeyDeletion", "*", alarm, ACCOUNT);
    assert!(!decide(&key, &schedule).is_allowed());

    let topic = stack.reference("AlarmTopic");
    let policy = [stack.properties("AlarmTopicPolicy").expect("a policy")["PolicyDocument"].clone()];
    let publishes = |source: &str, account: &str| {
        decide(&policy, &by_service("cloudwatch.amazonaws.com", "sns:Publish", &topic, source, account)).is_allowed()
    };
    assert!(publishes(alarm, ACCOUNT));
    assert!(!publishes(alarm, STRANGER));
    assert!(!publishes("arn:aws:cloudwatch:eu-west-1:999999999999:alarm:logs", ACCOUNT));
}

/// Whether a request may assume a role.
fn may_assume(stack: &Template<'_>, role: &str, request: Request) -> bool {
    let trust = [stack.properties(role).expect("a role")["AssumeRolePolicyDocument"].clone()];
    decide(&trust, &Request { action: "sts:AssumeRole".into(), ..request }).is_allowed()
}

#[test]
fn a_role_is_taken_by_the_service_that_it_is_for() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, EVERYTHING);
    for role in
        stack.resources("AWS::IAM::Role").into_iter().filter(|role| !["SnapshotRole", "DeliveryRole"].contains(role))
    {
        assert!(may_assume(&stack, role, Request::default().by("lambda.amazonaws.com")), "{role}");
        assert!(!may_assume(&stack, role, Request::default().by("ec2.amazonaws.com")), "{role}");
        assert!(!may_assume(&stack, role, Request::default().by(ROLE)), "{role}");
    }
    let firehose = |account: &str| Request::default().by("firehose.amazonaws.com").with("sts:ExternalId", &[account]);
    assert!(may_assume(&stack, "DeliveryRole", firehose(ACCOUNT)));
    assert!(!may_assume(&stack, "DeliveryRole", firehose(STRANGER)));
    let domain = |name: &str, account: &str| by_service("es.amazonaws.com", "sts:AssumeRole", "", name, account);
    let own = "arn:aws:es:eu-west-1:111122223333:domain/search";
    assert!(may_assume(&stack, "SnapshotRole", domain(own, ACCOUNT)));
    assert!(!may_assume(&stack, "SnapshotRole", domain(own, STRANGER)));
    assert!(!may_assume(&stack, "SnapshotRole", domain("arn:aws:es:eu-west-1:111122223333:domain/other", ACCOUNT)));
}
