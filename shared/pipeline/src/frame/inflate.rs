//! Decompresses the bytes of an object.
//!
//! In: a blocking reader that ends only when all bytes of the object were read. Out: decompressed bytes, written
//! straight into the caller's buffer, and where each gzip member begins, for a restart by a Range request. Deliberately
//! absent: file names and content types, which are often wrong. Only the magic bytes count.

mod compression;
mod gzip;
mod input;
mod source;
mod twice;
mod zstd;

pub use compression::{Compression, Member};
pub(super) use input::Fault;
pub(super) use twice::Twice;
