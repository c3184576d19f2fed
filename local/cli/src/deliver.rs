//! Delivers the messages of the queue to the function, as Lambda's event source mapping does, until the queue is empty.
//!
//! A failed message is redelivered a few times. A continuation that the function sent comes next. Deliberately absent:
//! several invocations at a time, so that receipts come in order.

use std::{collections::HashSet, io, time::Duration};

use emulator::{
    function::{self, Answer},
    queue::{self, Message},
};
use serde_json::Value;

use crate::{
    machine::Machine,
    progress::{EVENT_FATES, Progress},
    reasons::Reasons,
};

/// The number of deliveries after which a message is given up. In a deployment it would go to the dead-letter queue.
const MAX_RECEIVES: u32 = 3;
/// The pause before a failed message is redelivered, times the number of its tries.
const PAUSE: Duration = Duration::from_millis(500);
/// The timeout of one invocation. The next invocation continues an object that takes longer.
const TIMEOUT: Duration = Duration::from_mins(1);
/// SQS's default batch size.
const MAX_BATCH: usize = 10;

/// The result of a delivery.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// All receipts, in the order of the log.
    pub receipts: Vec<Value>,
    /// Messages that failed every time, each with its last reason.
    pub given_up: Vec<(Message, String)>,
    /// The number of invocations.
    pub invocations: u64,
}

/// Delivers until the queue is empty.
///
/// # Errors
/// The function can't be started, or reports that its configuration is wrong.
pub async fn deliver(machine: &mut Machine, progress: &Progress) -> io::Result<Delivered> {
    let mut delivered = Delivered::default();
    let mut seen_lines = machine.function.line_count();
    let mut reasons = Reasons::of(&machine.function);
    // Small batches, so that progress is visible. Larger batches if there are many messages.
    let batch = (machine.queue.len() / 20).clamp(1, MAX_BATCH);
    loop {
        let messages = machine.queue.receive(batch);
        if messages.is_empty() {
            return Ok(delivered);
        }
        delivered.invocations += 1;
        let answer = invoke(machine, &messages, &mut reasons, progress).await?;
        let lines = machine.function.lines_from(seen_lines);
        seen_lines += lines.len();
        for receipt in function::receipts(&lines) {
            let text = |name: &str| receipt[name].as_str().unwrap_or_default();
            progress.settled(&format!("s3://{}/{}", text("bucket"), text("key")), &receipt, &EVENT_FATES);
            delivered.receipts.push(receipt);
        }
        if let Answer::InitError { error_type, message } = answer {
            return Err(io::Error::other(format!("the function does not start: {error_type}: {message}")));
        }
        let failed = failures(&answer, &messages, &reasons);
        for message in messages {
            let Some((_, reason)) = failed.iter().find(|(id, _)| *id == message.id) else {
                machine.queue.delete(&message.id);
                continue;
            };
            progress.failed(&format!("message {} failed (try {}): {reason}", message.id, message.receive_count));
            if message.receive_count >= MAX_RECEIVES {
                machine.queue.delete(&message.id);
                delivered.given_up.push((message, reason.clone()));
            } else {
                machine.queue.give_back(&message.id);
                tokio::time::sleep(PAUSE * message.receive_count).await;
            }
        }
    }
}

async fn invoke(
    machine: &mut Machine,
    messages: &[Message],
    reasons: &mut Reasons,
    progress: &Progress,
) -> io::Result<Answer> {
    let event = queue::event(messages);
    reasons.begin();
    let mut invocation = std::pin::pin!(machine.function.invoke(&event, TIMEOUT));
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            answer = &mut invocation => {
                reasons.show(progress);
                return answer;
            }
            _ = tick.tick() => {
                reasons.show(progress);
                let created = machine.domain.as_ref().map(|domain| domain.stats().created);
                progress.at(machine.s3.stats().bytes_sent, created);
            }
        }
    }
}

/// The ids of the failed messages, each with the reason. An answer that is not a partial batch response fails all
/// messages.
fn failures(answer: &Answer, messages: &[Message], reasons: &Reasons) -> Vec<(String, String)> {
    let all = |reason: String| messages.iter().map(|message| (message.id.clone(), reason.clone())).collect();
    let body = match answer.response() {
        Ok(body) => body,
        Err(reason) => return all(reason),
    };
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return all("the answer is not JSON".into()) };
    let known: HashSet<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    let mut failed = Vec::new();
    for failure in body["batchItemFailures"].as_array().into_iter().flatten() {
        match failure["itemIdentifier"].as_str() {
            Some(id) if known.contains(id) => failed.push((id.to_owned(), reasons.why(Some(id)))),
            // Lambda treats an unknown identifier as a failure of the whole batch.
            _ => return all("the answer names no message of the batch".into()),
        }
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(answer: &Answer) -> Vec<String> {
        let message =
            |id: &str| Message { id: id.into(), receipt_handle: String::new(), body: String::new(), receive_count: 1 };
        let reasons = Reasons::without_lines().unwrap();
        failures(answer, &[message("1"), message("2")], &reasons).into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn failures_are_what_lambda_takes_for_failures() {
        for (answer, expected) in [
            (r#"{"batchItemFailures":[]}"#, vec![]),
            ("null", vec![]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"#, vec!["2"]),
            (r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#, vec!["1", "2"]),
            (r#"{"batchItemFailures":[{"itemIdentifier":"3"}]}"#, vec!["1", "2"]),
        ] {
            assert_eq!(failed(&Answer::Response(answer.into())), expected, "{answer}");
        }
        assert_eq!(failed(&Answer::TimedOut), ["1", "2"]);
    }
}
