//! A small Elasticsearch-compatible domain in memory, on 127.0.0.1, with faults on demand.
//!
//! It answers `_bulk`, `_search`, `_count`, `_cat/indices`, `_index_template`, and the few requests of index
//! administration that the functions and their tests use. Status codes and error types are those of the engine. It
//! checks `SigV4` signatures. Queries are evaluated by [`pipeline::select`]. Deliberately absent: mappings and analysis
//! (fields match as in `select`), aggregations, updates, aliases, shards, and storage on disk.

mod bulk;
mod error;
mod faults;
mod http;
mod query;
mod search;
mod signature;
mod store;

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_credential_types::Credentials;
use hyper::service::service_fn;
use serde_json::Value;

use self::{faults::Faults, search::Search, store::Store};
use crate::server::Server;

/// The behaviour of a domain.
#[derive(Debug, Clone)]
pub struct DomainOptions {
    /// If given, every request needs a valid `SigV4` signature of the service `es` or `aoss`.
    pub credentials: Option<Credentials>,
    /// Whether documents are kept in full, or only their ids.
    pub keep_sources: bool,
}

impl Default for DomainOptions {
    fn default() -> Self {
        Self { credentials: None, keep_sources: true }
    }
}

/// A fault of `_bulk`. Several may be active. Faults with `times` are counted down, the others last until
/// [`Domain::heal`].
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

/// A running domain. Dropping it stops it.
#[derive(Debug)]
pub struct Domain {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    credentials: Option<Credentials>,
    store: Mutex<Store>,
    faults: Mutex<Faults>,
    stats: Mutex<DomainStats>,
}

impl State {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, count: impl FnOnce(&mut DomainStats)) {
        count(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Domain {
    /// Serves an empty domain on a free port.
    ///
    /// # Errors
    /// The port could not be bound.
    pub async fn start(options: DomainOptions) -> io::Result<Self> {
        let DomainOptions { credentials, keep_sources } = options;
        let state = Arc::new(State {
            credentials,
            store: Mutex::new(Store::new(keep_sources)),
            faults: Mutex::default(),
            stats: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let server = Server::start(service_fn(move |request| http::handle(Arc::clone(&shared), request))).await?;
        Ok(Self { server, state })
    }

    /// The value for `MILLRACE_DOMAIN_ENDPOINT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Adds a fault.
    pub fn fail(&self, fault: DomainFault) {
        self.state.faults().add(fault);
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.state.faults().clear();
    }

    /// The counts so far.
    pub fn stats(&self) -> DomainStats {
        *self.state.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of documents in all indices whose names match the pattern (`logs-*`). It is 0 if no index matches.
    pub fn count(&self, index_glob: &str) -> u64 {
        let store = self.state.store();
        let covered = store.indices.iter().filter(|(name, _)| store::glob(index_glob, name));
        covered.map(|(_, index)| index.documents.len() as u64).sum()
    }

    /// The indices with the number of documents in each.
    pub fn indices(&self) -> Vec<(String, u64)> {
        let store = self.state.store();
        store.indices.iter().map(|(name, index)| (name.clone(), index.documents.len() as u64)).collect()
    }

    /// The exact bytes of a document. `None` if it does not exist, or sources are not kept.
    pub fn source(&self, index: &str, id: &str) -> Option<Vec<u8>> {
        self.state.store().indices.get(index)?.documents.get(id)?.source.as_ref().map(|source| source.to_vec())
    }

    /// The first `size` hits of a query string in the indices of an expression (`logs-*`), in the form of `_search`.
    ///
    /// # Errors
    /// The engine's reason for refusing the search.
    pub fn search(&self, indices: &str, query: &str, size: u64) -> Result<Value, String> {
        let parameters = [("q", query.to_owned()), ("size", size.to_string())];
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let store = self.state.store();
        let found = Search::parse(&parameters, b"").and_then(|mut search| search.run(&store, &store.resolve(indices)?));
        let found = found.map_err(|error| error.reason)?;
        serde_json::from_slice(&found).map_err(|error| error.to_string())
    }

    /// Calls `each` with index, id and source (empty where sources are not kept) of every document, in no particular
    /// order.
    pub fn for_each(&self, mut each: impl FnMut(&str, &str, &[u8])) {
        for (name, index) in &self.state.store().indices {
            for (id, document) in &index.documents {
                each(name, id, document.source.as_deref().unwrap_or_default());
            }
        }
    }
}
