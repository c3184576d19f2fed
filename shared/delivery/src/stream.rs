//! The functions `kinesis-ingest` and `kafka-ingest`: from the records of an invocation to their receipt and the
//! answer.

mod slow;

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use serde_json::Value;

use self::slow::{Pace, Produced};
use super::{
    delivery::Delivery,
    produce::{End, Producer, RecordContext, rejection},
    settle::Attempted,
};
use crate::{
    aws::Aws,
    datasets::datasets,
    lambda::{Deadline, Failed, FailedBy},
    settings::{Settings, variable},
    source::{
        batch::{Batch, Data, Records, Undelivered},
        kafka::{self, Topic},
        kinesis::{self, Shard},
    },
    telemetry::{Offsets, Subject},
};
use pipeline::{
    frame::{
        Frames,
        kpl::{self, UserRecords},
    },
    outcome::{ConfigError, Stage},
    record::{Facts, ItemPosition, Origin},
    rules::{Dataset, Datasets},
};

/// Either of the two functions.
#[derive(Debug)]
pub struct StreamIngest {
    settings: Settings,
    datasets: Datasets,
    delivery: Delivery,
}

impl StreamIngest {
    /// Reads the process's environment and the pipeline.yaml that it names.
    ///
    /// # Errors
    /// Every fault of both at once. Initialisation fails with them.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let settings = Settings::read(variable)?;
        crate::telemetry::init(&settings.log);
        let aws = Aws::load().await;
        let datasets = datasets(&settings.pipeline, settings.hash_key.as_deref(), &aws).await?;
        let delivery = Delivery::new(&settings, &aws)?;
        Ok(Self { settings, datasets, delivery })
    }

    /// Handles one invocation by Kinesis. The answer names the first record of the shard that has to be redelivered.
    ///
    /// # Errors
    /// The domain refuses permanently, or no dataset takes the stream: the whole batch is redelivered, and an alarm
    /// rings.
    pub async fn kinesis(&self, invocation: &[u8], deadline: Deadline) -> Result<Value, Failed> {
        self.delivery.invocation(deadline, self.shards(invocation, deadline)).await
    }

    async fn shards(&self, invocation: &[u8], deadline: Deadline) -> Result<Value, Failed> {
        let mut failed = Vec::new();
        let keys_of = |name: &str| self.datasets.find_stream(name).is_some_and(|dataset| dataset.wants_facts());
        for mut shard in kinesis::shards(invocation, keys_of)? {
            shard.name_keys();
            let dataset = self.datasets.find_stream(shard.stream_name());
            let dataset = dataset.ok_or_else(|| unwanted("stream", shard.stream_name()))?;
            let (count, origin) = (shard.batch.records.len(), Arc::clone(&shard.batch.origin));
            let Shard { stream, shard, batch, .. } = shard;
            let subject = |undelivered: &Undelivered| {
                let number = |record: u32| origin.sequence_number(record).map(str::to_owned);
                let first = undelivered.first_in(0..ordinal(count));
                Subject::Kinesis {
                    stream,
                    shard,
                    records: count,
                    start_sequence_number: number(0).unwrap_or_default(),
                    end_sequence_number: first.unwrap_or(ordinal(count)).checked_sub(1).and_then(number),
                }
            };
            let undelivered = self.batch(batch, dataset, deadline, subject).await?;
            let first = undelivered.first_in(0..ordinal(count));
            failed.extend(first.and_then(|record| origin.sequence_number(record)).map(str::to_owned));
        }
        Ok(kinesis::respond(failed.iter().map(String::as_str)))
    }

    /// Handles one invocation by Kafka. The answer names the first record of each partition that has to be redelivered.
    ///
    /// # Errors
    /// The domain refuses permanently, or no dataset takes a topic: the whole batch is redelivered, and an alarm rings.
    pub async fn kafka(&self, invocation: &[u8], deadline: Deadline) -> Result<Value, Failed> {
        self.delivery.invocation(deadline, self.topics(invocation, deadline)).await
    }

    async fn topics(&self, invocation: &[u8], deadline: Deadline) -> Result<Value, Failed> {
        let mut failed = Vec::new();
        let facts_of = |name: &str| self.datasets.find_topic(name).is_some_and(|dataset| dataset.wants_facts());
        let cluster = self.settings.kafka_cluster.as_deref();
        for Topic { topic, batch, partitions } in kafka::topics(invocation, cluster, facts_of)? {
            let dataset = self.datasets.find_topic(&topic).ok_or_else(|| unwanted("topic", &topic))?;
            let records = batch.records.len();
            let subject = |undelivered: &Undelivered| {
                let offsets = |partition: &kafka::Partition| {
                    let first = undelivered.first_in(partition.range.clone());
                    Offsets {
                        start_offset: partition.offset(partition.range.start),
                        end_offset: first.map_or_else(|| partition.end(), |record| partition.offset(record)),
                    }
                };
                let partitions: BTreeMap<_, _> = partitions.iter().map(|p| (p.number, offsets(p))).collect();
                Subject::Kafka { topic, records, partitions }
            };
            let undelivered = self.batch(batch, dataset, deadline, subject).await?;
            for partition in partitions {
                if let Some(record) = undelivered.first_in(partition.range.clone()) {
                    let offset = partition.offset(record);
                    failed.push((partition.name, offset));
                }
            }
        }
        Ok(kafka::respond(failed.iter().map(|(partition, offset)| (partition.as_str(), *offset))))
    }

    /// Delivers the records of one shard or topic, and prints their receipt. Returns the records to redeliver.
    async fn batch(
        &self,
        batch: Batch,
        dataset: &Arc<Dataset>,
        deadline: Deadline,
        subject: impl FnOnce(&Undelivered) -> Subject,
    ) -> Result<Undelivered, Failed> {
        let started = Instant::now();
        let Batch { origin, records } = batch;
        let count = records.len();
        let bytes_in = records.byte_len() as u64;
        let (rules, from) = (Arc::clone(dataset), Arc::clone(&origin));
        let Settings { max_event_bytes, max_record_bytes, .. } = self.settings;
        let produce = move |bodies| {
            let (mut bytes_raw, mut pace) = (0, Pace::new());
            let end = Producer::run(bodies, &rules, &from, |producer| {
                let frames =
                    Frames::of_records(rules.format, max_event_bytes).of(&rules.records).within(max_record_bytes);
                read(producer, &records, &from, frames, &mut bytes_raw, &mut pace)
            });
            Produced { end, records, pace, bytes_raw }
        };
        let (mut settlement, produced) =
            self.delivery.run(&origin, dataset, ItemPosition::default(), deadline, produce).await;
        let records = std::mem::take(&mut settlement.undelivered_records);
        let mut undelivered = Undelivered { records, from: settlement.end.record };
        if let Some(produced) = &produced
            && let Some(record) =
                slow::settle(&self.delivery, &dataset.name, &origin, produced, &mut settlement, deadline).await
        {
            undelivered.from = record + 1;
        }
        let receipt = settlement.receipt(Attempted {
            subject: subject(&undelivered),
            dataset: &dataset.name,
            is_final: settlement.failure.is_none() && undelivered.first_in(0..ordinal(count)).is_none(),
            handed_on: false,
            bytes_in,
            bytes_raw: produced.map_or(0, |produced| produced.bytes_raw),
            started,
        })?;
        match settlement.failure {
            Some(failure) if failure.is_permanent => {
                let by = if receipt.panicked > 0 { FailedBy::Panicked } else { FailedBy::Refused };
                Err(by.because(failure.reason))
            }
            Some(failure) => {
                tracing::error!(dataset = dataset.name, reason = failure.reason, "records come again");
                Ok(undelivered)
            }
            None => Ok(undelivered),
        }
    }
}

impl Shard {
    /// Gives each record its partition key, if a rule asks for it. Each user record of an aggregated record has its own
    /// key.
    fn name_keys(&mut self) {
        if self.partition_keys.is_empty() {
            return;
        }
        let mut facts = BTreeMap::new();
        let mut name = |at: (u32, u32), key: Option<String>| {
            facts.extend(key.map(|key| (at, Facts { partition_key: Some(key), ..Facts::default() })));
        };
        let keys = std::mem::take(&mut self.partition_keys);
        for ((ordinal, users), key) in (0..).zip(user_records(&self.batch.records)).zip(keys) {
            match users.and_then(|users| users.partition_keys()) {
                Some(keys) => (0..).zip(keys).for_each(|(index, key)| name((ordinal, index), key.map(str::to_owned))),
                None => name((ordinal, 0), key),
            }
        }
        self.batch.origin = Arc::new(Origin::clone(&self.batch.origin).with_facts(facts));
    }
}

/// Reads every record of a batch with the same buffers. An aggregated record is split into its user records.
fn read<'r>(
    producer: &mut Producer<'_>,
    records: &'r Records,
    origin: &Origin,
    mut frames: Frames<&'r [u8]>,
    bytes_raw: &mut u64,
    pace: &mut Pace,
) -> (End, ItemPosition) {
    let mut id_prefix = String::new();
    // All checksums together, which is milliseconds for the largest invocation. No record's pace counts them.
    let users_of_each = user_records(records);
    for ((ordinal, record), users) in (0..).zip(records.iter()).zip(users_of_each) {
        *pace = Pace::new();
        producer.begin_waits();
        let mut at = ItemPosition { record: ordinal, ..ItemPosition::default() };
        let bytes = match record.data {
            Data::Bytes(bytes) => bytes,
            Data::NotBase64(text) => {
                let rejection = rejection(at, Stage::Source, "invalid_base64", "the record is not base64".into());
                if producer.reject(&rejection, text, text.len() as u64).is_err() {
                    return (End::Stopped, at);
                }
                continue;
            }
        };
        let mut fill = |at: ItemPosition, bytes: &'r [u8]| {
            origin.write_id_prefix(at.record, at.aggregate_index, &mut id_prefix);
            frames.begin_record(bytes);
            let context = RecordContext { at, id_prefix: &id_prefix, time_ms: record.time_ms, bytes };
            let (end, position) = producer.fill(&mut frames, context);
            *bytes_raw += frames.bytes_raw();
            match end {
                End::Whole => Ok(()),
                end => Err((end, position)),
            }
        };
        let filled = match users {
            None => fill(at, bytes),
            Some(mut users) => users.try_for_each(|user| {
                at.aggregate_index = user.index;
                fill(at, user.data)
            }),
        };
        if let Err(stopped) = filled {
            pace.longest_wait = producer.longest_wait();
            return stopped;
        }
    }
    (End::Whole, ItemPosition { record: ordinal(records.len()), ..ItemPosition::default() })
}

/// The user records of each record. `None` for an ordinary record.
fn user_records(records: &Records) -> Vec<Option<UserRecords<'_>>> {
    kpl::split(records.iter().map(|record| match record.data {
        Data::Bytes(bytes) => bytes,
        Data::NotBase64(_) => &[],
    }))
}

/// Lambda sends 10,000 records at most.
fn ordinal(record: usize) -> u32 {
    u32::try_from(record).unwrap_or(u32::MAX)
}

/// The error for a stream without a dataset. The stream was connected to the function on purpose, so its records must
/// not be skipped.
fn unwanted(kind: &str, name: &str) -> Failed {
    FailedBy::NoDataset.because(format!(
        "no dataset's `from` matches the {kind} `{name}`: add `from: {{ {kind}: {name} }}` to pipeline.yaml, or disconnect it"
    ))
}
