//! Walks a whole event, or one value that moves to another object.

use super::{
    cursor::Walk,
    start::Start,
    state::{Scope, Scratch},
};
use crate::{
    decode::Path,
    shape::{input::Input, made::Made},
};

/// The result of a walk.
pub(in crate::shape) struct Spliced {
    /// Whether anything is changed.
    pub(in crate::shape) is_changed: bool,
    /// Number of made values that could not be placed.
    pub(in crate::shape) unplaced: u64,
}

/// Writes the event with its changes, if there are any.
pub(in crate::shape) fn splice(
    of: Input<'_>,
    made: &Made,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Option<Spliced> {
    let start = Start::of(of, scratch);
    scratch.placed.clear();
    scratch.placed.resize(made.len(), false);
    scratch.taken.clear();
    if made.len() > 0 {
        scratch.taken.resize(of.tree.len(), false);
    }
    let Start { nodes, at, from, to, scope, is_lifted } = start?;
    let places = scratch.places.len();
    let mut walk = Walk { of, made, scratch, at, copied: from, out };
    walk.value(nodes, 0..places, scope)?;
    let Walk { copied, .. } = walk;
    let is_changed = is_lifted || copied > 0;
    if is_changed {
        out.extend_from_slice(of.event.source.get(copied..to)?);
    }
    let is_unplaced = |value: &usize| made.get(*value).is_some() && !scratch.placed[*value];
    Some(Spliced { is_changed, unplaced: (0..made.len()).filter(is_unplaced).count() as u64 })
}

/// Writes the value of a field that moves to another object, with the changes within it.
pub(in crate::shape) fn moved(of: Input<'_>, path: &Path, scratch: &mut Scratch, out: &mut Vec<u8>) -> Option<()> {
    let Start { nodes, at, from, to, scope, .. } = Start::at(of, path, scratch)?;
    scratch.taken.clear();
    let made = Made::default();
    let places = scratch.places.len();
    let mut walk = Walk { of, made: &made, scratch, at, copied: from, out };
    // A moved field is always kept.
    walk.value(nodes, 0..places, Scope { keeping: false, ..scope })?;
    walk.copy_to(to)
}
