//! Files of one's own as what runs through a stream: cut into records, brought to the function as the service brings
//! them, and again as the service does where the function says so.
//!
//! [`put`] gives each file its place in the stream, [`cut`] its records, [`batch`] its batches; [`kinesis`] and [`kafka`] make events of them
//! and read answers, [`mapping`] goes on until all is settled; [`firehose`] does both for a delivery stream, and
//! [`objects`] is its S3. Deliberately absent: the services' own APIs (nothing is put or polled over a socket),
//! several shards or invocations at a time, KPL's aggregation.

pub mod batch;
pub mod cut;
pub mod firehose;
pub mod kafka;
pub mod kinesis;
pub mod mapping;
pub mod objects;
pub mod put;

/// The account of every ARN.
const ACCOUNT: &str = "000000000000";
/// The region of every ARN.
const REGION: &str = "us-east-1";
/// The most that an invocation's payload may have: 6 MB (Lambda quotas, "Invocation payload, synchronous").
pub const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;
/// Records that are not sent, as far as each is named.
const NAMED_NOT_SENT: usize = 100;

/// What was not brought to the function at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotSent {
    /// How many records, files' ends and files.
    pub count: u64,
    /// The first of them, with the reason.
    pub first: Vec<String>,
}

impl NotSent {
    /// One more.
    pub fn add(&mut self, what: String) {
        self.count += 1;
        if self.first.len() < NAMED_NOT_SENT {
            self.first.push(what);
        }
    }
}
