//! The records of one file, one at a time or in batches.
//!
//! In: a file. Out: its records. A record that is too long, and a file that can't be read, are reported instead. At most
//! one batch and one record are in memory.

use super::{
    cut::{Cut, Cuts, Record, RecordIs},
    not_sent::NotSent,
    put::Put,
};

/// The records of one file.
#[derive(Debug)]
pub struct Records<'f> {
    put: &'f Put,
    most: usize,
    cuts: Option<Cuts>,
    /// The first record of the next batch, if it was read already.
    held: Option<Record>,
}

impl<'f> Records<'f> {
    /// Opens a file. A record has at most `most` bytes. A file that can't be opened has no records.
    pub fn open(put: &'f Put, record: RecordIs, most: usize, not_sent: &mut NotSent) -> Self {
        let cuts = Cuts::open(&put.file.path, record, most);
        let cuts = cuts.inspect_err(|error| not_sent.add(format!("{}: {error}", put.file.key))).ok();
        Self { put, most, cuts, held: None }
    }

    /// The next batch, as large as the limits of its records and their bytes allow. A batch of one record may be larger.
    /// Empty at the end.
    pub fn batch(&mut self, max_records: usize, max_bytes: usize, not_sent: &mut NotSent) -> Vec<Record> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < max_records {
            let Some(record) = self.held.take().or_else(|| self.next(not_sent)) else { break };
            bytes += record.data.len();
            if bytes > max_bytes && !batch.is_empty() {
                self.held = Some(record);
                break;
            }
            batch.push(record);
        }
        batch
    }

    /// The next record.
    pub fn next(&mut self, not_sent: &mut NotSent) -> Option<Record> {
        let key = &self.put.file.key;
        loop {
            let cuts = self.cuts.as_mut()?;
            match cuts.cut() {
                Ok(Some(Cut::Record(record))) => return Some(record),
                Ok(Some(Cut::TooLong { number, bytes })) => {
                    let most = self.most;
                    not_sent.add(format!("{key}, line {number}: {bytes} bytes, but a record has at most {most}"));
                }
                Ok(None) => self.cuts = None,
                Err(error) => {
                    not_sent.add(format!("{key}: can't be read after line {}: {error}", cuts.number()));
                    self.cuts = None;
                }
            }
        }
    }

    /// The number of bytes of the file read so far.
    pub fn bytes_read(&self) -> u64 {
        self.cuts.as_ref().map_or(self.put.file.size, Cuts::bytes_read)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::files::File;

    /// The numbers of the records of each batch. A record has at most 7 bytes.
    fn batches(content: &str, max_records: usize, max_bytes: usize) -> (Vec<Vec<u64>>, NotSent) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        let (path, size) = (file.path().to_owned(), content.len() as u64);
        let put = Put { file: File { path, key: "a.json".into(), size }, place: 0, modified_ms: 0 };
        let mut not_sent = NotSent::default();
        let mut records = Records::open(&put, RecordIs::Line, 7, &mut not_sent);
        let mut numbers = Vec::new();
        loop {
            let batch = records.batch(max_records, max_bytes, &mut not_sent);
            if batch.is_empty() {
                assert_eq!(records.bytes_read(), size);
                return (numbers, not_sent);
            }
            numbers.push(batch.iter().map(|record| record.number).collect());
        }
    }

    #[test]
    fn a_batch_ends_where_either_limit_is_met_and_no_record_is_left_out() {
        let lines = "123\n123\n123\n1234567\n1\n1\n1\n1\n";
        assert_eq!(batches(lines, 3, 100).0, [vec![1, 2, 3], vec![4, 5, 6], vec![7, 8]]);
        assert_eq!(batches(lines, 100, 6).0, [vec![1, 2], vec![3], vec![4], vec![5, 6, 7, 8]]);
        assert_eq!(batches(lines, 100, 3).0, [vec![1], vec![2], vec![3], vec![4], vec![5, 6, 7], vec![8]]);
        assert_eq!(batches("", 1, 1).0, Vec::<Vec<u64>>::new());
    }

    #[test]
    fn a_record_that_is_not_sent_is_reported_with_its_line() {
        let (numbers, not_sent) = batches("1\n12345678\n2\n", 9, 99);
        assert_eq!((numbers, not_sent.count), (vec![vec![1, 3]], 1));
        assert_eq!(not_sent.first, ["a.json, line 2: 8 bytes, but a record has at most 7"]);
        let missing = File { path: PathBuf::from("/nowhere/b"), key: "b".into(), size: 4 };
        let (put, mut not_sent) = (Put { file: missing, place: 0, modified_ms: 0 }, NotSent::default());
        let mut records = Records::open(&put, RecordIs::Line, 7, &mut not_sent);
        assert_eq!(records.next(&mut not_sent), None);
        assert!(not_sent.first[0].starts_with("b: "), "{not_sent:?}");
    }
}
