//! The acknowledgement contract of each event source, and nothing else.

pub mod batch;
pub mod firehose;
mod invalid;
pub mod kafka;
pub mod kinesis;
pub mod s3;

pub use invalid::InvalidEvent;
