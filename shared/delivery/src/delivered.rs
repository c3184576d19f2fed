//! The result of sending one body: the fates of its events.

use pipeline::{bulk::Body, outcome::Outcome, record::ItemPosition};

/// The fates of the events of one body.
#[derive(Debug)]
pub(super) struct Delivered {
    /// The body, to be filled again. `None` if the HTTP client still holds it.
    pub(super) body: Option<Body>,
    pub(super) outcome: Outcome,
    pub(super) left_out: u64,
    /// The positions of the undelivered events, in no order.
    pub(super) undelivered: Vec<ItemPosition>,
    /// All events before it were in this body or an earlier one.
    pub(super) end: ItemPosition,
    pub(super) bulk_requests: u64,
    pub(super) retries: u64,
    /// Why events are undelivered.
    pub(super) failure: Option<Failure>,
}

/// Why events are undelivered.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Another attempt would fail in the same way.
    pub(super) is_permanent: bool,
}
