//! Files as records of a stream. They are cut into records, which are delivered and redelivered to the function as
//! the service does it.
//!
//! [`put`] gives each file its position in the stream, [`cut`] its records, [`batch`] its batches. [`kinesis`] and
//! [`kafka`] make events from the records and read the answers. [`mapping`] delivers until all records are settled.
//! [`firehose`] does both for a delivery stream, and [`objects`] is its S3. Deliberately absent: the APIs of the
//! services (nothing is sent or polled over a socket), several shards or invocations at a time, KPL's aggregation.

pub mod batch;
pub mod cut;
pub mod firehose;
pub mod kafka;
pub mod kinesis;
pub mod mapping;
pub mod objects;
pub mod put;

/// The account in every ARN.
const ACCOUNT: &str = "000000000000";
/// The region in every ARN.
const REGION: &str = "us-east-1";
/// The largest payload of an invocation: 6 MB (Lambda quotas, "Invocation payload, synchronous").
pub const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;
/// The largest number of records that are listed as not sent.
const NAMED_NOT_SENT: usize = 100;

/// The records, ends of files and files that were not delivered to the function.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotSent {
    /// Their number.
    pub count: u64,
    /// The first of them, with their reasons.
    pub first: Vec<String>,
}

impl NotSent {
    /// Adds one.
    pub fn add(&mut self, what: String) {
        self.count += 1;
        if self.first.len() < NAMED_NOT_SENT {
            self.first.push(what);
        }
    }
}
