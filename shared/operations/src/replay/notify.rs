//! The messages that a replay sends: the notification that S3 itself sends for an object, and the message for a
//! dead-letter object.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use delivery::{aws::objects::Listed, source::s3::LettersTask};
use pipeline::time::rfc3339;

/// S3's encoding of keys in notifications. The caller replaces a space with `+` afterwards.
const KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/');

/// The notification that S3 sends for a created object
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>).
pub(super) fn created(bucket: &str, object: &Listed) -> String {
    let key = utf8_percent_encode(&object.key, KEY).to_string().replace("%20", "+");
    let record = json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": rfc3339(object.last_modified_ms).unwrap_or_default(),
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "millrace-replay",
            "bucket": { "name": bucket, "arn": format!("arn:aws:s3:::{bucket}") },
            "object": { "key": key, "size": object.size, "eTag": object.etag },
        },
    });
    json!({ "Records": [record] }).to_string()
}

/// The message for a dead-letter object.
pub(super) fn letters(bucket: &str, object: &Listed, reason: Option<&str>) -> String {
    LettersTask::new(bucket, &object.key, &object.etag, reason).message()
}

#[cfg(test)]
mod tests {
    use super::*;
    use delivery::source::s3::{Invocation, Task};

    #[test]
    fn a_sent_message_is_read_as_the_object_that_it_is_about() {
        for key in ["source/jsona/dt=2026-11-22/00.json", "café menu+tea & more.json", "a%2Bb/~!'()*.gz"] {
            let object = Listed { key: key.into(), etag: "e".into(), size: 3, ..Listed::default() };
            let invocation = Invocation::read(&serde_json::from_str(&created("logs", &object)).unwrap());
            let tasks = invocation.messages[0].tasks.as_ref().unwrap();
            let [Task::Object(read)] = tasks.as_slice() else { panic!("{tasks:?}") };
            assert_eq!((read.bucket.as_str(), read.key.as_str(), read.etag.as_deref()), ("logs", key, Some("e")));
        }
    }
}
