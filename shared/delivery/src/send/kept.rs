//! The items of a body that are sent in another form, for a dataset with `on_conflict: keep`.
//!
//! Deliberately absent: when they are sent (`conflict`), and the form (`bulk::repair`).

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use pipeline::bulk::Repair;

/// The items of a body that are sent in another form.
#[derive(Default)]
pub(super) struct Kept {
    /// Those that were sent, by the number of their form.
    pub(super) sent: HashMap<u32, KeptItem>,
    pub(super) waiting: VecDeque<KeptItem>,
}

/// An item in another form.
pub(super) struct KeptItem {
    /// Its number in the body that came.
    pub(super) index: u32,
    pub(super) repair: Repair,
    pub(super) refused: Arc<Refused>,
}

/// Why a document was refused as it came.
pub(super) struct Refused {
    pub(super) error_type: String,
    pub(super) reason: String,
    /// Whether these words are surely about this document.
    pub(super) is_own: bool,
}

impl Refused {
    /// The words for the document itself.
    pub(super) fn words(&self) -> &str {
        if self.is_own { &self.reason } else { &self.error_type }
    }
}

impl Kept {
    /// The numbers of the items that wait, in the body that came.
    pub(super) fn waiting(&self) -> impl Iterator<Item = u32> + '_ {
        self.waiting.iter().map(|item| item.index)
    }

    /// Takes an item that is another form of a document: the number of that document, and why it was refused.
    pub(super) fn take(&mut self, item: u32) -> Option<(u32, Arc<Refused>)> {
        self.sent.remove(&item).map(|KeptItem { index, refused, .. }| (index, refused))
    }
}
