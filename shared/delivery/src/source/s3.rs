//! S3: the objects of an invocation, their bytes, and the response.
//!
//! In: an invocation in any of its envelopes. Out: the objects to read, their bytes, and the response by which SQS (or
//! Lambda's own retries) deletes or redelivers a message. Deliberately absent: the domain, and the content of an
//! object.

pub mod continuation;
pub mod fetch;
pub mod letters;
pub mod notification;
pub mod visibility;

use serde_json::{Value, json};

pub use continuation::Continuation;
pub use fetch::{ChunkReader, Fetch, FetchError};
pub use letters::LettersTask;
pub use notification::{Envelope, Invocation, Message, Task};

/// The answer to an invocation whose messages `failed`, by their ids. `None` if the envelope has no partial answer, and
/// gets an error: Lambda then retries the invocation, and at last keeps the raw event in the function's dead-letter
/// queue.
pub fn respond(envelope: Envelope, failed: &[Option<String>]) -> Option<Value> {
    let identifiers: Option<Vec<String>> = failed.iter().cloned().collect();
    match (envelope, identifiers) {
        // An empty or null identifier would count as the failure of the whole batch, so return that as an error.
        (Envelope::Sqs, Some(identifiers)) => {
            let failures = identifiers.into_iter().map(|identifier| json!({ "itemIdentifier": identifier }));
            Some(json!({ "batchItemFailures": failures.collect::<Vec<_>>() }))
        }
        _ => failed.is_empty().then_some(Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqs_is_told_which_messages_failed_and_the_others_get_an_error() {
        let failed = [Some("m1".to_owned())];
        assert_eq!(respond(Envelope::Sqs, &failed), Some(json!({ "batchItemFailures": [{ "itemIdentifier": "m1" }] })));
        assert_eq!(respond(Envelope::Sqs, &[]), Some(json!({ "batchItemFailures": [] })));
        assert_eq!(respond(Envelope::Direct, &failed), None);
        assert_eq!(respond(Envelope::Direct, &[]), Some(Value::Null));
        assert_eq!(respond(Envelope::Sqs, &[None]), None, "never a null identifier");
    }
}
