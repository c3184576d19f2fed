//! Sends messages to a queue: the rest of an object, and a message that is not a notification. Also hides a failed
//! message for a while.
//!
//! Out: `Ok` only if SQS has the new message, so that the old one can be acknowledged. A kill in between leaves both.
//! That costs work but no event: ids follow from positions. Deliberately absent: the decision which messages to send
//! (`s3`).

use super::{ingest::S3Ingest, not_settled::NotSettled};
use crate::{
    aws::Outgoing,
    lambda::Deadline,
    source::{
        InvalidEvent,
        s3::{Continuation, LettersTask, Message, notification::TURNS, visibility},
    },
};

/// The number of times that a message is sent again without an attempt. After that it fails, and so reaches the
/// dead-letter queue.
const MAX_TURNS: u32 = 1_000;
/// The longest delay of a message that is sent again. The first times there is no delay, since another invocation may
/// have time now. Then the delay grows.
const MOST_DELAY_SECONDS: i32 = 300;
/// SQS takes more, but a person reads less.
const MAX_REASON: usize = 500;

impl S3Ingest {
    /// Sends a continuation to the queue.
    pub(super) async fn hand_on(&self, continuation: &Continuation, deadline: Deadline) -> Result<(), NotSettled> {
        let Some(url) = &self.settings.queue_url else {
            return Err(NotSettled::Refused(format!(
                "{} is not finished: set MILLRACE_QUEUE_URL, so that another invocation can resume it",
                continuation.object
            )));
        };
        let body = serde_json::to_string(continuation)?;
        self.send(url, Outgoing { body, ..Outgoing::default() }, deadline).await?;
        let (offset, hops) = (continuation.checkpoint.offset, continuation.hops);
        tracing::info!(
            position = %format_args!("{}@{offset}", continuation.object),
            hops,
            "sent the rest of the object to the queue"
        );
        Ok(())
    }

    /// Sends the message for the letters that an invocation had no time for.
    pub(super) async fn letters_on(&self, task: &LettersTask, deadline: Deadline) -> Result<(), NotSettled> {
        let Some(url) = &self.settings.queue_url else {
            let reason =
                format!("{task} is not finished: set MILLRACE_QUEUE_URL, so that another invocation can resume it");
            return Err(NotSettled::Refused(reason));
        };
        self.send(url, Outgoing { body: task.message(), ..Outgoing::default() }, deadline).await?;
        tracing::info!(position = %task, "sent a message to retry the rest of these dead letters");
        Ok(())
    }

    /// Sends a message again: one that was not attempted, or one object of several that failed. It is a new message, so that
    /// the delay does not count towards the dead-letter queue.
    pub(super) async fn send_again(
        &self,
        message: &Message,
        body: String,
        delay_seconds: i32,
        deadline: Deadline,
    ) -> Result<(), NotSettled> {
        let Some(url) = &self.settings.queue_url else {
            return Err(NotSettled::NoTime(
                "the deadline came before it was read: set MILLRACE_QUEUE_URL, so that another invocation can read it"
                    .into(),
            ));
        };
        let turns = message.turns + 1;
        if turns > MAX_TURNS {
            return Err(NotSettled::NoTime(format!(
                "it was sent again {MAX_TURNS} times, and no invocation had time to read it"
            )));
        }
        let (delay_seconds, text) = (delay_seconds.max(delay(turns)), turns.to_string());
        let attributes = [(TURNS, text.as_str())];
        self.send(url, Outgoing { body, delay_seconds, attributes: &attributes }, deadline).await?;
        tracing::info!(message_id = message.id, turns, delay_seconds, "sent a message again");
        Ok(())
    }

    /// Sends a message that can never be read to the dead-letter queue at once, with an unchanged body. Retries over
    /// days would not help.
    pub(super) async fn no_notification(
        &self,
        message: &Message,
        error: &InvalidEvent,
        deadline: Deadline,
    ) -> Result<(), NotSettled> {
        let (Some(url), Some(id)) = (&self.settings.dead_letter_queue_url, &message.id) else {
            return Err(error.clone().into());
        };
        let reason = error.0.as_str();
        let shown: String = reason.chars().filter(|c| !c.is_control()).take(MAX_REASON).collect();
        let attributes = [("millrace-reason", shown.as_str()), ("millrace-message-id", id.as_str())];
        // SQS takes no empty body.
        let body = if message.body.is_empty() { "{}".to_owned() } else { message.body.clone() };
        self.send(url, Outgoing { body, attributes: &attributes, ..Outgoing::default() }, deadline).await?;
        tracing::error!(message_id = id, reason, "the message is not a notification: sent it to the dead-letter queue");
        Ok(())
    }

    async fn send(&self, url: &str, message: Outgoing<'_>, deadline: Deadline) -> Result<(), NotSettled> {
        match tokio::time::timeout_at(deadline.stop_writing.into(), self.aws.queue.send(url, message)).await {
            Ok(sent) => Ok(sent?),
            Err(_) => Err(NotSettled::NoTime(format!("SendMessage to {url} was not answered before the deadline"))),
        }
    }

    /// Hides a failed message for a pause that depends on its receive count. If that fails, the queue's visibility
    /// timeout applies.
    pub(super) async fn hide(&self, message: &Message, deadline: Deadline) {
        let (Some(url), Some(handle)) = (&self.settings.queue_url, &message.receipt_handle) else { return };
        let seconds = visibility::pause_seconds(message.receive_count, &mut fastrand::Rng::new());
        let change = self.aws.queue.change_visibility(url, handle, seconds);
        if let Ok(Err(error)) = tokio::time::timeout_at(deadline.stop_writing.into(), change).await {
            tracing::warn!(message_id = message.id, %error, "the visibility of a failed message could not be changed");
        }
    }
}

fn delay(turns: u32) -> i32 {
    i32::try_from(turns.saturating_sub(2).saturating_mul(5)).unwrap_or(MOST_DELAY_SECONDS).min(MOST_DELAY_SECONDS)
}
