//! An SQS queue in memory, with the two requests that the functions send: `SendMessage` and `ChangeMessageVisibility`.
//!
//! In: messages, from functions over HTTP (JSON protocol) and from the owner of the queue. Out: the messages in their
//! order of arrival, and the event that Lambda makes from them. Deliberately absent: signatures, delays and timeouts. A
//! message that was given back is available at once, and a changed visibility is only recorded.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use http_body_util::BodyExt;
use hyper::{Request, body::Incoming, service::service_fn};
use md5::{Digest, Md5};
use serde_json::{Value, json};

use crate::server::{self, Answer, Closed, Server, hex};

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
}

/// A running queue. Dropping it stops it and deletes its messages.
#[derive(Debug)]
pub struct Queue {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Message>,
    received: BTreeMap<String, Message>,
    count: u64,
    sent_by_functions: Vec<String>,
    visibilities: Vec<(String, i64)>,
}

impl State {
    fn send(&mut self, body: String) -> String {
        self.count += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.count);
        let message = Message { id: id.clone(), receipt_handle: format!("handle-{id}"), body, receive_count: 0 };
        self.waiting.push_back(message);
        id
    }
}

impl Queue {
    /// Serves an empty queue on a free port.
    ///
    /// # Errors
    /// The port could not be bound.
    pub async fn start() -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let server = Server::start(service_fn(move |request| handle(Arc::clone(&shared), request))).await?;
        Ok(Self { server, state })
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
        self.state().send(body);
    }

    /// Takes up to `most` messages from the front. Each one has to be deleted or given back.
    pub fn receive(&self, most: usize) -> Vec<Message> {
        let mut state = self.state();
        let taken = state.waiting.len().min(most);
        let mut messages: Vec<Message> = state.waiting.drain(..taken).collect();
        for message in &mut messages {
            message.receive_count += 1;
            state.received.insert(message.id.clone(), message.clone());
        }
        messages
    }

    /// Deletes a received message.
    pub fn delete(&self, id: &str) {
        self.state().received.remove(id);
    }

    /// Puts a received message at the end of the queue.
    pub fn give_back(&self, id: &str) {
        let mut state = self.state();
        if let Some(message) = state.received.remove(id) {
            state.waiting.push_back(message);
        }
    }

    /// The number of waiting messages.
    pub fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// Whether no message waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bodies of all messages that were sent over HTTP: continuations.
    pub fn sent_by_functions(&self) -> Vec<String> {
        self.state().sent_by_functions.clone()
    }

    /// The receipt handle and the seconds of every `ChangeMessageVisibility`.
    pub fn visibilities(&self) -> Vec<(String, i64)> {
        self.state().visibilities.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
                "messageAttributes": {},
                "md5OfBody": hex(&Md5::digest(&message.body)),
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:local",
                "awsRegion": "us-east-1",
            })
        })
        .collect();
    json!({ "Records": records })
}

async fn handle(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Answer, Closed> {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).map(str::to_owned);
    let body = request.into_body().collect().await.map_err(|_| Closed)?.to_bytes();
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(match target.as_deref() {
        Some("AmazonSQS.SendMessage") => match input["MessageBody"].as_str() {
            Some(body) => {
                let id = state.send(body.to_owned());
                state.sent_by_functions.push(body.to_owned());
                amazon_json(200, &json!({"MessageId": id, "MD5OfMessageBody": hex(&Md5::digest(body))}))
            }
            None => refused("com.amazonaws.sqs#InvalidParameterValue", "MessageBody is missing"),
        },
        Some("AmazonSQS.ChangeMessageVisibility") => {
            match (input["ReceiptHandle"].as_str(), input["VisibilityTimeout"].as_i64()) {
                (Some(handle), Some(seconds)) => {
                    state.visibilities.push((handle.to_owned(), seconds));
                    amazon_json(200, &json!({}))
                }
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

fn amazon_json(status: u16, body: &Value) -> Answer {
    server::answer(status, "application/x-amz-json-1.0", body.to_string())
}

fn refused(error_type: &str, message: &str) -> Answer {
    amazon_json(400, &json!({"__type": error_type, "message": message}))
}
