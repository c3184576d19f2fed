//! One document of an index.

use std::sync::Arc;

/// One document.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: Arc<str>,
    pub(super) seq_no: u64,
    /// `None` where sources are not kept.
    pub(super) source: Option<Arc<[u8]>>,
}
