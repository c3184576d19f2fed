//! One attempt at one object, from its opening to its receipt.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    ingest::S3Ingest,
    produce::{End, Here, Producer, rejection},
    rest::{Attempt, Rest},
    settle::Settlement,
    turns::Turn,
};
use crate::{
    aws::objects::{ObjectRef, OpenError, Opened},
    lambda::Deadline,
    retry::Backoff,
    source::s3::{ChunkReader, Continuation, Fetch, continuation::Marker},
    telemetry::{ObjectName, Receipt, Subject},
};
use pipeline::{
    dead_letter::Letters,
    frame::{Frames, Only},
    outcome::{BatchError, Rejection, Stage},
    record::{ItemPosition, Origin},
    rules::Dataset,
};

/// The number of times that one attempt tries to open an object.
const MAX_OPENS: u32 = 5;
/// The `error_type` of a rest that no attempt can reach.
const NO_PROGRESS: &str = "no_progress";

impl S3Ingest {
    /// Reads an object from its start, or from the checkpoint in `begun`, and prints its receipt.
    ///
    /// `Err`: the message has to be redelivered.
    pub(super) async fn object(
        &self,
        object: &ObjectRef,
        dataset: &Arc<Dataset>,
        begun: Option<&Continuation>,
        turn: Turn,
        deadline: Deadline,
    ) -> Result<Left, String> {
        let started = Instant::now();
        let (from, start_offset) =
            begun.map_or((0, 0), |begun| (begun.checkpoint.member.compressed, begun.checkpoint.offset));
        let only = begun.and_then(|begun| begun.only.as_ref());
        let mut receipt = Receipt::new(subject(object, only, start_offset, start_offset), &dataset.name);
        let opened = self.open_within(&turn, object, from, begun, deadline).await;
        let opening = started.elapsed();
        let opened = match opened {
            Ok(opened) => opened,
            Err(OpenError::Gone(reason)) => {
                let result = if let Some(begun) = begun {
                    self.rest_lost(begun, "gone", reason, &mut receipt, deadline).await
                } else {
                    let rejection = rejection(ItemPosition::in_object(start_offset), Stage::Source, "gone", reason);
                    let etag = object.etag.as_deref().unwrap_or_default();
                    let origin = Origin::s3(&object.bucket, &object.key, etag);
                    self.reject_rest(&origin, &dataset.name, &rejection, &mut receipt, deadline).await
                };
                receipt.elapsed_ms = elapsed_ms(started);
                receipt.print();
                return result.map(|()| Left::Nothing);
            }
            Err(OpenError::Failed(error)) => {
                receipt.elapsed_ms = elapsed_ms(started);
                receipt.print();
                return Err(error.to_string());
            }
        };
        let origin = Origin::s3(&object.bucket, &object.key, &opened.etag).with_times_ms(vec![opened.last_modified_ms]);
        let origin = Arc::new(origin.replayed(begun.map_or(0, |begun| begun.replays)));
        let read = ObjectRef {
            version: opened.version.clone().or_else(|| object.version.clone()),
            etag: Some(opened.etag.trim_matches('"').to_owned()),
            ..object.clone()
        };
        let is_whole = turn.is_whole;
        let (settlement, produced) =
            self.read(opened, from, &read, &origin, dataset, begun, start_offset, turn, deadline).await;
        let attempt = Attempt {
            settlement: &settlement,
            end: produced.as_ref().map(|produced| &produced.end),
            start_offset,
            hops: begun.map_or(0, |begun| begun.hops) + 1,
            is_alone: begun.is_some_and(|begun| begun.alone),
            is_whole,
            has_begun: produced.as_ref().is_some_and(|produced| produced.frames.bytes_in() > 0),
            inflated_only: produced.as_ref().is_some_and(|produced| produced.inflated_only(opening)),
            may_hand_on: self.settings.queue_url.is_some(),
        };
        let (rest, hops) = (attempt.rest(), attempt.hops);

        count(&mut receipt, &settlement, produced.as_ref());
        receipt.subject = subject(&read, only, start_offset, settlement.settled_to());
        receipt.handed_on = matches!(rest, Rest::Onward { .. } | Rest::NotBegun);
        receipt.is_final = rest == Rest::Nothing;
        let rejected = if rest == Rest::NoProgress {
            let rejection = no_progress(settlement.settled_to(), &receipt, started);
            match begun {
                // Only some events of the rest are read. The letter has to name them, so it holds the continuation.
                Some(begun) if only.is_some() => {
                    self.rest_lost(begun, NO_PROGRESS, rejection.reason, &mut receipt, deadline).await
                }
                _ => self.reject_rest(&origin, &dataset.name, &rejection, &mut receipt, deadline).await,
            }
        } else {
            Ok(())
        };
        receipt.elapsed_ms = elapsed_ms(started);
        receipt.print();
        if !receipt.outcome.balances() {
            return Err(format!("the receipt of {object} does not balance: {:?}", receipt.outcome));
        }
        rejected?;
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
                    Some(begun) if !settlement.got_on(start_offset) => begun.checkpoint,
                    _ => frames.checkpoint(settlement.settled_to()),
                },
                hops,
                alone,
                only: only.cloned(),
                replays: begun.map_or(0, |begun| begun.replays),
            }))),
            (Rest::Onward { .. }, None) => Err(format!("{object}: nothing is left of its producer")),
            (Rest::Fails(reason), _) => Err(format!("{object}: {reason}")),
        }
    }

    /// Opens the object within its share of the time.
    async fn open_within(
        &self,
        turn: &Turn,
        object: &ObjectRef,
        from: u64,
        begun: Option<&Continuation>,
        deadline: Deadline,
    ) -> Result<Opened, OpenError> {
        tokio::select! {
            opened = self.open_or_replaced(object, from, begun, deadline) => opened,
            _ = turn.is_over() => {
                let reason = "no answer within its share of the time, and others wait".to_owned();
                Err(OpenError::Failed(BatchError::Retryable { what: format!("GET {object}"), reason, retry_after: None }))
            }
        }
    }

    /// Reads and delivers until both are finished.
    #[expect(clippy::too_many_arguments, reason = "one attempt is made of exactly these")]
    async fn read(
        &self,
        opened: Opened,
        from: u64,
        object: &ObjectRef,
        origin: &Arc<Origin>,
        dataset: &Arc<Dataset>,
        begun: Option<&Continuation>,
        start_offset: u64,
        mut turn: Turn,
        deadline: Deadline,
    ) -> (Settlement, Option<Produced>) {
        let time_ms = opened.last_modified_ms;
        let stop = Arc::clone(&turn.stop);
        let stopped = async move {
            tokio::select! {
                () = stop.wait() => {}
                () = tokio::time::sleep_until(deadline.stop_reading.into()) => {}
            }
        };
        let reader = Fetch::new(self.aws.objects.clone(), object.clone(), from, opened).spawn(stopped);
        let max_event_bytes = self.settings.max_event_bytes;
        let frames = match begun {
            Some(begun) => Frames::resume(reader, &begun.checkpoint, max_event_bytes),
            None => Frames::new(reader, dataset.format, max_event_bytes),
        };
        let mut frames = frames.of(&dataset.records);
        let (rules, from) = (Arc::clone(dataset), Arc::clone(origin));
        let only = begun.and_then(|begun| begun.only.clone());
        let start = ItemPosition::in_object(start_offset);
        let slot = turn.slot.take();
        let produce = move |bodies| {
            let at = ItemPosition::default();
            let here = Here { at, id_prefix: from.id_prefix(), time_ms, bytes: &[] };
            let mut reading = Duration::ZERO;
            let end = Producer::run(bodies, &rules, &from, |producer| {
                let since = Instant::now();
                producer.read_only(only.as_ref(), start_offset);
                let filled = producer.fill(&mut frames, here);
                reading = since.elapsed();
                filled
            });
            let waited = frames.reader().waited();
            // Free the slot now: the next object is read while this one is still being sent.
            frames.release();
            drop(slot);
            Produced { frames, end, reading, waited }
        };
        self.delivery.run_in_turn(origin, dataset, start, deadline, &turn, produce).await
    }

    /// Opens an object. If it is gone and `begun` allows it, opens the content that replaced it.
    async fn open_or_replaced(
        &self,
        object: &ObjectRef,
        from: u64,
        begun: Option<&Continuation>,
        deadline: Deadline,
    ) -> Result<Opened, OpenError> {
        let opened = self.open(object, from, deadline).await;
        let (Err(OpenError::Gone(reason)), true) = (&opened, begun.is_some_and(may_be_repaired)) else { return opened };
        // The operator repaired an unreadable rest by another upload. Its content differs, so its events get ids of
        // their own.
        tracing::info!(position = %object, reason, "reading what took the place of this object");
        let repaired = ObjectRef { version: None, etag: None, ..object.clone() };
        self.open(&repaired, from, deadline).await
    }

    async fn open(&self, object: &ObjectRef, from: u64, deadline: Deadline) -> Result<Opened, OpenError> {
        let mut backoff = Backoff::new(fastrand::u64(..));
        let mut opens = 1;
        loop {
            let what = || format!("GET {object}");
            let open = self.aws.objects.open(object, from, None);
            let error = match tokio::time::timeout_at(deadline.stop_reading.into(), open).await {
                Ok(Err(OpenError::Failed(error @ BatchError::Retryable { .. }))) if opens < MAX_OPENS => error,
                Ok(result) => return result,
                Err(_) => {
                    let reason = "no answer before the deadline".to_owned();
                    return Err(OpenError::Failed(BatchError::Retryable { what: what(), reason, retry_after: None }));
                }
            };
            opens += 1;
            tracing::warn!(position = %object, %error, "opening again");
            tokio::time::sleep(backoff.next_pause(None)).await;
        }
    }

    /// Rejects a missing object, or a rest that cannot be reached, as one event without a payload.
    async fn reject_rest(
        &self,
        origin: &Origin,
        dataset: &str,
        rejection: &Rejection,
        receipt: &mut Receipt,
        deadline: Deadline,
    ) -> Result<(), String> {
        let mut letters = Letters::default();
        letters.push(origin, dataset, rejection, &[], 0);
        receipt.outcome.read += 1;
        let mut backoff = Backoff::new(fastrand::u64(..));
        match self.delivery.sender.dead_letters.write(&letters, &mut backoff, deadline.stop_writing.into()).await {
            Ok(()) => {
                receipt.outcome.rejected += 1;
                receipt.is_final = true;
                Ok(())
            }
            Err(error) => {
                receipt.outcome.undelivered += 1;
                Err(error.to_string())
            }
        }
    }
}

/// Copies the counts of an attempt into its receipt.
fn count(receipt: &mut Receipt, settlement: &Settlement, produced: Option<&Produced>) {
    if let Some(produced) = produced {
        receipt.bytes_in = produced.frames.bytes_in();
        receipt.bytes_raw = produced.frames.bytes_raw();
    }
    settlement.count(receipt);
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

fn no_progress(offset: u64, receipt: &Receipt, started: Instant) -> Rejection {
    let (compressed, raw) = (receipt.bytes_in, receipt.bytes_raw);
    let reason = format!(
        "inflating {compressed} bytes filled a whole invocation of {} s and no event was reached within the {raw} bytes behind this offset",
        started.elapsed().as_secs()
    );
    rejection(ItemPosition::in_object(offset), Stage::Frame, NO_PROGRESS, reason)
}

/// Whether a continuation may read other content of the same name: only if nothing of the object was read yet.
fn may_be_repaired(begun: &Continuation) -> bool {
    begun.checkpoint.offset == 0 && begun.only.as_ref().is_some_and(Only::reads_replaced)
}

pub(super) fn subject(object: &ObjectRef, only: Option<&Only>, start_offset: u64, end_offset: u64) -> Subject {
    let ObjectRef { bucket, key, etag, .. } = object.clone();
    if only.is_some() {
        return Subject::Again { again: ObjectName { bucket, key }, start_offset, end_offset };
    }
    Subject::S3 { bucket, key, etag, start_offset, end_offset }
}

pub(super) fn elapsed_ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_the_first_byte_is_no_inflating() {
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
