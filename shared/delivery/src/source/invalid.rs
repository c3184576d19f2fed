//! An event that no source sends.

use crate::lambda::{Failed, FailedBy};

/// Why an event cannot be read. A retry cannot change it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidEvent(pub String);

impl From<String> for InvalidEvent {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

impl From<&str> for InvalidEvent {
    fn from(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

impl From<InvalidEvent> for Failed {
    fn from(error: InvalidEvent) -> Self {
        FailedBy::InvalidEvent.because(error.0)
    }
}
