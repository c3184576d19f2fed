//! Compresses the bodies of requests.
//!
//! In: the parts of a body. Out: one gzip member. igzip of ISA-L does it where `build.rs` could compile it, otherwise
//! zlib-rs: the output differs, what it inflates to does not. igzip's output also differs between CPUs.
//! Deliberately absent: inflating, since objects come from strangers and zlib-rs is safe Rust.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

#[cfg(igzip)]
mod igzip;

/// The name of the compressor that [`compress`] uses.
pub const COMPRESSOR: &str = if cfg!(igzip) { "igzip" } else { "zlib-rs" };

/// Compresses `parts`, which have `length` bytes together.
pub fn compress<'a>(parts: impl Iterator<Item = &'a [u8]>, length: usize) -> Vec<u8> {
    #[cfg(igzip)]
    return igzip::compress(parts, length);
    #[cfg(not(igzip))]
    compress_by_zlib(parts, length)
}

/// The same by zlib-rs on every machine, for comparisons.
///
/// # Panics
/// Never, since writing into memory does not fail.
pub fn compress_by_zlib<'a>(parts: impl Iterator<Item = &'a [u8]>, length: usize) -> Vec<u8> {
    // Level 1: it already shrinks JSON to a third or less. Each further level costs more CPU than the network saves.
    let mut encoder = GzEncoder::new(Vec::with_capacity(length / 3), Compression::fast());
    for part in parts {
        encoder.write_all(part).expect("writing into memory does not fail");
    }
    encoder.finish().expect("writing into memory does not fail")
}

#[cfg(test)]
mod tests;
