//! The event source mapping of a stream with a function: [`emulator::stream::mapping`] does what Lambda's poller does,
//! and this module invokes the function until no record waits.

use std::time::Duration;

use emulator::function::{Answer, Function};
use emulator::response::BatchFailure;
use emulator::stream::mapping;
use serde_json::Value;

pub use emulator::stream::{
    item::Item,
    mapping::{Batch, Limits, Mapping, Round, Source},
};

/// Runs one invocation; `None` if no record waits.
///
/// # Panics
/// If the function's binary can't be run.
pub async fn deliver(mapping: &mut Mapping, function: &mut Function, timeout: Duration) -> Option<Round> {
    let batch = mapping.receive()?;
    let answer = function.invoke(&mapping.event(&batch), timeout).await.expect("the function runs");
    Some(mapping.settle(batch, answer))
}

/// Delivers until no record waits, in `limit` invocations at most.
///
/// # Panics
/// If records remain, if a record was given up, or if an answer was not understood.
pub async fn drain(mapping: &mut Mapping, function: &mut Function, timeout: Duration, limit: usize) -> Vec<Round> {
    let mut rounds = Vec::new();
    while let Some(round) = deliver(mapping, function, timeout).await {
        rounds.push(round);
        assert!(
            rounds.len() < limit || mapping.depth() == 0,
            "not done after {limit} invocations, {} records left; the last answers: {:?}; the last lines: {:#?}",
            mapping.depth(),
            rounds.iter().rev().take(3).map(|round| &round.answer).collect::<Vec<_>>(),
            function.lines().iter().rev().take(20).rev().collect::<Vec<_>>(),
        );
    }
    assert_clean(mapping);
    rounds
}

/// Checks that no record was given up, and that every answer was understood.
///
/// # Panics
/// If not.
pub fn assert_clean(mapping: &Mapping) {
    assert!(mapping.misunderstood.is_empty(), "Lambda would not understand {:?}", mapping.misunderstood);
    assert!(mapping.given_up.is_empty(), "{} records were given up", mapping.given_up.len());
}

/// The records that Lambda redelivers after an answer, by their positions in the batch. Also returns the answer if
/// Lambda would not understand it.
pub fn undelivered(items: &[Item], answer: &Answer) -> (Vec<usize>, Option<String>) {
    match mapping::undelivered(items, answer) {
        Ok(left) => (left, None),
        Err(BatchFailure::NoResponse(_)) => ((0..items.len()).collect(), None),
        Err(BatchFailure::Misunderstood(answer)) => ((0..items.len()).collect(), Some(answer)),
    }
}

/// The function's answer, which must not be a failure.
///
/// # Panics
/// If it is a failure, or not JSON.
pub fn response(answer: &Answer) -> Value {
    let Answer::Response(body) = answer else { panic!("{answer:?}") };
    serde_json::from_slice(body).expect("the answer is JSON")
}
