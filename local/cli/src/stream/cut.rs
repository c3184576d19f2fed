//! Cuts a file into records: its lines, or the whole file as one.
//!
//! In: a file. If it is cut into lines, gzip and zstd files are recognised by their first bytes and decompressed. Out:
//! records of limited size, and the length of records that are too long. At most one record is in memory. Blank lines
//! are skipped, and a line loses its line break. Deliberately absent: parsing of lines. A file with an array or one
//! pretty-printed object needs [`RecordIs::File`].

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;

/// The unit of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum RecordIs {
    /// One line. Compressed files are decompressed first.
    #[default]
    Line,
    /// A whole file, unchanged.
    File,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The number of its line in the file, from 1; 1 for a whole file.
    pub number: u64,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// The next part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// A record.
    Record(Record),
    /// A record above the size limit.
    TooLong {
        /// The number of its line.
        number: u64,
        /// Its length.
        bytes: u64,
    },
}

/// Cuts one file.
pub struct Cuts {
    reader: Box<dyn BufRead + Send>,
    record: RecordIs,
    max_bytes: usize,
    number: u64,
    consumed: Arc<AtomicU64>,
}

impl Cuts {
    /// Opens a file. A record has at most `max_bytes`.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn open(path: &Path, record: RecordIs, max_bytes: usize) -> io::Result<Self> {
        let consumed = Arc::new(AtomicU64::new(0));
        let counted = Counted { file: File::open(path)?, consumed: Arc::clone(&consumed) };
        let mut plain = BufReader::with_capacity(64 * 1024, counted);
        let reader: Box<dyn BufRead + Send> = match (record, plain.fill_buf()?) {
            (RecordIs::Line, [0x1f, 0x8b, ..]) => Box::new(BufReader::new(MultiGzDecoder::new(plain))),
            (RecordIs::Line, [0x28, 0xb5, 0x2f, 0xfd, ..]) => {
                Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(plain)?))
            }
            _ => Box::new(plain),
        };
        Ok(Self { reader, record, max_bytes, number: 0, consumed })
    }

    /// The next record. `None` at the end.
    ///
    /// # Errors
    /// The file can't be read after line [`Self::number`], or its compression is broken.
    pub fn cut(&mut self) -> io::Result<Option<Cut>> {
        loop {
            // Two more bytes for a line break, so that the end of a record of exactly `max_bytes` is found.
            let most = self.max_bytes as u64 + 2;
            let mut data = Vec::new();
            let mut part = self.reader.by_ref().take(most);
            let mut bytes = match self.record {
                RecordIs::Line => part.read_until(b'\n', &mut data)?,
                RecordIs::File => part.read_to_end(&mut data)?,
            } as u64;
            if bytes == 0 {
                return Ok(None);
            }
            self.number += 1;
            if bytes == most && (self.record == RecordIs::File || !data.ends_with(b"\n")) {
                bytes += match self.record {
                    RecordIs::Line => self.reader.skip_until(b'\n')? as u64,
                    RecordIs::File => io::copy(&mut self.reader, &mut io::sink())?,
                };
            } else if self.record == RecordIs::Line {
                let end = data.strip_suffix(b"\n").map_or(data.len(), <[u8]>::len);
                let end = data[..end].strip_suffix(b"\r").map_or(end, <[u8]>::len);
                data.truncate(end);
                bytes = end as u64;
            }
            return Ok(Some(if bytes > self.max_bytes as u64 {
                Cut::TooLong { number: self.number, bytes }
            } else if data.iter().all(u8::is_ascii_whitespace) {
                continue;
            } else {
                Cut::Record(Record { number: self.number, data })
            }));
        }
    }

    /// The number of the last line read.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The number of bytes of the file read so far.
    pub fn bytes_read(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Cuts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Cuts").field("number", &self.number).finish_non_exhaustive()
    }
}

struct Counted {
    file: File,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(out)?;
        self.consumed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn cut(content: &[u8], record: RecordIs, max_bytes: usize) -> (Vec<Cut>, Option<String>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let mut cuts = Cuts::open(file.path(), record, max_bytes).unwrap();
        let mut all = Vec::new();
        loop {
            match cuts.cut() {
                Ok(Some(cut)) => all.push(cut),
                Ok(None) => {
                    assert_eq!(cuts.bytes_read(), content.len() as u64);
                    return (all, None);
                }
                Err(error) => return (all, Some(error.to_string())),
            }
        }
    }

    fn record(number: u64, data: &str) -> Cut {
        Cut::Record(Record { number, data: data.into() })
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn lines_are_records_without_line_breaks_and_blank_lines_are_skipped() {
        let lines = b"{\"a\":1}\r\n\n \t\n{\"a\":\"\xe2\x80\xa8\"}\nlast";
        let expected = vec![record(1, "{\"a\":1}"), record(4, "{\"a\":\"\u{2028}\"}"), record(5, "last")];
        let members = [gzip(&lines[..5]), gzip(&lines[5..])].concat();
        let frames = [zstd::encode_all(&lines[..5], 1).unwrap(), zstd::encode_all(&lines[5..], 1).unwrap()].concat();
        for content in [lines.to_vec(), members, frames] {
            assert_eq!(cut(&content, RecordIs::Line, 100), (expected.clone(), None));
        }
        assert_eq!(cut(b"", RecordIs::Line, 100), (vec![], None));
    }

    #[test]
    fn a_line_that_is_too_long_is_reported_with_its_length_and_skipped() {
        for (content, expected) in [
            ("12345\n1\n", vec![record(1, "12345"), record(2, "1")]),
            ("12345\r\n1\n", vec![record(1, "12345"), record(2, "1")]),
            ("12345", vec![record(1, "12345")]),
            ("123456\n1\n", vec![Cut::TooLong { number: 1, bytes: 6 }, record(2, "1")]),
            ("123456", vec![Cut::TooLong { number: 1, bytes: 6 }]),
            ("1234567", vec![Cut::TooLong { number: 1, bytes: 7 }]),
            ("12345678901\n1\n", vec![Cut::TooLong { number: 1, bytes: 12 }, record(2, "1")]),
        ] {
            assert_eq!(cut(content.as_bytes(), RecordIs::Line, 5), (expected, None), "{content:?}");
        }
    }

    #[test]
    fn a_whole_file_is_a_record_as_it_is() {
        assert_eq!(cut(b"[1,\n2]\n", RecordIs::File, 7).0, [record(1, "[1,\n2]\n")]);
        assert_eq!(cut(b"[1,\n23]\n", RecordIs::File, 7).0, [Cut::TooLong { number: 1, bytes: 8 }]);
        assert_eq!(cut(&[b'x'; 100], RecordIs::File, 7).0, [Cut::TooLong { number: 1, bytes: 100 }]);
        let compressed = gzip(b"{}\n");
        let expected = Cut::Record(Record { number: 1, data: compressed.clone() });
        assert_eq!(cut(&compressed, RecordIs::File, 100).0, [expected]);
    }

    #[test]
    fn a_broken_file_gives_what_is_readable_and_says_so() {
        let noise: Vec<u8> =
            (0..200_000_u32).flat_map(|n| format!("{}\n", n.wrapping_mul(2_654_435_761)).into_bytes()).collect();
        let whole = gzip(&noise);
        let (cuts, error) = cut(&whole[..whole.len() / 2], RecordIs::Line, 100);
        assert!(cuts.len() > 1000 && cuts.len() < 200_000, "{}", cuts.len());
        assert!(error.is_some());
    }
}
