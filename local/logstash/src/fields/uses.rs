//! The uses of new names from `rename`, for the list of overlays.

use std::{cell::RefCell, collections::BTreeMap};

use crate::ast::Place;

/// The uses of names after their `rename`. The key is the place of the `rename`, the old name and the new name.
#[derive(Debug, Clone, Default)]
pub(super) struct Uses(pub(super) RefCell<BTreeMap<(Place, String, String), Use>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// A condition, which uses the original field as well.
    Asked,
    /// A rule, which uses only the renamed field.
    Ruled,
}

impl Uses {
    pub(super) fn add(&self, at: Place, from: &str, to: &str, how: Use) {
        let mut uses = self.0.borrow_mut();
        let known = uses.entry((at, from.to_owned(), to.to_owned())).or_insert(how);
        *known = how.max(*known);
    }
}
