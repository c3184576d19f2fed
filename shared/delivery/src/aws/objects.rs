//! S3: open an object at a byte, list objects, write dead letters, read and write small documents.

mod answer;
mod client;
mod open;

pub use aws_sdk_s3::primitives::ByteStream;

pub use client::{Listed, ObjectRef, Objects, Page};
pub use open::{OpenError, Opened};
