//! An event source mapping of a stream: it does what Lambda's poller does with Kinesis shards or Kafka topics and a
//! function.
//!
//! In: records in the order of their shard or topic-partition. Out: invocations, one at a time for each shard or topic,
//! limited by count and bytes. After a partial response, delivery resumes at the reported record. A failed batch is
//! halved and retried. Records that exceed the limits are given up and counted. The clock is simulated: only a failed
//! invocation and the pause after it take time on it. Deliberately absent: the source itself, batching windows, and any
//! correction of wrong answers. The mapping reads an answer as Lambda does. It records answers that Lambda
//! would not understand, so that a test can check them.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;

use super::{item::Item, kafka, kinesis};
use crate::{
    function::Answer,
    response::{BatchFailure, reported},
};

/// The most bytes of an invocation that Lambda sends to a function: 6 MB (Lambda quotas, "Invocation payload,
/// synchronous").
pub const PAYLOAD_BYTES: usize = 6 << 20;
/// The most bytes of an invocation outside its records.
const ENVELOPE_BYTES: usize = 1024;
/// The longest pause between two attempts. Lambda publishes none. A longer pause means fewer attempts in a simulated
/// day.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// The source of the records, which decides the form of an invocation.
#[derive(Debug, Clone)]
pub enum Source {
    /// A Kinesis stream.
    Kinesis,
    /// A Kafka cluster.
    Kafka(kafka::Cluster),
}

/// The settings of a mapping and of its source.
#[derive(Debug, Clone)]
pub struct Limits {
    /// `BatchSize`.
    pub batch_size: usize,
    /// `BisectBatchOnFunctionError`.
    pub bisect: bool,
    /// `MaximumRetryAttempts`; `None` is -1, unlimited.
    pub retry_attempts: Option<u32>,
    /// `MaximumRecordAgeInSeconds`; `None` is -1, unlimited.
    pub record_age: Option<Duration>,
    /// How long the source keeps a record.
    pub retention: Duration,
    /// The simulated duration of a failed invocation.
    pub invocation: Duration,
}

/// A mapping and the records that wait for delivery.
#[derive(Debug)]
pub struct Mapping {
    source: Source,
    limits: Limits,
    groups: Vec<Group>,
    turn: usize,
    /// The simulated clock.
    pub now_ms: u64,
    /// Records that will never be delivered: expired, too old, or retried too often.
    pub given_up: Vec<Item>,
    /// Answers that Lambda does not understand, and so treats as the failure of the whole batch.
    pub misunderstood: Vec<String>,
    /// The number of invocations so far.
    pub invocations: usize,
}

#[derive(Debug)]
struct Group {
    name: String,
    /// The records that were never delivered, each with its bytes in an invocation.
    waiting: VecDeque<(Item, usize)>,
    waiting_bytes: usize,
    again: VecDeque<(Vec<Item>, u32)>,
}

/// The batch of one invocation.
#[derive(Debug)]
pub struct Batch {
    group: usize,
    attempts: u32,
    /// Its records.
    pub items: Vec<Item>,
}

/// One invocation.
#[derive(Debug)]
pub struct Round {
    /// The records that were delivered.
    pub items: Vec<Item>,
    /// The function's answer.
    pub answer: Answer,
    /// The positions of the records that will be redelivered.
    pub left: Vec<usize>,
    /// The reason why the whole batch has failed, if it has.
    pub failure: Option<BatchFailure>,
}

impl Limits {
    /// Limits as in template.yaml, by which the mapping never gives up a record. The stream keeps records for 7 days.
    pub fn unlimited(batch_size: usize) -> Self {
        Self {
            batch_size,
            bisect: true,
            retry_attempts: None,
            record_age: None,
            retention: Duration::from_hours(7 * 24),
            invocation: Duration::from_mins(15),
        }
    }
}

impl Mapping {
    /// A mapping of a source without records.
    pub fn new(source: Source, limits: Limits) -> Self {
        let (given_up, misunderstood) = (Vec::new(), Vec::new());
        Self { source, limits, groups: Vec::new(), turn: 0, now_ms: 0, given_up, misunderstood, invocations: 0 }
    }

    /// Stores a record in the source. The clock advances at least to its arrival time.
    pub fn put(&mut self, item: Item) {
        self.now_ms = self.now_ms.max(item.arrived_ms);
        let position = self.groups.iter().position(|group| group.name == item.group).unwrap_or_else(|| {
            let name = item.group.clone();
            self.groups.push(Group { name, waiting: VecDeque::new(), waiting_bytes: 0, again: VecDeque::new() });
            self.groups.len() - 1
        });
        let (group, bytes) = (&mut self.groups[position], size(&item));
        group.waiting.push_back((item, bytes));
        group.waiting_bytes += bytes;
    }

    /// Stores records, each as [`Self::put`] does.
    pub fn put_all(&mut self, items: impl IntoIterator<Item = Item>) {
        items.into_iter().for_each(|item| self.put(item));
    }

    /// The number of records that were never delivered.
    pub fn waiting(&self) -> usize {
        self.groups.iter().map(|group| group.waiting.len()).sum()
    }

    /// Whether the records of a shard or topic that wait fill a batch. A source that reads ahead can stop then.
    pub fn has_full_batch(&self) -> bool {
        let is_full = |group: &Group| {
            group.waiting.len() >= self.limits.batch_size || group.waiting_bytes > PAYLOAD_BYTES - ENVELOPE_BYTES
        };
        self.groups.iter().any(is_full)
    }

    /// The number of records that are not settled.
    pub fn depth(&self) -> usize {
        self.groups.iter().map(|g| g.waiting.len() + g.again.iter().map(|(items, _)| items.len()).sum::<usize>()).sum()
    }

    /// The next batch. Shards or topics take turns. The caller must settle the batch.
    pub fn receive(&mut self) -> Option<Batch> {
        for _ in 0..self.groups.len() {
            let group = self.turn % self.groups.len();
            self.turn += 1;
            if let Some(batch) = self.receive_from(group) {
                return Some(batch);
            }
        }
        None
    }

    fn receive_from(&mut self, index: usize) -> Option<Batch> {
        let oldest = self.limits.record_age.map_or(self.limits.retention, |age| age.min(self.limits.retention));
        let oldest_ms = self.now_ms.saturating_sub(u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX));
        let group = &mut self.groups[index];
        while let Some((items, attempts)) = group.again.pop_front() {
            let too_often = self.limits.retry_attempts.is_some_and(|most| attempts > most);
            let (lost, items): (Vec<_>, Vec<_>) =
                items.into_iter().partition(|item| too_often || item.arrived_ms < oldest_ms);
            self.given_up.extend(lost);
            if !items.is_empty() {
                return Some(Batch { group: index, attempts, items });
            }
        }
        let (mut items, mut bytes) = (Vec::new(), 0);
        while let Some((item, own)) = group.waiting.pop_front() {
            bytes += own;
            let is_full = items.len() == self.limits.batch_size || bytes > PAYLOAD_BYTES - ENVELOPE_BYTES;
            if !items.is_empty() && is_full {
                group.waiting.push_front((item, own));
                break;
            }
            group.waiting_bytes -= own;
            if item.arrived_ms < oldest_ms {
                bytes -= own;
                self.given_up.push(item);
            } else {
                items.push(item);
            }
        }
        (!items.is_empty()).then_some(Batch { group: index, attempts: 0, items })
    }

    /// The invocation of a batch.
    pub fn event(&self, batch: &Batch) -> Value {
        match &self.source {
            Source::Kinesis => kinesis::event(&batch.items),
            Source::Kafka(cluster) => cluster.event(&batch.items),
        }
    }

    /// Handles an answer as Lambda does.
    pub fn settle(&mut self, batch: Batch, answer: Answer) -> Round {
        self.invocations += 1;
        let Batch { group, attempts, items } = batch;
        let (left, failure) = match undelivered(&items, &answer) {
            Ok(left) => (left, None),
            Err(failure) => ((0..items.len()).collect(), Some(failure)),
        };
        if let Some(BatchFailure::Misunderstood(response)) = &failure {
            self.misunderstood.push(response.clone());
        }
        let again = left.len();
        if again > 0 {
            let progress = again < items.len();
            // Halving a batch does not count as a retry.
            let whole = !progress && matches!(answer, Answer::Response(_));
            let halved = self.limits.bisect && !progress && !whole && again > 1;
            let attempts = if progress || halved { attempts } else { attempts + 1 };
            let queue = &mut self.groups[group].again;
            if halved {
                let mut first = items.clone();
                let second = first.split_off(again.div_ceil(2));
                queue.push_front((second, attempts));
                queue.push_front((first, attempts));
            } else {
                queue.push_front((left.iter().map(|&at| items[at].clone()).collect(), attempts));
            }
            let pause = Duration::from_secs(1 << attempts.min(16)).min(LONGEST_PAUSE);
            self.pass(self.limits.invocation + pause);
        }
        Round { items, answer, left, failure }
    }

    /// Lets simulated time pass.
    pub fn pass(&mut self, time: Duration) {
        self.now_ms += u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    }
}

/// The records that Lambda redelivers after an answer, by their positions in the batch.
///
/// # Errors
/// The whole batch is redelivered.
pub fn undelivered(items: &[Item], answer: &Answer) -> Result<Vec<usize>, BatchFailure> {
    let reported = reported(answer, |identifier| items.iter().position(|item| item.identifier == *identifier))?;
    // Each lane resumes at its lowest reported record.
    let comes_again = |position: &usize| {
        reported.iter().any(|first| first <= position && items[*first].lane == items[*position].lane)
    };
    Ok((0..items.len()).filter(comes_again).collect())
}

/// The most bytes that a record takes in an invocation, with its comma and, in an event of Kafka, the name of its lane.
fn size(item: &Item) -> usize {
    item.entry.to_string().len() + item.lane.len() + "\"\":[],".len()
}

#[cfg(test)]
mod tests;
