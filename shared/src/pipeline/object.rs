//! One attempt at one object, from its opening to its receipt.

use std::{sync::Arc, time::Instant};

use super::{
    S3Ingest,
    produce::{End, Here, Producer},
    settle::Settlement,
};
use crate::{
    aws::objects::{ObjectRef, OpenError, Opened},
    backoff::Backoff,
    config::datasets::Dataset,
    dead_letter::Letters,
    frame::Frames,
    lambda::Deadline,
    outcome::{BatchError, Rejection, Stage},
    record::{ItemPosition, Origin},
    source::s3::{
        ChunkReader, Continuation, Fetch,
        continuation::{MAX_HOPS, Marker},
    },
    telemetry::{Receipt, Subject},
};

/// An object that can't be opened so often is given up for this attempt.
const MAX_OPENS: u32 = 5;

impl S3Ingest {
    /// Reads an object from its start, or from where `begun` says, and prints its receipt.
    ///
    /// `Ok(None)`: done with. `Ok(Some(…))`: the rest is to be handed on. `Err`: the message has to come again.
    pub(super) async fn object(
        &self,
        object: &ObjectRef,
        dataset: &Arc<Dataset>,
        begun: Option<&Continuation>,
        deadline: Deadline,
    ) -> Result<Option<Continuation>, String> {
        let started = Instant::now();
        let (from, start_offset) =
            begun.map_or((0, 0), |begun| (begun.checkpoint.member.compressed, begun.checkpoint.offset));
        let mut receipt = Receipt::new(subject(object, start_offset, start_offset), &dataset.name);
        let opened = match self.open(object, from, deadline).await {
            Ok(opened) => opened,
            Err(OpenError::Gone(reason)) => {
                let result = self.gone(object, &dataset.name, start_offset, reason, &mut receipt, deadline).await;
                receipt.elapsed_ms = elapsed_ms(started);
                receipt.print();
                return result.map(|()| None);
            }
            Err(OpenError::Failed(error)) => {
                receipt.elapsed_ms = elapsed_ms(started);
                receipt.print();
                return Err(error.to_string());
            }
        };
        let origin = Origin::s3(&object.bucket, &object.key, &opened.etag).with_times_ms(vec![opened.last_modified_ms]);
        let origin = Arc::new(origin);
        let read = ObjectRef {
            version: opened.version.clone().or_else(|| object.version.clone()),
            etag: Some(opened.etag.trim_matches('"').to_owned()),
            ..object.clone()
        };
        let (settlement, produced) =
            self.read(opened, from, &read, &origin, dataset, begun, start_offset, deadline).await;

        if let Some(produced) = &produced {
            receipt.bytes_in = produced.frames.bytes_in();
            receipt.bytes_raw = produced.frames.bytes_raw();
        }
        receipt.outcome = settlement.outcome;
        receipt.left_out = settlement.left_out;
        receipt.panicked = settlement.panicked;
        receipt.subject = subject(&read, start_offset, settlement.settled_to());
        receipt.bulk_requests = settlement.bulk_requests;
        receipt.retries = settlement.retries;
        receipt.elapsed_ms = elapsed_ms(started);
        receipt.is_final = settlement.failure.is_none() && matches!(&produced, Some(Produced { end: End::Whole, .. }));
        receipt.print();
        if !receipt.outcome.balances() {
            return Err(format!("the receipt of {object} does not balance: {:?}", receipt.outcome));
        }
        if receipt.is_final {
            return Ok(None);
        }
        let hops = begun.map_or(0, |begun| begun.hops) + 1;
        let reason = match (&settlement.failure, &produced) {
            (Some(failure), _) => failure.reason.clone(),
            (None, Some(Produced { end: End::Failed(reason), .. })) => reason.clone(),
            _ if hops > MAX_HOPS => format!("not finished after {MAX_HOPS} continuations, the most there may be"),
            _ => "the deadline came before the end of the object".to_owned(),
        };
        let may_go_on =
            settlement.got_on(start_offset) && !settlement.failure.as_ref().is_some_and(|failure| failure.is_permanent);
        match produced {
            Some(Produced { frames, .. }) if may_go_on && hops <= MAX_HOPS => Ok(Some(Continuation {
                millrace: Marker::Continuation,
                object: read,
                dataset: dataset.name.clone(),
                pipeline: self.datasets.hash().to_owned(),
                checkpoint: frames.checkpoint(settlement.settled_to()),
                hops,
            })),
            _ => Err(format!("{object}: {reason}")),
        }
    }

    /// Reads and delivers until both are over.
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
        deadline: Deadline,
    ) -> (Settlement, Option<Produced>) {
        let time_ms = opened.last_modified_ms;
        let reader =
            Fetch::new(self.aws.objects.clone(), object.clone(), from, opened).spawn(deadline.stop_reading.into());
        let max_event_bytes = self.settings.max_event_bytes;
        let mut frames = match begun {
            Some(begun) => Frames::resume(reader, &begun.checkpoint, max_event_bytes),
            None => Frames::new(reader, dataset.format, max_event_bytes),
        };
        let (rules, from) = (Arc::clone(dataset), Arc::clone(origin));
        let start = ItemPosition::in_object(start_offset);
        let produce = move |bodies| {
            let at = ItemPosition::default();
            let here = Here { at, id_prefix: from.id_prefix(), time_ms, bytes: &[] };
            let end = Producer::run(bodies, &rules, &from, |producer| producer.fill(&mut frames, here));
            Produced { frames, end }
        };
        self.carrier.carry(origin, dataset, start, deadline, produce).await
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

    /// An object that is gone is one rejected event without a payload.
    async fn gone(
        &self,
        object: &ObjectRef,
        dataset: &str,
        offset: u64,
        reason: String,
        receipt: &mut Receipt,
        deadline: Deadline,
    ) -> Result<(), String> {
        let origin = Origin::s3(&object.bucket, &object.key, object.etag.as_deref().unwrap_or_default());
        let mut letters = Letters::default();
        letters.push(
            &origin,
            dataset,
            &Rejection { at: ItemPosition::in_object(offset), stage: Stage::Source, error_type: "gone".into(), reason },
            &[],
            0,
        );
        receipt.outcome.read = 1;
        match self
            .carrier
            .sender
            .keep(&letters, &mut Backoff::new(fastrand::u64(..)), deadline.stop_writing.into())
            .await
        {
            Ok(()) => {
                receipt.outcome.rejected = 1;
                receipt.is_final = true;
                Ok(())
            }
            Err(error) => {
                receipt.outcome.undelivered = 1;
                Err(error.to_string())
            }
        }
    }
}

/// What the producer of an object leaves behind.
struct Produced {
    frames: Frames<ChunkReader>,
    end: End,
}

fn subject(object: &ObjectRef, start_offset: u64, end_offset: u64) -> Subject {
    let ObjectRef { bucket, key, etag, .. } = object.clone();
    Subject::S3 { bucket, key, etag, start_offset, end_offset }
}

pub(super) fn elapsed_ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
