//! An SQS queue in memory, with the two requests that the functions send: `SendMessage` and `ChangeMessageVisibility`.
//!
//! In: messages, from functions over HTTP (JSON protocol) and from the owner of the queue. Out: the visible messages in
//! their order of arrival, and the event that Lambda makes from them. Its clock is simulated. Deliberately absent:
//! signatures.

mod message;
mod messages;

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http_body_util::BodyExt;
use hyper::{Request, body::Incoming, service::service_fn};
use md5::{Digest, Md5};
use serde_json::{Value, json};

pub use self::message::{Message, event, failed};
use self::messages::Messages;
use crate::server::{self, Answer, Closed, Server};

/// A running queue. Dropping it stops it and deletes its messages.
#[derive(Debug)]
pub struct Queue {
    server: Server,
    messages: Arc<Mutex<Messages>>,
}

impl Queue {
    /// Serves an empty queue on a free port. A message that was received `max_receive_count` times goes to the
    /// dead-letter queue.
    ///
    /// # Errors
    /// The port could not be bound.
    pub async fn start(max_receive_count: u32) -> io::Result<Self> {
        let messages = Arc::new(Mutex::new(Messages::new(max_receive_count)));
        let shared = Arc::clone(&messages);
        let server = Server::start(service_fn(move |request| handle(Arc::clone(&shared), request))).await?;
        Ok(Self { server, messages })
    }

    /// The value for `AWS_ENDPOINT_URL_SQS`.
    pub fn endpoint(&self) -> String {
        self.server.url()
    }

    /// The value for `MILLRACE_QUEUE_URL`.
    pub fn url(&self) -> String {
        format!("{}/000000000000/local", self.server.url())
    }

    /// Adds a message.
    pub fn send(&self, body: String) {
        self.messages().send(body, BTreeMap::new(), Duration::ZERO);
    }

    /// Receives up to `most` visible messages. They are invisible until their visibility timeout ends.
    pub fn receive(&self, most: usize) -> Vec<Message> {
        self.messages().receive(most)
    }

    /// Deletes a message.
    pub fn delete(&self, id: &str) {
        self.messages().delete(id);
    }

    /// Lets simulated time pass until every message is visible. Returns whether there is one.
    pub fn wait(&self) -> bool {
        self.messages().wait()
    }

    /// Lets this much simulated time pass.
    pub fn advance(&self, by: Duration) {
        self.messages().advance(by);
    }

    /// The number of messages, visible or not.
    pub fn depth(&self) -> usize {
        self.messages().depth()
    }

    /// The number of visible messages.
    pub fn visible(&self) -> usize {
        self.messages().visible()
    }

    /// The messages in its dead-letter queue.
    pub fn dead(&self) -> Vec<Message> {
        self.messages().dead().to_vec()
    }

    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn handle(messages: Arc<Mutex<Messages>>, request: Request<Incoming>) -> Result<Answer, Closed> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).map(str::to_owned);
    let body = request.into_body().collect().await.map_err(|_| Closed)?.to_bytes();
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let seconds = |name: &str| input[name].as_u64().map(Duration::from_secs);
    let mut messages = messages.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match target.as_deref() {
        Some("AmazonSQS.SendMessage") => match input["MessageBody"].as_str() {
            Some(body) => {
                let delay = seconds("DelaySeconds").unwrap_or_default();
                let id = messages.send(body.to_owned(), attributes(&input["MessageAttributes"]), delay);
                amazon_json(200, &json!({"MessageId": id, "MD5OfMessageBody": hex::encode(Md5::digest(body))}))
            }
            None => refused("com.amazonaws.sqs#InvalidParameterValue", "MessageBody is missing"),
        },
        Some("AmazonSQS.ChangeMessageVisibility") => {
            match (input["ReceiptHandle"].as_str(), seconds("VisibilityTimeout")) {
                (Some(handle), Some(timeout)) if messages.change_visibility(handle, timeout) => {
                    amazon_json(200, &json!({}))
                }
                (Some(_), Some(_)) => refused("com.amazonaws.sqs#ReceiptHandleIsInvalid", "no message has this handle"),
                _ => {
                    refused("com.amazonaws.sqs#InvalidParameterValue", "ReceiptHandle or VisibilityTimeout is missing")
                }
            }
        }
        _ => refused(
            "com.amazonaws.sqs#UnsupportedOperation",
            "this queue knows SendMessage and ChangeMessageVisibility",
        ),
    })
}

fn attributes(given: &Value) -> BTreeMap<String, String> {
    let text = |(name, value): (&String, &Value)| Some((name.clone(), value["StringValue"].as_str()?.to_owned()));
    given.as_object().into_iter().flatten().filter_map(text).collect()
}

fn amazon_json(status: u16, body: &Value) -> Answer {
    server::answer(status, "application/x-amz-json-1.0", body.to_string())
}

fn refused(error_type: &str, message: &str) -> Answer {
    amazon_json(400, &json!({"__type": error_type, "message": message}))
}
