//! Delivers the records of files to the function, as Lambda's event source mapping does, until all are settled.
//!
//! Records that an answer leaves are redelivered, and so is a batch whose invocation failed. If several tries in a row
//! settle nothing, the stream stops, and the later records are not delivered at all. Each batch has records of one file
//! only, so that its receipt shows the fates of that file. Deliberately absent: bisecting (only the domain makes a
//! batch fail), and several batches at a time, so that receipts come in order.

use std::{io, time::Duration};

use emulator::stream::{
    self,
    item::Item,
    mapping::{Batch, Limits, Mapping, Round},
};
use pipeline::outcome::Outcome;
use serde::Deserialize;
use serde_json::Value;

use super::{
    cut::{Record, RecordIs},
    kafka::{self, Topic},
    kinesis::{self, Stream},
    not_sent::NotSent,
    put::Put,
    records::Records,
};
use crate::{
    attempt::Attempts,
    machine::Machine,
    progress::{EVENT_FATES, Progress},
};

/// The number of tries without a settled record, after which a batch is given up. In a deployment it would be
/// redelivered until it is settled.
const MAX_TRIES: u32 = 3;
/// The pause before a batch is redelivered, times the number of its tries.
const PAUSE: Duration = Duration::from_millis(500);
/// The source of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A stream.
    Kinesis(Stream),
    /// A topic.
    Kafka(Topic),
}

/// The options of the mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingOptions {
    /// The unit of a record.
    pub record: RecordIs,
    /// The largest number of records in a batch.
    pub batch_records: usize,
    /// The timeout of one invocation.
    pub timeout: Duration,
}

/// The result of a delivery.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// All receipts, in order, each with the key of its file.
    pub receipts: Vec<(String, Value)>,
    /// The reason why the stream stopped, if it did.
    pub given_up: Option<String>,
    /// The records and files that were not delivered to the function.
    pub not_sent: NotSent,
    /// The number of delivered records, each counted once.
    pub records: u64,
    /// Whether the receipts of each answered invocation count as many records as its event had.
    pub receipts_name_all_records: bool,
    /// The number of invocations.
    pub invocations: u64,
}

impl Source {
    /// The bytes of the largest record.
    pub fn max_record_bytes(&self) -> usize {
        match self {
            Self::Kinesis(_) => kinesis::MAX_RECORD_BYTES,
            Self::Kafka(_) => kafka::MAX_RECORD_BYTES,
        }
    }

    /// The file and the line of a record, from the position in a dead letter.
    pub fn origin<'p>(&self, position: &Value, files: &'p [Put]) -> Option<(&'p Put, u64)> {
        let (place, number) = match self {
            Self::Kinesis(stream) => stream.place(position)?,
            Self::Kafka(topic) => topic.place(position)?,
        };
        let known = |put: &&Put| match self {
            Self::Kinesis(_) => put.place == place,
            Self::Kafka(_) => kafka::rough(put.place) == place,
        };
        Some((files.iter().find(known)?, number))
    }

    fn item(&self, put: &Put, record: &Record) -> Item {
        match self {
            Self::Kinesis(stream) => stream.item(put, record),
            Self::Kafka(topic) => topic.item(put, record),
        }
    }

    fn line(&self, item: &Item) -> u64 {
        match self {
            Self::Kinesis(stream) => stream.line(item),
            Self::Kafka(topic) => topic.line(item),
        }
    }

    /// A mapping that never gives up a record, and does not halve a batch: only the domain makes a batch fail.
    fn mapping(&self, batch_records: usize) -> Mapping {
        let source = match self {
            Self::Kinesis(_) => stream::mapping::Source::Kinesis,
            Self::Kafka(_) => stream::mapping::Source::Kafka(kafka::cluster()),
        };
        let limits = Limits { bisect: false, retention: Duration::MAX, ..Limits::unlimited(batch_records) };
        Mapping::new(source, limits)
    }
}

/// Delivers all files, in the order of their positions.
///
/// # Errors
/// The function can't be started, or reports that its configuration is wrong.
pub async fn deliver(
    machine: &mut Machine,
    source: &Source,
    files: &[Put],
    options: MappingOptions,
    progress: &Progress,
) -> io::Result<Delivered> {
    let delivered = Delivered { receipts_name_all_records: true, ..Delivered::default() };
    let attempts = Attempts::of(&machine.function);
    let mut delivery = Delivery { machine, attempts, source, options, progress, delivered, bytes_before: 0 };
    for put in files {
        if delivery.delivered.given_up.is_some() {
            delivery.delivered.not_sent.add(format!("{}: comes after the part that was given up", put.file.key));
        } else {
            delivery.run(put).await?;
        }
        delivery.bytes_before += put.file.size;
    }
    delivery.delivered.invocations = delivery.attempts.count;
    Ok(delivery.delivered)
}

struct Delivery<'d> {
    machine: &'d mut Machine,
    attempts: Attempts,
    source: &'d Source,
    options: MappingOptions,
    progress: &'d Progress,
    delivered: Delivered,
    /// The bytes of the files before this one.
    bytes_before: u64,
}

impl Delivery<'_> {
    /// Delivers a file until all its records are settled or given up.
    async fn run(&mut self, put: &Put) -> io::Result<()> {
        let first_receipt = self.delivered.receipts.len();
        let most = self.source.max_record_bytes();
        let mut records = Records::open(put, self.options.record, most, &mut self.delivered.not_sent);
        let mut mapping = self.source.mapping(self.options.batch_records);
        let (mut stored, mut tries) = (0, 0);
        while tries < MAX_TRIES {
            while !mapping.has_full_batch()
                && let Some(record) = records.next(&mut self.delivered.not_sent)
            {
                mapping.put(self.source.item(put, &record));
                stored += 1;
            }
            let Some(batch) = mapping.receive() else { break };
            let bytes = self.bytes_before + records.bytes_read();
            tries = self.batch(put, &mut mapping, batch, tries, bytes).await?;
        }
        self.delivered.records += stored - mapping.waiting() as u64;
        let mut outcome = Outcome::default();
        for (_, receipt) in &self.delivered.receipts[first_receipt..] {
            outcome.add(&Outcome::deserialize(receipt).unwrap_or_default());
        }
        self.progress.settled(&put.file.key, &serde_json::to_value(outcome)?, &EVENT_FATES);
        Ok(())
    }

    /// Delivers a batch once. Returns the number of tries in a row that settled nothing, counting from the last one that
    /// settled something.
    async fn batch(
        &mut self,
        put: &Put,
        mapping: &mut Mapping,
        batch: Batch,
        tries: u32,
        bytes: u64,
    ) -> io::Result<u32> {
        let (event, timeout) = (mapping.event(&batch), self.options.timeout);
        let (answer, receipts) = self.attempts.invoke(self.machine, &event, timeout, self.progress, |_| bytes).await?;
        let Round { items, answer, left, failure } = mapping.settle(batch, answer);
        let named: u64 = receipts.iter().filter_map(|receipt| receipt["records"].as_u64()).sum();
        for receipt in &receipts {
            self.progress.received(&put.file.key, receipt);
        }
        self.delivered.receipts.extend(receipts.into_iter().map(|receipt| (put.file.key.clone(), receipt)));
        if answer.response().is_ok() {
            self.delivered.receipts_name_all_records &= named == items.len() as u64;
        }
        let Some(&first) = left.first() else { return Ok(0) };
        let reason = failure.map_or_else(|| self.attempts.reasons.why(None), |failure| failure.to_string());
        let tries = if left.len() < items.len() { 1 } else { tries + 1 };
        let (key, first) = (&put.file.key, self.source.line(&items[first]));
        let what = format!("{key}, {} of {} records, from line {first} on", left.len(), items.len());
        self.progress.failed(&format!("{what}, failed (try {tries}): {reason}"));
        if tries < MAX_TRIES {
            tokio::time::sleep(PAUSE * tries).await;
        } else {
            self.delivered.given_up = Some(format!("{key}, line {first} and everything after it: {reason}"));
        }
        Ok(tries)
    }
}
