//! One body until every item of it has a fate: send, read the answers, send again what failed, until the deadline.
//!
//! Deliberately absent: what one answer means (`bulk::verdict`), and how many refusals are enough (`bulk::refusals`).

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    send::{Delivered, Failure, Sender},
    work::{Batch, Work},
};
use crate::{
    backoff::Backoff,
    bulk::{Attribution, Body, ItemError, ItemResult, ItemVerdict, Refusals, Ruling, attribute, response},
    cluster::{Payload, Permit},
    dead_letter::Letters,
    lambda::Deadline,
    outcome::{BatchError, Outcome, Rejection, Stage},
    record::Origin,
};

/// A request that takes longer is given up and repeated; the domain may have taken it, so its items may be duplicates.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Dead letters are written when so many bytes of them have come together.
const LETTERS_BYTES: usize = 1 << 20;
/// An item over this size that is too large for a request by itself is its own fault: every domain takes more.
const EVERY_DOMAIN_TAKES: usize = 1 << 20;

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
    letters: Letters,
    outcome: Outcome,
    bulk_requests: u64,
    retries: u64,
    backoff: Backoff,
    failure: Option<Failure>,
}

/// A failure for which there is no further attempt in this invocation.
struct GivenUp;

/// The items of a request that are sent again.
#[derive(Default)]
struct Left {
    /// At once, or after a pause where nothing got on; in a request each.
    again: Vec<Vec<u32>>,
    /// Those that a second try decides about, ...
    second_tries: Vec<u32>,
    /// ... and when.
    second_try: Option<Instant>,
}

impl Left {
    fn count(&self) -> usize {
        self.second_tries.len() + self.again.iter().map(Vec::len).sum::<usize>()
    }
}

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
            letters: Letters::default(),
            bulk_requests: 0,
            retries: 0,
            backoff: Backoff::new(fastrand::u64(..)),
            failure: None,
        }
    }

    /// Sends until nothing is left, nothing more can be done, or all that is left may be sent after the deadline only.
    pub(super) async fn send_all(&mut self, deadline: Deadline) {
        while let Some(batch) = self.work.first() {
            if batch.not_before >= deadline.stop_sending {
                return self.time_is_up();
            }
            tokio::time::sleep_until(batch.not_before.into()).await;
            if self.send(&batch, deadline).await.is_err() {
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
        let answer = sender.cluster.bulk(&payload, REQUEST_TIMEOUT).await;
        // The client's hold on the body ends here, so that it can be filled again.
        drop(payload);
        let answer = answer.and_then(|answer| {
            response::read(&answer, batch.items.len())
                .map_err(|error| BatchError::Permanent { what: "POST _bulk".into(), reason: error.to_string() })
        });
        match answer {
            Ok(results) => {
                sender.cluster.taken().request(bytes, Instant::now());
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

    /// Gives each item of an answered request its fate; those to be sent again go back to the work.
    fn answered(&mut self, items: &[u32], mut results: Vec<ItemResult>, permit: Permit<'_>, deadline: Deadline) {
        let now = Instant::now();
        self.work.answered();
        if results.iter().any(|result| matches!(result.status, 200 | 400 | 500)) {
            self.sender.cluster.ask_for_details();
        }
        let attribution = attribute(&self.body, items, &mut results);
        self.note_accepted(items, &results, now);
        let left = match attribution {
            Attribution::Known => self.settle_all(items, &results, now),
            Attribution::Unknown { has_ids } => self.settle_accepted(items, &results, has_ids, now),
        };
        let got_on = left.count() < items.len();
        if got_on {
            self.backoff.reset();
        }
        let mut not_before = now;
        if results.iter().any(ItemResult::is_overload) {
            permit.overloaded(pause_before(deadline, self.backoff.next_pause(None)));
        } else {
            permit.taken();
            if !got_on && left.count() > left.second_tries.len() {
                not_before += self.backoff.next_pause(None);
            }
        }
        for batch in left.again {
            self.send_again(batch, not_before);
        }
        self.send_again(left.second_tries, left.second_try.unwrap_or(now));
    }

    fn send_again(&mut self, items: Vec<u32>, not_before: Instant) {
        self.retries += u64::from(!items.is_empty());
        self.work.push(items, not_before);
    }

    fn settle_all(&mut self, items: &[u32], results: &[ItemResult], now: Instant) -> Left {
        let (mut again, mut left) = (Vec::new(), Left::default());
        for (index, result) in items.iter().zip(results) {
            let Some(Ruling::SendAgain(not_before)) = self.settle(*index, result, now) else { continue };
            if again.is_empty() && left.second_tries.is_empty() {
                self.refused(*index, result);
            }
            if not_before > now {
                left.second_try = left.second_try.max(Some(not_before));
                left.second_tries.push(*index);
            } else {
                again.push(*index);
            }
        }
        left.again = vec![again];
        left
    }

    /// Of what was not accepted it is not known which answer is whose: all of it is sent again, to be answered with ids, or where
    /// those do not help, in two requests.
    fn settle_accepted(&mut self, items: &[u32], results: &[ItemResult], has_ids: bool, now: Instant) -> Left {
        let mut refused = Vec::new();
        for (index, result) in items.iter().zip(results) {
            if result.is_accepted() {
                self.settle(*index, result, now);
            } else {
                if refused.is_empty() {
                    self.refused(*index, result);
                }
                self.refusals(*index).unattributed(now);
                refused.push(*index);
            }
        }
        let second_half = if has_ids { refused.split_off(refused.len() / 2) } else { Vec::new() };
        Left { again: vec![second_half, refused], ..Left::default() }
    }

    /// The domain takes items for these indices. One look at each end of a request is enough, unless one of its items has to be
    /// told from its neighbours.
    fn note_accepted(&self, items: &[u32], results: &[ItemResult], now: Instant) {
        let note = |index: u32| self.sender.cluster.taken().item(self.body.index_of(index as usize), now);
        let mut accepted =
            items.iter().zip(results).filter(|(_, result)| result.is_accepted()).map(|(index, _)| *index);
        if results.iter().any(|result| result.status == 500) {
            return accepted.for_each(note);
        }
        let ends = [accepted.next(), accepted.next_back()];
        ends.into_iter().flatten().for_each(note);
    }

    /// The fate of an item, or when it is to be sent again.
    fn settle(&mut self, index: u32, result: &ItemResult, now: Instant) -> Option<Ruling> {
        let ruling = match result.verdict() {
            ItemVerdict::Indexed => {
                self.outcome.indexed += 1;
                return None;
            }
            ItemVerdict::Duplicate => {
                self.outcome.duplicates += 1;
                return None;
            }
            ItemVerdict::DroppedByDomain => {
                self.outcome.dropped += 1;
                self.outcome.dropped_by_domain += 1;
                return None;
            }
            ItemVerdict::DomainState => {
                if !self.refusals.is_empty() || !self.sender.suspects.is_empty() {
                    self.refusals(index).domain_state(result.status);
                }
                Ruling::SendAgain(now)
            }
            ItemVerdict::BadRequest => self.refusals(index).bad_request(now),
            ItemVerdict::ServerError => {
                let accepted = self.sender.cluster.taken().last_of_index(self.body.index_of(index as usize));
                self.refusals(index).server_error(result.error_type(), now, accepted)
            }
        };
        if ruling == Ruling::Rejected {
            let (error_type, reason) = match &result.error {
                Some(error) if !error.error_type.is_empty() => (error.error_type.clone(), error.to_string()),
                Some(error) => (result.status.to_string(), error.to_string()),
                None => (result.status.to_string(), String::new()),
            };
            self.reject(index, error_type, reason);
        }
        Some(ruling)
    }

    /// What is known of an item, also from an invocation before.
    fn refusals(&mut self, index: u32) -> &mut Refusals {
        let recall = || self.sender.suspects.recall(self.body.item(index as usize));
        self.refusals.entry(index).or_insert_with(recall)
    }

    fn refused(&mut self, index: u32, result: &ItemResult) {
        let status = result.status;
        let reason = result.error.as_ref().map_or_else(String::new, |error| format!("{}: {error}", error.error_type));
        self.failure = Some(Failure { reason: format!("{status} {reason}"), is_permanent: false });
        let position = self.position(index);
        if result.verdict() == ItemVerdict::BadRequest {
            tracing::warn!(%position, status, reason, "the domain refuses an item: a second try decides");
        } else {
            tracing::warn!(%position, status, reason, "the domain's state stands in the way of an item, sending again");
        }
    }

    fn position(&self, index: u32) -> impl std::fmt::Display + '_ {
        self.origin.at(self.body.at(index as usize))
    }

    fn reject(&mut self, index: u32, error_type: String, reason: String) {
        let (at, original) = (self.body.at(index as usize), self.body.original(index as usize));
        let rejection = Rejection { at, stage: Stage::Domain, error_type, reason };
        self.letters.push(&self.origin, &self.dataset, &rejection, original, original.len() as u64);
    }

    /// After a 413: two halves. One item by itself is rejected where it is the item that is large; a domain that takes no request
    /// at all says the same of a small one.
    fn too_large(&mut self, items: &[u32], what: &str) {
        self.retries += 1;
        if let [index] = items {
            let bytes = self.body.item(*index as usize).len();
            if bytes > EVERY_DOMAIN_TAKES || bytes < self.sender.cluster.taken().largest_request() {
                self.work.answered();
                let reason = format!("the event has {bytes} bytes, more than the domain takes in one request");
                return self.reject(*index, "request_entity_too_large".into(), reason);
            }
        } else if self.work.halve_first(fastrand::bool()) {
            return;
        }
        let reason = format!("{what}: 413 for a request of {} items, and no larger one was ever taken", items.len());
        self.postpone(items[0], reason);
    }

    /// After a 400 of the whole request: two halves. One item by itself is judged as if the 400 were its own, if the domain takes
    /// other requests: where it takes none, the requests are at fault, and no event is rejected for that.
    fn bad_request(&mut self, items: &[u32], what: &str, error: ItemError) -> Result<(), GivenUp> {
        self.retries += 1;
        let now = Instant::now();
        let first = *self.first_bad_request.get_or_insert(now);
        let is_domain_state = error.is_domain_state();
        let message = format!("{what}: 400 {}: {error}", error.error_type);
        if let [index] = *items {
            let result = ItemResult { status: 400, id: None, result: None, error: Some(error) };
            let refusals = self.refusals(index);
            let first = first.min(refusals.first_bad_request().unwrap_or(first));
            if is_domain_state {
                self.postpone(index, message);
                return Ok(());
            }
            let mut judged = refusals.clone();
            return match judged.bad_request(now) {
                Ruling::SendAgain(not_before) => {
                    *refusals = judged;
                    self.refused(index, &result);
                    self.work.postpone_first(not_before);
                    Ok(())
                }
                Ruling::Rejected if self.sender.cluster.taken().has_taken_since(first) => {
                    self.work.answered();
                    self.settle(index, &result, now);
                    Ok(())
                }
                Ruling::Rejected => self.give_up(message),
            };
        }
        if self.work.halve_first(fastrand::bool()) {
            tracing::warn!(position = %self.position(items[0]), reason = message, items = items.len(), "the domain refuses a request: halving it");
            return Ok(());
        }
        if is_domain_state {
            self.postpone(items[0], message);
            return Ok(());
        }
        self.give_up(message)
    }

    /// The first batch is sent again after a pause.
    fn postpone(&mut self, index: u32, reason: String) {
        let pause = self.backoff.next_pause(None);
        tracing::warn!(position = %self.position(index), reason, ?pause, "sending again");
        self.failure = Some(Failure { reason, is_permanent: false });
        self.work.postpone_first(Instant::now() + pause);
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
        undelivered.extend(self.letters.positions());
        if !self.body.letters.is_empty() {
            let body = Arc::clone(&self.body);
            match self.sender.keep(&body.letters, &mut self.backoff, until).await {
                Ok(()) => self.outcome.rejected += body.letters.count(),
                Err(error) => {
                    undelivered.extend(body.letters.positions());
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
