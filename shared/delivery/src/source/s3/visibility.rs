//! How long a failed message stays hidden, by its receive count.
//!
//! Each failure is a receive. After `maxReceiveCount` receives the queue moves a message to the dead-letter queue
//! (template.yaml: [`MAX_RECEIVES`]). So the pauses decide how long a refusal may last: over 60 hours, a weekend, for
//! any jitter. The first pauses are short, since most failures pass within minutes. Deliberately absent: SQS
//! (`aws::queue`).

/// The queue's `maxReceiveCount` in template.yaml.
pub const MAX_RECEIVES: u32 = 140;
/// The longest first pause, in seconds. Each later one is twice as long, up to [`LONGEST_SECONDS`].
const FIRST_SECONDS: u32 = 40;
/// The longest pause. SQS hides a message for at most 12 hours, counted from its receipt. After a repair of the domain,
/// its last message should not take longer than this.
const LONGEST_SECONDS: u32 = 3_600;

/// The pause after the receive of this number, counted from 1. It is drawn from the second half of its range, so that
/// the messages of a refused batch come back at different times.
pub fn pause_seconds(receive_count: u32, random: &mut fastrand::Rng) -> i32 {
    let doublings = receive_count.saturating_sub(1).min(16);
    let most = FIRST_SECONDS.saturating_mul(1 << doublings).min(LONGEST_SECONDS);
    i32::try_from(random.u32(most / 2..=most)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    /// How long a message that fails at once, at every receive, stays in the queue.
    fn seconds_until_the_dead_letter_queue(random: &mut fastrand::Rng) -> i64 {
        (1..=MAX_RECEIVES).map(|receive| i64::from(pause_seconds(receive, random))).sum()
    }

    #[test]
    fn a_message_that_is_refused_at_once_outlasts_a_weekend_in_the_queue() {
        let hours: Vec<i64> = (0..2_000)
            .map(|seed| seconds_until_the_dead_letter_queue(&mut fastrand::Rng::with_seed(seed)) / HOUR)
            .collect();
        let (least, most) = (hours.iter().min().copied(), hours.iter().max().copied());
        assert!(least >= Some(60), "{least:?} hours");
        // The queue keeps a message for ten days from its first arrival.
        assert!(most <= Some(9 * 24), "{most:?} hours");
        // For any jitter: half of every longest pause.
        let half: u32 = (0..MAX_RECEIVES).map(|n| (FIRST_SECONDS << n.min(16)).min(LONGEST_SECONDS) / 2).sum();
        assert!(i64::from(half) >= 60 * HOUR, "{half} seconds");
    }

    #[test]
    fn a_failure_that_passes_soon_is_tried_again_soon_and_no_pause_is_longer_than_an_hour() {
        let mut random = fastrand::Rng::with_seed(1);
        assert!((20..=40).contains(&pause_seconds(1, &mut random)));
        assert!((20..=40).contains(&pause_seconds(0, &mut random)), "a count that SQS did not give");
        assert!((80..=160).contains(&pause_seconds(3, &mut random)));
        for receive in [10, 139, 100_000, u32::MAX] {
            assert!((1_800..=3_600).contains(&pause_seconds(receive, &mut random)), "receive {receive}");
        }
        assert_ne!(pause_seconds(50, &mut random), pause_seconds(50, &mut random), "a batch does not come back as one");
    }
}
