//! Delivers the messages of the queue to the function, as Lambda's event source mapping does, until the queue is empty.
//!
//! A failed message is redelivered a few times. A continuation that the function sent comes next. Deliberately absent:
//! several invocations at a time, so that receipts come in order.

use std::{collections::HashMap, io, time::Duration};

use emulator::queue::{self, Message};
use serde_json::Value;

use crate::{
    attempt::Attempts,
    machine::Machine,
    progress::{EVENT_FATES, Progress},
};

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
    let mut attempts = Attempts::of(&machine.function);
    let mut delivered = Delivered::default();
    let mut reasons: HashMap<String, String> = HashMap::new();
    let dead_before = machine.queue.dead().len();
    // Small batches, so that progress is visible. Larger batches if there are many messages.
    let batch = (machine.queue.visible() / 20).clamp(1, MAX_BATCH);
    loop {
        let messages = machine.queue.receive(batch);
        if messages.is_empty() {
            if machine.queue.wait() {
                continue;
            }
            break;
        }
        let sent = |s3: &emulator::s3::S3| s3.stats().bytes_sent;
        let event = queue::event(&messages);
        let (answer, receipts) = attempts.invoke(machine, &event, TIMEOUT, progress, sent).await?;
        for receipt in receipts {
            let text = |name: &str| receipt[name].as_str().unwrap_or_default();
            if receipt.get("unmatched").is_none() {
                progress.received(text("key"), &receipt);
            }
            progress.settled(&format!("s3://{}/{}", text("bucket"), text("key")), &receipt, &EVENT_FATES);
            delivered.receipts.push(receipt);
        }
        let failed = queue::failed(&messages, &answer);
        for (position, message) in messages.into_iter().enumerate() {
            let reason = match &failed {
                Ok(failed) if failed.contains(&position) => attempts.reasons.why(Some(&message.id)),
                Ok(_) => {
                    machine.queue.delete(&message.id);
                    continue;
                }
                Err(failure) => failure.to_string(),
            };
            progress.failed(&format!("message {} failed (try {}): {reason}", message.id, message.receive_count));
            reasons.insert(message.id, reason);
            tokio::time::sleep(PAUSE * message.receive_count).await;
        }
    }
    let given_up = machine.queue.dead().split_off(dead_before).into_iter();
    delivered.given_up =
        given_up.map(|message| (message.clone(), reasons.remove(&message.id).unwrap_or_default())).collect();
    delivered.invocations = attempts.count;
    Ok(delivered)
}
