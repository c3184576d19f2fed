//! A message of a queue, the event that Lambda's event source mapping makes from messages, and the answer to it.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

use crate::{
    function::Answer,
    response::{BatchFailure, reported},
};

/// One message as a function receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// SQS's message id.
    pub id: String,
    /// The handle that a change of its visibility needs.
    pub receipt_handle: String,
    /// The notification or continuation.
    pub body: String,
    /// The number of deliveries, including this one.
    pub receive_count: u32,
    /// Its attributes, as text.
    pub attributes: BTreeMap<String, String>,
}

/// The event that Lambda's event source mapping makes from these messages.
pub fn event(messages: &[Message]) -> Value {
    let records: Vec<Value> = messages
        .iter()
        .map(|message| {
            json!({
                "messageId": message.id,
                "receiptHandle": message.receipt_handle,
                "body": message.body,
                "attributes": {
                    "ApproximateReceiveCount": message.receive_count.to_string(),
                    "SentTimestamp": "1795309207502",
                    "SenderId": "local",
                    "ApproximateFirstReceiveTimestamp": "1795309207511",
                },
                "messageAttributes": attributes(&message.attributes),
                "md5OfBody": hex::encode(Md5::digest(&message.body)),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:local",
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({ "Records": records })
}

fn attributes(texts: &BTreeMap<String, String>) -> Map<String, Value> {
    texts.iter().map(|(name, text)| (name.clone(), json!({ "stringValue": text, "dataType": "String" }))).collect()
}

/// The messages that an answer reports as failed, by their positions in the batch. All others are deleted.
///
/// # Errors
/// All messages have failed.
pub fn failed(messages: &[Message], answer: &Answer) -> Result<Vec<usize>, BatchFailure> {
    reported(answer, |identifier| messages.iter().position(|message| *identifier == message.id))
}
