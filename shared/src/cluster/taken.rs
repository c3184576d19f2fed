//! What a domain has taken in this process: how large a request, when the last one, and for which indices.
//!
//! A refusal of one item says little by itself. That the domain took other items meanwhile makes it the item's own fault.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Indices that are remembered. Beyond that the least recent is forgotten, so that a 500 there is not believed.
const MOST_INDICES: usize = 256;

/// What a domain has taken.
#[derive(Debug, Default)]
pub struct Taken(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    largest_request: usize,
    last_request: Option<Instant>,
    indices: HashMap<Box<[u8]>, Instant>,
}

impl Taken {
    /// A request of so many bytes, before compression, was carried out.
    pub fn request(&self, bytes: usize, now: Instant) {
        let mut state = self.lock();
        state.largest_request = state.largest_request.max(bytes);
        state.last_request = state.last_request.max(Some(now));
    }

    /// An item for this index was accepted.
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

    /// The largest request so far, in bytes before compression.
    pub fn largest_request(&self) -> usize {
        self.lock().largest_request
    }

    /// Whether a request was carried out at this time or later.
    pub fn has_taken_since(&self, start: Instant) -> bool {
        self.lock().last_request.is_some_and(|last| last >= start)
    }

    /// When an item for this index was accepted last.
    pub fn last_of_index(&self, index: &[u8]) -> Option<Instant> {
        self.lock().indices.get(index).copied()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
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
        taken.request(500, start);
        taken.request(90, start + Duration::from_secs(5));
        taken.request(100, start + Duration::from_secs(1));
        assert_eq!(taken.largest_request(), 500);
        assert!(taken.has_taken_since(start + Duration::from_secs(5)));
        assert!(!taken.has_taken_since(start + Duration::from_secs(6)));
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
