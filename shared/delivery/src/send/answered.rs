//! Handles the answers to the items of a request.
//!
//! Deliberately absent: the meaning of one answer (`bulk::verdict`), and how many refusals reject an item
//! (`bulk::refusals`).

use std::time::Instant;

use super::{BodyDelivery, LETTERS_BYTES, kept::Refused, pause_before};
use crate::{bundles::words_differ, cluster::Permit, delivered::Failure, lambda::Deadline};
use pipeline::{
    bulk::{Attribution, ItemResult, ItemVerdict, Refusals, Ruling},
    outcome::{Rejection, Stage},
};

/// The items of a request that are sent again.
#[derive(Default)]
struct Unsettled {
    /// Batches to send again, one request each: at once, or after a pause if no item of the request got a fate.
    again: Vec<Vec<u32>>,
    /// The items that a second try decides.
    second_tries: Vec<u32>,
    /// When the second try starts.
    second_try: Option<Instant>,
}

impl Unsettled {
    fn count(&self) -> usize {
        self.second_tries.len() + self.again.iter().map(Vec::len).sum::<usize>()
    }
}

impl BodyDelivery<'_> {
    /// Gives each item of an answered request its fate, or returns it to the work to be sent again.
    /// Without a permit, the request was shared, and its permit knows the outcome.
    pub(super) async fn answered(
        &mut self,
        items: &[u32],
        results: &[ItemResult],
        attribution: Attribution,
        permit: Option<Permit<'_>>,
        deadline: Deadline,
    ) {
        let now = Instant::now();
        self.work.answered();
        if results.iter().any(|result| matches!(result.status, 200 | 400 | 500)) {
            self.sender.cluster.ask_for_details();
        }
        self.note_accepted(items, results, now);
        let left = match attribution {
            Attribution::Known => self.settle_all(items, results, true, now),
            Attribution::Alike => self.settle_all(items, results, !words_differ(results), now),
            Attribution::Unknown { has_ids } => self.settle_accepted(items, results, has_ids, now),
        };
        let got_on = left.count() < items.len();
        if got_on {
            self.backoff.reset();
        }
        let mut not_before = now;
        let is_overload = results.iter().any(ItemResult::is_overload);
        if !is_overload && !got_on && left.count() > left.second_tries.len() {
            not_before += self.backoff.next_pause(None);
        }
        match permit {
            Some(permit) if is_overload => {
                permit.overloaded(pause_before(deadline, self.backoff.next_pause(None)));
            }
            Some(permit) => permit.taken(),
            None => {}
        }
        for batch in left.again {
            self.send_again(batch, not_before);
        }
        self.send_again(left.second_tries, left.second_try.unwrap_or(now));
        if self.letters.len() >= LETTERS_BYTES {
            self.write_dead_letters(deadline.stop_sending).await;
        }
    }

    fn send_again(&mut self, items: Vec<u32>, not_before: Instant) {
        self.retries += u64::from(!items.is_empty());
        self.work.push(items, not_before);
    }

    fn settle_all(&mut self, items: &[u32], results: &[ItemResult], words_are_own: bool, now: Instant) -> Unsettled {
        let (mut again, mut left) = (Vec::new(), Unsettled::default());
        for (index, result) in items.iter().zip(results) {
            let Some(Ruling::SendAgain(not_before)) = self.settle(*index, result, words_are_own, now) else { continue };
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

    /// The items that were not accepted can't be matched to their answers. All of them are sent again: with ids in the
    /// answers, or, if ids do not help, in two requests.
    fn settle_accepted(&mut self, items: &[u32], results: &[ItemResult], has_ids: bool, now: Instant) -> Unsettled {
        let mut refused = Vec::new();
        for (index, result) in items.iter().zip(results) {
            if result.is_accepted() {
                self.settle(*index, result, true, now);
            } else {
                if refused.is_empty() {
                    self.refused(*index, result);
                }
                self.refusals(*index).unattributed(now);
                refused.push(*index);
            }
        }
        let second_half = if has_ids { refused.split_off(refused.len() / 2) } else { Vec::new() };
        Unsettled { again: vec![second_half, refused], ..Unsettled::default() }
    }

    /// Records that the domain takes items for these indices. One item at each end of a request is enough, unless an
    /// item failed with 500: then all accepted items are recorded.
    fn note_accepted(&self, items: &[u32], results: &[ItemResult], now: Instant) {
        let note = |index: u32| self.sender.cluster.taken().item(self.bodies.index_of(index), now);
        let mut accepted =
            items.iter().zip(results).filter(|(_, result)| result.is_accepted()).map(|(index, _)| *index);
        if results.iter().any(|result| result.status == 500) {
            return accepted.for_each(note);
        }
        let ends = [accepted.next(), accepted.next_back()];
        ends.into_iter().flatten().for_each(note);
    }

    /// Gives an item its fate, or returns when to send it again. Without `words_are_own`, the words of the answer may be about
    /// another item.
    pub(super) fn settle(
        &mut self,
        index: u32,
        result: &ItemResult,
        words_are_own: bool,
        now: Instant,
    ) -> Option<Ruling> {
        let ruling = match result.verdict() {
            ItemVerdict::Indexed => {
                self.outcome.indexed += 1;
                self.outcome.repaired += u64::from(self.kept.take(index).is_some());
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
                let accepted = self.sender.cluster.taken().last_of_index(self.bodies.index_of(index));
                self.refusals(index).server_error(result.error_type(), now, accepted)
            }
        };
        if ruling == Ruling::Rejected {
            let refused = refused(result, words_are_own);
            // Only a 400 is about the document alone.
            let is_about_document = result.status == 400;
            let rejected =
                if is_about_document { self.keep(index, result.error.as_deref(), refused) } else { Err(refused) };
            if let Err(Refused { error_type, reason, .. }) = rejected {
                self.reject(index, error_type, reason);
            }
        }
        Some(ruling)
    }

    /// The refusals of an item, including those of an earlier invocation.
    pub(super) fn refusals(&mut self, index: u32) -> &mut Refusals {
        if !self.refusals.contains_key(&index) && !self.sender.suspects.is_empty() {
            let recalled = self.sender.suspects.recall(&self.suspect(index));
            self.refusals.insert(index, recalled);
        }
        self.refusals.entry(index).or_default()
    }

    /// Logs why an item is sent again. A reason that may be the document's own can quote the value of a field, so only its
    /// type is logged; the dead letter has the whole reason.
    pub(super) fn refused(&mut self, index: u32, result: &ItemResult) {
        let (status, verdict) = (result.status, result.verdict());
        let reason = result.error.as_ref().map_or_else(String::new, |error| match verdict {
            ItemVerdict::BadRequest | ItemVerdict::ServerError => error.error_type.clone(),
            _ => format!("{}: {error}", error.error_type),
        });
        self.failure = Some(Failure { reason: format!("{status} {reason}"), is_permanent: false });
        let position = self.position(index);
        if verdict == ItemVerdict::BadRequest {
            tracing::warn!(%position, status, reason, "the domain refuses an item: a second attempt decides");
        } else {
            tracing::warn!(%position, status, reason, "the domain cannot take an item in its present state: retrying");
        }
    }

    /// Adds the letter of an item. If it is another form of a document, the letter has the document as it came.
    pub(super) fn reject(&mut self, index: u32, error_type: String, reason: String) {
        let (index, error_type, reason) = match self.kept.take(index) {
            Some((index, refused)) => (index, refused.error_type.clone(), refused.reason.clone()),
            None => (index, error_type, reason),
        };
        let body = self.bodies.first();
        let (at, original) = (body.at(index as usize), body.original(index as usize));
        let rejection = Rejection { at, restart: None, stage: Stage::Domain, error_type, reason };
        self.letters.push(&self.origin, &self.dataset.name, &rejection, original, original.len() as u64);
    }
}

/// Why a document is refused, for its letter.
fn refused(result: &ItemResult, is_own: bool) -> Refused {
    let (error_type, reason) = match &result.error {
        Some(error) if !error.error_type.is_empty() => (error.error_type.clone(), error.to_string()),
        Some(error) => (result.status.to_string(), error.to_string()),
        None => (result.status.to_string(), String::new()),
    };
    Refused { error_type, reason, is_own }
}
