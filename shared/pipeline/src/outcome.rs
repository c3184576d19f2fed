//! What became of each event, and the error taxonomy.
//!
//! An [`Outcome`], or for Firehose a [`TransformOutcome`], counts fates and balances; a [`Rejection`] says why one event can never be indexed; a
//! [`BatchError`] says what became of a whole request; a [`ConfigError`] lists every fault of a configuration at once.
//! Deliberately absent: what is done about them (`delivery`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::record::ItemPosition;

/// The fates of the events of one attempt at an object or batch.
///
/// `read` is counted where events are framed, every fate where it is settled; none by subtraction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Events framed.
    pub read: u64,
    /// Not wanted by the user's own rule.
    pub dropped: u64,
    /// Older than the dataset's retention.
    pub expired: u64,
    /// Created in the domain by this attempt.
    pub indexed: u64,
    /// In the domain already (409 of a `create`).
    pub duplicates: u64,
    /// Durable in the dead-letter bucket.
    pub rejected: u64,
    /// Neither: the source has to bring them again.
    pub undelivered: u64,
    /// Sent to the domain, whatever became of them. This and what follows is no fate, but says more of some.
    pub sent: u64,
    /// Of the dropped: not wanted by an ingest pipeline of the domain.
    pub dropped_by_domain: u64,
    /// Of the rejected: refused by the domain for good.
    pub rejected_by_domain: u64,
}

impl Outcome {
    /// Whether every event read has exactly one fate.
    pub fn balances(&self) -> bool {
        self.read == self.dropped + self.expired + self.indexed + self.duplicates + self.rejected + self.undelivered
    }

    /// Adds the counts of another part of the same attempt.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.dropped += other.dropped;
        self.expired += other.expired;
        self.indexed += other.indexed;
        self.duplicates += other.duplicates;
        self.rejected += other.rejected;
        self.undelivered += other.undelivered;
        self.sent += other.sent;
        self.dropped_by_domain += other.dropped_by_domain;
        self.rejected_by_domain += other.rejected_by_domain;
    }
}

/// What became of the records of one invocation by Firehose, and of the events in them.
///
/// `records` and `read` are counted as they come, every fate where it is settled; none by subtraction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransformOutcome {
    /// Records of the invocation.
    pub records: u64,
    /// Records delivered, with at least one event.
    pub ok: u64,
    /// Records without any wanted event.
    pub dropped_records: u64,
    /// Records that Firehose keeps, as they came, in the backup bucket.
    pub failed_records: u64,
    /// Events framed.
    pub read: u64,
    /// Not wanted by the user's own rule.
    pub dropped: u64,
    /// Delivered.
    pub passed: u64,
    /// In a record that failed.
    pub failed: u64,
}

impl TransformOutcome {
    /// Whether every record and every event has exactly one fate.
    pub fn balances(&self) -> bool {
        self.records == self.ok + self.dropped_records + self.failed_records
            && self.read == self.dropped + self.passed + self.failed
    }

    /// Adds the counts of another invocation.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.ok += other.ok;
        self.dropped_records += other.dropped_records;
        self.failed_records += other.failed_records;
        self.read += other.read;
        self.dropped += other.dropped;
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The step that rejected an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// The object could not be read to its end, or is gone; the record was not sent as its service does.
    Source,
    /// No whole value was found: a line over the limit, broken compression, lost framing.
    Frame,
    /// The value is not JSON, or not an object.
    Decode,
    /// Whether the event is wanted can't be found out.
    Select,
    /// No index or id follows from the event.
    Route,
    /// The domain refused the document for good.
    Domain,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its name in dead letters and logs.
        self.serialize(f)
    }
}

/// Why one event can never be indexed. It goes to the dead letters and is counted; the batch goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Where the event lies in its origin.
    pub at: ItemPosition,
    /// Where reading begins again to meet it, where nothing begins at `at`.
    pub restart: Option<ItemPosition>,
    /// The step that rejected it.
    pub stage: Stage,
    /// A stable word to count and to search by, such as `invalid_json` or the domain's `mapper_parsing_exception`.
    pub error_type: String,
    /// What is wrong, for a person.
    pub reason: String,
}

/// What became of a whole request.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Worth another try, signed anew, until the deadline; then its events are undelivered.
    #[error("{what}: {reason}")]
    Retryable {
        /// The request, such as `POST https://domain/_bulk`.
        what: String,
        /// What it met.
        reason: String,
        /// The pause that the other side asked for.
        retry_after: Option<std::time::Duration>,
    },
    /// The other side will answer the same again: the handler fails and an alarm rings; never acknowledged.
    #[error("{what}: {reason}")]
    Permanent {
        /// The request.
        what: String,
        /// What it met.
        reason: String,
    },
    /// The domain refuses the whole request (400), maybe for one item of it: it is halved until that item stands alone.
    #[error("{what}: 400 {error_type}: {reason}")]
    BadRequest {
        /// The request.
        what: String,
        /// The exception's type; empty where the answer is none of an engine.
        error_type: String,
        /// Its reason, or the beginning of the answer.
        reason: String,
    },
    /// The body is too large for the domain (413): it is halved.
    #[error("{what}: the body is larger than the domain takes (413)")]
    TooLarge {
        /// The request.
        what: String,
    },
}

/// One fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: an environment variable's name, or `FILE:LINE:COLUMN`.
    pub place: String,
    /// What is wrong, with the accepted form.
    pub message: String,
}

/// All faults of a configuration at once. Initialisation fails with it.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one, in the order of the places.
    pub faults: Vec<Fault>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = if self.faults.len() == 1 { "fault" } else { "faults" };
        write!(f, "{} {plural} in the configuration", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {}: {}", fault.place, fault.message))
    }
}

/// As for a person: a process whose `main` fails prints its error by `Debug`.
impl std::fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
