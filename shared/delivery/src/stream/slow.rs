//! A record that cannot be read to its end within an invocation. It would hold up its shard for ever, so its rest becomes
//! a dead letter.
//!
//! In: how an attempt at a batch ended. Out: the letters of the rest, each with the whole record (or user record), so that
//! a replay can bring it. What comes before the rest is settled. A domain that refuses anything makes no such letter.

use std::time::{Duration, Instant};

use crate::{
    delivered::Failure,
    delivery::Delivery,
    lambda::Deadline,
    produce::{End, rejection},
    settle::Settlement,
    source::batch::{Data, Record, Records},
};
use pipeline::{
    dead_letter::Letters,
    frame::kpl,
    outcome::{BatchError, Stage},
    record::{ItemPosition, Origin},
};

/// The `error_type` of such a rest.
const TOO_SLOW: &str = "record_too_slow";

/// What the producer of a batch leaves.
pub(super) struct Produced {
    pub(super) end: End,
    pub(super) records: Records,
    pub(super) pace: Pace,
    pub(super) bytes_raw: u64,
}

/// The time that reading took for the last record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    pub(super) began: Instant,
    /// The longest wait for an empty body. A long one means that the domain did not answer.
    pub(super) longest_wait: Duration,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), longest_wait: Duration::ZERO }
    }
}

impl Produced {
    /// The record that cannot be read within an invocation, if that is why this one ended: it had the time nearly to
    /// itself, the domain refused nothing of it, and it did not reach its end.
    fn too_slow(&self, settlement: &Settlement, deadline: Deadline) -> Option<u32> {
        let is_stopped = matches!(self.end, End::Stopped) && deadline.reading_is_over();
        let is_refused = settlement.failure.is_some() || settlement.outcome.undelivered > 0 || settlement.retries > 0;
        let is_too_slow = is_stopped && !is_refused && had_the_time(self.pace, deadline);
        is_too_slow.then_some(settlement.end.record)
    }
}

/// Whether a record had at least three quarters of the time to read, and the domain let it wait for at most a quarter at a
/// time. Another invocation gives it hardly more.
fn had_the_time(pace: Pace, deadline: Deadline) -> bool {
    let since_the_start = |at: Instant| at.saturating_duration_since(deadline.began);
    let reading = since_the_start(deadline.stop_reading);
    since_the_start(pace.began) * 4 <= reading && pace.longest_wait * 4 <= reading
}

/// Writes the rest of a record that is too slow to the dead letters. Returns the record if it is settled by that.
pub(super) async fn settle(
    delivery: &Delivery,
    dataset: &str,
    origin: &Origin,
    produced: &Produced,
    settlement: &mut Settlement,
    deadline: Deadline,
) -> Option<u32> {
    let ordinal = produced.too_slow(settlement, deadline)?;
    let record = produced.records.iter().nth(ordinal as usize)?;
    let letters = rest(&record, settlement.end, origin, dataset, deadline)?;
    let written = write(delivery, &letters, deadline).await;
    let outcome = &mut settlement.outcome;
    outcome.read += letters.count();
    if let Err(error) = written {
        outcome.undelivered += letters.count();
        let is_permanent = matches!(error, BatchError::Permanent { .. });
        settlement.fail(Failure { reason: error.to_string(), is_permanent });
        return None;
    }
    outcome.rejected += letters.count();
    tracing::error!(
        position = %origin.at(settlement.end),
        "a record could not be read to its end within an invocation: its rest is a dead letter"
    );
    Some(ordinal)
}

async fn write(delivery: &Delivery, letters: &Letters, deadline: Deadline) -> Result<(), BatchError> {
    if letters.is_empty() {
        return Ok(());
    }
    delivery.sender.dead_letters.write(letters, deadline.stop_writing).await
}

/// The letters of what begins at `from` in a record: one, or one for each user record of an aggregated record.
fn rest(
    record: &Record<'_>,
    from: ItemPosition,
    origin: &Origin,
    dataset: &str,
    deadline: Deadline,
) -> Option<Letters> {
    let Data::Bytes(bytes) = record.data else { return None };
    let mut letters = Letters::default();
    let seconds = deadline.stop_reading.saturating_duration_since(deadline.began).as_secs();
    let reason =
        format!("the record could not be read to its end in {seconds} s, the time that an invocation has for reading");
    let mut reject = |at: ItemPosition, data: &[u8]| {
        if !data.is_empty() {
            let rejection = rejection(at, Stage::Frame, TOO_SLOW, reason.clone());
            letters.push(origin, dataset, &rejection, data, data.len() as u64);
        }
    };
    match kpl::user_records(bytes) {
        None => reject(from, bytes),
        Some(users) => {
            for user in users.filter(|user| user.index >= from.aggregate_index) {
                let offset = if user.index == from.aggregate_index { from.offset } else { 0 };
                reject(ItemPosition { aggregate_index: user.index, offset, ..from }, user.data);
            }
        }
    }
    Some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline::outcome::Outcome;

    fn ago(seconds: u64) -> Instant {
        Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap()
    }

    /// An invocation whose reading time of 40 s is over.
    fn over() -> Deadline {
        Deadline { began: ago(40), stop_reading: ago(0), ..Deadline::after(Duration::from_secs(10)) }
    }

    fn produced(end: End, began_record: Instant) -> Produced {
        let pace = Pace { began: began_record, ..Pace::new() };
        Produced { end, records: Records::default(), pace, bytes_raw: 0 }
    }

    fn settled(failure: bool, undelivered: u64) -> Settlement {
        let end = ItemPosition { record: 7, aggregate_index: 0, offset: 90 };
        let mut settlement = Settlement::new(end);
        settlement.outcome = Outcome { read: 9, indexed: 9 - undelivered, undelivered, ..Outcome::default() };
        if failure {
            settlement.fail(Failure { reason: "429".into(), is_permanent: false });
        }
        settlement
    }

    #[test]
    fn a_record_is_too_slow_only_if_it_had_the_time_and_the_domain_refused_nothing() {
        let stopped = || produced(End::Stopped, ago(30));
        let waited = |longest_wait| Produced { pace: Pace { began: ago(30), longest_wait }, ..stopped() };
        let retried = || {
            let mut settlement = settled(false, 0);
            settlement.retries = 1;
            settlement
        };
        assert_eq!(stopped().too_slow(&settled(false, 0), over()), Some(7));
        assert_eq!(waited(Duration::from_secs(10)).too_slow(&settled(false, 0), over()), Some(7));
        for (name, produced, settlement, deadline) in [
            ("the domain refused", stopped(), settled(true, 0), over()),
            ("an event has no fate", stopped(), settled(false, 1), over()),
            ("it was read to its end", produced(End::Whole, ago(30)), settled(false, 0), over()),
            ("others took the time", produced(End::Stopped, ago(29)), settled(false, 0), over()),
            ("the domain was asked again", stopped(), retried(), over()),
            ("the domain did not answer for long", waited(Duration::from_secs(11)), settled(false, 0), over()),
            ("there is time left", stopped(), settled(false, 0), Deadline::after(Duration::from_mins(1))),
        ] {
            assert_eq!(produced.too_slow(&settlement, deadline), None, "{name}");
        }
    }

    #[test]
    fn the_rest_is_the_whole_record_from_the_position_that_was_reached() {
        let origin = Origin::kinesis("arn:s/app", "s", vec!["1".into(), "2".into()]).with_times_ms(vec![3, 4]);
        let record = Record { data: Data::Bytes(b"{\"n\":1}\n{\"n\":2}\n"), time_ms: 4 };
        let from = ItemPosition { record: 1, aggregate_index: 0, offset: 8 };
        let letters = rest(&record, from, &origin, "app", over()).unwrap();
        let letter: serde_json::Value = serde_json::from_slice(letters.ndjson()).unwrap();
        assert_eq!(letter["position"]["sequence_number"], "2", "{letter}");
        assert_eq!((&letter["position"]["offset"], &letter["stage"]), (&8.into(), &"frame".into()), "{letter}");
        assert_eq!((&letter["error_type"], &letter["record_time_ms"]), (&TOO_SLOW.into(), &4.into()), "{letter}");
        assert_eq!((letter["payload"].as_str(), letter.get("payload_length")), (Some("{\"n\":1}\n{\"n\":2}\n"), None));
    }
}
