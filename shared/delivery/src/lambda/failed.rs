//! Why an invocation failed: a stable word for alarms and filters, and a reason for a person.
//!
//! Lambda reports both as `errorType` and `errorMessage`. docs/OPERATIONS.md lists the words. Deliberately absent:
//! failures to start, which Lambda names itself.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use lambda_runtime::Diagnostic;

/// The word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailedBy {
    /// The function does not take this event.
    InvalidEvent,
    /// No dataset of pipeline.yaml takes the stream, topic or delivery stream.
    NoDataset,
    /// Some events were not settled, and the source has to redeliver them.
    Undelivered,
    /// The domain or the dead-letter bucket refuses permanently.
    Refused,
    /// The counts of a receipt do not add up.
    Unbalanced,
    /// A panic: a fault of Millrace.
    Panicked,
    /// `brake` could not do its work.
    Brake,
    /// `replay` could not do its work.
    Replay,
    /// `retention` could not do its work.
    Retention,
    /// `setup` could not do its work.
    Setup,
}

impl FailedBy {
    /// All words.
    pub const ALL: [Self; 10] = [
        Self::InvalidEvent,
        Self::NoDataset,
        Self::Undelivered,
        Self::Refused,
        Self::Unbalanced,
        Self::Panicked,
        Self::Brake,
        Self::Replay,
        Self::Retention,
        Self::Setup,
    ];

    /// The word in `errorType`.
    pub fn word(self) -> &'static str {
        match self {
            Self::InvalidEvent => "invalid_event",
            Self::NoDataset => "no_dataset",
            Self::Undelivered => "undelivered",
            Self::Refused => "refused",
            Self::Unbalanced => "unbalanced",
            Self::Panicked => "panicked",
            Self::Brake => "brake_failed",
            Self::Replay => "replay_failed",
            Self::Retention => "retention_failed",
            Self::Setup => "setup_failed",
        }
    }

    /// A failure with this word.
    pub fn because(self, reason: impl Into<String>) -> Failed {
        Failed { by: self, reason: reason.into() }
    }
}

/// A failed invocation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failed {
    /// Its word.
    pub by: FailedBy,
    /// The explanation for a person.
    pub reason: String,
}

impl From<Failed> for Diagnostic {
    fn from(Failed { by, reason }: Failed) -> Self {
        Self { error_type: by.word().to_owned(), error_message: reason }
    }
}

/// Runs an invocation and turns a panic into a failure. Otherwise the runtime would name it by a Rust type.
///
/// # Errors
/// The invocation's own, or [`FailedBy::Panicked`].
pub(super) async fn guarded<T>(invocation: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    let mut invocation = pin!(invocation);
    poll_fn(|context| {
        let poll = catch_unwind(AssertUnwindSafe(|| invocation.as_mut().poll(context)));
        poll.unwrap_or_else(|panic| Poll::Ready(Err(FailedBy::Panicked.because(words(panic.as_ref())))))
    })
    .await
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the invocation panicked: {}", text.unwrap_or("without words"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_has_a_word_too() {
        let failed = guarded(async { panic!("no {}", "reason") }).await.map(|(): ()| ()).unwrap_err();
        assert_eq!(failed, FailedBy::Panicked.because("the invocation panicked: no reason"));
        let diagnostic = Diagnostic::from(failed);
        assert_eq!(diagnostic.error_type, "panicked");
        assert_eq!(guarded(async { Ok(7) }).await, Ok(7));
        let refused = FailedBy::Refused.because("403");
        assert_eq!(guarded(async { Err::<(), _>(refused.clone()) }).await, Err(refused));
    }

    #[test]
    fn the_document_lists_every_word() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/OPERATIONS.md");
        let document = std::fs::read_to_string(path).unwrap();
        for by in FailedBy::ALL {
            assert!(document.contains(&format!("| `{}` |", by.word())), "{}", by.word());
        }
    }
}
