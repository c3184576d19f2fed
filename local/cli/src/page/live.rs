//! What a delivery reports while it runs: bytes, and the receipts of each object.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde_json::{Value, json};

use crate::report::counts::Counts;

/// The largest number of objects in an answer: those with the latest receipts.
const MAX_OBJECTS: usize = 200;

/// The state of all deliveries of a run.
#[derive(Debug, Default)]
pub struct Live {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Grows with every change.
    version: u64,
    is_running: bool,
    ended: Option<Instant>,
    bytes: u64,
    bytes_sent: u64,
    totals: Counts,
    /// Whether the fates of some receipt are not as many as its events.
    is_unbalanced: bool,
    /// The counts of each object, with the version of its last receipt.
    objects: BTreeMap<String, (Counts, u64)>,
}

impl Live {
    /// A delivery of `bytes` bytes begins.
    pub fn begin(&self, bytes: u64) {
        self.change(|state| (state.is_running, state.ended, state.bytes, state.bytes_sent) = (true, None, bytes, 0));
    }

    /// It has read so many bytes.
    pub fn at(&self, sent: u64) {
        if self.state().bytes_sent != sent {
            self.change(|state| state.bytes_sent = sent);
        }
    }

    /// It has ended.
    pub fn end(&self) {
        self.change(|state| (state.is_running, state.ended) = (false, Some(Instant::now())));
    }

    /// An attempt at an object, or at records of a file, has a receipt.
    pub fn receipt(&self, key: &str, receipt: &Value) {
        let counts = Counts::of(receipt);
        self.change(|state| {
            state.totals.add(&counts);
            state.is_unbalanced |= !counts.fates.balances();
            let object = state.objects.entry(key.to_owned()).or_default();
            object.0.add(&counts);
            object.1 = state.version;
        });
    }

    /// When the last delivery ended; `None` if events may still arrive.
    pub(super) fn ended(&self) -> Option<Instant> {
        self.state().ended
    }

    /// The state as JSON, without the index pattern.
    pub(super) fn json(&self) -> Value {
        let state = self.state();
        let mut latest: Vec<_> = state.objects.iter().collect();
        latest.sort_by_key(|(_, (_, version))| Reverse(*version));
        latest.truncate(MAX_OBJECTS);
        let objects: Vec<Value> =
            latest.into_iter().map(|(key, (counts, _))| json!({ "key": key, "counts": counts })).collect();
        json!({
            "version": state.version,
            "running": state.is_running,
            "bytes": state.bytes,
            "bytes_sent": state.bytes_sent,
            "totals": state.totals,
            "balances": !state.is_unbalanced,
            "object_count": state.objects.len(),
            "objects": objects,
        })
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        state.version += 1;
        change(&mut state);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
