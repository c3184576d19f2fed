//! SQS: send a message, let a failed one come back sooner, and look at how the queue is set.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry},
};

use pipeline::outcome::BatchError;

/// SQS's client.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
}

/// A message to be sent.
#[derive(Debug, Clone, Default)]
pub struct Outgoing<'m> {
    /// What it says.
    pub body: String,
    /// For so long nobody receives it.
    pub delay_seconds: i32,
    /// Texts beside the body, by their names.
    pub attributes: &'m [(&'m str, &'m str)],
}

/// What a queue is set to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueAttributes {
    /// JSON with `deadLetterTargetArn` and `maxReceiveCount`, where messages that fail too often go somewhere.
    pub redrive_policy: Option<String>,
    /// In seconds.
    pub visibility_timeout: Option<u32>,
}

impl Queue {
    /// A client of the configuration's endpoint.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Sends one message; it is durable when this returns.
    ///
    /// # Errors
    /// Whatever went wrong; the message may or may not be in the queue.
    pub async fn send(&self, url: &str, message: Outgoing<'_>) -> Result<(), BatchError> {
        let request = self.client.send_message().queue_url(url).message_body(message.body);
        let mut request = request.delay_seconds(message.delay_seconds);
        for (name, value) in message.attributes {
            // SQS takes no empty one. A message is worth more than what is said about it.
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(*value).build();
            if let (Ok(attribute), false) = (attribute, value.is_empty()) {
                request = request.message_attributes(*name, attribute);
            }
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(super::batch_error(format!("SendMessage to {url}"), &error)),
        }
    }

    /// Sends up to ten messages; how many of them were refused, which have to be sent again.
    ///
    /// # Errors
    /// Whatever went wrong; any of the messages may be in the queue.
    pub async fn send_batch(&self, url: &str, bodies: &[String]) -> Result<Vec<usize>, BatchError> {
        let entries = bodies.iter().enumerate().filter_map(|(number, body)| {
            SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(body).build().ok()
        });
        let request = self.client.send_message_batch().queue_url(url).set_entries(Some(entries.collect()));
        match request.send().await {
            Ok(output) => Ok(output.failed().iter().filter_map(|failed| failed.id().parse().ok()).collect()),
            Err(error) => Err(super::batch_error(format!("SendMessageBatch to {url}"), &error)),
        }
    }

    /// How many messages have been received and are neither deleted nor visible again; approximate, as SQS says.
    ///
    /// # Errors
    /// As for any call.
    pub async fn in_flight(&self, url: &str) -> Result<u64, BatchError> {
        let name = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let told = self.told(url, std::slice::from_ref(&name)).await?;
        Ok(told.get(&name).and_then(|count| count.parse().ok()).unwrap_or_default())
    }

    /// Makes a received message visible again after `seconds`.
    ///
    /// # Errors
    /// Whatever went wrong; the message then comes back after the queue's full timeout.
    pub async fn change_visibility(&self, url: &str, receipt_handle: &str, seconds: i32) -> Result<(), BatchError> {
        let request = self.client.change_message_visibility().queue_url(url).receipt_handle(receipt_handle);
        match request.visibility_timeout(seconds).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(super::batch_error(format!("ChangeMessageVisibility in {url}"), &error)),
        }
    }

    /// What the queue is set to.
    ///
    /// # Errors
    /// Permanent where it is missing, or may not be looked at (`sqs:GetQueueAttributes`).
    pub async fn attributes(&self, url: &str) -> Result<QueueAttributes, BatchError> {
        let (redrive, visibility) = (QueueAttributeName::RedrivePolicy, QueueAttributeName::VisibilityTimeout);
        let mut told = self.told(url, &[redrive.clone(), visibility.clone()]).await?;
        Ok(QueueAttributes {
            redrive_policy: told.remove(&redrive),
            visibility_timeout: told.remove(&visibility).and_then(|seconds| seconds.parse().ok()),
        })
    }

    async fn told(
        &self,
        url: &str,
        names: &[QueueAttributeName],
    ) -> Result<HashMap<QueueAttributeName, String>, BatchError> {
        let request = self.client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        match request.send().await {
            Ok(output) => Ok(output.attributes.unwrap_or_default()),
            Err(error) => Err(super::batch_error(format!("GetQueueAttributes of {url}"), &error)),
        }
    }
}
