//! What the deliveries of all bodies share: the domain, the destination of dead letters, the permits for encoding, and
//! the refusals to remember.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{dead_letters::DeadLetterSink, rollover::Rollovers, suspects::Suspects};
use crate::cluster::Cluster;

/// The destination of bodies.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) cluster: Arc<Cluster>,
    pub(super) dead_letters: DeadLetterSink,
    pub(super) gzip: bool,
    /// Permits for compressing and hashing: one for each vCPU.
    pub(super) encoders: Arc<Semaphore>,
    pub(super) suspects: Arc<Suspects>,
    pub(super) rollovers: Arc<Rollovers>,
}
