//! Firehose and its function.

use tests::stack::Template;

use super::{super::deployed, EVERYTHING, Row, assert_denied};

/// The function: records in, records out.
pub(super) const TRANSFORM: &[Row] = &[
    ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hash", &[]),
    (
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:111122223333:key/own",
        &[("kms:ViaService", "secretsmanager.eu-west-1.amazonaws.com")],
    ),
    (
        "logs:CreateLogStream",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-firehose-transform:log-stream:1",
        &[],
    ),
    (
        "logs:PutLogEvents",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/logs-firehose-transform:log-stream:1",
        &[],
    ),
];

/// The delivery stream.
pub(super) const DELIVERY: &[Row] = &[
    ("s3:GetBucketLocation", "arn:aws:s3:::logs-deliverybucket-1", &[]),
    ("s3:ListBucket", "arn:aws:s3:::logs-deliverybucket-1", &[]),
    ("s3:ListBucketMultipartUploads", "arn:aws:s3:::logs-deliverybucket-1", &[]),
    ("s3:AbortMultipartUpload", "arn:aws:s3:::logs-deliverybucket-1/chosen/1.json.gz", &[]),
    ("s3:GetObject", "arn:aws:s3:::logs-deliverybucket-1/chosen/1.json.gz", &[]),
    ("s3:PutObject", "arn:aws:s3:::logs-deliverybucket-1/chosen/1.json.gz", &[]),
    ("lambda:InvokeFunction", FUNCTION, &[]),
    ("lambda:GetFunctionConfiguration", FUNCTION, &[]),
    // Firehose may append the version to the ARN that it calls. There is only `$LATEST`.
    ("lambda:InvokeFunction", LATEST, &[]),
    // For some minutes after an upgrade, Firehose still calls the alias of earlier releases.
    ("lambda:InvokeFunction", ALIAS, &[]),
    ("kinesis:DescribeStream", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
    ("kinesis:GetRecords", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
    ("kinesis:GetShardIterator", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
    ("kinesis:ListShards", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/own", &[("kms:ViaService", "s3.eu-west-1.amazonaws.com")]),
    (
        "kms:Decrypt",
        "arn:aws:kms:eu-west-1:111122223333:key/own",
        &[("kms:ViaService", "kinesis.eu-west-1.amazonaws.com")],
    ),
    (
        "kms:GenerateDataKey",
        "arn:aws:kms:eu-west-1:111122223333:key/own",
        &[("kms:ViaService", "s3.eu-west-1.amazonaws.com")],
    ),
    (
        "logs:PutLogEvents",
        "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/kinesisfirehose/delivery:log-stream:delivery",
        &[],
    ),
];
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:logs-FirehoseTransformFunction-1";
const LATEST: &str = "arn:aws:lambda:eu-west-1:111122223333:function:logs-FirehoseTransformFunction-1:$LATEST";
const ALIAS: &str = "arn:aws:lambda:eu-west-1:111122223333:function:logs-FirehoseTransformFunction-1:live";

#[test]
fn the_delivery_stream_calls_one_function_and_deletes_nothing() {
    let Some(template) = deployed() else { return };
    let stack = Template::new(template, EVERYTHING);
    assert_denied(
        &stack,
        "DeliveryRole",
        &[
            ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:logs-S3IngestFunction-1", &[]),
            (
                "lambda:InvokeFunction",
                "arn:aws:lambda:eu-west-1:111122223333:function:logs-FirehoseTransformFunction-1:1",
                &[],
            ),
            ("s3:DeleteObject", "arn:aws:s3:::logs-deliverybucket-1/chosen/1.json.gz", &[]),
            ("s3:PutObject", "arn:aws:s3:::source/1.json", &[]),
            ("kinesis:PutRecord", "arn:aws:kinesis:eu-west-1:111122223333:stream/events", &[]),
            ("kms:GenerateDataKey", "arn:aws:kms:eu-west-1:111122223333:key/own", &[]),
        ],
    );
}
