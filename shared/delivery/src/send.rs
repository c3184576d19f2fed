//! Delivers one body: send, read the answers, retry the failed items, until every item has a fate or the deadline
//! comes. Writes the dead letters of rejected events.
//!
//! In: a body. Out: the fates of its events. Deliberately absent: the choice of the next batch (`work`).

mod answered;
mod bodies;
mod conflict;
mod kept;
mod refused;
mod stored;
#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    bundles::{Alone, Answers, Member},
    delivered::{Delivered, Failure},
    pool::Stop,
    request,
    sender::Sender,
    work::{Batch, Work},
};
use crate::{
    cluster::{Payload, Permit},
    lambda::Deadline,
    retry::Backoff,
};
use pipeline::{
    bulk::{Attribution, Body, ItemError, Refusals, attribute},
    dead_letter::Letters,
    outcome::{BatchError, Outcome},
    record::Origin,
    rules::Dataset,
};

use bodies::Bodies;
use kept::Kept;

/// How much longer than the pause after a refusal a body waits that may be its cause.
const MOST_GIVEN_WAY: Duration = Duration::from_secs(1);
/// Dead letters are written when this many bytes are buffered.
const LETTERS_BYTES: usize = 1 << 20;

/// Delivers a body. Items that have no fate at the deadline are undelivered. When `cut` is set, delivery also ends,
/// but not before the first answer: a slow domain would have to do that work again. With `member`, the items share
/// requests with those of other bodies.
pub(super) async fn deliver(
    sender: Arc<Sender>,
    body: Body,
    origin: Arc<Origin>,
    dataset: Arc<Dataset>,
    deadline: Deadline,
    cut: Arc<Stop>,
    member: Option<Member>,
) -> Delivered {
    let mut delivery = BodyDelivery::new(&sender, body, origin, dataset, member);
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

/// A body that is being delivered.
struct BodyDelivery<'s> {
    sender: &'s Sender,
    bodies: Bodies,
    kept: Kept,
    origin: Arc<Origin>,
    dataset: Arc<Dataset>,
    /// Set as long as its items share requests with those of other bodies.
    member: Option<Member>,
    /// Whether a request with its items and those of other bodies had no answers.
    is_suspect: bool,
    /// Whether the domain may have stored items of a request without an answer.
    is_unanswered: bool,
    /// The events that the domain was found to hold before they were sent.
    never_sent: u64,
    work: Work,
    /// The refusals of items that may be at fault themselves, by item.
    refusals: HashMap<u32, Refusals>,
    /// When the domain first refused a whole request with 400.
    first_bad_request: Option<Instant>,
    /// When the domain first refused a request for its size.
    first_too_large: Option<Instant>,
    letters: Letters,
    outcome: Outcome,
    bulk_requests: Arc<AtomicU64>,
    retries: u64,
    backoff: Backoff,
    failure: Option<Failure>,
}

/// A failure that this invocation does not retry.
struct GivenUp;

impl<'s> BodyDelivery<'s> {
    fn new(sender: &'s Sender, body: Body, origin: Arc<Origin>, dataset: Arc<Dataset>, member: Option<Member>) -> Self {
        Self {
            sender,
            outcome: body.produced,
            work: Work::all(body.len(), Instant::now()),
            bodies: Bodies::new(body),
            kept: Kept::default(),
            origin,
            dataset,
            member,
            is_suspect: false,
            is_unanswered: false,
            never_sent: 0,
            refusals: HashMap::new(),
            first_bad_request: None,
            first_too_large: None,
            letters: Letters::default(),
            bulk_requests: Arc::default(),
            retries: 0,
            backoff: Backoff::new(fastrand::u64(..)),
            failure: None,
        }
    }

    /// Not by [`crate::retry::retry`]: a retry has only the items that failed, each after its own pause, and the pause
    /// of an overloaded domain holds for all requests of the function.
    ///
    /// Sends until no item is left, until no retry can help, or until the remaining items may only be sent after the
    /// deadline. Sets `answered` at the first answer, or at the first request that got none.
    async fn send_all(&mut self, deadline: Deadline, answered: &Stop) {
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
            self.send_kept();
        }
    }

    /// Sends one request and handles its answer.
    async fn send(&mut self, batch: &Batch, deadline: Deadline) -> Result<(), GivenUp> {
        if self.dataset.rolls_over() {
            return self.send_unless_stored(batch, deadline).await;
        }
        let part = self.bodies.part(&batch.items);
        if let Some(member) = &self.member {
            self.work.first_is_sent();
            let before = self.bulk_requests.load(Ordering::Relaxed);
            let answer = member.send(part, Arc::clone(&self.bulk_requests)).await;
            self.retries += (self.bulk_requests.load(Ordering::Relaxed) - before).saturating_sub(1);
            self.shared(&batch.items, answer, deadline).await;
            return Ok(());
        }
        let sender = self.sender;
        let payload = request::encode(sender, vec![part]).await;
        let permit = sender.cluster.limit.acquire().await;
        self.send_alone(batch, payload, permit, deadline).await
    }

    /// Sends a request with items of this body alone, and handles its answer. They are the first batch.
    async fn send_alone(
        &mut self,
        batch: &Batch,
        payload: Payload,
        permit: Permit<'_>,
        deadline: Deadline,
    ) -> Result<(), GivenUp> {
        self.work.first_is_sent();
        self.bulk_requests.fetch_add(1, Ordering::Relaxed);
        let answer = request::send(self.sender, payload, batch.items.len()).await;
        self.is_unanswered |= answer.as_ref().is_err_and(|unanswered| !unanswered.is_refusal);
        if answer.as_ref().is_err_and(|unanswered| unanswered.wants_other_form) {
            permit.taken();
            self.retries += 1;
            return Ok(());
        }
        match answer.map_err(|unanswered| unanswered.error) {
            Ok(mut results) => {
                let id_of = |place: usize| self.bodies.id_of(batch.items[place]);
                let attribution = attribute(&mut results, id_of);
                self.answered(&batch.items, &results, attribution, Some(permit), deadline).await;
                Ok(())
            }
            Err(BatchError::TooLarge { what }) => {
                permit.taken();
                self.too_large(&batch.items, &what);
                Ok(())
            }
            Err(BatchError::BadRequest { what, error_type, reason }) => {
                permit.taken();
                let error = ItemError { error_type, reason, caused_by: None };
                self.bad_request(&batch.items, &what, error).await
            }
            Err(error) => self.failed(batch, error, permit, deadline),
        }
    }

    /// Handles a request without an answer: sends the batch again after a pause for all requests, if that makes sense.
    fn failed(
        &mut self,
        batch: &Batch,
        error: BatchError,
        permit: Permit<'_>,
        deadline: Deadline,
    ) -> Result<(), GivenUp> {
        let BatchError::Retryable { what, reason, retry_after, .. } = error else {
            return self.give_up(error.to_string());
        };
        let pause = pause_before(deadline, self.backoff.next_pause(retry_after));
        tracing::warn!(position = %self.position(batch.items[0]), what, reason, ?pause, "sending again");
        self.failure = Some(Failure { reason: format!("{what}: {reason}"), is_permanent: false });
        self.retries += 1;
        permit.overloaded(pause);
        if self.is_suspect {
            // Others wait for the end of the same pause. They go first, since its items may be the cause.
            let pause = pause_before(deadline, pause + pause.min(MOST_GIVEN_WAY));
            self.work.postpone_first(Instant::now() + pause);
        }
        Ok(())
    }

    /// Handles the answer to a request with items of other bodies.
    async fn shared(&mut self, items: &[u32], answer: Result<Answers, Alone>, deadline: Deadline) {
        match answer {
            Ok(Answers { results, attribution }) => {
                if matches!(attribution, Attribution::Unknown { .. }) {
                    // Without the answers to other bodies, fewer of them are in question.
                    self.member = None;
                }
                self.answered(items, &results, attribution, None, deadline).await;
            }
            Err(Alone { first_too_large, first_bad_request }) => {
                self.member = None;
                self.is_suspect = true;
                self.retries += 1;
                self.first_too_large = self.first_too_large.or(first_too_large);
                self.first_bad_request = self.first_bad_request.or(first_bad_request);
            }
        }
    }

    fn position(&self, index: u32) -> impl std::fmt::Display + '_ {
        self.origin.at(self.bodies.at(index))
    }

    fn give_up(&mut self, reason: String) -> Result<(), GivenUp> {
        self.failure = Some(Failure { reason, is_permanent: true });
        Err(GivenUp)
    }

    /// Leaves the remaining items undelivered.
    fn time_is_up(&mut self) {
        self.failure.get_or_insert(Failure {
            reason: "the deadline came before the domain's answer".into(),
            is_permanent: false,
        });
    }

    /// Writes the letters of rejected items. Only then do the items count as rejected.
    async fn write_dead_letters(&mut self, until: Instant) {
        match self.sender.dead_letters.write(&self.letters, until).await {
            Ok(()) => {
                self.outcome.rejected += self.letters.count();
                self.outcome.rejected_by_domain += self.letters.count();
                self.letters.clear();
            }
            Err(error) => self.failure = Some(not_written(&error)),
        }
    }

    /// Writes the letters of the body and of its items, then returns the fates of all events.
    async fn finish(mut self, deadline: Deadline) -> Delivered {
        // Others need not wait for its items.
        self.member = None;
        let until = deadline.stop_writing;
        if !self.letters.is_empty() {
            self.write_dead_letters(until).await;
        }
        let unsettled = self.work.items().chain(self.kept.waiting());
        let mut undelivered: Vec<_> = unsettled.map(|index| self.bodies.at(index)).collect();
        undelivered.extend(self.letters.restarts());
        let first = self.bodies.first();
        if !first.letters.is_empty() {
            let letters = &first.letters;
            match self.sender.dead_letters.write(letters, until).await {
                Ok(()) => self.outcome.rejected += letters.count(),
                Err(error) => {
                    undelivered.extend(letters.restarts());
                    self.failure = Some(not_written(&error));
                }
            }
        }
        self.remember_suspects();
        let first = self.bodies.first();
        self.outcome.undelivered += undelivered.len() as u64;
        let bulk_requests = self.bulk_requests.load(Ordering::Relaxed);
        if bulk_requests > 0 {
            self.outcome.sent += (first.len() - self.work.never_sent()) as u64 - self.never_sent;
        }
        Delivered {
            failure: self.failure.filter(|_| self.outcome.undelivered > 0),
            outcome: self.outcome,
            undelivered,
            end: first.end,
            left_out: first.left_out,
            bulk_requests,
            retries: self.retries,
            body: self.bodies.into_first(),
        }
    }

    /// Remembers the refusals of items that will be redelivered.
    fn remember_suspects(&mut self) {
        for index in self.work.items() {
            if let Some(refusals) = self.refusals.remove(&index) {
                self.sender.suspects.remember(&self.suspect(index), refusals);
            }
        }
        self.remember_kept();
    }
}

/// The failure of writing dead letters.
fn not_written(error: &BatchError) -> Failure {
    let is_permanent = matches!(error, BatchError::Permanent { .. });
    Failure { reason: error.to_string(), is_permanent }
}

/// Cuts a pause at the end of the time to send: the next invocation does not know of the pause.
fn pause_before(deadline: Deadline, pause: Duration) -> Duration {
    pause.min(deadline.stop_sending.saturating_duration_since(Instant::now()))
}
