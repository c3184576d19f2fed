//! Counts the refusals of an item, and decides when the document itself is at fault.
//!
//! In: the refusals of one item, with their times. Out: whether the item is sent again. Deliberately absent: a clock; the caller
//! passes the time.

use std::time::{Duration, Instant};

/// Minimum delay before the second try after a 400. Within that time a mapping that another node just changed reaches all nodes.
pub const SECOND_TRY_AFTER: Duration = Duration::from_secs(1);
/// This many 500 answers with the same type are enough, ...
const SERVER_ERRORS: u32 = 3;
/// ... if they span at least this time: longer than a shard takes to move.
const SERVER_ERRORS_OVER: Duration = Duration::from_secs(30);

/// The decision about a refused item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// Send it again, but not before this time.
    SendAgain(Instant),
    /// The document itself is at fault.
    Rejected,
}

/// The refusals of one item that may be caused by the item itself.
#[derive(Debug, Clone, Default)]
pub struct Refusals {
    /// The time of a refusal together with other items, where it is unknown which answer belonged to this item.
    unattributed: Option<Instant>,
    bad_request: Option<Instant>,
    server_errors: Option<ServerErrors>,
}

#[derive(Debug, Clone)]
struct ServerErrors {
    error_type: String,
    first: Instant,
    /// Items that were accepted after this time were accepted while this item was refused.
    beside: Instant,
    count: u32,
}

impl Refusals {
    /// An answer that may belong to another item. Items accepted with it were accepted while this item was not.
    pub fn unattributed(&mut self, now: Instant) {
        self.unattributed.get_or_insert(now);
    }

    /// A 400 that is not in the table. The second one is enough, even if the two texts differ.
    pub fn bad_request(&mut self, now: Instant) -> Ruling {
        let second_try = *self.bad_request.get_or_insert(now) + SECOND_TRY_AFTER;
        if now >= second_try { Ruling::Rejected } else { Ruling::SendAgain(second_try) }
    }

    /// Whether a refusal counts against the item. An unassigned shard, for example, does not count.
    pub fn is_suspicion(&self) -> bool {
        self.unattributed.is_some() || self.bad_request.is_some() || self.server_errors.is_some()
    }

    /// When the first 400 came.
    pub fn first_bad_request(&self) -> Option<Instant> {
        self.bad_request
    }

    /// A 500 of this type. `accepted` is the last time when another item for the same index was accepted. Without it, the index
    /// itself may be failing.
    pub fn server_error(&mut self, error_type: &str, now: Instant, accepted: Option<Instant>) -> Ruling {
        let errors = match &mut self.server_errors {
            Some(errors) if errors.error_type == error_type => errors,
            other => {
                let beside = self.unattributed.take().unwrap_or(now);
                other.insert(ServerErrors { error_type: error_type.to_owned(), first: now, beside, count: 0 })
            }
        };
        errors.count += 1;
        let is_lasting = errors.count >= SERVER_ERRORS && now.duration_since(errors.first) >= SERVER_ERRORS_OVER;
        let is_alone = accepted.is_some_and(|at| at >= errors.beside);
        if is_lasting && is_alone { Ruling::Rejected } else { Ruling::SendAgain(now) }
    }

    /// The item met another state of the domain. If that state was a failing shard, the earlier 500 answers prove nothing.
    pub fn domain_state(&mut self, status: u16) {
        if status >= 500 {
            self.server_errors = None;
            self.unattributed = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_second_400_is_a_rejection_once_a_second_has_passed() {
        let (start, mut refusals) = (Instant::now(), Refusals::default());
        assert_eq!(refusals.bad_request(start), Ruling::SendAgain(start + SECOND));
        assert_eq!(refusals.bad_request(start + SECOND / 2), Ruling::SendAgain(start + SECOND), "too early to count");
        assert_eq!(refusals.bad_request(start + SECOND), Ruling::Rejected);
    }

    #[test]
    fn a_500_is_a_rejection_only_if_it_lasts_while_the_index_accepts_others() {
        let start = Instant::now();
        let after = |seconds: u32| start + SECOND * seconds;
        let judge = |answers: &[(&str, u32)], accepted: Option<u32>| {
            let mut refusals = Refusals::default();
            let rulings = answers.iter().map(|(name, at)| refusals.server_error(name, after(*at), accepted.map(after)));
            rulings.last() == Some(Ruling::Rejected)
        };
        assert!(judge(&[("a", 0), ("a", 10), ("a", 30)], Some(0)), "others were accepted in the first answer");
        assert!(!judge(&[("a", 1), ("a", 10), ("a", 31)], Some(0)), "they were accepted before it began");
        assert!(!judge(&[("a", 0), ("a", 10), ("a", 30)], None), "the whole index fails");
        assert!(!judge(&[("a", 0), ("a", 10), ("a", 29)], Some(5)), "too short");
        assert!(!judge(&[("a", 0), ("a", 60)], Some(5)), "too few");
        assert!(!judge(&[("a", 0), ("b", 10), ("a", 30), ("a", 40)], Some(20)), "not of the same type");
    }

    #[test]
    fn others_that_were_accepted_in_an_answer_out_of_order_were_accepted_beside_it() {
        let (start, mut refusals) = (Instant::now(), Refusals::default());
        refusals.unattributed(start);
        let rulings = [1, 2, 31].map(|at| refusals.server_error("a", start + SECOND * at, Some(start)));
        assert_eq!(rulings[2], Ruling::Rejected);
    }

    #[test]
    fn an_unassigned_shard_in_between_restarts_the_count() {
        let (start, mut refusals) = (Instant::now(), Refusals::default());
        for seconds in [0, 10] {
            let _ = refusals.server_error("a", start + SECOND * seconds, Some(start));
        }
        refusals.domain_state(429);
        assert!(refusals.is_suspicion());
        refusals.domain_state(503);
        assert!(!refusals.is_suspicion());
        let later = start + SECOND * 60;
        assert_eq!(refusals.server_error("a", later, Some(later)), Ruling::SendAgain(later));
    }

    proptest! {
        #[test]
        fn the_second_400_ends_it_whatever_came_in_between(
            others in proptest::collection::vec((0u8..2, 0u64..5_000), 0..20),
            pause in 1_000u64..100_000,
        ) {
            let (start, mut refusals) = (Instant::now(), Refusals::default());
            prop_assert!(matches!(refusals.bad_request(start), Ruling::SendAgain(_)));
            for (kind, at) in others {
                let at = start + Duration::from_millis(at);
                if kind == 0 { refusals.domain_state(503) } else { _ = refusals.server_error("a", at, None) }
            }
            prop_assert_eq!(refusals.bad_request(start + Duration::from_millis(pause)), Ruling::Rejected);
        }
    }
}
