//! One walk over tape and structurals, which copies the source with the changes spliced in.
//!
//! The tape gives the position in the tree, and the structurals give the position in the bytes. Both are walked in lockstep. A
//! removed member takes one comma with it, and an added member brings one.

mod action;
mod additions;
mod attributes;
mod cursor;
mod splice;
mod start;
mod state;
mod values;

pub(super) use splice::{Spliced, moved, splice};
pub(super) use start::Along;
pub(super) use state::Scratch;
