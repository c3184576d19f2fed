//! From frames to events, and the rules for each event.
//!
//! An object, a stream, a delivery stream and a dry run use the same loop and the same rules.

mod judge;
mod reader;
mod refused;
mod unfold;

pub use judge::{Judge, Verdict};
pub use reader::{Ended, EventReader, Framing, Sink, Value};
pub use refused::Refused;
pub(crate) use unfold::{Unfolding, decode};
