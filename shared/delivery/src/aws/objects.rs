//! S3: open an object at a byte, list objects, write dead letters, read and write small documents.

mod answer;
mod client;
mod listed;
mod open;
mod owner;
mod region;

pub use aws_sdk_s3::primitives::ByteStream;

pub use client::{ObjectRef, Objects};
pub use listed::{Listed, Page};
pub use open::{OpenError, Opened};
