//! Files as records of a stream. They are cut into records, which are delivered and redelivered to the function as
//! the service does it.
//!
//! [`put`] gives each file its position in the stream, [`cut`] and [`records`] its records. [`kinesis`] and [`kafka`] give
//! them the form of their source. [`mapping`] delivers until all records are settled.
//! [`firehose`] does both for a delivery stream, and [`objects`] is its S3. Deliberately absent: the APIs of the
//! services (nothing is sent or polled over a socket), several shards or invocations at a time, KPL's aggregation.

mod arn;
pub mod cut;
pub mod firehose;
pub mod kafka;
pub mod kinesis;
pub mod mapping;
mod not_sent;
pub mod objects;
pub mod put;
pub mod records;

pub use not_sent::NotSent;
