//! Bytes become payloads: decompressed as the magic bytes say, cut into single JSON values, limited in size.
//!
//! In: a blocking reader over the bytes of an object, or the records of a stream, one after another. The reader ends
//! only when all bytes were read. [`kpl`] splits aggregated records. Out: [`Frame`]s, borrowed from one buffer, each
//! with its offset in the decompressed stream, and a [`Checkpoint`] for any of them. Deliberately absent: validation
//! (decode's), retries (the source retries after a [`FrameError::Read`]), and memory that grows with the input.

mod around;
mod buffer;
mod checkpoint;
mod cloudwatch;
mod detect;
mod elements;
mod error;
mod format;
mod frames;
mod gap;
mod history;
mod inflate;
pub mod kpl;
mod lines;
mod log_events;
mod magic;
mod next;
mod noise;
mod only;
mod records;
mod scan;
mod seam;
mod seek;
mod skip;
mod state;
mod stream;
mod text;
mod torn;
mod values;
mod white_space;

pub use checkpoint::Checkpoint;
pub use error::FrameError;
pub use format::Format;
pub use frames::{Frame, Frames};
pub use inflate::{Compression, Member};
pub use only::{Awaited, Look, Only};
pub use records::Records;

/// Default of `MILLRACE_MAX_EVENT_BYTES`: 1 MiB.
pub const DEFAULT_MAX_EVENT_BYTES: usize = 1 << 20;
/// Default of `MILLRACE_MAX_RECORD_BYTES`: 1 GiB, which takes two or three seconds to inflate.
pub const DEFAULT_MAX_RECORD_BYTES: u64 = 1 << 30;

#[cfg(test)]
mod tests;
