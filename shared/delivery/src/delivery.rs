//! One body until every item of it has a fate: send, read the answers, send again what failed, until the deadline.
//!
//! Deliberately absent: which batch comes next (`work`).

mod answered;
mod refused;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    pool::Stop,
    send::{Delivered, Failure, Sender},
    work::{Batch, Work},
};
use crate::{cluster::Payload, lambda::Deadline, retry::Backoff};
use pipeline::{
    bulk::{Body, ItemError, Refusals, response},
    dead_letter::Letters,
    outcome::{BatchError, Outcome},
    record::Origin,
};

/// A request that takes longer is given up and repeated; the domain may have taken it, so its items may be duplicates.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Dead letters are written when so many bytes of them have come together.
const LETTERS_BYTES: usize = 1 << 20;

/// A body on its way.
pub(super) struct Delivery<'s> {
    sender: &'s Sender,
    body: Arc<Body>,
    origin: Arc<Origin>,
    dataset: Arc<str>,
    work: Work,
    /// Of the items that may be at fault themselves.
    refusals: HashMap<u32, Refusals>,
    /// When the domain refused a whole request with 400 for the first time.
    first_bad_request: Option<Instant>,
    /// When it refused a request for its size for the first time.
    first_too_large: Option<Instant>,
    letters: Letters,
    outcome: Outcome,
    bulk_requests: u64,
    retries: u64,
    backoff: Backoff,
    failure: Option<Failure>,
}

/// A failure for which there is no further attempt in this invocation.
struct GivenUp;

impl<'s> Delivery<'s> {
    pub(super) fn new(sender: &'s Sender, body: Body, origin: Arc<Origin>, dataset: Arc<str>) -> Self {
        Self {
            sender,
            outcome: body.produced,
            work: Work::all(body.len(), Instant::now()),
            body: Arc::new(body),
            origin,
            dataset,
            refusals: HashMap::new(),
            first_bad_request: None,
            first_too_large: None,
            letters: Letters::default(),
            bulk_requests: 0,
            retries: 0,
            backoff: Backoff::new(fastrand::u64(..)),
            failure: None,
        }
    }

    /// Sends until nothing is left, nothing more can be done, or all that is left may be sent after the deadline only.
    /// `answered` is set with the first answer, or the first request that got none.
    pub(super) async fn send_all(&mut self, deadline: Deadline, answered: &Stop) {
        while let Some(batch) = self.work.first() {
            if batch.not_before >= deadline.stop_sending {
                return self.time_is_up();
            }
            tokio::time::sleep_until(batch.not_before.into()).await;
            let sent = self.send(&batch, deadline).await;
            answered.set();
            if sent.is_err() {
                return;
            }
        }
    }

    /// One request, and what follows from its answer.
    async fn send(&mut self, batch: &Batch, deadline: Deadline) -> Result<(), GivenUp> {
        let payload = self.encode(&batch.items).await;
        let bytes = payload.plain_bytes;
        let sender = self.sender;
        let permit = sender.cluster.limit.acquire().await;
        self.bulk_requests += 1;
        let sent = Instant::now();
        let answer = sender.cluster.bulk(&payload, REQUEST_TIMEOUT).await;
        // The client's hold on the body ends here, so that it can be filled again.
        drop(payload);
        let answer = answer.and_then(|answer| {
            response::read(&answer, batch.items.len())
                .map_err(|error| BatchError::Permanent { what: "POST _bulk".into(), reason: error.to_string() })
        });
        match answer {
            Ok(results) => {
                sender.cluster.taken().request(bytes, sent, Instant::now());
                sender.cluster.met.items(&results, Instant::now());
                self.answered(&batch.items, results, permit, deadline);
                if self.letters.len() >= LETTERS_BYTES {
                    self.keep_letters(deadline.stop_sending.into()).await;
                }
                Ok(())
            }
            Err(BatchError::TooLarge { what }) => {
                permit.taken();
                self.too_large(&batch.items, &what);
                Ok(())
            }
            Err(BatchError::BadRequest { what, error_type, reason }) => {
                permit.taken();
                self.bad_request(&batch.items, &what, ItemError { error_type, reason, caused_by: None })
            }
            Err(BatchError::Retryable { what, reason, retry_after }) => {
                let pause = pause_before(deadline, self.backoff.next_pause(retry_after));
                tracing::warn!(position = %self.position(batch.items[0]), what, reason, ?pause, "sending again");
                self.failure = Some(Failure { reason: format!("{what}: {reason}"), is_permanent: false });
                self.retries += 1;
                permit.overloaded(pause);
                Ok(())
            }
            Err(error) => self.give_up(error.to_string()),
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

    fn position(&self, index: u32) -> impl std::fmt::Display + '_ {
        self.origin.at(self.body.at(index as usize))
    }

    fn give_up(&mut self, reason: String) -> Result<(), GivenUp> {
        self.failure = Some(Failure { reason, is_permanent: true });
        Err(GivenUp)
    }

    /// What is left is undelivered.
    pub(super) fn time_is_up(&mut self) {
        self.failure.get_or_insert(Failure {
            reason: "the deadline came before the domain's answer".into(),
            is_permanent: false,
        });
    }

    /// Writes the letters of rejected items; they count as rejected only then.
    async fn keep_letters(&mut self, until: tokio::time::Instant) {
        match self.sender.keep(&self.letters, &mut self.backoff, until).await {
            Ok(()) => {
                self.outcome.rejected += self.letters.count();
                self.outcome.rejected_by_domain += self.letters.count();
                self.letters.clear();
            }
            Err(error) => self.not_kept(&error),
        }
    }

    fn not_kept(&mut self, error: &BatchError) {
        let is_permanent = matches!(error, BatchError::Permanent { .. });
        self.failure = Some(Failure { reason: error.to_string(), is_permanent });
    }

    /// The letters of the body and of its items, and then what became of all of it.
    pub(super) async fn finish(mut self, deadline: Deadline) -> Delivered {
        let until = deadline.stop_writing.into();
        if !self.letters.is_empty() {
            self.keep_letters(until).await;
        }
        let mut undelivered: Vec<_> = self.work.items().map(|index| self.body.at(index as usize)).collect();
        undelivered.extend(self.letters.restarts());
        if !self.body.letters.is_empty() {
            let body = Arc::clone(&self.body);
            match self.sender.keep(&body.letters, &mut self.backoff, until).await {
                Ok(()) => self.outcome.rejected += body.letters.count(),
                Err(error) => {
                    undelivered.extend(body.letters.restarts());
                    self.not_kept(&error);
                }
            }
        }
        self.remember_suspects();
        self.outcome.undelivered += undelivered.len() as u64;
        if self.bulk_requests > 0 {
            self.outcome.sent += self.body.len() as u64;
        }
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

    /// Of the items that come again, what is known against them.
    fn remember_suspects(&mut self) {
        for index in self.work.items() {
            if let Some(refusals) = self.refusals.remove(&index) {
                self.sender.suspects.remember(self.body.item(index as usize), refusals);
            }
        }
    }
}

/// A pause that ends with the time to send: the next invocation knows nothing of it.
fn pause_before(deadline: Deadline, pause: Duration) -> Duration {
    pause.min(deadline.stop_sending.saturating_duration_since(Instant::now()))
}
