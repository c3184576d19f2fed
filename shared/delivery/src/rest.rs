//! Decides what an attempt leaves of an object: nothing, a rest for the queue, or a failed message.
//!
//! It is pure: `object` acts on the decision.
//! An object that passed the point from which it began is continued. If it did not pass it, and the domain refused
//! nothing, it had too little time: it is continued in an invocation that reads nothing else. If it had a whole
//! invocation and inflating took the time, no other attempt would get further: the rest is one rejection.

use super::{produce::End, settle::Settlement};
use crate::source::s3::continuation::MAX_HOPS;

/// The number of attempts at an object that may be shares of an invocation. A share lasts seconds if many objects wait.
/// Later attempts have a whole invocation each, since [`MAX_HOPS`] shares would be used up in an hour.
const MAX_SHARES: u32 = MAX_HOPS / 10;

/// The part of an object that an attempt leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rest {
    /// Every event has its fate.
    Nothing,
    /// The rest goes to the queue, for another invocation.
    Onward {
        /// Whether that invocation reads nothing else.
        alone: bool,
    },
    /// The whole object is left: there was no time to begin.
    NotBegun,
    /// The rest can never be reached.
    NoProgress,
    /// The message fails and is redelivered.
    Fails(String),
}

/// One attempt.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Attempt<'a> {
    pub(super) settlement: &'a Settlement,
    /// How reading ended. `None` if the producer panicked.
    pub(super) end: Option<&'a End>,
    /// The offset at which it began.
    pub(super) start_offset: u64,
    /// The number of the next continuation.
    pub(super) hops: u32,
    /// Whether it was to be read alone.
    pub(super) is_alone: bool,
    /// Whether no other object shared the invocation.
    pub(super) is_whole: bool,
    /// Whether any byte was read.
    pub(super) has_begun: bool,
    /// Whether inflating took the time, not waiting for S3.
    pub(super) inflated_only: bool,
    /// Whether there is a queue for the rest.
    pub(super) may_hand_on: bool,
}

impl Attempt<'_> {
    pub(super) fn rest(&self) -> Rest {
        let Settlement { failure, outcome, .. } = self.settlement;
        match (failure, self.end) {
            (Some(failure), _) if failure.is_permanent => return Rest::Fails(failure.reason.clone()),
            (None, Some(End::Whole)) => return Rest::Nothing,
            _ => {}
        }
        if self.settlement.got_on(self.start_offset) {
            return self.onward(self.is_alone);
        }
        match (failure, self.end) {
            (Some(failure), _) => Rest::Fails(failure.reason.clone()),
            (None, Some(End::Failed(reason))) => Rest::Fails(reason.clone()),
            // Undelivered events without a failure never happen. If they do, they must not be skipped.
            _ if outcome.undelivered > 0 => Rest::Fails("events are undelivered".to_owned()),
            _ if self.is_whole && self.inflated_only && outcome.read == 0 => Rest::NoProgress,
            _ if self.is_whole || !self.may_hand_on => {
                Rest::Fails("the deadline came before the next event of the object".to_owned())
            }
            _ if !self.has_begun => Rest::NotBegun,
            _ => self.onward(true),
        }
    }

    fn onward(&self, alone: bool) -> Rest {
        if self.hops > MAX_HOPS {
            return Rest::Fails(format!("not finished after {MAX_HOPS} continuations, which is the maximum"));
        }
        Rest::Onward { alone: alone || self.hops > MAX_SHARES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivered::{Delivered, Failure};
    use pipeline::{outcome::Outcome, record::ItemPosition};

    const START: u64 = 100;

    fn settled(end: u64, undelivered: &[u64], failure: Option<bool>) -> Settlement {
        let mut settlement = Settlement::new(ItemPosition::in_object(START));
        let lost = undelivered.len() as u64;
        let indexed = u64::from(end > START);
        settlement.add(&Delivered {
            body: None,
            outcome: Outcome { read: indexed + lost, indexed, undelivered: lost, ..Outcome::default() },
            left_out: 0,
            undelivered: undelivered.iter().copied().map(ItemPosition::in_object).collect(),
            end: ItemPosition::in_object(end),
            bulk_requests: 1,
            retries: 0,
            failure: failure.map(|is_permanent| Failure { reason: "refused".into(), is_permanent }),
        });
        settlement
    }

    fn attempt<'a>(settlement: &'a Settlement, end: &'a End) -> Attempt<'a> {
        Attempt {
            settlement,
            end: Some(end),
            start_offset: START,
            hops: 4,
            is_alone: false,
            is_whole: false,
            has_begun: true,
            inflated_only: true,
            may_hand_on: true,
        }
    }

    #[test]
    fn an_object_resumes_only_after_the_point_where_it_began() {
        let stopped = End::Stopped;
        let got_on = settled(300, &[200], Some(false));
        assert_eq!(attempt(&got_on, &stopped).rest(), Rest::Onward { alone: false });
        let alone = Attempt { is_alone: true, ..attempt(&got_on, &stopped) };
        assert_eq!(alone.rest(), Rest::Onward { alone: true }, "once too slow for a share, too slow for the next one");
        let last = Attempt { hops: MAX_HOPS + 1, ..attempt(&got_on, &stopped) };
        assert!(matches!(last.rest(), Rest::Fails(_)));
        for (hops, alone) in [(MAX_SHARES, false), (MAX_SHARES + 1, true), (MAX_HOPS, true)] {
            let long = Attempt { hops, ..attempt(&got_on, &stopped) };
            assert_eq!(long.rest(), Rest::Onward { alone }, "{hops}: most of a long chain are whole invocations");
        }
        let all = settled(300, &[], None);
        assert_eq!(attempt(&all, &End::Whole).rest(), Rest::Nothing);
    }

    #[test]
    fn an_object_without_progress_is_read_alone_and_one_that_was_not_begun_is_sent_again() {
        let (nothing, stopped) = (settled(START, &[], None), End::Stopped);
        let attempt = attempt(&nothing, &stopped);
        assert_eq!(attempt.rest(), Rest::Onward { alone: true });
        assert_eq!(Attempt { has_begun: false, ..attempt }.rest(), Rest::NotBegun);
        assert!(matches!(Attempt { may_hand_on: false, ..attempt }.rest(), Rest::Fails(_)));
    }

    #[test]
    fn the_rest_is_rejected_only_where_inflating_alone_filled_a_whole_invocation() {
        let (nothing, stopped) = (settled(START, &[], None), End::Stopped);
        let whole = Attempt { is_whole: true, ..attempt(&nothing, &stopped) };
        assert_eq!(whole.rest(), Rest::NoProgress);
        for (name, other) in [
            ("S3 was slow", Attempt { inflated_only: false, ..whole }),
            ("S3 failed", Attempt { end: Some(&End::Failed("503".into())), ..whole }),
        ] {
            assert!(matches!(other.rest(), Rest::Fails(_)), "{name}");
        }
        // An event that was read and has no fate was reached.
        let mut reached = settled(START, &[], None);
        reached.outcome.read = 1;
        reached.outcome.dropped = 1;
        assert!(matches!(Attempt { settlement: &reached, ..whole }.rest(), Rest::Fails(_)));
    }

    #[test]
    fn a_domain_that_refuses_never_makes_a_rejection() {
        for end in [End::Stopped, End::Whole, End::Failed("503".into())] {
            for (is_whole, is_permanent) in [(true, true), (true, false), (false, true), (false, false)] {
                for undelivered in [&[START][..], &[]] {
                    let refused = settled(START, undelivered, Some(is_permanent));
                    let attempt = Attempt { is_whole, ..attempt(&refused, &end) };
                    assert_eq!(attempt.rest(), Rest::Fails("refused".into()), "{end:?} {is_whole} {is_permanent}");
                }
            }
        }
    }
}
