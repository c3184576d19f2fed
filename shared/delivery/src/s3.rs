//! The function `s3-ingest`: the messages of an invocation, and the objects that they name.

use futures_util::future::join_all;
use serde_json::Value;

use super::{
    ingest::S3Ingest,
    not_settled::NotSettled,
    object::Left,
    schedule::{Schedule, schedule},
    turns::{Turns, Waiter},
    unmatched::dataset_of,
};
use crate::{
    lambda::{Deadline, Failed, FailedBy},
    source::s3::{Continuation, Envelope, Invocation, Message, Task, respond},
};
use pipeline::route::IdRule;

/// The delay of a failed object's own message. Later failures count as receives of that message, and it is hidden for
/// longer each time.
const FAILED_DELAY_SECONDS: i32 = 5;

impl S3Ingest {
    /// Handles one invocation.
    ///
    /// # Errors
    /// A message failed and the envelope has no partial answer: Lambda retries the whole invocation.
    pub async fn handle(&self, event: &Value, deadline: Deadline) -> Result<Value, Failed> {
        self.delivery.invocation(deadline, self.messages(event, deadline)).await
    }

    async fn messages(&self, event: &Value, deadline: Deadline) -> Result<Value, Failed> {
        let invocation = Invocation::read(event);
        let messages = &invocation.messages;
        let may_send = invocation.envelope == Envelope::Sqs && self.settings.queue_url.is_some();
        let schedules = schedule(messages, may_send, &mut fastrand::Rng::new());
        let now = |(message, schedule): (&Message, &Schedule)| match (&message.tasks, schedule) {
            (Ok(tasks), Schedule::Now) => tasks.len(),
            _ => 0,
        };
        let objects = messages.iter().zip(&schedules).map(now).sum();
        let turns = Turns::new(self.settings.vcpus(), objects, may_send, deadline).with(self.delivery.bundles());
        let attempts = messages.iter().zip(schedules).map(|(message, schedule)| {
            // Make all waiters before the first object begins, so that it sees the others.
            let count = message.tasks.as_ref().map_or(0, Vec::len);
            let waiters =
                if schedule == Schedule::Now { (0..count).map(|_| turns.waiter()).collect() } else { Vec::new() };
            self.message(message, schedule, waiters, &turns, deadline)
        });
        let results = join_all(attempts.collect::<Vec<_>>()).await;
        let (mut failed, mut reasons, mut by) = (Vec::new(), Vec::new(), FailedBy::InvalidEvent);
        for (message, result) in invocation.messages.iter().zip(results) {
            if let Err(error) = result {
                let reason = error.to_string();
                tracing::error!(
                    message_id = message.id,
                    receive_count = message.receive_count,
                    reason,
                    "the message failed and will be redelivered"
                );
                self.hide(message, deadline).await;
                if message.tasks.is_ok() {
                    by = FailedBy::Undelivered;
                }
                failed.push(message.id.clone());
                reasons.push(reason);
            }
        }
        respond(invocation.envelope, &failed).ok_or_else(|| by.because(reasons.join("; ")))
    }

    /// Reads all objects of a message, whatever becomes of the others. If only some of them fail, each of these goes to
    /// the queue in a message of its own. If all fail, or if no message can be sent, the message fails and is
    /// redelivered with all of its objects. So the rest of an object goes to the queue only if the message does not fail.
    async fn message(
        &self,
        message: &Message,
        schedule: Schedule,
        waiters: Vec<Waiter>,
        turns: &Turns,
        deadline: Deadline,
    ) -> Result<(), NotSettled> {
        // An invocation has up to 10,000 messages, and their futures exist from its start on. Those of requests take tens of
        // kilobytes, so each is in a box and exists only while it runs.
        let again = |body, delay_seconds| Box::pin(self.send_again(message, body, delay_seconds, deadline));
        let tasks = match (&message.tasks, schedule) {
            (Err(error), _) => return Box::pin(self.no_notification(message, error, deadline)).await,
            (Ok(_), Schedule::Later { delay_seconds }) => return again(message.body.clone(), delay_seconds).await,
            (Ok(tasks), Schedule::Now) => tasks,
        };
        let (mut rests, mut not_begun, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        let attempts = tasks.iter().zip(waiters).map(|(task, waiter)| self.task(task, waiter, turns, deadline));
        for (task, result) in tasks.iter().zip(join_all(attempts.collect::<Vec<_>>()).await) {
            match result {
                Ok(Left::Nothing) => {}
                Ok(Left::Rest(continuation)) => rests.push(continuation),
                Ok(Left::All) => not_begun.push(task),
                Err(reason) => failed.push((task, reason)),
            }
        }
        let can_send = !message.body.is_empty() && self.settings.queue_url.is_some();
        if !failed.is_empty() && (failed.len() == tasks.len() || !can_send) {
            let (_, reason) = failed.swap_remove(0);
            return Err(reason);
        }
        if !not_begun.is_empty() && message.body.is_empty() {
            return Err(NotSettled::NoTime("the deadline came before it was read".into()));
        }
        for continuation in rests {
            Box::pin(self.hand_on(&continuation, deadline)).await?;
        }
        if not_begun.len() == tasks.len() && !tasks.is_empty() {
            return again(message.body.clone(), 0).await;
        }
        for task in not_begun {
            let body = self.body_of(task).unwrap_or_else(|| message.body.clone());
            again(body, 0).await?;
        }
        for (task, reason) in failed {
            tracing::error!(
                message_id = message.id,
                %reason,
                "an object failed and will be redelivered in a separate message"
            );
            let body = self.body_of(task).unwrap_or_else(|| message.body.clone());
            again(body, FAILED_DELAY_SECONDS).await?;
        }
        Ok(())
    }

    /// The body of a message about one of several objects.
    fn body_of(&self, task: &Task) -> Option<String> {
        match task {
            Task::Object(object) | Task::Restored(object) | Task::Folder(object) => {
                let dataset = self.datasets.find_s3(&object.bucket, &object.key)?;
                let all = Continuation::of_all(object, &dataset.name, dataset.format, self.datasets.hash());
                serde_json::to_string(&all).ok()
            }
            Task::Continue(continuation) => serde_json::to_string(continuation).ok(),
            Task::Letters(letters) => Some(letters.message()),
        }
    }

    async fn task(&self, task: &Task, waiter: Waiter, turns: &Turns, deadline: Deadline) -> Result<Left, NotSettled> {
        let (object, dataset) = match task {
            Task::Letters(letters) => {
                let Some(turn) = turns.begin_letters(waiter).await else { return Ok(Left::All) };
                return Box::pin(self.letters(letters, (turns, turn), deadline)).await;
            }
            Task::Object(object) | Task::Restored(object) | Task::Folder(object) => {
                (object, self.datasets.find_s3(&object.bucket, &object.key))
            }
            Task::Continue(continuation) => {
                if ![self.datasets.hash(), ""].contains(&&*continuation.pipeline) {
                    tracing::warn!(position = %continuation.object, "the pipeline changed since this object was begun: the rest follows the new rules");
                }
                (&continuation.object, dataset_of(&self.datasets, continuation))
            }
        };
        let Some(dataset) = dataset else {
            return Box::pin(self.without_dataset(task, deadline)).await.map(|()| Left::Nothing);
        };
        if matches!(task, Task::Restored(_)) && *dataset.router.id() == IdRule::None {
            tracing::info!(
                position = %object,
                dataset = dataset.name,
                "the object was restored and is not read: with `id: none`, events that are indexed already would be indexed \
                 again. If it has a dead letter `archived`, a replay of that letter brings its events"
            );
            return Ok(Left::Nothing);
        }
        let Some(turn) = turns.begin(waiter).await else { return Ok(Left::All) };
        let begun = match task {
            Task::Continue(continuation) => Some(continuation.as_ref()),
            Task::Object(_) | Task::Restored(_) | Task::Folder(_) | Task::Letters(_) => None,
        };
        Box::pin(self.object(object, dataset, begun, (turns, turn), deadline)).await
    }
}
