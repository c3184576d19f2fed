//! The function `firehose-transform`: from the records of an invocation to the answers and their receipt.
//!
//! In: the records of a delivery stream. Out: one answer for each record. `Ok` holds its chosen events, shaped, one per
//! line. `Dropped` means that no event was chosen. `ProcessingFailed` means that an event can't be read: Firehose then
//! keeps the whole record unchanged.
//! Deliberately absent: the network, and dead letters, since Firehose itself stores failed records.
//! Also absent: a deadline. An invocation has at most 6 MB and five minutes
//! (<https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html>). It never needs that long: a record
//! inflates to at most `MILLRACE_MAX_RECORD_BYTES` (1 GB out of 5 MB takes 1.3 s). After a timeout Firehose would retry
//! and keep the records.

use std::{convert::Infallible, sync::Arc, time::Instant};

use super::datasets::hash_key;
use crate::{
    aws::Aws,
    lambda::{Failed, FailedBy},
    settings::{TransformSettings, variable},
    source::firehose::{Answers, Data, Full, Invocation, MAX_RESPONSE_BYTES, Record, Response},
    telemetry::{TransformReceipt, elapsed_ms},
};
use pipeline::{
    decode::Event,
    events::{Ended, EventReader, Judge, Refused, Sink, Value, Verdict},
    frame::{FrameError, Frames, Look},
    outcome::{ConfigError, TransformOutcome},
    partition::PartitionValues,
    record::{ItemPosition, Origin},
    rules::{Datasets, Transform},
};

/// The number of failed records of an invocation that are logged. Further ones are only counted, since one wrong rule
/// would fill the log.
const LOGGED_FAILURES: u64 = 100;

/// The function `firehose-transform`.
#[derive(Debug)]
pub struct FirehoseTransform {
    settings: TransformSettings,
    datasets: Datasets,
}

impl FirehoseTransform {
    /// Reads the process's environment and the pipeline.yaml that it names.
    ///
    /// # Errors
    /// Every fault of both at once. Initialisation fails with them.
    pub async fn from_env() -> Result<Self, ConfigError> {
        let settings = TransformSettings::read(variable)?;
        crate::telemetry::init(&settings.log);
        // Load the SDK only if there is a key to read.
        let key = match &settings.hash_key {
            Some(secret) => Some(hash_key(&Aws::load().await.secrets, secret).await?),
            None => None,
        };
        let datasets = Datasets::load(&settings.pipeline, key.as_ref())?;
        Ok(Self { settings, datasets })
    }

    /// Handles one invocation. It blocks: call it on a thread that may block.
    ///
    /// # Errors
    /// The event is not from Firehose, no dataset takes the delivery stream, or the receipt does not balance. Firehose
    /// retries, three times by default. Then it stores the records unchanged under `processing-failed/`, below the error
    /// prefix of the delivery bucket
    /// (<https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html>).
    pub fn handle(&self, invocation: &[u8]) -> Result<Response, Failed> {
        let started = Instant::now();
        let invocation = &Invocation::read(invocation)?;
        let name = invocation.delivery_stream()?;
        let transform = self.datasets.find_delivery_stream(name).ok_or_else(|| {
            FailedBy::NoDataset.because(format!(
                "no dataset's `from` matches the delivery stream `{name}`: add `from: {{ delivery_stream: {name} }}` \
                 to pipeline.yaml, or take the function out of it"
            ))
        })?;
        let mut work = Work::new(name, transform, &self.settings, &invocation.records);
        let response = work.answer(&invocation.records, MAX_RESPONSE_BYTES);
        let receipt = TransformReceipt { elapsed_ms: elapsed_ms(started), ..work.receipt };
        receipt.print()?;
        Ok(response)
    }
}

/// Why a record fails.
#[derive(Debug)]
struct Failure {
    /// The offset of the event in the decompressed record.
    offset: u64,
    /// A stable name to search by.
    error_type: &'static str,
    /// The explanation for a person.
    reason: String,
}

/// The counts of one record.
#[derive(Debug, Default)]
struct Found {
    read: u64,
    dropped: u64,
    chosen: u64,
    /// Events that can't be used. `failure` holds the reason of the first.
    faulty: u64,
    failure: Option<Failure>,
}

impl Found {
    fn fail(&mut self, offset: u64, error_type: &'static str, reason: String) {
        self.read += 1;
        self.faulty += 1;
        self.failure.get_or_insert(Failure { offset, error_type, reason });
    }
}

/// The work of one invocation. Its buffers are reused for every record.
struct Work<'r> {
    transform: &'r Arc<Transform>,
    frames: Frames<&'r [u8]>,
    reader: EventReader,
    judge: Judge,
    /// The chosen events of the current record, one per line.
    data: Vec<u8>,
    /// The values of its partition keys.
    partition: PartitionValues,
    origin: Origin,
    /// The number of the current record.
    record: u32,
    receipt: TransformReceipt,
}

impl<'r> Work<'r> {
    fn new(
        delivery_stream: &str,
        transform: &'r Arc<Transform>,
        settings: &TransformSettings,
        records: &[Record],
    ) -> Self {
        let record_ids = records.iter().map(|record| record.record_id.clone()).collect();
        let arrivals = records.iter().map(Record::arrived_ms).collect();
        Self {
            transform,
            frames: Frames::of_records(transform.format, settings.max_event_bytes)
                .of(&transform.records)
                .within(settings.max_record_bytes),
            reader: EventReader::default(),
            judge: Judge::default(),
            data: Vec::new(),
            partition: PartitionValues::default(),
            origin: Origin::firehose(delivery_stream, record_ids).with_known_times_ms(arrivals),
            record: 0,
            receipt: TransformReceipt {
                delivery_stream: delivery_stream.to_owned(),
                dataset: transform.name.clone(),
                bytes_in: 0,
                bytes_raw: 0,
                bytes_out: 0,
                outcome: TransformOutcome::default(),
                left_out: 0,
                elapsed_ms: 0,
            },
        }
    }

    fn answer(&mut self, records: &'r [Record], max_response_bytes: usize) -> Response {
        let mut answers = Answers::new(records, max_response_bytes);
        for (ordinal, record) in (0..).zip(records) {
            self.record = ordinal;
            self.receipt.outcome.records += 1;
            let mut found = self.read(record, answers.room(record));
            if found.failure.is_none() && found.chosen > 0 {
                let names = self.transform.partition_keys.iter().map(|(name, _)| name.clone());
                let keys = names.zip(self.partition.drain()).collect();
                if let Err(Full) = answers.ok(record, &self.data, keys) {
                    found.failure = Some(no_room(0));
                } else {
                    self.receipt.bytes_out += self.data.len() as u64;
                }
            } else if found.failure.is_none() {
                answers.dropped(record);
            } else {
                answers.failed(record);
            }
            self.settle(found);
        }
        self.receipt.left_out += self.judge.shape.take_left_out() + self.frames.take_left_out();
        answers.finish()
    }

    fn settle(&mut self, found: Found) {
        let Found { read, dropped, chosen, faulty, failure } = found;
        let outcome = &mut self.receipt.outcome;
        outcome.read += read;
        let Some(Failure { offset, error_type, reason }) = failure else {
            outcome.dropped += dropped;
            outcome.passed += chosen;
            *(if chosen > 0 { &mut outcome.ok } else { &mut outcome.dropped_records }) += 1;
            return;
        };
        // Firehose keeps the whole record, including events that would have been dropped.
        outcome.failed += dropped + chosen + faulty;
        outcome.failed_records += 1;
        let at = ItemPosition { record: self.record, offset, ..ItemPosition::default() };
        let position = self.origin.at(at);
        if outcome.failed_records <= LOGGED_FAILURES {
            tracing::error!(%position, error_type, reason, "a record failed: Firehose writes it below the error prefix of its destination");
        }
        if outcome.failed_records == LOGGED_FAILURES {
            tracing::error!(%position, "further records that fail in this invocation are only counted");
        }
    }

    /// Reads one record. After the first fault its events are only counted.
    fn read(&mut self, record: &'r Record, room: usize) -> Found {
        let mut found = Found::default();
        self.data.clear();
        self.partition.clear();
        let bytes = match record.data() {
            Some(Data::Bytes(bytes)) => bytes,
            Some(Data::NotBase64(_)) => {
                found.fail(0, "invalid_base64", "the record is not base64".into());
                return found;
            }
            None => return found,
        };
        self.frames.begin_record(bytes);
        self.fill(&mut found, room);
        self.receipt.bytes_in += bytes.len() as u64;
        self.receipt.bytes_raw += self.frames.bytes_raw();
        found
    }

    fn fill(&mut self, found: &mut Found, room: usize) {
        let Self { transform, frames, reader, judge, data, partition, origin, record, receipt } = self;
        let left_out = &mut receipt.left_out;
        let mut events =
            RecordEvents { transform, judge, data, partition, origin, record: *record, left_out, found, room };
        let Ok(ended) = reader.read(frames, transform.embedded.as_ref(), &mut events);
        match ended {
            Ended::Whole => {}
            Ended::Unreadable(FrameError::Broken { offset, error_type, reason }) => {
                found.fail(offset, error_type, reason);
            }
            Ended::Unreadable(FrameError::Read(error)) => {
                found.fail(frames.offset(), "unreadable", error.to_string());
            }
        }
    }
}

/// The sink for the events of one record. After the first fault they are only counted.
struct RecordEvents<'s> {
    transform: &'s Transform,
    judge: &'s mut Judge,
    data: &'s mut Vec<u8>,
    partition: &'s mut PartitionValues,
    origin: &'s Origin,
    record: u32,
    left_out: &'s mut u64,
    found: &'s mut Found,
    /// The most that the chosen events may take.
    room: usize,
}

impl Sink for RecordEvents<'_> {
    type Stop = Infallible;

    #[inline]
    fn look(&mut self, _offset: u64, _length: u64) -> Result<Look, Infallible> {
        if self.found.failure.is_none() {
            return Ok(Look::Take);
        }
        self.found.read += 1;
        self.found.faulty += 1;
        Ok(Look::Skip)
    }

    #[inline]
    fn take(&mut self, value: Value<'_>, event: &Event<'_>) -> Result<(), Infallible> {
        let Self { transform, judge, data, partition, origin, record, found, room, .. } = self;
        let offset = value.offset;
        let position = origin.at(ItemPosition { record: *record, offset, ..ItemPosition::default() });
        match judge.judge_delivery(transform, event, position, partition) {
            Verdict::Wanted { document, .. } => {
                found.read += 1;
                found.chosen += 1;
                push_line(data, document);
                if data.len() > *room {
                    found.failure = Some(no_room(offset));
                    data.clear();
                }
            }
            // Firehose's records do not expire.
            Verdict::Dropped | Verdict::Expired => {
                found.read += 1;
                found.dropped += 1;
            }
            Verdict::Rejected(Refused { error_type, reason, .. }) => {
                found.fail(offset, error_type, reason.into_owned());
            }
        }
        Ok(())
    }

    #[inline]
    fn count_left_out(&mut self, strings: u64) {
        *self.left_out += strings;
    }

    #[cold]
    fn refuse(&mut self, offset: u64, _payload: &[u8], _length: u64, refused: Refused) -> Result<(), Infallible> {
        self.found.fail(offset, refused.error_type, refused.reason.into_owned());
        Ok(())
    }
}

fn no_room(offset: u64) -> Failure {
    Failure {
        offset,
        error_type: "response_full",
        reason: "the selected events of the record do not fit into the rest of the 6 MB of a Lambda response: lower \
             BufferSizeInMBs of the delivery stream's processor"
            .into(),
    }
}

/// Appends one event as a line. A JSON string holds no raw line break, so every line break in a valid event lies
/// between tokens. Carriage returns are replaced too: line readers such as Athena's end a line at one.
fn push_line(data: &mut Vec<u8>, event: &[u8]) {
    let start = data.len();
    data.extend_from_slice(event);
    let mut rest = start;
    while let Some(at) = memchr::memchr2(b'\n', b'\r', &data[rest..]) {
        data[rest + at] = b' ';
        rest += at + 1;
    }
    data.push(b'\n');
}

#[cfg(test)]
mod tests;
