//! The fates that receipts count.

use pipeline::outcome::{Outcome, TransformOutcome};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The fates of the events of an object, over all its attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The number of attempts: starts and continuations.
    pub attempts: u64,
    /// The sums of the attempts' receipts.
    #[serde(flatten)]
    pub fates: Outcome,
}

impl Counts {
    /// The counts of one receipt.
    pub(crate) fn of(receipt: &Value) -> Self {
        Self { attempts: 1, fates: Outcome::deserialize(receipt).unwrap_or_default() }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.fates.add(&other.fates);
    }

    pub(super) fn cells(&self) -> [String; 7] {
        let Outcome { read, dropped, expired, indexed, duplicates, rejected, undelivered, .. } = self.fates;
        [read, dropped + expired, indexed, duplicates, rejected, undelivered, self.attempts]
            .map(|count| count.to_string())
    }
}

/// The fates of the records of a file and of their events, from receipts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TransformCounts {
    /// The number of invocations with a receipt.
    pub attempts: u64,
    /// The sums of these receipts.
    #[serde(flatten)]
    pub fates: TransformOutcome,
}

impl TransformCounts {
    /// The counts of one receipt.
    pub fn of(receipt: &Value) -> Self {
        Self { attempts: 1, fates: TransformOutcome::deserialize(receipt).unwrap_or_default() }
    }

    /// Adds the counts of other records.
    pub fn add(&mut self, other: &Self) {
        self.attempts += other.attempts;
        self.fates.add(&other.fates);
    }

    pub(super) fn cells(&self) -> [String; 9] {
        let TransformOutcome { records, ok, dropped_records, failed_records, read, dropped, passed, failed } =
            self.fates;
        [records, ok, dropped_records, failed_records, read, passed, dropped, failed, self.attempts]
            .map(|count| count.to_string())
    }
}
