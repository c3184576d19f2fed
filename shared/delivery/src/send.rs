//! Where bodies go, and the letters of what is rejected of them.
//!
//! In: a body. Out: what became of it. Deliberately absent: the loop until every item of it has a fate (`delivery`).

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

/// Where bodies go.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) cluster: Arc<Cluster>,
    pub(super) letterbox: DeadLetterSink,
    pub(super) gzip: bool,
    /// Compressing and hashing: as many at once as there are vCPUs.
    pub(super) encoders: Arc<Semaphore>,
    pub(super) suspects: Arc<Suspects>,
}

/// Where the letters of rejected events go.
#[derive(Debug, Clone)]
pub(super) enum DeadLetterSink {
    /// Into a bucket, where they are durable.
    Bucket { objects: Objects, at: S3Prefix },
    /// Nowhere yet: the events are dead letters already, and whoever tries them once more decides about their object.
    Held(Arc<Mutex<BTreeMap<ItemPosition, Vec<u8>>>>),
}

/// What became of one body.
#[derive(Debug)]
pub(super) struct Delivered {
    /// To be filled again; `None` where the HTTP client still holds it.
    pub(super) body: Option<Body>,
    pub(super) outcome: Outcome,
    pub(super) left_out: u64,
    /// Where what is undelivered lies; in no order.
    pub(super) undelivered: Vec<ItemPosition>,
    /// Everything before it was in this body or one before it.
    pub(super) end: ItemPosition,
    pub(super) bulk_requests: u64,
    pub(super) retries: u64,
    /// Why something is undelivered.
    pub(super) failure: Option<Failure>,
}

/// Why something is undelivered.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Another attempt would meet the same.
    pub(super) is_permanent: bool,
}

impl Sender {
    /// Delivers a body. Whatever has no fate at the deadline is undelivered; also when `cut` is set, unless the first answer is still
    /// awaited: a domain that is slow would have to do the work again.
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

    /// Writes dead letters until it succeeds or the time is up.
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
