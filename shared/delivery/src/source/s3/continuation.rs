//! The rest of an object that one invocation had no time for, as a message to the queue.

use serde::{Deserialize, Serialize};

use crate::aws::objects::ObjectRef;
use pipeline::frame::{Checkpoint, Format, Only};

/// The longest chain of continuations. After it the message fails, and reaches the dead-letter queue. With the shortest
/// useful attempt (a minute) this is most of a day for one object.
pub const MAX_HOPS: u32 = 1_000;

/// The marker that distinguishes a continuation from other messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Marker {
    /// The only value.
    Continuation,
}

/// Where to continue an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Continuation {
    /// Always `continuation`.
    pub millrace: Marker,
    /// The object, with exactly the version and ETag that was begun.
    pub object: ObjectRef,
    /// The dataset that took it.
    pub dataset: String,
    /// The hash of the pipeline.yaml under which it was begun. After a change the rest follows the new rules, as the
    /// next object does. The offset stays valid, since it counts bytes.
    pub pipeline: String,
    /// Offset and framing.
    pub checkpoint: Checkpoint,
    /// The number of continuations in its chain, including this one.
    pub hops: u32,
    /// Whether it has to be read alone: within a share of an invocation it passed no event.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub alone: bool,
    /// The events to read: those of dead letters that are retried from their source. `None`: all events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
    /// How often `replay` retried its events. New dead letters must not have the key of the old ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub replays: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Continuation {
    /// A continuation of an object that was not begun.
    pub fn of_all(object: &ObjectRef, dataset: &str, format: Format, pipeline: &str) -> Self {
        Self {
            millrace: Marker::Continuation,
            object: object.clone(),
            dataset: dataset.to_owned(),
            pipeline: pipeline.to_owned(),
            checkpoint: Checkpoint::start(format),
            hops: 0,
            alone: false,
            only: None,
            replays: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continuation_of_the_release_before_is_read_and_its_own_is_as_it_was() {
        let text = concat!(
            r#"{"millrace":"continuation","object":{"bucket":"b","key":"k","version":null,"etag":"e"},"dataset":"d","#,
            r#""pipeline":"p","checkpoint":{"offset":7,"format":"ndjson","inside":false,"compression":"gzip","#,
            r#""member":{"compressed":3,"raw":5}},"hops":2}"#
        );
        let read: Continuation = serde_json::from_str(text).unwrap();
        assert!(!read.alone);
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        let alone = Continuation { alone: true, ..read };
        assert_eq!(serde_json::from_str::<Continuation>(&serde_json::to_string(&alone).unwrap()).unwrap(), alone);
    }
}
