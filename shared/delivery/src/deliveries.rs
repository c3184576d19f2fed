//! The deliveries of one attempt, each in a separate task. Also handles a delivery that panics.
//!
//! In: sealed bodies with their deliveries. Out: the result of each, in the order in which they end.
//! The counts of a delivery are lost if it panics. Then every event of its body is undelivered, and the receipt reports
//! the panic. Deliberately absent: sending.

use std::{collections::HashMap, sync::Arc};

use tokio::task::{Id, JoinSet};

use super::{
    delivered::{Delivered, Failure},
    pool::{Memory, Stop},
};
use pipeline::{bulk::Body, outcome::Outcome, record::ItemPosition};

/// The counts and positions of a body before it is sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sealed {
    produced: Outcome,
    left_out: u64,
    /// Its items, and the letters of events that were rejected before sending.
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

    /// The result of a delivery that panicked: nothing is settled, even if the domain indexed a part. The next attempt
    /// finds that part as duplicates.
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

/// The deliveries that have not ended.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    tasks: JoinSet<Delivered>,
    sealed: HashMap<Id, (Sealed, Memory)>,
    /// Set if other objects wait for the bodies.
    cut: Arc<Stop>,
    /// The number of deliveries that panicked.
    pub(super) panicked: u64,
}

impl Deliveries {
    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn spawn(
        &mut self,
        sealed: Sealed,
        memory: Memory,
        delivery: impl Future<Output = Delivered> + Send + 'static,
    ) {
        let task = self.tasks.spawn(delivery);
        self.sealed.insert(task.id(), (sealed, memory));
    }

    /// Ends all deliveries soon. Items in flight then have no fate.
    pub(super) fn cut(&mut self) {
        self.cut.set();
    }

    /// The signal that is set when deliveries have to end.
    pub(super) fn is_cut(&self) -> Arc<Stop> {
        Arc::clone(&self.cut)
    }

    /// The result of the next delivery that ends, and where the memory of its body belongs. `None` if there is none.
    pub(super) async fn next(&mut self) -> Option<(Delivered, Memory)> {
        match self.tasks.join_next_with_id().await? {
            Ok((id, delivered)) => {
                let (_, memory) = self.sealed.remove(&id)?;
                Some((delivered, memory))
            }
            Err(panic) => {
                self.panicked += 1;
                let (sealed, memory) = self.sealed.remove(&panic.id())?;
                Some((sealed.lost(format!("a delivery panicked: {panic}")), memory))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        settle::{Attempted, Settlement},
        telemetry::Subject,
    };
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

    fn attempted() -> Attempted<'static> {
        let (bucket, key) = ("logs".to_owned(), "a.json".to_owned());
        Attempted {
            subject: Subject::S3 { bucket, key, etag: None, start_offset: 0, end_offset: 20 },
            dataset: "app",
            is_final: false,
            handed_on: false,
            bytes_in: 0,
            bytes_raw: 0,
            started: std::time::Instant::now(),
        }
    }

    #[tokio::test]
    async fn a_delivery_that_panics_leaves_all_of_its_body_undelivered_and_says_so() {
        let mut deliveries = Deliveries::default();
        let mut settlement = Settlement::new(ItemPosition::in_object(0));
        let body = body();
        deliveries.spawn(Sealed::of(&body), Memory::Pooled, async move {
            drop(body);
            panic!("on purpose");
        });
        while let Some((delivered, _)) = deliveries.next().await {
            settlement.add(&delivered);
        }
        settlement.panicked = deliveries.panicked;
        let receipt = settlement.receipt(attempted());
        assert_eq!(receipt.unwrap().panicked, 1);
        assert_eq!(settlement.outcome, Outcome { read: 5, dropped: 3, undelivered: 2, ..Outcome::default() });
        assert!(settlement.outcome.balances(), "{:?}", settlement.outcome);
        assert_eq!(settlement.settled_to(), 20, "the lowest event of the body comes again");
        assert!(settlement.failure.is_some_and(|failure| failure.is_permanent && failure.reason.contains("panicked")));
    }
}
