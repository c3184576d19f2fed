//! One body until every item of it has a fate: send, read the answers, send again what failed, until the deadline.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Semaphore, time::Instant};

use crate::{
    aws::Objects,
    backoff::Backoff,
    bulk::{Body, Fate, response},
    cluster::{Cluster, Payload},
    config::settings::S3Prefix,
    dead_letter::Letters,
    lambda::Deadline,
    outcome::{BatchError, Outcome, Rejection, Stage},
    record::{ItemPosition, Origin},
};

/// A request that takes longer is given up and repeated; the domain may have taken it, so its items may be duplicates.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Dead letters are written when so many bytes of them have come together.
const LETTERS_BYTES: usize = 1 << 20;

/// Where bodies go.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) cluster: Arc<Cluster>,
    pub(super) letterbox: Letterbox,
    pub(super) gzip: bool,
    /// Compressing and hashing: as many at once as there are vCPUs.
    pub(super) encoders: Arc<Semaphore>,
}

/// Where the letters of rejected events go.
#[derive(Debug, Clone)]
pub(super) enum Letterbox {
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

struct Delivery<'s> {
    sender: &'s Sender,
    body: Arc<Body>,
    origin: Arc<Origin>,
    dataset: Arc<str>,
    /// Items without a fate, in batches that fit a request.
    work: VecDeque<Arc<[u32]>>,
    letters: Letters,
    outcome: Outcome,
    bulk_requests: u64,
    retries: u64,
    backoff: Backoff,
    failure: Option<Failure>,
}

impl Sender {
    /// Delivers a body. Whatever has no fate at the deadline is undelivered.
    pub(super) async fn deliver(
        self: Arc<Self>,
        body: Body,
        origin: Arc<Origin>,
        dataset: Arc<str>,
        deadline: Deadline,
    ) -> Delivered {
        let all: Arc<[u32]> = (0..u32::try_from(body.len()).unwrap_or(u32::MAX)).collect();
        let mut delivery = Delivery {
            sender: &self,
            outcome: body.produced,
            work: if all.is_empty() { VecDeque::new() } else { VecDeque::from([all]) },
            body: Arc::new(body),
            origin,
            dataset,
            letters: Letters::default(),
            bulk_requests: 0,
            retries: 0,
            backoff: Backoff::new(fastrand::u64(..)),
            failure: None,
        };
        if tokio::time::timeout_at(deadline.stop_sending.into(), delivery.send_all(deadline)).await.is_err() {
            delivery.failure.get_or_insert(Failure {
                reason: "the deadline came before the domain's answer".into(),
                is_permanent: false,
            });
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
        let (objects, S3Prefix { bucket, prefix }) = match &self.letterbox {
            Letterbox::Bucket { objects, at } => (objects, at),
            Letterbox::Held(held) => {
                let lines = letters.ndjson().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec);
                let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
                held.extend(letters.positions().iter().copied().zip(lines));
                return Ok(());
            }
        };
        let key = if prefix.is_empty() { letters.key() } else { format!("{prefix}/{}", letters.key()) };
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

impl Delivery<'_> {
    async fn send_all(&mut self, deadline: Deadline) {
        while let Some(items) = self.work.front().cloned() {
            let payload = self.encode(&items).await;
            let permit = self.sender.cluster.limit.acquire().await;
            self.bulk_requests += 1;
            let answer = self.sender.cluster.bulk(&payload, REQUEST_TIMEOUT).await;
            // The client's hold on the body ends here, so that it can be filled again.
            drop(payload);
            let answer = answer.and_then(|answer| {
                response::read(&answer, items.len())
                    .map_err(|error| BatchError::Permanent { what: "POST _bulk".into(), reason: error.to_string() })
            });
            match answer {
                Ok(results) => {
                    self.work.pop_front();
                    let overloaded = results.iter().any(response::ItemResult::is_overload);
                    let got_on = self.settle(&items, &results);
                    if got_on {
                        self.backoff.reset();
                    }
                    if overloaded {
                        permit.overloaded(self.backoff.next_pause(None));
                    } else {
                        permit.taken();
                        if !got_on {
                            tokio::time::sleep(self.backoff.next_pause(None)).await;
                        }
                    }
                    if self.letters.len() >= LETTERS_BYTES {
                        self.keep_letters(deadline.stop_sending.into()).await;
                    }
                }
                Err(BatchError::TooLarge { .. }) => {
                    permit.taken();
                    self.work.pop_front();
                    self.halve(&items);
                }
                Err(BatchError::Retryable { what, reason, retry_after }) => {
                    let pause = self.backoff.next_pause(retry_after);
                    tracing::warn!(position = %self.origin.at(self.body.at(items[0] as usize)), what, reason, ?pause, "sending again");
                    self.failure = Some(Failure { reason: format!("{what}: {reason}"), is_permanent: false });
                    self.retries += 1;
                    permit.overloaded(pause);
                }
                Err(error) => {
                    self.failure = Some(Failure { reason: error.to_string(), is_permanent: true });
                    return;
                }
            }
        }
    }

    async fn encode(&self, items: &Arc<[u32]>) -> Payload {
        // Never closed.
        let _place = self.sender.encoders.acquire().await;
        let (body, items, gzip) = (Arc::clone(&self.body), Arc::clone(items), self.sender.gzip);
        match tokio::task::spawn_blocking(move || Payload::of(&body, &items, gzip)).await {
            Ok(payload) => payload,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Gives each item of an answered request its fate; those to be sent again go back to the work. Returns whether
    /// any item got one.
    fn settle(&mut self, items: &[u32], results: &[response::ItemResult]) -> bool {
        let mut again = Vec::new();
        for (index, result) in items.iter().zip(results) {
            match result.fate() {
                Fate::Indexed => self.outcome.indexed += 1,
                Fate::Duplicate => self.outcome.duplicates += 1,
                Fate::Rejected => {
                    let (error_type, reason) = match &result.error {
                        Some(error) => (error.error_type.clone(), error.to_string()),
                        None => (result.status.to_string(), String::new()),
                    };
                    self.reject(*index, error_type, reason);
                }
                Fate::Retry => {
                    if again.is_empty() {
                        let reason = result
                            .error
                            .as_ref()
                            .map_or_else(String::new, |error| format!("{}: {error}", error.error_type));
                        let position = self.origin.at(self.body.at(*index as usize));
                        tracing::warn!(%position, status = result.status, reason, "the domain's state stands in the way of an item, sending again");
                        self.failure =
                            Some(Failure { reason: format!("{} {reason}", result.status), is_permanent: false });
                    }
                    again.push(*index);
                }
            }
        }
        let got_on = again.len() < items.len();
        if !again.is_empty() {
            self.retries += 1;
            self.work.push_front(again.into());
        }
        got_on
    }

    fn reject(&mut self, index: u32, error_type: String, reason: String) {
        let (at, original) = (self.body.at(index as usize), self.body.original(index as usize));
        let rejection = Rejection { at, stage: Stage::Domain, error_type, reason };
        self.letters.push(&self.origin, &self.dataset, &rejection, original, original.len() as u64);
    }

    /// After a 413: two halves, or a rejection where one item alone is too large.
    fn halve(&mut self, items: &[u32]) {
        if let [index] = items {
            let reason = format!(
                "the event has {} bytes, more than the domain takes in one request",
                self.body.item(*index as usize).len()
            );
            return self.reject(*index, "request_entity_too_large".into(), reason);
        }
        let (first, second) = items.split_at(items.len() / 2);
        self.retries += 1;
        self.work.push_front(second.into());
        self.work.push_front(first.into());
    }

    /// Writes the letters of rejected items; they count as rejected only then.
    async fn keep_letters(&mut self, until: Instant) {
        match self.sender.keep(&self.letters, &mut self.backoff, until).await {
            Ok(()) => {
                self.outcome.rejected += self.letters.count();
                self.letters.clear();
            }
            Err(error) => {
                self.failure = Some(Failure {
                    reason: error.to_string(),
                    is_permanent: matches!(error, BatchError::Permanent { .. }),
                });
            }
        }
    }

    async fn finish(mut self, deadline: Deadline) -> Delivered {
        let until = deadline.stop_writing.into();
        if !self.letters.is_empty() {
            self.keep_letters(until).await;
        }
        let mut undelivered: Vec<_> =
            self.work.iter().flat_map(|items| items.iter()).map(|index| self.body.at(*index as usize)).collect();
        undelivered.extend(self.letters.positions());
        if !self.body.letters.is_empty() {
            let body = Arc::clone(&self.body);
            match self.sender.keep(&body.letters, &mut self.backoff, until).await {
                Ok(()) => self.outcome.rejected += body.letters.count(),
                Err(error) => {
                    undelivered.extend(body.letters.positions());
                    self.failure = Some(Failure {
                        reason: error.to_string(),
                        is_permanent: matches!(error, BatchError::Permanent { .. }),
                    });
                }
            }
        }
        self.outcome.undelivered += undelivered.len() as u64;
        Delivered {
            failure: self.failure.filter(|_| self.outcome.undelivered > 0),
            outcome: self.outcome,
            undelivered,
            end: self.body.end,
            left_out: self.body.left_out,
            bulk_requests: self.bulk_requests,
            retries: self.retries,
            body: Arc::try_unwrap(self.body).ok(),
        }
    }
}
