//! Finds the events of a request that an earlier index of their data stream or alias holds already.
//!
//! The domain finds a duplicate only in the index that takes writes now. So before each request the ids are looked up in each
//! index that took writes at or after the arrival of their records, if there is more than that one. After a
//! request without an answer, they are looked up in that one too: it may roll over before the next request.
//! A request that needs a look-up has few items: each gets its fate before the next ones are looked up, so every invocation
//! gets on. Deliberately absent: which indices these are (`rollover`).

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{BodyDelivery, GivenUp};
use crate::{
    cluster::{
        Permit,
        lookup::{DocumentKey, Held},
    },
    lambda::{Deadline, now_ms},
    request,
    rollover::View,
    work::Batch,
};
use pipeline::{bulk::ItemError, outcome::BatchError, rules::Layout};

/// The clocks of the source and of the domain may differ by so much.
const CLOCKS_DIFFER: Duration = Duration::from_mins(5);
/// The same for producers, which set the times of Kafka records.
const PRODUCERS_DIFFER: Duration = Duration::from_hours(1);
/// The items of one look-up, and of the request after it. Their ids are 30 KiB as a rule, and 3 MiB at most: 512 bytes each, of which a
/// control character takes six in JSON.
const MAX_ITEMS: usize = 1_000;

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
    /// It decides the shard, which is the only one that the domain asks.
    routing: Option<String>,
    /// `None` if the arrival is unknown.
    since_ms: Option<i64>,
}

impl BodyDelivery<'_> {
    /// Sends the items of the first batch that the domain does not hold, if they need a look-up only the first ones, and handles
    /// the answer.
    pub(super) async fn send_unless_stored(&mut self, batch: &Batch, deadline: Deadline) -> Result<(), GivenUp> {
        let sender = self.sender;
        // One permit for the look-up and the request after it: the less time between them, the less can change.
        let mut permit = sender.cluster.limit.acquire().await;
        let rest = match self.unless_stored(batch).await {
            Ok(Some(rest)) => rest,
            // The time of a look-up says nothing about the time of a request with events.
            Ok(None) => return Ok(()),
            Err(error) => return self.not_looked_up(batch, error, permit, deadline),
        };
        let payload = request::encode(sender, vec![self.bodies.part(&rest.items)]).await;
        permit.starts_now();
        self.send_alone(&rest, payload, permit, deadline).await
    }

    /// Gives the items that the domain holds their fate: duplicate. Returns the other ones, which are the first batch then, or `None`
    /// if there are none.
    async fn unless_stored(&mut self, batch: &Batch) -> Result<Option<Batch>, NotLookedUp> {
        let Some(view) = self.view_for(&batch.items).await? else { return Ok(Some(batch.clone())) };
        let Some(batch) = self.work.cut_first(MAX_ITEMS) else { return Ok(None) };
        let stored = self.look_up(&view, &batch.items).await?;
        if stored.is_empty() {
            return Ok(Some(batch));
        }
        self.backoff.reset();
        self.sender.cluster.met.other();
        self.outcome.duplicates += stored.len() as u64;
        if !batch.is_sent {
            self.never_sent += stored.len() as u64;
        }
        let items = batch.items.iter().copied().filter(|item| stored.binary_search(item).is_err()).collect();
        Ok(self.work.keep_of_first(items))
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
                drop(permit);
                self.sender.cluster.met.other();
                self.retries += 1;
                self.postpone(batch.items[0], reason);
                Ok(())
            }
        }
    }

    /// The indices of the name, if a look-up is needed.
    async fn view_for(&self, items: &[u32]) -> Result<Option<Arc<View>>, NotLookedUp> {
        // Without ids there is nothing to look up.
        let Some(name) = self.dataset.rolled_name().filter(|_| self.bodies.id_of(items[0]).is_some()) else {
            return Ok(None);
        };
        let is_retry = self.bulk_requests.load(Ordering::Relaxed) > 0;
        let view = self.sender.rollovers.view(&self.sender.cluster, name, is_retry).await?;
        let now_ms = now_ms();
        let earliest = items.iter().map(|item| self.since_ms(*item, now_ms).unwrap_or(i64::MIN)).min();
        let is_needed = view.writable_since(earliest.unwrap_or(i64::MIN)).len() > usize::from(!self.is_unanswered);
        Ok(is_needed.then_some(view))
    }

    /// The earliest time at which the domain may have stored an item: the arrival of its record. `None` if that is unknown: a time in the
    /// future is not the arrival.
    fn since_ms(&self, item: u32, now_ms: i64) -> Option<i64> {
        let margin = if self.origin.times_are_of_producers() { PRODUCERS_DIFFER } else { CLOCKS_DIFFER };
        let margin = i64::try_from(margin.as_millis()).unwrap_or(i64::MAX);
        let time = self.origin.time_ms(self.bodies.at(item).record)?;
        (time <= now_ms.saturating_add(margin)).then(|| time.saturating_sub(margin))
    }

    /// The items that an index holds, in ascending order.
    async fn look_up(&self, view: &View, items: &[u32]) -> Result<Vec<u32>, NotLookedUp> {
        let now_ms = now_ms();
        let sought = |item: u32| {
            let routing = self.dataset.router.routing().and_then(|_| self.bodies.routing_of(item));
            Some(Sought { item, id: self.bodies.id_of(item)?, routing, since_ms: self.since_ms(item, now_ms) })
        };
        let mut sought: Vec<Sought> = items.iter().filter_map(|item| sought(*item)).collect();
        let earliest = sought.iter().map(|one| one.since_ms.unwrap_or(i64::MIN)).min().unwrap_or(i64::MIN);
        let mut stored = Vec::new();
        for (index, until_ms) in view.writable_since(earliest) {
            let may_hold = |one: &Sought| one.since_ms.is_none_or(|since_ms| since_ms <= until_ms);
            let (asked, mut left): (Vec<_>, Vec<_>) = sought.into_iter().partition(may_hold);
            if asked.is_empty() {
                sought = left;
                continue;
            }
            let keys: Vec<DocumentKey<'_>> =
                asked.iter().map(|one| DocumentKey { id: &one.id, routing: one.routing.as_deref() }).collect();
            let held = self.sender.cluster.held(index, &keys).await?;
            for (one, held) in asked.into_iter().zip(held) {
                match held {
                    Held::Yes => stored.push(one.item),
                    Held::No => left.push(one),
                    // Nothing says that this event was ever stored in that index, and it must not hold up others.
                    Held::Unknown(error) if one.since_ms.is_none() && is_closed(&error) => left.push(one),
                    Held::Unknown(error) => return Err(NotLookedUp::Index(self.unreadable(index, &error))),
                }
            }
            sought = left;
        }
        stored.sort_unstable();
        Ok(stored)
    }

    /// Why an index holds events up, and what to do.
    fn unreadable(&self, index: &str, error: &ItemError) -> String {
        let name = self.dataset.rolled_name().unwrap_or_default();
        let advice = match self.dataset.layout {
            _ if !is_closed(error) => String::new(),
            // OpenSearch can't take an index out of a data stream.
            Layout::DataStream(_) => ": open it, or delete it if its events are not needed any more".to_owned(),
            _ => format!(": open it, or remove it from {name} to index the events without the look-up"),
        };
        let error_type = &error.error_type;
        format!("{index} may hold events that are delivered again, and cannot be read: {error_type}: {error}{advice}")
    }
}

fn is_closed(error: &ItemError) -> bool {
    error.error_type == "index_closed_exception"
}
