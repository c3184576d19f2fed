//! An event source mapping of a stream: it does what Lambda's poller does with Kinesis shards or Kafka topics and a
//! function.
//!
//! In: records in the order of their shard or topic-partition. Out: invocations, one at a time for each shard or topic,
//! limited by count and bytes. After a partial response, delivery resumes at the reported record. A failed batch is
//! halved and retried. Records that exceed the limits are given up and counted. The clock is simulated: only a failed
//! invocation and the pause after it take time on it. Deliberately absent: the source itself ([`crate::kinesalite`]),
//! and any correction of wrong answers. The mapping reads an answer as Lambda does. It records answers that Lambda
//! would not understand, so that a test can check them.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html>

use std::collections::VecDeque;
use std::time::Duration;

use emulator::function::{Answer, Function};
use serde_json::Value;

use crate::{kafka, kinesis};

/// The most bytes of an invocation that Lambda sends to a function.
const PAYLOAD_BYTES: usize = 6 << 20;
/// The longest pause between two attempts. Lambda publishes none. A longer pause means fewer attempts in a simulated
/// day.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// A record in the mapping.
#[derive(Debug, Clone)]
pub struct Item {
    /// The group that is read one batch at a time: a shard, or a topic.
    pub group: String,
    /// The lane, which is in order and has its own position: a shard, or a topic-partition.
    pub lane: String,
    /// The record's identifier in `batchItemFailures`.
    pub identifier: Value,
    /// The time at which the source stored it.
    pub arrived_ms: u64,
    /// Its JSON in an invocation.
    pub entry: Value,
}

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
    waiting: VecDeque<Item>,
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
    /// The number of records that will be redelivered.
    pub again: usize,
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
            self.groups.push(Group { name, waiting: VecDeque::new(), again: VecDeque::new() });
            self.groups.len() - 1
        });
        self.groups[position].waiting.push_back(item);
    }

    /// Stores records, each as [`Self::put`] does.
    pub fn put_all(&mut self, items: impl IntoIterator<Item = Item>) {
        items.into_iter().for_each(|item| self.put(item));
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
        while let Some(item) = group.waiting.pop_front() {
            if item.arrived_ms < oldest_ms {
                self.given_up.push(item);
                continue;
            }
            bytes += size(&item.entry);
            if !items.is_empty() && (items.len() == self.limits.batch_size || bytes > PAYLOAD_BYTES) {
                group.waiting.push_front(item);
                break;
            }
            items.push(item);
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
        let (undelivered, misunderstood) = undelivered(&items, &answer);
        self.misunderstood.extend(misunderstood);
        let again = undelivered.len();
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
                queue.push_front((undelivered.into_iter().map(|at| items[at].clone()).collect(), attempts));
            }
            let pause = Duration::from_secs(1 << attempts.min(16)).min(LONGEST_PAUSE);
            self.pass(self.limits.invocation + pause);
        }
        Round { items, answer, again }
    }

    /// Lets simulated time pass.
    pub fn pass(&mut self, time: Duration) {
        self.now_ms += u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    }

    /// Runs one invocation; `None` if no record waits.
    ///
    /// # Panics
    /// If the function's binary can't be run.
    pub async fn deliver(&mut self, function: &mut Function, timeout: Duration) -> Option<Round> {
        let batch = self.receive()?;
        let answer = function.invoke(&self.event(&batch), timeout).await.expect("the function runs");
        Some(self.settle(batch, answer))
    }

    /// Delivers until no record waits, in `limit` invocations at most.
    ///
    /// # Panics
    /// If records remain, if a record was given up, or if an answer was not understood.
    pub async fn drain(&mut self, function: &mut Function, timeout: Duration, limit: usize) -> Vec<Round> {
        let mut rounds = Vec::new();
        while let Some(round) = self.deliver(function, timeout).await {
            rounds.push(round);
            assert!(
                rounds.len() < limit || self.depth() == 0,
                "not done after {limit} invocations, {} records left; the last answers: {:?}; the last lines: {:#?}",
                self.depth(),
                rounds.iter().rev().take(3).map(|round| &round.answer).collect::<Vec<_>>(),
                function.lines().iter().rev().take(20).rev().collect::<Vec<_>>(),
            );
        }
        self.assert_clean();
        rounds
    }

    /// Checks that no record was given up, and that every answer was understood.
    ///
    /// # Panics
    /// If not.
    pub fn assert_clean(&self) {
        assert!(self.misunderstood.is_empty(), "Lambda would not understand {:?}", self.misunderstood);
        assert!(self.given_up.is_empty(), "{} records were given up", self.given_up.len());
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

/// The records that Lambda redelivers after an answer, by their positions in the batch. Also returns the answer if
/// Lambda would not understand it.
pub fn undelivered(items: &[Item], answer: &Answer) -> (Vec<usize>, Option<String>) {
    let reported = match reported(items, answer) {
        Ok(reported) => reported,
        Err(misunderstood) => return ((0..items.len()).collect(), misunderstood),
    };
    // Each lane resumes at its lowest reported record.
    let comes_again = |position: &usize| {
        reported.iter().any(|first| first <= position && items[*first].lane == items[*position].lane)
    };
    ((0..items.len()).filter(comes_again).collect(), None)
}

/// The records that an answer reports as not delivered. `Err` if the whole batch failed. It holds the answer if Lambda
/// does not understand it.
fn reported(items: &[Item], answer: &Answer) -> Result<Vec<usize>, Option<String>> {
    let Answer::Response(body) = answer else { return Err(None) };
    let misunderstood = || Some(String::from_utf8_lossy(body).into_owned());
    let said: Value = serde_json::from_slice(body).map_err(|_| misunderstood())?;
    let failures = match &said["batchItemFailures"] {
        Value::Null => return Ok(Vec::new()),
        Value::Array(failures) => failures,
        _ => return Err(misunderstood()),
    };
    let position = |failure: &Value| items.iter().position(|item| item.identifier == failure["itemIdentifier"]);
    failures.iter().map(|failure| position(failure).ok_or_else(misunderstood)).collect()
}

/// The bytes of a record in the invocation, which are mostly its data.
fn size(entry: &Value) -> usize {
    let data = entry["kinesis"]["data"].as_str().or(entry["value"].as_str());
    data.map_or(0, str::len) + 300
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer(body: &Value) -> Answer {
        Answer::Response(body.to_string().into())
    }

    fn shard(limits: Limits, records: usize) -> Mapping {
        let mut mapping = Mapping::new(Source::Kinesis, limits);
        let mut shard = kinesis::Shard::new("s", 0);
        mapping.put_all((0..records).map(|_| shard.record(b"{}")));
        mapping
    }

    fn failed() -> Answer {
        Answer::Error { error_type: "E".into(), message: "no".into() }
    }

    #[test]
    fn a_partial_response_goes_on_at_the_lowest_reported_record() {
        let mut mapping = shard(Limits::unlimited(10), 15);
        let batch = mapping.receive().unwrap();
        let all: Vec<Value> = batch.items.iter().map(|item| item.identifier.clone()).collect();
        assert_eq!(all.len(), 10);
        let said = json!({ "batchItemFailures": [{ "itemIdentifier": all[7] }, { "itemIdentifier": all[4] }] });
        assert_eq!(mapping.settle(batch, answer(&said)).again, 6);
        let batch = mapping.receive().unwrap();
        assert_eq!(batch.items.iter().map(|item| item.identifier.clone()).collect::<Vec<_>>(), all[4..]);
        assert_eq!(mapping.settle(batch, answer(&json!({ "batchItemFailures": [] }))).again, 0);
        let batch = mapping.receive().unwrap();
        assert_eq!(batch.items.len(), 5);
        assert_eq!(mapping.settle(batch, answer(&Value::Null)).again, 0);
        assert!(mapping.receive().is_none());
        mapping.assert_clean();
    }

    #[test]
    fn a_failure_is_halved_until_one_record_stands_alone() {
        let mut mapping = shard(Limits::unlimited(5), 5);
        let mut sizes = Vec::new();
        for _ in 0..4 {
            let batch = mapping.receive().unwrap();
            sizes.push(batch.items.len());
            mapping.settle(batch, failed());
        }
        assert_eq!((sizes, mapping.depth()), (vec![5, 3, 2, 1], 5));
    }

    #[test]
    fn an_empty_a_null_and_an_unknown_identifier_fail_the_batch_and_are_kept() {
        for identifier in [json!(""), Value::Null, json!("12"), json!({ "partition": "t-0", "offset": 7 })] {
            let mut mapping = shard(Limits::unlimited(2), 2);
            let batch = mapping.receive().unwrap();
            let said = json!({ "batchItemFailures": [{ "itemIdentifier": identifier }] });
            assert_eq!(mapping.settle(batch, answer(&said)).again, 2);
            assert_eq!(mapping.misunderstood, [said.to_string()]);
        }
    }

    #[test]
    fn each_reported_topic_partition_goes_on_by_itself() {
        let mut mapping = Mapping::new(Source::Kafka(kafka::Cluster::msk("c")), Limits::unlimited(100));
        let mut partitions = [kafka::Partition::new("t", 0), kafka::Partition::new("t", 1)];
        for _ in 0..3 {
            mapping.put_all(partitions.iter_mut().map(|partition| partition.record(b"{}")));
        }
        let batch = mapping.receive().unwrap();
        assert_eq!(mapping.event(&batch)["records"]["t-1"].as_array().map(Vec::len), Some(3));
        let said = json!({ "batchItemFailures": [{ "itemIdentifier": { "partition": "t-1", "offset": 1 } }] });
        assert_eq!(mapping.settle(batch, answer(&said)).again, 2);
        let event = mapping.receive().map(|batch| mapping.event(&batch)).unwrap();
        assert_eq!(event["records"]["t-0"], Value::Null);
        assert_eq!(event["records"]["t-1"][0]["offset"], 1);
        mapping.assert_clean();
    }

    #[test]
    fn limits_give_up_what_they_say() {
        let day = Duration::from_hours(24);
        let few = Limits { retry_attempts: Some(2), bisect: false, ..Limits::unlimited(2) };
        let young = Limits { record_age: Some(Duration::from_mins(1)), ..Limits::unlimited(2) };
        let short = Limits { retention: day, ..Limits::unlimited(2) };
        for (limits, wait, tries) in
            [(few, Duration::ZERO, 3), (young, Duration::ZERO, 1), (short, 2 * day, 1), (Limits::unlimited(2), day, 7)]
        {
            let mut mapping = shard(limits.clone(), 2);
            let mut count = 0;
            while let Some(batch) = mapping.receive() {
                mapping.settle(batch, failed());
                mapping.pass(wait);
                count += 1;
            }
            assert_eq!((count, mapping.given_up.len()), (tries, 2), "{limits:?}");
        }
    }

    #[test]
    fn a_batch_stays_below_the_six_megabytes_of_an_invocation() {
        let mut mapping = Mapping::new(Source::Kinesis, Limits::unlimited(100));
        let mut shard = kinesis::Shard::new("s", 0);
        mapping.put_all((0..8).map(|_| shard.record(&vec![b' '; 1 << 20])));
        let sizes: Vec<_> = std::iter::from_fn(|| {
            let batch = mapping.receive()?;
            assert!(mapping.event(&batch).to_string().len() <= PAYLOAD_BYTES);
            Some(mapping.settle(batch, answer(&Value::Null)).items.len())
        })
        .collect();
        assert_eq!(sizes, [4, 4]);
    }
}
