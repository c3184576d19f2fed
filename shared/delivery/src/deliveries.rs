//! The deliveries of one attempt, each in a task of its own; what becomes of a body whose delivery panics.
//!
//! In: sealed bodies with their delivery. Out: what became of each, in the order of their ends. A delivery that panics takes its
//! counts with it: every event of its body is then undelivered, and the receipt says that it panicked. Deliberately absent: sending.

use std::{collections::HashMap, sync::Arc};

use tokio::task::{Id, JoinSet};

use super::{
    pool::Stop,
    send::{Delivered, Failure},
};
use pipeline::{bulk::Body, outcome::Outcome, record::ItemPosition};

/// What is known of a body before it is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sealed {
    produced: Outcome,
    left_out: u64,
    /// Its items, and the letters of what was rejected before.
    unsettled: u64,
    first: Option<ItemPosition>,
    end: ItemPosition,
}

impl Sealed {
    pub(super) fn of(body: &Body) -> Self {
        let letters = body.letters.restarts();
        let items = (0..body.len()).take(1).map(|index| body.at(index));
        Self {
            produced: body.produced,
            left_out: body.left_out,
            unsettled: (body.len() + letters.len()) as u64,
            first: items.chain(letters.iter().copied()).min(),
            end: body.end,
        }
    }

    /// Nothing of it is settled, whatever of it the domain took: the next attempt meets that as duplicates.
    pub(super) fn lost(self, reason: String) -> Delivered {
        let undelivered = self.produced.undelivered + self.unsettled;
        Delivered {
            body: None,
            outcome: Outcome { undelivered, ..self.produced },
            left_out: self.left_out,
            undelivered: self.first.into_iter().collect(),
            end: self.end,
            bulk_requests: 0,
            retries: 0,
            failure: Some(Failure { reason, is_permanent: true }),
        }
    }
}

/// The deliveries that are not over.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    tasks: JoinSet<Delivered>,
    sealed: HashMap<Id, Sealed>,
    /// Set where others wait for their bodies.
    cut: Arc<Stop>,
    /// How many panicked.
    pub(super) panicked: u64,
}

impl Deliveries {
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn spawn(&mut self, sealed: Sealed, delivery: impl Future<Output = Delivered> + Send + 'static) {
        let task = self.tasks.spawn(delivery);
        self.sealed.insert(task.id(), sealed);
    }

    /// Ends all of them soon: what is being sent then has no fate.
    pub(super) fn cut(&mut self) {
        self.cut.set();
    }

    /// Is set when deliveries have to end.
    pub(super) fn is_cut(&self) -> Arc<Stop> {
        Arc::clone(&self.cut)
    }

    /// What became of the next one that ends; `None` where there is none.
    pub(super) async fn next(&mut self) -> Option<Delivered> {
        match self.tasks.join_next_with_id().await? {
            Ok((id, delivered)) => {
                self.sealed.remove(&id);
                Some(delivered)
            }
            Err(panic) => {
                self.panicked += 1;
                let sealed = self.sealed.remove(&panic.id())?;
                Some(sealed.lost(format!("a delivery panicked: {panic}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settle::Settlement;
    use pipeline::{
        outcome::{Rejection, Stage},
        record::Origin,
    };

    fn body() -> Body {
        let mut body = Body::new(1_000);
        let rejection = |offset| Rejection {
            at: ItemPosition::in_object(offset),
            restart: None,
            stage: Stage::Decode,
            error_type: "invalid_json".into(),
            reason: "no".into(),
        };
        let origin = Origin::s3("logs", "a.json", "e");
        body.reject(&origin, "app", &rejection(40), b"{", 1).unwrap();
        body.reject(&origin, "app", &rejection(20), b"{", 1).unwrap();
        body.produced = Outcome { read: 5, dropped: 3, ..Outcome::default() };
        body.end = ItemPosition::in_object(90);
        body
    }

    #[tokio::test]
    async fn a_delivery_that_panics_leaves_all_of_its_body_undelivered_and_says_so() {
        let mut deliveries = Deliveries::default();
        let mut settlement = Settlement::new(ItemPosition::in_object(0));
        let body = body();
        deliveries.spawn(Sealed::of(&body), async move {
            drop(body);
            panic!("on purpose");
        });
        while let Some(delivered) = deliveries.next().await {
            settlement.add(&delivered);
        }
        assert_eq!(deliveries.panicked, 1);
        assert_eq!(settlement.outcome, Outcome { read: 5, dropped: 3, undelivered: 2, ..Outcome::default() });
        assert!(settlement.outcome.balances(), "{:?}", settlement.outcome);
        assert_eq!(settlement.settled_to(), 20, "the lowest event of the body comes again");
        assert!(settlement.failure.is_some_and(|failure| failure.is_permanent && failure.reason.contains("panicked")));
    }
}
