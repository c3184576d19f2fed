//! Remembers undelivered items whose refusals may be their own fault. It keeps them in this process, so that the next
//! invocation does not count their refusals from zero.
//!
//! This is best effort: another process does not have these counts. With enough time, one invocation decides without
//! them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};

use pipeline::bulk::Refusals;

/// The number of items that are surely remembered. At most twice as many are held, of 100 bytes each.
const MOST: usize = 5_000;

/// The key of an item: a hash of its action line and document.
type Key = [u8; 16];

/// The suspects of a process.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<Generations>);

/// When the younger map is full, the older one is dropped.
#[derive(Debug, Default)]
struct Generations {
    younger: HashMap<Key, Refusals>,
    older: HashMap<Key, Refusals>,
}

impl Suspects {
    /// Whether no item is remembered. That is the usual case, in which no item needs to be hashed.
    pub(super) fn is_empty(&self) -> bool {
        let generations = self.lock();
        generations.younger.is_empty() && generations.older.is_empty()
    }

    /// Removes an item and returns its refusals.
    pub(super) fn recall(&self, item: &[u8]) -> Refusals {
        if self.is_empty() {
            return Refusals::default();
        }
        let key = key(item);
        let mut generations = self.lock();
        let known = generations.younger.remove(&key).or_else(|| generations.older.remove(&key));
        known.unwrap_or_default()
    }

    /// Remembers an item if it is suspect. While the domain is busy, most items are redelivered because of its state
    /// alone. They would displace the suspects.
    pub(super) fn remember(&self, item: &[u8], refusals: Refusals) {
        if !refusals.is_suspicion() {
            return;
        }
        let key = key(item);
        let mut generations = self.lock();
        if generations.younger.len() >= MOST {
            generations.older = std::mem::take(&mut generations.younger);
        }
        generations.younger.insert(key, refusals);
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(item: &[u8]) -> Key {
    let mut key = Key::default();
    key.copy_from_slice(&Sha256::digest(item)[..16]);
    key
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use pipeline::bulk::Ruling;

    #[test]
    fn a_400_of_the_invocation_before_is_the_first_of_two() {
        let (suspects, start) = (Suspects::default(), Instant::now());
        let mut refusals = suspects.recall(b"item");
        assert!(matches!(refusals.bad_request(start), Ruling::SendAgain(_)));
        suspects.remember(b"item", refusals);
        assert!(!suspects.is_empty());
        let later = start + Duration::from_secs(20);
        assert_eq!(suspects.recall(b"another").bad_request(later), Ruling::SendAgain(later + Duration::from_secs(1)));
        assert_eq!(suspects.recall(b"item").bad_request(later), Ruling::Rejected);
        assert!(suspects.is_empty(), "what was recalled is forgotten");
    }

    #[test]
    fn a_flood_of_suspects_takes_no_more_memory() {
        let suspects = Suspects::default();
        let mut refusals = Refusals::default();
        refusals.unattributed(Instant::now());
        for number in 0..20_000u32 {
            suspects.remember(&number.to_le_bytes(), refusals.clone());
        }
        let generations = suspects.lock();
        let held = generations.younger.len() + generations.older.len();
        assert!((MOST..=2 * MOST).contains(&held), "{held}");
    }

    #[test]
    fn items_without_a_refusal_displace_no_suspect() {
        let (suspects, start) = (Suspects::default(), Instant::now());
        let mut suspect = Refusals::default();
        assert!(matches!(suspect.bad_request(start), Ruling::SendAgain(_)));
        suspects.remember(b"suspect", suspect);
        for number in 0..20_000u32 {
            let mut refusals = suspects.recall(&number.to_le_bytes());
            refusals.domain_state(429);
            suspects.remember(&number.to_le_bytes(), refusals);
        }
        assert_eq!(suspects.recall(b"suspect").bad_request(start + Duration::from_secs(1)), Ruling::Rejected);
        assert!(suspects.is_empty());
    }
}
