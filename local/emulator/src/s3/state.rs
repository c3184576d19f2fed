//! The buckets, faults and counts, which every request uses.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError, RwLock},
    time::Duration,
};

use super::bucket::Bucket;

/// A fault of `GetObject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3Fault {
    /// 503 `SlowDown`, `times` times.
    SlowDown {
        /// The number of requests that get it.
        times: u32,
    },
    /// The connection is cut after `bytes` bytes of the body, `times` times. Shorter bodies are sent in full.
    CutAfter {
        /// The number of bytes of the body that are sent.
        bytes: u64,
        /// The number of bodies that are cut.
        times: u32,
    },
    /// The body starts late, until [`super::S3::heal`].
    Slow(Duration),
}

/// Counts of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct S3Stats {
    /// `GetObject` requests, including refused ones.
    pub gets: u64,
    /// `PutObject` requests that were carried out.
    pub puts: u64,
    /// Bytes of bodies that were sent.
    pub bytes_sent: u64,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) buckets: RwLock<HashMap<String, Bucket>>,
    pub(super) faults: Mutex<Vec<S3Fault>>,
    pub(super) stats: Mutex<S3Stats>,
}

impl State {
    pub(super) fn bucket(&self, name: &str) -> Option<Bucket> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut S3Stats)) {
        count(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
