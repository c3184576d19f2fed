//! The compressed bytes: a reader, and one chunk of what it returned.

use std::io::{self, Read};

use super::compression::Compression;
use crate::frame::white_space::is_white_space;

/// How many compressed bytes one read asks for.
const CHUNK: usize = 64 * 1024;

/// Why there are no more bytes.
pub(in crate::frame) enum Fault {
    /// The reader failed. The next call tries again.
    Read(io::Error),
    /// The content is broken. Every later call returns the same fault.
    Broken(&'static str, String),
}

/// A source of decompressed bytes.
pub(super) trait Source {
    /// Like [`Read::read`], with another error type. Returns 0 only at the end.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Fault>;
}

/// Passes the bytes through unchanged.
pub(super) struct Plain<R>(pub(super) R);

impl<R: Read> Source for Plain<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Fault> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result.map_err(Fault::Read),
            }
        }
    }
}

/// The reader and one chunk of its bytes.
pub(super) struct Input<R> {
    pub(super) reader: R,
    pub(super) chunk: Box<[u8]>,
    pub(super) pos: usize,
    pub(super) end: usize,
    ended: bool,
    pub(super) bytes_in: u64,
}

impl<R: Source> Input<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, chunk: vec![0; CHUNK].into(), pos: 0, end: 0, ended: false, bytes_in: 0 }
    }

    pub(super) fn restart(&mut self) {
        (self.pos, self.end, self.ended, self.bytes_in) = (0, 0, false, 0);
    }

    pub(super) fn held(&self) -> &[u8] {
        &self.chunk[self.pos..self.end]
    }

    /// How many bytes the decoder has taken.
    pub(super) fn consumed(&self) -> u64 {
        self.bytes_in - self.held().len() as u64
    }

    /// Whether the chunk holds a byte. Reads more if it is empty.
    pub(super) fn available(&mut self) -> Result<bool, Fault> {
        if self.pos == self.end {
            self.pos = 0;
            self.end = 0;
            self.read_more()?;
        }
        Ok(self.pos < self.end)
    }

    /// Passes over white space in the chunk, and returns the byte after it.
    pub(super) fn after_white_space(&mut self) -> Option<u8> {
        self.pos += self.held().iter().take_while(|&&byte| is_white_space(byte)).count();
        self.held().first().copied()
    }

    /// Reads more bytes into the chunk. Does nothing at the end.
    pub(super) fn read_more(&mut self) -> Result<(), Fault> {
        if !self.ended {
            let count = self.reader.read(&mut self.chunk[self.end..])?;
            self.ended = count == 0;
            self.end += count;
            self.bytes_in += count as u64;
        }
        Ok(())
    }

    /// Returns the bytes of the chunk first. After that, the reader writes straight into `out`.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, Fault> {
        if self.pos < self.end {
            let count = out.len().min(self.end - self.pos);
            out[..count].copy_from_slice(&self.chunk[self.pos..self.pos + count]);
            self.pos += count;
            return Ok(count);
        }
        if self.ended {
            return Ok(0);
        }
        let count = self.reader.read(out)?;
        self.ended = count == 0;
        self.bytes_in += count as u64;
        Ok(count)
    }

    /// Detects the compression from the first four bytes, without taking them.
    pub(super) fn sniff(&mut self) -> Result<Compression, Fault> {
        while self.end < 4 && !self.ended {
            match self.read_more() {
                // The next read reports the fault again, after the readable bytes.
                Err(Fault::Broken(..)) if self.end > 0 => break,
                other => other?,
            }
        }
        Ok(Compression::of(self.held()))
    }
}

pub(super) fn truncated(what: &str) -> Fault {
    Fault::Broken("truncated", format!("the object ends inside {what}"))
}
