//! The limit on requests in flight. It adapts to the domain's answers.
//!
//! Additive increase, multiplicative decrease, as in TCP. A refusal halves the limit and pauses all senders. A run of
//! answers raises it by one. Answers that take much longer than the quickest lower it by one.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::retry::MOST_ASKED_FOR;

/// An answer counts as slow when it takes this many times the quickest one, and longer than [`SLOW_FLOOR`].
const SLOW_FACTOR: u32 = 4;
/// Below this no answer is slow.
const SLOW_FLOOR: Duration = Duration::from_secs(1);

/// The limit, shared by everything that sends to one domain.
#[derive(Debug)]
pub struct AdaptiveLimit {
    state: Mutex<Window>,
    changed: Notify,
    ceiling: usize,
}

#[derive(Debug)]
struct Window {
    limit: usize,
    in_flight: usize,
    good_answers: usize,
    quickest: Duration,
    not_before: Option<Instant>,
}

/// The permission for one request. Report the outcome of the request to it. Dropping it reports nothing.
#[derive(Debug)]
pub struct Permit<'l> {
    limit: &'l AdaptiveLimit,
    since: Instant,
}

impl AdaptiveLimit {
    /// Starts at the ceiling: most domains can take that, and the first refusal halves it.
    pub fn new(ceiling: usize) -> Self {
        let state = Window { limit: ceiling, in_flight: 0, good_answers: 0, quickest: Duration::MAX, not_before: None };
        Self { state: Mutex::new(state), changed: Notify::new(), ceiling }
    }

    /// The limit now.
    pub fn current(&self) -> usize {
        self.lock().limit
    }

    /// Ends a pause of the previous invocation. A domain that is still busy refuses again.
    pub fn forget_pause(&self) {
        self.lock().not_before = None;
    }

    /// Waits for a free permit and the end of any pause.
    pub async fn acquire(&self) -> Permit<'_> {
        loop {
            let changed = self.changed.notified();
            let pause = {
                let mut state = self.lock();
                let pause = state
                    .not_before
                    .and_then(|at| at.checked_duration_since(Instant::now()))
                    .filter(|pause| !pause.is_zero());
                if pause.is_none() && state.in_flight < state.limit {
                    state.in_flight += 1;
                    return Permit { limit: self, since: Instant::now() };
                }
                pause
            };
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => changed.await,
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Window> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The request starts only now: the time since the permit was given is not the domain's.
    pub fn starts_now(&mut self) {
        self.since = Instant::now();
    }

    /// The domain took the request.
    pub fn taken(self) {
        let took = self.since.elapsed();
        let mut state = self.limit.lock();
        state.quickest = state.quickest.min(took);
        if took > SLOW_FLOOR && took > state.quickest.saturating_mul(SLOW_FACTOR) {
            state.limit = (state.limit - 1).max(1);
            state.good_answers = 0;
            // Raise it slowly: otherwise one very quick answer would make all later ones count as slow.
            state.quickest = state.quickest.mul_f64(1.1);
        } else {
            state.good_answers += 1;
            if state.good_answers >= 2 * state.limit && state.limit < self.limit.ceiling {
                state.limit += 1;
                state.good_answers = 0;
            }
        }
    }

    /// The domain refused the request or some of its items because it is overloaded: no requests start during `pause`.
    pub fn overloaded(self, pause: Duration) {
        let mut state = self.limit.lock();
        state.limit = (state.limit / 2).max(1);
        state.good_answers = 0;
        let until = Instant::now() + pause.min(MOST_ASKED_FOR);
        state.not_before = Some(state.not_before.map_or(until, |at| at.max(until)));
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.limit.lock().in_flight -= 1;
        self.limit.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_refusal_halves_the_limit_and_good_answers_raise_it_again() {
        let limit = AdaptiveLimit::new(4);
        limit.acquire().await.overloaded(Duration::ZERO);
        assert_eq!(limit.current(), 2);
        limit.acquire().await.overloaded(Duration::ZERO);
        limit.acquire().await.overloaded(Duration::ZERO);
        assert_eq!(limit.current(), 1, "one request is always allowed, or nothing would ever be learned");
        for _ in 0..100 {
            limit.acquire().await.taken();
        }
        assert_eq!(limit.current(), 4, "the ceiling");
    }

    #[tokio::test]
    async fn a_pause_is_bounded_and_ends_with_the_invocation() {
        let limit = AdaptiveLimit::new(2);
        limit.acquire().await.overloaded(Duration::MAX);
        let pause = limit.lock().not_before.unwrap().duration_since(Instant::now());
        assert!(pause <= MOST_ASKED_FOR, "{pause:?}");
        limit.forget_pause();
        let permit = tokio::time::timeout(Duration::from_secs(5), limit.acquire()).await;
        assert!(permit.is_ok(), "the next invocation waits for a pause of the one before");
    }

    #[tokio::test]
    async fn no_more_than_the_limit_are_in_flight() {
        let limit = AdaptiveLimit::new(2);
        let (one, two) = (limit.acquire().await, limit.acquire().await);
        let third = limit.acquire();
        tokio::pin!(third);
        assert!(tokio::time::timeout(Duration::from_millis(20), &mut third).await.is_err());
        drop(one);
        tokio::time::timeout(Duration::from_secs(5), third).await.expect("a place became free");
        drop(two);
    }

    #[tokio::test]
    async fn a_pause_holds_for_all_requests() {
        let limit = AdaptiveLimit::new(2);
        limit.acquire().await.overloaded(Duration::from_millis(50));
        let before = Instant::now();
        let _permit = limit.acquire().await;
        assert!(before.elapsed() >= Duration::from_millis(49));
    }
}
