//! The rest of an object that one invocation had no time for, as a message to the queue.

use serde::{Deserialize, Serialize};

use crate::{aws::objects::ObjectRef, frame::Checkpoint};

/// A chain of continuations ends here; the message then fails, and comes to rest in the dead-letter queue. With the
/// shortest useful attempt (a minute) this is most of a day for one object.
pub const MAX_HOPS: u32 = 1_000;

/// What tells a continuation from other messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Marker {
    /// The only value.
    Continuation,
}

/// Where to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Continuation {
    /// Always `continuation`.
    pub millrace: Marker,
    /// The object, at the very version and ETag that was begun.
    pub object: ObjectRef,
    /// The dataset that took it.
    pub dataset: String,
    /// The hash of the pipeline.yaml under which it was begun. Under another one the rest follows the new rules, as
    /// the next object would; the offset stays good, since it counts bytes.
    pub pipeline: String,
    /// Offset and framing.
    pub checkpoint: Checkpoint,
    /// How many continuations came before this one, and this one.
    pub hops: u32,
}
