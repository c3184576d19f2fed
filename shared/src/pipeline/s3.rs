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
                self.hide(message, deadline).await;
                failed.push((message.id.clone(), reason));
            }
        }
        respond(invocation.envelope, &failed)
    }

    /// One message: all of its objects, or none. Continuations leave only when nothing else of the message failed,
    /// since a failed message brings all of its objects again.
    async fn message(&self, message: &Message, deadline: Deadline) -> Result<(), String> {
        let tasks = match &message.tasks {
            Ok(tasks) => tasks,
            Err(reason) => return self.no_notification(message, reason, deadline).await,
        };
        let mut continuations = Vec::new();
        for task in tasks {
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
