//! The notification that S3 sends for a created object, as the body of an SQS message.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

/// S3 encodes keys like form fields, but keeps the slash.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');

/// An `ObjectCreated:Put` notification of one object, or of several objects in one message.
pub fn object_created<'o>(objects: impl IntoIterator<Item = (&'o str, &'o str, u64, &'o str)>) -> String {
    let records: Vec<_> = objects
        .into_iter()
        .map(|(bucket, key, size, etag)| {
            json!({
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": "us-east-1",
                "eventTime": "1970-01-01T00:00:00.000Z",
                "eventName": "ObjectCreated:Put",
                "userIdentity": {"principalId": "local"},
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"x-amz-request-id": "local", "x-amz-id-2": "local"},
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "local",
                    "bucket": {
                        "name": bucket,
                        "ownerIdentity": {"principalId": "local"},
                        "arn": format!("arn:aws:s3:::{bucket}"),
                    },
                    "object": {"key": encoded(key), "size": size, "eTag": etag, "sequencer": "0"},
                },
            })
        })
        .collect();
    json!({ "Records": records }).to_string()
}

/// A key in the encoding of a notification.
fn encoded(key: &str) -> String {
    utf8_percent_encode(key, ENCODED).to_string().replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_encoded_as_by_s3() {
        for (key, expected) in [
            ("source/jsona/dt=2026-11-22/00.json", "source/jsona/dt%3D2026-11-22/00.json"),
            ("a b+c%d.json", "a+b%2Bc%25d.json"),
            ("café/메뉴", "caf%C3%A9/%EB%A9%94%EB%89%B4"),
        ] {
            assert_eq!(encoded(key), expected);
        }
    }
}
