//! Opens the object of an attempt.

use super::{
    super::{ingest::S3Ingest, turns::Turn},
    reading::Reading,
};
use crate::{
    aws::{
        Objects,
        objects::{ObjectRef, OpenError, Opened},
    },
    lambda::Deadline,
    retry::retry,
    source::s3::Continuation,
};
use pipeline::{
    frame::Only,
    outcome::BatchError,
    rules::{Dataset, S3From},
};

/// The number of times that one attempt tries to open an object.
const MAX_OPENS: u32 = 5;

impl S3Ingest {
    /// Opens the object within its share of the time.
    pub(super) async fn open_within(&self, turn: &Turn, reading: &Reading<'_>) -> Result<Opened, OpenError> {
        tokio::select! {
            opened = self.open_or_replaced(reading) => opened,
            _ = turn.is_over() => {
                let reason = "no answer within this object's share of the time, and other objects wait".to_owned();
                let what = format!("GET {}", reading.object);
                Err(OpenError::Failed(BatchError::retryable(what, reason)))
            }
        }
    }

    /// Opens an object. If it is gone and `begun` allows it, opens the content that replaced it.
    async fn open_or_replaced(&self, reading: &Reading<'_>) -> Result<Opened, OpenError> {
        let Reading { object, dataset, begun, deadline, .. } = *reading;
        let from = reading.first_byte();
        let objects = self.objects_of(dataset);
        let opened = open(&objects, object, from, deadline).await;
        let (Err(OpenError::Gone(reason)), true) = (&opened, begun.is_some_and(may_be_repaired)) else { return opened };
        // The operator repaired an unreadable rest by another upload. Its content differs, so its events get ids of
        // their own.
        tracing::info!(position = %object, reason, "the object was replaced: reading its new content");
        let repaired = ObjectRef { version: None, etag: None, ..object.clone() };
        open(&objects, &repaired, from, deadline).await
    }

    /// The client for the objects of a dataset.
    pub(super) fn objects_of(&self, dataset: &Dataset) -> Objects {
        self.aws.objects.owned_by(dataset.from.s3().and_then(S3From::owner))
    }
}

async fn open(objects: &Objects, object: &ObjectRef, from: u64, deadline: Deadline) -> Result<Opened, OpenError> {
    let what = format!("GET {object}");
    let opened = retry(deadline.stop_reading, MAX_OPENS, &what, || async {
        match objects.open(object, from, None).await {
            Err(OpenError::Failed(error)) => Err(error),
            opened_or_not => Ok(opened_or_not),
        }
    });
    opened.await.unwrap_or_else(|error| Err(OpenError::Failed(error)))
}

/// Whether a continuation may read other content of the same name: only if nothing of the object was read yet.
fn may_be_repaired(begun: &Continuation) -> bool {
    begun.checkpoint.offset == 0 && begun.only.as_ref().is_some_and(Only::reads_replaced)
}
