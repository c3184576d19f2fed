//! A small Elasticsearch-compatible domain in memory, on 127.0.0.1, with faults on demand.
//!
//! It answers `_bulk`, `_search`, `_count`, `_field_caps`, `_cat/indices`, `_index_template`, and the few requests of index
//! administration that the functions and their tests use. Status codes and error types are those of the engine. It
//! checks `SigV4` signatures. Query strings are evaluated by [`pipeline::select`]. The types of fields, which come from
//! the templates or from the first values, are for aggregations, ranges and the order of hits: `auto_date_histogram`,
//! `terms`, `cardinality`, `geo_bounds` and `geohash_grid`, as the engine answers them. Any other aggregation, query or key
//! of a search is an error. Deliberately absent: the refusal of a document that does not fit the mapping, analysis
//! (fields match as in `select`), scores, sub-aggregations, updates, aliases, shards, and storage on disk.

mod aggregations;
mod bulk;
mod column;
mod error;
mod faults;
mod field_caps;
mod filter_path;
mod glob;
mod http;
mod mapping;
mod query;
mod route;
mod row;
mod rows;
mod search;
mod segment;
mod shard;
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
        let covered = store.indices.iter().filter(|(name, _)| glob::glob(index_glob, name));
        covered.map(|(_, index)| index.documents.len() as u64).sum()
    }

    /// The indices with the number of documents in each.
    pub fn indices(&self) -> Vec<(String, u64)> {
        let store = self.state.store();
        store.indices.iter().map(|(name, index)| (name.clone(), index.documents.len() as u64)).collect()
    }

    /// The exact bytes of a document. `None` if it does not exist, or sources are not kept.
    pub fn source(&self, index: &str, id: &str) -> Option<Vec<u8>> {
        self.state.store().indices.get(index)?.source(id).map(<[u8]>::to_vec)
    }

    /// Stores an index template, as `PUT /_index_template/{name}` does. New indices that it covers have its mapping.
    pub fn set_template(&self, name: &str, template: Value) {
        self.state.store().templates.insert(name.to_owned(), template);
    }

    /// The first `size` hits of a query string in the indices of an expression (`logs-*`), in the form of `_search`.
    ///
    /// # Errors
    /// The engine refuses the search.
    pub fn search(&self, indices: &str, query: &str, size: u64) -> Result<Value, EngineError> {
        let parameters = [("q", query.to_owned()), ("size", size.to_string())];
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let search = Search::parse(&parameters, b"")?;
        let snapshots = self.state.store().snapshots(indices, false)?;
        let found = search.run(&snapshots)?;
        serde_json::from_slice(&found).map_err(|error| EngineError::new(500, "json_parse_exception", error.to_string()))
    }

    /// Calls `each` with index, id and source (empty where sources are not kept) of every document, in no particular
    /// order.
    pub fn for_each(&self, mut each: impl FnMut(&str, &str, &[u8])) {
        for (name, index) in &self.state.store().indices {
            for part in index.rows.parts() {
                for row in part.live().filter_map(|row| part.segment.rows().get(row)) {
                    each(name, &row.id, row.source.as_deref().unwrap_or_default());
                }
            }
        }
    }
}
