//! Leaves a mark for `brake` if the domain refused a whole invocation. The brake cannot see such refusals when it looks
//! at the domain.
//!
//! A process writes at most one mark in a few minutes. A mark that cannot be written is logged, and a later invocation
//! writes it. No single mark matters.

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

/// The least time between two marks: the brake looks every five minutes.
const BETWEEN_MARKS: Duration = Duration::from_mins(2);
/// The longest time to write a mark.
const LONGEST_WRITE: Duration = Duration::from_secs(2);

/// The destination of marks. Without a location for states, no marks are written.
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

    /// Leaves a mark, unless a recent one exists or the time is over.
    pub(super) async fn mark(&self, reason: Reason, message: String, deadline: Deadline) {
        let Some(marks) = &self.marks else { return };
        let now = Instant::now();
        if self.last().is_some_and(|last| now.saturating_duration_since(last) < BETWEEN_MARKS) {
            return;
        }
        let mark = Mark { reason: reason.name().into(), message, at_ms: lambda::now_ms() };
        // Half of the time after the dead letters: the answer needs the other half.
        let most = deadline.end.saturating_duration_since(now) / 2;
        let result = tokio::time::timeout(most.min(LONGEST_WRITE), marks.write(&self.function, &mark)).await;
        match result {
            Ok(Ok(())) => {
                tracing::warn!(
                    reason = mark.reason,
                    message = mark.message,
                    "the domain refuses every request: wrote a mark for the brake"
                );
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    %error,
                    "the domain refuses every request, and the mark for the brake could not be written"
                );
            }
            Err(_) => {
                tracing::warn!("the domain refuses every request, and there was no time to write a mark for the brake");
            }
        }
    }

    fn last(&self) -> Option<Instant> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
