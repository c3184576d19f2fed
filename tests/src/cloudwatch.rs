//! The envelope of CloudWatch Logs, as a subscription writes it into a stream.
//!
//! In: log events. Out: the envelope's JSON, and the documents of its events under their field names.
//! Deliberately absent: the gzip around it, which [`crate::events::gzip`] adds.

use serde_json::{Value, json};

/// An envelope around log events with id, time and message. Its type is `DATA_MESSAGE` or `CONTROL_MESSAGE`.
/// Its members are in the order in which AWS writes them, with the log events last.
pub fn envelope(message_type: &str, log_events: &[(&str, u64, &str)]) -> String {
    let log_events: Vec<_> = log_events
        .iter()
        .map(|(id, timestamp, message)| {
            format!(r#"{{"id":"{id}","timestamp":{timestamp},"message":{}}}"#, Value::from(*message))
        })
        .collect();
    format!(
        concat!(
            r#"{{"messageType":"{}","owner":"123456789012","logGroup":"/aws/app","logStream":"i-1","#,
            r#""subscriptionFilters":["all"],"logEvents":[{}]}}"#
        ),
        message_type,
        log_events.join(",")
    )
}

/// The document of one log event of such an envelope. If the message is a JSON object, its members come before the
/// envelope's own. The time is in RFC 3339.
///
/// # Panics
/// Never: the envelope's members are an object.
pub fn document(id: &str, time: &str, message: &str) -> Value {
    let mut document = json!({
        "@id": id, "@timestamp": time, "@owner": "123456789012", "@log_group": "/aws/app", "@log_stream": "i-1",
    });
    let members = document.as_object_mut().expect("an object");
    match serde_json::from_str(message) {
        Ok(Value::Object(event)) => members.extend(event),
        _ => _ = members.insert("@message".into(), message.into()),
    }
    document
}
