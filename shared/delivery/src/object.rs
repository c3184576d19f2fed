//! One attempt at one object, from its opening to its receipt.

mod opening;
mod reading;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::reading::Reading;
use super::{
    ingest::S3Ingest,
    not_settled::NotSettled,
    produce::{End, Producer, RecordContext, rejection},
    rejected_rest::subject,
    rest::{Attempt, Rest},
    settle::{Attempted, Settlement},
    turns::{Turn, Turns},
};
use crate::{
    aws::objects::{ObjectRef, OpenError, Opened},
    lambda::Deadline,
    source::s3::{ChunkReader, Continuation, Fetch, continuation::Marker},
};
use pipeline::{
    frame::Frames,
    outcome::{Rejection, Stage},
    record::{ItemPosition, Origin},
    rules::Dataset,
};

/// The `error_type` of a rest that no attempt can reach.
const NO_PROGRESS: &str = "no_progress";
/// The `error_type` of an object, or of a rest, that has to be restored before it can be read.
const ARCHIVED: &str = "archived";

impl S3Ingest {
    /// Reads an object from its start, or from the checkpoint in `begun`, and prints its receipt.
    ///
    /// `Err`: the message has to be redelivered.
    pub(super) async fn object(
        &self,
        object: &ObjectRef,
        dataset: &Arc<Dataset>,
        begun: Option<&Continuation>,
        (turns, mut turn): (&Turns, Turn),
        deadline: Deadline,
    ) -> Result<Left, NotSettled> {
        let mut reading = Reading { object, dataset, begun, started: Instant::now(), deadline };
        let opened = self.open_within(&turn, &reading).await;
        let opening = reading.started.elapsed();
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => {
                // It waits for no slot, so no other object needs to give way.
                drop(turn);
                return self.not_opened(&reading, error).await;
            }
        };
        let waits = Instant::now();
        let Some(()) = turns.read(&mut turn).await else { return Ok(Left::All) };
        // Its receipt says how long the object took, not how long it waited for others.
        reading.started += waits.elapsed();
        let origin = Origin::s3(&object.bucket, &object.key, &opened.etag).with_times_ms(vec![opened.last_modified_ms]);
        let origin = Arc::new(origin.replayed(reading.replays()));
        let read = ObjectRef {
            version: opened.version.clone().or_else(|| object.version.clone()),
            etag: Some(opened.etag.trim_matches('"').to_owned()),
            ..object.clone()
        };
        let is_whole = turn.is_whole;
        let (mut settlement, produced) = self.read(&reading, opened, &read, &origin, turn).await;
        let rest = Attempt {
            settlement: &settlement,
            end: produced.as_ref().map(|produced| &produced.end),
            start_offset: reading.start_offset(),
            hops: reading.hops(),
            is_alone: begun.is_some_and(|begun| begun.alone),
            is_whole,
            has_begun: produced.as_ref().is_some_and(|produced| produced.frames.bytes_in() > 0),
            inflated_only: produced.as_ref().is_some_and(|produced| produced.inflated_only(opening)),
            may_hand_on: self.settings.queue_url.is_some(),
        }
        .rest();
        let rejected = if rest == Rest::NoProgress {
            self.reject_unreached(&reading, &origin, produced.as_ref(), &mut settlement).await
        } else {
            Ok(())
        };
        let receipt = settlement.receipt(Attempted {
            subject: subject(&read, reading.only(), reading.start_offset(), settlement.settled_to()),
            dataset: &dataset.name,
            is_final: matches!(rest, Rest::Nothing | Rest::NoProgress) && rejected.is_ok(),
            handed_on: matches!(rest, Rest::Onward { .. } | Rest::NotBegun),
            bytes_in: produced.as_ref().map_or(0, |produced| produced.frames.bytes_in()),
            bytes_raw: produced.as_ref().map_or(0, |produced| produced.frames.bytes_raw()),
            started: reading.started,
        });
        receipt?;
        rejected?;
        self.left(&reading, rest, read, &settlement, produced)
    }

    /// Prints the receipt of an object that could not be opened. An object that is gone or archived is one rejection. The
    /// dead letter of an archived one holds a continuation, so that a replay reads exactly this version.
    async fn not_opened(&self, reading: &Reading<'_>, error: OpenError) -> Result<Left, NotSettled> {
        let Reading { object, dataset, begun, deadline, .. } = *reading;
        let mut settlement = Settlement::default();
        let outcome = &mut settlement.outcome;
        let result = match (error, begun) {
            (OpenError::Failed(error), _) => Err(error.into()),
            (OpenError::Archived(reason), begun) => {
                let all = || Continuation::of_all(object, &dataset.name, dataset.format, self.datasets.hash());
                let rest = begun.cloned().unwrap_or_else(all);
                self.reject_continuation(&rest, ARCHIVED, reason, outcome, deadline).await
            }
            (OpenError::Gone(reason), Some(begun)) => {
                self.reject_continuation(begun, "gone", reason, outcome, deadline).await
            }
            (OpenError::Gone(reason), None) => {
                let rejection = rejection(ItemPosition::in_object(0), Stage::Source, "gone", reason);
                let etag = object.etag.as_deref().unwrap_or_default();
                let origin = Origin::s3(&object.bucket, &object.key, etag);
                self.reject_rest(&origin, &dataset.name, &rejection, outcome, deadline).await
            }
        };
        let receipt = settlement.receipt(Attempted {
            subject: subject(object, reading.only(), reading.start_offset(), reading.start_offset()),
            dataset: &dataset.name,
            is_final: result.is_ok(),
            handed_on: false,
            bytes_in: 0,
            bytes_raw: 0,
            started: reading.started,
        });
        receipt?;
        result.map(|()| Left::Nothing)
    }

    /// Rejects a rest that no attempt can reach.
    async fn reject_unreached(
        &self,
        reading: &Reading<'_>,
        origin: &Origin,
        produced: Option<&Produced>,
        settlement: &mut Settlement,
    ) -> Result<(), NotSettled> {
        let bytes = produced.map_or((0, 0), |produced| (produced.frames.bytes_in(), produced.frames.bytes_raw()));
        let rejection = no_progress(settlement.settled_to(), bytes, reading.started);
        let outcome = &mut settlement.outcome;
        match reading.begun {
            // Only some events of the rest are read. The letter has to name them, so it holds the continuation.
            Some(begun) if begun.only.is_some() => {
                self.reject_continuation(begun, NO_PROGRESS, rejection.reason, outcome, reading.deadline).await
            }
            _ => self.reject_rest(origin, &reading.dataset.name, &rejection, outcome, reading.deadline).await,
        }
    }

    /// The part of the object that this attempt leaves to other invocations.
    fn left(
        &self,
        reading: &Reading<'_>,
        rest: Rest,
        read: ObjectRef,
        settlement: &Settlement,
        produced: Option<Produced>,
    ) -> Result<Left, NotSettled> {
        let Reading { object, dataset, begun, .. } = *reading;
        match (rest, produced) {
            (Rest::Nothing | Rest::NoProgress, _) => Ok(Left::Nothing),
            (Rest::NotBegun, _) => Ok(Left::All),
            (Rest::Onward { alone }, Some(Produced { frames, .. })) => Ok(Left::Rest(Box::new(Continuation {
                millrace: Marker::Continuation,
                object: read,
                dataset: dataset.name.clone(),
                pipeline: self.datasets.hash().to_owned(),
                // Without progress, keep the checkpoint from which this attempt began.
                checkpoint: match begun {
                    Some(begun) if !settlement.got_on(reading.start_offset()) => begun.checkpoint,
                    _ => frames.checkpoint(settlement.settled_to()),
                },
                hops: reading.hops(),
                alone,
                only: reading.only().cloned(),
                replays: reading.replays(),
            }))),
            (Rest::Onward { .. }, None) => Err(NotSettled::Object {
                object: object.clone(),
                reason: "its producer ended without a position to resume from".into(),
            }),
            (Rest::Fails(reason), _) => Err(NotSettled::Object { object: object.clone(), reason }),
        }
    }

    /// Reads and delivers until both are finished.
    async fn read(
        &self,
        reading: &Reading<'_>,
        opened: Opened,
        object: &ObjectRef,
        origin: &Arc<Origin>,
        mut turn: Turn,
    ) -> (Settlement, Option<Produced>) {
        let Reading { dataset, begun, deadline, .. } = *reading;
        let start_offset = reading.start_offset();
        let time_ms = opened.last_modified_ms;
        let stop = Arc::clone(&turn.stop);
        let stopped = async move {
            tokio::select! {
                () = stop.wait() => {}
                () = tokio::time::sleep_until(deadline.stop_reading.into()) => {}
            }
        };
        let objects = self.objects_of(dataset);
        let reader = Fetch::new(objects, object.clone(), reading.first_byte(), opened).spawn(stopped);
        let max_event_bytes = self.settings.max_event_bytes;
        let frames = match begun {
            Some(begun) if !begun.is_of_all() => Frames::resume(reader, &begun.checkpoint, max_event_bytes),
            _ => Frames::new(reader, dataset.format, max_event_bytes),
        };
        let mut frames = frames.of(&dataset.records);
        let (rules, from) = (Arc::clone(dataset), Arc::clone(origin));
        let only = reading.only().cloned();
        let start = ItemPosition::in_object(start_offset);
        let slot = turn.slot.take();
        let produce = move |bodies| {
            let at = ItemPosition::default();
            let context = RecordContext { at, id_prefix: from.id_prefix(), time_ms, bytes: &[] };
            let mut reading = Duration::ZERO;
            let end = Producer::run(bodies, &rules, &from, |producer| {
                let since = Instant::now();
                producer.read_only(only.as_ref(), start_offset);
                let filled = producer.fill(&mut frames, context);
                reading = since.elapsed();
                filled
            });
            let waited = frames.reader().waited();
            // Free the slot now: the next object is read while this one is still being sent.
            frames.release();
            drop(slot);
            Produced { frames, end, reading, waited }
        };
        self.delivery.run_in_turn(origin, dataset, start, deadline, &mut turn, produce).await
    }
}

/// The part of an object that an attempt leaves to other invocations.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Left {
    /// Every event has its fate.
    Nothing,
    /// The rest goes to the queue.
    Rest(Box<Continuation>),
    /// There was no time to begin: the message goes to the queue again.
    All,
}

/// The result of an object's producer.
struct Produced {
    frames: Frames<ChunkReader>,
    end: End,
    /// The time spent reading, and the part of it spent waiting for S3.
    reading: Duration,
    waited: Duration,
}

impl Produced {
    fn inflated_only(&self, opening: Duration) -> bool {
        self.frames.is_compressed() && went_by_with_inflating(opening, self.waited, self.reading)
    }
}

/// Whether inflating took the time. Waiting for S3 took a quarter of it at most: for the first answer (`opening`) and
/// for more bytes (`waited`, a part of `reading`). Otherwise another attempt may get further.
fn went_by_with_inflating(opening: Duration, waited: Duration, reading: Duration) -> bool {
    (opening + waited) * 4 <= opening + reading
}

fn no_progress(offset: u64, (compressed, raw): (u64, u64), started: Instant) -> Rejection {
    let reason = format!(
        "inflating {compressed} bytes filled a whole invocation of {} s and no event was reached within the {raw} \
         bytes after this offset",
        started.elapsed().as_secs()
    );
    rejection(ItemPosition::in_object(offset), Stage::Frame, NO_PROGRESS, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_the_first_byte_does_not_count_as_inflating() {
        let seconds = Duration::from_secs;
        for (opening, waited, reading, expected) in [
            (1, 0, 47, true),
            (1, 11, 47, true),
            (1, 12, 47, false),
            (12, 0, 35, false),
            (40, 0, 8, false),
            (0, 0, 48, true),
        ] {
            let found = went_by_with_inflating(seconds(opening), seconds(waited), seconds(reading));
            assert_eq!(found, expected, "{opening} s to open, {waited} of {reading} s waited for bytes");
        }
    }
}
