//! Handles an object that no dataset takes, or the rest of an object that was begun under other rules.
//!
//! An object that no dataset takes is not read. A receipt and a metric report it.
//! The rest of an object has to be read. So its continuation becomes a dead letter, which `replay` sends when the rules
//! take it again.
//! Deliberately absent: records of streams. Their whole invocation fails and is redelivered.

use std::{sync::Arc, time::Instant};

use serde::Serialize;

use super::{
    ingest::S3Ingest,
    not_settled::NotSettled,
    rejected_rest::subject,
    settle::{Attempted, Settlement},
};
use crate::{
    aws::objects::ObjectRef,
    lambda::Deadline,
    source::s3::{Continuation, Task},
    telemetry,
};
use pipeline::rules::{Dataset, Datasets};

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
    pub(super) async fn without_dataset(&self, task: &Task, deadline: Deadline) -> Result<(), NotSettled> {
        match task {
            Task::Continue(continuation) => self.no_dataset(continuation, deadline).await,
            Task::Object(object) | Task::Restored(object) => {
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

    async fn no_dataset(&self, continuation: &Continuation, deadline: Deadline) -> Result<(), NotSettled> {
        let started = Instant::now();
        let Continuation { object, checkpoint, dataset, only, .. } = continuation;
        let mut settlement = Settlement::default();
        let reason = format!(
            "the dataset `{dataset}`, which began this object, is no longer in the rules, and no other dataset takes it"
        );
        let outcome = &mut settlement.outcome;
        let written = self.reject_continuation(continuation, NO_DATASET, reason, outcome, deadline).await;
        let receipt = settlement.receipt(Attempted {
            subject: subject(object, only.as_ref(), checkpoint.offset, checkpoint.offset),
            dataset,
            is_final: written.is_ok(),
            handed_on: false,
            bytes_in: 0,
            bytes_raw: 0,
            started,
        });
        receipt?;
        written
    }
}
