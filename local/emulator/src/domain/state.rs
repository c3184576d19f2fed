//! The documents, faults and counts, which every request uses.

use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_credential_types::Credentials;

use super::{faults::Faults, store::Store};

/// Counts of `_bulk` requests to a domain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DomainStats {
    /// Requests that arrived, including those that hit a fault.
    pub requests: u64,
    /// Items in the requests that were carried out.
    pub items: u64,
    /// Documents created.
    pub created: u64,
    /// Items that got 409.
    pub conflicts: u64,
    /// Items that got any other error.
    pub errors: u64,
    /// Bytes of bodies as received.
    pub bytes: u64,
    /// Bytes of bodies, decompressed.
    pub bytes_raw: u64,
    /// Requests of any kind refused for their signature.
    pub refused: u64,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) credentials: Option<Credentials>,
    pub(super) store: Mutex<Store>,
    pub(super) faults: Mutex<Faults>,
    pub(super) stats: Mutex<DomainStats>,
}

impl State {
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut DomainStats)) {
        count(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
