//! Sends the last events of several objects in one request. Objects of a few kilobytes would otherwise make one request each.
//!
//! In: the items of small bodies. They wait for each other until the request is full, until nothing else is expected, or for
//! [`LINGER`]. Out: the answers to the items of each body, as if it had been sent alone. A request that the domain refuses as a
//! whole is halved, down to one body, which is then sent alone. After a request without an answer, each body is sent
//! alone at once: the domain may have stored the items, and each further request may store them again if they have no
//! ids. Deliberately absent: the fates of events, and retries (`send`).

mod answers;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use tokio::{runtime::Handle, sync::oneshot};

use self::answers::divide;
pub(super) use self::answers::{Answers, words_differ};
use super::{
    request::{encode, send},
    retry::Backoff,
    sender::Sender,
};
use crate::cluster::{Part, Permit, Unanswered};
use pipeline::{
    bulk::{ItemResult, MAX_ITEMS},
    outcome::BatchError,
};

/// How long the first items of a request wait for others, while objects are being read that may bring some. The invocation lasts
/// until these are read in any case.
const LINGER: Duration = Duration::from_millis(500);
/// The most refusals of one request and of its parts. One body at fault among a thousand is found with 20; with more, each body is
/// sent alone.
const MOST_REFUSALS: u32 = 24;

/// The requests that the objects of one invocation share.
#[derive(Debug)]
pub(super) struct Bundles {
    sender: Arc<Sender>,
    max_bytes: usize,
    runtime: Handle,
    open: Mutex<Open>,
    backoff: Mutex<Backoff>,
}

/// The request that is being filled.
#[derive(Debug, Default)]
struct Open {
    waiting: Vec<Waiting>,
    bytes: usize,
    items: usize,
    /// The number of requests before it.
    number: u64,
    /// The objects whose reading has not ended.
    coming: usize,
    /// The bodies that are being delivered, and those of them whose items are on their way.
    members: usize,
    in_flight: usize,
}

impl Open {
    /// Whether nothing else is expected.
    fn is_complete(&self) -> bool {
        self.coming == 0 && self.waiting.len() + self.in_flight >= self.members
    }
}

/// Items of one body that wait for their answers.
#[derive(Debug)]
struct Waiting {
    part: Part,
    /// Counts the requests of the body.
    requests: Arc<AtomicU64>,
    answer: oneshot::Sender<Result<Answers, Alone>>,
}

/// There are no answers to these items. Only a request without the items of others shows what is wrong.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Alone {
    /// When the domain first refused a request with these items for its size, and when with 400.
    pub(super) first_too_large: Option<Instant>,
    pub(super) first_bad_request: Option<Instant>,
}

impl Alone {
    fn note(&mut self, error: &BatchError) {
        let now = Instant::now();
        match error {
            BatchError::TooLarge { .. } => _ = self.first_too_large.get_or_insert(now),
            BatchError::BadRequest { .. } => _ = self.first_bad_request.get_or_insert(now),
            BatchError::Retryable { .. } | BatchError::Permanent { .. } => {}
        }
    }
}

/// While this lives, an object may bring events.
#[derive(Debug)]
pub(super) struct Coming(Arc<Bundles>);

/// While this lives, a body is being delivered by shared requests.
#[derive(Debug)]
pub(super) struct Member {
    bundles: Arc<Bundles>,
    may_wait: bool,
}

impl Bundles {
    pub(super) fn new(sender: Arc<Sender>, max_bytes: usize) -> Arc<Self> {
        let backoff = Mutex::new(Backoff::new(fastrand::u64(..)));
        Arc::new(Self { sender, max_bytes, runtime: Handle::current(), open: Mutex::default(), backoff })
    }

    /// Notes an object that may bring events.
    pub(super) fn coming(self: &Arc<Self>) -> Coming {
        self.lock().coming += 1;
        Coming(Arc::clone(self))
    }

    /// Notes a body that is delivered by shared requests. Its items wait for others if `may_wait` is set.
    pub(super) fn member(self: &Arc<Self>, may_wait: bool) -> Member {
        self.lock().members += 1;
        Member { bundles: Arc::clone(self), may_wait }
    }

    /// Adds items to the open request. Sends it if it is full, or if nothing else is expected.
    fn join(self: &Arc<Self>, waiting: Waiting, may_wait: bool) {
        let mut open = self.lock();
        let (bytes, items) = (waiting.part.bytes(), waiting.part.items.len());
        if open.bytes + bytes > self.max_bytes || open.items + items > MAX_ITEMS {
            self.send(&mut open);
        }
        open.waiting.push(waiting);
        open.bytes += bytes;
        open.items += items;
        if !may_wait || open.items >= MAX_ITEMS || open.is_complete() {
            self.send(&mut open);
        } else if open.waiting.len() == 1 {
            let (bundles, number) = (Arc::clone(self), open.number);
            self.runtime.spawn(async move {
                tokio::time::sleep(LINGER).await;
                let mut open = bundles.lock();
                if open.number == number {
                    bundles.send(&mut open);
                }
            });
        }
    }

    /// Notes that something is no longer expected, and sends the open request if it was the last.
    fn ended(self: &Arc<Self>, note: impl FnOnce(&mut Open)) {
        let mut open = self.lock();
        note(&mut open);
        if open.is_complete() {
            self.send(&mut open);
        }
    }

    /// Sends the open request in a task, which ends when no body waits for its answer.
    fn send(self: &Arc<Self>, open: &mut Open) {
        let waiting = std::mem::take(&mut open.waiting);
        if waiting.is_empty() {
            return;
        }
        (open.bytes, open.items) = (0, 0);
        open.number += 1;
        open.in_flight += waiting.len();
        let bundles = Arc::clone(self);
        self.runtime.spawn(async move {
            // The largest first: items that are not at fault then wait for few of the pauses after refusals.
            let (mut groups, mut refusals, mut alone) = (VecDeque::from([waiting]), 0, Alone::default());
            while let Some(group) = groups.pop_front() {
                let Some((mut group, unanswered)) = bundles.deliver(group).await else { continue };
                alone.note(&unanswered.error);
                refusals += 1;
                if !unanswered.is_refusal || group.len() == 1 || refusals >= MOST_REFUSALS {
                    bundles.answer(group, || Err(alone));
                } else {
                    groups.push_back(group.split_off(group.len() / 2));
                    groups.push_back(group);
                }
            }
        });
    }

    /// Sends one request, and passes its answers on. Returns the items of a request without answers.
    async fn deliver(&self, mut group: Vec<Waiting>) -> Option<(Vec<Waiting>, Unanswered)> {
        let (payload, permit) = loop {
            self.forget_abandoned(&mut group);
            if group.is_empty() {
                return None;
            }
            let parts = group.iter().map(|waiting| waiting.part.clone()).collect();
            let payload = encode(&self.sender, parts).await;
            let permit = tokio::select! {
                permit = self.sender.cluster.limit.acquire() => permit,
                () = all_abandoned(&mut group) => continue,
            };
            // A body that is no longer delivered may have gone to another invocation meanwhile.
            if !group.iter().any(|waiting| waiting.answer.is_closed()) {
                break (payload, permit);
            }
        };
        for waiting in &group {
            waiting.requests.fetch_add(1, Ordering::Relaxed);
        }
        let items = group.iter().map(|waiting| waiting.part.items.len()).sum();
        let answer = tokio::select! {
            answer = send(&self.sender, payload, items) => answer,
            () = all_abandoned(&mut group) => {
                self.forget_abandoned(&mut group);
                return None;
            }
        };
        self.report(permit, &answer);
        match answer {
            Ok(results) => {
                let parts: Vec<&Part> = group.iter().map(|waiting| &waiting.part).collect();
                let mut answers = divide(&parts, results).into_iter();
                self.answer(group, || answers.next().ok_or_else(Alone::default));
                None
            }
            // The number of changes of the form is limited.
            Err(unanswered) if unanswered.wants_other_form => Box::pin(self.deliver(group)).await,
            Err(unanswered) => {
                let (error, bodies) = (without_words(&unanswered.error), group.len());
                tracing::warn!(error, bodies, "a request of several bodies has no answers: sending smaller ones");
                Some((group, unanswered))
            }
        }
    }

    /// Reports the outcome of a request to its permit.
    fn report(&self, permit: Permit<'_>, answer: &Result<Vec<ItemResult>, Unanswered>) {
        let mut backoff = self.backoff.lock().unwrap_or_else(PoisonError::into_inner);
        match answer.as_ref().map_err(|unanswered| &unanswered.error) {
            Ok(results) => {
                if results.iter().any(ItemResult::is_accepted) {
                    backoff.reset();
                }
                if results.iter().any(ItemResult::is_overload) {
                    permit.overloaded(backoff.next_pause(None));
                } else {
                    permit.taken();
                }
            }
            Err(BatchError::Retryable { retry_after, .. }) => permit.overloaded(backoff.next_pause(*retry_after)),
            Err(BatchError::TooLarge { .. } | BatchError::BadRequest { .. }) => permit.taken(),
            Err(BatchError::Permanent { .. }) => {}
        }
    }

    /// Removes the items of bodies that are no longer delivered.
    fn forget_abandoned(&self, group: &mut Vec<Waiting>) {
        let before = group.len();
        group.retain(|waiting| !waiting.answer.is_closed());
        self.lock().in_flight -= before - group.len();
    }

    fn answer(&self, group: Vec<Waiting>, mut answer: impl FnMut() -> Result<Answers, Alone>) {
        self.lock().in_flight -= group.len();
        for Waiting { part, answer: to, .. } in group {
            // The body can be filled again only if its items are held here no longer.
            drop(part);
            // If the body is no longer delivered, its events are undelivered already.
            _ = to.send(answer());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error for the log. The words of a refusal that may be a document's own could quote it.
fn without_words(error: &BatchError) -> String {
    match error {
        BatchError::BadRequest { what, error_type, .. } => format!("{what}: 400 {error_type}"),
        error => error.to_string(),
    }
}

/// Waits until no body waits for its answers.
async fn all_abandoned(group: &mut [Waiting]) {
    join_all(group.iter_mut().map(|waiting| waiting.answer.closed())).await;
}

impl Member {
    /// Sends items in the next shared request, and counts each request with them. Returns their answers.
    ///
    /// # Panics
    /// If the task of the request panicked: its items are then undelivered.
    pub(super) async fn send(&self, part: Part, requests: Arc<AtomicU64>) -> Result<Answers, Alone> {
        let (answer, answered) = oneshot::channel();
        self.bundles.join(Waiting { part, requests, answer }, self.may_wait);
        answered.await.expect("the task of a shared request panicked")
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.0.ended(|open| open.coming -= 1);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.bundles.ended(|open| open.members -= 1);
    }
}
