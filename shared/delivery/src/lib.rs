//! From a source into a domain, with the promises of docs/DELIVERY.md.
//!
//! In: an invocation and its deadline. Out: the response, after every event of it has one fate and a receipt says so. The
//! path of an object, or of the records of a stream: one producer on a blocking thread fills bodies (`produce`), each body
//! is delivered on its own (`send`), and the fates of all of them are summed up (`settle`). Waiting for an empty body is
//! the only back-pressure.
//!
//! - [`source`]: the acknowledgement contract of each event source
//! - [`cluster`]: sign a request to the domain, send it, read the answer
//! - [`aws`]: the SDK clients
//! - [`settings`]: the environment of the functions that ingest
//! - [`lambda`]: the deadline, and the word for a failed invocation
//! - [`telemetry`]: the log and the receipts
//! - [`retry`]: the pace of repetitions

pub mod aws;
mod carry;
pub mod cluster;
mod deliveries;
mod delivery;
pub mod lambda;
mod letters;
mod marker;
mod object;
mod onward;
mod places;
mod pool;
mod produce;
mod rest;
pub mod retry;
mod s3;
mod send;
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

pub use carry::datasets;
pub use s3::{S3Ingest, fed_back};
pub use stream::StreamIngest;
pub use transform::FirehoseTransform;
