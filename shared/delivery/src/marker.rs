//! Leaves a mark for `brake` where the domain refused a whole invocation: no look at the domain shows it.
//!
//! A mark is written once in a few minutes by a process. One that cannot be written is logged and written later: nothing depends on a single one.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    aws::{Aws, Marks, marks::Mark},
    cluster::met::Reason,
    lambda::{self, Deadline},
    settings::{Settings, function_name},
};

/// The brake looks every five minutes.
const BETWEEN_MARKS: Duration = Duration::from_mins(2);
/// A mark takes no longer.
const LONGEST_WRITE: Duration = Duration::from_secs(2);

/// Where marks go; nowhere without a place for states.
#[derive(Debug)]
pub(super) struct Marker {
    marks: Option<Marks>,
    function: String,
    last: Mutex<Option<Instant>>,
}

impl Marker {
    pub(super) fn new(settings: &Settings, aws: &Aws) -> Self {
        let marks = settings.state.clone().map(|at| Marks::new(aws.objects.clone(), at));
        Self { marks, function: function_name(), last: Mutex::default() }
    }

    /// Leaves a mark, unless one was left lately or the time is over.
    pub(super) async fn mark(&self, reason: Reason, message: String, deadline: Deadline) {
        let Some(marks) = &self.marks else { return };
        let now = Instant::now();
        if self.last().is_some_and(|last| now.saturating_duration_since(last) < BETWEEN_MARKS) {
            return;
        }
        let mark = Mark { reason: reason.name().into(), message, at_ms: lambda::now_ms() };
        // Half of the time after the last letters: the answer needs the rest.
        let most = deadline.end.saturating_duration_since(now) / 2;
        let result = tokio::time::timeout(most.min(LONGEST_WRITE), marks.write(&self.function, &mark)).await;
        match result {
            Ok(Ok(())) => {
                tracing::warn!(
                    reason = mark.reason,
                    message = mark.message,
                    "the domain refuses everything: a mark for the brake is left"
                );
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "the domain refuses everything, and no mark for the brake could be left");
            }
            Err(_) => {
                tracing::warn!("the domain refuses everything, and there was no time to leave a mark for the brake");
            }
        }
    }

    fn last(&self) -> Option<Instant> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
