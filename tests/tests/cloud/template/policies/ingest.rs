//! The functions that deliver events to the domain.

use tests::stack::Template;

use super::{super::deployed, COLLECTION, EVERYTHING, Row, assert_allowed, assert_denied};

/// The requests for every source.
pub(super) const ALL: &[Row] = &[
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/_bulk", &[]),
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/MILLRACE/_doc/_bulk", &[]),
    FIND,
    LOOK_UP,
    ("s3:PutObject", "arn:aws:s3:::logs-deadletterbucket-1/dead-letters/app/1.ndjson", &[]),
    // A mark for the brake, and not the brake's own state.
    ("s3:PutObject", "arn:aws:s3:::logs-deadletterbucket-1/state/refused/logs-S3IngestFunction-1.json", &[]),
    ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hash", &[]),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/own", &[("kms:ViaService", "s3.eu-west-1.amazonaws.com")]),
    // A bucket of another region.
    (
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:111122223333:key/own",
        &[("kms:ViaService", "s3.ap-northeast-2.amazonaws.com")],
    ),
    (
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:111122223333:key/own",
        &[("kms:ViaService", "kinesis.eu-west-1.amazonaws.com")],
    ),
    (
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:111122223333:key/own",
        &[("kms:ViaService", "secretsmanager.eu-west-1.amazonaws.com")],
    ),
];

/// The indices of a data stream or an alias.
pub(super) const FIND: Row =
    ("es:ESHttpGet", "arn:aws:es:eu-west-1:111122223333:domain/search/app/_settings/index.creation_date", &[]);
/// The ids that one of them holds.
const LOOK_UP: Row = ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/.ds-app-000001/_mget", &[]);

/// Lambda needs these to run a function inside a VPC. These actions have no resource.
pub(super) const IN_VPC: &[Row] = &[
    ("ec2:CreateNetworkInterface", "*", &[]),
    ("ec2:DescribeNetworkInterfaces", "*", &[]),
    ("ec2:DescribeSubnets", "*", &[]),
    ("ec2:DeleteNetworkInterface", "*", &[]),
    ("ec2:AssignPrivateIpAddresses", "*", &[]),
    ("ec2:UnassignPrivateIpAddresses", "*", &[]),
];

pub(super) const S3: &[Row] = &[
    ("s3:GetObject", "arn:aws:s3:::source/source/jsona/00.json", &[]),
    ("s3:GetObjectVersion", "arn:aws:s3:::source/source/jsona/00.json", &[]),
    ("s3:ListBucket", "arn:aws:s3:::source", &[]),
    ("s3:ListBucket", "arn:aws:s3:::logs-deadletterbucket-1", &[]),
    ("s3:GetObject", "arn:aws:s3:::logs-deadletterbucket-1/dead-letters/app/1.ndjson", &[]),
    ("s3:DeleteObject", "arn:aws:s3:::logs-deadletterbucket-1/dead-letters/app/1.ndjson", &[]),
    ("sqs:ReceiveMessage", "arn:aws:sqs:eu-west-1:111122223333:logs-IngestQueue-1", &[]),
    ("sqs:DeleteMessage", "arn:aws:sqs:eu-west-1:111122223333:logs-IngestQueue-1", &[]),
    ("sqs:GetQueueAttributes", "arn:aws:sqs:eu-west-1:111122223333:logs-IngestQueue-1", &[]),
    ("sqs:ChangeMessageVisibility", "arn:aws:sqs:eu-west-1:111122223333:logs-IngestQueue-1", &[]),
    ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:logs-IngestQueue-1", &[]),
    ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:logs-IngestDeadLetterQueue-1", &[]),
    (
        "logs:CreateLogStream",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-s3-ingest:log-stream:1",
        &[],
    ),
    ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-s3-ingest:log-stream:1", &[]),
];

pub(super) const KINESIS: &[Row] = &[
    ("kinesis:DescribeStream", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
    ("kinesis:DescribeStreamSummary", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
    ("kinesis:GetRecords", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
    ("kinesis:GetShardIterator", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
    ("kinesis:ListShards", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
    ("kinesis:SubscribeToShard", CONSUMER, &[]),
    ("kinesis:DescribeStreamConsumer", CONSUMER, &[]),
    ("s3:PutObject", "arn:aws:s3:::logs-deadletterbucket-1/aws/lambda/1/shardId-0/2026/11/29/1", &[]),
    ("s3:ListBucket", "arn:aws:s3:::logs-deadletterbucket-1", &[]),
    (
        "logs:CreateLogStream",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-kinesis-ingest:log-stream:1",
        &[],
    ),
    (
        "logs:PutLogEvents",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-kinesis-ingest:log-stream:1",
        &[],
    ),
];
const CONSUMER: &str = "arn:aws:kinesis:eu-west-1:111122223333:stream/events/consumer/StreamConsumer:1";

pub(super) const KAFKA: &[Row] = &[
    ("kafka:DescribeClusterV2", "arn:aws:kafka:eu-west-1:111122223333:cluster/own/1-1", &[]),
    ("kafka:GetBootstrapBrokers", "arn:aws:kafka:eu-west-1:111122223333:cluster/own/1-1", &[]),
    ("kafka-cluster:Connect", "arn:aws:kafka:eu-west-1:111122223333:cluster/own/1-1", &[]),
    ("kafka-cluster:DescribeClusterDynamicConfiguration", "arn:aws:kafka:eu-west-1:111122223333:cluster/own/1-1", &[]),
    ("kafka-cluster:DescribeTopic", "arn:aws:kafka:eu-west-1:111122223333:topic/own/1-1/events", &[]),
    ("kafka-cluster:ReadData", "arn:aws:kafka:eu-west-1:111122223333:topic/own/1-1/events", &[]),
    ("kafka-cluster:DescribeGroup", "arn:aws:kafka:eu-west-1:111122223333:group/own/1-1/logs", &[]),
    ("kafka-cluster:AlterGroup", "arn:aws:kafka:eu-west-1:111122223333:group/own/1-1/logs", &[]),
    // The pollers join the network of the brokers.
    ("ec2:DescribeVpcs", "*", &[]),
    ("ec2:DescribeSecurityGroups", "*", &[]),
    (
        "logs:CreateLogStream",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-kafka-ingest:log-stream:1",
        &[],
    ),
    (
        "logs:PutLogEvents",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-kafka-ingest:log-stream:1",
        &[],
    ),
];

/// The most harmful requests that a malicious event could try to cause.
const NEVER: &[Row] = &[
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/_search", &[]),
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/_delete_by_query", &[]),
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/_mget", &[]),
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/app/_search", &[]),
    ("es:ESHttpGet", "arn:aws:es:eu-west-1:111122223333:domain/search/app/_doc/1", &[]),
    ("es:ESHttpGet", "arn:aws:es:eu-west-1:111122223333:domain/search/app/_mget", &[]),
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/other/_bulk", &[]),
    ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/logs/_doc/_bulk", &[]),
    ("es:ESHttpGet", "arn:aws:es:eu-west-1:111122223333:domain/search/_bulk", &[]),
    ("es:ESHttpDelete", "arn:aws:es:eu-west-1:111122223333:domain/search/logs-2026.11.22", &[]),
    ("s3:PutObject", "arn:aws:s3:::source/source/jsona/00.json", &[]),
    ("s3:DeleteObject", "arn:aws:s3:::source/source/jsona/00.json", &[]),
    ("s3:GetObject", "arn:aws:s3:::other/source/jsona/00.json", &[]),
    ("s3:PutObject", "arn:aws:s3:::logs-deadletterbucket-1/state/brake.json", &[]),
    ("s3:DeleteObject", "arn:aws:s3:::logs-deadletterbucket-1/state/brake.json", &[]),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/own", &[]),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/own", &[("kms:ViaService", "ec2.eu-west-1.amazonaws.com")]),
    (
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:111122223333:key/own",
        &[("kms:ViaService", "kinesis.ap-northeast-2.amazonaws.com")],
    ),
    (
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:111122223333:key/other",
        &[("kms:ViaService", "s3.eu-west-1.amazonaws.com")],
    ),
    ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:other", &[]),
    ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other", &[]),
    ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/other:log-stream:1", &[]),
    ("kinesis:PutRecord", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
    ("kafka-cluster:WriteData", "arn:aws:kafka:eu-west-1:111122223333:topic/own/1-1/events", &[]),
    ("kafka-cluster:ReadData", "arn:aws:kafka:eu-west-1:111122223333:topic/own/1-1/other", &[]),
    ("lambda:UpdateFunctionCode", "arn:aws:lambda:eu-west-1:111122223333:function:logs-S3IngestFunction-1", &[]),
    (
        "iam:PassRole",
        "arn:aws:iam::111122223333:role/logs-SnapshotRole-1",
        &[("iam:PassedToService", "es.amazonaws.com")],
    ),
];

#[test]
fn functions_of_events_write_documents_and_dead_letters_and_read_their_source_alone() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, EVERYTHING);
    for role in ["S3IngestRole", "KinesisIngestRole", "KafkaIngestRole"] {
        assert_denied(&stack, role, NEVER);
    }
}

#[test]
fn ids_are_looked_up_only_where_a_dataset_rolls_over() {
    let Some(template) = deployed() else { return };
    let without: Vec<_> = EVERYTHING.iter().copied().filter(|(name, _)| *name != "RolloverLookups").collect();
    let stack = Template::new(template, &without);
    for role in ["S3IngestRole", "KinesisIngestRole", "KafkaIngestRole"] {
        assert_denied(&stack, role, &[FIND, LOOK_UP]);
    }
}

#[test]
fn a_collection_is_written_to_by_its_own_action_and_no_domain_is() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, COLLECTION);
    let own = ("aoss:APIAccessAll", "arn:aws:aoss:eu-west-1:111122223333:collection/own", &[][..]);
    assert_allowed(&stack, "S3IngestRole", &[own]);
    assert_denied(
        &stack,
        "S3IngestRole",
        &[
            ("aoss:APIAccessAll", "arn:aws:aoss:eu-west-1:111122223333:collection/other", &[]),
            ("aoss:DeleteCollection", "arn:aws:aoss:eu-west-1:111122223333:collection/own", &[]),
            ("es:ESHttpPost", "arn:aws:es:eu-west-1:111122223333:domain/search/_bulk", &[]),
            // No keys, no secrets and no VPC: this stack names none.
            (
                "kms:Decrypt",
                "arn:aws:kms:eu-west-1:111122223333:key/own",
                &[("kms:ViaService", "s3.eu-west-1.amazonaws.com")],
            ),
            ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hash", &[]),
            ("ec2:CreateNetworkInterface", "*", &[]),
        ],
    );
}

/// The roles of the functions that send requests to the domain, in a stack with a bucket alone.
const OF_THE_DOMAIN: [&str; 5] = ["S3IngestRole", "SetupRole", "RetentionRole", "BrakeRole", "ReplayRole"];

#[test]
fn the_secrets_of_a_domain_are_read_by_the_functions_that_send_requests_to_it() {
    let Some(template) = deployed() else { return };
    let secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:password";
    let authority = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:authority";
    for auth in ["basic", "apikey"] {
        let parameters = [
            ("DomainAuth", auth),
            ("BasicAuthSecretArn", secret),
            ("DomainCaSecretArn", authority),
            ("BucketName", "source"),
            ("DomainEndpoint", "https://x"),
        ];
        let stack = Template::new(template, &parameters);
        for role in OF_THE_DOMAIN {
            let reads = [secret, authority].map(|secret| ("secretsmanager:GetSecretValue", secret, &[][..]));
            assert_allowed(&stack, role, &reads);
            let list = "arn:aws:es:eu-west-1:111122223333:domain/search/_cat/indices";
            assert_denied(&stack, role, &[("es:ESHttpGet", list, &[])]);
        }
    }
}

#[test]
fn only_the_named_role_of_another_account_is_assumed() {
    let Some(template) = deployed() else { return };
    let (role, other) = ("arn:aws:iam::444455556666:role/logs", "arn:aws:iam::444455556666:role/admin");
    let parameters = [
        ("DomainArn", "arn:aws:es:us-east-1:444455556666:domain/search"),
        ("DomainRoleArn", role),
        ("BucketName", "source"),
        ("DomainEndpoint", "https://x"),
    ];
    let stack = Template::new(template, &parameters);
    for function in OF_THE_DOMAIN {
        assert_allowed(&stack, function, &[("sts:AssumeRole", role, &[])]);
        assert_denied(&stack, function, &[("sts:AssumeRole", other, &[])]);
    }
}
