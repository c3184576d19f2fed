//! The page of `--keep`: the events of a run in a browser, live while they arrive.
//!
//! In: a running machine. Out: a URL. A server on 127.0.0.1 gives the browser the page, the receipts, the dead letters, and the
//! answers of two kinds of searches that it builds itself ([ADR 34](../../../docs/adr/0034-a-page-of-our-own.md)).
//!
//! # Layout
//! `live` has what the delivery reports. `guard` refuses requests of other sites and other programs, and `route` answers
//! the rest. `view` reads what the browser wants to see, `domain` asks for it, and `letters` reads dead letters. `files` has
//! the parts of the page, which are in the program.
//!
//! Deliberately absent: any request that changes something, any index, path or query body that the browser names, and any
//! credential in the browser.

mod domain;
mod files;
mod guard;
mod letters;
pub mod live;
mod route;
mod shared;
mod view;

use std::{io, path::Path, sync::Arc};

use emulator::server::Server;
use hyper::service::service_fn;

use self::{domain::Domain, guard::Guard, live::Live, shared::Shared};
use crate::machine::Machine;

/// A running page. Dropping it ends its server.
#[derive(Debug)]
pub struct Page {
    server: Server,
    shared: Arc<Shared>,
}

impl Page {
    /// Serves the page of a machine, before any event arrives. `pipeline` names the indices.
    ///
    /// # Errors
    /// The rules have faults, or no port or random token can be had.
    pub async fn start(machine: &Machine, pipeline: &Path, dead_letters: &Path) -> io::Result<Self> {
        Self::of(Domain::of(machine, pipeline).await?, dead_letters).await
    }

    async fn of(domain: Domain, dead_letters: &Path) -> io::Result<Self> {
        let dead_letters = dead_letters.to_owned();
        let shared = Arc::new(Shared { guard: Guard::new()?, live: Arc::default(), domain, dead_letters });
        let of_server = Arc::clone(&shared);
        let server = Server::start(service_fn(move |request| route::answer(Arc::clone(&of_server), request))).await?;
        shared.guard.serves(server.address().port());
        Ok(Self { server, shared })
    }

    /// The URL for a browser. The token is in the fragment, which a browser sends to no server.
    pub fn url(&self) -> String {
        format!("{}/#{}", self.server.url(), self.shared.guard.token())
    }

    /// Where the delivery reports to.
    pub fn live(&self) -> Arc<Live> {
        Arc::clone(&self.shared.live)
    }
}

#[cfg(test)]
mod tests;
