//! The fate of each event, and the error taxonomy.
//!
//! An [`Outcome`], or for Firehose a [`TransformOutcome`], counts fates and balances. A [`Rejection`] says why one event can never
//! be indexed. A [`BatchError`] says why a whole request failed. A [`ConfigError`] lists every fault of a configuration at once.
//! Deliberately absent: the reaction to them (`delivery`).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::record::ItemPosition;

/// The fates of the events of one attempt at an object or batch.
///
/// `read` is counted where events are framed. Every fate is counted where it is settled. No count is computed by subtraction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Events framed.
    pub read: u64,
    /// Not wanted by the user's rule.
    pub dropped: u64,
    /// Older than the dataset's retention.
    pub expired: u64,
    /// Created in the domain by this attempt.
    pub indexed: u64,
    /// Already in the domain (409 of a `create`).
    pub duplicates: u64,
    /// Stored durably in the dead-letter bucket.
    pub rejected: u64,
    /// Neither indexed nor rejected: the source has to deliver them again.
    pub undelivered: u64,
    /// Sent to the domain, whatever the result. This field and the next ones are not fates; they give details of some fates.
    pub sent: u64,
    /// Subset of `dropped`: not wanted by an ingest pipeline of the domain.
    pub dropped_by_domain: u64,
    /// Subset of `rejected`: refused permanently by the domain.
    pub rejected_by_domain: u64,
    /// Subset of `indexed`: refused by the domain at first, and then stored with some fields not indexed.
    pub repaired: u64,
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
        self.repaired += other.repaired;
    }
}

/// The fates of the records of one invocation by Firehose, and of the events in them.
///
/// `records` and `read` are counted on arrival. Every fate is counted where it is settled. No count is computed by subtraction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransformOutcome {
    /// Records of the invocation.
    pub records: u64,
    /// Records delivered, with at least one event.
    pub ok: u64,
    /// Records without any wanted event.
    pub dropped_records: u64,
    /// Records that Firehose stores unchanged as failed.
    pub failed_records: u64,
    /// Events framed.
    pub read: u64,
    /// Not wanted by the user's rule.
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
    /// The object could not be read to its end, or does not exist any more; or the record does not have the form that its service sends.
    Source,
    /// No whole value was found: a line over the limit, broken compression, lost framing.
    Frame,
    /// The value is not JSON, or not an object.
    Decode,
    /// It cannot be decided whether the event is wanted.
    Select,
    /// The index or id cannot be derived from the event.
    Route,
    /// The domain refused the document permanently.
    Domain,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The same name as in dead letters and logs.
        self.serialize(f)
    }
}

/// The `error_type` of an event that a replay did not find at its position again.
pub const POSITION_NOT_FOUND: &str = "position_not_found";

/// Why one event can never be indexed. The event goes to the dead letters and is counted. The batch continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Where the event lies in its origin.
    pub at: ItemPosition,
    /// Where to resume reading so that the event is read again. Set if no read can start at `at`.
    pub restart: Option<ItemPosition>,
    /// The step that rejected it.
    pub stage: Stage,
    /// A stable word to count and to search by, such as `invalid_json` or the domain's `mapper_parsing_exception`.
    pub error_type: String,
    /// A description of the fault for a person.
    pub reason: String,
}

/// Why a whole request failed.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Retry with a new signature until the deadline. After the deadline its events are undelivered.
    #[error("{what}: {reason}")]
    Retryable {
        /// The request, such as `POST https://domain/_bulk`.
        what: String,
        /// The error code of the service, such as `SlowDown`. Empty if there is none.
        code: String,
        /// What went wrong.
        reason: String,
        /// The pause that the server asked for.
        retry_after: Option<std::time::Duration>,
    },
    /// A retry would get the same answer. The handler fails and an alarm is raised. The batch is never acknowledged.
    #[error("{what}: {reason}")]
    Permanent {
        /// The request.
        what: String,
        /// The error code of the service, such as `NoSuchBucket`. Empty if there is none.
        code: String,
        /// What went wrong.
        reason: String,
    },
    /// The domain refuses the whole request (400), possibly because of one item. The request is halved until that item is alone.
    #[error("{what}: 400 {error_type}: {reason}")]
    BadRequest {
        /// The request.
        what: String,
        /// The exception's type. Empty if the answer does not come from an engine.
        error_type: String,
        /// The exception's reason, or the beginning of the answer.
        reason: String,
    },
    /// The body is too large for the domain (413): it is halved.
    #[error("{what}: the body is larger than the domain takes (413)")]
    TooLarge {
        /// The request.
        what: String,
    },
}

impl BatchError {
    /// A failure that a retry may change.
    pub fn retryable(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Retryable { what: what.into(), code: String::new(), reason: reason.into(), retry_after: None }
    }

    /// A failure that no retry changes.
    pub fn permanent(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Permanent { what: what.into(), code: String::new(), reason: reason.into() }
    }

    /// The request that failed.
    pub fn request(&self) -> &str {
        match self {
            Self::Retryable { what, .. }
            | Self::Permanent { what, .. }
            | Self::BadRequest { what, .. }
            | Self::TooLarge { what } => what,
        }
    }

    /// The error code of the service. Empty if there is none.
    pub fn code(&self) -> &str {
        match self {
            Self::Retryable { code, .. } | Self::Permanent { code, .. } => code,
            Self::BadRequest { error_type, .. } => error_type,
            Self::TooLarge { .. } => "",
        }
    }
}

/// One fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The location: an environment variable's name, or `FILE:LINE:COLUMN`.
    pub place: String,
    /// A description of the fault, with the accepted form.
    pub message: String,
}

/// All faults of a configuration at once. Initialisation fails with this error.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one fault, in the order of the locations.
    pub faults: Vec<Fault>,
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plural = if self.faults.len() == 1 { "fault" } else { "faults" };
        write!(f, "{} {plural} in the configuration", self.faults.len())?;
        self.faults.iter().try_for_each(|fault| write!(f, "\n  {}: {}", fault.place, fault.message))
    }
}

/// The same as `Display`: a process whose `main` fails prints its error with `Debug`.
impl std::fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}
