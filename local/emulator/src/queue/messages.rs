//! The messages of a queue, with SQS's visibility timeout and redrive policy, on a simulated clock.
//!
//! A received message stays in the queue and is invisible until its timeout ends or it is deleted. A message that was
//! received too often goes to the dead-letter queue when it would be received again
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>).

use std::{collections::BTreeMap, time::Duration};

use super::message::Message;

/// SQS's default visibility timeout.
const VISIBILITY: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Messages {
    /// In the order of their arrival.
    stored: Vec<Stored>,
    now: Duration,
    sent: u64,
    max_receive_count: u32,
    dead: Vec<Message>,
}

#[derive(Debug)]
struct Stored {
    message: Message,
    visible_at: Duration,
}

impl Messages {
    pub(super) fn new(max_receive_count: u32) -> Self {
        Self { stored: Vec::new(), now: Duration::ZERO, sent: 0, max_receive_count, dead: Vec::new() }
    }

    /// Adds a message, and returns its id.
    pub(super) fn send(&mut self, body: String, attributes: BTreeMap<String, String>, delay: Duration) -> String {
        self.sent += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.sent);
        let receipt_handle = format!("handle-{id}");
        let message = Message { id: id.clone(), receipt_handle, body, receive_count: 0, attributes };
        self.stored.push(Stored { message, visible_at: self.now + delay });
        id
    }

    pub(super) fn receive(&mut self, most: usize) -> Vec<Message> {
        let (now, max_receive_count) = (self.now, self.max_receive_count);
        let is_dead =
            |stored: &mut Stored| stored.visible_at <= now && stored.message.receive_count >= max_receive_count;
        self.dead.extend(self.stored.extract_if(.., is_dead).map(|stored| stored.message));
        let visible = self.stored.iter_mut().filter(|stored| stored.visible_at <= now);
        let receive = |stored: &mut Stored| {
            stored.visible_at = now + VISIBILITY;
            stored.message.receive_count += 1;
            stored.message.clone()
        };
        visible.take(most).map(receive).collect()
    }

    pub(super) fn delete(&mut self, id: &str) {
        self.stored.retain(|stored| stored.message.id != id);
    }

    /// Whether there is a message with this handle, whose visibility was changed.
    pub(super) fn change_visibility(&mut self, receipt_handle: &str, timeout: Duration) -> bool {
        let stored = self.stored.iter_mut().find(|stored| stored.message.receipt_handle == receipt_handle);
        stored.map(|stored| stored.visible_at = self.now + timeout).is_some()
    }

    /// Lets time pass until every message is visible. Returns whether there is one.
    pub(super) fn wait(&mut self) -> bool {
        let last = self.stored.iter().map(|stored| stored.visible_at).max();
        self.now = self.now.max(last.unwrap_or_default());
        last.is_some()
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now += by;
    }

    pub(super) fn depth(&self) -> usize {
        self.stored.len()
    }

    pub(super) fn visible(&self) -> usize {
        self.stored.iter().filter(|stored| stored.visible_at <= self.now).count()
    }

    pub(super) fn dead(&self) -> &[Message] {
        &self.dead
    }
}
