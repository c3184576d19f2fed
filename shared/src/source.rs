//! The acknowledgement contract of each event source, and nothing else.

pub mod s3;
