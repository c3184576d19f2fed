//! Why a message has to be redelivered.

use super::source::{InvalidEvent, s3::LettersTask};
use crate::{aws::objects::ObjectRef, telemetry::Unbalanced};
use pipeline::outcome::BatchError;

/// Why a message of `s3-ingest` is not settled. The text goes to the log, and to Lambda if the invocation fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSettled {
    /// The message cannot be read.
    #[error(transparent)]
    Invalid(#[from] InvalidEvent),
    /// A call failed. It names the call, and whether a retry can succeed.
    #[error(transparent)]
    Call(#[from] BatchError),
    /// The counts of a receipt do not add up.
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
    /// A message could not be written as JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Some events of the object have no fate.
    #[error("{object}: {reason}")]
    Object {
        /// The object.
        object: ObjectRef,
        /// Why.
        reason: String,
    },
    /// Some events of the dead letters have no fate.
    #[error("{task}: {reason}")]
    Letters {
        /// The dead letters.
        task: LettersTask,
        /// Why.
        reason: String,
    },
    /// The time of the invocation was too short.
    #[error("{0}")]
    NoTime(String),
    /// The configuration of the function does not allow it.
    #[error("{0}")]
    Refused(String),
}
