//! Shares the time of an invocation among its objects. A slow object gives way to the objects that wait.
//!
//! In: the number of objects in the invocation. Out: a [`Turn`] for each. A turn begins with opening the object. Then it has
//! a producer's slot until reading ends, a share of the time, and the requests that the objects share.
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

use super::{
    bundles::{Bundles, Coming},
    pool::Stop,
};
use crate::lambda::Deadline;

/// The shortest share, unless half of the remaining time is shorter. Opening an object and one request to the domain
/// need this long.
const LEAST_SHARE: Duration = Duration::from_secs(2);
/// When a share ends, requests in flight have half of the share's length to finish, within these bounds.
const LEAST_GRACE: Duration = Duration::from_secs(1);
const MOST_GRACE: Duration = Duration::from_secs(20);

/// How many objects may be open before a slot is free for them. S3 needs tens of milliseconds for its first byte, in
/// which a small object is read many times.
const OPEN_AHEAD: usize = 16;

/// The turns of one invocation.
#[derive(Debug)]
pub(super) struct Turns {
    openings: Arc<Semaphore>,
    /// The objects of dead letters in memory.
    letters: Arc<Semaphore>,
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
    /// The requests that several objects share.
    bundles: Option<Arc<Bundles>>,
}

/// A producer's slot, until reading ends.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    _letters: Option<OwnedSemaphorePermit>,
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
    coming: Option<Coming>,
}

/// One object's turn.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) seat: Arc<Seat>,
    /// Stops the producer and the download.
    pub(super) stop: Arc<Stop>,
    /// Held until it has a slot: it waits for one also while it is opened.
    waits: Option<Waits>,
    opening: Option<OwnedSemaphorePermit>,
    letters: Option<OwnedSemaphorePermit>,
    /// Dropped when all its bodies are known.
    pub(super) coming: Option<Coming>,
    /// Dropped when reading ends.
    pub(super) slot: Option<Slot>,
    has_share: bool,
    /// When its share of the time ends, and how long requests in flight may take after that.
    share: Option<(Instant, Duration)>,
    /// Whether no other object shares the invocation.
    pub(super) is_whole: bool,
    /// The requests that it shares with other objects.
    pub(super) bundles: Option<Arc<Bundles>>,
}

impl Turns {
    /// The turns of `objects`, of which `readers` are read at a time.
    pub(super) fn new(readers: usize, objects: usize, has_shares: bool, deadline: Deadline) -> Self {
        let stop_reading: Instant = deadline.stop_reading.into();
        let whole = stop_reading.saturating_duration_since(Instant::now());
        Self {
            openings: Arc::new(Semaphore::new(OPEN_AHEAD)),
            letters: Arc::new(Semaphore::new(readers)),
            slots: Arc::new(Semaphore::new(readers)),
            waiting: Arc::default(),
            has_shares,
            is_one: objects == 1,
            readers,
            least: if has_shares && objects > 1 { LEAST_SHARE.min(whole / 10) } else { Duration::ZERO },
            stop_reading,
            bundles: None,
        }
    }

    /// The same turns with requests that several objects share.
    pub(super) fn with(self, bundles: Arc<Bundles>) -> Self {
        Self { bundles: Some(bundles).filter(|_| !self.is_one), ..self }
    }

    /// The waiter of the next object. Make all waiters before the first object begins, so that it sees the others.
    pub(super) fn waiter(&self) -> Waiter {
        let seat = Arc::new(Seat { waiting: Arc::clone(&self.waiting), own: AtomicUsize::new(0) });
        Waiter { waits: seat.wait(), seat, coming: self.bundles.as_ref().map(Bundles::coming) }
    }

    /// Waits until the object may be opened. `None` if the reading time ends first, or if the remaining time is too short
    /// to begin.
    pub(super) async fn begin(&self, waiter: Waiter) -> Option<Turn> {
        let opening = self.within_time(&self.openings).await?;
        let Waiter { seat, waits, coming } = waiter;
        let mut turn = Turn {
            seat,
            stop: Arc::default(),
            waits: Some(waits),
            opening: Some(opening),
            letters: None,
            coming,
            slot: None,
            has_share: self.has_shares,
            share: None,
            is_whole: self.is_one,
            bundles: self.bundles.clone(),
        };
        self.begin_share(&mut turn, OPEN_AHEAD);
        Some(turn)
    }

    /// Waits for a slot, and begins the share of the time for reading. `None` as for [`Self::begin`].
    pub(super) async fn read(&self, turn: &mut Turn) -> Option<()> {
        let permit = self.within_time(&self.slots).await?;
        (turn.opening, turn.waits) = (None, None);
        turn.slot = Some(Slot { _permit: permit, _letters: turn.letters.take() });
        self.begin_share(turn, self.readers);
        Some(())
    }

    /// Waits until an object of dead letters may be downloaded. It is in memory as a whole, so as many as there are slots are
    /// downloaded ahead. Such a turn has no share of the time, since the letters cannot go to the queue in part, and no shared requests.
    pub(super) async fn begin_letters(&self, waiter: Waiter) -> Option<Turn> {
        let letters = self.within_time(&self.letters).await?;
        let turn = self.begin(waiter).await?;
        Some(Turn { letters: Some(letters), has_share: false, share: None, bundles: None, coming: None, ..turn })
    }

    async fn within_time(&self, permits: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        let permit = tokio::time::timeout_at(self.stop_reading, Arc::clone(permits).acquire_owned());
        let permit = permit.await.ok()?.ok()?;
        let left = self.left();
        (!left.is_zero() && left >= self.least).then_some(permit)
    }

    fn left(&self) -> Duration {
        self.stop_reading.saturating_duration_since(Instant::now())
    }

    fn begin_share(&self, turn: &mut Turn, at_once: usize) {
        let (all, own) = (self.waiting.count.load(Ordering::Acquire), turn.seat.own.load(Ordering::Acquire));
        let others = all.saturating_sub(own);
        let share = turn.has_share.then(|| share(self.left(), others, at_once));
        turn.share = share.map(|share| (Instant::now() + share, (share / 2).clamp(LEAST_GRACE, MOST_GRACE)));
    }
}

/// The share of an object while `others` wait and `readers` objects have their turn at the same time.
fn share(left: Duration, others: usize, readers: usize) -> Duration {
    let rounds = u32::try_from((others + 1).div_ceil(readers.max(1))).unwrap_or(u32::MAX);
    (left / rounds).max(LEAST_SHARE.min(left / 2))
}

impl Turn {
    /// A turn without other objects.
    pub(super) fn whole() -> Self {
        Self {
            seat: Arc::default(),
            stop: Arc::default(),
            waits: None,
            opening: None,
            letters: None,
            coming: None,
            slot: None,
            has_share: false,
            share: None,
            is_whole: true,
            bundles: None,
        }
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

    async fn turn(turns: &Turns, waiter: Waiter) -> Option<Turn> {
        let mut turn = turns.begin(waiter).await?;
        turns.read(&mut turn).await?;
        Some(turn)
    }

    async fn is_over(turn: &Turn, within: Duration) -> bool {
        tokio::time::timeout(within, turn.is_over()).await.is_ok()
    }

    #[tokio::test]
    async fn a_share_ends_only_while_another_object_waits() {
        let turns = turns(2, true);
        let (first, second) = (turns.waiter(), turns.waiter());
        let first = turn(&turns, first).await.unwrap();
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
        let mut first = turn(&turns, first).await.unwrap();
        let mut second = std::pin::pin!(turn(&turns, second));
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut second).await.is_err());
        first.slot = None;
        assert!(second.await.is_some());
    }

    #[tokio::test]
    async fn objects_are_opened_while_another_one_is_read_but_not_all_of_them() {
        let turns = turns(40, true);
        let first = turn(&turns, turns.waiter()).await.unwrap();
        let mut open = Vec::new();
        for _ in 0..OPEN_AHEAD {
            open.push(turns.begin(turns.waiter()).await.unwrap());
        }
        let mut one_more = std::pin::pin!(turns.begin(turns.waiter()));
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut one_more).await.is_err());
        drop(first);
        turns.read(&mut open[0]).await.unwrap();
        assert!(one_more.await.is_some());
    }

    #[tokio::test]
    async fn objects_that_are_being_opened_wait_for_the_slot_too() {
        let turns = turns(2, true);
        let mut first = turns.begin(turns.waiter()).await.unwrap();
        let _second = turns.begin(turns.waiter()).await.unwrap();
        turns.read(&mut first).await.unwrap();
        assert!(is_over(&first, Duration::from_millis(600)).await, "half of the reading time of 0.8 s");
    }

    #[tokio::test]
    async fn without_a_slot_when_reading_has_to_stop_there_is_no_turn() {
        let turns = Turns::new(1, 2, true, Deadline::after(Duration::ZERO));
        let (first, second) = (turns.waiter(), turns.waiter());
        assert!(turn(&turns, first).await.is_none());
        assert!(turn(&turns, second).await.is_none());
    }

    #[tokio::test]
    async fn with_a_slot_too_late_for_progress_there_is_no_turn() {
        for (objects, has_shares, begins) in [(2, true, false), (2, false, true), (1, true, true)] {
            let turns = Turns::new(1, objects, has_shares, Deadline::after(MINUTE));
            let late = Turns { stop_reading: Instant::now() + LEAST_SHARE - Duration::from_millis(1), ..turns };
            let waiter = late.waiter();
            assert_eq!(turn(&late, waiter).await.is_some(), begins, "{objects} objects, shares: {has_shares}");
        }
        assert!(turns(2, true).least <= Duration::from_millis(80), "a tenth of a short time");
    }

    #[tokio::test]
    async fn without_a_queue_no_object_is_stopped() {
        let turns = turns(2, false);
        let (first, _second) = (turns.waiter(), turns.waiter());
        let first = turn(&turns, first).await.unwrap();
        assert!(!is_over(&first, Duration::from_millis(900)).await);
    }
}
