//! One event, and the rules that apply to it.

use super::{hash::HashKey, tree::Tree};
use crate::{decode::Event, record::Position};

/// The input for making values, and for walking an event.
#[derive(Clone, Copy)]
pub(super) struct Input<'o> {
    pub(super) event: &'o Event<'o>,
    pub(super) position: Position<'o>,
    pub(super) tree: &'o Tree,
    pub(super) key: Option<&'o HashKey>,
    /// The time by which the event is routed, in milliseconds since 1970.
    pub(super) time_ms: i64,
}
