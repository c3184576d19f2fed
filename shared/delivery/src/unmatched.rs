//! Handles an object that no dataset takes, or the rest of an object that was begun under other rules.
//!
//! An object that no dataset takes is not read. A receipt and a metric report it.
//! The rest of an object has to be read. So its continuation becomes a dead letter, which `replay` sends when the rules
//! take it again.
//! Deliberately absent: records of streams. Their whole invocation fails and is redelivered.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{ingest::S3Ingest, object::subject};
use crate::{
    aws::objects::ObjectRef,
    lambda::Deadline,
    retry::Backoff,
    source::s3::{Continuation, Task},
    telemetry::{self, Receipt},
};
use pipeline::{
    dead_letter::Letters,
    outcome::{Rejection, Stage},
    record::{ItemPosition, Origin},
    rules::{Dataset, Datasets},
};

/// The `error_type` of a rest whose dataset is gone.
pub(super) const NO_DATASET: &str = "no_dataset";

/// The receipt of an object that no dataset takes. It has no `final`: nothing of the object was read, and later rules
/// may take it.
#[derive(Debug, Serialize)]
struct NotTaken<'o> {
    bucket: &'o str,
    key: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    etag: Option<&'o str>,
    unmatched: u64,
}

/// The dataset that continues an object: the one that began it, otherwise the one that takes it now.
pub(super) fn dataset_of<'d>(datasets: &'d Datasets, continuation: &Continuation) -> Option<&'d Arc<Dataset>> {
    let object = &continuation.object;
    let own = datasets.by_name(&continuation.dataset).filter(|dataset| dataset.from.s3().is_some());
    own.or_else(|| datasets.find_s3(&object.bucket, &object.key))
}

impl S3Ingest {
    /// Handles a task that no dataset takes.
    ///
    /// # Errors
    /// The dead letter for the rest of an object could not be written: the message is redelivered.
    pub(super) async fn without_dataset(&self, task: &Task, deadline: Deadline) -> Result<(), String> {
        match task {
            Task::Continue(continuation) => self.no_dataset(continuation, deadline).await,
            Task::Object(object) => {
                self.unmatched(object);
                Ok(())
            }
            Task::Folder(_) | Task::Letters(_) => Ok(()),
        }
    }

    fn unmatched(&self, object: &ObjectRef) {
        if self.datasets.excludes_s3(&object.bucket, &object.key) {
            tracing::info!(position = %object, "a dataset excludes this object: it is not read");
            return;
        }
        tracing::warn!(position = %object, "no dataset's `from` matches this object: it is not read");
        let ObjectRef { bucket, key, etag, .. } = object;
        let about = NotTaken { bucket, key, etag: etag.as_deref(), unmatched: 1 };
        telemetry::print(&telemetry::document("receipt", true, &about, &telemetry::UNMATCHED).to_string());
    }

    async fn no_dataset(&self, continuation: &Continuation, deadline: Deadline) -> Result<(), String> {
        let Continuation { object, checkpoint, dataset, only, .. } = continuation;
        let subject = subject(object, only.as_ref(), checkpoint.offset, checkpoint.offset);
        let mut receipt = Receipt::new(subject, dataset);
        let reason = format!(
            "the rules have neither the dataset `{dataset}` any more, which began this object, nor another that takes it"
        );
        let kept = self.rest_lost(continuation, NO_DATASET, reason, &mut receipt, deadline).await;
        receipt.print();
        kept
    }

    /// Writes the rest of an object as one dead letter, which holds its continuation.
    pub(super) async fn rest_lost(
        &self,
        continuation: &Continuation,
        error_type: &str,
        reason: String,
        receipt: &mut Receipt,
        deadline: Deadline,
    ) -> Result<(), String> {
        let Continuation { object, checkpoint, dataset, replays, .. } = continuation;
        let origin = Origin::s3(&object.bucket, &object.key, object.etag.as_deref().unwrap_or_default());
        let origin = origin.replayed(*replays);
        let at = ItemPosition::in_object(checkpoint.offset);
        let message = serde_json::to_string(continuation).and_then(RawValue::from_string);
        let message = message.map_err(|error| error.to_string())?;
        let mut letters = Letters::default();
        let rejection =
            Rejection { at, restart: None, stage: Stage::Source, error_type: error_type.to_owned(), reason };
        letters.push_continuation(&origin, dataset, &rejection, &message);
        receipt.outcome.read = 1;
        let mut backoff = Backoff::new(fastrand::u64(..));
        match self.delivery.sender.dead_letters.write(&letters, &mut backoff, deadline.stop_writing.into()).await {
            Ok(()) => {
                receipt.outcome.rejected = 1;
                receipt.is_final = true;
                Ok(())
            }
            Err(error) => {
                receipt.outcome.undelivered = 1;
                Err(error.to_string())
            }
        }
    }
}
