//! Retries of a call: the limits, and the pauses, which are exponential with jitter.
//!
//! Deliberately absent: waiting for another side to reach a state (snapshots, event source mappings), and writes that a
//! concurrent writer can overtake (`aws::state`, role mappings). They read again what is there before the next attempt.

use std::time::{Duration, Instant};

use pipeline::outcome::BatchError;

/// The first pause is at most this long.
const BASE: Duration = Duration::from_millis(200);
/// No pause is longer, unless the server asks for it.
const CAP: Duration = Duration::from_secs(20);
/// The longest pause that a server can ask for.
pub(crate) const MOST_ASKED_FOR: Duration = Duration::from_mins(1);

/// The number of attempts of an operation that only the deadline limits.
pub const UNLIMITED: u32 = u32::MAX;

/// Repeats an operation while it fails with [`BatchError::Retryable`], at most `attempts` times, and not after
/// `deadline`. An attempt that is not over at the deadline is abandoned; `what` names it in the error.
///
/// # Errors
/// The last failure. Any other failure than a retryable one is the last.
pub async fn retry<T, F: Future<Output = Result<T, BatchError>>>(
    deadline: Instant,
    attempts: u32,
    what: &str,
    mut operation: impl FnMut() -> F,
) -> Result<T, BatchError> {
    let mut backoff = Backoff::new(fastrand::u64(..));
    let mut attempt = 1;
    loop {
        let result = tokio::time::timeout_at(deadline.into(), operation()).await;
        let result = result.unwrap_or_else(|_| {
            let reason = "no answer before the deadline".to_owned();
            Err(BatchError::retryable(what, reason))
        });
        let Err(BatchError::Retryable { retry_after, .. }) = &result else { return result };
        let pause = backoff.next_pause(*retry_after);
        if attempt >= attempts || tokio::time::Instant::now() + pause >= deadline.into() {
            return result;
        }
        if let Err(error) = &result {
            tracing::warn!(%error, attempt, ?pause, "trying again");
        }
        tokio::time::sleep(pause).await;
        attempt += 1;
    }
}

/// Pauses that double. Each is drawn evenly from the second half of its range: it is never zero, and two clients that
/// failed together retry at different times.
#[derive(Debug)]
pub(crate) struct Backoff {
    rng: fastrand::Rng,
    attempt: u32,
}

impl Backoff {
    /// `seed` makes the jitter repeatable.
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), attempt: 0 }
    }

    /// The next pause. It is at least `asked_for`, of which at most [`MOST_ASKED_FOR`] counts.
    pub(crate) fn next_pause(&mut self, asked_for: Option<Duration>) -> Duration {
        let most = BASE.saturating_mul(1 << self.attempt.min(16)).min(CAP);
        self.attempt += 1;
        most.mul_f64(0.5 + self.rng.f64() / 2.0).max(asked_for.unwrap_or_default().min(MOST_ASKED_FOR))
    }

    /// Starts again with the first pause, after an attempt that made progress.
    pub(crate) fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_cap_and_differ_by_seed() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..20).map(|_| backoff.next_pause(None)).collect::<Vec<_>>()
        };
        let some = pauses(1);
        assert!(some[0] >= BASE / 2 && some[0] <= BASE);
        assert!(some[19] >= CAP / 2 && some[19] <= CAP);
        assert_ne!(some, pauses(2));
        assert_eq!(some, pauses(1));
    }

    fn failure(is_retryable: bool) -> BatchError {
        let (what, reason) = ("PUT x".to_owned(), "no".to_owned());
        if is_retryable { BatchError::retryable(what, reason) } else { BatchError::permanent(what, reason) }
    }

    #[tokio::test]
    async fn a_retry_ends_with_success_a_permanent_failure_or_its_last_attempt() {
        // The attempts, the failures before a success, the first permanent one of them, and the calls.
        for (attempts, failures, permanent, calls, is_ok) in [
            (UNLIMITED, 1, None, 2, true),
            (2, 1, None, 2, true),
            (2, 2, None, 2, false),
            (1, 1, None, 1, false),
            (UNLIMITED, 2, Some(1), 1, false),
        ] {
            let mut called = 0;
            let deadline = Instant::now() + Duration::from_hours(1);
            let result = retry(deadline, attempts, "PUT x", || {
                called += 1;
                let result = if called > failures { Ok(()) } else { Err(failure(permanent != Some(called))) };
                std::future::ready(result)
            });
            assert_eq!((result.await.is_ok(), called), (is_ok, calls), "{attempts} {failures} {permanent:?}");
        }
    }

    #[tokio::test]
    async fn no_retry_begins_after_the_deadline_and_an_attempt_ends_there() {
        // The first pause is longer.
        let deadline = Instant::now() + BASE / 4;
        let failed = retry(deadline, UNLIMITED, "PUT x", || async { Err::<(), _>(failure(true)) }).await;
        assert_eq!(failed.unwrap_err().to_string(), "PUT x: no");
        let hangs = retry(deadline, UNLIMITED, "PUT x", std::future::pending::<Result<(), _>>);
        assert_eq!(hangs.await.unwrap_err().to_string(), "PUT x: no answer before the deadline");
        assert!(Instant::now() >= deadline);
    }

    #[test]
    fn a_pause_that_the_other_side_asks_for_is_kept_within_a_limit() {
        let pause = |asked_for| Backoff::new(1).next_pause(Some(asked_for));
        assert_eq!(pause(Duration::from_secs(45)), Duration::from_secs(45));
        assert_eq!(pause(Duration::from_hours(1)), MOST_ASKED_FOR);
        assert_eq!(pause(Duration::MAX), MOST_ASKED_FOR);
    }
}
