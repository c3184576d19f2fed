//! Groups the records of one file into batches, each as large as its limits allow.
//!
//! In: a file. Out: batches. A record that is too long, and a file that can't be read, are reported instead. At most
//! one batch and one record are in memory. Deliberately absent: batches of several files.

use super::{
    NotSent,
    cut::{Cut, Cuts, Record, RecordIs},
    put::Put,
};

/// The limits of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The number of records.
    pub records: usize,
    /// The sum of the sizes of its records, as the caller measures them. A batch of one record may be larger.
    pub bytes: usize,
    /// The bytes of data of one record.
    pub record_bytes: usize,
}

/// The batches of one file.
#[derive(Debug)]
pub struct Batches<'f> {
    put: &'f Put,
    limits: Limits,
    cuts: Option<Cuts>,
    /// The first record of the next batch, if it was read already.
    held: Option<Record>,
}

impl<'f> Batches<'f> {
    /// Opens a file. A file that can't be opened has no batches.
    pub fn open(put: &'f Put, record: RecordIs, limits: Limits, not_sent: &mut NotSent) -> Self {
        let cuts = Cuts::open(&put.file.path, record, limits.record_bytes);
        let cuts = cuts.inspect_err(|error| not_sent.add(format!("{}: {error}", put.file.key))).ok();
        Self { put, limits, cuts, held: None }
    }

    /// The next batch, with `size` measuring each record. Empty at the end.
    pub fn next(&mut self, size: impl Fn(&Record) -> usize, not_sent: &mut NotSent) -> Vec<Record> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < self.limits.records {
            let Some(record) = self.held.take().or_else(|| self.cut(not_sent)) else { break };
            bytes += size(&record);
            if bytes > self.limits.bytes && !batch.is_empty() {
                self.held = Some(record);
                break;
            }
            batch.push(record);
        }
        batch
    }

    /// The number of bytes of the file read so far.
    pub fn bytes_read(&self) -> u64 {
        self.cuts.as_ref().map_or(self.put.file.size, Cuts::bytes_read)
    }

    fn cut(&mut self, not_sent: &mut NotSent) -> Option<Record> {
        let key = &self.put.file.key;
        loop {
            let cuts = self.cuts.as_mut()?;
            match cuts.cut() {
                Ok(Some(Cut::Record(record))) => return Some(record),
                Ok(Some(Cut::TooLong { number, bytes })) => {
                    let most = self.limits.record_bytes;
                    not_sent.add(format!("{key}, line {number}: {bytes} bytes, a record has {most} at most"));
                }
                Ok(None) => self.cuts = None,
                Err(error) => {
                    not_sent.add(format!("{key}: can't be read behind line {}: {error}", cuts.number()));
                    self.cuts = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::files::File;

    fn batches(content: &str, limits: Limits) -> (Vec<Vec<u64>>, NotSent) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), content).unwrap();
        let (path, size) = (file.path().to_owned(), content.len() as u64);
        let put = Put { file: File { path, key: "a.json".into(), size }, place: 0, modified_ms: 0 };
        let mut not_sent = NotSent::default();
        let mut batches = Batches::open(&put, RecordIs::Line, limits, &mut not_sent);
        let mut numbers = Vec::new();
        loop {
            let batch = batches.next(|record| record.data.len() + 1, &mut not_sent);
            if batch.is_empty() {
                assert_eq!(batches.bytes_read(), size);
                return (numbers, not_sent);
            }
            numbers.push(batch.iter().map(|record| record.number).collect());
        }
    }

    #[test]
    fn a_batch_ends_where_either_limit_is_met_and_no_record_is_left_out() {
        let lines = "123\n123\n123\n1234567\n1\n1\n1\n1\n";
        let limits = |records, bytes| Limits { records, bytes, record_bytes: 7 };
        assert_eq!(batches(lines, limits(3, 100)).0, [vec![1, 2, 3], vec![4, 5, 6], vec![7, 8]]);
        assert_eq!(batches(lines, limits(100, 8)).0, [vec![1, 2], vec![3], vec![4], vec![5, 6, 7, 8]]);
        assert_eq!(batches(lines, limits(100, 7)).0, [vec![1], vec![2], vec![3], vec![4], vec![5, 6, 7], vec![8]]);
        assert_eq!(batches("", limits(1, 1)).0, Vec::<Vec<u64>>::new());
    }

    #[test]
    fn what_is_not_sent_is_said_with_its_line() {
        let (numbers, not_sent) = batches("1\n12345678\n2\n", Limits { records: 9, bytes: 99, record_bytes: 7 });
        assert_eq!((numbers, not_sent.count), (vec![vec![1, 3]], 1));
        assert_eq!(not_sent.first, ["a.json, line 2: 8 bytes, a record has 7 at most"]);
        let missing = File { path: PathBuf::from("/nowhere/b"), key: "b".into(), size: 4 };
        let (put, mut not_sent) = (Put { file: missing, place: 0, modified_ms: 0 }, NotSent::default());
        let limits = Limits { records: 9, bytes: 99, record_bytes: 7 };
        let mut batches = Batches::open(&put, RecordIs::Line, limits, &mut not_sent);
        assert_eq!(batches.next(|_| 1, &mut not_sent), []);
        assert!(not_sent.first[0].starts_with("b: "), "{not_sent:?}");
    }
}
