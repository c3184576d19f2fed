//! Finds the events of a request that an earlier index of their data stream or alias holds already.
//!
//! The domain finds a duplicate only in the index that takes writes now. So before each request the ids are looked up in each
//! index that took writes at or after the arrival of their records, if there is more than that one. After a
//! request without an answer, they are looked up in that one too: it may roll over before the next request.
//! Deliberately absent: which indices these are (`rollover`).

use std::{sync::atomic::Ordering, time::Duration};

use super::{BodyDelivery, GivenUp};
use crate::{
    cluster::{Payload, Permit, lookup::Held},
    lambda::{Deadline, now_ms},
    request,
    rollover::View,
    work::Batch,
};
use pipeline::{bulk::ItemError, outcome::BatchError};

/// The clocks of the source and of the domain may differ by so much.
const CLOCKS_DIFFER: Duration = Duration::from_mins(5);
/// The same for producers, which set the times of Kafka records.
const PRODUCERS_DIFFER: Duration = Duration::from_hours(1);
/// The ids of one request: at most half a MiB.
const MAX_IDS: usize = 1_000;

/// Why ids were not looked up.
pub(super) enum NotLookedUp {
    /// A request failed.
    Request(BatchError),
    /// An index cannot be read.
    Index(String),
}

impl From<BatchError> for NotLookedUp {
    fn from(error: BatchError) -> Self {
        Self::Request(error)
    }
}

/// An item with an id, and the earliest time at which the domain may have stored it.
struct Sought {
    item: u32,
    id: String,
    /// `None` if the arrival is unknown.
    since_ms: Option<i64>,
}

impl BodyDelivery<'_> {
    /// Gives the items that the domain holds their fate: duplicate. Returns the other ones with their payload, or `None` if there are
    /// none.
    pub(super) async fn unless_stored(
        &mut self,
        batch: Batch,
        payload: Payload,
    ) -> Result<Option<(Batch, Payload)>, NotLookedUp> {
        let stored = self.stored(&batch.items).await?;
        if stored.is_empty() {
            return Ok(Some((batch, payload)));
        }
        drop(payload);
        self.outcome.duplicates += stored.len() as u64;
        if self.bulk_requests.load(Ordering::Relaxed) == 0 {
            self.never_sent += stored.len() as u64;
        }
        let items = batch.items.iter().copied().filter(|item| stored.binary_search(item).is_err()).collect();
        let Some(rest) = self.work.keep_of_first(items) else { return Ok(None) };
        let payload = request::encode(self.sender, vec![self.bodies.part(&rest.items)]).await;
        Ok(Some((rest, payload)))
    }

    /// Handles a look-up that failed. Nothing is sent without it.
    pub(super) fn not_looked_up(
        &mut self,
        batch: &Batch,
        error: NotLookedUp,
        permit: Permit<'_>,
        deadline: Deadline,
    ) -> Result<(), GivenUp> {
        match error {
            NotLookedUp::Request(error) => self.failed(batch, error, permit, deadline),
            NotLookedUp::Index(reason) => {
                permit.taken();
                self.retries += 1;
                self.postpone(batch.items[0], reason);
                Ok(())
            }
        }
    }

    /// The items that an index holds, in ascending order.
    async fn stored(&self, items: &[u32]) -> Result<Vec<u32>, NotLookedUp> {
        // Without ids there is nothing to look up.
        let Some(name) = self.dataset.rolled_name().filter(|_| self.bodies.id_of(items[0]).is_some()) else {
            return Ok(Vec::new());
        };
        let is_retry = self.bulk_requests.load(Ordering::Relaxed) > 0;
        let view = self.sender.rollovers.view(&self.sender.cluster, name, is_retry).await?;
        let now_ms = now_ms();
        let since: Vec<_> = items.iter().map(|item| self.since_ms(*item, now_ms)).collect();
        let earliest = since.iter().map(|since| since.unwrap_or(i64::MIN)).min().unwrap_or(i64::MIN);
        if view.writable_since(earliest).len() <= usize::from(!self.is_unanswered) {
            return Ok(Vec::new());
        }
        let sought = items.iter().zip(since);
        let sought =
            sought.filter_map(|(&item, since_ms)| Some(Sought { item, id: self.bodies.id_of(item)?, since_ms }));
        self.look_up(name, &view, earliest, sought.collect()).await
    }

    /// The earliest time at which the domain may have stored an item: the arrival of its record. `None` if that is unknown: a time in the
    /// future is not the arrival.
    fn since_ms(&self, item: u32, now_ms: i64) -> Option<i64> {
        let margin = if self.origin.times_are_of_producers() { PRODUCERS_DIFFER } else { CLOCKS_DIFFER };
        let margin = i64::try_from(margin.as_millis()).unwrap_or(i64::MAX);
        let time = self.origin.time_ms(self.bodies.at(item).record)?;
        (time <= now_ms.saturating_add(margin)).then(|| time.saturating_sub(margin))
    }

    async fn look_up(
        &self,
        name: &str,
        view: &View,
        earliest: i64,
        mut sought: Vec<Sought>,
    ) -> Result<Vec<u32>, NotLookedUp> {
        let mut stored = Vec::new();
        for (index, until_ms) in view.writable_since(earliest) {
            let may_hold = |one: &Sought| one.since_ms.is_none_or(|since_ms| since_ms <= until_ms);
            let (asked, mut left): (Vec<_>, Vec<_>) = sought.into_iter().partition(may_hold);
            let mut asked = asked.into_iter().peekable();
            while asked.peek().is_some() {
                let part: Vec<Sought> = asked.by_ref().take(MAX_IDS).collect();
                let ids: Vec<String> = part.iter().map(|one| one.id.clone()).collect();
                for (one, held) in part.into_iter().zip(self.sender.cluster.held(index, &ids).await?) {
                    match held {
                        Held::Yes => stored.push(one.item),
                        Held::No => left.push(one),
                        // Nothing says that this event was ever stored in that index, and it must not hold up others.
                        Held::Unknown(error) if one.since_ms.is_none() && is_closed(&error) => left.push(one),
                        Held::Unknown(error) => return Err(NotLookedUp::Index(unreadable(index, name, &error))),
                    }
                }
            }
            sought = left;
        }
        stored.sort_unstable();
        Ok(stored)
    }
}

fn is_closed(error: &ItemError) -> bool {
    error.error_type == "index_closed_exception"
}

/// Why an index holds events up, and what to do.
fn unreadable(index: &str, name: &str, error: &ItemError) -> String {
    let advice = if is_closed(error) {
        format!(": open it, or remove it from {name} to index the events without the look-up")
    } else {
        String::new()
    };
    let error_type = &error.error_type;
    format!("{index} may hold events that are delivered again, and cannot be read: {error_type}: {error}{advice}")
}
