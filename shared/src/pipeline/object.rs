//! One attempt at one object, from its opening to its receipt.

use std::{sync::Arc, time::Instant};

use tokio::{runtime::Handle, sync::mpsc, task::JoinSet};

use super::{
    S3Ingest,
    pool::Stop,
    produce::{End, Produced, Producer},
    send::Failure,
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
    record::Origin,
    source::s3::{
        Continuation, Fetch,
        continuation::{MAX_HOPS, Marker},
    },
    telemetry::Receipt,
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
        let mut receipt = Receipt::begin(object, &dataset.name, start_offset);
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
        let origin = Arc::new(Origin::s3(&object.bucket, &object.key, &opened.etag));
        let read = ObjectRef {
            version: opened.version.clone().or_else(|| object.version.clone()),
            etag: Some(origin.etag.clone()),
            ..object.clone()
        };
        let (settlement, produced) =
            self.carry(opened, from, &read, &origin, dataset, begun, start_offset, deadline).await;

        if let Some(produced) = &produced {
            receipt.bytes_in = produced.frames.bytes_in();
            receipt.bytes_raw = produced.frames.bytes_raw();
        }
        receipt.outcome = settlement.outcome;
        receipt.end_offset = settlement.settled_to();
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
        let reason = match (&settlement.failure, &produced) {
            (Some(failure), _) => failure.reason.clone(),
            (None, Some(Produced { end: End::Failed(reason), .. })) => reason.clone(),
            _ => "the deadline came before the end of the object".to_owned(),
        };
        let hops = begun.map_or(0, |begun| begun.hops) + 1;
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

    /// Produces and delivers until both are over.
    #[expect(clippy::too_many_arguments, reason = "one attempt is made of exactly these")]
    async fn carry(
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
        let (stop, record_time_ms) = (Arc::new(Stop::default()), opened.last_modified_ms);
        let reader =
            Fetch::new(self.aws.objects.clone(), object.clone(), from, opened).spawn(deadline.stop_reading.into());
        let max_event_bytes = self.settings.max_event_bytes;
        let frames = match begun {
            Some(begun) => Frames::resume(reader, &begun.checkpoint, max_event_bytes),
            None => Frames::new(reader, dataset.format, max_event_bytes),
        };
        let (sealed, mut bodies) = mpsc::unbounded_channel();
        let producer = Producer {
            frames,
            dataset: Arc::clone(dataset),
            origin: Arc::clone(origin),
            record_time_ms,
            pool: Arc::clone(&self.pool),
            stop: Arc::clone(&stop),
            sealed,
            runtime: Handle::current(),
        };
        let producer = tokio::task::spawn_blocking(|| producer.run());
        let name: Arc<str> = dataset.name.as_str().into();
        let mut settlement = Settlement::new(start_offset);
        let mut deliveries = JoinSet::new();
        let mut time_is_up = std::pin::pin!(tokio::time::sleep_until(deadline.stop_reading.into()));
        let mut is_producing = true;
        while is_producing || !deliveries.is_empty() {
            tokio::select! {
                body = bodies.recv(), if is_producing => match body {
                    Some(body) => {
                        let delivery = Arc::clone(&self.sender).deliver(body, Arc::clone(origin), Arc::clone(&name), deadline);
                        deliveries.spawn(delivery);
                    }
                    None => is_producing = false,
                },
                Some(delivered) = deliveries.join_next() => match delivered {
                    Ok(mut delivered) => {
                        settlement.add(&delivered);
                        self.pool.give(delivered.body.take());
                    }
                    // Its body is lost, and with it the counts: nothing of it is settled, so nothing is acknowledged.
                    Err(panic) => {
                        settlement.fail(Failure { reason: format!("a delivery panicked: {panic}"), is_permanent: true });
                        self.pool.give(None);
                    }
                },
                () = &mut time_is_up, if !stop.is_set() => stop.set(),
            }
            if settlement.failure.as_ref().is_some_and(|failure| failure.is_permanent) && !stop.is_set() {
                stop.set();
            }
        }
        match producer.await {
            Ok(left) => (settlement, Some(left)),
            // What it held unsent was neither counted nor settled; its body's place is given back.
            Err(panic) => {
                settlement.fail(Failure { reason: format!("the producer panicked: {panic}"), is_permanent: true });
                self.pool.give(None);
                (settlement, None)
            }
        }
    }

    async fn open(&self, object: &ObjectRef, from: u64, deadline: Deadline) -> Result<Opened, OpenError> {
        let mut backoff = Backoff::new(fastrand::u64(..));
        let mut opens = 1;
        loop {
            let what = || format!("GET {object}");
            let open = self.aws.objects.open(object, from);
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
            &Rejection { offset, stage: Stage::Source, error_type: "gone".into(), reason },
            &[],
            0,
        );
        receipt.outcome.read = 1;
        match self.sender.keep(&letters, &mut Backoff::new(fastrand::u64(..)), deadline.stop_writing.into()).await {
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

impl Receipt {
    fn begin(object: &ObjectRef, dataset: &str, start_offset: u64) -> Self {
        Self {
            bucket: object.bucket.clone(),
            key: object.key.clone(),
            dataset: dataset.to_owned(),
            start_offset,
            end_offset: start_offset,
            is_final: false,
            bytes_in: 0,
            bytes_raw: 0,
            outcome: crate::outcome::Outcome::default(),
            bulk_requests: 0,
            retries: 0,
            elapsed_ms: 0,
        }
    }
}

fn elapsed_ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}
