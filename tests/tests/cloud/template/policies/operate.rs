//! The functions that maintain the domain.

use tests::stack::Template;

use super::{super::deployed, COLLECTION, EVERYTHING, Row, assert_allowed, assert_denied};

/// The requests of all of them.
pub(super) const ALL: &[Row] = &[
    ("cloudformation:DescribeStacks", "arn:aws:cloudformation:eu-west-1:111122223333:stack/logs/1", &[]),
    ("es:ESHttpGet", "arn:aws:es:eu-west-1:111122223333:domain/search/_cat/indices", &[]),
    super::ingest::FIND,
    ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hash", &[]),
    (
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:111122223333:key/own",
        &[("kms:ViaService", "secretsmanager.eu-west-1.amazonaws.com")],
    ),
];

/// The requests of the functions that put templates, repositories, snapshots or blocks. One HTTP verb is one
/// permission.
pub(super) const PUT: &[Row] = &[
    ("es:ESHttpPut", "arn:aws:es:eu-west-1:111122223333:domain/search/_index_template/millrace", &[]),
    ("es:ESHttpPut", "arn:aws:es:eu-west-1:111122223333:domain/search/_snapshot/millrace/1", &[]),
    ("es:ESHttpPut", "arn:aws:es:eu-west-1:111122223333:domain/search/logs-2026.11.22/_block/write", &[]),
];

pub(super) const SETUP: &[Row] = &[
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/_dashboards/api/saved_objects/_import", &[]),
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/_plugin/kibana/api/saved_objects/_import", &[]),
    ("es:ESHttpPatch", "arn:aws:es:eu-west-1:111122223333:domain/search/_plugins/_security/api/rolesmapping/x", &[]),
    ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/_index_template/millrace", &[]),
    ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/_template/millrace", &[]),
    ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/_plugins/_security/api/roles/x", &[]),
    ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/_opendistro/_security/api/roles/x", &[]),
    (
        "iam:PassRole",
        "arn:aws:iam::111122223333:role/logs-SnapshotRole-1",
        &[("iam:PassedToService", "es.amazonaws.com")],
    ),
    ("logs:CreateLogStream", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-setup:log-stream:1", &[]),
    ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-setup:log-stream:1", &[]),
];

pub(super) const RETENTION: &[Row] = &[
    ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/logs-2026.11.22", &[]),
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/app/_rollover", &[]),
    (
        "logs:CreateLogStream",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-retention:log-stream:1",
        &[],
    ),
    ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-retention:log-stream:1", &[]),
];

/// The requests of the functions that pause sources and keep the sources' earlier settings.
pub(super) const SOURCES: &[Row] = &[
    ("s3:GetObject", "arn:aws:s3:::logs-deadletterbucket-1/state/brake.json", &[]),
    ("s3:PutObject", "arn:aws:s3:::logs-deadletterbucket-1/state/brake.json", &[]),
    ("s3:PutObject", "arn:aws:s3:::logs-deadletterbucket-1/state/refused/logs-S3IngestFunction-1.json", &[]),
    ("s3:DeleteObject", "arn:aws:s3:::logs-deadletterbucket-1/state/brake.json", &[]),
    ("s3:ListBucket", "arn:aws:s3:::logs-deadletterbucket-1", &[]),
    ("lambda:ListEventSourceMappings", "*", &[]),
    ("lambda:GetEventSourceMapping", MAPPING, &[("lambda:FunctionArn", S3_INGEST)]),
    ("lambda:UpdateEventSourceMapping", MAPPING, &[("lambda:FunctionArn", S3_INGEST)]),
    // Users may have mapped sources to the alias.
    ("lambda:UpdateEventSourceMapping", MAPPING, &[("lambda:FunctionArn", S3_INGEST_ALIAS)]),
    ("lambda:UpdateEventSourceMapping", MAPPING, &[("lambda:FunctionArn", KINESIS_INGEST)]),
    ("lambda:UpdateEventSourceMapping", MAPPING, &[("lambda:FunctionArn", KAFKA_INGEST)]),
    ("lambda:TagResource", MAPPING, &[("aws:TagKeys", "millrace:paused")]),
    ("lambda:UntagResource", MAPPING, &[("aws:TagKeys", "millrace:paused")]),
    ("lambda:ListTags", MAPPING, &[]),
];
const MAPPING: &str = "arn:aws:lambda:eu-west-1:111122223333:event-source-mapping:1";
const S3_INGEST: &str = "arn:aws:lambda:eu-west-1:111122223333:function:logs-S3IngestFunction-1";
const S3_INGEST_ALIAS: &str = "arn:aws:lambda:eu-west-1:111122223333:function:logs-S3IngestFunction-1:live";
const KINESIS_INGEST: &str = "arn:aws:lambda:eu-west-1:111122223333:function:logs-KinesisIngestFunction-1";
const KAFKA_INGEST: &str = "arn:aws:lambda:eu-west-1:111122223333:function:logs-KafkaIngestFunction-1";

pub(super) const BRAKE: &[Row] = &[
    ("logs:CreateLogStream", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-brake:log-stream:1", &[]),
    ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-brake:log-stream:1", &[]),
];

pub(super) const REPLAY: &[Row] = &[
    ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/logs-2026.11.22", &[]),
    ("s3:ListBucket", "arn:aws:s3:::source", &[]),
    ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:logs-IngestQueue-1", &[]),
    ("sqs:GetQueueAttributes", "arn:aws:sqs:eu-west-1:111122223333:logs-IngestQueue-1", &[]),
    ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:logs-ReplayDeadLetterQueue-1", &[]),
    ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:logs-replay", &[]),
    ("logs:CreateLogStream", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-replay:log-stream:1", &[]),
    ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-replay:log-stream:1", &[]),
];

/// Requests that no function of these may make.
const NEVER: &[Row] = &[
    ("es:ESHttpGet", "arn:aws:es:eu-west-1:111122223333:domain/other/_cat/indices", &[]),
    ("es:DeleteDomain", "arn:aws:es:eu-west-1:111122223333:domain/search", &[]),
    ("es:UpdateDomainConfig", "arn:aws:es:eu-west-1:111122223333:domain/search", &[]),
    ("iam:PassRole", "arn:aws:iam::111122223333:role/other", &[("iam:PassedToService", "es.amazonaws.com")]),
    (
        "iam:PassRole",
        "arn:aws:iam::111122223333:role/logs-SnapshotRole-1",
        &[("iam:PassedToService", "ec2.amazonaws.com")],
    ),
    ("iam:PassRole", "arn:aws:iam::111122223333:role/logs-SnapshotRole-1", &[]),
    ("lambda:UpdateEventSourceMapping", MAPPING, &[]),
    ("lambda:UpdateEventSourceMapping", MAPPING, &[("lambda:FunctionArn", OTHER)]),
    ("lambda:UpdateEventSourceMapping", MAPPING, &[("lambda:FunctionArn", NEIGHBOUR)]),
    ("lambda:DeleteEventSourceMapping", MAPPING, &[("lambda:FunctionArn", S3_INGEST)]),
    ("lambda:TagResource", MAPPING, &[("aws:TagKeys", "owner")]),
    ("lambda:TagResource", MAPPING, &[]),
    ("lambda:TagResource", S3_INGEST, &[("aws:TagKeys", "millrace:paused")]),
    ("lambda:InvokeFunction", S3_INGEST, &[]),
    ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:logs-replay-other", &[]),
    ("s3:GetObject", "arn:aws:s3:::source/source/jsona/00.json", &[]),
    ("s3:DeleteObject", "arn:aws:s3:::logs-deadletterbucket-1/dead-letters/app/1.ndjson", &[]),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/own", &[("kms:ViaService", "s3.eu-west-1.amazonaws.com")]),
    ("sqs:ReceiveMessage", "arn:aws:sqs:eu-west-1:111122223333:logs-IngestQueue-1", &[]),
];
const OTHER: &str = "arn:aws:lambda:eu-west-1:111122223333:function:other";
/// A function of a stack whose name begins with the name of this stack.
const NEIGHBOUR: &str = "arn:aws:lambda:eu-west-1:111122223333:function:logs-2-S3IngestFunction-1";

#[test]
fn functions_that_look_after_the_domain_touch_nothing_but_what_is_theirs() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, EVERYTHING);
    for role in ["SetupRole", "RetentionRole", "BrakeRole", "ReplayRole"] {
        assert_denied(&stack, role, NEVER);
    }
}

#[test]
fn retention_and_replay_delete_indices_and_setup_deletes_none() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, EVERYTHING);
    let index = ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/logs-2026.11.22", &[][..]);
    let others = [
        ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/_all", &[][..]),
        ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/_snapshot/millrace", &[]),
        ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/_snapshot/millrace/1", &[]),
    ];
    for role in ["RetentionRole", "ReplayRole"] {
        assert_allowed(&stack, role, &[index]);
        assert_denied(&stack, role, &others);
    }
    let of_stream = ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/.ds-app-000001", &[][..]);
    assert_allowed(&stack, "RetentionRole", &[of_stream]);
    let writes = [
        ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/_bulk", &[][..]),
        ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/app/_doc", &[]),
        ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/app/_search", &[]),
    ];
    assert_denied(&stack, "RetentionRole", &writes);
    assert_denied(&stack, "SetupRole", &[index]);
    assert_denied(&stack, "SetupRole", &others);
}

#[test]
fn the_brake_reads_from_the_domain_and_changes_nothing_there() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, EVERYTHING);
    let domain = "arn:aws:es:eu-west-1:111122223333:domain/search/_cluster/settings";
    let changes = ["es:ESHttpPut", "es:ESHttpPost", "es:ESHttpPatch", "es:ESHttpDelete", "es:ESHttpHead"];
    assert_denied(&stack, "BrakeRole", &changes.map(|action| (action, domain, &[][..])));
}

#[test]
fn replay_neither_sends_documents_nor_changes_who_may_do_what() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, EVERYTHING);
    assert_denied(
        &stack,
        "ReplayRole",
        &[
            ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/_bulk", &[]),
            (
                "es:ESHttpPatch",
                "arn:aws:es:eu-west-1:111122223333:domain/search/_plugins/_security/api/rolesmapping/x",
                &[],
            ),
        ],
    );
}

#[test]
fn a_collection_has_no_retention_and_a_brake_that_asks_it_nothing_and_replay_looks_at_it() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, COLLECTION);
    for absent in ["RetentionRole", "RetentionFunction"] {
        assert!(stack.properties(absent).is_none(), "{absent}");
    }
    let own = ("aoss:APIAccessAll", "arn:aws:aoss:eu-west-1:111122223333:collection/own", &[][..]);
    for role in ["SetupRole", "ReplayRole"] {
        assert_allowed(&stack, role, &[own]);
        assert_denied(
            &stack,
            role,
            &[("aoss:APIAccessAll", "arn:aws:aoss:eu-west-1:111122223333:collection/other", &[])],
        );
    }
    assert_denied(&stack, "BrakeRole", &[own]);
    for role in ["BrakeRole", "ReplayRole"] {
        assert_allowed(
            &stack,
            role,
            &[("lambda:UpdateEventSourceMapping", MAPPING, &[("lambda:FunctionArn", S3_INGEST)])],
        );
        assert_denied(
            &stack,
            role,
            &[("lambda:UpdateEventSourceMapping", MAPPING, &[("lambda:FunctionArn", KINESIS_INGEST)])],
        );
    }
}
