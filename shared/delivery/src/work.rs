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
    /// Whether its items were in a request.
    pub(super) is_sent: bool,
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
        let batches = if items.is_empty() {
            VecDeque::new()
        } else {
            VecDeque::from([Batch { items, not_before: now, is_sent: false }])
        };
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
            self.batches.push_front(Batch { items: items.into(), not_before, is_sent: true });
        }
    }

    /// Leaves only these items of the first batch, and returns it. `None` if there are none.
    pub(super) fn keep_of_first(&mut self, items: Vec<u32>) -> Option<Batch> {
        let first = self.remove_first()?;
        if items.is_empty() {
            return None;
        }
        let rest = Batch { items: items.into(), ..first };
        self.batches.push_front(rest.clone());
        Some(rest)
    }

    /// Leaves only so many items in the first batch, and returns it. The other ones are the next batch.
    pub(super) fn cut_first(&mut self, most: usize) -> Option<Batch> {
        let first = self.remove_first()?;
        let (now, later) = first.items.split_at(first.items.len().min(most));
        for items in [later, now].into_iter().filter(|items| !items.is_empty()) {
            self.batches.push_front(Batch { items: items.into(), ..first.clone() });
        }
        self.first()
    }

    /// Notes that the items of the first batch are in a request now.
    pub(super) fn first_is_sent(&mut self) {
        if let Some(at) = self.position_of_first() {
            self.batches[at].is_sent = true;
        }
    }

    /// The number of items that were in no request.
    pub(super) fn never_sent(&self) -> usize {
        self.batches.iter().filter(|batch| !batch.is_sent).map(|batch| batch.items.len()).sum()
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
        let Some(Batch { items, not_before, .. }) = self.remove_first() else { return false };
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
    fn a_batch_is_cut_in_parts_that_come_in_order_and_know_whether_they_were_sent() {
        let now = Instant::now();
        let mut work = Work::all(5, now);
        let mut parts = Vec::new();
        while let Some(part) = work.cut_first(2) {
            assert_eq!(part.items.to_vec(), first(&work), "what is left is the first batch");
            parts.push((part.items.to_vec(), work.never_sent()));
            work.first_is_sent();
            if parts.len() == 1 {
                // The first part fails and is sent again.
                work.postpone_first(now + Duration::from_secs(1));
                continue;
            }
            work.answered();
        }
        assert_eq!(parts, [(vec![0, 1], 5), (vec![2, 3], 3), (vec![4], 1), (vec![0, 1], 0)]);
        let mut work = Work::all(5, now);
        assert_eq!(work.cut_first(3).map(|part| part.items.len()), Some(3));
        assert!(work.keep_of_first(vec![1]).is_some());
        assert_eq!(work.never_sent(), 3, "one of the part and the two after it");
        assert!(work.keep_of_first(vec![]).is_none());
        assert_eq!((first(&work), work.never_sent()), (vec![3, 4], 2));
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
