//! The index name, in both directions: from an event to a name, and from a name to the time of its events.

mod pattern;
mod period;

pub(super) use pattern::RenderedHour;
pub use pattern::{IndexPattern, MAX_INDEX_BYTES};
pub use period::Period;
