//! The requests that a domain has taken in this process: the largest size, the time of the last one, and the indices.
//!
//! One refused item alone proves little. If the domain took other items in the meantime, the item itself is at fault.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// The number of indices that are remembered. Beyond that the least recent is dropped, so a 500 of that index does not
/// reject an item.
const MOST_INDICES: usize = 256;

/// Every domain takes an item of this size. A larger item that is refused for its size in a request of its own is at
/// fault itself.
const EVERY_DOMAIN_TAKES: usize = 1 << 20;

/// The requests that a domain has taken.
#[derive(Debug, Default)]
pub struct Taken(Mutex<Accepted>);

#[derive(Debug, Default)]
struct Accepted {
    largest_request: usize,
    last_request: Option<Instant>,
    /// When the latest of the successful requests was sent.
    last_sent: Option<Instant>,
    indices: HashMap<Box<[u8]>, Instant>,
}

impl Taken {
    /// Records a successful request: its size before compression, and when it was sent.
    pub fn request(&self, bytes: usize, sent: Instant, now: Instant) {
        let mut state = self.lock();
        state.largest_request = state.largest_request.max(bytes);
        state.last_request = state.last_request.max(Some(now));
        state.last_sent = state.last_sent.max(Some(sent));
    }

    /// Records an accepted item of this index.
    pub fn item(&self, index: &[u8], now: Instant) {
        let indices = &mut self.lock().indices;
        if let Some(at) = indices.get_mut(index) {
            *at = now.max(*at);
            return;
        }
        if indices.len() >= MOST_INDICES {
            let least_recent = indices.iter().min_by_key(|(_, at)| **at).map(|(name, _)| name.clone());
            least_recent.and_then(|name| indices.remove(&name));
        }
        indices.insert(index.into(), now);
    }

    /// Whether a 413 of a single item of this size is the item's own fault. `first` is when the domain first refused a
    /// request for its size. The domain must have taken a larger request, and a request that was sent after `first`: a
    /// request in flight at `first` does not show that it still takes any.
    pub fn is_too_large(&self, bytes: usize, first: Instant) -> bool {
        let state = self.lock();
        bytes > EVERY_DOMAIN_TAKES
            || (bytes < state.largest_request && state.last_sent.is_some_and(|sent| sent >= first))
    }

    /// Whether a request succeeded at this time or later.
    pub fn has_taken_since(&self, start: Instant) -> bool {
        self.lock().last_request.is_some_and(|last| last >= start)
    }

    /// When an item of this index was last accepted.
    pub fn last_of_index(&self, index: &[u8]) -> Option<Instant> {
        self.lock().indices.get(index).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Accepted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_largest_and_the_latest_request_are_remembered() {
        let (taken, start) = (Taken::default(), Instant::now());
        assert!(!taken.has_taken_since(start));
        for (bytes, seconds) in [(500, 0), (90, 5), (100, 1)] {
            let now = start + Duration::from_secs(seconds);
            taken.request(bytes, now, now);
        }
        assert!(taken.is_too_large(499, start) && !taken.is_too_large(500, start));
        assert!(taken.has_taken_since(start + Duration::from_secs(5)));
        assert!(!taken.has_taken_since(start + Duration::from_secs(6)));
    }

    #[test]
    fn if_a_domain_takes_no_request_any_more_only_a_very_large_event_counts_as_too_large() {
        let (taken, start) = (Taken::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        taken.request(5_000_000, start, after(10));
        let first = after(7);
        assert!(!taken.is_too_large(4_000, first), "what was taken had been sent before");
        assert!(taken.is_too_large((1 << 20) + 1, first));
        taken.request(3_000, after(8), after(9));
        assert!(taken.is_too_large(4_000, first), "others are taken");
    }

    #[test]
    fn the_least_recent_index_is_forgotten() {
        let (taken, start) = (Taken::default(), Instant::now());
        for number in 0..=MOST_INDICES {
            taken.item(format!("i-{number}").as_bytes(), start + Duration::from_millis(number as u64));
        }
        assert_eq!(taken.last_of_index(b"i-0"), None);
        assert_eq!(taken.last_of_index(b"i-1"), Some(start + Duration::from_millis(1)));
    }
}
