//! The pause before a retry: exponential, with jitter.

use std::time::Duration;

/// The first pause is at most this long.
const BASE: Duration = Duration::from_millis(200);
/// No pause is longer, unless the server asks for it.
const CAP: Duration = Duration::from_secs(20);
/// The longest pause that a server can ask for.
pub const MOST_ASKED_FOR: Duration = Duration::from_mins(1);

/// Pauses that double. Each is drawn evenly from the second half of its range: it is never zero, and two clients that
/// failed together retry at different times.
#[derive(Debug)]
pub struct Backoff {
    rng: fastrand::Rng,
    attempt: u32,
}

impl Backoff {
    /// `seed` makes the jitter repeatable.
    pub fn new(seed: u64) -> Self {
        Self { rng: fastrand::Rng::with_seed(seed), attempt: 0 }
    }

    /// The next pause. It is at least `asked_for`, of which at most [`MOST_ASKED_FOR`] counts.
    pub fn next_pause(&mut self, asked_for: Option<Duration>) -> Duration {
        let most = BASE.saturating_mul(1 << self.attempt.min(16)).min(CAP);
        self.attempt += 1;
        most.mul_f64(0.5 + self.rng.f64() / 2.0).max(asked_for.unwrap_or_default().min(MOST_ASKED_FOR))
    }

    /// Starts again with the first pause, after an attempt that made progress.
    pub fn reset(&mut self) {
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

    #[test]
    fn the_other_sides_wish_counts() {
        let pause = |asked_for| Backoff::new(1).next_pause(Some(asked_for));
        assert_eq!(pause(Duration::from_secs(45)), Duration::from_secs(45));
        assert_eq!(pause(Duration::from_hours(1)), MOST_ASKED_FOR);
        assert_eq!(pause(Duration::MAX), MOST_ASKED_FOR);
    }
}
