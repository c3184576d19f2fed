//! Finds the objects of an invocation: S3's own notification, alone or inside SQS, SNS, SNS in SQS, or EventBridge
//! (also in SQS). The shape of the event shows which it is.
//!
//! Only the needed fields are read: S3-compatible stores and emulators leave out others, and a notification must not
//! fail for lack of a `userIdentity`.

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{super::invalid::InvalidEvent, continuation::Continuation, letters::LettersTask};
use crate::aws::objects::ObjectRef;
use pipeline::rules::is_access_point;

/// How the invocation came. It decides the form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelope {
    /// By SQS, which takes partial answers.
    Sqs,
    /// Directly from S3, by SNS or by EventBridge.
    Direct,
}

/// One task.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// An object was created.
    Object(ObjectRef),
    /// A folder was created by the console: an empty object whose key ends with `/`. It holds no events, so it needs no
    /// dataset.
    Folder(ObjectRef),
    /// An archived object was restored, so it can be read.
    Restored(ObjectRef),
    /// An object that was begun before.
    Continue(Box<Continuation>),
    /// Dead letters to retry.
    Letters(LettersTask),
}

/// The unit that is acknowledged or redelivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// SQS's message id.
    pub id: Option<String>,
    /// SQS's receipt handle.
    pub receipt_handle: Option<String>,
    /// How often SQS has delivered it, including this time.
    pub receive_count: u32,
    /// Its tasks, or why it can't be read.
    pub tasks: Result<Vec<Task>, InvalidEvent>,
    /// The unchanged body from SQS, to be sent again. Empty in other envelopes.
    pub body: String,
    /// How often it was sent again for lack of time ([`TURNS`]).
    pub turns: u32,
}

/// The message attribute that counts how often a message was sent again without an attempt.
pub const TURNS: &str = "millrace-turns";

/// A whole invocation.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// How it came.
    pub envelope: Envelope,
    /// At least one, unless SQS sent none.
    pub messages: Vec<Message>,
}

impl Invocation {
    /// Reads an invocation. A part that can't be read becomes a message that fails, so that it is kept.
    pub fn read(event: &Value) -> Self {
        match records(event) {
            Some(records) if records.first().is_some_and(|record| text(record, "eventSource") == Some("aws:sqs")) => {
                Self { envelope: Envelope::Sqs, messages: records.iter().map(sqs_message).collect() }
            }
            _ => {
                let message = Message {
                    id: None,
                    receipt_handle: None,
                    receive_count: 1,
                    tasks: tasks(event),
                    body: String::new(),
                    turns: 0,
                };
                Self { envelope: Envelope::Direct, messages: vec![message] }
            }
        }
    }
}

fn sqs_message(record: &Value) -> Message {
    let body = text(record, "body").unwrap_or_default();
    let count = record["attributes"]["ApproximateReceiveCount"].as_str().and_then(|count| count.parse().ok());
    let turns = record["messageAttributes"][TURNS]["stringValue"].as_str().and_then(|turns| turns.parse().ok());
    Message {
        id: text(record, "messageId").filter(|id| !id.is_empty()).map(str::to_owned),
        receipt_handle: text(record, "receiptHandle").map(str::to_owned),
        receive_count: count.unwrap_or(1),
        tasks: embedded(body, "the body of the SQS message"),
        body: body.to_owned(),
        turns: turns.unwrap_or_default(),
    }
}

/// Reads a notification that is text inside another.
fn embedded(body: &str, what: &str) -> Result<Vec<Task>, InvalidEvent> {
    let event = serde_json::from_str(body).map_err(|error| format!("{what} is not JSON: {error}"))?;
    tasks(&event)
}

/// The tasks of one notification in any wrapping.
fn tasks(event: &Value) -> Result<Vec<Task>, InvalidEvent> {
    if text(event, "millrace") == Some("dead_letters") {
        let letters = serde_json::from_value(event.clone())
            .map_err(|error| format!("not a message about dead letters of this release: {error}"))?;
        return Ok(vec![Task::Letters(letters)]);
    }
    if event.get("millrace").is_some() {
        let continuation = serde_json::from_value(event.clone())
            .map_err(|error| format!("not a continuation of this release: {error}"))?;
        return Ok(vec![Task::Continue(Box::new(continuation))]);
    }
    if text(event, "Event") == Some("s3:TestEvent") {
        tracing::info!(position = text(event, "Bucket"), "acknowledged the test event of a new bucket notification");
        return Ok(Vec::new());
    }
    if text(event, "Type") == Some("Notification") {
        return embedded(text(event, "Message").unwrap_or_default(), "the SNS message");
    }
    if text(event, "source") == Some("aws.s3") {
        return eventbridge(event);
    }
    let Some(records) = records(event) else {
        return Err(
            "not a notification: give one of S3, directly or in SQS, SNS or EventBridge, or a continuation".into()
        );
    };
    let mut tasks = Vec::with_capacity(records.len());
    for record in records {
        if let Some(message) = record.get("Sns") {
            tasks.extend(embedded(text(message, "Message").unwrap_or_default(), "the SNS message")?);
        } else {
            tasks.extend(s3_record(record)?);
        }
    }
    Ok(tasks)
}

fn s3_record(record: &Value) -> Result<Option<Task>, InvalidEvent> {
    let name = text(record, "eventName").ok_or("a record without an eventName is not from S3")?;
    let object = &record["s3"]["object"];
    let bucket = text(&record["s3"]["bucket"], "name").ok_or("a record without s3.bucket.name")?;
    let encoded = text(object, "key").ok_or("a record without s3.object.key")?;
    // S3 encodes keys as forms do: `+` is a space
    // (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>).
    let spaced = encoded.replace('+', " ");
    let key = percent_decode_str(&spaced).decode_utf8().map_err(|_| format!("the key `{encoded}` is not UTF-8"))?;
    let name = name.trim_start_matches("s3:");
    let is_restored = name == "ObjectRestore:Completed";
    if !(name.starts_with("ObjectCreated:") || is_restored) {
        tracing::info!(position = %format_args!("s3://{bucket}/{key}"), event_name = name, "acknowledged an event that brings no object");
        return Ok(None);
    }
    let bucket = bucket_name(bucket)?;
    let found = ObjectRef {
        bucket,
        key: key.into_owned(),
        version: version(text(object, "versionId")),
        etag: etag(text(object, "eTag")),
    };
    Ok(Some(task_of(found, object, is_restored)))
}

/// The task of an object that was created or restored. An empty object whose key ends with `/` is a folder. Without a
/// size, the key alone decides.
fn task_of(found: ObjectRef, object: &Value, is_restored: bool) -> Task {
    let is_empty = object.get("size").is_none_or(|size| size.as_u64() == Some(0));
    match found {
        folder if is_empty && folder.key.ends_with('/') => Task::Folder(folder),
        restored if is_restored => Task::Restored(restored),
        created => Task::Object(created),
    }
}

/// The name for ids. S3 itself always gives it; a notification that was written by hand may not.
fn bucket_name(bucket: &str) -> Result<String, InvalidEvent> {
    if is_access_point(bucket) {
        let reason = "is an access point: name the bucket, since document ids are made from its name";
        return Err(format!("s3.bucket.name `{bucket}` {reason}").into());
    }
    Ok(bucket.to_owned())
}

/// EventBridge does not encode keys.
fn eventbridge(event: &Value) -> Result<Vec<Task>, InvalidEvent> {
    let (detail, name) = (&event["detail"], text(event, "detail-type").unwrap_or_default());
    let object = &detail["object"];
    let bucket = text(&detail["bucket"], "name").ok_or("an EventBridge event without detail.bucket.name")?;
    let key = text(object, "key").ok_or("an EventBridge event without detail.object.key")?;
    if !matches!(name, "Object Created" | "Object Restore Completed") {
        tracing::info!(position = %format_args!("s3://{bucket}/{key}"), event_name = name, "acknowledged an event that brings no object");
        return Ok(Vec::new());
    }
    let found = ObjectRef {
        bucket: bucket_name(bucket)?,
        key: key.to_owned(),
        version: version(text(object, "version-id")),
        etag: etag(text(object, "etag")),
    };
    Ok(vec![task_of(found, object, name == "Object Restore Completed")])
}

/// `null` is the version of objects written while versioning was off. The ETag then identifies the content.
fn version(version: Option<&str>) -> Option<String> {
    version.filter(|version| !matches!(*version, "" | "null")).map(str::to_owned)
}

fn etag(etag: Option<&str>) -> Option<String> {
    etag.map(|etag| etag.trim_matches('"')).filter(|etag| !etag.is_empty()).map(str::to_owned)
}

fn records(event: &Value) -> Option<&Vec<Value>> {
    event.get("Records")?.as_array()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(key: &str) -> Task {
        Task::Object(ObjectRef { bucket: "logs".into(), key: key.into(), version: None, etag: Some("e".into()) })
    }

    fn restored(key: &str) -> Task {
        let Task::Object(restored) = object(key) else { panic!("no object") };
        Task::Restored(restored)
    }

    fn put(key: &str) -> Value {
        json!({ "Records": [{ "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": { "bucket": { "name": "logs" }, "object": { "key": key, "eTag": "e" } } }] })
    }

    fn sqs(bodies: &[Value]) -> Value {
        let records: Vec<_> = bodies
            .iter()
            .map(|body| json!({ "messageId": "m", "eventSource": "aws:sqs", "body": body.to_string() }))
            .collect();
        json!({ "Records": records })
    }

    #[test]
    fn every_envelope_leads_to_the_object() {
        let bridge = json!({ "source": "aws.s3", "detail-type": "Object Created", "detail": { "bucket": { "name": "logs" }, "object": { "key": "a+b.json", "etag": "e" } } });
        let sns = json!({ "Type": "Notification", "Message": put("a%2Bb.json").to_string() });
        for (name, event, envelope) in [
            ("direct", put("a%2Bb.json"), Envelope::Direct),
            ("eventbridge", bridge.clone(), Envelope::Direct),
            (
                "sns",
                json!({ "Records": [{ "EventSource": "aws:sns", "Sns": { "Message": put("a%2Bb.json").to_string() } }] }),
                Envelope::Direct,
            ),
            ("sqs", sqs(&[put("a%2Bb.json")]), Envelope::Sqs),
            ("sns in sqs", sqs(&[sns]), Envelope::Sqs),
            ("eventbridge in sqs", sqs(&[bridge]), Envelope::Sqs),
        ] {
            let invocation = Invocation::read(&event);
            assert_eq!(invocation.envelope, envelope, "{name}");
            assert_eq!(invocation.messages[0].tasks, Ok(vec![object("a+b.json")]), "{name}");
        }
    }

    #[test]
    fn a_plus_in_a_notified_key_is_a_space() {
        assert_eq!(
            Invocation::read(&put("dt%3D1/a+b%C3%A9.json")).messages[0].tasks,
            Ok(vec![object("dt=1/a b\u{e9}.json")])
        );
    }

    #[test]
    fn an_empty_object_whose_key_ends_with_a_slash_is_a_folder() {
        let is_folder = |key: &str, size: Option<u64>| {
            let mut event = put(key);
            if let Some(size) = size {
                event["Records"][0]["s3"]["object"]["size"] = json!(size);
            }
            matches!(Invocation::read(&event).messages[0].tasks.as_deref(), Ok([Task::Folder(_)]))
        };
        assert!(is_folder("a/b/", Some(0)) && is_folder("a/", None));
        assert!(!is_folder("a/b/", Some(1)) && !is_folder("a/b", Some(0)));
    }

    #[test]
    fn events_that_create_nothing_are_acknowledged() {
        let mut removed = put("a.json");
        removed["Records"][0]["eventName"] = json!("ObjectRemoved:Delete");
        let mut asked = put("a.json");
        asked["Records"][0]["eventName"] = json!("ObjectRestore:Post");
        let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "logs" });
        for event in [removed, asked, test.clone(), sqs(&[test])] {
            assert_eq!(Invocation::read(&event).messages[0].tasks, Ok(vec![]), "{event}");
        }
    }

    #[test]
    fn a_restored_object_is_read_as_it_was_when_it_was_created_and_is_known_as_restored() {
        for name in ["ObjectRestore:Completed", "s3:ObjectRestore:Completed"] {
            let mut event = put("a.json");
            event["Records"][0]["eventName"] = json!(name);
            assert_eq!(Invocation::read(&event).messages[0].tasks, Ok(vec![restored("a.json")]), "{name}");
        }
        let bridge = json!({ "source": "aws.s3", "detail-type": "Object Restore Completed", "detail": { "bucket": { "name": "logs" }, "object": { "key": "a.json", "etag": "e" } } });
        assert_eq!(Invocation::read(&bridge).messages[0].tasks, Ok(vec![restored("a.json")]));
        let mut asked = bridge;
        for name in ["Object Restore Initiated", "Object Restore Expired"] {
            asked["detail-type"] = json!(name);
            assert_eq!(Invocation::read(&asked).messages[0].tasks, Ok(vec![]), "{name}");
        }
    }

    #[test]
    fn an_access_point_is_no_bucket_because_ids_are_made_from_the_name() {
        for name in ["app-kq3-s3alias", "arn:aws:s3:eu-west-1:111122223333:accesspoint/app", "app--ol-s3", "m.mrap"] {
            let mut event = put("a.json");
            event["Records"][0]["s3"]["bucket"]["name"] = json!(name);
            let Err(error) = &Invocation::read(&event).messages[0].tasks else { panic!("{name} was read") };
            assert!(error.to_string().contains("name the bucket"), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_read_fails_alone_and_is_kept() {
        let invocation = Invocation::read(&sqs(&[json!("hello"), put("a.json")]));
        assert!(invocation.messages[0].tasks.is_err());
        assert_eq!(invocation.messages[1].tasks, Ok(vec![object("a.json")]));
        assert!(Invocation::read(&json!({ "hello": 1 })).messages[0].tasks.is_err());
        assert!(Invocation::read(&put("%ff")).messages[0].tasks.is_err());
    }
}
