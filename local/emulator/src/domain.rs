//! A small Elasticsearch-compatible domain in memory, on 127.0.0.1, with faults on demand.
//!
//! It answers `_bulk`, `_search`, `_count`, `_cat/indices`, `_index_template`, and the few requests of index
//! administration that the functions and their tests use. Status codes and error types are those of the engine. It
//! checks `SigV4` signatures. Queries are evaluated by [`pipeline::select`]. Deliberately absent: mappings and analysis
//! (fields match as in `select`), aggregations, updates, aliases, shards, and storage on disk.

mod bulk;
mod error;
mod faults;
mod filter_path;
mod http;
mod query;
mod route;
mod search;
mod signature;
mod state;
mod store;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use aws_credential_types::Credentials;
use hyper::service::service_fn;
use serde_json::Value;

pub use self::{error::EngineError, faults::DomainFault, state::DomainStats};
use self::{search::Search, state::State, store::Store};
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

/// A running domain. Dropping it stops it.
#[derive(Debug)]
pub struct Domain {
    server: Server,
    state: Arc<State>,
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
    /// The engine refuses the search.
    pub fn search(&self, indices: &str, query: &str, size: u64) -> Result<Value, EngineError> {
        let parameters = [("q", query.to_owned()), ("size", size.to_string())];
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let store = self.state.store();
        let mut search = Search::parse(&parameters, b"")?;
        let found = search.run(&store, &store.resolve(indices)?)?;
        serde_json::from_slice(&found).map_err(|error| EngineError::new(500, "json_parse_exception", error.to_string()))
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
