//! Sends bodies to the domain, and writes the dead letters of rejected events.
//!
//! In: a body. Out: the fates of its events. Deliberately absent: the loop until every item has a fate (`delivery`).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{sync::Semaphore, time::Instant};

use super::{delivery::Delivery, pool::Stop, suspects::Suspects};
use crate::{aws::Objects, cluster::Cluster, lambda::Deadline, retry::Backoff, settings::S3Prefix};
use pipeline::{
    bulk::Body,
    dead_letter::Letters,
    outcome::{BatchError, Outcome},
    record::{ItemPosition, Origin},
};

/// The destination of bodies.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) cluster: Arc<Cluster>,
    pub(super) letterbox: DeadLetterSink,
    pub(super) gzip: bool,
    /// Permits for compressing and hashing: one for each vCPU.
    pub(super) encoders: Arc<Semaphore>,
    pub(super) suspects: Arc<Suspects>,
}

/// The destination of dead letters.
#[derive(Debug, Clone)]
pub(super) enum DeadLetterSink {
    /// A bucket, where they are durable.
    Bucket { objects: Objects, at: S3Prefix },
    /// Memory only: the events are dead letters already. The caller that retries them decides about their object.
    Held(Arc<Mutex<BTreeMap<ItemPosition, Vec<u8>>>>),
}

/// The fates of the events of one body.
#[derive(Debug)]
pub(super) struct Delivered {
    /// The body, to be filled again. `None` if the HTTP client still holds it.
    pub(super) body: Option<Body>,
    pub(super) outcome: Outcome,
    pub(super) left_out: u64,
    /// The positions of the undelivered events, in no order.
    pub(super) undelivered: Vec<ItemPosition>,
    /// All events before it were in this body or an earlier one.
    pub(super) end: ItemPosition,
    pub(super) bulk_requests: u64,
    pub(super) retries: u64,
    /// Why events are undelivered.
    pub(super) failure: Option<Failure>,
}

/// Why events are undelivered.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Another attempt would fail in the same way.
    pub(super) is_permanent: bool,
}

impl Sender {
    /// Delivers a body. Items that have no fate at the deadline are undelivered. When `cut` is set, delivery also ends,
    /// but not before the first answer: a slow domain would have to do that work again.
    pub(super) async fn deliver(
        self: Arc<Self>,
        body: Body,
        origin: Arc<Origin>,
        dataset: Arc<str>,
        deadline: Deadline,
        cut: Arc<Stop>,
    ) -> Delivered {
        let mut delivery = Delivery::new(&self, body, origin, dataset);
        let answered = Stop::default();
        let gives_way = async {
            cut.wait().await;
            answered.wait().await;
        };
        let is_late = tokio::select! {
            sent = tokio::time::timeout_at(deadline.stop_sending.into(), delivery.send_all(deadline, &answered)) => sent.is_err(),
            () = gives_way => true,
        };
        if is_late {
            delivery.time_is_up();
        }
        delivery.finish(deadline).await
    }

    /// Writes dead letters, with retries until `until`.
    pub(super) async fn keep(
        &self,
        letters: &Letters,
        backoff: &mut Backoff,
        until: Instant,
    ) -> Result<(), BatchError> {
        let (objects, at) = match &self.letterbox {
            DeadLetterSink::Bucket { objects, at } => (objects, at),
            DeadLetterSink::Held(held) => {
                let lines = letters.ndjson().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec);
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                held.extend(letters.positions().iter().copied().zip(lines));
                return Ok(());
            }
        };
        let (bucket, key) = (&at.bucket, at.key(&letters.key()));
        loop {
            let what = || format!("PUT s3://{bucket}/{key}");
            let put = objects.put(bucket, &key, letters.ndjson().to_vec());
            let error = match tokio::time::timeout_at(until, put).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error @ BatchError::Permanent { .. })) => return Err(error),
                Ok(Err(error)) => error,
                Err(_) => BatchError::Retryable {
                    what: what(),
                    reason: "no answer before the deadline".into(),
                    retry_after: None,
                },
            };
            let pause = backoff.next_pause(None);
            if Instant::now() + pause >= until {
                return Err(error);
            }
            tracing::warn!(position = what(), %error, "dead letters could not be written, trying again");
            tokio::time::sleep(pause).await;
        }
    }
}
