//! Why an event cannot be used.

use std::borrow::Cow;

use crate::{decode::DecodeError, outcome::Stage};

/// Why an event cannot be used.
#[derive(Debug)]
pub struct Refused {
    /// The step that refused it.
    pub stage: Stage,
    /// A stable word to search by.
    pub error_type: &'static str,
    /// A description of the fault for a person.
    pub reason: Cow<'static, str>,
}

impl Refused {
    /// A value over the limit.
    pub(super) fn too_large(length: u64) -> Self {
        let reason = format!("the event has {length} bytes, more than MILLRACE_MAX_EVENT_BYTES").into();
        Self { stage: Stage::Frame, error_type: "event_too_large", reason }
    }
}

impl From<DecodeError> for Refused {
    fn from(DecodeError { error_type, reason }: DecodeError) -> Self {
        Self { stage: Stage::Decode, error_type, reason: reason.into() }
    }
}
