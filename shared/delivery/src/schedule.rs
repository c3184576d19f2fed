//! Decides which messages an invocation reads, and which it sends to the queue again for another invocation.
//!
//! An object that did not pass its restart point within its share is continued in an invocation that reads nothing else.
//! Its message first gives way to the other messages of a batch: it is sent to the queue again. After some times it
//! comes first, and the other messages are sent again. So neither starves. Deliberately absent: sending (`onward`).

use crate::source::s3::{Message, Task};

/// The number of times that an object to be read alone gives way to others.
const PATIENCE: u32 = 3;
/// The delay of a message that gives way, in seconds. It is jittered, so that the message meets another batch.
const AWAY_SECONDS: std::ops::RangeInclusive<i32> = 20..=60;

/// The decision about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schedule {
    /// It is read.
    Now,
    /// It is sent to the queue again, with this delay.
    Later { delay_seconds: i32 },
}

/// The decision about each message, in their order. `may_send`: there is a queue to send to.
pub(super) fn schedule(messages: &[Message], may_send: bool, random: &mut fastrand::Rng) -> Vec<Schedule> {
    let asks_alone: Vec<bool> = messages.iter().map(is_alone).collect();
    let readable =
        messages.iter().filter(|message| message.tasks.as_ref().is_ok_and(|tasks| !tasks.is_empty())).count();
    let alone = asks_alone.iter().filter(|alone| **alone).count();
    if !may_send || alone == 0 || readable == 1 {
        return vec![Schedule::Now; messages.len()];
    }
    let most_patient = (0..messages.len()).filter(|at| asks_alone[*at]).max_by_key(|at| messages[*at].turns);
    let chosen = most_patient.filter(|at| alone == readable || messages[*at].turns >= PATIENCE);
    let decide = |(at, message): (usize, &Message)| match chosen {
        _ if message.tasks.as_ref().is_ok_and(Vec::is_empty) || message.tasks.is_err() => Schedule::Now,
        Some(chosen) if at == chosen => Schedule::Now,
        None if !asks_alone[at] => Schedule::Now,
        _ if asks_alone[at] => Schedule::Later { delay_seconds: random.i32(AWAY_SECONDS) },
        _ => Schedule::Later { delay_seconds: 0 },
    };
    messages.iter().enumerate().map(decide).collect()
}

fn is_alone(message: &Message) -> bool {
    matches!(message.tasks.as_deref(), Ok([Task::Continue(continuation)]) if continuation.alone)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::source::s3::Invocation;

    /// One message for each pair: whether it asks to be read alone, and how often it was sent again.
    fn messages(given: &[(bool, u32)]) -> Vec<Message> {
        let member = json!({ "compressed": 0, "raw": 0 });
        let checkpoint =
            json!({ "offset": 7, "format": "ndjson", "inside": false, "compression": "gzip", "member": member });
        let records: Vec<_> = given
            .iter()
            .map(|(alone, turns)| {
                let body = json!({
                    "millrace": "continuation", "object": { "bucket": "b", "key": "k" }, "dataset": "d", "pipeline": "p",
                    "checkpoint": checkpoint, "hops": 3, "alone": alone,
                });
                json!({
                    "messageId": "m", "eventSource": "aws:sqs", "body": body.to_string(),
                    "messageAttributes": { "millrace-turns": { "stringValue": turns.to_string(), "dataType": "String" } },
                })
            })
            .collect();
        Invocation::read(&json!({ "Records": records })).messages
    }

    fn here(given: &[(bool, u32)]) -> Vec<bool> {
        let decisions = schedule(&messages(given), true, &mut fastrand::Rng::with_seed(1));
        decisions.iter().map(|decision| *decision == Schedule::Now).collect()
    }

    #[test]
    fn an_object_to_be_read_alone_lets_others_go_first_only_a_few_times() {
        assert_eq!(here(&[(false, 0), (false, 9)]), [true, true]);
        assert_eq!(here(&[(true, 0)]), [true], "it is alone");
        assert_eq!(here(&[(false, 0), (true, 0), (true, 2)]), [true, false, false]);
        assert_eq!(here(&[(false, 0), (true, 0), (true, 3)]), [false, false, true]);
        assert_eq!(here(&[(true, 0), (true, 1)]), [false, true], "somebody has to begin");
    }

    #[test]
    fn without_a_queue_all_are_read() {
        let decisions = schedule(&messages(&[(true, 9), (false, 0)]), false, &mut fastrand::Rng::with_seed(1));
        assert_eq!(decisions, [Schedule::Now; 2]);
    }

    proptest! {
        #[test]
        fn every_batch_reads_something_and_an_object_to_be_read_alone_is_the_only_one(
            given in proptest::collection::vec((any::<bool>(), 0_u32..6), 1..10),
        ) {
            let here = here(&given);
            prop_assert!(here.contains(&true));
            let alone = given.iter().zip(&here).filter(|((alone, _), here)| *alone && **here).count();
            let all = here.iter().filter(|here| **here).count();
            prop_assert!(alone == 0 || all == 1, "{:?} {:?}", given, here);
        }

        #[test]
        fn an_object_to_be_read_alone_is_read_within_a_number_of_batches(others in 0_usize..9, rivals in 0_u32..9) {
            // Its rivals are as patient. Each batch that reads a rival leaves one rival less.
            let mut left = rivals;
            for turns in 0..=PATIENCE + rivals {
                let mut given = vec![(true, turns)];
                given.extend((0..left).map(|_| (true, turns)));
                given.extend((0..others).map(|_| (false, 0)));
                let here = here(&given);
                if here[0] { return Ok(()); }
                left -= u32::from(here[1..=left as usize].contains(&true));
            }
            prop_assert!(false, "it is never read");
        }
    }
}
