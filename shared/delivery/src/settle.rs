//! The result of one attempt at an object or batch: the fates of all its bodies, and where the next attempt has to
//! begin.

use std::{collections::BTreeSet, time::Instant};

use super::delivered::{Delivered, Failure};
use crate::telemetry::{Receipt, Subject, Unbalanced, elapsed_ms};
use pipeline::{outcome::Outcome, record::ItemPosition};

/// The part of a receipt that no body knows.
pub(super) struct Attempted<'a> {
    pub(super) subject: Subject,
    pub(super) dataset: &'a str,
    pub(super) is_final: bool,
    pub(super) handed_on: bool,
    pub(super) bytes_in: u64,
    pub(super) bytes_raw: u64,
    /// When the attempt began.
    pub(super) started: Instant,
}

/// The sum of all bodies delivered so far.
#[derive(Debug, Default)]
pub(super) struct Settlement {
    pub(super) outcome: Outcome,
    pub(super) left_out: u64,
    pub(super) bulk_requests: u64,
    pub(super) retries: u64,
    /// The records that have undelivered events.
    pub(super) undelivered_records: BTreeSet<u32>,
    lowest_undelivered: Option<ItemPosition>,
    /// All events before it were read and are in a body whose delivery ended, successfully or not.
    pub(super) end: ItemPosition,
    /// The first permanent failure, otherwise the first failure.
    pub(super) failure: Option<Failure>,
    /// The number of deliveries that panicked, plus one if the producer did. Events that the producer had not sent are
    /// not counted.
    pub(super) panicked: u64,
}

impl Settlement {
    /// The settlement of an attempt that begins at `start`.
    pub(super) fn new(start: ItemPosition) -> Self {
        Self { end: start, ..Self::default() }
    }

    /// Adds one body.
    pub(super) fn add(&mut self, delivered: &Delivered) {
        self.outcome.add(&delivered.outcome);
        self.left_out += delivered.left_out;
        self.bulk_requests += delivered.bulk_requests;
        self.retries += delivered.retries;
        self.end = self.end.max(delivered.end);
        let lowest = delivered.undelivered.iter().copied();
        self.lowest_undelivered = lowest.chain(self.lowest_undelivered).min();
        self.undelivered_records.extend(delivered.undelivered.iter().map(|at| at.record));
        if let Some(failure) = &delivered.failure {
            self.fail(failure.clone());
        }
    }

    /// Prints the receipt of the attempt.
    ///
    /// # Errors
    /// The counts do not add up. The receipt is printed all the same.
    pub(super) fn receipt(&self, attempted: Attempted<'_>) -> Result<Receipt, Unbalanced> {
        let Attempted { subject, dataset, is_final, handed_on, bytes_in, bytes_raw, started } = attempted;
        let receipt = Receipt {
            is_final,
            bytes_in,
            bytes_raw,
            outcome: self.outcome,
            left_out: self.left_out,
            panicked: self.panicked,
            handed_on,
            bulk_requests: self.bulk_requests,
            retries: self.retries,
            elapsed_ms: elapsed_ms(started),
            ..Receipt::new(subject, dataset)
        };
        receipt.print()?;
        Ok(receipt)
    }

    /// Records a failure.
    pub(super) fn fail(&mut self, failure: Failure) {
        if self.failure.as_ref().is_none_or(|known| failure.is_permanent && !known.is_permanent) {
            self.failure = Some(failure);
        }
    }

    /// The offset of an object before which everything is settled. The lowest undelivered position may be after all
    /// data that was read, because no event begins there. The next attempt cannot begin at such a position, so the
    /// result is at most `end`.
    pub(super) fn settled_to(&self) -> u64 {
        self.lowest_undelivered.map_or(self.end, |lowest| lowest.min(self.end)).offset
    }

    /// Whether this attempt at an object, begun at `start_offset`, made progress. The offset has to advance. Dropped
    /// events alone are not progress if the domain took nothing.
    pub(super) fn got_on(&self, start_offset: u64) -> bool {
        let Outcome { indexed, duplicates, rejected, undelivered, .. } = self.outcome;
        self.settled_to() > start_offset && (undelivered == 0 || indexed + duplicates + rejected > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(end: u64, undelivered: &[u64], outcome: Outcome) -> Delivered {
        let undelivered = undelivered.iter().copied().map(ItemPosition::in_object).collect();
        let end = ItemPosition::in_object(end);
        Delivered { body: None, outcome, left_out: 0, undelivered, end, bulk_requests: 1, retries: 0, failure: None }
    }

    #[test]
    fn the_next_attempt_begins_at_the_lowest_undelivered_event() {
        let mut settlement = Settlement::new(ItemPosition::in_object(10));
        let good = Outcome { read: 1, indexed: 1, ..Outcome::default() };
        settlement.add(&delivered(300, &[], good));
        assert_eq!(settlement.settled_to(), 300);
        settlement.add(&delivered(
            200,
            &[150, 120],
            Outcome { read: 2, indexed: 1, undelivered: 1, ..Outcome::default() },
        ));
        assert_eq!((settlement.settled_to(), settlement.got_on(10)), (120, true));
        assert!(!settlement.got_on(120), "an offset that does not advance would go on for ever");
        assert!(settlement.outcome.balances());
    }

    #[test]
    fn the_next_attempt_never_begins_behind_what_was_read() {
        let mut settlement = Settlement::new(ItemPosition::in_object(10));
        let outcome = Outcome { read: 2, indexed: 1, undelivered: 1, ..Outcome::default() };
        settlement.add(&delivered(300, &[5_000], outcome));
        assert_eq!(settlement.settled_to(), 300);
    }

    #[test]
    fn events_dropped_before_a_dead_domain_are_no_progress() {
        let mut settlement = Settlement::new(ItemPosition::in_object(0));
        settlement.add(&delivered(300, &[120], Outcome { read: 9, dropped: 5, undelivered: 4, ..Outcome::default() }));
        assert!(!settlement.got_on(0));
    }
}
