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
    /// next object does. The offset stays valid, since it counts bytes. Empty in a dead letter.
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

    /// Whether it is the whole object, of which nothing was read yet. Then the `format` of the rules counts, not the one
    /// of the rules under which it was written.
    pub fn is_of_all(&self) -> bool {
        self.only.is_none() && self.checkpoint == Checkpoint::start(self.checkpoint.format)
    }

    /// The same in a dead letter. The rules of its time do not count when it is replayed, and the key of a letter follows
    /// from this text: one continuation is one letter, whatever the rules are when it is delivered again.
    #[must_use]
    pub fn in_a_letter(&self) -> Self {
        let mut letter = Self { pipeline: String::new(), ..self.clone() };
        if letter.is_of_all() {
            letter.checkpoint.format = Format::Auto;
        }
        letter
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_all(format: Format, pipeline: &str) -> Continuation {
        let object = ObjectRef { bucket: "b".into(), key: "k".into(), version: None, etag: Some("e".into()) };
        Continuation::of_all(&object, "d", format, pipeline)
    }

    #[test]
    fn the_letter_of_a_whole_object_is_the_same_under_all_rules_and_a_rest_keeps_its_framing() {
        let letter = of_all(Format::Ndjson, "p").in_a_letter();
        assert_eq!(letter, of_all(Format::Records, "q").in_a_letter());
        assert!(letter.is_of_all(), "the format of the rules counts when it is replayed");
        let checkpoint = Checkpoint { offset: 7, ..Checkpoint::start(Format::Ndjson) };
        let rest = Continuation { checkpoint, ..of_all(Format::Ndjson, "p") }.in_a_letter();
        assert_eq!((rest.checkpoint, rest.is_of_all()), (checkpoint, false));
    }

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
