//! The documents of an index in the order in which they arrived, in segments that never change.
//!
//! A search takes the segments under the lock of the store (some microseconds), and reads them without it, so it holds
//! up no `_bulk`. Whatever a search computes about a segment stays with the segment, so the next search computes it for
//! new segments only. The last rows are in no segment yet; a search makes one of them, which the next search uses too if
//! no row was added in the meantime.

use std::sync::{Arc, Mutex};

use super::{row::Row, segment::Segment};

/// The rows of a segment. The last segment of an index under ingestion is computed again by each search, so it is small.
const SEGMENT_ROWS: usize = 8_192;

/// A segment, and which of its rows are deleted or overwritten.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) segment: Arc<Segment>,
    /// Sorted. Most segments have none.
    pub(super) deleted: Vec<u32>,
}

/// All rows of an index.
#[derive(Debug, Default)]
pub(super) struct Rows {
    parts: Vec<Part>,
    last: Vec<Row>,
    /// The segment of `last`, if a search has made it and no row was added or removed since.
    searched: Mutex<Option<Arc<Segment>>>,
    bytes: usize,
}

impl Rows {
    /// Adds a row, whose `seq_no` is higher than all others.
    pub(super) fn push(&mut self, row: Row) {
        self.bytes += length(&row);
        self.last.push(row);
        if self.last.len() < SEGMENT_ROWS {
            self.forget_last();
            return;
        }
        let searched = self.searched.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        drop(searched);
        let rows = std::mem::take(&mut self.last);
        self.parts.push(Part { segment: Arc::new(Segment::new(rows)), deleted: Vec::new() });
    }

    /// Removes the row of a document that is deleted or overwritten.
    pub(super) fn remove(&mut self, seq_no: u64) {
        if let Ok(at) = self.last.binary_search_by_key(&seq_no, |row| row.seq_no) {
            self.bytes -= length(&self.last.remove(at));
            self.forget_last();
            return;
        }
        let after = self.parts.partition_point(|part| part.segment.first_seq_no() <= seq_no);
        let Some(part) = after.checked_sub(1).and_then(|at| self.parts.get_mut(at)) else { return };
        let rows = part.segment.rows();
        let Ok(at) = rows.binary_search_by_key(&seq_no, |row| row.seq_no) else { return };
        let Ok(row) = u32::try_from(at) else { return };
        let Err(place) = part.deleted.binary_search(&row) else { return };
        self.bytes -= length(&rows[at]);
        part.deleted.insert(place, row);
        // Free the memory of deleted documents.
        if part.deleted.len() * 2 > rows.len() {
            let left = part.live().map(|row| rows[row].clone()).collect();
            *part = Part { segment: Arc::new(Segment::new(left)), deleted: Vec::new() };
        }
        self.parts.retain(|part| !part.segment.rows().is_empty());
    }

    /// The row of a document.
    pub(super) fn get(&self, seq_no: u64) -> Option<&Row> {
        let of = |rows: &[Row]| rows.binary_search_by_key(&seq_no, |row| row.seq_no).ok();
        if let Some(at) = of(&self.last) {
            return self.last.get(at);
        }
        let after = self.parts.partition_point(|part| part.segment.first_seq_no() <= seq_no);
        let rows = self.parts.get(after.checked_sub(1)?)?.segment.rows();
        rows.get(of(rows)?)
    }

    /// All rows, for a search without the lock.
    pub(super) fn parts(&self) -> Vec<Part> {
        let mut parts = self.parts.clone();
        if !self.last.is_empty() {
            let mut searched = self.searched.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let segment = searched.get_or_insert_with(|| Arc::new(Segment::new(self.last.clone())));
            parts.push(Part { segment: Arc::clone(segment), deleted: Vec::new() });
        }
        parts
    }

    /// The bytes of all sources.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn forget_last(&mut self) {
        let searched = self.searched.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        if searched.is_some() {
            *searched = None;
        }
    }
}

impl Part {
    /// The rows that are neither deleted nor overwritten.
    pub(super) fn live(&self) -> impl Iterator<Item = usize> {
        let mut deleted = self.deleted.iter().map(|row| *row as usize).peekable();
        (0..self.segment.rows().len()).filter(move |row| deleted.next_if_eq(row).is_none())
    }
}

fn length(row: &Row) -> usize {
    row.source.as_ref().map_or(0, |source| source.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stay_found_and_counted_while_others_are_removed() {
        let mut rows = Rows::default();
        let total = SEGMENT_ROWS as u64 * 2 + 100;
        for seq_no in 0..total {
            let text = seq_no.to_string();
            rows.push(Row { id: text.as_str().into(), seq_no, source: Some(text.as_bytes().into()) });
        }
        let mut random = fastrand::Rng::with_seed(1);
        let mut left: std::collections::BTreeSet<u64> = (0..total).collect();
        while left.len() > 1_000 {
            let seq_no = random.u64(0..total);
            rows.remove(seq_no);
            left.remove(&seq_no);
        }
        let parts = rows.parts();
        let live = |part: &Part| part.live().map(|row| part.segment.rows()[row].seq_no).collect::<Vec<_>>();
        assert!(parts.iter().flat_map(live).eq(left.iter().copied()));
        assert_eq!(rows.bytes(), left.iter().map(|seq_no| seq_no.to_string().len()).sum::<usize>());
        assert!(left.iter().all(|seq_no| rows.get(*seq_no).is_some_and(|row| row.seq_no == *seq_no)));
        let held: usize = parts.iter().map(|part| part.segment.rows().len()).sum();
        assert!(held < left.len() * 2 + 2 * SEGMENT_ROWS, "{held} rows are held for {}", left.len());
        for seq_no in &left {
            rows.remove(*seq_no);
        }
        assert_eq!((rows.parts().iter().map(|part| part.live().count()).sum::<usize>(), rows.bytes()), (0, 0));
    }
}
