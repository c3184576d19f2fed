//! The deadlines of an invocation, and the wall clock.
//!
//! Deliberately absent: any other use of the clock.

use std::time::{Duration, Instant, SystemTime};

/// The deadlines of the stages of an invocation. They leave room to drain requests and to report the rest.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    /// When the invocation began.
    pub began: Instant,
    /// No more is read from the source after this. Bodies in flight are drained.
    pub stop_reading: Instant,
    /// No more is sent to the domain after this. Requests in flight are abandoned, and their items count as
    /// undelivered.
    pub stop_sending: Instant,
    /// No more is written to the dead letters or the queue after this.
    pub stop_writing: Instant,
    /// Lambda kills the function.
    pub end: Instant,
}

impl Deadline {
    /// The deadline of a function that Lambda ends at this wall-clock time (`Lambda-Runtime-Deadline-Ms`).
    ///
    /// Of the remaining time, the last fifth (at most 20 s) is for draining, and the last tenth (at most 5 s) for dead
    /// letters, continuations and the receipt.
    pub fn at(end: SystemTime) -> Self {
        #[expect(clippy::disallowed_methods, reason = "Lambda gives the deadline as wall-clock time")]
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        Self::after(left)
    }

    /// The deadline for the time that is left.
    pub fn after(left: Duration) -> Self {
        let now = Instant::now();
        let before_end = |part: Duration, most: u64| now + left.saturating_sub(part.min(Duration::from_secs(most)));
        Self {
            began: now,
            stop_reading: before_end(left / 5, 20),
            stop_sending: before_end(left / 10, 5),
            stop_writing: before_end(left / 20, 2),
            end: now + left,
        }
    }

    /// Whether reading has to stop.
    pub fn reading_is_over(&self) -> bool {
        Instant::now() >= self.stop_reading
    }
}

/// The wall clock in milliseconds since the epoch, for receipts and log lines.
pub fn now_ms() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "receipts carry the wall-clock time")]
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_stops_before_sending_and_sending_before_the_end() {
        for seconds in [1, 30, 900] {
            let deadline = Deadline::after(Duration::from_secs(seconds));
            assert!(deadline.stop_reading < deadline.stop_sending && deadline.stop_sending < deadline.stop_writing);
            assert!(deadline.stop_writing < deadline.end);
        }
        assert!(Deadline::at(SystemTime::UNIX_EPOCH).reading_is_over());
    }
}
