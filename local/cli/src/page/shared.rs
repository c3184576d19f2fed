//! What every request of the page needs.

use std::{path::PathBuf, sync::Arc};

use super::{domain::Domain, guard::Guard, live::Live};

/// The parts of a running page.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) guard: Guard,
    pub(super) live: Arc<Live>,
    pub(super) domain: Domain,
    pub(super) dead_letters: PathBuf,
}
