//! Why an operation failed. The text of an error is the message for the user.

use delivery::aws::state::NotWritten;
use pipeline::outcome::{BatchError, ConfigError};

/// A request that is not fulfilled, with what is accepted. Another attempt is refused too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is not fulfilled.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The configuration has faults.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A call failed. It names the call, and whether a retry can succeed.
    #[error(transparent)]
    Call(#[from] BatchError),
    /// A state could not be written.
    #[error(transparent)]
    NotWritten(#[from] NotWritten),
    /// A part is not done, for lack of time or because a step failed. Another attempt continues.
    #[error("{0}")]
    Unfinished(String),
    /// An operation that has an id failed.
    #[error("{operation}: {source}")]
    Of {
        /// The operation, such as `replay 1-2`.
        operation: String,
        /// Why.
        source: Box<Self>,
    },
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

impl From<&str> for Refused {
    fn from(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}
