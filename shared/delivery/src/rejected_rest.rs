//! Rejects an object that is gone, or a rest that no attempt can read, as one event without a payload.

use serde_json::value::RawValue;

use super::{ingest::S3Ingest, not_settled::NotSettled};
use crate::{
    aws::objects::ObjectRef,
    lambda::Deadline,
    source::s3::Continuation,
    telemetry::{ObjectName, Subject},
};
use pipeline::{
    dead_letter::Letters,
    frame::Only,
    outcome::{Outcome, Rejection, Stage},
    record::{ItemPosition, Origin},
};

impl S3Ingest {
    /// Rejects a missing object, or a rest that cannot be reached, as one event without a payload.
    pub(super) async fn reject_rest(
        &self,
        origin: &Origin,
        dataset: &str,
        rejection: &Rejection,
        outcome: &mut Outcome,
        deadline: Deadline,
    ) -> Result<(), NotSettled> {
        let mut letters = Letters::default();
        letters.push(origin, dataset, rejection, &[], 0);
        self.reject_one(&letters, outcome, deadline).await
    }

    /// Writes the rest of an object as one dead letter, which holds its continuation.
    pub(super) async fn reject_continuation(
        &self,
        continuation: &Continuation,
        error_type: &str,
        reason: String,
        outcome: &mut Outcome,
        deadline: Deadline,
    ) -> Result<(), NotSettled> {
        let Continuation { object, checkpoint, dataset, replays, .. } = continuation;
        let origin = Origin::s3(&object.bucket, &object.key, object.etag.as_deref().unwrap_or_default());
        let origin = origin.replayed(*replays);
        let at = ItemPosition::in_object(checkpoint.offset);
        let message = serde_json::to_string(&continuation.in_a_letter()).and_then(RawValue::from_string)?;
        let mut letters = Letters::default();
        let rejection =
            Rejection { at, restart: None, stage: Stage::Source, error_type: error_type.to_owned(), reason };
        letters.push_continuation(&origin, dataset, &rejection, &message);
        self.reject_one(&letters, outcome, deadline).await
    }

    /// Writes one letter, and counts the event that it stands for.
    async fn reject_one(&self, letters: &Letters, outcome: &mut Outcome, deadline: Deadline) -> Result<(), NotSettled> {
        outcome.read += 1;
        match self.delivery.sender.dead_letters.write(letters, deadline.stop_writing).await {
            Ok(()) => {
                outcome.rejected += 1;
                Ok(())
            }
            Err(error) => {
                outcome.undelivered += 1;
                Err(error.into())
            }
        }
    }
}

pub(super) fn subject(object: &ObjectRef, only: Option<&Only>, start_offset: u64, end_offset: u64) -> Subject {
    let ObjectRef { bucket, key, etag, .. } = object.clone();
    if only.is_some() {
        return Subject::Again { again: ObjectName { bucket, key }, start_offset, end_offset };
    }
    Subject::S3 { bucket, key, etag, start_offset, end_offset }
}
