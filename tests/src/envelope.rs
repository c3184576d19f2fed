//! Notifications as the event sources send them: S3's own, and the envelopes of SQS, SNS and EventBridge around it.
//!
//! In: objects that S3 stored. Out: JSON. Keys are encoded where the source encodes them. Deliberately absent:
//! delivering them ([`crate::queue`]).

use std::fmt::Write;

use serde_json::{Value, json};

use crate::moto::{Object, REGION};

/// S3's own notification of new objects. A key is URL-encoded: `+` is a space.
pub fn s3(objects: &[&Object]) -> Value {
    json!({ "Records": objects.iter().map(|object| record(object, "ObjectCreated:Put")).collect::<Vec<_>>() })
}

/// What S3 sends when notifications are configured: an invocation without objects.
pub fn no_objects() -> Value {
    json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b" })
}

/// One record of a notification, with an event name such as `ObjectRemoved:Delete`.
pub fn record(object: &Object, event_name: &str) -> Value {
    let mut entry = json!({
        "key": encode(&object.key),
        "size": object.size,
        "eTag": object.etag,
        "sequencer": "0055AED6DCD90281E5",
    });
    if let Some(version) = &object.version {
        entry["versionId"] = json!(version);
    }
    json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": "2026-11-22T00:00:00.000Z",
        "eventName": event_name,
        "userIdentity": { "principalId": "AWS:AIDAEXAMPLE" },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8" },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "ingest",
            "bucket": {
                "name": object.bucket,
                "ownerIdentity": { "principalId": "A3NL1KOZZKExample" },
                "arn": format!("arn:aws:s3:::{}", object.bucket),
            },
            "object": entry,
        },
    })
}

/// A notification of S3 through EventBridge: one new object, with its key not encoded.
pub fn event_bridge(object: &Object) -> Value {
    event_bridge_of(object, "Object Created")
}

/// The same with another `detail-type`, such as `Object Restore Completed`.
pub fn event_bridge_of(object: &Object, detail_type: &str) -> Value {
    let mut entry = json!({
        "key": object.key, "size": object.size, "etag": object.etag, "sequencer": "00617F08299329D189",
    });
    if let Some(version) = &object.version {
        entry["version-id"] = json!(version);
    }
    json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": "123456789012",
        "time": "2026-11-22T00:00:00Z",
        "region": REGION,
        "resources": [format!("arn:aws:s3:::{}", object.bucket)],
        "detail": {
            "version": "0",
            "bucket": { "name": object.bucket },
            "object": entry,
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    })
}

/// An SNS envelope around a message, as a function receives it directly.
pub fn sns(message: &Value) -> Value {
    json!({ "Records": [{
        "EventVersion": "1.0",
        "EventSubscriptionArn": format!("arn:aws:sns:{REGION}:123456789012:logs:5b3c"),
        "EventSource": "aws:sns",
        "Sns": notification(message),
    }] })
}

/// An SNS envelope around a message, as the body of a queue message (without raw delivery).
pub fn notification(message: &Value) -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "63a3f6b6-d533-4a47-aef9-fcf5cf758c76",
        "TopicArn": format!("arn:aws:sns:{REGION}:123456789012:logs"),
        "Subject": "Amazon S3 Notification",
        "Message": message.to_string(),
        "Timestamp": "2026-11-22T00:00:00.000Z",
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertUrl": "https://sns.example/cert.pem",
        "UnsubscribeUrl": "https://sns.example/unsubscribe",
        "MessageAttributes": {},
    })
}

/// An SQS event around messages: id, receipt handle and body of each.
pub fn sqs<'m>(messages: impl IntoIterator<Item = (&'m str, &'m str, &'m str)>) -> Value {
    let records = messages.into_iter().map(|(id, receipt_handle, body)| {
        json!({
            "messageId": id,
            "receiptHandle": receipt_handle,
            "body": body,
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1795305600000",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1795305600001",
            },
            "messageAttributes": {},
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:{REGION}:123456789012:ingest"),
            "awsRegion": REGION,
        })
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

/// A key as S3 writes it into its notifications. It is form-encoded, so a space becomes `+`. The slash stays unchanged.
pub fn encode(key: &str) -> String {
    key.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => encoded.push(byte.into()),
            b' ' => encoded.push('+'),
            _ => write!(encoded, "%{byte:02X}").expect("a string takes everything"),
        }
        encoded
    })
}
