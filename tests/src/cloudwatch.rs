//! CloudWatch Logs' envelope, as a subscription puts it into a stream.
//!
//! In: log events. Out: the envelope's JSON, and the events that it holds by the names that documents have. Deliberately
//! absent: the gzip around it, which [`crate::events::gzip`] makes.

use serde_json::{Value, json};

/// An envelope around log events of id, time and message; `DATA_MESSAGE` or `CONTROL_MESSAGE`. Its members come in the
/// order in which AWS writes them, the log events last.
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

/// The document of a log event of such an envelope, by its id, its time in RFC 3339 and its message: the members of a
/// JSON object go before the envelope's own.
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
