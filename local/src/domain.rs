//! A small Elasticsearch-compatible domain, in memory, on 127.0.0.1, that can be told to fail.
//!
//! It answers `_bulk`, `_search`, `_count`, `_cat/indices`, `_index_template`, and what little of index administration the
//! functions and their tests use, with the engine's status codes and error types; it checks `SigV4` signatures. Queries
//! are the library's own [`pipeline::select`]. Deliberately absent: mappings and analysis (every field matches as `select`
//! says), aggregations, updates, aliases, shards, and anything on a disk.

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

/// How a domain behaves.
#[derive(Debug, Clone)]
pub struct DomainOptions {
    /// Where given, every request has to carry a right `SigV4` signature of the service `es` or `aoss`.
    pub credentials: Option<Credentials>,
    /// Whether documents are kept, or their ids alone.
    pub keep_sources: bool,
}

impl Default for DomainOptions {
    fn default() -> Self {
        Self { credentials: None, keep_sources: true }
    }
}

/// A fault of `_bulk`. Several may be active; `times` are counted down, the others last until [`Domain::heal`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum DomainFault {
    /// This share of the items (0 to 1) meets 429 `rejected_execution_exception`, inside a 200.
    Items429 {
        /// Of all items.
        share: f64,
    },
    /// The whole request meets 429.
    Whole429 {
        /// How many requests meet it.
        times: u32,
        /// Becomes the header `Retry-After`, in whole seconds.
        retry_after: Option<Duration>,
    },
    /// The whole request meets this status, such as 503, and is not carried out.
    Status {
        /// The status code.
        code: u16,
        /// How many requests meet it.
        times: u32,
    },
    /// Larger bodies meet 413 with an empty body. The decompressed body counts, as it does in the engine.
    MaxBodyBytes(usize),
    /// The connection is closed without an answer.
    CutConnection {
        /// How many requests meet it.
        times: u32,
        /// Whether the items are carried out before.
        applied: bool,
    },
    /// A 200 whose body ends in the middle.
    Unreadable {
        /// How many requests meet it; their items are carried out.
        times: u32,
    },
    /// Every answer comes this much later.
    Slow(Duration),
    /// Every item meets 403 `cluster_block_exception`.
    WriteBlock,
    /// Every item meets 400 `index_closed_exception`.
    IndexClosed,
    /// Every item of an index that is not there meets 400 `validation_exception`.
    ShardLimit,
    /// Every item of an index that is not there meets 404 `index_not_found_exception`.
    AutoCreateOff,
}

/// What a domain has seen of `_bulk`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DomainStats {
    /// Requests that reached it, those that a fault met too.
    pub requests: u64,
    /// Items in the requests that were carried out.
    pub items: u64,
    /// Documents created.
    pub created: u64,
    /// Items that met 409.
    pub conflicts: u64,
    /// Items that met any other error.
    pub errors: u64,
    /// Bytes of bodies as they were received.
    pub bytes: u64,
    /// Bytes of bodies, decompressed.
    pub bytes_raw: u64,
    /// Requests refused for their signature, `_bulk` or not.
    pub refused: u64,
}

/// A running domain. Dropping it ends it.
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

    /// What `MILLRACE_DOMAIN_ENDPOINT` has to be.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Adds a fault.
    pub fn fail(&self, fault: DomainFault) {
        self.state.faults().add(fault);
    }

    /// Takes all faults away.
    pub fn heal(&self) {
        self.state.faults().clear();
    }

    /// What it has seen so far.
    pub fn stats(&self) -> DomainStats {
        *self.state.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Documents in all indices whose names the pattern covers (`logs-*`). No index is no document.
    pub fn count(&self, index_glob: &str) -> u64 {
        let store = self.state.store();
        let covered = store.indices.iter().filter(|(name, _)| store::glob(index_glob, name));
        covered.map(|(_, index)| index.documents.len() as u64).sum()
    }

    /// The indices and how many documents each holds.
    pub fn indices(&self) -> Vec<(String, u64)> {
        let store = self.state.store();
        store.indices.iter().map(|(name, index)| (name.clone(), index.documents.len() as u64)).collect()
    }

    /// The very bytes of a document. `None` where it is not there, or sources are not kept.
    pub fn source(&self, index: &str, id: &str) -> Option<Vec<u8>> {
        self.state.store().indices.get(index)?.documents.get(id)?.source.as_ref().map(|source| source.to_vec())
    }

    /// The first `size` hits of a query string in the indices of an expression (`logs-*`), as `_search` gives them.
    ///
    /// # Errors
    /// The engine's reason why it can't be searched.
    pub fn search(&self, indices: &str, query: &str, size: u64) -> Result<Value, String> {
        let parameters = [("q", query.to_owned()), ("size", size.to_string())];
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let store = self.state.store();
        let found = Search::parse(&parameters, b"").and_then(|mut search| search.run(&store, &store.resolve(indices)?));
        let found = found.map_err(|error| error.reason)?;
        serde_json::from_slice(&found).map_err(|error| error.to_string())
    }

    /// Calls `each` with index, id and source (empty where sources are not kept) of every document, in no order.
    pub fn for_each(&self, mut each: impl FnMut(&str, &str, &[u8])) {
        for (name, index) in &self.state.store().indices {
            for (id, document) in &index.documents {
                each(name, id, document.source.as_deref().unwrap_or_default());
            }
        }
    }
}
