//! The state of one network: its fault, the calls that it has seen, and the signals between its connections.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::column::Column;
use super::request::Request;
use super::row::Service;

/// The place of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The row.
    pub row: String,
    /// The fault.
    pub column: Column,
    /// The number of the call in the row, from 1.
    pub number: u64,
}

/// The observed properties of a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// The number of calls.
    pub calls: u64,
    /// Whether any request had a body.
    pub has_body: bool,
    /// Whether any request had a condition (`If-Match`, `If-None-Match`).
    pub has_condition: bool,
    /// Whether any reply had a body.
    pub is_answered: bool,
}

/// The state that the servers of one network share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) targets: BTreeMap<Service, String>,
    pub(super) runtime: Arc<Mutex<Option<SocketAddr>>>,
    pub(super) state: Mutex<State>,
    /// Notified when the process has to be killed.
    pub(super) kill: Notify,
    /// Notified when a service has to refuse connections.
    pub(super) refuse: BTreeMap<Service, Notify>,
    /// The number of calls that are delayed.
    pub(super) late: watch::Sender<usize>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) plan: Option<Plan>,
    pub(super) has_struck: bool,
    pub(super) seen: BTreeMap<String, Seen>,
    pub(super) was_denied: bool,
    /// A row whose calls take this much longer.
    pub(super) slow: Option<(&'static str, Duration)>,
}

impl Shared {
    pub(super) fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn target(&self, service: Service) -> Option<String> {
        if service == Service::Runtime {
            return self.runtime.lock().unwrap_or_else(PoisonError::into_inner).map(|address| address.to_string());
        }
        self.targets.get(&service).cloned()
    }

    /// Notes that a reply of this row had a body.
    pub(super) fn note_body(&self, row: &str) {
        if let Some(seen) = self.state().seen.get_mut(row) {
            seen.is_answered = true;
        }
    }

    /// Counts a call. Returns the fault if this is the call that meets it.
    pub(super) fn meet(&self, row: &str, request: &Request) -> Option<Column> {
        let mut state = self.state();
        let seen = state.seen.entry(row.to_owned()).or_default();
        seen.calls += 1;
        seen.has_body |= !request.body.is_empty();
        seen.has_condition |= ["if-match", "if-none-match"].iter().any(|name| request.header(name).is_some());
        let calls = seen.calls;
        let column = state.plan.as_ref().filter(|plan| plan.row == row && plan.number == calls).map(|plan| plan.column);
        state.has_struck |= column.is_some();
        column
    }
}
