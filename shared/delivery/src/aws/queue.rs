//! SQS: send messages, change the visibility of a failed one, and read the queue's settings.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, QueueAttributeName, SendMessageBatchRequestEntry},
};

use super::error::batch_error;
use pipeline::outcome::BatchError;

/// SQS's client.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
}

/// A message to send.
#[derive(Debug, Clone, Default)]
pub struct Outgoing<'m> {
    /// The body.
    pub body: String,
    /// The seconds during which SQS delivers it to no consumer.
    pub delay_seconds: i32,
    /// Text attributes, by name.
    pub attributes: &'m [(&'m str, &'m str)],
}

/// The settings of a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueAttributes {
    /// JSON with `deadLetterTargetArn` and `maxReceiveCount`, if the queue has a dead-letter queue.
    pub redrive_policy: Option<String>,
    /// The visibility timeout in seconds.
    pub visibility_timeout: Option<u32>,
}

impl Queue {
    /// A client of the configuration's endpoint.
    pub fn new(config: &SdkConfig) -> Self {
        Self { client: Client::new(config) }
    }

    /// Sends one message. It is durable when this returns.
    ///
    /// # Errors
    /// Any failure. The message may or may not be in the queue.
    pub async fn send(&self, url: &str, message: Outgoing<'_>) -> Result<(), BatchError> {
        let request = self.client.send_message().queue_url(url).message_body(message.body);
        let mut request = request.delay_seconds(message.delay_seconds);
        for (name, value) in message.attributes {
            // SQS takes no empty attribute. Drop it rather than the message.
            let attribute = MessageAttributeValue::builder().data_type("String").string_value(*value).build();
            if let (Ok(attribute), false) = (attribute, value.is_empty()) {
                request = request.message_attributes(*name, attribute);
            }
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(batch_error(format!("SendMessage to {url}"), &error)),
        }
    }

    /// Sends up to ten messages. Returns how many of them SQS refused; these have to be sent again.
    ///
    /// # Errors
    /// Any failure. Any of the messages may be in the queue.
    pub async fn send_batch(&self, url: &str, bodies: &[String]) -> Result<Vec<usize>, BatchError> {
        let entries = bodies.iter().enumerate().filter_map(|(number, body)| {
            SendMessageBatchRequestEntry::builder().id(number.to_string()).message_body(body).build().ok()
        });
        let request = self.client.send_message_batch().queue_url(url).set_entries(Some(entries.collect()));
        match request.send().await {
            Ok(output) => Ok(output.failed().iter().filter_map(|failed| failed.id().parse().ok()).collect()),
            Err(error) => Err(batch_error(format!("SendMessageBatch to {url}"), &error)),
        }
    }

    /// The number of messages that were received and are neither deleted nor visible again. SQS calls it approximate.
    ///
    /// # Errors
    /// Any failure of the call.
    pub async fn in_flight(&self, url: &str) -> Result<u64, BatchError> {
        let name = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let values = self.values_of(url, std::slice::from_ref(&name)).await?;
        Ok(values.get(&name).and_then(|count| count.parse().ok()).unwrap_or_default())
    }

    /// Makes a received message visible again after `seconds`.
    ///
    /// # Errors
    /// Any failure. The message is then redelivered after the queue's full timeout.
    pub async fn change_visibility(&self, url: &str, receipt_handle: &str, seconds: i32) -> Result<(), BatchError> {
        let request = self.client.change_message_visibility().queue_url(url).receipt_handle(receipt_handle);
        match request.visibility_timeout(seconds).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(batch_error(format!("ChangeMessageVisibility in {url}"), &error)),
        }
    }

    /// The settings of the queue.
    ///
    /// # Errors
    /// Permanent if the queue is missing or may not be read (`sqs:GetQueueAttributes`).
    pub async fn attributes(&self, url: &str) -> Result<QueueAttributes, BatchError> {
        let (redrive, visibility) = (QueueAttributeName::RedrivePolicy, QueueAttributeName::VisibilityTimeout);
        let mut values = self.values_of(url, &[redrive.clone(), visibility.clone()]).await?;
        Ok(QueueAttributes {
            redrive_policy: values.remove(&redrive),
            visibility_timeout: values.remove(&visibility).and_then(|seconds| seconds.parse().ok()),
        })
    }

    async fn values_of(
        &self,
        url: &str,
        names: &[QueueAttributeName],
    ) -> Result<HashMap<QueueAttributeName, String>, BatchError> {
        let request = self.client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec()));
        match request.send().await {
            Ok(output) => Ok(output.attributes.unwrap_or_default()),
            Err(error) => Err(batch_error(format!("GetQueueAttributes of {url}"), &error)),
        }
    }
}
