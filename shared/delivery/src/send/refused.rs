//! Handles a request that the domain refuses as a whole, for its size (413) or for one item of it (400).

use std::{sync::atomic::Ordering, time::Instant};

use super::{BodyDelivery, GivenUp};
use crate::{cluster::Payload, delivered::Failure, request::REQUEST_TIMEOUT};
use pipeline::bulk::{ItemError, ItemResult, Ruling, response};

impl BodyDelivery<'_> {
    /// Halves the batch after a 413. A single item is rejected only if the item itself is too large. A domain that
    /// takes no request at all, or no longer takes any, answers 413 to a small item too.
    pub(super) fn too_large(&mut self, items: &[u32], what: &str) {
        self.retries += 1;
        let first = *self.first_too_large.get_or_insert_with(Instant::now);
        if let [index] = items {
            let bytes = self.bodies.item(*index).len();
            if self.sender.cluster.taken().is_too_large(bytes, first) {
                self.work.answered();
                let reason = format!("the event has {bytes} bytes, more than the domain takes in one request");
                return self.reject(*index, "request_entity_too_large".into(), reason);
            }
        } else if self.work.halve_first(fastrand::bool()) {
            return;
        }
        let reason = format!("{what}: 413 for a request of {} items, and no larger one is taken", items.len());
        self.postpone(items[0], reason);
    }

    /// Halves the batch after a 400 of the whole request. A single item is judged as if the 400 were its own, if the
    /// domain takes other requests. If it takes none, the requests are at fault, and no event is rejected for that.
    pub(super) async fn bad_request(&mut self, items: &[u32], what: &str, error: ItemError) -> Result<(), GivenUp> {
        self.retries += 1;
        let first = *self.first_bad_request.get_or_insert_with(Instant::now);
        let is_domain_state = error.is_domain_state();
        let error_type = error.error_type.clone();
        let message = format!("{what}: 400 {error_type}: {error}");
        if let [index] = *items {
            if is_domain_state {
                self.postpone(index, message);
                return Ok(());
            }
            return self.bad_item(index, first, error, message).await;
        }
        if self.work.halve_first(fastrand::bool()) {
            // The words of a refusal that may be a document's own could quote it.
            let reason = if is_domain_state { message.as_str() } else { error_type.as_str() };
            tracing::warn!(position = %self.position(items[0]), reason, items = items.len(), "the domain refuses a request: halving it");
            return Ok(());
        }
        if is_domain_state {
            self.postpone(items[0], message);
            return Ok(());
        }
        self.give_up(message)
    }

    /// Judges an item for which alone a request is refused with 400. `first` is when the domain first refused one.
    async fn bad_item(&mut self, index: u32, first: Instant, error: ItemError, message: String) -> Result<(), GivenUp> {
        let now = Instant::now();
        let result = ItemResult { status: 400, id: None, result: None, error: Some(error.into()) };
        let refusals = self.refusals(index);
        let first = first.min(refusals.first_bad_request().unwrap_or(first));
        let mut judged = refusals.clone();
        match judged.bad_request(now) {
            Ruling::SendAgain(not_before) => {
                *refusals = judged;
                self.refused(index, &result);
                self.work.postpone_first(not_before);
                Ok(())
            }
            Ruling::Rejected if self.sender.cluster.taken().has_taken_since(first) => {
                self.work.answered();
                self.settle(index, &result, true, now);
                Ok(())
            }
            // Nothing else was sent since. If the domain takes another request now, the item is sent a third time.
            Ruling::Rejected if self.takes_another_request(index).await => {
                self.refused(index, &result);
                self.work.postpone_first(Instant::now());
                Ok(())
            }
            Ruling::Rejected => self.give_up(message),
        }
    }

    /// Asks the domain to store a document that no engine stores. An answer with an error of that item shows that it
    /// takes requests.
    async fn takes_another_request(&mut self, index: u32) -> bool {
        let cluster = &self.sender.cluster;
        let payload = Payload::impossible(self.bodies.index_of(index), cluster.forms.next());
        let permit = cluster.limit.acquire().await;
        let sent = Instant::now();
        self.bulk_requests.fetch_add(1, Ordering::Relaxed);
        let answer = cluster.bulk(&payload, REQUEST_TIMEOUT).await;
        permit.taken();
        let takes = matches!(answer, Ok(answer) if response::read(&answer, 1).is_ok());
        if takes {
            cluster.taken().request(payload.plain_bytes, sent, Instant::now());
        }
        takes
    }

    /// Sends the first batch again after a pause.
    pub(super) fn postpone(&mut self, index: u32, reason: String) {
        let pause = self.backoff.next_pause(None);
        tracing::warn!(position = %self.position(index), reason, ?pause, "sending again");
        self.failure = Some(Failure { reason, is_permanent: false });
        self.work.postpone_first(Instant::now() + pause);
    }
}
