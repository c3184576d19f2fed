//! Shares the time of an invocation among its objects. A slow object gives way to the objects that wait.
//!
//! In: the number of objects in the invocation. Out: a [`Turn`] for each. A turn has a producer's slot until reading
//! ends, and a share of the time.
//! While others wait, for a slot or for an empty body, an object stops when its share is over. While no other object
//! waits, it continues. Deliberately absent: the rest of an object that was stopped (`rest`).

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::pool::Stop;
use crate::lambda::Deadline;

/// The shortest share, unless half of the remaining time is shorter. Opening an object and one request to the domain
/// need this long.
const LEAST_SHARE: Duration = Duration::from_secs(2);
/// When a share ends, requests in flight have half of the share's length to finish, within these bounds.
const LEAST_GRACE: Duration = Duration::from_secs(1);
const MOST_GRACE: Duration = Duration::from_secs(20);

/// The turns of one invocation.
#[derive(Debug)]
pub(super) struct Turns {
    slots: Arc<Semaphore>,
    waiting: Arc<Waiting>,
    /// Whether an object may be stopped before the end of the invocation: only if its rest can go to the queue.
    has_shares: bool,
    /// Whether the invocation has one object only.
    is_one: bool,
    readers: usize,
    /// The least time in which an object may begin. With less it would fail, and its message would be redelivered as a
    /// failed one.
    least: Duration,
    stop_reading: Instant,
}

/// The number of objects that wait for a slot or for an empty body.
#[derive(Debug, Default)]
struct Waiting {
    count: AtomicUsize,
    changed: Notify,
}

/// The wait counts of one object.
#[derive(Debug, Default)]
pub(super) struct Seat {
    waiting: Arc<Waiting>,
    own: AtomicUsize,
}

/// While this lives, the object of the seat waits.
#[derive(Debug)]
pub(super) struct Waits(Arc<Seat>);

/// An object that waits for its turn.
#[derive(Debug)]
pub(super) struct Waiter {
    seat: Arc<Seat>,
    waits: Waits,
}

/// One object's turn.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) seat: Arc<Seat>,
    /// Stops the producer and the download.
    pub(super) stop: Arc<Stop>,
    /// Dropped when reading ends.
    pub(super) slot: Option<OwnedSemaphorePermit>,
    /// When its share of the time ends, and how long requests in flight may take after that.
    share: Option<(Instant, Duration)>,
    /// Whether no other object shares the invocation.
    pub(super) is_whole: bool,
}

impl Turns {
    /// The turns of `objects`, of which `readers` are read at a time.
    pub(super) fn new(readers: usize, objects: usize, has_shares: bool, deadline: Deadline) -> Self {
        let stop_reading: Instant = deadline.stop_reading.into();
        let whole = stop_reading.saturating_duration_since(Instant::now());
        Self {
            slots: Arc::new(Semaphore::new(readers)),
            waiting: Arc::default(),
            has_shares,
            is_one: objects == 1,
            readers,
            least: if has_shares && objects > 1 { LEAST_SHARE.min(whole / 10) } else { Duration::ZERO },
            stop_reading,
        }
    }

    /// The waiter of the next object. Make all waiters before the first object begins, so that it sees the others.
    pub(super) fn waiter(&self) -> Waiter {
        let seat = Arc::new(Seat { waiting: Arc::clone(&self.waiting), own: AtomicUsize::new(0) });
        Waiter { waits: seat.wait(), seat }
    }

    /// Waits for a slot. `None` if the reading time ends first, or if the remaining time is too short to begin.
    pub(super) async fn begin(&self, waiter: Waiter) -> Option<Turn> {
        let slot = tokio::time::timeout_at(self.stop_reading, Arc::clone(&self.slots).acquire_owned());
        let slot = slot.await.ok()?.ok()?;
        let Waiter { seat, waits } = waiter;
        drop(waits);
        let left = self
            .stop_reading
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero() && *left >= self.least)?;
        let others = self.waiting.count.load(Ordering::Acquire);
        let share = self.has_shares.then(|| share(left, others, self.readers));
        Some(Turn {
            seat,
            stop: Arc::default(),
            slot: Some(slot),
            share: share.map(|share| (Instant::now() + share, (share / 2).clamp(LEAST_GRACE, MOST_GRACE))),
            is_whole: self.is_one,
        })
    }
}

/// The share of an object while `others` wait and `readers` objects are read at a time.
fn share(left: Duration, others: usize, readers: usize) -> Duration {
    let rounds = u32::try_from((others + 1).div_ceil(readers.max(1))).unwrap_or(u32::MAX);
    (left / rounds).max(LEAST_SHARE.min(left / 2))
}

impl Turn {
    /// A turn without other objects.
    pub(super) fn whole() -> Self {
        Self { seat: Arc::default(), stop: Arc::default(), slot: None, share: None, is_whole: true }
    }

    /// The same turn without a share of the time: for a task that cannot go to the queue in part.
    pub(super) fn without_share(self) -> Self {
        Self { share: None, ..self }
    }

    /// Waits until the share is over and another object waits. Returns how long requests in flight may still take.
    /// Never returns without a share.
    pub(super) async fn is_over(&self) -> Duration {
        let Some((end, grace)) = self.share else { return std::future::pending().await };
        tokio::time::sleep_until(end).await;
        self.seat.others_wait().await;
        grace
    }
}

impl Seat {
    pub(super) fn wait(self: &Arc<Self>) -> Waits {
        self.own.fetch_add(1, Ordering::AcqRel);
        self.waiting.count.fetch_add(1, Ordering::AcqRel);
        self.waiting.changed.notify_waiters();
        Waits(Arc::clone(self))
    }

    async fn others_wait(&self) {
        loop {
            let changed = self.waiting.changed.notified();
            if self.waiting.count.load(Ordering::Acquire) > self.own.load(Ordering::Acquire) {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.waiting.count.fetch_sub(1, Ordering::AcqRel);
        self.0.own.fetch_sub(1, Ordering::AcqRel);
        self.0.waiting.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn the_time_is_shared_among_those_that_wait() {
        for (others, readers, expected) in [(0, 1, MINUTE), (9, 1, MINUTE / 10), (9, 2, MINUTE / 5), (9, 10, MINUTE)] {
            assert_eq!(share(MINUTE, others, readers), expected, "{others} others, {readers} at a time");
        }
        assert_eq!(share(MINUTE, 999, 1), LEAST_SHARE, "shorter ones would be of no use");
        assert_eq!(share(LEAST_SHARE, 9, 1), LEAST_SHARE / 2, "half of the time at the most");
    }

    /// The turns of an invocation of one second: 0.8 s for reading, so 0.4 s for each of two objects.
    fn turns(objects: usize, has_shares: bool) -> Turns {
        Turns::new(1, objects, has_shares, Deadline::after(Duration::from_secs(1)))
    }

    async fn is_over(turn: &Turn, within: Duration) -> bool {
        tokio::time::timeout(within, turn.is_over()).await.is_ok()
    }

    #[tokio::test]
    async fn a_share_ends_only_while_another_object_waits() {
        let turns = turns(2, true);
        let (first, second) = (turns.waiter(), turns.waiter());
        let first = turns.begin(first).await.unwrap();
        assert!(!first.is_whole);
        // The wait of the first object itself for a body does not end its share.
        let own = first.seat.wait();
        assert!(!is_over(&first, Duration::from_millis(200)).await, "half of the reading time");
        assert!(is_over(&first, MINUTE).await);
        drop(second);
        assert!(!is_over(&first, Duration::from_millis(500)).await, "nobody else waits");
        drop(own);
        let waits = turns.waiter();
        assert!(is_over(&first, MINUTE).await, "somebody came to wait");
        drop(waits);
    }

    #[tokio::test]
    async fn a_slot_that_is_given_back_when_reading_ends_goes_to_the_next_object() {
        let turns = turns(2, true);
        let (first, second) = (turns.waiter(), turns.waiter());
        let mut first = turns.begin(first).await.unwrap();
        let mut second = std::pin::pin!(turns.begin(second));
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut second).await.is_err());
        first.slot = None;
        assert!(second.await.is_some());
    }

    #[tokio::test]
    async fn without_a_slot_when_reading_has_to_stop_there_is_no_turn() {
        let turns = Turns::new(1, 2, true, Deadline::after(Duration::ZERO));
        let (first, second) = (turns.waiter(), turns.waiter());
        assert!(turns.begin(first).await.is_none());
        assert!(turns.begin(second).await.is_none());
    }

    #[tokio::test]
    async fn with_a_slot_too_late_for_progress_there_is_no_turn() {
        for (objects, has_shares, begins) in [(2, true, false), (2, false, true), (1, true, true)] {
            let turns = Turns::new(1, objects, has_shares, Deadline::after(MINUTE));
            let late = Turns { stop_reading: Instant::now() + LEAST_SHARE - Duration::from_millis(1), ..turns };
            let waiter = late.waiter();
            assert_eq!(late.begin(waiter).await.is_some(), begins, "{objects} objects, shares: {has_shares}");
        }
        assert!(turns(2, true).least <= Duration::from_millis(80), "a tenth of a short time");
    }

    #[tokio::test]
    async fn without_a_queue_no_object_is_stopped() {
        let turns = turns(2, false);
        let (first, _second) = (turns.waiter(), turns.waiter());
        let first = turns.begin(first).await.unwrap();
        assert!(!is_over(&first, Duration::from_millis(900)).await);
    }
}
