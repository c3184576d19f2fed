//! Items that were refused in a way that may be their own fault, and are undelivered: remembered in this process, so that the next
//! invocation does not begin to count anew.
//!
//! It is a help and no promise: another process knows nothing of it. Where the time allows, one invocation decides alone.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sha2::{Digest, Sha256};

use pipeline::bulk::Refusals;

/// Items that are remembered for sure; no more than twice as many are held, of 100 bytes each.
const MOST: usize = 5_000;

/// An item, by its action line and document.
type Key = [u8; 16];

/// The suspects of a process.
#[derive(Debug, Default)]
pub(super) struct Suspects(Mutex<Generations>);

/// When the younger is full, the older is forgotten.
#[derive(Debug, Default)]
struct Generations {
    younger: HashMap<Key, Refusals>,
    older: HashMap<Key, Refusals>,
}

impl Suspects {
    /// Whether none is remembered: the usual case, in which nothing needs to be hashed.
    pub(super) fn is_empty(&self) -> bool {
        let generations = self.lock();
        generations.younger.is_empty() && generations.older.is_empty()
    }

    /// What is known of an item, which is forgotten here.
    pub(super) fn recall(&self, item: &[u8]) -> Refusals {
        if self.is_empty() {
            return Refusals::default();
        }
        let key = key(item);
        let mut generations = self.lock();
        let known = generations.younger.remove(&key).or_else(|| generations.older.remove(&key));
        known.unwrap_or_default()
    }

    /// Remembers an item, if anything is held against it. While the domain is busy most items come again for its state alone; they
    /// would displace the suspects.
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
    fn items_against_which_nothing_is_held_displace_no_suspect() {
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
