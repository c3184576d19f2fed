//! Delivery from a source into a domain, with the promises of docs/DELIVERY.md.
//!
//! In: an invocation and its deadline. Out: the response, after every event has one fate and a receipt that counts it.
//! The path of an object, or of the records of a stream, has three steps. One producer on a blocking thread fills
//! bodies (`produce`). Each body is delivered separately (`send`). The fates of all bodies are summed up (`settle`).
//! Back-pressure has one place: the producer waits for an empty body.
//!
//! - [`source`]: the acknowledgement contract of each event source
//! - [`cluster`]: sign a request to the domain, send it, read the answer
//! - [`aws`]: the SDK clients
//! - [`settings`]: the environment of the functions that ingest
//! - [`lambda`]: the deadline, and the error type of a failed invocation
//! - [`telemetry`]: the log and the receipts
//! - [`retry`]: the pauses between retries

pub mod aws;
mod bundles;
pub mod cluster;
mod datasets;
mod dead_letters;
mod delivered;
mod deliveries;
mod delivery;
mod ingest;
pub mod lambda;
mod letters;
mod marker;
mod not_settled;
mod object;
mod onward;
mod pool;
mod produce;
mod rejected_rest;
mod request;
mod rest;
pub mod retry;
mod rollover;
mod s3;
mod schedule;
mod send;
mod sender;
pub mod settings;
mod settle;
pub mod source;
mod stream;
mod suspects;
pub mod telemetry;
mod transform;
mod turns;
mod unmatched;
mod work;

pub use datasets::datasets;
pub use ingest::{S3Ingest, fed_back};
pub use stream::StreamIngest;
pub use transform::FirehoseTransform;
