//! The event source mapping of a queue in moto with a function: it does what Lambda's poller does with SQS messages.
//!
//! In: messages of a real queue (moto), including those that the function sends there. Out: invocations. Messages that
//! the function names in `batchItemFailures` are redelivered, the others are deleted. Deliberately absent: waiting. A
//! failed message becomes visible immediately, whatever visibility timeout the function has set.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use emulator::function::{Answer, Function};
use emulator::queue::failed;
use emulator::response::BatchFailure;
use serde_json::Value;

pub use emulator::queue::{Message, event};

use crate::{mapping::response, moto::Moto};

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue<'m> {
    moto: &'m Moto,
    /// Its URL, for `MILLRACE_QUEUE_URL`.
    pub url: String,
}

/// One invocation.
#[derive(Debug)]
pub struct Round {
    /// The messages that were delivered.
    pub messages: Vec<Message>,
    /// The function's answer.
    pub answer: Answer,
    /// The ids of the messages that will be redelivered.
    pub failed: HashSet<String>,
}

impl<'m> Queue<'m> {
    /// Creates a queue.
    pub async fn new(moto: &'m Moto, name: &str) -> Self {
        Self { moto, url: moto.queue(name).await }
    }

    /// Sends a message.
    ///
    /// # Panics
    /// If the queue refuses.
    pub async fn send(&self, body: &Value) {
        let request = self.moto.sqs.send_message().queue_url(&self.url).message_body(body.to_string());
        request.send().await.expect("the message is sent");
    }

    /// Receives visible messages, at most ten.
    ///
    /// # Panics
    /// If the queue refuses.
    pub async fn receive(&self) -> Vec<Message> {
        let request = self.moto.sqs.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let request = request.message_attribute_names("All").wait_time_seconds(0);
        let received = request.send().await.expect("the queue answers");
        received
            .messages()
            .iter()
            .map(|message| Message {
                id: message.message_id().expect("an id").into(),
                receipt_handle: message.receipt_handle().expect("a receipt handle").into(),
                body: message.body().expect("a body").into(),
                // Every delivery is like the first one, since a failed message becomes visible at once.
                receive_count: 1,
                attributes: texts(message.message_attributes()),
            })
            .collect()
    }

    /// The number of its messages: visible, received, or delayed.
    ///
    /// # Panics
    /// If the queue refuses.
    pub async fn depth(&self) -> u64 {
        use aws_sdk_sqs::types::QueueAttributeName as Name;
        let names = [
            Name::ApproximateNumberOfMessages,
            Name::ApproximateNumberOfMessagesNotVisible,
            Name::ApproximateNumberOfMessagesDelayed,
        ];
        let request = self.moto.sqs.get_queue_attributes().queue_url(&self.url);
        let answer = request.set_attribute_names(Some(names.to_vec())).send().await.expect("the queue answers");
        let attributes = answer.attributes().expect("attributes");
        names.iter().map(|name| attributes[name].parse::<u64>().expect("a number")).sum()
    }

    /// Runs one invocation with the visible messages; `None` if there are none.
    ///
    /// # Panics
    /// If the function's binary can't be run, or its answer is not valid for SQS.
    pub async fn deliver(&self, function: &mut Function, timeout: Duration) -> Option<Round> {
        let messages = self.receive().await;
        if messages.is_empty() {
            return None;
        }
        let answer = function.invoke(&event(&messages), timeout).await.expect("the function runs");
        Some(self.settle(messages, answer).await)
    }

    /// Deletes the delivered messages, and makes the failed ones visible.
    ///
    /// # Panics
    /// If the queue refuses, or the answer is not valid for SQS.
    pub async fn settle(&self, messages: Vec<Message>, answer: Answer) -> Round {
        let failed = failures(&messages, &answer);
        for message in &messages {
            if failed.contains(&message.id) {
                let request = self.moto.sqs.change_message_visibility().queue_url(&self.url);
                let request = request.receipt_handle(&message.receipt_handle).visibility_timeout(0);
                request.send().await.expect("the message is shown again");
            } else {
                let request = self.moto.sqs.delete_message().queue_url(&self.url);
                request.receipt_handle(&message.receipt_handle).send().await.expect("the message is deleted");
            }
        }
        Round { messages, answer, failed }
    }

    /// Delivers until the queue is empty, in `limit` invocations at most.
    ///
    /// # Panics
    /// If it is not empty afterwards.
    pub async fn drain(&self, function: &mut Function, timeout: Duration, limit: usize) -> Vec<Round> {
        let mut rounds = Vec::new();
        loop {
            match self.deliver(function, timeout).await {
                Some(round) => rounds.push(round),
                None if self.depth().await == 0 => return rounds,
                // A continuation may have a delay.
                None => tokio::time::sleep(Duration::from_millis(100)).await,
            }
            assert!(
                rounds.len() < limit || self.depth().await == 0,
                "not done after {limit} invocations; the last answers: {:?}; the last lines: {:#?}",
                rounds.iter().rev().take(3).map(|round| &round.answer).collect::<Vec<_>>(),
                function.lines().iter().rev().take(20).rev().collect::<Vec<_>>(),
            );
        }
    }
}

fn texts(attributes: Option<&HashMap<String, aws_sdk_sqs::types::MessageAttributeValue>>) -> BTreeMap<String, String> {
    let text = |value: &aws_sdk_sqs::types::MessageAttributeValue| value.string_value().map(str::to_owned);
    attributes.into_iter().flatten().filter_map(|(name, value)| text(value).map(|text| (name.clone(), text))).collect()
}

/// The ids of the messages that an answer leaves for redelivery.
///
/// # Panics
/// If Lambda would not understand the answer, or it has no list of failures. That would hide a fault of the function.
pub fn failures(messages: &[Message], answer: &Answer) -> HashSet<String> {
    if let Answer::Response(_) = answer {
        let said = response(answer);
        assert!(said["batchItemFailures"].is_array(), "{said} has no batchItemFailures");
    }
    match failed(messages, answer) {
        Ok(failed) => failed.into_iter().map(|position| messages[position].id.clone()).collect(),
        Err(BatchFailure::NoResponse(_)) => messages.iter().map(|message| message.id.clone()).collect(),
        Err(misunderstood) => panic!("{misunderstood}"),
    }
}
