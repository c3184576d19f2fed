//! SQS: send a continuation, and let a failed message come back sooner.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;

use crate::outcome::BatchError;

/// SQS's client.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
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
    pub async fn send(&self, url: &str, body: String, delay_seconds: i32) -> Result<(), BatchError> {
        match self.client.send_message().queue_url(url).message_body(body).delay_seconds(delay_seconds).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(super::batch_error(format!("SendMessage to {url}"), &error)),
        }
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
}
