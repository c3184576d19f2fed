//! The items of a body that have no fate yet, in batches of one request each. Each batch has an earliest time to be
//! sent.
//!
//! A request that the domain refuses as a whole is halved. Deliberately absent: sending, and the meaning of an answer.

use std::{collections::VecDeque, sync::Arc, time::Instant};

/// More requests than this, refused as a whole in a row, cannot be the fault of a single item.
const MOST_REFUSED_IN_A_ROW: u32 = 64;

/// Items for one request.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) items: Arc<[u32]>,
    pub(super) not_before: Instant,
}

/// The items of a body that have no fate yet.
#[derive(Debug)]
pub(super) struct Work {
    batches: VecDeque<Batch>,
    refused_in_a_row: u32,
}

impl Work {
    /// All items of a body.
    pub(super) fn all(items: usize, now: Instant) -> Self {
        let items: Arc<[u32]> = (0..u32::try_from(items).unwrap_or(u32::MAX)).collect();
        let batches =
            if items.is_empty() { VecDeque::new() } else { VecDeque::from([Batch { items, not_before: now }]) };
        Self { batches, refused_in_a_row: 0 }
    }

    /// The batch that may be sent first. It stays here until [`Self::answered`], so that an abandoned request loses no
    /// items.
    pub(super) fn first(&self) -> Option<Batch> {
        self.position_of_first().map(|at| self.batches[at].clone())
    }

    fn position_of_first(&self) -> Option<usize> {
        (0..self.batches.len()).min_by_key(|at| self.batches[*at].not_before)
    }

    /// Removes the first batch after its answer: its items have fates or are pushed again.
    pub(super) fn answered(&mut self) {
        self.refused_in_a_row = 0;
        self.remove_first();
    }

    fn remove_first(&mut self) -> Option<Batch> {
        self.position_of_first().and_then(|at| self.batches.remove(at))
    }

    /// Adds items to send again.
    pub(super) fn push(&mut self, items: Vec<u32>, not_before: Instant) {
        if !items.is_empty() {
            self.batches.push_front(Batch { items: items.into(), not_before });
        }
    }

    /// Leaves only these items of the first batch, and returns it. `None` if there are none.
    pub(super) fn keep_of_first(&mut self, items: Vec<u32>) -> Option<Batch> {
        let Batch { not_before, .. } = self.remove_first()?;
        if items.is_empty() {
            return None;
        }
        let rest = Batch { items: items.into(), not_before };
        self.batches.push_front(rest.clone());
        Some(rest)
    }

    /// Sends the first batch again unchanged, at this time.
    pub(super) fn postpone_first(&mut self, not_before: Instant) {
        if let Some(batch) = self.remove_first() {
            self.batches.push_front(Batch { not_before, ..batch });
        }
    }

    /// Replaces the first batch, which was refused as a whole, by its halves. Returns `false` if so many batches were
    /// refused in a row that halving finds no faulty item. A random half comes first: otherwise every attempt could
    /// begin with the same long run of items that are refused one by one.
    pub(super) fn halve_first(&mut self, second_comes_first: bool) -> bool {
        self.refused_in_a_row += 1;
        if self.refused_in_a_row > MOST_REFUSED_IN_A_ROW {
            return false;
        }
        let Some(Batch { items, not_before }) = self.remove_first() else { return false };
        let (mut first, mut second) = items.split_at(items.len() / 2);
        if second_comes_first {
            (first, second) = (second, first);
        }
        // Keep the time: the halves are tried before the batches that waited after them.
        self.push(second.to_vec(), not_before);
        self.push(first.to_vec(), not_before);
        true
    }

    /// The items without a fate.
    pub(super) fn items(&self) -> impl Iterator<Item = u32> + '_ {
        self.batches.iter().flat_map(|batch| batch.items.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn first(work: &Work) -> Vec<u32> {
        work.first().map(|batch| batch.items.to_vec()).unwrap_or_default()
    }

    #[test]
    fn items_that_wait_let_all_others_pass() {
        let now = Instant::now();
        let mut work = Work::all(4, now);
        work.answered();
        work.push(vec![1], now + Duration::from_secs(1));
        work.push(vec![2, 3], now);
        assert_eq!(first(&work), [2, 3]);
        work.answered();
        assert_eq!(first(&work), [1]);
        work.answered();
        assert!(work.first().is_none() && work.items().next().is_none());
        assert!(Work::all(0, now).first().is_none());
    }

    #[test]
    fn halves_are_tried_down_to_one_item_before_the_rest() {
        for (second, expected) in [(false, [vec![0, 1], vec![0], vec![1]]), (true, [vec![2, 3], vec![3], vec![2]])] {
            let mut work = Work::all(4, Instant::now());
            for (at, expected) in expected.iter().enumerate() {
                if at < 2 {
                    assert!(work.halve_first(second));
                } else {
                    work.answered();
                }
                assert_eq!(first(&work), *expected);
            }
            let mut left: Vec<u32> = work.items().collect();
            left.sort_unstable();
            assert_eq!(left.len(), 3, "only what was answered is gone: {left:?}");
        }
    }

    #[test]
    fn a_domain_that_refuses_every_request_is_not_asked_about_every_item() {
        let now = Instant::now();
        let mut work = Work::all(10_000, now);
        let mut asked = 0;
        while let Some(batch) = work.first().filter(|batch| batch.not_before == now) {
            asked += 1;
            if batch.items.len() == 1 {
                // A single item waits, and the other batches pass it.
                work.postpone_first(now + Duration::from_hours(1));
            } else if !work.halve_first(asked % 2 == 0) {
                break;
            }
        }
        // Without the bound, there is a request for each item and for each halving.
        assert!(asked < 200, "{asked}");
        assert_eq!(work.items().count(), 10_000);
    }
}
