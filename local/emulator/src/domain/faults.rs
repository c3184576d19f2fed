//! The active faults, and their effect on one `_bulk` request.

use std::time::Duration;

use super::{
    error::EngineError,
    store::{Store, auto_create_is_off, is_blocked, is_closed, too_many_shards},
};

/// The seed for choosing the items that get 429, so that a run can be repeated.
const SEED: u64 = 20_261_122;

/// A fault of `_bulk`. Several may be active. Faults with `times` are counted down, the others last until
/// [`super::Domain::heal`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DomainFault {
    /// This share of the items (0 to 1) gets 429 `rejected_execution_exception`, inside a 200.
    Items429 {
        /// The share of all items.
        share: f64,
    },
    /// The whole request gets 429.
    Whole429 {
        /// The number of requests that get it.
        times: u32,
        /// The header `Retry-After`, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// The whole request gets this status, such as 503, and is not carried out.
    Status {
        /// The status code.
        code: u16,
        /// The number of requests that get it.
        times: u32,
    },
    /// Larger bodies get 413 with an empty body. The limit is for the decompressed body, as in the engine.
    MaxBodyBytes(usize),
    /// The connection is closed without an answer.
    CutConnection {
        /// The number of requests that get it.
        times: u32,
        /// Whether the items are carried out before the connection closes.
        applied: bool,
    },
    /// A 200 whose body is cut in the middle.
    Unreadable {
        /// The number of requests that get it. Their items are carried out.
        times: u32,
    },
    /// Every answer is delayed by this time.
    Slow(Duration),
    /// Every item gets 403 `cluster_block_exception`.
    WriteBlock,
    /// Every item gets 400 `index_closed_exception`.
    IndexClosed,
    /// Every item for a missing index gets 400 `validation_exception`.
    ShardLimit,
    /// Every item for a missing index gets 404 `index_not_found_exception`.
    AutoCreateOff,
}

#[derive(Debug)]
pub(super) struct Faults {
    active: Vec<DomainFault>,
    random: fastrand::Rng,
}

impl Default for Faults {
    fn default() -> Self {
        Self { active: Vec::new(), random: fastrand::Rng::with_seed(SEED) }
    }
}

/// The effect of the faults on one request.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pub(super) wait: Option<Duration>,
    pub(super) max_body_bytes: Option<usize>,
    /// Happens instead of the request.
    pub(super) instead: Option<Instead>,
    /// Happens after the request.
    pub(super) after: Option<After>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Instead {
    Rejected(Option<Duration>),
    Status(u16),
    Cut,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    Cut,
    Unreadable,
}

impl Faults {
    pub(super) fn add(&mut self, fault: DomainFault) {
        self.active.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.active.clear();
    }

    /// The effect on the next request. The first counted fault with times left is counted down by one.
    pub(super) fn next_request(&mut self) -> Trouble {
        let mut trouble = Trouble::default();
        for fault in &self.active {
            match fault {
                DomainFault::Slow(wait) => trouble.wait = Some(*wait),
                DomainFault::MaxBodyBytes(bytes) => trouble.max_body_bytes = Some(*bytes),
                _ => {}
            }
        }
        for fault in &mut self.active {
            let (times, instead, after) = match fault {
                DomainFault::Whole429 { times, retry_after } => (times, Some(Instead::Rejected(*retry_after)), None),
                DomainFault::Status { code, times } => (times, Some(Instead::Status(*code)), None),
                DomainFault::CutConnection { times, applied: false } => (times, Some(Instead::Cut), None),
                DomainFault::CutConnection { times, applied: true } => (times, None, Some(After::Cut)),
                DomainFault::Unreadable { times } => (times, None, Some(After::Unreadable)),
                _ => continue,
            };
            if *times > 0 {
                *times -= 1;
                (trouble.instead, trouble.after) = (instead, after);
                break;
            }
        }
        trouble
    }

    /// The error of the next item for this index.
    pub(super) fn next_item(&mut self, index: &str, store: &Store) -> Option<EngineError> {
        let present = store.indices.get(index);
        self.active.iter().find_map(|fault| match fault {
            DomainFault::Items429 { share } => (self.random.f64() < *share).then(rejected),
            DomainFault::WriteBlock => Some(is_blocked(index)),
            DomainFault::IndexClosed => Some(is_closed(index, present.map_or("_na_", |present| present.uuid.as_str()))),
            DomainFault::ShardLimit if present.is_none() => Some(too_many_shards(1000, 1000)),
            DomainFault::AutoCreateOff if present.is_none() => Some(auto_create_is_off(index)),
            _ => None,
        })
    }
}

/// 429: the queue of the write threads is full.
pub(super) fn rejected() -> EngineError {
    EngineError::new(
        429,
        "rejected_execution_exception",
        "rejected execution of coordinating operation: the queue of the write thread pool is full",
    )
}
