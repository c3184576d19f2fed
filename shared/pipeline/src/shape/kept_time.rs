//! Where an event has a time that its document keeps as `@timestamp`, by the rules of its dataset.

use super::{
    stored_time::{StoredTime, TIME_FIELD},
    tree::Tree,
    walk::Along,
};
use crate::decode::Path;

/// The time that the rules keep. A value that they leave out, move or hash is not in the document.
pub(super) fn kept_time(tree: &Tree) -> StoredTime {
    let at = |text: &str| Path::parse(text).ok().filter(|path| stays(tree, path));
    let lifted = tree.lifts.clone().map(|lifted| {
        let own = at(&format!("{lifted}.{TIME_FIELD}"));
        (lifted, own)
    });
    StoredTime::at(lifted, at(TIME_FIELD))
}

fn stays(tree: &Tree, path: &Path) -> bool {
    let along = Along::of(tree, path);
    let is_moved = along.places.iter().any(|place| {
        let here = &tree.node(*place).here;
        here.rename.is_some() || here.moved.is_some()
    });
    !along.is_dropped && !along.is_hashed && !is_moved && (along.is_kept || !tree.keeps)
}
