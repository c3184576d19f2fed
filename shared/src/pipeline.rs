//! Produce, send, settle: the only place that knows both ends.
//!
//! In: an invocation and its deadline. Out: the response, after every event of it has one fate and a receipt says so. The
//! path of an object, or of the records of a stream: one producer on a blocking thread fills bodies (`produce`), each body
//! is delivered on its own (`send`), and what became of all of them is summed up (`settle`). Waiting for an empty body is
//! the only back-pressure.

mod carry;
mod deliveries;
mod delivery;
mod dry_run;
mod event;
mod letters;
mod marker;
mod object;
mod onward;
mod places;
mod pool;
mod produce;
mod rest;
mod s3;
mod send;
mod settle;
mod stream;
mod suspects;
mod transform;
mod turns;
mod unmatched;
mod work;

pub(crate) use carry::datasets;
pub use dry_run::{Cost, DryRun, Fate, Rules};
pub use s3::S3Ingest;
pub(crate) use s3::fed_back;
pub use stream::StreamIngest;
pub use transform::FirehoseTransform;
