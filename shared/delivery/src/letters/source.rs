//! Letters whose events are read from their source again. Each object gets one message, a continuation that names the
//! events.
//!
//! In: the letters of one object of letters. Out: the messages. They are in the queue before the letters are deleted.
//! An event that is rejected again becomes a new letter, under another key. Deliberately absent: reading (`object`).

use std::collections::{BTreeMap, BTreeSet};

use crate::{aws::objects::ObjectRef, source::s3::Continuation};
use pipeline::{dead_letter::Letters, frame::Only, route::IdRule, rules::Datasets};

/// The number of events that one message names. It takes less than half of the largest SQS message (256 KiB).
const EVENTS_OF_A_MESSAGE: usize = 5_000;

/// The events that a letter stands for.
#[derive(Debug)]
pub(super) enum Source {
    /// Events of an object.
    Object { dataset: String, object: ObjectRef, read: Read },
    /// The rest of an object that was begun.
    Continuation(Box<Continuation>),
}

/// Which events of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// The event at an offset.
    At(u64),
    /// All events from an offset on, which could not be framed.
    From(u64),
    /// All events from an offset on, where the object was gone.
    Gone(u64),
}

/// The letters of one object of letters whose sources are read again.
#[derive(Debug)]
pub(super) struct Sources {
    replays: u32,
    lines: Vec<usize>,
    continuations: Vec<Continuation>,
    /// By dataset, bucket, key and entity tag.
    objects: BTreeMap<[String; 4], Events>,
}

#[derive(Debug, Default)]
struct Events {
    at: BTreeSet<u64>,
    from: Option<u64>,
    gone: Option<u64>,
}

impl Sources {
    /// An empty collection for the letters under this key.
    pub(super) fn of(key: &str) -> Self {
        let replays = Letters::replays(key) + 1;
        Self { replays, lines: Vec::new(), continuations: Vec::new(), objects: BTreeMap::new() }
    }

    /// Adds the letter of a line.
    pub(super) fn add(&mut self, line: usize, source: Source) {
        self.lines.push(line);
        match source {
            Source::Continuation(continuation) => {
                let replays = self.replays.max(continuation.replays + 1);
                self.continuations.push(Continuation { hops: 0, replays, ..*continuation });
            }
            Source::Object { dataset, object, read } => {
                let ObjectRef { bucket, key, etag, .. } = object;
                let events = self.objects.entry([dataset, bucket, key, etag.unwrap_or_default()]).or_default();
                let (rest, offset) = match read {
                    Read::At(offset) => {
                        events.at.insert(offset);
                        return;
                    }
                    Read::From(offset) => (&mut events.from, offset),
                    Read::Gone(offset) => (&mut events.gone, offset),
                };
                *rest = Some(rest.map_or(offset, |rest| rest.min(offset)));
            }
        }
    }

    /// The lines that were added.
    pub(super) fn lines(&self) -> &[usize] {
        &self.lines
    }

    /// The messages.
    pub(super) fn continuations(&self, datasets: &Datasets) -> Vec<Continuation> {
        let mut all = self.continuations.clone();
        for ([dataset, bucket, key, etag], events) in &self.objects {
            let Some(rules) = datasets.by_name(dataset) else { continue };
            let object = ObjectRef {
                bucket: bucket.clone(),
                key: key.clone(),
                version: None,
                etag: Some(etag.clone()).filter(|etag| !etag.is_empty()),
            };
            let again = |only| Continuation {
                only: Some(only),
                replays: self.replays,
                ..Continuation::of_all(&object, dataset, rules.format, datasets.hash())
            };
            // If this dataset has no ids, a second delivery is indexed twice. So replaced content is not read, since
            // its own notification reads it.
            let may_be_replaced = *rules.router.id() != IdRule::None;
            all.extend(events.parts(may_be_replaced).into_iter().map(again));
        }
        all
    }
}

impl Events {
    /// The events in parts that fit into a message. Each part is read separately.
    fn parts(&self, may_be_replaced: bool) -> Vec<Only> {
        let rest = self.from.into_iter().chain(self.gone).min();
        let single: Vec<u64> = self.at.iter().copied().filter(|at| rest.is_none_or(|rest| *at < rest)).collect();
        let mut parts: Vec<Only> =
            single.chunks(EVENTS_OF_A_MESSAGE).map(|at| Only::events(at.iter().copied())).collect();
        parts.extend(self.gone.map(Only::rest));
        parts.extend(self.from.map(if may_be_replaced { Only::rest_or_replaced } else { Only::rest }));
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(etag: &str, read: Read) -> Source {
        let object = ObjectRef { bucket: "b".into(), key: "k".into(), version: None, etag: Some(etag.into()) };
        Source::Object { dataset: "app".into(), object, read }
    }

    #[test]
    fn one_message_is_for_each_object_and_its_letters_lie_under_keys_of_their_own() {
        let yaml = "datasets:\n  - name: app\n    from: { key: \"**\" }\n    index: app\n";
        let datasets = Datasets::parse("f", yaml, None).unwrap();
        let mut sources = Sources::of("app/X/1-9-3-hash.r2.ndjson");
        for (line, source) in [
            object("e", Read::At(9)),
            object("e", Read::At(3)),
            object("e", Read::From(7)),
            object("f", Read::At(1)),
            object("e", Read::From(8)),
            object("e", Read::Gone(9)),
        ]
        .into_iter()
        .enumerate()
        {
            sources.add(line, source);
        }
        let continuations = sources.continuations(&datasets);
        let read: Vec<_> =
            continuations.iter().map(|one| (one.object.etag.as_deref().unwrap(), one.only.clone().unwrap())).collect();
        assert_eq!(
            read,
            [
                ("e", Only::events([3])),
                ("e", Only::rest(9)),
                ("e", Only::rest_or_replaced(7)),
                ("f", Only::events([1]))
            ]
        );
        assert!(continuations.iter().all(|one| one.replays == 3 && one.checkpoint.offset == 0));
        assert_eq!(sources.lines(), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_message_is_never_larger_than_sqs_takes() {
        let events = Events { at: (0..12_000).map(|number| u64::MAX / 2 + number).collect(), ..Events::default() };
        let parts = events.parts(true);
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| serde_json::to_string(part).unwrap().len() < 128 << 10));
    }
}
