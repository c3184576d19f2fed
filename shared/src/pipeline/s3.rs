//! The function `s3-ingest`: the messages of an invocation, and the objects that they are about.

use futures_util::future::join_all;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::carry::{Carrier, datasets};
use crate::{
    aws::Aws,
    config::{
        datasets::Datasets,
        settings::{S3Prefix, Settings, variable},
    },
    lambda::Deadline,
    outcome::{ConfigError, Fault},
    source::s3::{Continuation, Invocation, Message, Task, respond},
};

/// Messages that failed come back after this many seconds at the least, and twice that at the most, times the number
/// of earlier tries; jittered, so that a refused batch does not come back as one.
const COMES_BACK_AFTER_SECONDS: i32 = 20;
/// The longest such pause.
const COMES_BACK_AT_MOST_SECONDS: i32 = 900;

/// The function `s3-ingest`.
#[derive(Debug)]
pub struct S3Ingest {
    pub(super) settings: Settings,
    pub(super) datasets: Datasets,
    pub(super) aws: Aws,
    pub(super) carrier: Carrier,
    producers: Semaphore,
}

impl S3Ingest {
    /// From the process's environment and the pipeline.yaml it names.
    ///
    /// # Errors
    /// Every fault of both at once. Initialisation fails with it.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let settings = Settings::read(variable)?;
        crate::telemetry::init(&settings.log);
        let aws = Aws::load().await;
        let datasets = datasets(&settings.pipeline, settings.hash_key.as_deref(), &aws).await?;
        if let Some(fault) = fed_back(&datasets, &settings.dead_letters) {
            return Err(ConfigError { faults: vec![fault] });
        }
        Ok(Self {
            carrier: Carrier::new(&settings, &aws)?,
            producers: Semaphore::new(settings.vcpus()),
            settings,
            datasets,
            aws,
        })
    }

    /// One invocation.
    ///
    /// # Errors
    /// Where the envelope knows no partial answer and something of it was not settled: Lambda brings it again.
    pub async fn handle(&self, event: &Value, deadline: Deadline) -> Result<Value, String> {
        self.carrier.begin_invocation();
        let invocation = Invocation::read(event);
        let results = join_all(invocation.messages.iter().map(|message| self.message(message, deadline))).await;
        let mut failed = Vec::new();
        for (message, result) in invocation.messages.iter().zip(results) {
            if let Err(reason) = result {
                tracing::error!(
                    message_id = message.id,
                    receive_count = message.receive_count,
                    reason,
                    "the message failed and comes again"
                );
                self.come_back_soon(message, deadline).await;
                failed.push((message.id.clone(), reason));
            }
        }
        respond(invocation.envelope, &failed)
    }

    /// One message: all of its objects, or none. Continuations leave only when nothing else of the message failed,
    /// since a failed message brings all of its objects again.
    async fn message(&self, message: &Message, deadline: Deadline) -> Result<(), String> {
        let mut continuations = Vec::new();
        for task in message.tasks.as_ref().map_err(Clone::clone)? {
            let _producer = self.producers.acquire().await.map_err(|error| error.to_string())?;
            if let Some(continuation) = self.task(task, deadline).await? {
                continuations.push(continuation);
            }
        }
        for continuation in continuations {
            self.hand_on(&continuation, deadline).await?;
        }
        Ok(())
    }

    async fn task(&self, task: &Task, deadline: Deadline) -> Result<Option<Continuation>, String> {
        let (object, dataset) = match task {
            Task::Letters(letters) => return self.letters(letters, deadline).await.map(|()| None),
            Task::Object(object) => (object, self.datasets.find_s3(&object.bucket, &object.key)),
            Task::Continue(continuation) => {
                if continuation.pipeline != self.datasets.hash() {
                    tracing::warn!(position = %continuation.object, "the pipeline changed since this object was begun: the rest follows the new rules");
                }
                let object = &continuation.object;
                let dataset = self.datasets.by_name(&continuation.dataset);
                (object, dataset.or_else(|| self.datasets.find_s3(&object.bucket, &object.key)))
            }
        };
        let Some(dataset) = dataset else {
            tracing::info!(position = %object, "no dataset's `from` matches this object: it is not read");
            return Ok(None);
        };
        if deadline.reading_is_over() {
            return Err(format!("{object} was not begun before the deadline"));
        }
        let begun = match task {
            Task::Continue(continuation) => Some(continuation.as_ref()),
            Task::Object(_) | Task::Letters(_) => None,
        };
        self.object(object, dataset, begun, deadline).await
    }

    /// Sends a continuation to the queue.
    async fn hand_on(&self, continuation: &Continuation, deadline: Deadline) -> Result<(), String> {
        let Some(url) = &self.settings.queue_url else {
            return Err(format!(
                "{} is not finished, and there is no MILLRACE_QUEUE_URL to go on by",
                continuation.object
            ));
        };
        let body = serde_json::to_string(continuation).map_err(|error| error.to_string())?;
        match tokio::time::timeout_at(deadline.stop_writing.into(), self.aws.queue.send(url, body, 0)).await {
            Ok(Ok(())) => {
                let (offset, hops) = (continuation.checkpoint.offset, continuation.hops);
                tracing::info!(position = %format_args!("{}@{offset}", continuation.object), hops, "handed the rest on");
                Ok(())
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("SendMessage to {url} was not answered before the deadline")),
        }
    }

    /// Lets a failed message come back sooner than the queue's full timeout. Where that fails, it comes back then.
    async fn come_back_soon(&self, message: &Message, deadline: Deadline) {
        let (Some(url), Some(handle)) = (&self.settings.queue_url, &message.receipt_handle) else { return };
        let tries = i32::try_from(message.receive_count).unwrap_or(i32::MAX);
        let most = COMES_BACK_AFTER_SECONDS.saturating_mul(tries).min(COMES_BACK_AT_MOST_SECONDS / 2);
        let seconds = fastrand::i32(most..=2 * most);
        let change = self.aws.queue.change_visibility(url, handle, seconds);
        if let Ok(Err(error)) = tokio::time::timeout_at(deadline.stop_writing.into(), change).await {
            tracing::warn!(message_id = message.id, %error, "the visibility of a failed message could not be changed");
        }
    }
}

/// Dead letters that a dataset would take.
pub(crate) fn fed_back(datasets: &Datasets, dead: &S3Prefix) -> Option<Fault> {
    let fed_back = datasets.could_match_s3(&dead.bucket, format!("{}/", dead.prefix).trim_start_matches('/'));
    let message = format!(
        "s3://{}/{} is matched by `from` of {}: dead letters would be ingested again, for ever",
        dead.bucket,
        dead.prefix,
        fed_back.join(", ")
    );
    (!fed_back.is_empty()).then(|| Fault { place: "MILLRACE_DEAD_LETTERS".into(), message })
}
